"""Where the minimum or maximum of an array is, as NumPy has it: the first of equals."""

from operator import index as as_int

import numpy as np

from ..errors import ShapeError
from ..ranks.moving import everywhere
from .reductions import normalise_axes
from .smallarrays import is_small, whole_of
from .stacks import Blocks, combined, gather_parts, grid_axes


def arg_reduce(name: str, x: Blocks, axis: int | None) -> Blocks:
    """First position of the minimum or maximum ("argmin", "argmax"), as NumPy has it.

    Raises
    ------
    ShapeError
        The reduced axis has length 0. COLLECTIVE.
    """
    axes = normalise_axes(None if axis is None else as_int(axis), len(x.shape))
    if any(x.shape[a] == 0 for a in axes):
        raise ShapeError(f"attempt to get {name} of an empty sequence: shape {x.shape}")
    if not axes:
        return Blocks(np.zeros((), np.int64), (), x.map, x.world)
    if axis is None and is_small(x.shape):
        found = np.asarray(getattr(np, name)(whole_of(x)))
        return Blocks(found, (), everywhere(0, x.world), x.world)
    best, where = _local_best(name, x, axis, axes)
    values = gather_parts(best, x, axes, name)
    places = gather_parts(where, x, axes, name).local
    count = len(grid_axes(x.map, axes))
    if not places.size:
        return combined(np.empty(places.shape[count:], np.int64), values, count, x, axes)
    flat_values = values.local.reshape(-1, *values.local.shape[count:])
    flat_places = places.reshape(-1, *places.shape[count:])
    winner, place = flat_values[0], flat_places[0]
    for value, at in zip(flat_values[1:], flat_places[1:], strict=True):
        better = _beats(name, value, at, winner, place)
        winner, place = np.where(better, value, winner), np.where(better, at, place)
    return combined(place, values, count, x, axes)


def _local_best(
    name: str, x: Blocks, axis: int | None, axes: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """This rank's best values and their global positions; position -1 where it has none."""
    kept = [n for a, n in enumerate(x.local.shape) if a not in axes]
    if any(x.local.shape[a] == 0 for a in axes):
        return np.zeros(kept, x.local.dtype), np.full(kept, -1, np.int64)
    owned = x.map.owned(x.shape, x.world.rank)
    if axis is None:
        at = int(getattr(np, name)(x.local))
        places = np.unravel_index(at, x.local.shape)
        index = [o.indices()[p] for o, p in zip(owned, places, strict=True)]
        return np.asarray(x.local[places]), np.asarray(np.ravel_multi_index(index, x.shape))
    at = getattr(np, name)(x.local, axis=axes[0])
    best = np.take_along_axis(x.local, np.expand_dims(at, axes[0]), axes[0]).squeeze(axes[0])
    return best, owned[axes[0]].indices()[at].astype(np.int64)


def _beats(
    name: str, value: np.ndarray, at: np.ndarray, best: np.ndarray, place: np.ndarray
) -> np.ndarray:
    """Whether a part's best goes before the one found so far: NaN first, then value, then place."""
    ahead = value < best if name == "argmin" else value > best
    tie = value == best
    if best.dtype.kind in "fc":
        nan, was = np.isnan(value), np.isnan(best)
        ahead, tie = np.where(nan | was, nan & ~was, ahead), tie | (nan & was)
    return (at >= 0) & ((place < 0) | ahead | (tie & (at < place)))

"""Repeating: tile, repeat and resize."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..doors import stands_for
from ..errors import ShapeError, UnsupportedError
from ..layout.assemblyplans import Cycle, whole
from ..layout.axismaps import AxisMap
from ..layout.maps import Map
from ..layout.resultmaps import contiguous, with_length
from ..layout.splits import Split
from ..ranks import pool
from .assembling import assembled
from .reshaping import ravel, reshape

Array = DistArray | np.ndarray


@stands_for(np.tile)
def tile(A: Array, reps: int | Sequence[int]) -> Array:  # noqa: N803  NumPy's name
    """An array made of copies of another side by side, as ``numpy.tile``. COLLECTIVE.

    Parameters
    ----------
    A : DistArray
    reps : int or sequence of int
        Copies along each axis, the last ones where there are fewer than axes.

    Returns
    -------
    DistArray
        The axes keep their rule of the cut. A rank receives each element at most once, where the
        axis is in blocks.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.tile(pm.arange(2, map=pm.Map([1])), 3).local
    array([0, 1, 0, 1, 0, 1])
    """
    reps = tuple(int(r) for r in (reps if np.iterable(reps) else (reps,)))
    if any(r < 0 for r in reps):
        raise ShapeError(f"negative dimensions are not allowed: reps are {reps}")
    x = A[(None,) * max(0, len(reps) - A.ndim) + (Ellipsis,)]
    reps = (1,) * (x.ndim - len(reps)) + reps
    if all(r == 1 for r in reps):
        return x.copy()
    return _cycled(x, tuple(n * r for n, r in zip(x.shape, reps, strict=True)), "tile")


def _cycled(x: DistArray, shape: tuple[int, ...], what: str) -> DistArray:
    """The array repeated along its axes up to a shape."""
    held, rules = x.map.without_overlap(), []
    for axis, (n, total) in enumerate(zip(x.shape, shape, strict=True)):
        if n == total:
            rules.append(whole(n))
        else:
            held = with_length(held, axis)
            rules.append(Cycle(n, total))
    sources = [(x, tuple(rules))] if x.size else []
    return assembled(sources, shape, held, x.dtype, what)


@stands_for(np.resize)
def resize(a: Array, new_shape: int | Sequence[int]) -> Array:
    """The elements in C order, again and again, under another shape. COLLECTIVE."""
    new = tuple(new_shape) if np.iterable(new_shape) else (new_shape,)
    total = int(np.prod(new, dtype=np.int64))
    if any(n < 0 for n in new):
        raise ShapeError("all elements of `new_shape` must be non-negative")
    flat = ravel(a)
    if not flat.size:
        flat = assembled([], (total,), flat.map, a.dtype, "resize", fill=0)
    elif total < flat.size:
        flat = flat[:total]
    elif total > flat.size:
        flat = _cycled(flat, (total,), "resize")
    return reshape(flat, new, copy=True)


@stands_for(np.repeat)
def repeat(a: Array, repeats: int | Sequence[int] | Array, axis: int | None = None) -> Array:
    """Each element (or each slice along an axis) several times, as ``numpy.repeat``.

    LOCAL for one number on blocks; COLLECTIVE for an array of numbers, for cyclic axes, and
    without an axis.

    Parameters
    ----------
    a : DistArray
    repeats : int, or DistArray or ndarray of int, shape (n,)
        How often, for all or for each.
    axis : int, optional
        None repeats the elements of the flattened array.

    Returns
    -------
    DistArray
        The repeats stay with their owner: blocks of the axis grow with what they hold.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.repeat(pm.arange(3, map=pm.Map([1])), [1, 0, 2]).local
    array([0, 2, 2])
    """
    if not isinstance(a, DistArray):
        return np.repeat(a, _all_of(repeats), axis)
    x = ravel(a) if axis is None and a.ndim != 1 else a
    axis = axis_from_front(axis or 0, x.ndim)
    counts = _counts(repeats, x.shape[axis])
    if isinstance(counts, int):
        return _each_often(x, counts, axis)
    held = contiguous(x.map, axis)
    block = x.block_under(held, "repeat")
    owned = held.owned(x.shape, x.world.rank)
    if owned is not None:
        block = np.repeat(block, counts[owned[axis].lo : max(owned[axis].hi, owned[axis].lo)], axis)
    total = [0, *accumulate(counts.tolist())]
    return _grown(block, x, held, axis, total)


def _all_of(values: object) -> object:
    return np.asarray(values) if isinstance(values, DistArray) else values


def _counts(repeats: object, n: int) -> int | np.ndarray:
    """The numbers, one for each index of the axis, or one for all."""
    given = _all_of(repeats)
    # as NumPy: what is not an array yet may hold floats
    counts = np.asarray(given, None if isinstance(given, np.ndarray) else np.int64)
    if not np.can_cast(counts.dtype, np.int64, "safe"):
        raise UnsupportedError(
            f"Cannot cast array data from {counts.dtype!r} to dtype('int64') according to the "
            "rule 'safe'"
        )
    if counts.ndim > 1:
        raise ShapeError("object too deep for desired array: repeats must have 0 or 1 axes")
    if counts.size and counts.min() < 0:
        raise ShapeError(f"repeats may not contain negative values: {counts.min()}")
    if counts.size == 1:
        return int(counts.reshape(-1)[0])
    if len(counts) != n:
        raise ShapeError(
            f"operands could not be broadcast together with shape ({n},) ({len(counts)},)"
        )
    return counts.astype(np.int64)


def _each_often(x: DistArray, count: int, axis: int) -> DistArray:
    """Every index of an axis equally often: nothing moves where it is in blocks, or cyclic."""
    held, n = x.map.without_overlap(), x.shape[axis]
    cut = held.axes[axis]
    cyclic = cut.split.kind in ("c", "bc") and held.pieces_along(axis) > 1
    if cyclic and count and cut.extent is None:
        rule = AxisMap(cut.grid_axis, Split("bc", cut.split.k * count))
        held = held.with_axes([rule if a == axis else b for a, b in enumerate(held.axes)])
        shape = tuple(n * count if a == axis else m for a, m in enumerate(x.shape))
        return DistArray(_often(x.block, count, axis), shape, held, x.world)
    held = contiguous(held, axis)
    block = _often(x.block_under(held, "repeat"), count, axis)
    return _grown(block, x, held, axis, range(0, n * count + 1, count) if count else [0] * (n + 1))


def _often(block: np.ndarray, count: int, axis: int) -> np.ndarray:
    """``np.repeat`` into memory of the pool."""
    n = block.shape[axis]
    out = pool.empty((*block.shape[:axis], n * count, *block.shape[axis + 1 :]), block.dtype)
    rows = out.reshape((*block.shape[: axis + 1], count, *block.shape[axis + 1 :]))
    rows[...] = np.expand_dims(block, axis + 1)
    return out


def _grown(
    block: np.ndarray, x: DistArray, held: Map, axis: int, edges: Sequence[int]
) -> DistArray:
    """The result in which the repeats of index i begin at ``edges[i]``."""
    shape = tuple(edges[-1] if a == axis else m for a, m in enumerate(x.shape))
    found = [held.piece(x.shape, axis, p) for p in range(held.pieces_along(axis))]
    held = with_length(held, axis)
    if len(found) > 1:
        bounds = tuple(accumulate((edges[o.hi] if len(o) else 0 for o in found), max))
        rule = AxisMap(held.axes[axis].grid_axis, Split("x", bounds=(0, *bounds)))
        held = held.with_axes([rule if a == axis else b for a, b in enumerate(held.axes)])
    return DistArray(block, shape, held, x.world)

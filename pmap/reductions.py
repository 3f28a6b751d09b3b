"""Reductions of blocks over ranks: exact ones by parts, float sums in canonical order.

Each function takes this rank's block with its global shape, map and world, and gives the block of
the result and its map: the reduced axis goes and its grid axis replicates. Reductions to a scalar
give every rank of the world the same NumPy scalar.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from operator import index as as_int

import numpy as np

from . import summation
from .comm import World
from .elementwise import forwards
from .errors import ShapeError
from .maps import AxisMap, Map, Shape
from .moving import everywhere, moved
from .settings import options
from .splits import Split

# So many elements of all ranks' parts go to every rank that needs the result, in one exchange;
# of more, each rank puts a share together first.
STACK_SIZE = 1 << 19


@dataclass(frozen=True)
class Blocks:
    """A distributed array as reductions see it: a block, and where it belongs."""

    local: np.ndarray
    shape: Shape
    map: Map
    world: World

    def with_local(self, local: np.ndarray) -> "Blocks":
        """The same layout under other values."""
        return replace(self, local=local)


def normalise_axes(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """The reduced axes in order, counted from the front.

    Raises
    ------
    numpy.exceptions.AxisError
        An axis is out of range.
    ValueError
        An axis is named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    axes = sorted(axis_from_front(a, ndim) for a in axes)
    if len(set(axes)) != len(axes):
        raise ValueError(f"duplicate value in axis {axis}")
    return tuple(axes)


def axis_from_front(axis: int, ndim: int) -> int:
    """One axis counted from the front; AxisError where there is none."""
    axis = as_int(axis)
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim


def reduce(name: str, x: Blocks, axes: tuple[int, ...], dtype: np.dtype | None) -> Blocks:
    """Reduce by a ufunc: "add", "multiply", "minimum", "maximum", "logical_and", "logical_or".

    Parameters
    ----------
    name : str
        The ufunc's name.
    x : Blocks
        What is reduced.
    axes : tuple of int
        Normalised axes.
    dtype : dtype or None
        Type of the result, as NumPy's reduction has it.

    Raises
    ------
    ShapeError
        minimum or maximum over an axis of length 0. COLLECTIVE.
    """
    ufunc = getattr(np, name)
    if name in ("minimum", "maximum") and any(x.shape[a] == 0 for a in axes):
        raise ShapeError(f"{name} over axes {axes} of shape {x.shape} has no identity: axis of 0")
    if not axes:
        return x.with_local(ufunc.reduce(x.local, axis=(), dtype=dtype))
    if name in ("add", "multiply") and options.float_sum == "canonical":
        kind = np.dtype(dtype or x.local.dtype).kind
        if kind in "fc":
            return canonical_sum(x, axes, np.dtype(dtype or x.local.dtype), ufunc)
    parts = _local_reduce(ufunc, x, axes, dtype)
    stacked = _gather_parts(parts, x, axes, f"{name}.reduce")
    count = len(_grid_axes(x.map, axes))
    if stacked.local.size:
        kind = parts.dtype if name in ("add", "multiply") else None  # small ints stay small
        combined = ufunc.reduce(stacked.local, axis=tuple(range(count)), dtype=kind)
    else:  # a rank outside the map, or nothing kept
        combined = np.empty(stacked.local.shape[count:], parts.dtype)
    return _combined(combined, stacked, count, x, axes)


def _local_reduce(
    ufunc: np.ufunc, x: Blocks, axes: tuple[int, ...], dtype: np.dtype | None
) -> np.ndarray:
    """This rank's part of a reduction; the neutral value where its block is empty."""
    if ufunc.identity is None and any(x.local.shape[a] == 0 for a in axes):
        shape = [n for a, n in enumerate(x.local.shape) if a not in axes]
        return np.full(shape, _neutral(ufunc, x.local.dtype), x.local.dtype)
    return np.asarray(ufunc.reduce(x.local, axis=axes, dtype=dtype))


def _neutral(ufunc: np.ufunc, dtype: np.dtype) -> object:
    """A value that changes no minimum (maximum)."""
    high = ufunc is np.minimum
    if dtype.kind == "b":
        return high
    if dtype.kind in "iu":
        return np.iinfo(dtype).max if high else np.iinfo(dtype).min
    if dtype.kind in "mM":
        return np.iinfo(np.int64).max if high else np.iinfo(np.int64).min + 1
    return np.inf if high else -np.inf


def _grid_axes(held: Map, axes: tuple[int, ...]) -> list[int]:
    """Grid axes that cut the reduced axes."""
    return [held.axes[a].grid_axis for a in axes if held.pieces_along(a) > 1]


def _gather_parts(
    part: np.ndarray, x: Blocks, axes: tuple[int, ...], what: str, whole: int = 0
) -> Blocks:
    """Every rank's part, stacked along one new axis per grid axis that was reduced over.

    The stack is a distributed array itself, one part per coordinate; bringing it to a map that
    holds those axes whole is an ordinary redistribution. Where it is large, the ranks share a
    kept axis out (not the first ``whole`` ones), so that none holds the parts of all.
    """
    grid_axes = _grid_axes(x.map, axes)
    kept = [a for a in range(len(x.shape)) if a not in axes]
    kept_axes = tuple(x.map.axes[a] for a in kept)
    kept_shape = tuple(x.shape[a] for a in kept)
    stack_axes = tuple(AxisMap(g, Split("b")) for g in grid_axes)
    shape = tuple(x.map.grid[g] for g in grid_axes) + kept_shape
    source = x.map.with_axes(stack_axes + kept_axes)
    shared = _shared_out(kept_axes, shape, source, whole)
    target = x.map.with_axes((AxisMap(),) * len(grid_axes) + shared)
    if not kept_shape:
        target = everywhere(len(grid_axes), x.world)
    inside = x.map.coords(x.world.rank) is not None
    local = part.reshape((1,) * len(grid_axes) + part.shape)
    if not inside:
        local = np.empty((0,) * len(shape), part.dtype)
    return Blocks(moved(local, shape, source, target, x.world, what), shape, target, x.world)


def _shared_out(
    kept_axes: tuple[AxisMap, ...], shape: Shape, source: Map, whole: int
) -> tuple[AxisMap, ...]:
    """The kept axes, the longest of the whole ones cut where a stack of parts is large."""
    stacked = len(shape) - len(kept_axes)
    pieces = [source.pieces_along(a) for a in range(len(shape))]
    size = prod(shape) // prod(pieces[stacked:])
    free = [a for a in range(whole, len(kept_axes)) if pieces[stacked + a] == 1]
    if not stacked or not free or size <= STACK_SIZE:
        return kept_axes
    longest = max(free, key=lambda a: shape[stacked + a])
    over = max(range(stacked), key=lambda a: pieces[a])
    cut = AxisMap(source.axes[over].grid_axis, Split("b"))
    return (*kept_axes[:longest], cut, *kept_axes[longest + 1 :])


def _under_kept_splits(found: Blocks, x: Blocks, axes: tuple[int, ...]) -> Blocks:
    """A result whose kept axes are cut as those of the reduced array. COLLECTIVE."""
    if not found.shape:
        return found
    target = x.map.with_axes([axis for a, axis in enumerate(x.map.axes) if a not in axes])
    local = moved(found.local, found.shape, found.map, target, x.world, "reduction")
    return Blocks(local, found.shape, target, x.world)


def _combined(
    local: np.ndarray, stacked: Blocks, count: int, x: Blocks, axes: tuple[int, ...]
) -> Blocks:
    """What was made of the first ``count`` axes of a stack, as the result for x. COLLECTIVE."""
    held = _dropped(stacked.map, count)
    found = Blocks(np.asarray(local), stacked.shape[count:], held, x.world)
    return _under_kept_splits(found, x, axes)


def _dropped(held: Map, count: int) -> Map:
    """The map without its first array axes."""
    return held.with_axes(held.axes[count:])


def canonical_sum(
    x: Blocks, axes: tuple[int, ...], dtype: np.dtype, add: np.ufunc = np.add
) -> Blocks:
    """Float sum or product whose order is fixed by the global index alone (C2). COLLECTIVE.

    Axes are summed one after the other, the last first; see :mod:`pmap.summation`.
    """
    wide = np.dtype(np.float32) if dtype == np.float16 else dtype
    x = x.with_local(forwards(x.local.astype(wide, copy=False)))
    for a in reversed(axes):
        x = _sum_axis(x, a, add, everywhere_at_end=len(x.shape) == 1)
    return x.with_local(x.local.astype(dtype, copy=False))


def _sum_axis(x: Blocks, axis: int, add: np.ufunc, everywhere_at_end: bool) -> Blocks:
    """Canonical sum over one axis."""
    n = x.shape[axis]
    leaf = summation.leaf_length(n, axis == len(x.shape) - 1)
    if x.map.pieces_along(axis) == 1:
        return _everywhere(_sum_whole_axis(x, axis, leaf, add), everywhere_at_end)
    x = _at_leaf_borders(x, axis, leaf)
    pieces = x.map.pieces_along(axis)
    n_leaves = -(-n // leaf)
    spans = [x.map.piece(x.shape, axis, c) for c in range(pieces)]
    covers = [summation.cover(s.lo // leaf, -(-s.hi // leaf) if len(s) else 0) for s in spans]
    covers = [c if len(s) else [] for c, s in zip(covers, spans, strict=True)]
    depth = max(1, *(len(c) for c in covers)) if covers else 1
    part = _node_part(x, axis, leaf, add, spans, covers, depth)
    stacked = _gather_parts(part, _moved_last(x, axis, depth), (0,), "sum", whole=1)
    found = _finished(stacked, x, axis, add, covers, n_leaves)
    return _everywhere(_under_kept_splits(found, x, (axis,)), everywhere_at_end)


def _sum_whole_axis(x: Blocks, axis: int, leaf: int, add: np.ufunc) -> Blocks:
    """Canonical sum over an axis that no rank has only a part of. LOCAL."""
    n = x.shape[axis]
    n_leaves = -(-n // leaf)
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    held = x.map.with_axes(x.map.axes[:axis] + x.map.axes[axis + 1 :])
    if not x.local.size:
        local = np.full(held.local_shape(shape, x.world.rank), add.identity, x.local.dtype)
        return Blocks(local, shape, held, x.world)
    leaves = summation.leaf_sums(np.moveaxis(x.local, axis, 0), leaf, add)
    cover = summation.cover(0, n_leaves)
    sums = summation.node_sums(leaves, 0, cover, add)
    found = summation.finish(dict(zip(cover, sums, strict=True)), n_leaves, add)
    return Blocks(np.asarray(found), shape, held, x.world)


def _everywhere(x: Blocks, wanted: bool) -> Blocks:
    """A total on every rank of the world, where that is wanted. COLLECTIVE."""
    if not wanted or x.map.procs == tuple(range(x.world.size)):
        return x
    target = everywhere(0, x.world)
    return Blocks(moved(x.local, (), x.map, target, x.world, "sum"), (), target, x.world)


def _node_part(
    x: Blocks, axis: int, leaf: int, add: np.ufunc, spans: list, covers: list, depth: int
) -> np.ndarray:
    """This rank's node sums, shape (depth, kept...), padded to the longest cover."""
    coords = x.map.coords(x.world.rank)
    values = np.moveaxis(x.local, axis, 0)
    part = np.zeros((depth, *values.shape[1:]), x.local.dtype)
    if coords is not None and values.shape[0]:
        at = x.map.coord_along(axis, coords)
        leaves = summation.leaf_sums(values, leaf, add)
        sums = summation.node_sums(leaves, spans[at].lo // leaf, covers[at], add)
        part[: len(sums)] = sums
    return part


def _moved_last(x: Blocks, axis: int, depth: int) -> Blocks:
    """The layout of the node sums: (the summed axis, depth, kept axes)."""
    kept = [a for a in range(len(x.shape)) if a != axis]
    axes = (x.map.axes[axis], AxisMap(), *(x.map.axes[a] for a in kept))
    shape = (x.shape[axis], depth, *(x.shape[a] for a in kept))
    return Blocks(x.local, shape, x.map.with_axes(axes), x.world)


def _finished(
    stacked: Blocks, x: Blocks, axis: int, add: np.ufunc, covers: list, n_leaves: int
) -> Blocks:
    """The tree finished from everybody's nodes."""
    values = stacked.local
    kept_shape = tuple(n for a, n in enumerate(x.shape) if a != axis)
    held = _dropped(stacked.map, 2)
    if n_leaves == 0 or not values.size:
        shape = held.local_shape(kept_shape, x.world.rank)
        local = np.full(shape, add.identity, x.local.dtype)
    else:
        nodes = {
            node: values[c, k] for c, cover in enumerate(covers) for k, node in enumerate(cover)
        }
        local = np.asarray(summation.finish(nodes, n_leaves, add))
    return Blocks(local, kept_shape, held, x.world)


def _at_leaf_borders(x: Blocks, axis: int, leaf: int) -> Blocks:
    """The array cut along ``axis`` at leaf borders, in ascending blocks; little moves."""
    pieces = x.map.pieces_along(axis)
    n = x.shape[axis]
    spans = [x.map.piece(x.shape, axis, c) for c in range(pieces)]
    if all(s.contiguous for s in spans):
        if all(s.lo % leaf == 0 and (s.hi % leaf == 0 or s.hi == n) for s in spans):
            return x
        if all(a.hi == b.lo or not len(b) for a, b in zip(spans, spans[1:], strict=False)):
            edges = [0, *(min(-(-s.lo // leaf) * leaf, n) for s in spans[1:]), n]
            edges = tuple(np.maximum.accumulate(edges).tolist())
            return _cut_again(x, axis, Split("x", bounds=edges))
    size = -(-n // leaf // pieces) * leaf if leaf > 1 else 0
    if not size:
        return _cut_again(x, axis, Split("b"))
    edges = tuple(min(c * size, n) for c in range(pieces)) + (n,)
    return _cut_again(x, axis, Split("x", bounds=edges))


def _cut_again(x: Blocks, axis: int, split: Split) -> Blocks:
    """The array under another split of one axis. COLLECTIVE."""
    axes = list(x.map.without_overlap().axes)
    axes[axis] = AxisMap(axes[axis].grid_axis, split)
    target = x.map.with_axes(axes)
    local = moved(x.local, x.shape, x.map.without_overlap(), target, x.world, "sum")
    return Blocks(local, x.shape, target, x.world)


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
    best, where = _local_best(name, x, axis, axes)
    values = _gather_parts(best, x, axes, name)
    places = _gather_parts(where, x, axes, name).local
    count = len(_grid_axes(x.map, axes))
    if not places.size:
        return _combined(np.empty(places.shape[count:], np.int64), values, count, x, axes)
    flat_values = values.local.reshape(-1, *values.local.shape[count:])
    flat_places = places.reshape(-1, *places.shape[count:])
    winner, place = flat_values[0], flat_places[0]
    for value, at in zip(flat_values[1:], flat_places[1:], strict=True):
        better = _beats(name, value, at, winner, place)
        winner, place = np.where(better, value, winner), np.where(better, at, place)
    return _combined(place, values, count, x, axes)


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

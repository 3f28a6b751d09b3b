"""Float sums of blocks whose order is fixed by the global index alone (C2).

Axes are summed one after the other, the last first; see :mod:`pmap.arrays.summation`. Of an axis
cut into blocks only what lies in a leaf that a border cuts is moved, less than a leaf at each end
of a block; an axis cut otherwise is brought to blocks a chunk at a time.
"""

from bisect import bisect_left
from math import gcd

import numpy as np

from ..layout.maps import AxisMap
from ..layout.splits import Periodic, Split
from ..ranks.moving import moved
from . import summation
from .stacks import Blocks, at_every_rank, dropped, gather_parts, under_kept_splits

CHUNK_BYTES = 1 << 21
"""Of a cyclic axis, what a rank receives at a time."""
MOST_CHUNKS = 256
MOST_CHUNKS_OF_ROWS = 32
"""Chunks leave a row of sums each, so that of long rows there are fewer."""
LONG_ROW = 1024

Node = tuple[int, int]


def canonical_reduce(x: Blocks, axes: tuple[int, ...], dtype: np.dtype, add: np.ufunc) -> Blocks:
    """Float sum, product or its like in canonical order. COLLECTIVE where a summed axis is cut.

    Parameters
    ----------
    x : Blocks
        Of any type that casts to ``dtype``.
    axes : tuple of int
        Normalised axes.
    dtype : dtype
        Of the result; float16 is added as float32 and rounded at the end.
    add : ufunc
        An associative one.
    """
    wide = np.dtype(np.float32) if dtype == np.float16 else dtype
    for a in reversed(axes):
        x = _reduce_axis(x, a, add, wide)
    local = x.local.astype(dtype, copy=False)
    if add is np.add:  # as NumPy, which starts from 0
        local = local + dtype.type(0)
    return at_every_rank(x.with_local(np.asarray(local)))


def _reduce_axis(x: Blocks, axis: int, add: np.ufunc, wide: np.dtype) -> Blocks:
    """Canonical sum over one axis."""
    n = x.shape[axis]
    leaf = summation.leaf_length(n, axis == len(x.shape) - 1)
    if x.map.pieces_along(axis) == 1:
        return _reduce_whole_axis(x, axis, leaf, add, wide)
    covers, part = _nodes(x, axis, leaf, add, wide)
    stacked = gather_parts(part, _moved_last(x, axis, len(part)), (0,), "sum", whole=1)
    found = _finished(stacked, x, axis, add, covers, -(-n // leaf))
    return under_kept_splits(found, x, (axis,))


def _reduce_whole_axis(x: Blocks, axis: int, leaf: int, add: np.ufunc, wide: np.dtype) -> Blocks:
    """Canonical sum over an axis that no rank has only a part of. LOCAL."""
    n_leaves = -(-x.shape[axis] // leaf)
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    held = x.map.with_axes(x.map.axes[:axis] + x.map.axes[axis + 1 :])
    if not x.local.size:
        local = np.full(held.local_shape(shape, x.world.rank), add.identity, wide)
        return Blocks(local, shape, held, x.world)
    cover = summation.cover(0, n_leaves)
    sums = summation.block_nodes([x.local], axis, leaf, cover, 0, add, wide)
    found = summation.finish(dict(zip(cover, sums, strict=True)), n_leaves, add)
    return Blocks(np.asarray(found), shape, held, x.world)


def _nodes(
    x: Blocks, axis: int, leaf: int, add: np.ufunc, wide: np.dtype
) -> tuple[list[list[Node]], np.ndarray]:
    """The tree nodes of every coordinate, and this rank's sums of them, shape (depth, kept...)."""
    spans = [x.map.piece(x.shape, axis, c) for c in range(x.map.pieces_along(axis))]
    if not _ascending_blocks(spans):
        if chunk := _chunk_length(x, axis, leaf):
            return _nodes_by_chunks(x, axis, leaf, add, wide, chunk)
        x = in_blocks(x, axis, leaf)
        spans = [x.map.piece(x.shape, axis, c) for c in range(len(spans))]
    n = x.shape[axis]
    firsts = [-(-s.lo // leaf) if len(s) else 0 for s in spans]
    ends = [-(-s.hi // leaf) if len(s) else 0 for s in spans]
    covers = [summation.cover(a, b) for a, b in zip(firsts, ends, strict=True)]
    part = _padded(x, axis, covers, wide)
    coords = x.map.coords(x.world.rank)
    fringe = _fringe(x, axis, leaf, spans)
    if coords is None or not part.size:
        return covers, part
    at = x.map.coord_along(axis, coords)
    if not covers[at]:
        return covers, part
    lo, hi = spans[at].lo, spans[at].hi
    stop = hi if hi == n else hi - hi % leaf
    interior = _part_of(x.local, axis, firsts[at] * leaf - lo, stop - lo)
    blocks = [interior, fringe] if fringe is not None else [interior]
    part[: len(covers[at])] = summation.block_nodes(
        blocks, axis, leaf, covers[at], firsts[at], add, wide
    )
    return covers, part


def _padded(x: Blocks, axis: int, covers: list[list[Node]], wide: np.dtype) -> np.ndarray:
    """Room for the sums of the longest cover, shape (depth, kept...)."""
    depth = max(1, *map(len, covers))
    kept = x.local.shape[:axis] + x.local.shape[axis + 1 :]
    return np.zeros((depth, *kept), wide)


def _part_of(block: np.ndarray, axis: int, start: int, stop: int) -> np.ndarray:
    return block[(slice(None),) * axis + (slice(start, max(start, stop)),)]


def _ascending_blocks(spans: list[Periodic]) -> bool:
    filled = [s for s in spans if len(s)]
    ordered = all(a.hi == b.lo for a, b in zip(filled, filled[1:], strict=False))
    return ordered and all(s.contiguous for s in spans)


def _fringe(x: Blocks, axis: int, leaf: int, spans: list[Periodic]) -> np.ndarray | None:
    """The leaf that this rank begins and others end, whole; None where borders cut no leaf.

    The cut leaves one after the other are an array of their own; each moves to whom its first
    index belongs. COLLECTIVE.
    """
    n = x.shape[axis]
    cut = sorted({s.lo // leaf for s in spans if len(s) and s.lo % leaf})
    if not cut:
        return None

    def place(i: int) -> int:
        """Elements of cut leaves before global index i."""
        before = bisect_left(cut, i // leaf)
        inside = before < len(cut) and cut[before] == i // leaf
        return before * leaf + (i % leaf if inside else 0)

    length = place(n)
    los, last = [], n
    for s in reversed(spans):
        last = s.lo if len(s) else last
        los.append(last)
    los.reverse()
    here = (0, *(place(lo) for lo in los[1:]), length)
    there = (0, *(min(place(-(-lo // leaf) * leaf), length) for lo in los[1:]), length)
    shape = x.shape[:axis] + (length,) + x.shape[axis + 1 :]
    source, target = (_with_split(x, axis, Split("x", bounds=b)) for b in (here, there))
    coords = x.map.coords(x.world.rank)
    local = x.local
    if coords is not None:
        span = spans[x.map.coord_along(axis, coords)]
        head = min(-span.lo % leaf, len(span))
        tail = max(head, len(span) - span.hi % leaf) if span.hi < n else len(span)
        parts = [_part_of(local, axis, 0, head), _part_of(local, axis, tail, len(span))]
        local = np.concatenate(parts, axis=axis)
    return moved(local, shape, source, target, x.world, "sum")


def _with_split(x: Blocks, axis: int, split: Split):
    axes = list(x.map.without_overlap().axes)
    axes[axis] = AxisMap(axes[axis].grid_axis, split)
    return x.map.with_axes(axes)


def in_blocks(x: Blocks, axis: int, leaf: int) -> Blocks:
    """The array cut along an axis into ascending blocks of whole leaves. COLLECTIVE if it is not.

    As few elements move as may be where it lies in blocks already.
    """
    n, pieces = x.shape[axis], x.map.pieces_along(axis)
    spans = [x.map.piece(x.shape, axis, c) for c in range(pieces)]
    if _ascending_blocks(spans):
        los = [s.lo if len(s) else None for s in spans] + [n]
        for c in reversed(range(pieces)):
            los[c] = los[c + 1] if los[c] is None else los[c]
        edges = (0, *(min(-(-lo // leaf) * leaf, n) for lo in los[1:]))
        wanted = zip(edges, edges[1:], strict=False)
        if all(not len(s) or (s.lo, s.hi) == e for s, e in zip(spans, wanted, strict=True)):
            return x
    else:
        n_leaves = -(-n // leaf)
        edges = tuple(min(n_leaves * c // pieces * leaf, n) for c in range(pieces + 1))
    target = _with_split(x, axis, Split("x", bounds=edges))
    local = moved(x.local, x.shape, x.map.without_overlap(), target, x.world, "sum")
    return Blocks(local, x.shape, target, x.world)


def _chunk_length(x: Blocks, axis: int, leaf: int) -> int:
    """Leaves that a rank gets of each chunk of a cyclic axis; 0 where chunks do not pay."""
    held, n, pieces = x.map.axes[axis], x.shape[axis], x.map.pieces_along(axis)
    plain = held.offset == 0 and held.step == 1 and held.extent in (None, n)
    if not plain or held.split.kind not in ("c", "bc"):
        return 0
    local = x.map.local_shape(x.shape, x.map.procs[0])
    row = max(1, int(np.prod(local, dtype=np.int64)) // max(1, local[axis]))
    most = MOST_CHUNKS if row < LONG_ROW else MOST_CHUNKS_OF_ROWS
    length = leaf
    while length * row * x.local.itemsize < CHUNK_BYTES or length * pieces * most < n:
        length *= 2
    length *= held.split.k // gcd(held.split.k, length)
    return length if 2 * length * pieces <= n else 0


def _nodes_by_chunks(
    x: Blocks, axis: int, leaf: int, add: np.ufunc, wide: np.dtype, length: int
) -> tuple[list[list[Node]], np.ndarray]:
    """Nodes of a cyclic axis: of each chunk a rank gets ``length`` indices in a row. COLLECTIVE.

    Chunks begin with a period, so that one plan serves all but the last.
    """
    n, pieces = x.shape[axis], x.map.pieces_along(axis)
    coords = x.map.coords(x.world.rank)
    mine = None if coords is None else x.map.coord_along(axis, coords)
    covers: list[list[Node]] = [[] for _ in range(pieces)]
    sums = []
    for start in range(0, n, length * pieces):
        chunk = _chunk(x, axis, start, min(length * pieces, n - start))
        blocks = in_blocks(chunk, axis, leaf)
        for c in range(pieces):
            span = blocks.map.piece(blocks.shape, axis, c)
            first, end = (start + span.lo) // leaf, -(-(start + span.hi) // leaf)
            cover = summation.cover(first, end) if len(span) else []
            covers[c] += cover
            if c == mine and cover:
                here = [blocks.local]
                sums.append(summation.block_nodes(here, axis, leaf, cover, first, add, wide))
    part = _padded(x, axis, covers, wide)
    if sums:
        part[: len(covers[mine])] = np.concatenate(sums)
    return covers, part


def _chunk(x: Blocks, axis: int, start: int, length: int) -> Blocks:
    """Indices ``[start, start + length)`` of a cyclic axis; start is a multiple of its period."""
    shape = x.shape[:axis] + (length,) + x.shape[axis + 1 :]
    split = x.map.axes[axis].split
    held = _with_split(x, axis, split)
    if x.map.coords(x.world.rank) is None:
        return Blocks(x.local, shape, held, x.world)
    own = held.local_shape(shape, x.world.rank)[axis]
    at = start // x.map.pieces_along(axis)
    return Blocks(_part_of(x.local, axis, at, at + own), shape, held, x.world)


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
    held = dropped(stacked.map, 2)
    if n_leaves == 0 or not values.size:
        shape = held.local_shape(kept_shape, x.world.rank)
        local = np.full(shape, add.identity, values.dtype)
    else:
        nodes = {
            node: values[c, k] for c, cover in enumerate(covers) for k, node in enumerate(cover)
        }
        local = np.asarray(summation.finish(nodes, n_leaves, add))
    return Blocks(local, kept_shape, held, x.world)

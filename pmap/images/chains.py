"""The block engine: a kernel run over blocks, from sources to a sink, in bounded memory.

Sources and sinks are DistArrays, ndarrays or files (see `pmap.images.sources`). The blocks are
fixed by the global shape, never by the ranks, so a kernel sees the same blocks at any number of
ranks; ranks take the blocks that lie nearest to what they own. Kernels whose answer at a voxel does
not depend on where a block begins may run on each rank's own piece instead: `rank_boxes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..arrays.distarray import DistArray
from ..ranks import comm, pool
from ..settings import options
from . import interiors, sources
from .tiling import Box, Halo, added, block_grid, box_shape, even_halo, grown, inside, unwrapped


@dataclass(frozen=True)
class Step:
    """One kernel of a chain, and the voxels that it reads beyond each side of each axis.

    With a ``dtype`` the kernel is called ``kernel(block, inner, out)`` and puts the inner part of
    its result into ``out``, which may be the block itself where that part is the whole.
    """

    kernel: Callable[..., np.ndarray]
    halo: Halo
    dtype: np.dtype | None = None

    def apply(self, blocks: list[np.ndarray], inner: Box, out: np.ndarray | None) -> np.ndarray:
        """The inner part of what the kernel makes of its blocks, in ``out`` if it can. LOCAL."""
        if self.dtype is None:
            return self.kernel(*blocks)[inner]
        out = pool.empty(box_shape(inner), self.dtype) if out is None else out
        self.kernel(blocks[0], inner, out)
        return out


def share(blocks: list[Box], arrays: Sequence[Any], n_ranks: int) -> list[list[Box]]:
    """The blocks of each rank: of the owner of the block's centre, else even contiguous shares."""
    for array in arrays:
        owned = sources.owned_boxes(array, n_ranks)
        if owned is not None:
            return _by_owner(blocks, owned)
    edges = [len(blocks) * rank // n_ranks for rank in range(n_ranks + 1)]
    return [blocks[a:b] for a, b in zip(edges, edges[1:], strict=False)]


def _by_owner(blocks: list[Box], owned: list[Box | None]) -> list[list[Box]]:
    """Give each block to the rank whose box holds its centre."""
    ranks = [rank for rank, box in enumerate(owned) if box is not None]
    starts = np.array([[s.start for s in owned[r]] for r in ranks])
    stops = np.array([[s.stop for s in owned[r]] for r in ranks])
    table: list[list[Box]] = [[] for _ in owned]
    for block in blocks:
        centre = [(s.start + s.stop) // 2 if s.stop > s.start else s.start for s in block]
        inside = np.all((starts <= centre) & (centre < stops), axis=1)
        table[ranks[int(np.argmax(inside))]].append(block)
    return table


def fixed_boxes(
    arrays: Sequence[Any], n_ranks: int, block_vox: int | Sequence[int] | None = None
) -> list[list[Box]]:
    """Blocks fixed by the global shape, shared out over the ranks."""
    return share(block_grid(tuple(arrays[0].shape), block_vox), arrays, n_ranks)


def rank_boxes(arrays: Sequence[Any], n_ranks: int) -> list[list[Box]]:
    """Each rank's own piece of the first DistArray that is cut in boxes, else fixed blocks.

    For kernels whose answer does not depend on the blocks. An ndarray is one block.
    """
    for array in arrays:
        owned = sources.owned_boxes(array, n_ranks)
        if owned is not None:
            return [[] if b is None or 0 in box_shape(b) else [b] for b in owned]
    if sources.is_local(*arrays):
        return [block_grid(tuple(arrays[0].shape), max([*arrays[0].shape, 1]))]
    return fixed_boxes(arrays, n_ranks)


def rounds(boxes: list[list[Box]], arrays: Sequence[Any], sink: Any) -> list[list[list[Box]]]:
    """The table of boxes cut into rounds; a round is what is in memory at a time.

    DistArrays exchange as many boxes as ``pm.options.block_mb`` allows, with room for halos and
    what the kernel needs. Without them it is one box: their ranks do not wait for each other.
    """
    both = [a for a in (*arrays, sink) if a is not None]
    voxel = sum(a.dtype.itemsize for a in both)
    exchanged = any(isinstance(a, DistArray) for a in both)
    room = options.block_mb * 2**20 / 4 if exchanged else 0
    cut = [_groups(mine, voxel, room) for mine in boxes]
    n_rounds = max(map(len, cut), default=0)
    return [[g[i] if i < len(g) else [] for g in cut] for i in range(n_rounds)]


def _groups(mine: list[Box], voxel_bytes: int, room: float) -> list[list[Box]]:
    """Consecutive boxes in groups of at most `room` bytes, each of one box at least."""
    groups: list[list[Box]] = []
    used = 0.0
    for box in mine:
        size = prod(box_shape(box)) * voxel_bytes
        if not groups or used + size > room:
            groups.append([])
            used = 0.0
        groups[-1].append(box)
        used += size
    return groups


def read_regions(
    source: Any, regions: list[list[Box]], rank: int, shape: tuple[int, ...]
) -> list[np.ndarray]:
    """Regions of this rank of `source`; parts beyond the border come from the opposite side."""
    pieces = [[unwrapped(region, shape) for region in mine] for mine in regions]
    table = [[real for region in mine for _, real in region] for mine in pieces]
    got = iter(sources.read(source, table, rank))
    out = []
    for region, parts in zip(regions[rank], pieces[rank], strict=True):
        if len(parts) == 1:
            out.append(next(got))
            continue
        whole = np.empty(box_shape(region), source.dtype)
        for place, _ in parts:
            whole[place] = next(got)
        out.append(whole)
    return out


def each(arrays: Sequence[Any], boxes: list[list[Box]]) -> Iterator[tuple[Box, list[np.ndarray]]]:
    """Boxes of this rank with their part of each array, a round at a time. COLLECTIVE.

    Every rank must run the iteration to its end.
    """
    rank = 0 if len(boxes) == 1 else comm.world().rank
    for table in rounds(boxes, arrays, None):
        inputs = [sources.read(a, table, rank) for a in arrays]
        for i, box in enumerate(table[rank]):
            yield box, [a[i] for a in inputs]


def rewrite(array: Any, boxes: list[list[Box]]) -> Iterator[np.ndarray]:
    """Boxes of this rank of `array`, to be changed in place. COLLECTIVE.

    Every rank must run the iteration to its end.
    """
    rank = 0 if len(boxes) == 1 else comm.world().rank
    for table in rounds(boxes, [array], array):
        blocks = sources.read(array, table, rank)
        yield from blocks
        if not sources.gives_own_blocks(array, table):
            sources.write(array, table, blocks, rank)


def copied(result: Any, sink: Any) -> Any:
    """`sink` after `result`, of the same kind, was put into it. COLLECTIVE.

    What is written over its own source is made aside first: later blocks still read the source.
    """
    rank, n_ranks = sources.team(sink)
    for table in rounds(fixed_boxes([sink], n_ranks), [result], sink):
        sources.write(sink, table, sources.read(result, table, rank), rank)
    return sources.finish(sink)


def run(
    chain: Sequence[Step],
    arrays: Sequence[Any],
    sink: Any,
    boxes: list[list[Box]],
    wraps: Sequence[bool] = (),
) -> Any:
    """Run a chain of kernels over boxes, each box with the halo that it needs. COLLECTIVE.

    Each kernel sees the global border where its box lies at it, so that a filter's own boundary
    mode acts there as on the whole array; what only the next kernels need is cut off in between.

    Parameters
    ----------
    chain : sequence of Step
        The first kernel takes one ndarray per source, the others the result of the one before.
    arrays : sequence of sources
        Of one shape.
    sink : sink
        Of the same shape.
    boxes : list of lists of Box
        Disjoint boxes of each rank, the same table on all ranks.
    wraps : sequence of bool, one per axis
        Axes whose border meets the opposite one.
    """
    shape = sources.same_shape(*arrays, sink)
    rank, _ = sources.team(*arrays, sink)
    need = [even_halo([0] * len(shape))]
    for step in reversed(chain):
        need.insert(0, added(need[0], step.halo))

    def work(blocks: list[np.ndarray], box: Box, out: np.ndarray | None) -> np.ndarray:
        for at, step in enumerate(chain):
            region = grown(box, need[at], shape, wraps)
            rest = grown(box, need[at + 1], shape, wraps)
            into = out if rest == box else None
            if into is None and at and rest == region:
                into = blocks[0]  # made by the step before: nobody else has it
            blocks = [step.apply(blocks, inside(rest, region), into)]
        if out is not None and blocks[0] is not out:
            out[...] = blocks[0]
        return blocks[0]

    if interiors.can_overlap(arrays, sink, boxes, wraps):
        interiors.run(work, arrays, sink, boxes, need[0])
        return sink
    for table in rounds(boxes, arrays, sink):
        wanted = [[grown(box, need[0], shape, wraps) for box in mine] for mine in table]
        inputs = [read_regions(a, wanted, rank, shape) for a in arrays]
        done = [work([a[i] for a in inputs], box, None) for i, box in enumerate(table[rank])]
        sources.write(sink, table, done, rank)
    return sources.finish(sink)

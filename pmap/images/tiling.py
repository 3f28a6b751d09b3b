"""Blocks of a global shape: which there are, what surrounds them (pure arithmetic)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise, product
from math import ceil, prod

import numpy as np

from ..errors import ShapeError

Box = tuple[slice, ...]
Halo = tuple[tuple[int, int], ...]

BLOCK_VOX = 1 << 20
"""Voxels of a block where nothing is said: enough blocks for many ranks, little halo for each."""

MIN_EDGE_VOX = 32
"""Blocks are cut along the first axis down to this length before the next axis is cut."""


def box_shape(box: Box) -> tuple[int, ...]:
    """Lengths of a box."""
    return tuple(s.stop - s.start for s in box)


def even_halo(depth: Sequence[int]) -> Halo:
    """The same depth on both sides of each axis.

    >>> even_halo((2, 0))
    ((2, 2), (0, 0))
    """
    return tuple((int(d), int(d)) for d in depth)


def added(a: Halo, b: Halo) -> Halo:
    """Two halos after each other."""
    return tuple((i + k, j + m) for (i, j), (k, m) in zip(a, b, strict=True))


def block_shape(
    shape: tuple[int, ...], block_vox: int | Sequence[int] | None = None
) -> tuple[int, ...]:
    """Edges of the blocks of an array of `shape`.

    Parameters
    ----------
    shape : tuple of int
        Global shape.
    block_vox : int or sequence of int, voxels, optional
        Edge of the blocks, one for all axes or one per axis; by default about 2**20 voxels, cut
        along the first axis first (planes of a file are read once).

    Examples
    --------
    >>> block_shape((64, 256, 256)), block_shape((10, 7), 4)
    ((32, 128, 256), (4, 4))
    """
    if block_vox is not None:
        edges = [int(b) for b in np.broadcast_to(block_vox, len(shape))]
        if any(b < 1 for b in edges):
            raise ShapeError(f"block_vox is {block_vox}; every edge must be at least 1 voxel")
        return tuple(min(b, max(n, 1)) for b, n in zip(edges, shape, strict=True))
    edges = list(shape)
    for axis, n in enumerate(shape):
        excess = prod(edges) / BLOCK_VOX
        if excess > 1:
            edges[axis] = max(min(MIN_EDGE_VOX, n), int(n / excess))
    return tuple(max(e, 1) for e in edges)


def block_grid(shape: tuple[int, ...], block_vox: int | Sequence[int] | None = None) -> list[Box]:
    """Blocks that tile an array of `shape`, balanced along each axis, in C order.

    Examples
    --------
    >>> block_grid((5, 2), 3)
    [(slice(0, 3, None), slice(0, 2, None)), (slice(3, 5, None), slice(0, 2, None))]
    """
    cuts = []
    for n, edge in zip(shape, block_shape(shape, block_vox), strict=True):
        pieces = ceil(n / edge)
        at = [p * (n // pieces) + min(p, n % pieces) for p in range(pieces)] + [n]
        cuts.append([slice(a, b) for a, b in pairwise(at)])
    return list(product(*cuts))


def grown(box: Box, halo: Halo, shape: tuple[int, ...], wraps: Sequence[bool] = ()) -> Box:
    """`box` with its halo, cut at the global border except along axes that wrap around.

    An axis that wraps and that the box covers whole is cut too: there the kernel's own "wrap"
    sees all that it needs.

    Examples
    --------
    >>> grown((slice(0, 3), slice(2, 4)), ((2, 2), (1, 1)), (10, 10))
    (slice(0, 5, None), slice(1, 5, None))
    """
    out = []
    for axis, (s, (low, high), n) in enumerate(zip(box, halo, shape, strict=True)):
        start, stop = s.start - low, s.stop + high
        around = bool(wraps) and wraps[axis] and (s.start, s.stop) != (0, n)
        out.append(slice(start, stop) if around else slice(max(start, 0), min(stop, n)))
    return tuple(out)


def inside(box: Box, region: Box) -> Box:
    """Where `box` lies in an array cut from `region`."""
    return tuple(
        slice(b.start - r.start, b.stop - r.start) for b, r in zip(box, region, strict=True)
    )


def unwrapped(region: Box, shape: tuple[int, ...]) -> list[tuple[Box, Box]]:
    """Parts of a region that may pass the border: (place in the region, box of the array)."""
    axes = []
    for s, n in zip(region, shape, strict=True):
        if 0 <= s.start and s.stop <= n:
            axes.append([(slice(0, s.stop - s.start), s)])
            continue
        runs, at = [], s.start
        while at < s.stop:
            stop = min((at // n + 1) * n, s.stop)
            runs.append((slice(at - s.start, stop - s.start), slice(at % n, at % n + stop - at)))
            at = stop
        axes.append(runs)
    return [(tuple(p for p, _ in parts), tuple(b for _, b in parts)) for parts in product(*axes)]


class Lattice:
    """Boxes that tile an array as a grid does, found again by place.

    Parameters
    ----------
    boxes : list of Box
        None of them empty.

    Attributes
    ----------
    boxes : list of Box
        In the order given.
    offsets : list of int
        Voxels in the boxes before each.

    Examples
    --------
    >>> lattice = Lattice(block_grid((4, 6), 3))
    >>> lattice.before((slice(2, 4), slice(0, 3))), len(list(lattice.meeting((slice(1, 3),) * 2)))
    (12, 2)
    """

    def __init__(self, boxes: list[Box]) -> None:
        """Sort the edges of the boxes."""
        self.boxes = boxes
        self.offsets = [0, *accumulate(prod(box_shape(box)) for box in boxes)][: len(boxes)]
        ndim = len(boxes[0]) if boxes else 0
        self._starts = [sorted({box[a].start for box in boxes}) for a in range(ndim)]
        self._number = {tuple(s.start for s in box): i for i, box in enumerate(boxes)}

    def before(self, box: Box) -> int:
        """Voxels in the boxes before one of them."""
        return self.offsets[self._number[tuple(s.start for s in box)]]

    def meeting(self, region: Box) -> Iterator[tuple[int, Box]]:
        """Number of each box that meets a region, and its place in the region."""
        near = []
        for s, starts in zip(region, self._starts, strict=True):
            first = max(bisect_right(starts, s.start) - 1, 0)
            near.append(starts[first : bisect_left(starts, s.stop)])
        for corner in product(*near):
            i = self._number[corner]
            yield (
                i,
                tuple(
                    slice(max(b.start, r.start) - r.start, min(b.stop, r.stop) - r.start)
                    for b, r in zip(self.boxes[i], region, strict=True)
                ),
            )

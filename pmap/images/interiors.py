"""Filters of distributed arrays whose halos travel while the interior is computed.

The part of a rank's box that needs nothing from other ranks is filtered at once, straight from the
array's memory; the edges follow when the halos are there.
"""

from collections.abc import Sequence
from typing import Any

from .. import regions
from ..arrays.distarray import DistArray
from ..ranks import comm
from . import sources
from .tiling import Box, Halo, box_shape, grown

BoxTable = list[list[Box]]


def split(box: Box, halo: Halo, shape: tuple[int, ...]) -> tuple[Box, list[Box]] | None:
    """The interior of a box, whose halo lies inside the box, and its edges; None without interior.

    Examples
    --------
    >>> split((slice(0, 8),), ((2, 2),), (20,))
    ((slice(0, 6, None),), [(slice(6, 8, None),)])
    """
    interior = tuple(
        slice(s.start + (low if s.start else 0), s.stop - (high if s.stop < n else 0))
        for s, (low, high), n in zip(box, halo, shape, strict=True)
    )
    if any(s.stop <= s.start for s in interior):
        return None
    edges, rest = [], list(box)
    for axis, s in enumerate(interior):
        for side in (slice(rest[axis].start, s.start), slice(s.stop, rest[axis].stop)):
            if side.stop > side.start:
                edges.append((*rest[:axis], side, *rest[axis + 1 :]))
        rest[axis] = s
    return interior, edges


def tables(boxes: BoxTable, halo: Halo, shape: tuple[int, ...]) -> tuple[BoxTable, BoxTable]:
    """Interiors and edges of all ranks' boxes; a box without interior is an edge."""
    inner: BoxTable = []
    outer: BoxTable = []
    for mine in boxes:
        found = [split(box, halo, shape) for box in mine]
        inner.append([f[0] for f in found if f])
        outer.append([e for f, b in zip(found, mine, strict=True) for e in (f[1] if f else [b])])
    return inner, outer


def can_overlap(arrays: Sequence[Any], sink: Any, boxes: BoxTable, wraps: Sequence[bool]) -> bool:
    """Whether each rank has its very box of all arrays and of the sink in memory. LOCAL."""
    return (
        not any(wraps)
        and all(isinstance(a, DistArray) for a in (*arrays, sink))
        and all(sources.gives_own_blocks(a, boxes) for a in (*arrays, sink))
        # what is cut from cyclic parts may be a copy, not a view
        and not any(axis.split.kind in ("c", "bc") for axis in sink.map.axes)
    )


def run(
    work: Any, arrays: Sequence[DistArray], sink: DistArray, boxes: BoxTable, halo: Halo
) -> None:
    """Do the work on the interior of this rank's box, then on its edges. COLLECTIVE.

    Parameters
    ----------
    work : callable
        ``work(blocks, box, out)`` computes a box from the arrays' blocks with their halos, into
        ``out``, a view of the sink.
    arrays, sink : DistArray
        Of which each rank's part is its box.
    boxes : list of lists of Box
        The ranks' boxes.
    halo : Halo
        What the work reads around a box, cut at the global border.
    """
    shape, rank = sink.shape, comm.world().rank
    inner, outer = tables(boxes, halo, shape)
    wanted = [[grown(edge, halo, shape) for edge in edges] for edges in outer]
    started = [regions.start_fetch(a, wanted) for a in arrays]
    corner = [s.start for s in boxes[rank][0]] if boxes[rank] else []
    for box in inner[rank]:
        at = _moved(grown(box, halo, shape), corner)
        work([a.block[at] for a in arrays], box, sink.block[_moved(box, corner)])
    found = [finish() for finish in started]
    for i, box in enumerate(outer[rank]):
        if 0 not in box_shape(box):
            work([f[i] for f in found], box, sink.block[_moved(box, corner)])


def _moved(box: Box, corner: Sequence[int]) -> Box:
    """A box in the coordinates of a block that begins at ``corner``."""
    return tuple(slice(s.start - c, s.stop - c) for s, c in zip(box, corner, strict=True))

"""Plans: who sends which part of what to whom, as data (pure).

Redistribution, the reading and the writing of boxes, and the filling of halos are three ways to
make a :class:`RankPlan`; ``exchange.run`` is the one way to carry it out. A plan is made for one
rank from the maps alone, so that plans of many ranks can be checked in one process.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import NamedTuple

from .maps import Map, Shape
from .plancache import kept
from .splits import Periodic, Segment, intersect

Box = tuple[slice, ...]
Edges = tuple[tuple[int, int] | Periodic, ...]
Segments = tuple[tuple[Segment, ...], ...]


class Piece(NamedTuple):
    """A part that goes from a buffer of one rank to a buffer of another.

    The segments say, per axis, where it lies in the local coordinates of the source's and of the
    target's buffer; ``source_part`` and ``target_part`` number the buffers on each side.
    """

    source: int
    target: int
    source_part: int
    target_part: int
    source_segments: Segments
    target_segments: Segments

    @property
    def size(self) -> int:
        """Elements in the piece."""
        return prod(sum(s.length * s.count for s in axis) for axis in self.source_segments)


@dataclass(frozen=True)
class RankPlan:
    """One rank's part of an exchange: what it sends, receives and keeps."""

    sends: tuple[tuple[int, tuple[Piece, ...]], ...]
    receives: tuple[tuple[int, tuple[Piece, ...]], ...]
    kept: tuple[Piece, ...]

    @property
    def messages(self) -> int:
        """Messages that the rank sends."""
        return len(self.sends)

    def bytes_sent(self, itemsize: int) -> int:
        """Bytes that the rank sends of elements of ``itemsize`` bytes."""
        return itemsize * sum(p.size for _, pieces in self.sends for p in pieces)


def edges_of(box: Box) -> Edges:
    """A box as hashable (start, stop) pairs."""
    return tuple((s.start, s.stop) for s in box)


@kept
def redistribution(source: Map, target: Map, shape: Shape, rank: int) -> RankPlan:
    """The plan of one rank that brings an array from a map to another.

    Parameters
    ----------
    source, target : Map
        Bound maps of the array before and after; halos are not part of it.
    shape : tuple of int
        Global shape of the array.
    rank : int
        The rank whose part is made.

    Notes
    -----
    What a rank holds already is not sent; of several holders the one is taken that
    ``_pick`` names, so that each element crosses at most once to each rank that needs it.

    Examples
    --------
    >>> rows, columns = Map([2, 1]).bind(2), Map([1, 2]).bind(2)
    >>> redistribution(rows, columns, (4, 4), 0).bytes_sent(8)
    32
    """
    pieces = [*_incoming(source, target, shape, rank), *_outgoing(source, target, shape, rank)]
    return _arranged(pieces, rank)


def _incoming(source: Map, target: Map, shape: Shape, rank: int) -> Iterator[Piece]:
    """Pieces that this rank needs, itself among the sources."""
    wanted = target.owned(shape, rank)
    if wanted is not None:
        for fixed, theirs, mine in _overlaps(source, shape, wanted):
            yield Piece(_pick(source.ranks_with(fixed), rank), rank, 0, 0, theirs, mine)


def _outgoing(source: Map, target: Map, shape: Shape, rank: int) -> Iterator[Piece]:
    """Pieces that other ranks need and this one is chosen to send."""
    owned = source.owned(shape, rank)
    if owned is None:
        return
    holders = _twins(source, rank)
    for fixed, theirs, mine in _overlaps(target, shape, owned):
        for needer in target.ranks_with(fixed):
            if needer != rank and _pick(holders, needer) == rank:
                yield Piece(rank, needer, 0, 0, mine, theirs)


@kept
def box_plan(
    held: Map, shape: Shape, boxes: tuple[tuple[Edges, ...], ...], rank: int, storing: bool
) -> RankPlan:
    """The plan of one rank that reads (or stores) boxes of a mapped array.

    Parameters
    ----------
    held : Map
        Bound map of the array.
    shape : tuple of int
        Its global shape.
    boxes : tuple
        For each rank of the world the boxes it reads or stores: per axis a (start, stop) pair, or
        a Periodic set.
    rank : int
        The rank whose part is made.
    storing : bool
        False: boxes are filled from the array. True: the array is filled from the boxes, at
        every holder.
    """
    pieces = [*_boxes_of(held, shape, boxes, rank, storing)]
    owned = held.owned(shape, rank)
    if owned is not None:
        holders = _twins(held, rank)
        for other, theirs in enumerate(boxes):
            if other == rank:
                continue
            chosen = storing or _pick(holders, other) == rank
            pieces += _parts_in(owned, theirs, other, rank, storing) if chosen else ()
    return _arranged(pieces, rank)


def _boxes_of(held: Map, shape: Shape, boxes: tuple, rank: int, storing: bool) -> Iterator[Piece]:
    """Pieces between this rank's boxes and the holders of what they cover."""
    for part, box in enumerate(boxes[rank]):
        wanted = tuple(map(_as_set, box))
        for fixed, theirs, mine in _overlaps(held, shape, wanted):
            holders = held.ranks_with(fixed)
            for holder in holders if storing else [_pick(holders, rank)]:
                if storing:
                    yield Piece(rank, holder, part, 0, mine, theirs)
                else:
                    yield Piece(holder, rank, 0, part, theirs, mine)


def _parts_in(owned: tuple, boxes: tuple, other: int, rank: int, storing: bool) -> Iterator[Piece]:
    """Pieces between what this rank owns and the boxes of another."""
    for part, box in enumerate(boxes):
        mine, theirs = [], []
        for piece, wanted in zip(owned, map(_as_set, box), strict=True):
            common = intersect(piece, wanted)
            mine.append(_local(common, piece))
            theirs.append(_local(common, wanted))
        if all(mine):
            if storing:
                yield Piece(other, rank, part, 0, tuple(theirs), tuple(mine))
            else:
                yield Piece(rank, other, 0, part, tuple(mine), tuple(theirs))


def _as_set(edge: tuple[int, int] | Periodic) -> Periodic:
    return edge if isinstance(edge, Periodic) else Periodic(*edge)


def _overlaps(other: Map, shape: Shape, wanted: tuple[Periodic, ...]) -> Iterator[tuple]:
    """Where the pieces of a map meet a wanted set.

    Yields ``({grid axis: coordinate}, segments at the holder, segments in the wanted set)``.
    """
    per_axis = [_axis_overlaps(other, shape, a, w) for a, w in enumerate(wanted)]
    for combination in product(*per_axis):
        fixed = {}
        for a, (coord, _, _) in enumerate(combination):
            grid_axis = other.axes[a].grid_axis
            if grid_axis is not None:
                fixed[grid_axis] = coord
        yield fixed, tuple(c[1] for c in combination), tuple(c[2] for c in combination)


def _axis_overlaps(other: Map, shape: Shape, axis: int, wanted: Periodic) -> list[tuple]:
    """Coordinates along one axis whose piece meets the wanted set, with the local segments."""
    found = []
    for coord in other.axes[axis].owners(wanted, shape[axis], other.pieces_along(axis)):
        piece = other.piece(shape, axis, coord)
        common = intersect(piece, wanted)
        if common:
            found.append((coord, _local(common, piece), _local(common, wanted)))
    return found


def _local(common: tuple[Segment, ...], owned: Periodic) -> tuple[Segment, ...]:
    """Segments of global indices in the local coordinates of an owned set."""
    return tuple(
        Segment(owned.position(s.start), s.length, owned.local_stride(s.stride), s.count)
        for s in common
    )


def _twins(held: Map, rank: int) -> list[int]:
    """Ranks that hold exactly what this rank holds, itself among them."""
    coords = held.coords(rank)
    used = {axis.grid_axis for axis in held.axes if axis.grid_axis is not None}
    return held.ranks_with({g: coords[g] for g in used})


def _pick(holders: list[int], needer: int) -> int:
    """The holder that serves a rank: itself if it can, else one by turn."""
    return needer if needer in holders else holders[needer % len(holders)]


def _arranged(pieces: list[Piece], rank: int) -> RankPlan:
    """Pieces sorted into one message per pair of ranks."""
    sends: dict[int, list[Piece]] = {}
    receives: dict[int, list[Piece]] = {}
    kept = []
    for piece in pieces:
        if piece.source == piece.target:
            kept.append(piece)
        elif piece.source == rank:
            sends.setdefault(piece.target, []).append(piece)
        else:
            receives.setdefault(piece.source, []).append(piece)
    return RankPlan(
        tuple((r, tuple(p)) for r, p in sorted(sends.items())),
        tuple((r, tuple(p)) for r, p in sorted(receives.items())),
        tuple(kept),
    )

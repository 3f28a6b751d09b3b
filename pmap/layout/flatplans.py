"""The plan of a reshape: parts of one flat order, cut in two ways (pure).

Both shapes are cut into groups of axes that hold the same elements. In each group a rank's part is
a row of runs of the group's flat index; the runs of a holder and of a needer are laid over each
other, and what they share is written as runs repeated with a stride. A piece is the product of
these over the groups, so axes that stay cost nothing.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import prod

import numpy as np

from .maps import Map, Shape
from .plans import Piece, RankPlan
from .splits import Periodic, Segment, intersect

Groups = tuple[tuple[range, range], ...]
Sets = tuple[Periodic, ...]


@lru_cache(maxsize=512)
def axis_groups(shape: Shape, new: Shape) -> Groups:
    """Ranges of axes of both shapes that hold the same elements, in order.

    Examples
    --------
    >>> axis_groups((4, 6, 5), (24, 5))
    ((range(0, 2), range(0, 1)), (range(2, 3), range(1, 2)))
    """
    if 0 in shape:
        return ((range(len(shape)), range(len(new))),)
    found, i, j = [], 0, 0
    while i < len(shape) or j < len(new):
        a, b, p, q = i, j, 1, 1
        if i < len(shape):
            p, i = shape[i], i + 1
        if j < len(new):
            q, j = new[j], j + 1
        while p != q:
            if p < q:
                p, i = p * shape[i], i + 1
            else:
                q, j = q * new[j], j + 1
        found.append((range(a, i), range(b, j)))
    return tuple(found)


@lru_cache(maxsize=256)
def reshape_plan(source: Map, shape: Shape, target: Map, new: Shape, rank: int) -> RankPlan:
    """The plan of one rank between its blocks, each seen with one axis per group.

    Parameters
    ----------
    source, shape : Map, tuple of int
        Before.
    target, new : Map, tuple of int
        After; as many elements.
    rank : int
        The rank whose part is made.

    Examples
    --------
    >>> rows, line = Map([2, 1]).bind(2), Map([2]).bind(2)
    >>> reshape_plan(rows, (3, 4), line, (12,), 0).bytes_sent(1)
    2
    """
    groups = axis_groups(shape, new)
    sends, receives, kept = [], [], []
    if 0 in shape:
        return RankPlan((), (), ())
    mine = source.owned(shape, rank)
    for other in target.procs if mine is not None else ():
        if _server(source, rank, other) == rank:
            theirs = target.owned(new, other)
            for piece in _pieces(groups, mine, shape, theirs, new, (rank, other)):
                if other == rank:
                    kept.append(piece)
                else:
                    sends.append((other, (piece,)))
    mine = target.owned(new, rank)
    for other in source.procs if mine is not None else ():
        if other != rank and _server(source, other, rank) == other:
            theirs = source.owned(shape, other)
            receives += [
                (other, (piece,))
                for piece in _pieces(groups, theirs, shape, mine, new, (other, rank))
            ]
    return RankPlan(tuple(sorted(sends)), tuple(sorted(receives)), tuple(kept))


@lru_cache(maxsize=256)
def turn_plan(held: Map, shape: Shape, by: int, rank: int) -> RankPlan:
    """The plan of one rank that moves the flattened elements by some places, round the end.

    The blocks are seen flat, before and after.
    """
    total = prod(shape)
    sends, receives, kept = [], [], []
    for other in held.procs if held.coords(rank) is not None else ():
        if _server(held, rank, other) == rank and (pair := _turned(held, shape, by, rank, other)):
            piece = Piece(rank, other, 0, 0, *pair)
            kept.append(piece) if other == rank else sends.append((other, (piece,)))
        if other != rank and _server(held, other, rank) == other:
            if total and (pair := _turned(held, shape, by, other, rank)):
                receives.append((other, (Piece(other, rank, 0, 0, *pair),)))
    return RankPlan(tuple(sorted(sends)), tuple(sorted(receives)), tuple(kept))


def _turned(held: Map, shape: Shape, by: int, source: int, target: int) -> tuple | None:
    """The segments of a holder and of a needer; None where they share nothing."""
    starts, lengths = flat_runs(held.owned(shape, source), shape)
    others, other_lengths = flat_runs(held.owned(shape, target), shape)
    here = np.cumsum(lengths) - lengths
    starts = (starts + by) % max(prod(shape), 1)
    over = np.maximum(starts + lengths - prod(shape), 0)  # a run that passes the end is cut in two
    cut = over > 0
    starts = np.concatenate([starts, np.zeros(cut.sum(), np.int64)])
    here = np.concatenate([here, (here + lengths - over)[cut]])
    lengths = np.concatenate([lengths - over, over[cut]])
    order = np.argsort(starts, kind="stable")
    runs = starts[order], lengths[order]
    first, second = segments(*_overlaid(*runs, others, other_lengths, here[order]))
    return ((first,), (second,)) if first else None


def groups_stay(source: Map, shape: Shape, target: Map, new: Shape) -> bool:
    """Whether all cut axes stay as they are, so that nothing moves."""
    if (source.grid, source.procs) != (target.grid, target.procs) or 0 in shape:
        return False
    for before, after in axis_groups(shape, new):
        cut = [source.axes[a] for a in before if source.pieces_along(a) > 1]
        still = [target.axes[a] for a in after if target.pieces_along(a) > 1]
        if (cut or still) and (cut != still or len(before) != 1 or len(after) != 1):
            return False
    return True


def _server(source: Map, holder: int, needer: int) -> int:
    """Which of the ranks that hold what ``holder`` holds serves a rank."""
    if not source.replicated:
        return holder
    coords = source.coords(holder)
    used = {axis.grid_axis for axis in source.axes if axis.grid_axis is not None}
    holders = source.ranks_with({g: coords[g] for g in used})
    return needer if needer in holders else holders[needer % len(holders)]


def _pieces(
    groups: Groups, held: Sets, shape: Shape, wanted: Sets, new: Shape, ranks: tuple[int, int]
) -> Iterator[Piece]:
    """The piece that a holder gives a needer; none where they share nothing."""
    here, there = [], []
    for before, after in groups:
        first, second = _shared(
            tuple(held[a] for a in before),
            tuple(shape[a] for a in before),
            tuple(wanted[a] for a in after),
            tuple(new[a] for a in after),
        )
        if not first:
            return
        here.append(first)
        there.append(second)
    yield Piece(*ranks, 0, 0, tuple(here), tuple(there))


@lru_cache(maxsize=4096)
def _shared(
    held: Sets, dims: Shape, wanted: Sets, new: Shape
) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """What two parts of one group share, in the flat local coordinates of each."""
    if dims == new and len(dims) == 1:
        common = intersect(held[0], wanted[0])
        return _local(common, held[0]), _local(common, wanted[0])
    first, second = flat_runs(held, dims), flat_runs(wanted, new)
    return segments(*_overlaid(*first, *second))


def _local(common: tuple[Segment, ...], owned: Periodic) -> tuple[Segment, ...]:
    return tuple(
        Segment(owned.position(s.start), s.length, owned.local_stride(s.stride), s.count)
        for s in common
    )


def flat_runs(sets: Sets, dims: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Starts and lengths of the runs of flat indices that a product of sets owns, ascending.

    Examples
    --------
    >>> flat_runs((Periodic(0, 2), Periodic(1, 3)), (4, 5))
    (array([1, 6]), array([2, 2]))
    """
    if any(not len(s) for s in sets):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    cut = [a for a, (s, n) in enumerate(zip(sets, dims, strict=True)) if len(s) != n]
    last = cut[-1] if cut else 0
    unit = prod(dims[last + 1 :])
    starts, stops = _runs(sets[last]) if sets else (np.zeros(1, int), np.ones(1, int))
    lengths = (stops - starts) * unit
    starts, stride = starts * unit, prod(dims[last:])
    for axis in range(last - 1, -1, -1):
        outer = sets[axis].indices() * stride
        starts = (outer[:, None] + starts).ravel()
        lengths = np.tile(lengths, len(outer))
        stride *= dims[axis]
    return starts, lengths


def _runs(owned: Periodic) -> tuple[np.ndarray, np.ndarray]:
    """Starts and stops of a set's runs."""
    if owned.contiguous:
        return np.array([owned.lo]), np.array([owned.hi])
    base = np.arange(owned.lo // owned.period, -(-owned.hi // owned.period)) * owned.period
    edges = np.array(owned.runs)
    starts = np.maximum((base[:, None] + edges[:, 0]).ravel(), owned.lo)
    stops = np.minimum((base[:, None] + edges[:, 1]).ravel(), owned.hi)
    some = starts < stops
    return starts[some], stops[some]


def _overlaid(
    starts: np.ndarray,
    lengths: np.ndarray,
    others: np.ndarray,
    other_lengths: np.ndarray,
    here: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where two rows of runs meet: local positions in each, and lengths.

    ``here`` says where the first row's runs lie, if not one after the other.
    """
    stops, other_stops = starts + lengths, others + other_lengths
    first = np.searchsorted(other_stops, starts, "right")
    count = np.maximum(np.searchsorted(others, stops, "left") - first, 0)
    i = np.repeat(np.arange(len(starts)), count)
    j = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count) + first[i]
    begin = np.maximum(starts[i], others[j])
    length = np.minimum(stops[i], other_stops[j]) - begin
    here = np.cumsum(lengths) - lengths if here is None else here
    there = np.cumsum(other_lengths) - other_lengths
    return begin - starts[i] + here[i], begin - others[j] + there[j], length


def segments(
    here: np.ndarray, there: np.ndarray, lengths: np.ndarray
) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """Runs at two places as runs repeated with a stride, the same cut of both.

    Examples
    --------
    >>> segments(np.array([0, 4, 8]), np.array([0, 2, 4]), np.array([2, 2, 2]))[0]
    (Segment(start=0, length=2, stride=4, count=3),)
    """
    if not len(here):
        return (), ()
    ends = (here[:-1] + lengths[:-1] == here[1:]) & (there[:-1] + lengths[:-1] == there[1:])
    heads = np.flatnonzero(np.concatenate([[True], ~ends]))
    lengths = np.add.reduceat(lengths, heads)
    here, there = here[heads], there[heads]
    links = np.stack([np.diff(here), np.diff(there), np.diff(lengths)], axis=1)
    last = _last_alike(links)
    first, second, i = [], [], 0
    while i < len(here):
        count = 1
        if i < len(links) and not links[i, 2] and (last[i] > i or i + 2 == len(here)):
            count = int(last[i]) - i + 2
        length = int(lengths[i])
        for found, places, side in ((first, here, 0), (second, there, 1)):
            stride = int(links[i, side]) if count > 1 else 0
            found.append(Segment(int(places[i]), length, stride, count))
        i += count
    return tuple(first), tuple(second)


def _last_alike(links: np.ndarray) -> np.ndarray:
    """For each link the last of the row of equal links that it stands in."""
    if not len(links):
        return np.empty(0, np.int64)
    changes = np.flatnonzero(np.any(links[1:] != links[:-1], axis=1))
    ends = np.concatenate([changes, [len(links) - 1]])
    return np.repeat(ends, np.diff(np.concatenate([[-1], ends])))

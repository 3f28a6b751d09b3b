"""Sorted runs over the ranks: the parts of a global sort, of which each rank gets one.

Values of the types that NumPy sorts with vector instructions are first parted at exact splitters,
block by block in the cache, exchanged, and then sorted once where they belong: no merge. Other
values are sorted where they are, cut at exact splitters, exchanged, and merged. Splitters are
found by sampling (Blelloch et al. 1991, A comparison of sorting algorithms for the Connection
Machine CM-2, section 5, made exact by :mod:`pmap.ordering.cuts`).
"""

from collections.abc import Sequence

import numpy as np

from ..layout.plans import Piece, RankPlan
from ..layout.splits import Segment
from ..ranks import exchange
from ..ranks.comm import World
from ..ranks.ragged import swap
from .cuts import cut_runs, elements_at

VECTOR = frozenset(np.dtype(t) for t in ("i4", "u4", "i8", "u8", "f4", "f8"))
"""Types that NumPy sorts and partitions with vector instructions, without regard to ties."""
BLOCK = 1 << 15
"""Elements that are parted at once, in the cache."""
SMALL = 1 << 17
"""Elements per rank up to which plain local sorts are quicker."""
SAMPLES = 1 << 14
FEW = 4
"""Ranks up to which parting before the exchange is cheaper than a local sort."""


def sort_run(values: np.ndarray) -> np.ndarray:
    """The values sorted, in a new array; equal ones that differ in bits keep their order. LOCAL."""
    return np.sort(values, kind=None if values.dtype in VECTOR else "stable")


def share_sorted(
    values: np.ndarray, edges: Sequence[int], ranks: Sequence[int], world: World
) -> np.ndarray:
    """This rank's part of all ranks' values in sorted order. COLLECTIVE.

    Parameters
    ----------
    values : ndarray, shape (n,)
        This rank's values, none of them NaN where their type is of :data:`VECTOR`. Of equal values
        that differ in bits those of lower ranks go first.
    edges : sequence of int
        Edges of the parts in global positions, from 0 to the number of all values.
    ranks : sequence of int
        The rank that gets each part.
    world : World

    Returns
    -------
    ndarray
        In new memory. Beside it there is at most one copy of the rank's values at a time.
    """
    if world.size == 1:
        return sort_run(values)
    inner = edges[1:-1]
    if values.dtype in VECTOR and len(ranks) <= FEW and edges[-1] >= SMALL * world.size:
        parting = splitters(values, inner, edges[-1], world)
        if parting is not None:
            counts = _counts(parting[2], values, ranks, world)
            joined, parts = _landing(values, counts, ranks, world.rank)
            part_by(values, parting[0], parting[1], parts)
            return _delivered(parts, joined, counts, ranks, world)
    run = sort_run(values)
    mine = cut_runs(run, inner, world)[world.rank]
    counts = _counts(mine, values, ranks, world)
    ends = [0, *mine.tolist(), len(run)]
    parts = [run[a:b] for a, b in zip(ends, ends[1:], strict=False)]
    joined, places = _landing(values, counts, ranks, world.rank)
    for rank, part, place in zip(ranks, parts, places, strict=True):
        if rank == world.rank:
            place[:] = part
    del run
    return _delivered(parts, joined, counts, ranks, world)


def _counts(cuts: np.ndarray, values: np.ndarray, ranks: Sequence[int], world: World) -> np.ndarray:
    """How much every rank has for every rank, shape (from, to). COLLECTIVE."""
    mine = np.zeros(world.size, np.int64)
    mine[list(ranks)] = np.diff(np.concatenate([[0], cuts, [len(values)]]))
    return np.stack(world.allgather_array(mine))


def _landing(
    values: np.ndarray, counts: np.ndarray, ranks: Sequence[int], me: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Memory of this rank's result, and of the parts that it sends; its own is in the result."""
    joined = np.empty(counts[:, me].sum(), values.dtype)
    start = counts[:me, me].sum()
    own = joined[start : start + counts[me, me]]
    return joined, [own if r == me else np.empty(counts[me, r], values.dtype) for r in ranks]


def _delivered(
    parts: list[np.ndarray],
    joined: np.ndarray,
    counts: np.ndarray,
    ranks: Sequence[int],
    world: World,
) -> np.ndarray:
    """The parts sent where they belong, in rank order; this rank's result, sorted in place."""
    me = world.rank
    order = [(me + k) % world.size for k in range(1, world.size)]
    part_of = {rank: j for j, rank in enumerate(ranks)}
    ahead = np.cumsum(counts, axis=0) - counts
    sends = tuple(
        (r, (_piece(me, r, part_of[r], counts[me, r], ahead[me, r]),))
        for r in order
        if counts[me, r]
    )
    receives = tuple(
        (r, (_piece(r, me, part_of[me], counts[r, me], ahead[r, me]),))
        for r in order
        if counts[r, me]
    )
    plan = RankPlan(sends, receives, ())
    exchange.run(plan, parts, [joined], world, "sort", joined.dtype)
    parts.clear()
    joined.sort(kind=None if joined.dtype in VECTOR else "stable")
    return joined


def _piece(source: int, target: int, part: int, length: int, start: int) -> Piece:
    """A whole part, to a place in the target's result."""
    here, there = Segment(0, int(length), 0, 1), Segment(int(start), int(length), 0, 1)
    return Piece(source, target, part, 0, ((here,),), ((there,),))


def splitters(
    values: np.ndarray, positions: Sequence[int], total: int, world: World
) -> tuple[list, np.ndarray, np.ndarray] | None:
    """The splitters at global positions, found without a sort.

    Returns the elements at the positions, how many of this rank's values that are equal to each
    belong below it, and this rank's cuts; None where the sample misled (an ordered or periodic
    array can), which costs nothing but time.
    """
    step = max(1, total // SAMPLES)
    sample = np.sort(np.concatenate(world.allgather_array(values[step // 2 :: step])))
    if not len(sample) or not len(positions):
        return None
    spread = 2 * int(len(sample) ** 0.5) + 1
    at = np.asarray(positions, np.int64) * len(sample) // total
    low = sample[np.clip(at - spread, 0, len(sample) - 1)]
    high = sample[np.clip(at + spread, 0, len(sample) - 1)]
    below, windows = _between(values, low, high)
    lengths = np.array([len(w) for w in windows], np.int64)
    table = np.stack(world.allgather_array(np.array([below, lengths])))
    ahead, inside = table.sum(0)
    rest = np.asarray(positions) - ahead
    if (rest < 0).any() or (rest >= inside).any():
        return None
    pivots, ties, cuts = [], [], []
    for j, window in enumerate(windows):
        window.sort()
        cut = cut_runs(window, rest[j : j + 1], world)
        pivot = elements_at(window, rest[j : j + 1], world, cut)[0]
        mine = int(cut[world.rank, 0])
        pivots.append(pivot)
        ties.append(mine - int(np.searchsorted(window, pivot, "left")))
        cuts.append(int(below[j]) + mine)
    return pivots, np.array(ties), np.array(cuts)


def _between(
    values: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """How many values are below each bracket, and those inside it (both ends among them)."""
    below = np.zeros(len(low), np.int64)
    found: list[list] = [[values[:0]] for _ in low]
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        for j, (a, b) in enumerate(zip(low, high, strict=True)):
            outside = block < a
            below[j] += np.count_nonzero(outside)
            inside = block <= b
            inside ^= outside
            found[j].append(block[inside])
    return below, [np.concatenate(parts) for parts in found]


def part_by(
    values: np.ndarray, pivots: Sequence, ties: np.ndarray, parts: list[np.ndarray]
) -> None:
    """Part values at pivots: those below the first, between the first and the second ...

    Parameters
    ----------
    values : ndarray, shape (n,)
    pivots : sequence
        Not decreasing.
    ties : ndarray of int
        How many values that equal each pivot go below it.
    parts : list of ndarray
        Filled; their lengths are how many values each gets.
    """
    filled = [0] * len(parts)
    left = [int(t) for t in ties]
    scratch = np.empty(BLOCK, values.dtype)
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        work = scratch[: len(block)]
        work[:] = block
        begin = 0
        for j, pivot in enumerate(pivots):
            cut = int(np.count_nonzero(block < pivot))
            if left[j]:
                equal = min(left[j], int(np.count_nonzero(block == pivot)))
                left[j] -= equal
                cut += equal
            if begin < cut < len(work):
                work[begin:].partition(cut - begin)
            _append(parts, filled, j, work[begin:cut])
            begin = max(begin, cut)
        _append(parts, filled, len(pivots), work[begin:])


def _append(parts: list[np.ndarray], filled: list[int], j: int, values: np.ndarray) -> None:
    parts[j][filled[j] : filled[j] + len(values)] = values
    filled[j] += len(values)


def share_argsorted(
    values: np.ndarray, tags: np.ndarray, edges: Sequence[int], ranks: Sequence[int], world: World
) -> tuple[np.ndarray, np.ndarray]:
    """This rank's part of all values in stable order, and the tags that went with them. COLLECTIVE.

    Parameters
    ----------
    values, tags : ndarray, shape (n, ...)
        This rank's values and what goes with each; equal values stay in the order of ranks and of
        positions in them.
    edges, ranks, world
        As :func:`share_sorted`.
    """
    order = np.argsort(values, kind="stable")
    if world.size == 1:
        return values[order], tags[order]
    run, tags = values[order], tags[order]
    cuts = cut_runs(run, edges[1:-1], world)[world.rank]
    counts = _counts(cuts, values, ranks, world)
    del order
    run, tags = (_merged_in_rank_order(a, cuts, counts, ranks, world) for a in (run, tags))
    order = np.argsort(run, kind="stable")
    return run[order], tags[order]


def _merged_in_rank_order(
    run: np.ndarray, cuts: np.ndarray, counts: np.ndarray, ranks: Sequence[int], world: World
) -> np.ndarray:
    """The runs that came from all ranks, one after the other, in rank order. COLLECTIVE."""
    ends = [0, *cuts.tolist(), len(run)]
    outgoing = [run[:0]] * world.size
    for rank, a, b in zip(ranks, ends, ends[1:], strict=False):
        outgoing[rank] = run[a:b]
    return np.concatenate(swap(outgoing, world, "argsort"))

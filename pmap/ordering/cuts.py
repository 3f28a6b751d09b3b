"""Where sorted runs must be cut so that their parts lie between given global positions.

Each rank has a sorted run. The order of all elements is (value, rank, position in the run), so
that equal values are cut too, and a stable sort stays stable. Multiway selection: windows around
the cuts shrink by sampled pivots until what is left is small enough to be sorted everywhere
(Varman, Scheufler, Iyer and Ricard 1991, Merging multiple lists on hierarchical-memory
multiprocessors, J. Parallel Distrib. Comput. 12, section 3, with more than one pivot a round).
"""

from collections.abc import Sequence

import numpy as np

from ..ranks.comm import World

FINISH = 2048
"""So many elements of a window are sorted on every rank instead of another round."""
PIVOTS = 512
"""Pivots per cut and round, of all ranks together."""


def cut_runs(run: np.ndarray, positions: Sequence[int], world: World) -> np.ndarray:
    """Cuts of every rank's run, shape (ranks, len(positions)). COLLECTIVE.

    Parameters
    ----------
    run : ndarray, shape (n,)
        This rank's sorted elements, in NumPy's order (NaN and NaT last).
    positions : sequence of int
        Global positions in ``[0, total]``; the cuts of column j leave ``positions[j]`` elements
        below them.
    world : World

    Returns
    -------
    ndarray of int64
    """
    positions = np.asarray(positions, np.int64)
    if world.size == 1:
        return positions[None, :].copy()
    ends = np.array([np.zeros_like(positions), np.full_like(positions, len(run))])
    while True:
        windows = np.stack(world.allgather_array(ends))
        open_ = (windows[:, 1] - windows[:, 0]).sum(0)
        if not open_.size or open_.max() <= FINISH + 2 * world.size:
            return _finished(run, positions, windows, world)
        ends = _narrowed(run, positions, windows, world)


def _narrowed(
    run: np.ndarray, positions: np.ndarray, windows: np.ndarray, world: World
) -> np.ndarray:
    """This rank's windows after one round of pivots."""
    per_rank = max(1, PIVOTS // world.size)
    steps = np.arange(1, per_rank + 1)[None, :, None]
    lo, hi = windows[:, 0][:, None, :], windows[:, 1][:, None, :]
    places = lo + (hi - lo) * steps // (per_rank + 1)  # (ranks, pivots, cuts)
    used = (hi > lo) & (places < hi)
    me = world.rank
    values = world.allgather_array(run[places[me][used[me]]])
    counts = np.zeros(places.shape, np.int64)
    for rank, theirs in enumerate(values):
        if rank == me:
            counts[rank] = places[rank]
        else:
            side = "right" if me < rank else "left"
            counts[rank][used[rank]] = np.searchsorted(run, theirs, side)
    totals = np.sum(world.allgather_array(counts), axis=0).reshape(-1, len(positions))
    used = used.reshape(totals.shape)
    counts = counts.reshape(totals.shape)
    ends = windows[me].copy()
    for j, position in enumerate(positions):
        below = np.flatnonzero(used[:, j] & (totals[:, j] <= position))
        above = np.flatnonzero(used[:, j] & (totals[:, j] > position))
        if below.size:
            ends[0, j] = max(ends[0, j], counts[below[np.argmax(totals[below, j])], j])
        if above.size:
            ends[1, j] = min(ends[1, j], counts[above[np.argmin(totals[above, j])], j])
    return ends


def _finished(
    run: np.ndarray, positions: np.ndarray, windows: np.ndarray, world: World
) -> np.ndarray:
    """The cuts, from the contents of small windows."""
    me = world.rank
    parts = [run[lo:hi] for lo, hi in windows[me].T]
    contents = world.allgather_array(np.concatenate([run[:0], *parts]))
    cuts = windows[:, 0].copy()
    lengths = windows[:, 1] - windows[:, 0]
    starts = np.cumsum(lengths, axis=1) - lengths
    for j, position in enumerate(positions):
        ranks = np.repeat(np.arange(world.size), lengths[:, j])
        window = np.concatenate(
            [c[s : s + n] for c, s, n in zip(contents, starts[:, j], lengths[:, j], strict=True)]
        )
        rest = int(position - cuts[:, j].sum())
        lowest = ranks[np.argsort(window, kind="stable")[:rest]]
        cuts[:, j] += np.bincount(lowest, minlength=world.size)
    return cuts


def elements_at(
    run: np.ndarray, positions: Sequence[int], world: World, cuts: np.ndarray | None = None
) -> np.ndarray:
    """The elements at global positions of the sorted whole, on every rank. COLLECTIVE.

    Parameters
    ----------
    run : ndarray
        This rank's sorted run.
    positions : sequence of int
        In ``[0, total)``.
    world : World
    cuts : ndarray, optional
        What :func:`cut_runs` gave for the positions.
    """
    if world.size == 1:
        return run[np.asarray(positions, np.int64)]
    mine = (cut_runs(run, positions, world) if cuts is None else cuts)[world.rank]
    there = mine < len(run)
    values = np.zeros(len(mine), run.dtype)
    values[there] = run[mine[there]]
    heads = np.stack(world.allgather_array(values))
    valid = np.stack(world.allgather_array(there))
    found = np.empty(len(mine), run.dtype)
    for j in range(len(mine)):
        found[j] = np.sort(heads[valid[:, j], j], kind="stable")[0]
    return found

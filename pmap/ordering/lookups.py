"""Values looked up in a sorted array that lies in runs over the ranks."""

import numpy as np

from ..ranks.comm import World
from ..ranks.ragged import swap

AT_ONCE = 1 << 16
"""Values that one rank looks up for others at once, beside four times its even share."""


def places_in(
    run: np.ndarray, needles: np.ndarray, side: str, world: World
) -> tuple[np.ndarray, np.ndarray]:
    """Where values belong in a sorted whole, and whether they are in it. COLLECTIVE.

    Parameters
    ----------
    run : ndarray, shape (n,)
        This rank's part of the whole; the parts follow in rank order.
    needles : ndarray, shape (m,)
        This rank's values.
    side : {"left", "right"}
        As ``numpy.searchsorted``.
    world : World

    Returns
    -------
    places : ndarray of intp, shape (m,)
        How many elements of the whole go before each value.
    found : ndarray of bool, shape (m,)
        Whether it equals the element at its place; meaningful for ``side="left"``.
    """
    common = np.promote_types(run.dtype, needles.dtype)
    run, needles = run.astype(common, copy=False), needles.astype(common, copy=False)
    if world.size == 1:
        return _looked_up(run, needles, side, 0)
    lengths = np.concatenate(world.allgather_array(np.array([len(run)])))
    lasts = np.concatenate(world.allgather_array(run[-1:]))
    holders = np.append(np.flatnonzero(lengths), world.size)  # the last one: beyond every rank
    starts = np.append(np.cumsum(lengths) - lengths, lengths.sum())
    goals = holders[np.searchsorted(lasts, needles, side)]
    wanted = np.bincount(goals, minlength=world.size + 1)
    asked = np.sum(world.allgather_array(wanted), axis=0)[:-1]
    rounds = max(1, -(-int(asked.max()) // (4 * int(asked.sum()) // world.size + AT_ONCE)))
    places = np.full(needles.shape, starts[-1], np.intp)
    found = np.zeros(needles.shape, bool)
    for k in range(rounds):
        at = np.flatnonzero(goals < world.size)[k::rounds]
        at = at[np.argsort(goals[at], kind="stable")]
        ends = np.searchsorted(goals[at], np.arange(world.size + 1))
        asking = [needles[at[a:b]] for a, b in zip(ends, ends[1:], strict=False)]
        questions = swap(asking, world, "searchsorted")
        looked = [_looked_up(run, q, side, starts[world.rank]) for q in questions]
        answers = swap([2 * at_ + found_ for at_, found_ in looked], world, "searchsorted")
        places[at], found[at] = np.divmod(np.concatenate(answers), 2)
    return places, found


def _looked_up(
    run: np.ndarray, needles: np.ndarray, side: str, start: int
) -> tuple[np.ndarray, np.ndarray]:
    at = np.searchsorted(run, needles, side)
    inside = at < len(run)
    found = np.zeros(len(needles), bool)
    found[inside] = run[at[inside]] == needles[inside]
    return at + start, found

"""Independent tasks of uneven length, shared out over the ranks."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from .comm import alone, world

Item = TypeVar("Item")
Result = TypeVar("Result")


def foreach(items: Iterable[Item], f: Callable[[Item], Result]) -> list[Result]:
    """Call `f` once for each item, on whichever rank; return all results in order. COLLECTIVE.

    Parameters
    ----------
    items : iterable
        Equal on all ranks.
    f : callable
        Called as ``f(item)`` on one rank, in a world of one rank: what is COLLECTIVE elsewhere
        works on this rank alone inside it. What it raises ends the job.

    Returns
    -------
    list
        ``[f(item) for item in items]``, on all ranks; results should be small.

    Examples
    --------
    >>> foreach([1, 2, 3], lambda x: x * x)
    [1, 4, 9]
    """
    items = list(items)
    here = world()
    mine = {}
    for i in range(here.rank, len(items), here.size):
        with alone():
            mine[i] = f(items[i])
    done = {i: result for part in here.allgather(mine) for i, result in part.items()}
    return [done[i] for i in range(len(items))]

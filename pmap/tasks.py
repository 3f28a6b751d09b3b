"""Independent tasks of uneven length, shared out over the ranks as they come free."""

import struct
import time
from collections.abc import Callable, Iterable
from threading import Lock, Thread
from typing import TypeVar

from .ranks.comm import MpiWorld, World, alone, world

Item = TypeVar("Item")
Result = TypeVar("Result")

SHARE = 4
"""A rank that comes free takes its share of the rest, divided by this: ever smaller portions."""
POLL_S = 1e-3
_PORTION = struct.Struct("qq")


def foreach(items: Iterable[Item], f: Callable[[Item], Result]) -> list[Result]:
    """Call `f` once for each item, on whichever rank is free; return all results. COLLECTIVE.

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

    Notes
    -----
    Guided self-scheduling (Polychronopoulos and Kuck, IEEE Trans. Comput. C-36, 1987): rank 0
    hands out portions of consecutive items that shrink with what is left.

    Examples
    --------
    >>> foreach([1, 2, 3], lambda x: x * x)
    [1, 4, 9]
    """
    items = list(items)
    here = world()
    mine = {}
    for portion in _portions(here, len(items)):
        for i in portion:
            with alone():
                mine[i] = f(items[i])
    done = {i: result for part in here.allgather(mine) for i, result in part.items()}
    return [done[i] for i in range(len(items))]


def _portions(here: World, count: int) -> Iterable[range]:
    """Indices for this rank, until none are left."""
    if here.size == 1 or count == 0:
        return [range(count)]
    if not here.threads:
        return [range(here.rank, count, here.size)]
    return _dealt(here, count) if here.rank == 0 else _asked_for(here, count)


class _Dealer:
    """What has not been handed out; every rank starts with a portion of its own."""

    def __init__(self, count: int, size: int) -> None:
        self._count, self._size, self._lock = count, size, Lock()
        self._next = min(count, size * _portion(count, size))

    def take(self) -> range:
        """Hand out the next portion; empty when nothing is left."""
        with self._lock:
            start = self._next
            length = _portion(self._count - start, self._size)
            self._next = min(self._count, start + length)
            return range(start, self._next)


def _portion(left: int, size: int) -> int:
    return max(1, left // (SHARE * size))


def _first(rank: int, count: int, size: int) -> range:
    length = _portion(count, size)
    return range(min(count, rank * length), min(count, (rank + 1) * length))


def _dealt(here: MpiWorld, count: int) -> Iterable[range]:
    """Rank 0 takes portions, while a thread of it gives them to the others."""
    dealer = _Dealer(count, here.size)
    server = Thread(target=_serve, args=(here, here.next_tag("tasks"), dealer), daemon=True)
    server.start()
    portion = _first(0, count, here.size)
    while portion:
        yield portion
        portion = dealer.take()
    here.until(lambda: not server.is_alive(), "tasks")


def _serve(here: MpiWorld, tag: int, dealer: _Dealer) -> None:
    """Answer until every other rank has been told that nothing is left."""
    asking, sent = here.size - 1, []
    while asking:
        letter = here.poll_bytes(tag)
        if letter is None:
            time.sleep(POLL_S)
            continue
        portion = dealer.take()
        asking -= not portion
        sent.append(here.send_bytes(_PORTION.pack(portion.start, portion.stop), letter[0], tag))
    while not all(part.Test() for request in sent for part in request):
        time.sleep(POLL_S)


def _asked_for(here: MpiWorld, count: int) -> Iterable[range]:
    """Other ranks ask for the next portion when they have done theirs."""
    tag = here.next_tag("tasks")
    portion = _first(here.rank, count, here.size)
    while True:
        yield portion
        asking = here.send_bytes(b"", 0, tag)
        portion = range(*_PORTION.unpack(here.recv_bytes(0, tag, "tasks")))
        here.wait([asking], "tasks")
        if not portion:
            return

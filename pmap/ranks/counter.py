"""A number that every rank may add to, one at a time, while all of them work: MPI's one-sided way.

It lies on rank 0, which need not do anything for it. Ranks of the same node reach it through shared
memory. Over a network without atomic operations in hardware, MPI moves it on only while rank 0 is
inside some call of MPI: there its sentry looks in often (see sentry.py).
"""

from array import array
from collections.abc import Callable
from typing import Any

WORD = 8
CLOSED = 1 << 40
"""Added to a counter that is to give nothing more."""


class Counter:
    """Two words on rank 0 that take turns: one counts while the other is set back. COLLECTIVE.

    Parameters
    ----------
    mpi : module
        ``mpi4py.MPI``.
    until : callable
        ``until(test, what)`` waits, and answers the watchdog meanwhile.
    """

    def __init__(self, mpi: Any, until: Callable[[Callable[[], object], str], object]) -> None:
        self._mpi, self._until, self._turn = mpi, until, 0
        rank = mpi.COMM_WORLD.rank
        self._window = mpi.Win.Allocate(0 if rank else 2 * WORD, WORD, comm=mpi.COMM_WORLD)
        self._window.Lock_all()
        self._is_home = rank == 0
        if self._is_home:
            for turn in (0, 1):
                self._set_back(turn)
        mpi.COMM_WORLD.Barrier()

    def begin(self) -> None:
        """Count from 0, on all ranks; between two counts all have met. COLLECTIVE."""
        self._turn ^= 1
        if self._is_home:
            self._set_back(self._turn ^ 1)  # the count before this one; the next will need it

    def add(self, amount: int = 1) -> int:
        """Add to the number; return what it was. LOCAL."""
        given, found = array("q", [amount]), array("q", [0])
        request = self._window.Rget_accumulate(given, found, 0, self._turn, op=self._mpi.SUM)
        self._until(request.Test, "tasks")
        return found[0]

    def close(self) -> None:
        """Let the count give nothing more, on any rank. LOCAL."""
        self.add(CLOSED)

    def free(self) -> None:
        """Give the memory back. COLLECTIVE."""
        self._window.Unlock_all()
        self._window.Free()

    def _set_back(self, turn: int) -> None:
        zero = array("q", [0])
        self._window.Accumulate(zero, 0, turn, op=self._mpi.REPLACE)
        self._window.Flush(0)

"""What carries the watchdog's letters between ranks: a few pickled bytes on one reserved tag."""

import os
import pickle
import sys
from collections.abc import Iterator
from typing import Any

from . import blackbox, lastwords


class Post:
    """The watchdog's letters, on one reserved tag."""

    def __init__(self, mpi: Any, tag: int) -> None:
        self._mpi, self._comm, self._tag = mpi, mpi.COMM_WORLD, tag
        self._sending: list = []

    def send(self, dest: int, letter: tuple) -> None:
        """Send a small tuple; never waits."""
        self._sending = [request for request in self._sending if not request.Test()]
        data = pickle.dumps(letter)
        self._sending.append(self._comm.Isend((data, self._mpi.BYTE), dest, self._tag))

    def letters(self) -> Iterator[tuple[int, tuple]]:
        """Yield (source, letter) of what has arrived."""
        status = self._mpi.Status()
        while self._comm.Iprobe(self._mpi.ANY_SOURCE, self._tag, status):
            data = bytearray(status.Get_count(self._mpi.BYTE))
            self._comm.Recv((data, self._mpi.BYTE), status.source, self._tag)
            yield status.source, pickle.loads(data)  # noqa: S301  # bytes of our own ranks

    def part(self) -> None:
        """Receive what is on its way while all ranks come to the same place. COLLECTIVE.

        A rank that leaves while letters to it are on their way is taken for a failed one by MPICH's
        launcher, which then kills the others.
        """
        here = self._comm.Ibarrier()
        while not here.Test():
            for _ in self.letters():
                pass
        for _ in self.letters():
            pass
        self._mpi.Request.Waitall(self._sending)

    def is_open(self) -> bool:
        """Whether MPI has not ended."""
        return not self._mpi.Is_finalized()

    def abort(self, code: int) -> None:
        """End the job; by the process that keeps this rank, where there is one."""
        sys.stdout.flush()
        sys.stderr.flush()
        lastwords.wait_until_read()
        if blackbox.box is not None:
            blackbox.box.give_up()
            os._exit(code)
        self._comm.Abort(code)

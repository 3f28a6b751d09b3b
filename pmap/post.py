"""What carries the watchdog's letters between ranks: a few pickled bytes on one reserved tag."""

import pickle
import sys
from collections.abc import Iterator
from typing import Any


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

    def abort(self, code: int) -> None:
        """End the job."""
        sys.stdout.flush()
        sys.stderr.flush()
        self._comm.Abort(code)

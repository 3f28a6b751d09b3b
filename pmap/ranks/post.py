"""What carries the watchdog's letters between ranks: a few pickled bytes on one reserved tag."""

import array
import fcntl
import os
import pickle
import stat
import sys
import termios
import time
from collections.abc import Iterator
from typing import Any

DRAIN_S = 2.0


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

    def abort(self, code: int) -> None:
        """End the job."""
        sys.stdout.flush()
        sys.stderr.flush()
        _let_the_launcher_read()
        self._comm.Abort(code)


def _let_the_launcher_read() -> None:
    """Launchers drop what still stands in the pipes of a job that ends: wait until it is read."""
    limit = time.monotonic() + DRAIN_S
    while time.monotonic() < limit and any(_unread(fd) for fd in (1, 2)):
        time.sleep(0.01)
    time.sleep(0.1)  # read by the proxy of this node; on its way to the terminal


def _unread(fd: int) -> int:
    """Bytes that wait in a pipe; 0 for files and terminals."""
    count = array.array("i", [0])
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            return 0
        fcntl.ioctl(fd, termios.FIONREAD, count)
    except OSError:
        return 0
    return count[0]

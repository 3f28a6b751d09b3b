"""The world of ranks: the only file of pmap that touches MPI, and the only one that waits.

Every wait polls with sleeps that grow to a millisecond: waiting ranks leave their core to those
that compute, and the watchdog runs while they wait.
"""

import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

from . import guard
from .binomial import relatives
from .errors import DivergenceError, LaunchError, PmapError
from .onerank import Request, World
from .post import Post
from .sourceline import place
from .watchdog import Watchdog, ranks

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")

PART_BYTES = 1 << 30
"""One MPI message; some MPI libraries count bytes in 32 bits."""
SPIN_S = 150e-6
"""Polling without a sleep: most waits are over by then."""
LONGEST_SLEEP_S = 1e-3
_LAUNCHED = ("PMI_FD", "PMI_PORT", "PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE")
_KINDS = ("exchange", "allgather", "bcast", "barrier", "check", "tasks")
_OPERATIONS = 16
"""Classes into which other operations fall by name: different ones seldom share a tag."""


class MpiWorld(World):
    """All ranks that an MPI launcher started: ``MPI.COMM_WORLD``."""

    def __init__(self, mpi: Any) -> None:
        self._mpi, self._comm = mpi, mpi.COMM_WORLD
        super().__init__(self._comm.rank, self._comm.size)
        highest = self._comm.Get_attr(mpi.TAG_UB)
        self.message_tags = highest // 2
        self._kinds = len(_KINDS) + _OPERATIONS
        self._tags = (highest - self.message_tags - 8) // self._kinds
        self.threads = mpi.Query_thread() == mpi.THREAD_MULTIPLE
        """True if several threads of a rank may send and receive."""
        self.unreceived: list[tuple[Request, str]] = []
        """Messages on their way, each with words for it; the end of the program waits for them."""
        self._post = Post(mpi, tag=highest)
        self._awaited: dict[int, tuple] = {}
        """Requests of messages that are being received, with their bytes, by identity."""
        self.watch = Watchdog(self.rank, self.size, self._post)
        self._check = os.environ.get("PMAP_CHECK", "0") not in ("", "0")

    def next_tag(self, kind: str = "exchange") -> int:
        """Tag of the next collective operation: its number and kind, so that kinds never mix."""
        self.watch.step()
        if self._check:
            operation, line = place()
            self._compare((operation, kind), f"{operation} ({kind}) at {line}")
        return self._tag(kind)

    def _tag(self, kind: str) -> int:
        number = self.watch.ahead % self._tags
        if kind in _KINDS:
            index = _KINDS.index(kind)
        else:
            index = len(_KINDS) + crc32(kind.encode()) % _OPERATIONS
        return self.message_tags + number * self._kinds + index

    def _compare(self, mine: tuple, words: str) -> None:
        """Raise on all ranks unless all are about to do the same."""
        everyone = self._disseminate((mine, words), self._tag("check"), "check")
        if len({step for step, _ in everyone}) == 1:
            return
        together: dict[str, list[int]] = {}
        for rank, (_, text) in enumerate(everyone):
            together.setdefault(text, []).append(rank)
        lines = "\n".join(f"  {ranks(who)}: {text}" for text, who in together.items())
        raise DivergenceError(
            f"the ranks are not about to do the same:\n{lines}\n"
            "All ranks must call the same operations in the same order."
        )

    def farewell(self) -> bool:
        """Wait for what was sent; under ``--check`` compare the end of the program like any step.

        False if the program has already left MPI, so that there is no one to wait for.
        """
        if self._mpi.Is_finalized():
            return False
        for request, words in self.unreceived:
            self.wait([request], words, "message")
        if self._check:
            self.watch.step()
            self._compare(("end",), "the end of the program")
        return True

    def isend(self, buf: "np.ndarray", dest: int, tag: int) -> Request:
        """Start to send, in parts of at most 2**30 bytes."""
        self.sent_bytes += buf.nbytes
        parts = _parts(buf)
        self.sent_messages += len(parts)
        return tuple(self._comm.Isend((part, self._mpi.BYTE), dest, tag) for part in parts)

    def irecv(self, buf: "np.ndarray", source: int, tag: int) -> Request:
        """Start to receive, in the sender's parts."""
        parts = _parts(buf)
        requests = tuple(self._comm.Irecv((p, self._mpi.BYTE), source, tag) for p in parts)
        self._awaited.update((id(r), (r, p.nbytes)) for r, p in zip(requests, parts, strict=True))
        return requests

    def wait(self, requests: Sequence[Request], what: str, role: str = "collective") -> None:
        """Wait until all requests are done."""
        pending = [part for request in requests for part in request]
        if pending and not self._all_done(pending):
            self.until(lambda: self._all_done(pending), what, role)

    def _all_done(self, pending: list) -> bool:
        statuses: list = []
        try:
            done = self._mpi.Request.Testsome(pending, statuses)
        except self._mpi.Exception as error:
            raise self._other_length(str(error)) from error
        for at, status in zip(done or (), statuses, strict=False):
            _, awaited = self._awaited.pop(id(pending[at]), (None, None))
            came = status.Get_count(self._mpi.BYTE) if awaited is not None else None
            if came != awaited:
                raise self._other_length(f"{came} bytes instead of {awaited}")
        if done:
            self.watch.moved += len(done)
            pending[:] = [part for part in pending if part]
        return not pending

    def _other_length(self, found: str) -> DivergenceError:
        return DivergenceError(
            f"rank {self.rank}: a message of another length came than this operation sends "
            f"({found}): some rank is in another one. All ranks must call the same operations "
            "with the same shapes in the same order; `pRUN --check` names the first difference"
        )

    def until(self, test: Callable[[], T], what: str, role: str = "collective") -> T:
        """Poll `test` until it is true; return what it gave. LOCAL."""
        self.watch.enter(what, role)
        try:
            return self._poll(test)
        finally:
            self.watch.leave()

    def _poll(self, test: Callable[[], T]) -> T:
        end_of_spin = time.perf_counter() + SPIN_S
        while time.perf_counter() < end_of_spin:
            if result := test():
                return result
            os.sched_yield()
        pause_s = 20e-6
        while True:
            self.watch.tick()
            if result := test():
                return result
            time.sleep(pause_s)
            pause_s = min(1.5 * pause_s, LONGEST_SLEEP_S)

    def send_bytes(self, data: bytes, dest: int, tag: int) -> Request:
        """Start to send bytes whose length the receiver does not know; not counted. LOCAL."""
        return (self._comm.Isend((data, self._mpi.BYTE), dest, tag),)

    def send_later(self, request: Request, words: str) -> None:
        """Leave a transfer to itself; `words` name it if the program ends before it does. LOCAL."""
        self.unreceived = [(r, w) for r, w in self.unreceived if not all(p.Test() for p in r)]
        self.unreceived.append((request, words))

    def recv_bytes(self, source: int, tag: int, what: str, role: str = "collective") -> bytearray:
        """Wait for bytes of any length. LOCAL."""
        status = self._mpi.Status()
        probe = partial(self._comm.Improbe, source, tag, status)
        message = self.until(probe, what, role)
        data = bytearray(status.Get_count(self._mpi.BYTE))
        request = message.Irecv((data, self._mpi.BYTE))
        self.wait([(request,)], what, role)
        return data

    def has_message(self, source: int, tag: int) -> bool:
        """True if a message waits to be received. LOCAL."""
        return bool(self._comm.Iprobe(source, tag))

    def poll_bytes(self, tag: int) -> tuple[int, bytes] | None:
        """Receive short bytes from whichever rank has sent them, if there are any. LOCAL."""
        status = self._mpi.Status()
        if not self._comm.Iprobe(self._mpi.ANY_SOURCE, tag, status):
            return None
        data = bytearray(status.Get_count(self._mpi.BYTE))
        self._comm.Recv((data, self._mpi.BYTE), status.source, tag)
        return status.source, bytes(data)

    def barrier(self) -> None:
        """Dissemination: after round k everyone knows of 2**k ranks."""
        self._gather_all(None, "barrier")

    def allgather(self, obj: T) -> list[T]:
        """Dissemination of pickled objects: log2(size) rounds."""
        return self._gather_all(obj, "allgather")

    def gather_small(self, data: bytes) -> list[bytes]:
        """Short messages of one length: what small reductions are made of."""
        return self._gather_all(data, "allgather")

    def _gather_all(self, obj: T, kind: str) -> list[T]:
        return self._disseminate(obj, self.next_tag(kind), kind)

    def _disseminate(self, obj: T, tag: int, what: str) -> list[T]:
        known = {self.rank: obj}
        step = 1
        while step < self.size:
            data = pickle.dumps(known, protocol=5)
            sending = self.send_bytes(data, (self.rank + step) % self.size, tag)
            theirs = self.recv_bytes((self.rank - step) % self.size, tag, what)
            known.update(pickle.loads(theirs))  # noqa: S301  # bytes of our own ranks
            self.wait([sending], what)
            step *= 2
        return [known[r] for r in range(self.size)]

    def bcast(self, obj: T, root: int = 0) -> T:
        """Binomial tree."""
        tag = self.next_tag("bcast")
        parent, children = relatives(self.rank, self.size, root)
        if parent is None:
            data = pickle.dumps(obj, protocol=5)
        else:
            data = self.recv_bytes(parent, tag, "bcast")
            obj = pickle.loads(data)  # noqa: S301  # bytes of our own ranks
        self.wait([self.send_bytes(data, child, tag) for child in children], "bcast")
        return obj

    def allgather_array(self, a: "np.ndarray") -> "list[np.ndarray]":
        """Send to every other rank as plain bytes, after the shapes are known."""
        import numpy as np  # an empty program starts without it

        a = np.ascontiguousarray(a)
        shapes = self.allgather(a.shape)
        tag = self.next_tag()
        result = [a if r == self.rank else np.empty(s, a.dtype) for r, s in enumerate(shapes)]
        others = [(self.rank + k) % self.size for k in range(1, self.size)]
        requests = [self.irecv(_bytes_of(result[r]), r, tag) for r in others if result[r].size]
        if a.size:
            requests += [self.isend(_bytes_of(a), r, tag) for r in others]
        self.wait(requests, "allgather_array")
        return result


_whole: World | None = None
_alone: list[World] = []


def world() -> World:
    """Return the current world; inside `alone` a world of one rank. The first call starts MPI.

    Returns
    -------
    World
        All ranks that an MPI launcher started, or one rank if there was no launcher.
    """
    global _whole
    if _alone:
        return _alone[-1]
    if _whole is None:
        _whole = _start()
    return _whole


@contextmanager
def alone() -> Iterator[World]:
    """Make `world()` a world of this rank only, inside a ``with`` block. LOCAL.

    Examples
    --------
    >>> with alone() as here:
    ...     here.size
    1
    """
    _alone.append(World())
    try:
        yield _alone[-1]
    finally:
        _alone.pop()


def barrier() -> None:
    """Wait until all ranks are here. COLLECTIVE."""
    world().barrier()


def once(f: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call `f` on rank 0 alone and give its result, or its exception, to all ranks. COLLECTIVE.

    Parameters
    ----------
    f : callable
        Called as ``f(*args, **kwargs)``; runs in a world of one rank.
    *args, **kwargs
        Its arguments; those of rank 0 count.

    Returns
    -------
    object
        The result: small and picklable.

    Examples
    --------
    >>> once(max, 3, 4)
    4
    """
    here = world()
    if here.size == 1:
        return f(*args, **kwargs)
    packed = _outcome(f, *args, **kwargs) if here.rank == 0 else b""
    good, value = pickle.loads(here.bcast(packed))  # noqa: S301  # bytes of our own ranks
    if good:
        return value
    raise value


def _outcome(f: Callable, *args: Any, **kwargs: Any) -> bytes:
    """Result or exception of a call, pickled; what cannot be pickled becomes a PmapError."""
    try:
        with alone():
            outcome = (True, f(*args, **kwargs))
    except Exception as error:
        error.add_note("(raised on rank 0 by once())")
        outcome = (False, error)
    try:
        packed = pickle.dumps(outcome, protocol=5)
        pickle.loads(packed)  # noqa: S301  # an exception may pickle but not come back
    except Exception:
        kind, value = type(outcome[1]).__name__, outcome[1]
        error = PmapError(f"{f!r} on rank 0 gave a {kind} that cannot be sent: {value}")
        packed = pickle.dumps((False, error))
    return packed


def _start() -> World:
    """Join the ranks that a launcher started, or stay alone."""
    launched = any(name in os.environ for name in _LAUNCHED) and "PMAP_STARTED" not in os.environ
    if not launched and "mpi4py.MPI" not in sys.modules:
        return World()
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise LaunchError(
            f"an MPI launcher started this process, but mpi4py cannot be imported ({error}); "
            f"try: {sys.executable} -m pip install mpi4py"
        ) from error
    whole = MpiWorld(MPI)
    # A program that this rank starts is no rank: it must not find the launcher's socket.
    os.environ["PMAP_STARTED"] = "1"
    for name in ("PMI_FD", "PMI_PORT"):
        os.environ.pop(name, None)
    if whole.size > 1:
        guard.install(whole.watch, whole.farewell)
        _learn_exit_code(MPI, whole.watch)
    os.register_at_fork(after_in_child=_be_no_rank)
    return whole


def _be_no_rank() -> None:
    """In a forked child: MPI belongs to the parent, and so does the right to end the job."""
    global _whole
    _whole = World()
    guard.remove()


def _learn_exit_code(mpi: Any, watch: Watchdog) -> None:
    """`python -m mpi4py` tells only MPI that a rank leaves with sys.exit(n): listen to it."""
    tell = getattr(mpi, "_set_abort_status", lambda code: None)

    def learn(code: int) -> None:
        watch.exit_code = code
        tell(code)

    mpi._set_abort_status = learn


def _parts(buf: "np.ndarray") -> list:
    return [buf[i : i + PART_BYTES] for i in range(0, len(buf), PART_BYTES)] or [buf]


def _bytes_of(a: "np.ndarray") -> "np.ndarray":
    return a.reshape(-1).view("u1")

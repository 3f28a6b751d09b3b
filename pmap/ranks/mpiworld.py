"""The ranks that an MPI launcher started: all waiting and all talking of pmap.

Every wait sleeps between looks (see pauses.py): waiting ranks leave their core to those that
compute, and the watchdog runs while they wait.
"""

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

from ..errors import DivergenceError
from ..nodeshare import ranks_here
from .arena import SMALL_BYTES, Arena
from .binomial import relatives
from .counter import Counter
from .onerank import Request, World
from .pauses import patience, poll
from .post import Post
from .sentry import Sentry
from .signature import Signature, difference, signature
from .watchdog import Watchdog

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")

PART_BYTES = 1 << 30
"""One MPI message; some MPI libraries count bytes in 32 bits."""
LOOKS = 3
"""MPI may need more than one call to see what is there."""
_KINDS = ("exchange", "allgather", "bcast", "barrier", "check", "tasks", "node")
_OPERATIONS = 16
"""Classes into which other operations fall by name: different ones seldom share a tag."""


@lru_cache(maxsize=256)
def _mark_of(kind: str) -> int:
    return crc32(kind.encode()) & 0xFFFFFF


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
        self.watch.patience = patience(ranks_here(), os.cpu_count() or 1)
        self._joined = self.size == 1
        self._arena: Arena | None = None
        """Set where all ranks are on one node."""
        self._counter: Counter | None = None
        self.sentry = Sentry(self.watch) if self.threads and self.size > 1 else None

    def next_tag(self, kind: str = "exchange") -> int:
        """Tag of the next collective operation: its number and kind, so that kinds never mix."""
        self._begin(kind)
        return self._tag(kind)

    def _begin(self, kind: str) -> None:
        """Count a collective operation that begins."""
        self.watch.step()
        if self._check:
            self._compare(signature(kind, self.rank))
        if not self._joined:
            self._join(kind)

    def _join(self, what: str) -> None:
        """Look for the ranks of this node. COLLECTIVE."""
        from .nodes import join  # a program without collective operations starts without it

        self._joined = True
        tag = self._tag("node")
        self.node = join(
            self.rank, self.size, lambda obj: self._disseminate(obj, tag, what), self.until
        )
        if self.node is None:
            return
        self.watch.patience = patience(len(self.node.ranks), self.node.cores)
        if len(self.node.ranks) == self.size:
            self._arena = self.node.arena

    def stamp(self, kind: str) -> int:
        """What tells this collective operation from every other, also from one of another kind."""
        return self.watch.ahead << 24 | _mark_of(kind)

    def _tag(self, kind: str) -> int:
        number = self.watch.ahead % self._tags
        if kind in _KINDS:
            index = _KINDS.index(kind)
        else:
            index = len(_KINDS) + crc32(kind.encode()) % _OPERATIONS
        return self.message_tags + number * self._kinds + index

    def _compare(self, mine: Signature) -> None:
        """Raise on all ranks unless all are about to do the same, with the same."""
        found = self._told(pickle.dumps(tuple(mine)), "check")
        everyone = [Signature(*pickle.loads(data)) for data in found]  # noqa: S301  # our own ranks
        if problem := difference(everyone):
            raise DivergenceError(problem)

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
            self._compare(Signature("the end of the program"))
        return True

    def close(self) -> None:
        """Give back what MPI holds for all ranks; all of them are over. COLLECTIVE."""
        if self._counter is not None:
            self._counter.free()

    @contextmanager
    def counting(self) -> Iterator[Counter]:
        """The counter that all ranks share, set to 0, inside a ``with`` block. COLLECTIVE."""
        if self._counter is None:
            self.barrier()  # MPI's own wait, which follows, does not sleep
            self._counter = Counter(self._mpi, self.until)
        self._counter.begin()
        hurried = self.sentry if self.rank == 0 and self._arena is None else None
        if hurried is not None:
            hurried.hurry()
        try:
            yield self._counter
        finally:
            if hurried is not None:
                hurried.calm()

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
            return poll(test, self.watch.tick, self.watch.patience)
        finally:
            self.watch.leave()

    def send_bytes(self, data: bytes, dest: int, tag: int) -> Request:
        """Start to send bytes whose length the receiver does not know; not counted. LOCAL."""
        return (self._comm.Isend((data, self._mpi.BYTE), dest, tag),)

    def send_later(self, request: Request, words: str) -> None:
        """Leave a transfer to itself; `words` name it if the program ends before it does. LOCAL."""
        self._push()
        self.unreceived.append((request, words))

    def _push(self) -> None:
        """Let MPI move what has been sent: it does so only inside its own calls. LOCAL."""
        self.unreceived = [(r, w) for r, w in self.unreceived if not all(p.Test() for p in r)]

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
        return any(self._comm.Iprobe(source, tag) for _ in range(LOOKS))

    def barrier(self) -> None:
        """By the pages of the node; else dissemination, as all of these."""
        self._gather(b"", "barrier")

    def allgather(self, obj: T) -> list[T]:
        """Of pickled objects."""
        data = pickle.dumps(obj, protocol=5)
        found = self._gather(data, "allgather")
        theirs = enumerate(found)
        return [obj if r == self.rank else pickle.loads(d) for r, d in theirs]  # noqa: S301

    def gather_small(self, data: bytes) -> list[bytes]:
        """Short messages of one length: what small reductions are made of."""
        return self._gather(data, "allgather")

    def _gather(self, data: bytes, kind: str) -> list[bytes]:
        self._begin(kind)
        return self._told(data, kind)

    def _told(self, data: bytes, kind: str) -> list[bytes]:
        """Every rank's bytes: through the pages of the node where they are short, else by MPI."""
        if self._arena is not None:
            if self.unreceived:
                self._push()
            short = data if len(data) <= SMALL_BYTES else None
            found = self._arena.gather(short, self.stamp(kind), kind)
            if found is not None:
                return found
        return self._disseminate(data, self._tag(kind), kind)

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
        """By the pages of the node, else a binomial tree."""
        tag = self.next_tag("bcast")
        data = pickle.dumps(obj, protocol=5) if self.rank == root else None
        found = None
        if self._arena is not None:
            short = data if data is not None and len(data) <= SMALL_BYTES else None
            found = self._arena.share(short, root, self.stamp("bcast"), "bcast")
        if found is None:
            found = self._down_the_tree(data, root, tag)
        return obj if self.rank == root else pickle.loads(found)  # noqa: S301  # our own ranks

    def _down_the_tree(self, data: bytes | None, root: int, tag: int) -> bytes:
        parent, children = relatives(self.rank, self.size, root)
        if parent is not None:
            data = self.recv_bytes(parent, tag, "bcast")
        self.wait([self.send_bytes(data, child, tag) for child in children], "bcast")
        return data

    def allgather_array(self, a: "np.ndarray") -> "list[np.ndarray]":
        """Short arrays travel with their shapes; a longer one goes to every other rank."""
        import numpy as np  # an empty program starts without it

        from .transport import swap

        a = np.ascontiguousarray(a)
        short = a.nbytes <= SMALL_BYTES // 2
        told = self.allgather((a.shape, a.tobytes() if short else None))
        others = [(self.rank + k) % self.size for k in range(1, self.size)]
        if short:
            self.sent_bytes += a.nbytes * len(others)
            self.sent_messages += len(others) if a.nbytes else 0
        result = [a] * self.size
        for r in others:
            shape, data = told[r]
            result[r] = np.empty(shape, a.dtype)
            if data:
                result[r].reshape(-1).view("u1")[...] = np.frombuffer(data, "u1")
        long = [(r, result[r]) for r in others if told[r][1] is None]
        if any(data is None for _, data in told):
            sent = [] if short else [(r, a) for r in others]
            swap(sent, long, self, "allgather_array")
        return result


def _parts(buf: "np.ndarray") -> list:
    return [buf[i : i + PART_BYTES] for i in range(0, len(buf), PART_BYTES)] or [buf]

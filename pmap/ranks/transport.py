"""The messages of one collective operation, each by the quickest way that its two ranks have.

Ranks of one node tell each other in their common pages where an array lies, and the receiver
copies straight out of the sender's memory; short messages lie in those pages themselves. Every
other message is one of MPI. A sender waits until what it lent has been read.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np

from ..errors import DivergenceError
from . import pool
from .arena import INLINE_BYTES
from .farreads import Far, fetch
from .onerank import World

SHORT_BYTES = INLINE_BYTES
"""Messages up to this length lie in the pages of the node."""
IN_PLACE, PACKED, INLINE = 0, 1, 2
"""Ways on a node: arrays as they are, packed into one run, or in the pages of the node."""


class Arrival(NamedTuple):
    """A message that can be unpacked.

    Attributes
    ----------
    message : ndarray or None
        Its bytes, where they are here.
    parts : list of Far
        The sender's arrays, or one run of bytes (``packed``).
    """

    message: np.ndarray | None
    parts: list[Far]
    packed: bool
    pid: int


class Transfer:
    """One collective operation's messages: at most one to each rank, and one from each.

    Every rank announces what it awaits (`await_from`), sends, and takes what comes; `end` waits
    until all that it sent has been taken.

    Parameters
    ----------
    world : World
    what : str
        The operation's name, equal on all ranks.
    """

    unfinished: ClassVar[Callable[[], None] | None] = None
    """Ends the operation that was begun and left open, of which there is at most one: a rank has
    one place for messages to each other rank."""

    def __init__(self, world: World, what: str) -> None:
        if Transfer.unfinished is not None:
            Transfer.unfinished()
        self._world, self._what = world, what
        self._tag = world.next_tag(what)
        self._stamp = world.stamp(what)
        self._node = world.node
        self._coming: dict[int, tuple] = {}
        self._requests: list = []
        self._lent: list[tuple[int, object]] = []

    def _slot(self, source: int, target: int, n_bytes: int) -> int | None:
        """The place of a message in the node's pages; None if it goes by MPI."""
        node = self._node
        if node is None or (n_bytes > SHORT_BYTES and not node.pids):
            return None
        here, there = node.ranks.get(source), node.ranks.get(target)
        return None if here is None or there is None else node.arena.slot(here, there)

    def await_from(self, rank: int, n_bytes: int) -> None:
        """Announce a message of a known length."""
        slot = self._slot(rank, self._world.rank, n_bytes)
        if slot is not None:
            self._coming[rank] = (slot, n_bytes)
            return
        message = pool.empty((n_bytes,), np.uint8)
        self._coming[rank] = (None, message, [self._world.irecv(message, rank, self._tag)])

    def send(
        self,
        rank: int,
        n_bytes: int,
        pack: Callable[[], np.ndarray],
        parts: Sequence[np.ndarray] | None = None,
    ) -> None:
        """Send a message; what it is made of must not change until `end`.

        Parameters
        ----------
        rank : int
        n_bytes : int
        pack : callable
            Gives the message as a 1-D uint8 array.
        parts : sequence of ndarray, optional
            The arrays out of which a rank of this node may take the message itself.
        """
        slot = self._slot(self._world.rank, rank, n_bytes)
        if slot is None:
            message = pack()
            self._requests.append(self._world.isend(message, rank, self._tag))
            self._lent.append((-1, message))
            return
        arena = self._node.arena
        if not arena.is_free(slot):
            self._world.until(lambda: arena.is_free(slot), self._what)
        if n_bytes <= SHORT_BYTES:
            arena.post(slot, self._stamp, (n_bytes, INLINE), pack().tobytes())
        else:
            self._lend(slot, n_bytes, pack, parts)
        self._world.sent_bytes += n_bytes
        self._world.sent_messages += 1

    def _lend(self, slot: int, n_bytes: int, pack: Callable, parts: Sequence | None) -> None:
        """Tell where the message lies."""
        way, words = IN_PLACE, _addresses(parts) if parts is not None else None
        if words is None or 8 * len(words) > INLINE_BYTES:
            parts = [pack()]
            way, words = PACKED, _addresses(parts)
        self._lent.append((slot, parts))
        self._node.arena.post(slot, self._stamp, (n_bytes, way), words.tobytes())

    def take(self, rank: int) -> Arrival:
        """Wait for the message of a rank; after unpacking it, call `taken`."""
        slot, *rest = self._coming[rank]
        if slot is None:
            message, requests = rest
            self._world.wait(requests, self._what)
            self._coming[rank] = (None, message, ())
            return Arrival(message, [], True, 0)
        arena = self._node.arena
        if not arena.has(slot, self._stamp):
            self._world.until(lambda: arena.has(slot, self._stamp), self._what)
        n_bytes, way, body = arena.read(slot)
        if n_bytes != rest[0]:
            raise DivergenceError(
                f"rank {self._world.rank}: rank {rank} sends a message of another length, "
                f"{n_bytes} bytes instead of {rest[0]}. All ranks must call the same operations "
                "with the same shapes in the same order; `pRUN --check` names the first difference"
            )
        if way == INLINE:
            return Arrival(np.frombuffer(body, np.uint8), [], True, 0)
        pid = self._node.pids[self._node.ranks[rank]]
        return Arrival(None, _parts_at(body), way == PACKED, pid)

    def taken(self, rank: int) -> None:
        """Tell the sender that its memory is its own again."""
        slot = self._coming.pop(rank)[0]
        if slot is not None:
            self._node.arena.take(slot)

    def leave_the_rest(self) -> None:
        """Take every message that is still to come, and drop it: its sender waits for that."""
        for rank in list(self._coming):
            self.take(rank)
            self.taken(rank)
        self.end()

    def fill(self, rank: int, target: np.ndarray) -> None:
        """Take a message into a contiguous array."""
        arrival = self.take(rank)
        if arrival.message is not None:
            _bytes_of(target)[...] = arrival.message
        else:
            run = Far(arrival.parts[0].address, (target.nbytes,), (1,))
            fetch(arrival.pid, run, _bytes_of(target), np.dtype(np.uint8))
        self.taken(rank)

    def end(self) -> None:
        """Wait until all that was sent has been taken."""
        if self._requests:
            self._world.wait(self._requests, self._what)
        slots = [slot for slot, _ in self._lent if slot >= 0]
        if slots:
            is_free = self._node.arena.is_free
            if not all(map(is_free, slots)):
                self._world.until(lambda: all(map(is_free, slots)), self._what)
        self._lent, self._requests = [], []


def swap(
    sent: Iterable[tuple[int, np.ndarray]],
    came: Iterable[tuple[int, np.ndarray]],
    world: World,
    what: str,
) -> None:
    """Send contiguous arrays to ranks, and fill others from ranks; nothing of length 0. COLLECTIVE.

    Parameters
    ----------
    sent, came : iterable of (rank, ndarray)
        The arrays that come have the sizes of those that were sent.
    """
    transfer = Transfer(world, what)
    came = [(rank, a) for rank, a in came if a.nbytes]
    for rank, target in came:
        transfer.await_from(rank, target.nbytes)
    for rank, a in sent:
        if a.nbytes:
            transfer.send(rank, a.nbytes, partial(_bytes_of, a), [a])
    for rank, target in came:
        transfer.fill(rank, target)
    transfer.end()


def _bytes_of(a: np.ndarray) -> np.ndarray:
    return a.reshape(-1).view(np.uint8)


def _addresses(parts: Sequence[np.ndarray]) -> array:
    """Where arrays lie, as words: address, ndim, shape and strides of each."""
    words = array("q", [len(parts)])
    for a in parts:
        words.extend((a.__array_interface__["data"][0], a.ndim, *a.shape, *a.strides))
    return words


def _parts_at(body: bytes) -> list[Far]:
    words = array("q", body)
    found, at = [], 1
    for _ in range(words[0]):
        address, ndim = words[at], words[at + 1]
        ends = at + 2 + ndim
        found.append(Far(address, tuple(words[at + 2 : ends]), tuple(words[ends : ends + ndim])))
        at = ends + ndim
    return found

"""A world of one rank: that of a program without a launcher, and of a task inside `foreach`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from ..errors import PmapError

if TYPE_CHECKING:
    import numpy as np

    from .nodes import Node

T = TypeVar("T")
Request = tuple
"""The MPI requests of one transfer; give it to `World.wait`."""


class World:
    """One rank alone, which is also what all worlds have in common.

    Attributes
    ----------
    rank, size : int
    sent_bytes, sent_messages : int
        Array data that this rank has sent since the start.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        self.sent_bytes = self.sent_messages = 0
        self.message_tags = 1 << 15
        """Tags below this are for `SendMsg`, those above for collective operations."""
        self.node: Node | None = None
        """The ranks that share this one's memory; known from the first collective operation."""

    def next_tag(self, kind: str = "exchange") -> int:
        """Tag of the next collective operation. The same on all ranks; LOCAL."""
        return 0

    def stamp(self, kind: str) -> int:
        """What tells this collective operation from every other. LOCAL."""
        return 0

    def isend(self, buf: "np.ndarray", dest: int, tag: int) -> Request:
        """Start to send a 1-D contiguous uint8 array; it must not change until `wait`. LOCAL."""
        raise PmapError(f"a message to rank {dest}, but this world has one rank")

    def irecv(self, buf: "np.ndarray", source: int, tag: int) -> Request:
        """Start to receive into a 1-D contiguous uint8 array of the sender's length. LOCAL."""
        raise PmapError(f"a message from rank {source}, but this world has one rank")

    def wait(self, requests: Sequence[Request], what: str) -> None:
        """Wait until all `requests` are done. `what` names the operation in messages. LOCAL."""

    def barrier(self) -> None:
        """Wait until all ranks are here. COLLECTIVE."""

    def bcast(self, obj: T, root: int = 0) -> T:
        """Return `root`'s small object on all ranks. COLLECTIVE."""
        return obj

    def allgather(self, obj: T) -> list[T]:
        """Return every rank's small object, in rank order, on all ranks. COLLECTIVE."""
        return [obj]

    def gather_small(self, data: bytes) -> list[bytes]:
        """Return every rank's few bytes, of one length on all ranks, in rank order. COLLECTIVE."""
        return [data]

    def allgather_array(self, a: "np.ndarray") -> "list[np.ndarray]":
        """Return every rank's array on all ranks; equal ndim and dtype, any lengths. COLLECTIVE."""
        return [a]

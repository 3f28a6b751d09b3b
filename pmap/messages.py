"""Messages between two ranks, in pMATLAB's words: `SendMsg`, `RecvMsg`, `BcastMsg`, `ProbeMsg`.

A message is any number of values. Arrays travel as plain bytes beside the pickle of the rest, and
a send never waits for its receiver.
"""

import pickle
from collections import defaultdict, deque
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np

from .errors import InputError
from .ranks.binomial import relatives
from .ranks.comm import MpiWorld, World, world
from .ranks.sourceline import place

_to_self: "WeakKeyDictionary[World, dict[int, deque]]" = WeakKeyDictionary()
"""Messages of a rank to itself, by world and tag."""


def SendMsg(dest: int | Sequence[int], tag: int, *values: object) -> None:  # noqa: N802
    """Send values to a rank, or to several; returns at once, whatever their size. LOCAL.

    Parameters
    ----------
    dest : int or sequence of int
        Receiving ranks.
    tag : int
        Tells messages apart; not negative.
    *values
        Anything that can be pickled. Arrays may be changed as soon as this returns.

    Raises
    ------
    InputError
        If there is no such rank, or the tag is out of range.

    Examples
    --------
    >>> SendMsg(0, 7, "voxel", 3)
    >>> RecvMsg(0, 7)
    ['voxel', 3]
    """
    here = world()
    _check_tag(here, tag)
    packed = _pack(values)
    for rank in [dest] if isinstance(dest, (int, np.integer)) else dest:
        _check_rank(here, "dest", rank)
        if rank == here.rank:
            _own(here, tag).append(packed)
        else:
            _send(here, packed, int(rank), tag, "SendMsg")


def RecvMsg(source: int, tag: int) -> list:  # noqa: N802
    """Wait for a message and return its values, always as a list. LOCAL.

    Parameters
    ----------
    source : int
        Sending rank.
    tag : int

    Returns
    -------
    list
        The values in the order in which they were sent; arrays are new and writable.

    Raises
    ------
    InputError
        If there is no such rank, the tag is out of range, or a rank waits for itself in vain.

    Examples
    --------
    >>> SendMsg(0, 1, 2.5)
    >>> RecvMsg(0, 1)
    [2.5]
    """
    here = world()
    _check_rank(here, "source", source)
    _check_tag(here, tag)
    if source != here.rank:
        return _receive(here, int(source), tag, f"message with tag {tag} from rank {source}")
    if not _own(here, tag):
        raise InputError(
            f"rank {source} waits for a message from itself with tag {tag}, but has sent none; "
            "call SendMsg first"
        )
    return _unpack(*_own(here, tag).popleft())


def BcastMsg(root: int, tag: int, *values: object) -> list:  # noqa: N802
    """Give root's values to all ranks. COLLECTIVE.

    Parameters
    ----------
    root : int
        The rank whose values count.
    tag : int
        As in pMATLAB; equal on all ranks.
    *values
        On root the values; what other ranks give is ignored.

    Returns
    -------
    list
        Root's values, on all ranks.

    Examples
    --------
    >>> BcastMsg(0, 5, "a", 1)
    ['a', 1]
    """
    here = world()
    _check_rank(here, "root", root)
    _check_tag(here, tag)
    wire_tag = here.next_tag("bcast")
    parent, children = relatives(here.rank, here.size, root)
    if parent is not None:
        values = _receive(here, parent, wire_tag, f"BcastMsg with tag {tag}", "collective")
    packed = _pack(tuple(values)) if children else None
    for child in children:
        _send(here, packed, child, wire_tag, "BcastMsg")
    return list(values)


def ProbeMsg(source: int, tag: int) -> bool:  # noqa: N802
    """Return whether `RecvMsg` would find a message at once. LOCAL.

    Parameters
    ----------
    source : int
        Sending rank.
    tag : int

    Returns
    -------
    bool

    Examples
    --------
    >>> ProbeMsg(0, 3)
    False
    """
    here = world()
    _check_rank(here, "source", source)
    _check_tag(here, tag)
    if source == here.rank:
        return bool(_own(here, tag))
    return here.has_message(int(source), tag)


def _pack(values: tuple) -> tuple[bytes, list[np.ndarray]]:
    """Pickle without the arrays' bytes, and copies of those."""
    found: list[pickle.PickleBuffer] = []
    head = pickle.dumps(list(values), protocol=5, buffer_callback=found.append)
    return head, [np.frombuffer(buffer.raw(), np.uint8).copy() for buffer in found]


def _unpack(head: bytes, buffers: Sequence[np.ndarray]) -> list:
    # the copy's own memory: a list of one array stays one array, writable
    return pickle.loads(head, buffers=buffers)  # noqa: S301  # bytes of our own ranks


def _send(here: MpiWorld, packed: tuple, dest: int, tag: int, name: str) -> None:
    """Start to send; what is not yet received is looked after by the world."""
    head, buffers = packed
    words = f"rank {dest} to receive a {name} of {place()[1]}"
    letter = pickle.dumps((head, [len(b) for b in buffers]), protocol=5)
    request = here.send_bytes(letter, dest, tag)
    for buffer in buffers:
        if len(buffer):
            request += here.isend(buffer, dest, tag)
    here.send_later(request, words)


def _receive(here: MpiWorld, source: int, tag: int, words: str, role: str = "message") -> list:
    """Wait for the head, then for the arrays, which follow it in order."""
    head, lengths = pickle.loads(here.recv_bytes(source, tag, words, role))  # noqa: S301
    buffers = [np.empty(n, np.uint8) for n in lengths]
    requests = [here.irecv(b, source, tag) for b in buffers if len(b)]
    here.wait(requests, words, "payload")
    return _unpack(head, buffers)


def _own(here: World, tag: int) -> deque:
    return _to_self.setdefault(here, defaultdict(deque))[tag]


def _check_rank(here: World, name: str, rank: int) -> None:
    whole = isinstance(rank, (int, np.integer)) and not isinstance(rank, bool)
    if not whole or not 0 <= rank < here.size:
        raise InputError(
            f"{name} is {rank!r}, but the ranks of this world are 0 to {here.size - 1}"
        )


def _check_tag(here: World, tag: int) -> None:
    limit = here.message_tags
    if isinstance(tag, bool) or not isinstance(tag, (int, np.integer)) or not 0 <= tag < limit:
        raise InputError(f"tag is {tag!r}; it must be a whole number from 0 to {limit - 1}")

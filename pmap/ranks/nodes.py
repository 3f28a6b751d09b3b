"""The ranks of one node: the pages they have in common, and who may read whose memory.

All of it is found at the first collective operation, so that a program without one starts as
fast as it can. Nothing here waits but through the world, whose watchdog sees all waits.
"""

import ctypes
import os
from collections.abc import Callable
from mmap import mmap
from pathlib import Path
from typing import Any

from ..errors import InputError, PmapError
from .arena import Arena, Until, arena_bytes

WAYS = ("auto", "mpi", "single")
"""Words of ``PMAP_TRANSPORT``."""
_PR_SET_PTRACER = 0x59616D61
_ANY = ctypes.c_ulong(-1)
MOST_BYTES = 1 << 30
"""Of one system call; Linux stops a little below 2**31."""


class Node:
    """The ranks with which this one shares memory.

    Attributes
    ----------
    ranks : dict
        World rank -> index on the node, this rank among them.
    arena : Arena
    pids : list of int
        Of the processes, by index; empty where they may not read each other.
    cores : int
        Of all of them together.
    """

    def __init__(self, ranks: list[int], arena: Arena, pids: list[int], cores: int) -> None:
        self.ranks = {rank: i for i, rank in enumerate(ranks)}
        self.arena, self.pids, self.cores = arena, pids, cores


def wanted_way() -> str:
    """The word in ``PMAP_TRANSPORT``: how array elements go between ranks of a node."""
    word = os.environ.get("PMAP_TRANSPORT") or "auto"
    if word not in WAYS:
        raise InputError(f"PMAP_TRANSPORT is {word!r}; it must be one of {', '.join(WAYS)}")
    return word


def join(rank: int, size: int, gather: Callable[[Any], list], until: Until) -> Node | None:
    """Find the other ranks of this node and what is possible among them. COLLECTIVE.

    Parameters
    ----------
    rank, size : int
    gather : callable
        Gives every rank's small object to all ranks, by messages.
    until : callable
        As :class:`Arena` wants it.

    Returns
    -------
    Node or None
        None where this rank is alone on its node, or the machine is not known to keep the order
        of stores, or ``PMAP_TRANSPORT=mpi``.
    """
    way = wanted_way()
    known = _known_bytes()
    file = _new_file() if way != "mpi" else -1
    address = ctypes.addressof(known)
    told = (_node_name(way), os.getpid(), file, address, bytes(known), _own_cores())
    everyone = gather(told)
    ranks = [r for r in range(size) if everyone[r][0] == everyone[rank][0] and everyone[r][2] >= 0]
    table = [everyone[r] for r in ranks]
    memory = _mapped(table, len(ranks)) if len(ranks) > 1 and rank in ranks else None
    readable = memory is not None and all(_reads(t[1], *t[3:5]) for t in table)
    agreed = gather((memory is not None, readable))
    if file >= 0:
        os.close(file)
    if way == "single" and len(ranks) > 1 and not all(agreed[r][1] for r in ranks):
        raise PmapError(
            "PMAP_TRANSPORT=single, but the ranks of this node may not read each other's memory "
            "(process_vm_readv is refused); PMAP_TRANSPORT=auto takes messages then"
        )
    if len(ranks) < 2 or rank not in ranks or not all(agreed[r][0] for r in ranks):
        return None
    pids = [t[1] for t in table] if all(agreed[r][1] for r in ranks) else []
    cores = len(frozenset().union(*(t[5] for t in table)))
    return Node(ranks, Arena(memory, ranks.index(rank), len(ranks), until, cores), pids, cores)


def _own_cores() -> frozenset[int]:
    """Cores that this rank may use: one where it is bound, so that all ranks' must be counted."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _node_name(way: str) -> tuple:
    """Equal for ranks that may share memory.

    The kernel's boot id tells machines apart, the namespace containers; SLURM's number of the
    node also where several of its nodes are one machine.
    """
    machine = os.uname()
    alone = ("alone", os.getpid(), machine.nodename)
    if way == "mpi" or machine.machine != "x86_64":
        return alone
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        return alone
    return (boot, space, machine.nodename, os.environ.get("SLURM_NODEID"))


def _known_bytes() -> ctypes.Array:
    """Bytes that no other process has by chance, and leave to read them.

    Yama, where Linux has it, lets only parents read; the ranks of a job are siblings.
    """
    if hasattr(os, "memfd_create"):
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANY, 0, 0, 0)  # a no-op without Yama
    return (ctypes.c_char * 16).from_buffer_copy(os.urandom(16))


def _new_file() -> int:
    """A file without a name: nothing is left of it however the job ends."""
    try:
        return os.memfd_create("pmap")
    except (OSError, AttributeError):
        return -1


def _mapped(table: list[tuple], count: int) -> mmap | None:
    """The pages of the node's first rank, which the others reach through /proc."""
    pid, file = table[0][1:3]
    try:
        opened = os.open(f"/proc/{pid}/fd/{file}", os.O_RDWR | os.O_CLOEXEC)
        try:
            os.ftruncate(opened, arena_bytes(count))
            return mmap(opened, arena_bytes(count))
        finally:
            os.close(opened)
    except (OSError, ValueError):
        return None


class _Run(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def _reads(pid: int, address: int, said: bytes) -> bool:
    """Whether the bytes that a rank has told can be read from its memory."""
    found = ctypes.create_string_buffer(len(said))
    here, there = _Run(ctypes.addressof(found), len(said)), _Run(address, len(said))
    done = read_runs(pid, ctypes.addressof(here), 1, ctypes.addressof(there), 1)
    return done == len(said) and found.raw == said


def _system_call() -> Callable | None:
    try:
        call = ctypes.CDLL(None, use_errno=True).process_vm_readv
    except (AttributeError, OSError):
        return None
    pointer, count = ctypes.c_void_p, ctypes.c_ulong
    call.argtypes = (ctypes.c_int, pointer, count, pointer, count, count)
    call.restype = ctypes.c_ssize_t
    return call


_readv = _system_call()


def read_runs(pid: int, here: int, here_count: int, there: int, there_count: int) -> int:
    """Copy runs of another process's memory: addresses of two lists of (address, length).

    Returns
    -------
    int
        Bytes copied; -1 where it is not allowed or not there.
    """
    if _readv is None:
        return -1
    return _readv(pid, here, here_count, there, there_count, 0)

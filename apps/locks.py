"""Who works in a folder: locks of the system, which a dead owner loses by itself.

One job has a folder alone, or tasks of one array share it. The file `lock` is theirs: one rank of
each has it. Every rank also has a share of the file `ranks`: after a job was killed, the next one
waits for ranks that are still on their way out. File systems without locks are used without them.
"""

import contextlib
import fcntl
import json
import math
import os
import socket
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from pmap import InputError

PATIENCE_S = 5.0
"""How long a job waits for the ranks of one that was just killed."""

POLL_S = 0.05
OWNER, RANKS, TASKS = "lock", "ranks", "tasks"


class Hold:
    """What this process has of a folder, until nobody refers to it or the process ends."""

    def __init__(self, shared: bool, *descriptors: int) -> None:
        """Close the descriptors, and so give the locks back, at the end."""
        self.shared = shared
        weakref.finalize(self, _close, descriptors)


_alive: weakref.WeakValueDictionary[Path, Hold] = weakref.WeakValueDictionary()
_taken: dict[Path, tuple[bool, int]] = {}
"""Locks of owners on the way from `own` to `hold`, and whether they are shared."""


def own(state: Path, *, shared: bool = False, waiting: Callable[[str], None] | None = None) -> None:
    """Take the folder whose state lies in `state` for this job; then `hold` it. LOCAL, one rank.

    Parameters
    ----------
    state : Path
        An existing folder.
    shared : bool
        As one of several tasks: they have it together, and no other job has it.
    waiting : callable, optional
        Told who has the folder; then this waits until it is free, however long that takes.

    Raises
    ------
    InputError
        If another job works in it, naming its process; not where `waiting` is given.
    """
    state = state.resolve()
    have = _alive[state].shared if state in _alive else _taken.get(state, (None,))[0]
    if have is not None and (shared or not have):
        return
    lock = _lock(state / OWNER, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    if lock is None and waiting is not None:
        waiting(_owner(state))
        lock = _lock(state / OWNER, fcntl.LOCK_EX, math.inf)
    if lock is None:
        raise InputError(
            f"another job works in {state.parent}: {_owner(state)}; wait until it has ended, or "
            "give another folder with --out"
        )
    if not shared:
        _await_ranks(state, lock, math.inf if waiting else PATIENCE_S)
        me = {"process": os.getpid(), "host": socket.gethostname()}
        (state / OWNER).write_text(json.dumps(me) + "\n", encoding="utf-8")
    _taken[state] = shared, lock


def _await_ranks(state: Path, lock: int, patience_s: float) -> None:
    """Wait until no rank of an earlier job is left."""
    ranks = _lock(state / RANKS, fcntl.LOCK_EX, patience_s)
    if ranks is None:
        os.close(lock)
        raise InputError(
            f"ranks of an earlier job still work in {state.parent}; wait until they have ended, "
            "or give another folder with --out"
        )
    os.close(ranks)


def hold(state: Path) -> Hold:
    """Keep the folder for as long as somebody refers to the result. LOCAL, on every rank."""
    state = state.resolve()
    held = _alive.get(state)
    if held is None:
        shared, lock = _taken.pop(state, (False, None))
        share = _lock(state / RANKS, fcntl.LOCK_SH)
        descriptors = (d for d in (share, lock) if d is not None)
        held = _alive[state] = Hold(shared, *descriptors)
    return held


def let_go(state: Path) -> None:
    """Give back a folder that was taken and is not held: it turned out to be unfit. LOCAL."""
    _, lock = _taken.pop(state.resolve(), (False, None))
    if lock is not None:
        os.close(lock)


@contextlib.contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Let one process at a time into the block; the others wait for it. LOCAL."""
    lock = _lock(path, fcntl.LOCK_EX, math.inf)
    try:
        yield
    finally:
        os.close(lock)


def _lock(path: Path, kind: int, patience_s: float | None = None) -> int | None:
    """Open and lock a file; None where somebody else has it for as long as we wait."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    end = time.monotonic() + (PATIENCE_S if patience_s is None else patience_s)
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(descriptor)
                return None
            time.sleep(POLL_S)
        except OSError:  # no locks on this file system
            return descriptor


def _close(descriptors: tuple[int, ...]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _owner(state: Path) -> str:
    """Who has the lock, as far as it said; tasks that share it have locks of their own."""
    tasks = [task for task in sorted((state / TASKS).glob("*")) if _is_busy(task / OWNER)]
    if tasks:
        more = f" and {len(tasks) - 1} more" if len(tasks) > 1 else ""
        return f"task {tasks[0].name} ({_owner(tasks[0])}){more}"
    try:
        owner = json.loads((state / OWNER).read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it began just now"


def _is_busy(path: Path) -> bool:
    """Whether somebody has the lock at this moment."""
    lock = _lock(path, fcntl.LOCK_EX, 0.0) if path.is_file() else None
    if lock is not None:
        os.close(lock)
    return lock is None and path.is_file()

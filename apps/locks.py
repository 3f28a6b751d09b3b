"""One job at a time works in a folder: locks of the system, which a dead owner loses by itself.

The file `lock` belongs to the job that works in the folder. Every rank also has a share of the file
`ranks`: after a job was killed, the next one waits for ranks that are still on their way out. File
systems without locks are used without them.
"""

import fcntl
import json
import os
import socket
import time
import weakref
from pathlib import Path

from pmap import InputError

PATIENCE_S = 5.0
"""How long a job waits for the ranks of one that was just killed."""

POLL_S = 0.05
OWNER, RANKS = "lock", "ranks"


class Hold:
    """What this process has of a folder, until nobody refers to it or the process ends."""

    def __init__(self, *descriptors: int) -> None:
        """Close the descriptors, and so give the locks back, at the end."""
        weakref.finalize(self, _close, descriptors)


_alive: weakref.WeakValueDictionary[Path, Hold] = weakref.WeakValueDictionary()
_taken: dict[Path, int] = {}
"""Locks of owners on the way from `own` to `hold`."""


def own(state: Path) -> None:
    """Take the folder whose state lies in `state` for this job; then `hold` it. LOCAL, one rank.

    Parameters
    ----------
    state : Path
        An existing folder.

    Raises
    ------
    InputError
        If another job works in it, naming its process.
    """
    state = state.resolve()
    if state in _alive or state in _taken:
        return
    lock = _lock(state / OWNER, fcntl.LOCK_EX)
    if lock is None:
        raise InputError(
            f"another job works in {state.parent}: {_owner(state)}; wait until it has ended, or "
            "give another folder with --out"
        )
    ranks = _lock(state / RANKS, fcntl.LOCK_EX)
    if ranks is None:
        os.close(lock)
        raise InputError(
            f"ranks of an earlier job still work in {state.parent}; wait until they have ended, "
            "or give another folder with --out"
        )
    os.close(ranks)
    me = {"process": os.getpid(), "host": socket.gethostname()}
    (state / OWNER).write_text(json.dumps(me) + "\n", encoding="utf-8")
    _taken[state] = lock


def hold(state: Path) -> Hold:
    """Keep the folder for as long as somebody refers to the result. LOCAL, on every rank."""
    state = state.resolve()
    held = _alive.get(state)
    if held is None:
        lock, share = _taken.pop(state, None), _lock(state / RANKS, fcntl.LOCK_SH)
        held = _alive[state] = Hold(*(d for d in (share, lock) if d is not None))
    return held


def _lock(path: Path, kind: int) -> int | None:
    """Open and lock a file; None where somebody else has it for as long as we wait."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    end = time.monotonic() + PATIENCE_S
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
    """Who has the lock, as far as it said."""
    try:
        owner = json.loads((state / OWNER).read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it began just now"

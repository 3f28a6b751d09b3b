"""How a rank ends: a failing one ends the job, a finished one waits for the others and says so."""

import atexit
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from .sourceline import line_of
from .watchdog import Watchdog

GRACE_S = 1.0
"""Time for all ranks to leave with ``sys.exit(n)`` together, before one of them ends the job."""
FINISHED_SLEEP_S = (1e-3, 20e-3)
"""First and longest pause between two looks; a hundred finished ranks must not use up a core."""


def install(watch: Watchdog, farewell: Callable[[], bool], close: Callable[[], object]) -> None:
    """Guard this process: an uncaught exception ends the job, and its exit waits for all ranks.

    Parameters
    ----------
    watch : Watchdog
        Knows this rank, and can end the job.
    farewell : callable
        Called without arguments when the program is over; False = there is no one to wait for.
    close : callable
        Called when all ranks are over, before MPI ends.
    """
    sys.excepthook = lambda *error: fail(watch, *error)
    sys.exit = _listening_exit(watch)
    atexit.register(_finish, watch, farewell, close, os.getpid())


def remove() -> None:
    """Undo `install` in a forked child, which is no rank."""
    sys.excepthook = sys.__excepthook__


def _listening_exit(watch: Watchdog) -> Callable[[object], NoReturn]:
    """Make a ``sys.exit`` whose code is known after Python has taken it.

    No hook tells an exit code. But the interpreter reads ``SystemExit.code`` when no Python frame
    is left, which no program that catches the exception can do.
    """

    class Leaving(SystemExit):
        @property
        def code(self) -> object:
            value = self.args[0] if self.args else None
            if sys._getframe().f_back is None and value is not None:
                watch.exit_code = value if isinstance(value, int) else 1
            return value

    Leaving.__name__ = Leaving.__qualname__ = "SystemExit"

    def leave(code: object = None, /) -> NoReturn:
        watch.left_at = line_of(sys._getframe(1))
        raise Leaving(code)

    return leave


def fail(
    watch: Watchdog, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print a traceback with this rank, and end the job."""
    if watch.rank:
        # Where all ranks raise the same, rank 0 ends the job while the others still hold back.
        time.sleep(min(0.3 + 0.005 * watch.rank, 1.0))
    sys.stdout.flush()
    sys.stderr.write(f"pmap: rank {watch.rank} of {watch.size} failed:\n")
    sys.__excepthook__(kind, error, trace)
    if isinstance(error, MemoryError):
        sys.stderr.write(f"pmap: rank {watch.rank} of {watch.size}: {_about_memory(error)}\n")
    watch.abort(1)


def _about_memory(error: MemoryError) -> str:
    """What was asked for, what this rank may have and has, and what to do."""
    shape, dtype = getattr(error, "shape", None), getattr(error, "dtype", None)
    asked = ""
    if shape is not None and dtype is not None:  # NumPy's own error
        n_bytes = math.prod(shape) * dtype.itemsize
        asked = f"an array of shape {tuple(shape)}, {dtype}, takes {n_bytes} bytes; "
    limit, infinite = resource.getrlimit(resource.RLIMIT_DATA)[0], resource.RLIM_INFINITY
    may = f"may use {limit / 2**30:g} GB (pRUN --memory)" if limit != infinite else "has no limit"
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"{asked}the rank {may} and has used {peak_mb:.0f} MB at most. Give it more, use more "
        "ranks so that each holds less, or work block by block (pm.map_blocks)"
    )


def _tell_of_code(watch: Watchdog) -> None:
    """A code that not all ranks leave with ends the others, so it is said whose it is."""
    at = f" at {watch.left_at}" if watch.left_at else ""
    sys.stderr.write(
        f"pmap: rank {watch.rank} of {watch.size} left with code {watch.exit_code}{at}; the other "
        "ranks had not finished, and the job is ended\n"
    )


def _finish(
    watch: Watchdog, farewell: Callable[[], bool], close: Callable[[], object], pid: int
) -> None:
    """Wait until all ranks have finished, and answer those that ask where this one is."""
    if os.getpid() != pid:  # a forked child is no rank
        return
    try:
        if not watch.exit_code and not farewell():
            return
    except Exception as error:
        fail(watch, type(error), error, error.__traceback__)
    end = time.monotonic() + GRACE_S
    pause_s, longest_s = FINISHED_SLEEP_S
    while not watch.finish():
        if watch.exit_code and time.monotonic() > end:
            _tell_of_code(watch)
            watch.abort(watch.exit_code)
        time.sleep(pause_s)
        pause_s = min(1.1 * pause_s, watch.patience * longest_s)
    watch.part()
    close()

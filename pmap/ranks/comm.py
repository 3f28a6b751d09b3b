"""The world of ranks: the only file of pmap that starts MPI."""

import os
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ..errors import LaunchError, PmapError
from . import guard
from .mpiworld import MpiWorld
from .onerank import World
from .watchdog import Watchdog

T = TypeVar("T")

_LAUNCHED = ("PMI_FD", "PMI_PORT", "PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE")


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
        guard.install(whole.watch, whole.farewell, whole.close)
        if whole.sentry is not None:
            whole.watch.relieve = whole.sentry.relieve
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

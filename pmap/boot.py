"""Start a program as one rank of a job: ``python -m pmap.boot [script.py | -m module] [ARGS…]``.

The launcher starts every rank through here: the world is checked against what was asked for, and
a rank that fails, is killed, or leaves with a code other than 0, ends the job and says where.
"""

import atexit
import faulthandler
import os
import resource
import runpy
import signal
import sys
import time
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from . import keeper, nodeshare
from .ranks import blackbox
from .ranks.comm import World, world
from .ranks.sourceline import line_of, raised_at

USAGE = "usage: python -m pmap.boot [script.py | -m module] [ARGS...]"
TERMINATED = 128 + signal.SIGTERM
SPEECH_S = 5.0
"""A rank that leaves ends the others: the first must have said why by then."""


def main() -> None:
    """Join the world, then run the target as ``__main__``."""
    if len(sys.argv) < 2 or sys.argv[1:] == ["-m"]:
        raise SystemExit(USAGE)
    # Taken out of the environment: programs that this rank starts are no ranks.
    asked = int(os.environ.pop("PMAP_NP", "0"))
    if asked > 1:
        keeper.keep(asked)  # from here on: in the process that it keeps
        atexit.register(blackbox.leave)  # the first to be registered is the last to run
    elif asked:
        keeper.die_with_parent()
    _limit_memory(os.environ.get("PMAP_MEMORY_GB"))
    faulthandler.enable(all_threads=False)  # a crash shows its line
    # A rank that is killed has said all it printed, and lines of several ranks stay whole.
    sys.stdout.reconfigure(line_buffering=True, write_through=False)
    whole = _join(asked)
    signal.signal(signal.SIGTERM, partial(_on_sigterm, whole))
    try:
        _run(sys.argv[1:])
    except SystemExit as leaving:
        _leave(whole, leaving)
        raise
    except BaseException as error:
        _fail(whole, error)


def _join(asked: int) -> World:
    """Start MPI and compare the size of the world with what was asked for; 0 = nothing was."""
    if asked > 1 and (problem := nodeshare.problem()):
        _refuse(problem, nodeshare.is_first())
    whole = world()
    if asked in (0, whole.size):
        return whole
    if whole.size > 1:
        whole.watch.exit_code = 1
    _refuse(_other_world(asked, whole.size), keeper.own_rank() in ("0", "?"))


def _refuse(problem: str, is_speaker: bool) -> NoReturn:
    """End the job; one rank says why, and the others give it the time to."""
    if is_speaker:
        sys.stderr.write(f"pmap: LaunchError: {problem}\n")
    else:
        time.sleep(SPEECH_S)
    raise SystemExit(1)


def _other_world(asked: int, size: int) -> str:
    found = (
        f"{asked} ranks were asked for, but this process is in a world of {size}: the launcher "
        "and mpi4py do not belong to the same MPI. "
    )
    if "SLURM_STEP_ID" in os.environ:
        return found + (
            "srun starts MPICH by --mpi=pmi2 and Open MPI by --mpi=pmix (Open MPI under pmi2 makes "
            "worlds of 1); try pRUN --mpi pmix, or --mpi mpiexec for the launcher of the MPI itself"
        )
    return found + (
        "`python -m pmap doctor` looks at both; `pip install mpi4py mpich` in one environment "
        "brings a pair that fits."
    )


def _run(target: list[str]) -> None:
    """Run a file or a module with its own argv and the sys.path that plain Python would give."""
    if target[0] == "-m":
        sys.argv[:] = target[1:]
        runpy.run_module(target[1], run_name="__main__", alter_sys=True)
        return
    sys.argv[:] = target
    sys.path[0] = str(Path(target[0]).resolve().parent)
    runpy.run_path(target[0], run_name="__main__")


def _leave(whole: World, leaving: SystemExit) -> None:
    """Tell the guard the exit code: with another than 0 it ends the job."""
    code = leaving.code
    if whole.size > 1 and code is not None:
        whole.watch.exit_code = code if isinstance(code, int) else 1
        whole.watch.left_at = raised_at(leaving.__traceback__)


def _fail(whole: World, error: BaseException) -> None:
    """Show the traceback from the target's own first line, and end the job."""
    frame = error.__traceback__
    while frame is not None and (
        frame.tb_frame.f_code.co_filename == __file__
        or frame.tb_frame.f_code.co_filename.startswith("<frozen")
    ):
        frame = frame.tb_next
    error = error.with_traceback(frame)  # None for a file that is no Python: its line is told
    sys.excepthook(type(error), error, error.__traceback__)
    raise SystemExit(130 if isinstance(error, KeyboardInterrupt) else 1)


def _on_sigterm(whole: World, number: int, frame: FrameType | None) -> None:
    """Leave as by ``sys.exit``: what is finished is on disk, and ``finally`` blocks run.

    It comes from SLURM before the time limit, on scancel and before a job is put back into the
    queue, often twice.
    """
    signal.signal(number, signal.SIG_IGN)
    sys.stderr.write(
        f"pmap: rank {whole.rank} of {whole.size} was asked to end (SIGTERM: cancelled, requeued, "
        f"its time is over, or another rank failed) at {line_of(frame)}; what is finished is kept\n"
    )
    sys.stderr.flush()
    raise SystemExit(TERMINATED)


def _limit_memory(limit_gb: str | None) -> None:
    """Let an allocation beyond the limit fail here, as a MemoryError with its line.

    Without it the machine runs out, and whom it kills is chance.
    """
    if limit_gb:
        limit = int(float(limit_gb) * (1 << 30))
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()

"""The process between a launcher and a rank: it sees how the rank ends, and says so.

A rank that is killed, or that leaves by ``os._exit``, can say nothing itself, and launchers tell
little: MPICH's takes ``os._exit(0)`` for success. So the process that the launcher starts splits
off the rank before anything is loaded, hands signals on, waits, and ends with the rank's code.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from typing import NoReturn

from .ranks import blackbox, lastwords

HANDED_ON = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
"""What launchers call the rank."""
_PR_SET_PDEATHSIG = 1
KILLED_TOGETHER_S = 0.1
"""A launcher that kills all processes of a job ends this one, too, before it blames its rank."""
END_S = 5.0
"""Given to the launcher to end this process with all others."""
_BY_MEMORY = (signal.SIGKILL, signal.SIGBUS)
"""Signals by which a machine without memory ends a process."""


def keep(size: int) -> None:
    """Return in the rank that is split off; the calling process keeps it and never returns. LOCAL.

    Parameters
    ----------
    size : int
        Ranks of the job, for messages.
    """
    die_with_parent()
    box = blackbox.make()
    keeper = os.getpid()
    rank = os.fork()
    if rank == 0:
        die_with_parent()
        if os.getppid() != keeper:  # it was killed before Linux was asked
            os._exit(1)
        return
    _watch(rank, size, box)


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent is gone, however that was ended. LOCAL."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def own_rank() -> str:
    """The rank as the launcher's environment names it; "?" if it does not. LOCAL."""
    return next((os.environ[name] for name in RANKS if name in os.environ), "?")


def _watch(rank: int, size: int, box: blackbox.Box) -> NoReturn:
    handed: list[int] = []

    def hand_on(number: int, frame: object) -> None:
        handed.append(number)
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.kill(rank, number)

    for number in HANDED_ON:
        signal.signal(number, hand_on)
    status = os.waitstatus_to_exitcode(os.waitpid(rank, 0)[1])
    code = 128 - status if status < 0 else status
    if status == -signal.SIGKILL:
        time.sleep(KILLED_TOGETHER_S)
    if box.state == blackbox.RUNNING and -status not in handed:
        sys.stderr.write(_obituary(status, size, box.last))
        sys.stderr.flush()
        lastwords.wait_until_read()
        _end_job(code or 1)
    if box.state == blackbox.GIVES_UP:
        _end_job(code)
    os._exit(code)


def _end_job(code: int) -> NoReturn:
    """End all ranks with this code: first in the words that MPI_Abort uses with its launcher.

    Where a process just ends, MPICH's launcher reports the code of some rank that it killed itself,
    and SLURM first lets the others wait.
    """
    channel = os.environ.get("PMI_FD", "")
    if channel.isdigit():
        with contextlib.suppress(OSError):
            os.write(int(channel), f"cmd=abort exitcode={code}\n".encode())
            time.sleep(END_S)
    os._exit(code)


def _obituary(status: int, size: int, last: str) -> str:
    who = f"pmap: rank {own_rank()} of {size}"
    where = f"; its last pmap call: {last}" if last else "; it had made no call of pmap that talks"
    if status >= 0:
        return (
            f"{who} left with code {status} without the end of its program (os._exit?){where}. "
            "The job is ended\n"
        )
    name = signal.Signals(-status).name
    why = ""
    if -status in _BY_MEMORY:
        why = (
            ". If nobody did it, the node ran out of memory: fewer ranks per node, or a limit "
            "for each (pRUN --memory), which fails with a line of the program"
        )
    return f"{who} was killed by signal {-status} ({name}){where}{why}\n"

"""The one place that starts processes: run a job, pass signals on, leave no rank behind."""

import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from .errors import JobError
from .job import Job
from .local import Mpiexec, argv, environment, variables

GRACE_S = 3.0
"""Between asking the ranks to end and killing them."""
_KILLED = (int(signal.SIGKILL), 128 + signal.SIGKILL)
"""MPICH passes the number of the signal on, shells and Open MPI add 128."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1


def run(job: Job) -> int:
    """Start a job on this machine and wait for its end.

    Returns
    -------
    int
        0, the code of the first rank that failed, or 128 + the number of the signal that ended it.
    """
    command = argv(job, _launcher_for(job))
    env = environment(job, cores(), os.environ)
    if sys.stdout.isatty() and not job.prefix:
        # ranks write to a pipe; what they write ends up on a terminal of this width
        env["PMAP_TERMINAL_COLUMNS"] = str(shutil.get_terminal_size().columns)
    code = _watch(command, env)
    if code in _KILLED:
        print(
            f"pRUN: a rank was killed from outside (code {code}); if nobody did, the machine ran "
            "out of memory: fewer ranks (-n), or a smaller --memory",
            file=sys.stderr,
        )
    return code


def run_module(module: str, args: list[str]) -> int:
    """Run a module on one rank, outside of any job."""
    return _watch([sys.executable, "-m", module, *args], dict(os.environ))


def text(job: Job) -> str:
    """The job as a line for a shell."""
    words = [f"{k}={v}" for k, v in variables(job, cores(), os.environ).items()]
    return shlex.join(["env", *words, *argv(job, _launcher_for(job))])


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_mpiexec() -> Mpiexec:
    """Find the launcher of this environment, else the one on the PATH.

    Raises
    ------
    JobError
        If there is none.
    """
    here = Path(sys.prefix) / "bin" / "mpiexec"
    path = str(here) if here.exists() else shutil.which("mpiexec") or shutil.which("mpirun")
    if path is None:
        raise JobError(
            f"no mpiexec in {here.parent} nor on the PATH; "
            f"try: {sys.executable} -m pip install mpi4py mpich"
        )
    return Mpiexec(path, _kind(Path(path)))


def _kind(path: Path) -> str:
    if path.with_name("mpiexec.hydra").exists():
        return "mpich"  # asking the command itself would cost a process
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return "openmpi" if "Open MPI" in said.stdout or "OpenRTE" in said.stdout else "mpich"


def _launcher_for(job: Job) -> Mpiexec | None:
    return find_mpiexec() if job.ranks > 1 else None


def _watch(command: list[str], env: dict[str, str]) -> int:
    """Run a command in a session of its own; what would end us ends all of it."""
    # A session of its own cannot read from the terminal; a program on one rank stays in ours.
    apart = "pmap.boot" in command and env.get("PMAP_NP") != "1"
    stdin = subprocess.DEVNULL if apart and sys.stdin and sys.stdin.isatty() else None
    sys.stdout.flush()
    process = subprocess.Popen(
        command, env=env, stdin=stdin, start_new_session=apart, preexec_fn=_die_with_parent
    )
    caught: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        raise KeyboardInterrupt

    handlers = _handle(end)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        code = -caught[0] if caught else -signal.SIGINT
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_IGN if caught else handler)
        _end(process, apart)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code


def _handle(end: object) -> dict:
    """Catch what would end us; only a main thread may."""
    try:
        return {number: signal.signal(number, end) for number in _SIGNALS}
    except ValueError:
        return {}


def _end(process: subprocess.Popen, group: bool) -> None:
    """Ask what is left of a job to end, then kill it."""
    if process.poll() is None:
        _signal(process, group, signal.SIGTERM)
        limit = time.monotonic() + GRACE_S
        while process.poll() is None and time.monotonic() < limit:
            time.sleep(0.02)
    if group or process.poll() is None:
        _signal(process, group, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen, group: bool, number: int) -> None:
    try:
        if group:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except ProcessLookupError:
        return


def _die_with_parent() -> None:
    """In the child: ask Linux to end it when we are killed."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

"""The one place that starts processes: run a job, pass signals on, leave no rank behind."""

import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from .errors import JobError
from .job import Job
from .local import Mpiexec, argv, check, environment, variables

GRACE_S = 3.0
"""Between asking the ranks to end and killing them."""
ASK_S = 60.0
"""How long a command that answers a question may take."""
POLL_S = 0.1
_KILLED = (int(signal.SIGKILL), 128 + signal.SIGKILL)
"""MPICH passes the number of the signal on, shells and Open MPI add 128."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Answer:
    """What a command has said.

    Attributes
    ----------
    code : int
    out, err : str
    """

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """Its own words about what is wrong, on one line."""
        lines = [line.strip() for line in (self.err or self.out).splitlines() if line.strip()]
        return "; ".join(lines) or f"exit code {self.code}, no message"


def run(job: Job, asked_to_end: Callable[[], bool] | None = None) -> int:
    """Start a job on this machine and wait for its end.

    Parameters
    ----------
    job : Job
    asked_to_end : callable, optional
        Looked at from time to time; True ends the job.

    Returns
    -------
    int
        0, the code of the first rank that failed, or 128 + the number of the signal that ended it.
    """
    ready(job)
    command = argv(job, _launcher_for(job))
    env = environment(job, cores(), os.environ)
    if sys.stdout.isatty() and not job.prefix:
        # ranks write to a pipe; what they write ends up on a terminal of this width
        env["PMAP_TERMINAL_COLUMNS"] = str(shutil.get_terminal_size().columns)
    code = _watch(command, env, asked_to_end)
    if code in _KILLED and job.ranks == 1:  # of several, the one that was killed has been named
        print(
            f"pRUN: the program was killed from outside (code {code}); if nobody did, the machine "
            "ran out of memory: more ranks that each hold less (-n), or a smaller --memory",
            file=sys.stderr,
        )
    return code


def ready(job: Job) -> None:
    """Refuse a job that this machine cannot run, with the remedy."""
    check(job, cores())
    _launcher_for(job)
    if job.image is not None and shutil.which("apptainer") is None:
        raise JobError("no apptainer on the PATH, which runs --image; leave --image off")


def run_module(module: str, args: list[str]) -> int:
    """Run a module on one rank, outside of any job."""
    return _watch([sys.executable, "-m", module, *args], dict(os.environ))


def text(job: Job) -> str:
    """The job as a line for a shell."""
    words = [f"{k}={v}" for k, v in variables(job, cores(), os.environ).items()]
    return shlex.join(["env", *words, *argv(job, _launcher_for(job))])


def ask(
    command: Sequence[str], env: Mapping[str, str] | None = None, cwd: str | Path | None = None
) -> Answer:
    """Run a command that answers at once, and return what it says.

    Raises
    ------
    JobError
        If it is not there, or does not answer.
    """
    try:
        done = subprocess.run(
            command, env=env, cwd=cwd, capture_output=True, text=True, errors="replace",
            timeout=ASK_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise JobError(f"{command[0]} does not answer for {ASK_S:.0f} s; try again") from None
    except OSError as error:
        raise JobError(f"cannot start {command[0]}: {error.strerror}") from None
    return Answer(done.returncode, done.stdout, done.stderr)


def leave_running(module: str, args: Sequence[str], log: Path, lock: int, cwd: str) -> None:
    """Start a module that goes on after us; it keeps the lock, and writes to the log.

    Parameters
    ----------
    module : str
    args : sequence of str
    log : Path
        Is added to.
    lock : int
        Descriptor of a locked file; the lock is held for as long as the module runs.
    cwd : str
        Its folder.
    """
    with log.open("ab") as out:
        subprocess.Popen(
            [sys.executable, "-m", module, *args],
            cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            pass_fds=(lock,), start_new_session=True,
        )  # fmt: skip


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_mpiexec(prefix: str | Path = sys.prefix) -> Mpiexec:
    """Find the launcher of an environment, by default this one, else the one on the PATH.

    Raises
    ------
    JobError
        If there is none.
    """
    here = Path(prefix) / "bin" / "mpiexec"
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
    if job.ranks == 1:
        return None
    return find_mpiexec(job.venv) if job.venv else find_mpiexec()


def _watch(
    command: list[str], env: dict[str, str], asked_to_end: Callable[[], bool] | None = None
) -> int:
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
        code = _wait(process, asked_to_end)
    except KeyboardInterrupt:
        code = -caught[0] if caught else -signal.SIGINT
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_IGN if caught else handler)
        _end(process, apart)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return 128 - code if code < 0 else code


def _wait(process: subprocess.Popen, asked_to_end: Callable[[], bool] | None) -> int:
    """Wait for the end, or until somebody asks for it."""
    if asked_to_end is None:
        return process.wait()
    while True:
        try:
            return process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            if asked_to_end():
                return -signal.SIGTERM


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

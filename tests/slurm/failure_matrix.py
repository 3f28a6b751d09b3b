"""Every way in which a rank can fail, on one machine and over nodes of SLURM; what is said of it.

python tests/slurm/failure_matrix.py        prints the table of docs/explanation/failures.md
"""

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cluster import missing, running

ROOT = Path(__file__).resolve().parents[2]
MPIEXEC = Path(sys.prefix) / "bin" / "mpiexec"
WAIT_S = 5.0
"""PMAP_WAIT_S of the runs."""
LIMIT_S = 60.0
BAD = 1
"""The rank that fails."""

HEAD = """\
import os, signal, sys, time
import pmap as pm
def now():
    with open(sys.argv[1], "w") as file:
        file.write(repr(time.time()))
A = pm.ones((60, 50), map=pm.Map([-1, 1]))
A.sum()
if pm.Pid == 1:
    now()
"""


@dataclass(frozen=True)
class Case:
    """A failure: what the rank does, and what must be said.

    Attributes
    ----------
    name : str
    program : str
        Lines after HEAD; rank 1 is the one that fails.
    says : tuple of str
        Patterns of stderr; {line} is a pattern of the program's line marked with ``# here``.
    watchdog : bool
        Found by waiting, so that PMAP_WAIT_S counts.
    flags : tuple of str
        Options of pRUN.
    """

    name: str
    program: str
    says: tuple[str, ...]
    watchdog: bool = False
    flags: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return HEAD + self.program

    @property
    def line(self) -> str:
        lines = enumerate(self.text.splitlines(), 1)
        number = next((i for i, text in lines if "# here" in text), 0)
        return rf"program\.py(:|\",? line ){number}\b"


def on_bad(action: str) -> str:
    return f"if pm.Pid == {BAD}:\n    {action}\npm.barrier()\n"


BY_WATCHDOG = r"the job cannot go on and is ended after \d+ s"
LAST = r"its last pmap call: .*program\.py:7"
CASES = [
    Case(
        "uncaught exception",
        on_bad("raise ValueError('broken')  # here"),
        ("rank 1 of . failed", "{line}", "ValueError: broken"),
    ),
    Case(
        "sys.exit(3)",
        on_bad("sys.exit(3)  # here"),
        ("rank 1 of . left with code 3 at .*{line}",),
    ),
    Case("os._exit(3)", on_bad("os._exit(3)"), ("rank 1 of . left with code 3", LAST)),
    Case("os._exit(0)", on_bad("os._exit(0)"), ("rank 1 of . left with code 0", LAST)),
    Case(
        "SIGKILL",
        on_bad("os.kill(os.getpid(), signal.SIGKILL)"),
        (r"rank 1 of . was killed by signal 9 \(SIGKILL\)", LAST, "out of memory"),
    ),
    Case(
        "crash (SIGSEGV)",
        on_bad("os.kill(os.getpid(), signal.SIGSEGV)  # here"),
        (r"rank 1 of . was killed by signal 11 \(SIGSEGV\)", LAST, "{line}"),
    ),
    Case(
        "SIGTERM",
        on_bad("os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)  # here"),
        (r"rank 1 of . was asked to end \(SIGTERM.* at .*{line}",),
    ),
    Case(
        "MPI error",
        "from mpi4py import MPI\n"
        + on_bad("MPI.COMM_WORLD.Send(bytearray(8), dest=99)  # here"),
        ("rank 1 of . failed", "{line}", "invalid rank|Invalid rank"),
    ),
    Case(
        "out of memory, NumPy",
        "import numpy as np\n" + on_bad("np.ones((1 << 14, 1 << 15))  # here"),
        ("rank 1 of . failed", "{line}", r"shape \(16384, 32768\)", "4294967296 bytes"),
        flags=("--memory", "1"),
    ),
    Case(
        "out of memory, pmap",
        "whole = pm.Map([1, 1], procs=[1])\npm.ones((1 << 14, 1 << 15), map=whole)  # here\n"
        "pm.barrier()\n",
        ("rank 1 of . failed", "{line}", r"shape \(16384, 32768\)", "4294967296 bytes"),
        flags=("--memory", "1"),
    ),
    Case(
        "exception in foreach",
        "pm.foreach(range(9), lambda x: 1 // (x - 4))  # here\n",
        (r"rank \d of .: item 4 \(4\) failed", "ZeroDivisionError", "1 of 9 items", "{line}"),
    ),
    Case(
        "exception swallowed on one rank",
        "try:\n"
        "    if pm.Pid == 1:\n        raise KeyError('swallowed')\n"
        "    A.sum()\nexcept KeyError:\n    pass\n"
        "pm.barrier()  # here\n",
        (BY_WATCHDOG, "rank 1 waits in barrier at .*{line}, for"),
        watchdog=True,
    ),
    Case(
        "the same, with --check",
        "try:\n"
        "    if pm.Pid == 1:\n        raise KeyError('swallowed')\n"
        "    A.sum()\nexcept KeyError:\n    pass\n"
        "pm.barrier()  # here\n",
        ("DivergenceError", r"rank 1: barrier \(barrier\) at .*{line}"),
        flags=("--check",),
    ),
    Case(
        "collective under `if pm.Pid == 1`",
        "if pm.Pid == 1:\n    pm.barrier()  # here\n",
        (BY_WATCHDOG, "rank 1 waits in barrier at .*{line}, for", "ranks? 0.* ha(s|ve) finished"),
        watchdog=True,
    ),
    Case(
        "the same, with --check",
        "if pm.Pid == 1:\n    pm.barrier()  # here\n",
        ("DivergenceError", r"rank 1: barrier \(barrier\) at .*{line}", "the end of the program"),
        flags=("--check",),
    ),
    Case(
        "a message that nobody sends",
        on_bad("pm.RecvMsg(0, 7)  # here"),
        (BY_WATCHDOG, r"rank 1 waits in RecvMsg \(.*from rank 0\) at .*{line}, for"),
        watchdog=True,
    ),
    Case(
        "another shape on one rank, with --check",
        "n = 40 if pm.Pid == 1 else 60\npm.ones((n, 9), map=pm.Map([-1, 1])).sum()  # here\n",
        ("DivergenceError", r"rank 1: self = array of shape \(40, 9\)", "{line}"),
        flags=("--check",),
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """How a job ended: seconds are counted from the moment of the failure."""

    code: int
    seconds: float
    err: str

    def problems(self, case: Case) -> list[str]:
        """What is not as it must be."""
        found = [] if self.code else ["exit code 0"]
        limit_s = WAIT_S + 5 if case.watchdog else 15
        if self.seconds > limit_s:
            found.append(f"ended after {self.seconds:.1f} s, limit {limit_s:.0f} s")
        for pattern in case.says:
            if not re.search(pattern.replace("{line}", case.line), self.err):
                found.append(f"not said: {pattern.replace('{line}', case.line)}")
        return found


def local(case: Case) -> list[str]:
    """Three ranks by pRUN."""
    return [sys.executable, "-m", "pmap.launch.prun", "-n", "3", *case.flags]


def over_nodes(case: Case) -> list[str]:
    """Eight ranks on four nodes by srun, as a script of pRUN starts them."""
    srun = ["srun", "--mpi=pmi2", "-N4", "-n8", "--kill-on-bad-exit=1", "-t2"]
    return [*srun, sys.executable, "-m", "pmap.boot"]


WAYS = {"local": local, "srun": over_nodes}


def run(case: Case, way: str, folder: Path, env: dict[str, str]) -> Ended:
    """Let a case fail; end what is left after LIMIT_S."""
    program, mark = folder / "program.py", folder / "failed-at"
    program.write_text(case.text)
    more = {"PYTHONPATH": str(ROOT), "PMAP_WAIT_S": str(WAIT_S), "OMP_NUM_THREADS": "1"}
    if way == "srun":
        more |= {"PMAP_NP": "8", "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1"}
        more |= {"PMAP_CHECK": "1"} if "--check" in case.flags else {}
        more |= {"PMAP_MEMORY_GB": "1"} if "--memory" in case.flags else {}
    command = [*WAYS[way](case), str(program), str(mark)]
    done = subprocess.run(
        command, env={**env, **more}, capture_output=True, text=True, timeout=LIMIT_S
    )
    seconds = time.time() - float(mark.read_text())
    return Ended(done.returncode, seconds, done.stderr)


def main() -> None:
    """Print the table."""
    print(f"| failure | pRUN -n 3 | srun, 4 nodes x 2 |\n|---|---|---|  (PMAP_WAIT_S={WAIT_S:g})")
    with tempfile.TemporaryDirectory() as base, running(Path(base)) as env:
        for case in CASES:
            row = []
            for way in WAYS:
                with tempfile.TemporaryDirectory() as folder:
                    ended = run(case, way, Path(folder), env)
                problems = "; ".join(ended.problems(case))
                row.append(f"code {ended.code}, {ended.seconds:.1f} s {problems}".strip())
            print(f"| {case.name} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    if missing():
        sys.exit(missing())
    main()

"""Run the whole folder once per rank count: `python tests/parallel/run.py --np 1 2 [pytest args]`.

Rank 0 talks; the other ranks write to files that are shown only where a run fails. The first rank
that fails ends its job (`-x` and `python -m mpi4py`), so a failure is never a hang.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TAIL_LINES = 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--np", nargs="+", type=int, default=[1, 2, 3, 4], metavar="N")
    parser.add_argument("--limit-s", type=float, default=900.0, help="time limit of a run, seconds")
    parser.add_argument("--as-rank", metavar="LOGS", help=argparse.SUPPRESS)
    args, pytest_args = parser.parse_known_args()
    pytest_args = [arg for arg in pytest_args if arg != "--"]
    if args.as_rank:
        return be_a_rank(Path(args.as_rank), pytest_args)
    codes = {n: run(n, args.limit_s, pytest_args) for n in args.np}
    for n, code in codes.items():
        print(f"np {n}: {'passed' if code == 0 else f'FAILED with code {code}'}")
    return int(any(codes.values()))


def be_a_rank(logs: Path, pytest_args: list[str]) -> int:
    """Pytest on this rank, silent unless it is rank 0."""
    import pytest

    rank = int(os.environ.get("PMI_RANK") or os.environ.get("OMPI_COMM_WORLD_RANK") or 0)
    if rank:
        log = os.open(logs / f"rank{rank}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
    # folders that no other rank numbers at the same time
    fixed = ["-x", "-p", "no:cacheprovider", f"--basetemp={logs / f'tmp{rank}'}"]
    named = [] if any(Path(arg.split("::")[0]).exists() for arg in pytest_args) else [str(HERE)]
    code = int(pytest.main([*fixed, *(pytest_args or ["-q"]), *named]))
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def run(n: int, limit_s: float, pytest_args: list[str]) -> int:
    """All ranks of one size; the exit code of the job, 124 if it took too long."""
    print(f"\n== tests/parallel at np {n}", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pmap-parallel-") as logs:
        job = subprocess.Popen(
            command(n, logs, pytest_args), cwd=ROOT, env=environment(n), start_new_session=True
        )
        try:
            code = job.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            print(f"np {n}: no end after {limit_s:.0f} s, killed", flush=True)
            code = 124
        finally:
            end_group(job)
        if code:
            show_logs(Path(logs))
    print(f"np {n}: {time.monotonic() - start:.0f} s", flush=True)
    return code


def command(n: int, logs: str, pytest_args: list[str]) -> list[str]:
    """argv of a run; one rank needs no MPI launcher."""
    me = [str(Path(__file__).resolve()), "--as-rank", logs, *pytest_args]
    if n == 1:
        return [sys.executable, *me]
    mpiexec = Path(sys.prefix) / "bin" / "mpiexec"
    return [str(mpiexec), "-n", str(n), sys.executable, "-m", "mpi4py", *me]


def environment(n: int) -> dict[str, str]:
    """One thread per rank, and ranks that yield where there are more of them than cores."""
    env = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    if n > (os.cpu_count() or 1):
        env["MPIR_CVAR_ENABLE_HEAVY_YIELD"] = "1"
    return env


def end_group(job: subprocess.Popen) -> None:
    """Leave no rank behind, whatever ended the job."""
    try:
        os.killpg(job.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    job.wait()


def show_logs(logs: Path) -> None:
    """The last lines of every rank but 0."""
    for log in sorted(logs.glob("rank*.log")):
        lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        print(f"\n-- {log.stem}", *lines, sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())

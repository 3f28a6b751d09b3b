"""What starting, checking and sharing out cost: `make bench-launch`.

    python tests/benchmarks/launching.py [start] [check] [tiles] [--rounds 20] [--ranks 1 2 25 100]

start: an empty script by pRUN beside mpiexec with NumPy, and `import pmap` beside `import numpy`.
check: what `--check` adds to a collective operation.
tiles: one tile of about 2 CPU s for each rank, by pm.foreach and by mpi4py alone.
Programs that are compared take turns; of times the minimum counts. With more ranks than cores wall
time says how many share a core, so there CPU seconds are compared.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from operator import itemgetter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BIN = Path(sys.prefix) / "bin"
PRUN = [sys.executable, "-m", "pmap.launch.prun"]
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
ENVIRONMENT = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT)}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, as installed
LIMIT_S = 1800.0
ALLOWED_S = 0.05
"""CPU seconds per tile that pmap may take beyond mpi4py alone."""

CHECKED = """
import time
import pmap as pm
A = pm.ones((10, 10), map=pm.Map([-1, 1]))
B, C = pm.ones((2000, 2000), map=pm.Map([-1, 1])), pm.zeros((2000, 2000), map=pm.Map([1, -1]))
def redistribute():
    C[:] = B
for name, f, n in (
    ("barrier", pm.barrier, 300),
    ("sum 10x10", A.sum, 300),
    ("sum 2000x2000", B.sum, 20),
    ("rows to columns 2000x2000", redistribute, 20),
):
    best = float("inf")
    for _ in range(6):
        pm.barrier()
        start = time.perf_counter()
        for _ in range(n):
            f()
        best = min(best, (time.perf_counter() - start) / n)
    if pm.Pid == 0:
        print(f"{name}: {best * 1e6:.1f}")
"""


def main() -> int:
    """Run the parts that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 25, 100])
    args = parser.parse_args()
    parts = args.parts or ["start", "check", "tiles"]
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        if "start" in parts:
            failed += start(Path(folder), args.rounds)
        if "check" in parts:
            check(Path(folder))
        if "tiles" in parts:
            failed += tiles(args.ranks)
    for text in failed:
        print(f"MISSED: {text}")
    return int(bool(failed))


def run(command: list, env: dict[str, str] = ENVIRONMENT) -> str:
    """Run a command to its end; its stdout."""
    done = subprocess.run(
        [str(word) for word in command],
        env=env,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{command}: code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def start(folder: Path, rounds: int) -> list[str]:
    """Seconds from a command to its end, several in turn."""
    script = folder / "empty.py"
    script.write_text("import pmap as pm\n\npm.Np\n")
    with_numpy = "import numpy; from mpi4py import MPI"
    prun = [BIN / "pRUN"] if (BIN / "pRUN").exists() else PRUN
    ways = {
        "pRUN -n 2, empty pmap script": [*prun, "-n", 2, script],
        "mpiexec -n 2, numpy and mpi4py": [
            BIN / "mpiexec", "-n", 2, sys.executable, "-m", "mpi4py", "-c", with_numpy,
        ],
        "import pmap": [sys.executable, "-c", "import pmap"],
        "import numpy": [sys.executable, "-c", "import numpy"],
    }  # fmt: skip
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for name, command in ways.items():
            begin = time.perf_counter()
            run(command)
            best[name] = min(best[name], time.perf_counter() - begin)
    print(f"\nstart-up, seconds, minimum of {rounds} in turn")
    for name, seconds in best.items():
        print(f"  {name:<32} {seconds:.3f}")
    ours, theirs, pmap, numpy = best.values()
    print(f"  ratios: start {ours / theirs:.2f} (1.5), import {pmap / numpy:.2f} (1.2)", flush=True)
    failed = [f"start {ours / theirs:.2f} of 1.5"] if ours > 1.5 * theirs else []
    return failed + ([f"import {pmap / numpy:.2f} of 1.2"] if pmap > 1.2 * numpy else [])


def check(folder: Path) -> None:
    """Microseconds of an operation on two ranks, without and with --check, in turn."""
    script = folder / "checked.py"
    script.write_text(CHECKED)
    best: dict[str, list[float]] = {}
    for _ in range(3):
        for at, flags in enumerate(([], ["--check"])):
            for line in run([*PRUN, "-n", 2, *flags, script]).splitlines():
                name, us = line.split(": ")
                times = best.setdefault(name, [float("inf")] * 2)
                times[at] = min(times[at], float(us))
    print("\nan operation on two ranks, us: plain, with --check")
    for name, (plain, checked) in best.items():
        print(f"  {name:<26} {plain:10.1f} {checked:10.1f}", flush=True)


def tiles(ranks: list[int]) -> list[str]:
    """One tile for each rank: CPU seconds per tile, and what the ranks tell each other."""
    print("\none tile per rank, CPU s per tile; pmap's hold waiting and keepers, mpi4py's do not")
    print("  ranks  program   in all    work  loading    rest    wall s  messages  bytes of a rank")
    failed = []
    for n in ranks:
        ours, theirs = both(n)
        for name, found in (("pmap", ours), ("mpi4py", theirs)):
            print(f"  {n:5d}  {name:<7}{row(found, n)}", flush=True)
        if ours["nuclei"] != theirs["nuclei"]:
            failed.append(f"{n} tiles: the programs do not find the same nuclei")
        more_s = (ours["cpu_s"] - theirs["cpu_s"]) / n
        other_s = more_s - (ours["work_s"] - theirs["work_s"]) / n
        print(f"         more {more_s:+9.3f}, of which not in the same kernels {other_s:+.3f}")
        if n == max(ranks) and more_s > ALLOWED_S:
            failed.append(f"{n} ranks: {more_s:.3f} CPU s per tile more than mpi4py ({ALLOWED_S})")
    return failed


def both(n: int) -> tuple[dict, dict]:
    """What both programs tell, of two runs each the one that took less: A B, then B A.

    The first to run finds files and processor cold, and the kernels alone vary by a tenth.
    """
    ours = [*PRUN, "-n", n, HERE / "tiles" / "by_pmap.py", n], ENVIRONMENT
    theirs = by_mpi4py(n), {**ENVIRONMENT, **yielding(n)}
    first, *others, last = (json.loads(run(*p)) for p in (ours, theirs, theirs, ours))
    return min(first, last, key=itemgetter("cpu_s")), min(others, key=itemgetter("cpu_s"))


def row(found: dict, n: int) -> str:
    """What a program took, by tile."""
    total, work, load = (found[name] / n for name in ("cpu_s", "work_s", "load_s"))
    wall = f"{found['wall_s']:9.2f}" if n <= 2 else " " * 9
    told = f"{found['messages']:10d} {found['bytes']:8d}" if "messages" in found else ""
    return f"{total:9.3f} {work:7.3f} {load:8.3f} {total - work - load:+7.3f} {wall}{told}"


def by_mpi4py(n: int) -> list:
    """The other program's command."""
    program = HERE / "tiles" / "by_mpi4py.py"
    return [BIN / "mpiexec", "-n", n, sys.executable, "-m", "mpi4py", program, n]


def yielding(n: int) -> dict[str, str]:
    """What helps MPICH where ranks share cores."""
    return {"MPIR_CVAR_ENABLE_HEAVY_YIELD": "1"} if n > (os.cpu_count() or 1) else {}


if __name__ == "__main__":
    sys.exit(main())

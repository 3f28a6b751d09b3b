"""pmap beside mpi4py written by hand and NumPy, in one run: `make bench`.

    python tests/benchmarks/bench.py [--np 1 2] [--scale 1.0] [--repeats N] [WORDS ...]
        [--peer heat=PYTHON dask=PYTHON jax=PYTHON mpi4py-fft=PYTHON]

Other systems are measured in the same run, those that this Python has and those for which another
Python is named (see peers.py).

WORDS choose the cases whose name holds one of them; `--scale 0.01` is a quick look. Each case does
the same work in several ways that take turns; the minimum of each way counts, the time of a turn
being that of the slowest rank. A ratio compares two ways of one run only. One thread per rank.
"""

import argparse
import gc
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import peers  # noqa: E402

ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
LIMIT_S = 1800


def main() -> int:
    """Start one job per rank count, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("words", nargs="*", metavar="WORDS")
    parser.add_argument("--np", nargs="+", type=int, default=[1, 2], metavar="N")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=0)
    parser.add_argument("--peer", nargs="+", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--measure", metavar="FILE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args)
        return 0
    others = {**found_here(), **dict(p.split("=", 1) for p in args.peer)}
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "rows.jsonl"
        codes = [start(n, args, found) for n in args.np]
        for name, python in others.items():
            for n in args.np:
                start_peer(name, python, n, args, found)
        rows = [json.loads(line) for line in found.read_text().splitlines()]
    print_table(rows)
    return max(codes)


def start(n: int, args: argparse.Namespace, found: Path) -> int:
    """One job: all cases at one rank count."""
    options = ["--scale", str(args.scale), "--repeats", str(args.repeats), "--measure", str(found)]
    command = [sys.executable, "-m", "pmap.launch.prun", "-n", str(n), str(HERE / "bench.py")]
    env = {**os.environ, **ONE_THREAD}
    return subprocess.run([*command, *options, *args.words], env=env, timeout=LIMIT_S).returncode


def found_here() -> dict[str, str]:
    """Other systems that this Python has."""
    modules = {name: name.replace("-", "_") for name in peers.PEERS}
    return {n: sys.executable for n, m in modules.items() if importlib.util.find_spec(m)}


def start_peer(name: str, python: str, n: int, args: argparse.Namespace, found: Path) -> None:
    """One job of another system; if it fails its rows are missing, which is said."""
    command = [python, str(HERE / "peers.py"), name, str(n)]
    if name in peers.WITH_MPI:
        command = [str(Path(python).parent / "mpiexec"), "-n", str(n), *command]
    options = ["--scale", str(args.scale), "--measure", str(found)]
    env = {**os.environ, **ONE_THREAD}
    code = subprocess.run([*command, *options, *args.words], env=env, timeout=LIMIT_S).returncode
    if code:
        print(f"{name} at {n} ranks ended with code {code}", file=sys.stderr)


def measure(args: argparse.Namespace) -> None:
    """On each rank: run the cases and add their rows to the file."""
    import cases

    import pmap as pm

    for case in cases.all_cases():
        if args.words and not any(word in case.name for word in args.words):
            continue
        if pm.Np not in case.ranks:
            continue
        row = row_of(case, args.scale, args.repeats or case.repeats)
        if pm.Pid == 0:
            with open(args.measure, "a", encoding="utf-8") as out:
                out.write(json.dumps(row) + "\n")
            print(f"np {pm.Np}  {case.name}", file=sys.stderr, flush=True)


def row_of(case: object, scale: float, repeats: int) -> dict:
    """Measured seconds of each way of a case."""
    import pmap as pm

    ways = case.build(scale)
    best = dict.fromkeys(ways, float("inf"))
    for turn in range(repeats + 1):
        for way, work in ways.items():
            seconds = max(pm.ranks.comm.world().allgather(timed(work, way)))
            if turn:  # the first turn warms up
                best[way] = min(best[way], seconds / case.loops)
    del ways
    gc.collect()
    limits = case.limits if pm.Np == case.ranks[-1] else {}
    return {"case": case.name, "np": pm.Np, "seconds": best, "limits": limits}


def timed(work: object, way: str) -> float:
    """Seconds that one call takes on this rank; 0 where another does the work."""
    import pmap as pm

    gc.collect()
    pm.barrier()
    if way.startswith("numpy") and pm.Pid:
        return 0.0
    start_s = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start_s
    del result
    return seconds


def print_table(rows: list[dict]) -> None:
    """One line per case, rank count and way."""
    from rich.console import Console
    from rich.table import Table

    table = Table("case", "np", "way", "time", "ratio", "limit", "")
    for row in together(rows):
        seconds = row["seconds"]
        for way, took in seconds.items():
            other, limit = row["limits"].get(way, (None, None))
            found = "" if other is None else ratio(took, other, seconds)
            verdict = "" if other is None else ("met" if found <= limit else "[bold]missed[/]")
            told = "" if other is None else f"<= {limit:g} {'' if other == 'us' else 'x '}{other}"
            shown = found if found == "" else f"{found:.2f}"
            table.add_row(row["case"], str(row["np"]), way, in_words(took), shown, told, verdict)
    Console(width=160 if not sys.stdout.isatty() else None).print(table)


def together(rows: list[dict]) -> list[dict]:
    """One row per case and rank count, whoever measured it."""
    found: dict[tuple, dict] = {}
    for row in rows:
        whole = found.setdefault((row["case"], row["np"]), {**row, "seconds": {}})
        whole["seconds"].update(row["seconds"])
    return [found[key] for key in sorted(found)]


def ratio(took: float, other: str, seconds: dict[str, float]) -> float:
    """A time beside that of another way, or in microseconds."""
    return took * 1e6 if other == "us" else took / seconds[other]


def in_words(seconds: float) -> str:
    """A time with a unit that suits it."""
    return f"{seconds:.4f} s" if seconds >= 1e-3 else f"{seconds * 1e6:.2f} us"


if __name__ == "__main__":
    sys.exit(main())

"""The Array API suite for NumPy and for pmap in one run, on the same examples.

    python tests/conformance/run.py CHECKOUT --np 1 2 3 --examples 50

CHECKOUT is a checkout of github.com/data-apis/array-api-tests with its submodule. pmap runs with
PMAP_DEFAULT_MAP=auto, so that arrays are really distributed. The exit code is 1 if pmap fails a
test that NumPy does not fail. docs/how-to/array-api.md says more.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VERSION = "2025.12"
STARTS = 20
"""A job that dies is started again without the tests that it has done, at most so often."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path, help="checkout of array-api-tests")
    parser.add_argument("--np", nargs="+", type=int, default=[1, 2, 3], metavar="N")
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--only", default="", help="pytest's -k")
    parser.add_argument("--limit-s", type=float, default=3600.0, help="time limit of one job")
    parser.add_argument("--save", type=Path, help="write the outcomes to this JSON file")
    args = parser.parse_args()
    if not (args.checkout / "array-api" / "spec").is_dir():
        parser.error(f"{args.checkout} has no array-api/spec: git submodule update --init")
    found = {"numpy": run("numpy", 1, args)}
    for n in args.np:
        found[f"pmap np {n}"] = run("pmap", n, args)
    if args.save:
        args.save.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return report(found)


def run(module: str, n: int, args: argparse.Namespace) -> dict[str, dict]:
    """Outcome of each test, by its id; a test in which the job died has the outcome "died"."""
    outcomes: dict[str, dict] = {}
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        for attempt in range(STARTS):
            results = Path(folder) / f"results{attempt}"
            skips = Path(folder) / "skips.txt"
            skips.write_text("".join(f"{test}\n" for test in outcomes), encoding="utf-8")
            code = one_job(module, n, args, results, skips)
            open_test = read(results, outcomes)
            if open_test is None:
                break
            outcomes[open_test] = {"outcome": "died", "words": f"the job ended with code {code}"}
    print(f"{module} np {n}: {time.monotonic() - start:.0f} s", flush=True)
    return outcomes


def read(results: Path, outcomes: dict[str, dict]) -> str | None:
    """Take over the outcomes of a job; the test that was under way when it died, if any."""
    under_way = None
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    if not lines:
        raise SystemExit("the suite did not start; see its messages above")
    for line in map(json.loads, lines):
        under_way = line["test"] if line["outcome"] == "started" else None
        if under_way is None and line["test"] not in outcomes:
            outcomes[line["test"]] = line
    return under_way


def one_job(module: str, n: int, args: argparse.Namespace, results: Path, skips: Path) -> int:
    """One job of n ranks; its exit code, 124 where it took too long."""
    pytest = ["-m", "pytest", "-p", "in_step", "-p", "no:cacheprovider", "-q", "--tb=line"]
    pytest += ["-W", "ignore", "--max-examples", str(args.examples), "--no-header", "-rN"]
    pytest += ["--skips-file", str(skips), "array_api_tests/"]
    pytest += ["-k", args.only] if args.only else []
    ranks = [sys.executable, *pytest]
    if n > 1:
        mpiexec = str(Path(sys.prefix) / "bin" / "mpiexec")
        ranks = [mpiexec, "-n", str(n), sys.executable, "-m", "mpi4py", *pytest]
    with open(results.with_suffix(".log"), "wb") as log:
        job = subprocess.Popen(
            ranks,
            cwd=args.checkout,
            env=environment(module, n, args, results),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            code = job.wait(timeout=args.limit_s)
        except subprocess.TimeoutExpired:
            code = 124
        finally:
            end_group(job)
    if not results.exists():
        sys.stderr.write(results.with_suffix(".log").read_text(errors="replace")[-4000:])
    return code


def environment(module: str, n: int, args: argparse.Namespace, results: Path) -> dict[str, str]:
    """Arrays distributed by default, one thread per rank, sets in one order on all ranks."""
    env = dict(os.environ)
    paths = [str(HERE), str(ROOT), *filter(None, [env.get("PYTHONPATH")])]
    env |= {
        "ARRAY_API_TESTS_MODULE": module,
        "ARRAY_API_TESTS_VERSION": VERSION,
        "IN_STEP_RESULTS": str(results),
        "IN_STEP_SEED": args.seed,
        "PMAP_DEFAULT_MAP": "auto",
        "PMAP_CHECK": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(results.parent / "hypothesis"),
    }
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


def report(found: dict[str, dict[str, dict]]) -> int:
    """Print counts by group, and what pmap fails beyond NumPy; 1 if there is any."""
    names = list(found)
    groups: dict[str, dict[str, Counter]] = {}
    for name, outcomes in found.items():
        for test, line in outcomes.items():
            group = test.split("::")[0].split("/")[-1].removesuffix(".py").removeprefix("test_")
            groups.setdefault(group, {}).setdefault(name, Counter())[line["outcome"]] += 1
    print(f"\n{'passed/failed/skipped':34s}" + "".join(f"{name:>18s}" for name in names))
    totals = {
        name: sum((counts.get(name, Counter()) for counts in groups.values()), Counter())
        for name in names
    }
    for group, counts in [*sorted(groups.items()), ("all", totals)]:
        print(f"{group:34s}" + "".join(f"{words(counts.get(n, Counter())):>18s}" for n in names))
    known = failures(found["numpy"])
    more = 0
    for name in names[1:]:
        own = sorted(failures(found[name]) - known)
        more += len(own)
        print(f"\n{name}: {len(own)} failures that numpy has not")
        for test in own:
            print(f"  {test}\n      {first_line(found[name][test]['words'])}")
    return int(more > 0)


def words(counts: Counter) -> str:
    """Counts as passed/failed/skipped."""
    return f"{counts['passed']}/{counts['failed'] + counts['died']}/{counts['skipped']}"


def failures(outcomes: dict[str, dict]) -> set[str]:
    return {test for test, line in outcomes.items() if line["outcome"] in ("failed", "died")}


def first_line(text: str) -> str:
    return text.splitlines()[0][:200] if text else ""


if __name__ == "__main__":
    sys.exit(main())

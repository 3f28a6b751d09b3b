"""A model of 10,000 tiles: what each part adds to the time of one tile. `make bench-launch`.

    python tests/benchmarks/scaling.py

What can be measured on one machine is measured here: starting a rank, the files it opens, a step of
the counter of foreach, placing a 100 x 100 grid, and, where SLURM is installed, tasks per second.
What a cluster brings is a figure with its source, or a range. See docs/explanation/scaling.md.
"""

import itertools
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "slurm")]

import cluster  # noqa: E402
from launching import ENVIRONMENT, PRUN, run  # noqa: E402

from pmap.apps.demands import CPU_S_PER_MVOX  # noqa: E402
from pmap.apps.kernels.placement import Link, place  # noqa: E402

TILE_VOX = (397, 1920, 1920)
CHANNELS, VOXEL_BYTES = 2, 2
LABEL_BYTES = 4
MVOX = math.prod(TILE_VOX) / 1e6
MOVED_GB = MVOX * (CHANNELS * VOXEL_BYTES + LABEL_BYTES) / 1e3
GRIDS = (1, 5, 10, 100)
MANY = 10_000
CORES_PER_TILE = (1, 16)
CLIENT_GB_S = 1.0
"""One node and its network link."""
DISKS_GB_S = (20.0, 100.0, 500.0)
METADATA_PER_S = 100_000.0
"""Between creating (27,000) and looking up (500,000) files per second on a Lustre system: MDtest in
Dell HPC Lustre Storage solution with Intel Omni-Path, white paper, figure 13."""
LAUNCHED_PER_S = 8_000.0
"""32,000 processes in 4 s: Interactive Supercomputing on 40,000 Cores (arXiv 1807.07814)."""
PAPER = 0.30
"""The paper's estimate for 10,000 volumes: 30 % more time than for one (section V)."""

OPENS = """
import sys
count = 0
def seen(event, args):
    global count
    count += event == "open"
sys.addaudithook(seen)
from pmap.apps.segment import find_nuclei
import skimage.measure, scipy.ndimage, h5py, tifffile
print(count)
"""
COUNTER = """
import time
import pmap as pm
pm.foreach(range(100), abs)
start = time.perf_counter()
pm.foreach(range(20000), abs)
if pm.Pid == 0:
    print((time.perf_counter() - start) / 20000)
"""
EMPTY = (
    "import numpy, scipy.ndimage\nfrom pmap.apps import segment\nimport pmap as pm\npm.barrier()\n"
)


def main() -> None:
    """Measure, then print the table."""
    with tempfile.TemporaryDirectory() as folder:
        start_cpu_s = cpu_of_start(Path(folder))
        counter_s = float(program(Path(folder), COUNTER, 2))
    opens = int(run([sys.executable, "-c", OPENS]))
    place_s = seconds_to_place(100)
    tasks_per_s = started_tasks_per_s()
    print("measured here")
    print(f"  start of a rank with the app's packages   {start_cpu_s:8.2f} CPU s")
    print(f"  files that it opens                       {opens:8d}")
    print(f"  an item of foreach beside its work, np 2  {counter_s * 1e6:8.1f} us")
    print(f"  places of a 100 x 100 grid from its links {place_s:8.2f} s")
    told = f"{tasks_per_s:8.1f} per s" if tasks_per_s else "  SLURM is not installed here"
    print(f"  tasks of an array that SLURM starts       {told}")
    table(start_cpu_s, opens)


def cpu_of_start(folder: Path) -> float:
    """CPU seconds of one rank that loads what segment needs and does nothing."""
    script = folder / "empty.py"
    script.write_text(EMPTY)
    before = os.times()
    subprocess.run([*PRUN, "-n", "2", str(script)], env=ENVIRONMENT, check=True, timeout=120)
    after = os.times()
    spent = after.children_user + after.children_system
    return (spent - before.children_user - before.children_system) / 2


def program(folder: Path, text: str, ranks: int) -> str:
    """Run a program on some ranks; its stdout."""
    script = folder / "program.py"
    script.write_text(text)
    return run([*PRUN, "-n", ranks, script])


def seconds_to_place(n: int) -> float:
    """Links of an n x n grid with small errors and a few that are wrong, placed."""
    random.seed(0)
    tiles = [(row, col) for row in range(n) for col in range(n)]
    nominal = {tile: (0, 1728 * tile[0], 1728 * tile[1]) for tile in tiles}
    links = []
    for a in tiles:
        for b in ((a[0] + 1, a[1]), (a[0], a[1] + 1)):
            if b in nominal:
                wrong = 40 if random.random() < 0.01 else 0  # noqa: S311  # a test grid
                step = tuple(q - p + wrong for p, q in zip(nominal[a], nominal[b], strict=True))
                links.append(Link(a, b, step, 0.9, 100.0))
    start = time.perf_counter()
    place(tiles, nominal, links)
    return time.perf_counter() - start


def started_tasks_per_s(count: int = 60) -> float | None:
    """Empty tasks of an array per second, on a SLURM of four nodes of this machine."""
    if cluster.missing():
        return None
    with tempfile.TemporaryDirectory() as base, cluster.running(Path(base), cpus=8) as env:
        script = Path(base) / "empty.sh"
        script.write_text("#!/bin/bash\ntrue\n")
        start = time.perf_counter()
        words = ["sbatch", "--wait", f"--array=0-{count - 1}", "--output=/dev/null", str(script)]
        subprocess.run(words, env=env, check=True, timeout=300, capture_output=True)
        return count / (time.perf_counter() - start)


def table(start_cpu_s: float, opens: int) -> None:
    """Seconds of each part for 1 to 10,000 tiles that all run at once."""
    print(f"\nmodel: tiles of {MVOX:.0f} Mvox, {MOVED_GB:.1f} GB read and written, all at once")
    print("  cores  disks  tiles    work  start  launch  bytes  in all   more  (files if shared)")
    print("  a tile  GB/s                                                       s of metadata")
    for cores, disks in itertools.product(CORES_PER_TILE, DISKS_GB_S):
        one_s = _parts(1, cores, disks, start_cpu_s)
        for n in (side * side for side in GRIDS):
            parts = _parts(n, cores, disks, start_cpu_s)
            cells = " ".join(f"{s:7.0f}" for s in (*parts, sum(parts)))
            more, files_s = sum(parts) / sum(one_s) - 1, n * cores * opens / METADATA_PER_S
            print(f"  {cores:5d} {disks:6.0f} {n:6d} {cells} {more:+7.0%} {files_s:9.0f}")
    for cores in CORES_PER_TILE:
        *others, moved_s = _parts(1, cores, math.inf, start_cpu_s)
        room_s = PAPER * (sum(others) + moved_s) + moved_s - MANY * cores / LAUNCHED_PER_S
        needed = MANY * MOVED_GB / room_s
        print(f"  {PAPER:+.0%} for {MANY} tiles at {cores} cores each: disks of {needed:.0f} GB/s")


def _parts(n: int, cores: int, disks_gb_s: float, start_cpu_s: float) -> tuple[float, ...]:
    """Seconds of work, start, launch, and of reading and writing."""
    return (
        MVOX * CPU_S_PER_MVOX["tiles"] / cores,
        start_cpu_s,
        n * cores / LAUNCHED_PER_S,
        max(MOVED_GB / CLIENT_GB_S, n * MOVED_GB / disks_gb_s),
    )


if __name__ == "__main__":
    main()

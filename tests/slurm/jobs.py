"""What tests of pRUN under SLURM have in common: programs, a way to call it, and to look."""

import os
import subprocess
import sys
import time
from pathlib import Path

from pmap.launch import folders

ROOT = Path(__file__).resolve().parents[2]
PRUN = [sys.executable, "-m", "pmap.launch.prun"]
LIMIT_S = 90.0

ROWS_TO_COLUMNS = """\
import sys
import numpy as np
import pmap as pm

A = pm.random.default_rng(7).random((60, 40), map=pm.Map([-1, 1]))
B = pm.zeros((60, 40), map=pm.Map([1, -1]))
B[:] = 2 * A
text = f"{float(B.sum())!r} {np.asarray(B)[5, :3]} {sys.argv[1:]}"
if pm.Pid == 0:
    print(text)
print(f"{pm.Np}\\n", end="", file=sys.stderr)
"""
PROGRAMS = {
    "rows": ROWS_TO_COLUMNS,
    "leave": "import sys\nsys.exit(int(sys.argv[1]))\n",
    "raise": "import time, pmap as pm\npm.barrier()\n"
    "if pm.Pid == 5:\n    raise ValueError('broken here')\ntime.sleep(60)\n",
    "task": "import sys, time, pathlib\ntime.sleep(1.0)\nprint('task', sys.argv[1])\n"
    "sys.exit(7 if pathlib.Path(f'fail{sys.argv[1]}').exists() else 0)\n",
    "forever": "import time, pmap as pm\npm.barrier()\nprint('begun', flush=True)\n"
    "while True:\n    time.sleep(0.1)\n",
}


def prun(*words: str, limit_s: float = LIMIT_S) -> subprocess.CompletedProcess:
    return subprocess.run([*PRUN, *words], capture_output=True, text=True, timeout=limit_s)


def until(true, limit_s: float = 30.0) -> bool:
    limit = time.monotonic() + limit_s
    while not true():
        if time.monotonic() > limit:
            return False
        time.sleep(0.1)
    return True


def marked(tmp_path: Path) -> list[str]:
    """Command lines of processes of this test, found by a mark in their environment."""
    mark, found = f"PMAP_PRUN_TEST={tmp_path}".encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return found


def submitted(*words: str) -> folders.Folder:
    done = prun("--slurm", *words)
    assert done.returncode == 0, done.stderr
    return folders.find(done.stdout.split()[0])

"""Arrays of more than 2^31 elements and bytes, moved by single copy and by messages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDED_GB = 12
PROGRAM = """
import numpy as np
import pmap as pm

n = 2**31 + 4099
A = pm.empty(n, np.uint8, map=pm.Map([-1]))
start, length = A.map.owned(A.shape, pm.Pid)[0].lo, A.local.size
pattern = np.tile(np.arange(251, dtype=np.uint8), length // 251 + 2)  # element i is i % 251
pm.put_local(A, pattern[start % 251 : start % 251 + length])
del pattern
assert A.size == n and A.nbytes > 2**31
turned = pm.remap(A, pm.Map([-1], procs=range(pm.Np - 1, -1, -1)))  # all of it crosses
first, last = turned.map.owned(turned.shape, pm.Pid)[0].lo, turned.local.size
at = np.arange(first, first + last, 65537)
assert np.array_equal(turned.local[::65537], at % 251)
assert turned.local[-1] == (first + last - 1) % 251
assert int(turned[n - 1]) == (n - 1) % 251 and int(turned[2**31]) == 2**31 % 251
counts = np.bincount(A[: 10**6], minlength=251)
assert np.array_equal(np.asarray(counts), np.bincount(np.arange(10**6) % 251))
total = A.sum(dtype=np.int64)
whole, rest = divmod(n, 251)
assert total == whole * 251 * 250 // 2 + rest * (rest - 1) // 2
print("rank", pm.Pid, "good")
"""


def free_gb():
    lines = Path("/proc/meminfo").read_text().splitlines()
    return int(next(x for x in lines if x.startswith("MemAvailable")).split()[1]) / 2**20


@pytest.mark.slow
@pytest.mark.parametrize("way", ["single", "mpi"])
def test_an_array_of_more_than_two_gb_is_moved_whole(way, tmp_path):
    if free_gb() < NEEDED_GB:
        pytest.skip(f"{NEEDED_GB} GB of memory are needed, {free_gb():.0f} are free")
    script = tmp_path / "large.py"
    script.write_text(PROGRAM)
    command = [sys.executable, "-m", "pmap.launch.prun", "-n", "2", str(script)]
    env = {**os.environ, "PMAP_TRANSPORT": way, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("good") == 2

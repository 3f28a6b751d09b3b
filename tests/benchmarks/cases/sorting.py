"""Sort, unique and median of a long line; the limits are beside NumPy on one process."""

import numpy as np
from mpi4py import MPI

import pmap as pm

from . import Case

COMM = MPI.COMM_WORLD


def line(n, dtype):
    """This rank's share of n random values."""
    mine = n * (COMM.rank + 1) // COMM.size - n * COMM.rank // COMM.size
    rng = np.random.default_rng([COMM.rank, COMM.size])
    if dtype == np.float32:
        return rng.random(mine, dtype=dtype)
    return rng.integers(0, 1 << 62, mine, dtype)


def mapped(part):
    """The shares as one array."""
    n = COMM.allreduce(len(part))
    A = pm.empty(n, part.dtype, map=pm.Map([-1], "b"))
    if A.local.shape == part.shape:
        A.local[:] = part
    return A


def whole(n, dtype):
    """All values, for the way that one rank goes alone."""
    return line(n * COMM.size, dtype)[:n] if COMM.rank == 0 else np.empty(0, dtype)


def exchanged(parts):
    """Parts sent to their ranks: counts, then one Alltoallv."""
    lengths = np.array([len(p) for p in parts])
    coming = np.empty_like(lengths)
    COMM.Alltoall(lengths, coming)
    kind = MPI._typedict[parts[0].dtype.char]
    got = np.empty(coming.sum(), parts[0].dtype)
    COMM.Alltoallv([np.concatenate(parts), lengths, kind], [got, coming, kind])
    return got


def raw_sort(part):
    """Sample sort with regular samples: sort, exchange, sort."""
    run = np.sort(part)
    step = max(1, len(run) // 64)
    sample = np.sort(np.concatenate(COMM.allgather(run[::step])))
    pivots = sample[[len(sample) * r // COMM.size for r in range(1, COMM.size)]]
    got = exchanged(np.split(run, np.searchsorted(run, pivots)))
    got.sort()
    return got


def neighbour_mask(run):
    new = np.empty(len(run), bool)
    new[:1] = True
    np.not_equal(run[1:], run[:-1], out=new[1:])
    return run[new]


def build_sort(scale):
    n = int(1e8 * scale)
    part, all_values = line(n, np.float32), whole(n, np.float32)
    A = mapped(part)
    return {
        "pmap": lambda: np.sort(A),
        "raw": lambda: raw_sort(part),
        "numpy": lambda: np.sort(all_values),
    }


def build_unique(scale):
    n = int(1e7 * scale)
    part, all_values = line(n, np.int64), whole(n, np.int64)
    A = mapped(part)
    return {
        "pmap": lambda: np.unique(A),
        "raw": lambda: neighbour_mask(raw_sort(part)),
        "numpy, sort and mask": lambda: neighbour_mask(np.sort(all_values)),
    }


def build_median(scale):
    n = int(1e8 * scale)
    part, all_values = line(n, np.float32), whole(n, np.float32)
    A = mapped(part)
    return {"pmap": lambda: np.median(A), "numpy": lambda: np.median(all_values)}


CASES = [
    Case("sort 1e8 float32", build_sort, {"pmap": ("numpy", 0.9)}, repeats=3),
    Case("unique 1e7 int64", build_unique, {"pmap": ("numpy, sort and mask", 0.85)}),
    Case("median 1e8 float32", build_median, {"pmap": ("numpy", 0.9)}, repeats=2),
]

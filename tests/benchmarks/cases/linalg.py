"""Products and factorisations of large matrices."""

import numpy as np
from mpi4py import MPI

import pmap as pm

from . import Case

COMM = MPI.COMM_WORLD


def rows(n, columns, seed):
    """Random rows, each rank its own."""
    rng = np.random.default_rng([seed, pm.Pid])
    held = pm.Map([-1, 1])
    A = pm.empty((n, columns), map=held)
    A.local[...] = rng.random(A.local_shape)
    return A


def whole(A):
    """Every rank's rows on all ranks, by hand."""
    counts = [A.map.local_shape(A.shape, r)[0] * A.shape[1] for r in range(pm.Np)]
    found = np.empty(A.shape)
    COMM.Allgatherv(A.local, [found, counts, None, MPI.DOUBLE])
    return found


def product(scale):
    n = max(2, int(4000 * scale))
    A, B = rows(n, n, 0), rows(n, n, 1)
    a, b = np.ones((n, n)), np.ones((n, n))
    return {
        "pmap": lambda: A @ B,
        "raw": lambda: A.local @ whole(B),
        "numpy": lambda: a @ b,
    }


def gram(scale):
    n = max(2, int(1_000_000 * scale))
    A = rows(n, 32, 0)
    a = np.ones((n, 32))

    def raw():
        found = np.empty((32, 32))
        COMM.Allreduce(A.local.T @ A.local, found)
        return found

    return {"pmap": lambda: A.T @ A, "raw": raw, "numpy": lambda: a.T @ a}


def tall_qr(scale):
    n = max(64, int(1_000_000 * scale))
    A = rows(n, 32, 0)
    a = np.random.default_rng(0).random((n, 32))

    def raw():
        q, r = np.linalg.qr(A.local)
        stacked = np.concatenate(COMM.allgather(r))
        top, r = np.linalg.qr(stacked)
        return q @ top[32 * pm.Pid : 32 * (pm.Pid + 1)], r

    return {"pmap": lambda: pm.linalg.qr(A), "raw": raw, "numpy": lambda: np.linalg.qr(a)}


def system(scale):
    n = max(2, int(3000 * scale))
    A = rows(n, n, 0)
    b = np.ones(n)
    a = np.random.default_rng(0).random((n, n))
    return {"pmap": lambda: pm.linalg.solve(A, b), "numpy": lambda: np.linalg.solve(a, b)}


CASES = [
    Case("matmul 4000 x 4000 float64, rows x rows", product, {"pmap": ("raw", 1.05)}, repeats=3),
    Case("A.T @ A, 1e6 x 32 float64, rows", gram, {"pmap": ("raw", 1.2)}),
    Case("QR of 1e6 x 32 float64, rows", tall_qr, {"pmap": ("raw", 1.2)}, repeats=3),
    Case("solve 3000 x 3000 float64, rows", system, {"pmap": ("numpy", 1.0)}, repeats=2),
]

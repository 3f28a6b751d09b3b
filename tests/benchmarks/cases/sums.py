"""Sums: canonical and fast ones beside NumPy's and an allreduce of partial sums."""

import numpy as np
from mpi4py import MPI

import pmap as pm

from . import Case

N = 100_000_000
SHAPE = (10_000, 10_000)


def fast(A):
    """A sum of each rank's part first."""
    pm.options.float_sum = "fast"
    try:
        A.sum()
    finally:
        pm.options.float_sum = "canonical"


def on(dist, mode):
    """The sum of a vector under a map, in one of the two modes."""

    def build(scale):
        n = int(N * scale)
        A = pm.full(n, 0.1, map=pm.Map([-1], dist))
        part = A.local
        ways = {"pmap": (lambda: fast(A)) if mode == "fast" else A.sum}
        ways["raw"] = lambda: MPI.COMM_WORLD.allreduce(float(part.sum()))
        if pm.Pid == 0:
            x = np.full(n, 0.1)
        ways["numpy"] = lambda: x.sum()
        return ways

    return build


def along(axis):
    """The sum of a matrix in rows along an axis."""

    def build(scale):
        shape = tuple(int(n * scale**0.5) for n in SHAPE)
        A = pm.full(shape, 0.1, map=pm.Map([-1, 1]))
        if pm.Pid == 0:
            x = np.full(shape, 0.1)
        return {"pmap": lambda: A.sum(axis), "numpy": lambda: x.sum(axis)}

    return build


BLOCKS = {"pmap": ("numpy", 2)}
CASES = [
    Case("sum of 1e8 float64, block map, fast mode", on("b", "fast"), {"pmap": ("raw", 1.1)}),
    Case("sum of 1e8 float64, block map, canonical", on("b", ""), BLOCKS),
    Case("sum of 1e8 float64, cyclic map, canonical", on("c", ""), {"pmap": ("numpy", 4)}),
    Case("sum of 1e8 float64, bc(64), canonical", on(("bc", 64), ""), {"pmap": ("numpy", 4)}),
    Case("sum of 10000 x 10000 float64 in rows, axis 0", along(0), BLOCKS),
    Case("sum of 10000 x 10000 float64 in rows, axis 1", along(1), BLOCKS),
    Case("sum of 10000 x 10000 float64 in rows, all axes", along(None), BLOCKS),
]

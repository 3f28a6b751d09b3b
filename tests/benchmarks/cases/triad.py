"""The triad b + s c: two passes of NumPy by hand, what reused memory saves, and one pass."""

import numpy as np
from mpi4py import MPI

import pmap as pm

from . import Case


def triad(scale):
    n = int(1e8 * scale) // 2 * 2
    b, c = (np.random.default_rng(k).random(n // MPI.COMM_WORLD.size) for k in (1, 2))
    B, C = (pm.from_local(x, (n,), map=pm.Map([-1])) for x in (b, c))
    one_pass = pm.fuse(lambda b, c: b + 3.0 * c)
    return {
        "pmap": lambda: B + 3.0 * C,
        "pmap.fuse": lambda: one_pass(B, C),
        "raw": lambda: b + 3.0 * c,
    }


LIMITS = {"pmap": ("raw", 1.0), "pmap.fuse": ("raw", 0.85)}
CASES = [Case("triad b + 3 c, 1e8 float64", triad, LIMITS)]

"""The triad b + s c: two passes of NumPy by hand, and what reused memory saves."""

import numpy as np
from mpi4py import MPI

import pmap as pm

from . import Case


def triad(scale):
    n = int(1e8 * scale) // 2 * 2
    b, c = (np.random.default_rng(k).random(n // MPI.COMM_WORLD.size) for k in (1, 2))
    B, C = (pm.from_local(x, (n,), map=pm.Map([-1])) for x in (b, c))
    return {"pmap": lambda: B + 3.0 * C, "raw": lambda: b + 3.0 * c}


CASES = [Case("triad b + 3 c, 1e8 float64", triad, {"pmap": ("raw", 0.85)})]

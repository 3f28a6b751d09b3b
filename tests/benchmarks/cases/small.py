"""Small arrays: what an operation costs before it moves or adds anything."""

import numpy as np
from mpi4py import MPI

import pmap as pm

from . import Case

LOOPS = 2000


def loop(work):
    def run():
        for _ in range(LOOPS):
            work()

    return run


def build(pmap_way, numpy_way, raw_way):
    def make(scale):
        x = np.arange(100.0).reshape(10, 10)
        A = pm.asarray(x, map=pm.Map([-1, 1]))
        part = A.local.copy()
        return {
            "pmap": loop(lambda: pmap_way(A)),
            "raw": loop(lambda: raw_way(part)),
            "numpy": loop(lambda: numpy_way(x)),
        }

    return make


def allreduced(part):
    return MPI.COMM_WORLD.allreduce(float(part.sum()))


CASES = [
    Case("10 x 10: A + B", build(*[lambda a: a + a] * 3), {"pmap": ("us", 1.2)}, LOOPS),
    Case("10 x 10: np.add(A, B)", build(*[lambda a: np.add(a, a)] * 3), {"pmap": ("us", 2)}, LOOPS),
    Case(
        "10 x 10: A.sum()",
        build(lambda a: a.sum(), lambda a: a.sum(), allreduced),
        {"pmap": ("us", 5)},
        LOOPS,
    ),
]

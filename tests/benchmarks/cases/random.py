"""Random numbers beside NumPy's own generators, each process drawing its share."""

import numpy as np
from mpi4py import MPI

import pmap as pm

from . import Case

SIZE = MPI.COMM_WORLD.size
WORDS = {"block": ("b", 2.0), "cyclic": ("c", 4.0), "block-cyclic(64)": (("bc", 64), 4.0)}


def uniform(dist):
    def build(scale):
        n = max(SIZE, int(1e8 * scale))
        rng, own = pm.random.default_rng(1), np.random.default_rng(1)
        philox = np.random.Generator(np.random.Philox(1))
        return {
            "pmap": lambda: rng.random(n, map=pm.Map([-1], dist)),
            "raw": lambda: own.random(n // SIZE),
            "raw, Philox": lambda: philox.random(n // SIZE),
        }

    return build


def columns(scale):
    n = max(SIZE, int(1e4 * scale**0.5))
    rng, own = pm.random.default_rng(1), np.random.default_rng(1)
    return {
        "pmap": lambda: rng.random((n, n), map=pm.Map([1, -1])),
        "raw": lambda: own.random((n, n // SIZE)),
    }


def normal(scale):
    n = max(SIZE, int(1e7 * scale))
    rng, own = pm.random.default_rng(1), np.random.default_rng(1)
    return {
        "pmap": lambda: rng.normal(size=n, map=pm.Map([-1])),
        "raw": lambda: own.normal(size=n // SIZE),
    }


def permutation(scale):
    n = max(SIZE, int(1e7 * scale))
    rng, own = pm.random.default_rng(1), np.random.default_rng(1)
    return {
        "pmap": lambda: rng.permutation(n, map=pm.Map([-1])),
        "numpy": lambda: own.permutation(n),
    }


CASES = [
    *(
        Case(f"random uniform 1e8 float64, {word}", uniform(d), {"pmap": ("raw", limit)}, repeats=3)
        for word, (d, limit) in WORDS.items()
    ),
    Case("random uniform 1e4 x 1e4 float64, columns", columns, {"pmap": ("raw", 4.0)}, repeats=3),
    Case("random normal 1e7 float64", normal, {"pmap": ("raw", 2.0)}),
    Case("random permutation of 1e7", permutation, repeats=3),
]

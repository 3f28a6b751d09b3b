"""Fourier transforms beside rows, Alltoallw, columns written by hand."""

import numpy as np
import scipy.fft
from mpi4py import MPI

import pmap as pm

from . import Case

COMM = MPI.COMM_WORLD


def bounds(n):
    return [np.array_split(np.arange(n), COMM.size)[r][[0, -1]] + [0, 1] for r in range(COMM.size)]


def turned(n):
    """Row blocks to column blocks by Alltoallw of subarray types."""
    cuts = bounds(n)
    lo, hi = cuts[COMM.rank]
    own, kind = int(hi - lo), MPI.C_DOUBLE_COMPLEX
    out_types = [
        kind.Create_subarray([own, n], [own, int(b - a)], [0, int(a)]).Commit() for a, b in cuts
    ]
    in_types = [
        kind.Create_subarray([n, own], [int(b - a), own], [int(a), 0]).Commit() for a, b in cuts
    ]
    ones, zeros = [1] * COMM.size, [0] * COMM.size

    def exchange(rows):
        columns = np.empty((n, own), complex)
        COMM.Alltoallw([rows, ones, zeros, out_types], [columns, ones, zeros, in_types])
        return columns

    return exchange


def fft2(scale):
    n = max(64, int(4096 * scale**0.5) // 64 * 64)
    rows = np.random.default_rng(COMM.rank).random(bounds(n)[COMM.rank][::-1] @ [1, -1] * n)
    rows = rows.reshape(-1, n) + 0j
    A = pm.from_local(rows, (n, n), map=pm.Map([-1, 1]))
    exchange = turned(n)

    def raw():
        columns = exchange(scipy.fft.fft(rows, axis=1))
        return scipy.fft.fft(columns, axis=0, overwrite_x=True)

    ways = {"pmap": lambda: pm.fft.fft2(A), "raw": raw}
    if COMM.size == 1:
        ways["numpy"] = lambda: np.fft.fft2(rows)
    return ways


def line(scale):
    """One vector over all ranks; NumPy's on one process beside it."""
    n = 1 << int(24 + np.log2(scale))
    x = np.random.default_rng(3).random(n) + 0j
    A = pm.asarray(x, map=pm.Map([-1]))
    return {"pmap": lambda: pm.fft.fft(A), "numpy": lambda: np.fft.fft(x)}


def pencils(scale):
    n = max(16, int(256 * scale ** (1 / 3)) // 8 * 8)
    A = pm.random.default_rng(1).random((n, n, n), map=pm.Map([-1, 1, 1]))
    return {"pmap": lambda: pm.fft.irfftn(pm.fft.rfftn(A), A.shape, (0, 1, 2))}


CASES = [
    Case("fft2 4096 x 4096 complex128", fft2, {"pmap": ("raw", 1.05)}),
    Case("fft of 2^24 complex128, one vector", line, repeats=3),
    Case("rfftn and back, 256^3 float64", pencils, repeats=3),
]

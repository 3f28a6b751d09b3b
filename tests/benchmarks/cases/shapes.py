"""Joining, rolling, reshaping, stencils beside the same written by hand."""

import numpy as np
from mpi4py import MPI

import pmap as pm

from . import Case

COMM = MPI.COMM_WORLD
P, R = COMM.size, COMM.rank


def side(scale, n):
    return max(4 * P, int(n * scale**0.5) // (4 * P) * 4 * P)


def matrix(n):
    """Rows of an n x n array, and the DistArray of them."""
    rows = np.random.default_rng(R).random((n // P, n))
    return rows, pm.from_local(rows, (n, n), map=pm.Map([-1, 1]))


def whole(n):
    return np.random.default_rng(0).random((n, n)) if R == 0 else None


def concatenate(scale):
    n = side(scale, 4000)
    rows, A = matrix(n)
    a = whole(n)

    def raw():  # rank r owns rows [2 r n / P, ...) of both arrays one after the other
        out = np.empty((2 * n // P, n))
        step, requests = n // P, []
        for block in range(2 * P):  # block b of the result is block b % P of an array
            owner, place = block % P, block // 2
            if owner == R and place == R:
                out[(block % 2) * step : (block % 2 + 1) * step] = rows
            elif owner == R:
                requests.append(COMM.Isend(rows, place, block))
            elif place == R:
                at = out[(block % 2) * step : (block % 2 + 1) * step]
                requests.append(COMM.Irecv(at, owner, block))
        MPI.Request.Waitall(requests)
        return out

    return {
        "pmap": lambda: np.concatenate([A, A]),
        "raw": raw,
        "numpy": lambda: np.concatenate([a, a]),
    }


def roll(scale):
    n = side(scale, 8000)
    rows, A = matrix(n)
    a = whole(n)

    def raw():
        out = np.empty_like(rows)
        out[1:] = rows[:-1]
        COMM.Sendrecv(rows[-1], (R + 1) % P, recvbuf=out[0], source=(R - 1) % P)
        return out

    return {"pmap": lambda: np.roll(A, 1, axis=0), "raw": raw, "numpy": lambda: np.roll(a, 1, 0)}


def ravel(scale):
    n = side(scale, 8000)
    columns = np.random.default_rng(R).random((n, n // P))
    C = pm.from_local(columns, (n, n), map=pm.Map([1, -1]))
    a = whole(n)

    def raw():
        packed = columns.reshape(P, n // P, n // P)
        came = np.empty_like(packed)
        COMM.Alltoall(packed, came)
        return np.ascontiguousarray(came.transpose(1, 0, 2)).reshape(-1)

    return {"pmap": lambda: np.ravel(C), "raw": raw, "numpy": lambda: a.flatten()}


def gradient(scale):
    n = side(scale, 4000)
    rows, A = matrix(n)
    a = whole(n)

    def raw():
        low, high = np.empty(n), np.empty(n)
        COMM.Sendrecv(rows[-1], (R + 1) % P, recvbuf=low, source=(R - 1) % P)
        COMM.Sendrecv(rows[0], (R - 1) % P, recvbuf=high, source=(R + 1) % P)
        out = np.empty_like(rows)
        np.subtract(rows[2:], rows[:-2], out=out[1:-1])
        out[0] = rows[1] - low if R else 2 * (rows[1] - rows[0])
        out[-1] = high - rows[-2] if R < P - 1 else 2 * (rows[-1] - rows[-2])
        out /= 2.0
        return out

    return {
        "pmap": lambda: np.gradient(A, axis=0),
        "raw": raw,
        "numpy": lambda: np.gradient(a, axis=0),
    }


CASES = [
    Case("concatenate 2 of 4000 x 4000 float64, rows", concatenate, {"pmap": ("raw", 1.2)}),
    Case("roll 8000 x 8000 float64 by a row, rows", roll, {"pmap": ("raw", 1.2)}),
    Case("ravel 8000 x 8000 float64, columns", ravel, {"pmap": ("raw", 1.0)}),
    Case("gradient 4000 x 4000 float64, rows", gradient, {"pmap": ("raw", 1.2)}),
]

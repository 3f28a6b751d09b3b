"""Redistribution beside exchanges written by hand: Alltoallw, and packing with Alltoallv."""

import numpy as np
from mpi4py import MPI

import pmap as pm

from . import Case

COMM = MPI.COMM_WORLD
P, R = COMM.size, COMM.rank


def cut(n, r):
    """Bounds of block r of n."""
    whole, more = divmod(n, P)
    return r * whole + min(r, more), (r + 1) * whole + min(r + 1, more)


def side(scale, n):
    return max(8 * P, int(n * scale**0.5) // (8 * P) * 8 * P)


def alltoallw(source, target, send_types, receive_types):
    ones, zeros = [1] * P, [0] * P

    def exchange(out=target):
        COMM.Alltoallw([source, ones, zeros, send_types], [out, ones, zeros, receive_types])
        return out

    return exchange


def boxes(shape, parts):
    """Committed types of boxes of a float64 array."""
    made = []
    for part in parts:
        sizes = [b - a for a, b in part]
        starts = [a for a, _ in part]
        made.append(MPI.DOUBLE.Create_subarray(list(shape), sizes, starts).Commit())
    return made


def rows_to_columns(scale, cold):
    n = side(scale, 8000)
    rows = np.random.default_rng(R).random((cut(n, R)[1] - cut(n, R)[0], n))
    columns = np.zeros((n, rows.shape[0]))
    A = pm.from_local(rows, (n, n), map=pm.Map([-1, 1]))
    B = pm.zeros((n, n), map=pm.Map([1, -1]))
    sent = boxes(rows.shape, [((0, rows.shape[0]), cut(n, r)) for r in range(P)])
    came = boxes(columns.shape, [(cut(n, r), (0, rows.shape[0])) for r in range(P)])
    exchange = alltoallw(rows, columns, sent, came)
    if cold:
        return {
            "pmap": lambda: pm.remap(A, pm.Map([1, -1])),
            "raw Alltoallw": lambda: exchange(np.empty_like(columns)),
        }

    def assign():
        B[:] = A

    return {"pmap": assign, "raw Alltoallw": exchange}


def line(scale, k):
    """A vector from blocks to block-cyclic blocks of k, by types and by packing."""
    n = max(1, int(4e7 * scale) // (2 * k * P * P)) * 2 * k * P * P
    x = np.random.default_rng(R).random(n // P)
    out = np.zeros(n // P)
    A = pm.from_local(x, (n,), map=pm.Map([-1]))
    B = pm.zeros(n, map=pm.Map([-1], "c" if k == 1 else ("bc", k)))
    first = R * (n // P) // k  # the number of my first block of k
    turns = [(r - first) % P for r in range(P)]
    count = n // P // k // P
    sent = []
    for turn in turns:
        vector = MPI.DOUBLE.Create_vector(count, k, k * P)
        shifted = MPI.Datatype.Create_struct([1], [8 * k * turn], [vector])
        sent.append(shifted.Commit())
    came = boxes(out.shape, [((r * count * k, (r + 1) * count * k),) for r in range(P)])
    by_types = alltoallw(x, out, sent, came)

    def packed():
        groups = x.reshape(count, P, k)
        COMM.Alltoall(np.ascontiguousarray(groups[:, turns].transpose(1, 0, 2)), out)

    def packed_singly():
        buffer = np.empty((P, count, k))
        groups = x.reshape(count, P, k)
        for r, turn in enumerate(turns):
            buffer[r] = groups[:, turn]
        COMM.Alltoall(buffer, out)

    def assign():
        B[:] = A

    by_types()
    assign()
    if not np.array_equal(B.local, out):
        raise ValueError("the exchange by hand is another one")
    return {
        "pmap": assign,
        "raw Alltoallw": by_types,
        "raw packed": packed,
        "raw packed singly": packed_singly,
    }


def tiles(scale, back):
    """A 4-D array from one pair of axes cut to another: tiles of a grid to rows of all."""
    n = max(8, int(80 * scale**0.25) // 8 * 8)
    shape = (n, n, n, n)
    tile, row = pm.Map([1, 1, -1, 1]), pm.Map([-1, 1, 1, 1])
    if back:
        tile, row = row, tile
    A, B = pm.zeros(shape, map=tile), pm.zeros(shape, map=row)
    A.local[...] = np.random.default_rng(R).random(A.local_shape)
    a, b = A.local.copy(), np.zeros(B.local_shape)
    there, here = (2, 0) if not back else (0, 2)

    def part(axis, r, own):
        box = [(0, m) for m in own]
        box[axis] = cut(n, r)
        return tuple(box)

    sent = boxes(a.shape, [part(here, r, a.shape) for r in range(P)])
    came = boxes(b.shape, [part(there, r, b.shape) for r in range(P)])
    by_types = alltoallw(a, b, sent, came)

    def packed():
        slices = [tuple(slice(*p) for p in part(here, r, a.shape)) for r in range(P)]
        buffer = np.concatenate([a[s].ravel() for s in slices])
        got = np.empty_like(buffer)
        COMM.Alltoall(buffer, got)
        for r, piece in enumerate(np.split(got, P)):
            at = tuple(slice(*p) for p in part(there, r, b.shape))
            b[at] = piece.reshape(b[at].shape)

    def assign():
        B[:] = A

    by_types()
    assign()
    if not np.array_equal(B.local, b):
        raise ValueError("the exchange by hand is another one")
    return {"pmap": assign, "raw Alltoallw": by_types, "raw packed": packed}


TWO = (2,)
TYPES, PACKED = {"pmap": ("raw Alltoallw", 1.2)}, {"pmap": ("raw packed", 1.2)}
"""The best of the exchanges by hand, as they were measured."""
CASES = [
    Case(
        "redistribute 8000 x 8000 float64, rows to columns, warm",
        lambda scale: rows_to_columns(scale, cold=False),
        {"pmap": ("raw Alltoallw", 0.7)},
        ranks=TWO,
    ),
    Case(
        "redistribute 8000 x 8000 float64, rows to columns, cold",
        lambda scale: rows_to_columns(scale, cold=True),
        {"pmap": ("raw Alltoallw", 0.7)},
        ranks=TWO,
    ),
    Case("redistribute 4e7 float64, block to cyclic", lambda s: line(s, 1), PACKED, ranks=TWO),
    Case("redistribute 4e7 float64, block to cyclic(64)", lambda s: line(s, 64), TYPES, ranks=TWO),
    Case("redistribute 80^4 float64, tiles to rows", lambda s: tiles(s, False), TYPES, ranks=TWO),
    Case("redistribute 80^4 float64, rows to tiles", lambda s: tiles(s, True), TYPES, ranks=TWO),
]

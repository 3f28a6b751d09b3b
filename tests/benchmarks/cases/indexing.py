"""Masks and integer arrays as indices: a selection, a gather, a scatter, one element."""

import numpy as np
from mpi4py import MPI

import pmap as pm

from . import Case

WORLD = MPI.COMM_WORLD
MILLIONS = 10


def data(scale):
    n = max(1000, int(MILLIONS * 1e6 * scale))
    rng = np.random.default_rng(1)
    return n, rng.normal(size=n), rng.random(n) < 0.5, rng.integers(0, n, n)


def my_part(n):
    edges = [n * r // WORLD.size for r in range(WORLD.size + 1)]
    return edges, slice(edges[WORLD.rank], edges[WORLD.rank + 1])


def line(values):
    n = len(values)
    edges, _ = my_part(n)
    return pm.asarray(values, map=pm.Map([-1], [("x", tuple(edges))]))


def select(scale):
    n, x, mask, _ = data(scale)
    A, M = line(x), line(mask)
    _, mine = my_part(n)
    part, chosen = x[mine].copy(), mask[mine].copy()

    def by_hand():
        found = part[chosen]
        WORLD.allgather(len(found))

    return {"pmap": lambda: A[M], "raw": by_hand, "numpy": lambda: x[mask]}


def select_columns(scale):
    n, x, mask, _ = data(scale)
    shape = (1000, n // 1000)
    x, mask = x[: shape[0] * shape[1]].reshape(shape), mask[: shape[0] * shape[1]].reshape(shape)
    A, M = (pm.asarray(v, map=pm.Map([1, -1])) for v in (x, mask))
    return {"pmap": lambda: A[M], "numpy": lambda: x[mask]}


def exchanged(parts, dtype):
    """Alltoallv of arrays by hand."""
    counts = np.array([len(p) for p in parts], np.int64)
    coming = np.empty_like(counts)
    WORLD.Alltoall(counts, coming)
    out = np.empty(coming.sum(), dtype)
    kind = MPI.BYTE
    size = np.dtype(dtype).itemsize
    WORLD.Alltoallv(
        [np.concatenate(parts).view(np.uint8), counts * size, kind],
        [out.view(np.uint8), coming * size, kind],
    )
    return np.split(out, np.cumsum(coming)[:-1])


def asked_by_hand(part, wanted, edges):
    owner = np.searchsorted(edges, wanted, side="right") - 1
    order = np.argsort(owner.astype(np.uint8), kind="stable")
    ends = np.cumsum(np.bincount(owner, minlength=WORLD.size))[:-1]
    return order, exchanged(np.split(wanted[order], ends), np.int64)


def gather(distributed):
    def build(scale):
        n, x, _, index = data(scale)
        A, INDEX = line(x), line(index)
        edges, mine = my_part(n)
        part, wanted = x[mine].copy(), index[mine].copy()

        def by_hand():
            order, asked = asked_by_hand(part, wanted, edges)
            out = np.empty(len(wanted))
            out[order] = np.concatenate(
                exchanged([part[a - edges[WORLD.rank]] for a in asked], "f8")
            )

        key = INDEX if distributed else index
        return {"pmap": lambda: A[key], "raw": by_hand, "numpy": lambda: x[index]}

    return build


def scatter(scale):
    n, x, _, index = data(scale)
    A, V, INDEX = line(x), line(x[::-1].copy()), line(index)
    y, v = x.copy(), x[::-1].copy()
    edges, mine = my_part(n)
    part, wanted, values = x[mine].copy(), index[mine].copy(), v[mine].copy()

    def by_hand():
        order, asked = asked_by_hand(part, wanted, edges)
        owner = np.searchsorted(edges, wanted, side="right") - 1
        ends = np.cumsum(np.bincount(owner, minlength=WORLD.size))[:-1]
        came = exchanged(np.split(values[order], ends), "f8")
        part[np.concatenate(asked) - edges[WORLD.rank]] = np.concatenate(came)

    return {
        "pmap": lambda: A.__setitem__(INDEX, V),
        "raw": by_hand,
        "numpy": lambda: y.__setitem__(index, v),
    }


def fill(scale):
    _, x, mask, _ = data(scale)
    A, M = line(x), line(mask)
    y = x.copy()
    return {"pmap": lambda: A.__setitem__(M, 0.0), "numpy": lambda: y.__setitem__(mask, 0.0)}


def table(scale):
    n, x, _, index = data(scale)
    lut, labels = x[:1000].copy(), index % 1000
    T, L = pm.asarray(lut, map=pm.Map([-1])), line(labels)
    return {"pmap": lambda: T[L], "numpy": lambda: lut[labels]}


def add_at(scale):
    n, x, _, index = data(scale)
    A, V, INDEX = line(np.zeros(n)), line(x), line(index)
    y = np.zeros(n)
    return {
        "pmap": lambda: np.add.at(A, INDEX, V),
        "numpy": lambda: np.add.at(y, index, x),
    }


LOOPS = 1000


def element(scale):
    x = np.arange(10000.0).reshape(100, 100)
    A = pm.asarray(x, map=pm.Map([-1, 1]))
    part = A.local.copy()

    def repeated(work):
        def run():
            for _ in range(LOOPS):
                work()

        return run

    return {
        "pmap": repeated(lambda: A[1, 7]),
        "raw": repeated(lambda: WORLD.bcast(part[1, 7] if WORLD.rank == 0 else None)),
        "numpy": repeated(lambda: x[1, 7]),
    }


LIKE_NUMPY = {"pmap": ("numpy", 2.5)}
CASES = [
    Case("mask of rows: half of 1e7 float64", select, LIKE_NUMPY),
    Case("mask of columns: half of 1000 x 10000 float64", select_columns, LIKE_NUMPY),
    Case("index, an ndarray: 1e7 float64", gather(False), LIKE_NUMPY),
    Case("index, a DistArray: 1e7 float64", gather(True), LIKE_NUMPY),
    Case("assignment by index: 1e7 float64", scatter, LIKE_NUMPY),
    Case("mask = 0: 1e7 float64", fill, LIKE_NUMPY),
    Case("table of 1000 by 1e7 labels", table, LIKE_NUMPY),
    Case("np.add.at: 1e7 float64", add_at, LIKE_NUMPY),
    Case("100 x 100: one element", element, {"pmap": ("raw", 1.5)}, LOOPS),
]

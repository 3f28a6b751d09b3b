"""Indexing, and the functions that stand on it."""

import numpy as np

import pmap as pm

from . import COLLECTIVE, LOCAL, MAPS, Entry


def assigned(A, key, value):
    A[key] = value
    return A


def changed(function, *args):
    """A, after a function wrote into it."""
    return lambda A: (function(A, *args), A)[1]


INDEX = np.array([3, 1, 1])
ROW = np.arange(10)[None] % 2
EQUAL = "an ndarray is equal on all ranks"
ENTRIES = [
    Entry("A[2:9, ::-1]", lambda A: A[2:9, ::-1], LOCAL, "kept", "view"),
    Entry("A[3, 4]", lambda A: A[3, 4], COLLECTIVE, "scalar", "-"),
    Entry("A[mask]", lambda A: A[A > 0], COLLECTIVE, "explicit"),
    Entry("A[index]", lambda A: A[INDEX], COLLECTIVE, "kept", note=EQUAL),
    Entry("A[:, index]", lambda A: A[:, INDEX], COLLECTIVE, "kept", note=EQUAL),
    Entry("A[2:5] = x", lambda A: assigned(A, np.s_[2:5], 1.0), LOCAL, "same", "in place"),
    Entry("A[mask] = x", lambda A: assigned(A, A > 0, 1.0), LOCAL, "same", "in place"),
    Entry("A[index] = x", lambda A: assigned(A, INDEX, 1.0), LOCAL, "same", "in place", note=EQUAL),
    Entry("A[mask] = B", lambda A: assigned(A, A > 0, -A[A > 0]), COLLECTIVE, "same", "in place"),
    Entry("np.add.at", changed(np.add.at, INDEX, 1.0), LOCAL, "same", "in place", note=EQUAL),
    Entry("pm.take", lambda A: pm.take(A, INDEX, axis=0), COLLECTIVE, "kept"),
    Entry("pm.take_along_axis", lambda A: pm.take_along_axis(A, ROW, axis=0), COLLECTIVE, "kept"),
    Entry("pm.put", changed(pm.put, [0, 5], 7.0), LOCAL, "same", "in place", note=EQUAL),
    Entry(
        "pm.put_along_axis",
        changed(pm.put_along_axis, INDEX[:, None], 7.0, 0),
        LOCAL,
        "same",
        "in place",
        note=EQUAL,
    ),
    Entry("pm.compress", lambda A: pm.compress(A[:, 0] > 0, A, 0), COLLECTIVE, "kept"),
    Entry("pm.extract", lambda A: pm.extract(A > 0, A), COLLECTIVE, "explicit"),
    Entry("pm.choose", lambda A: pm.choose((A > 0).astype(int), [A, -A]), COLLECTIVE, "same"),
    Entry("pm.select", lambda A, B: pm.select([A > 0], [B], 1.0), MAPS, "same"),
    Entry("pm.nonzero", lambda A: pm.nonzero(A > 0), COLLECTIVE, "explicit"),
    Entry("pm.flatnonzero", lambda A: pm.flatnonzero(A > 0), COLLECTIVE, "explicit"),
    Entry("pm.argwhere", lambda A: pm.argwhere(A > 0), COLLECTIVE, "kept"),
    Entry(
        "pm.unravel_index",
        lambda A: pm.unravel_index(A.astype(int) + 41, (13, 10)),
        COLLECTIVE,
        "same",
    ),
    Entry(
        "pm.ravel_multi_index",
        lambda A: pm.ravel_multi_index((A.astype(int) + 41, 1), (130, 2)),
        COLLECTIVE,
        "same",
    ),
    Entry("pm.ix_", lambda A: pm.ix_(A[:, 0], A[0]), LOCAL, "kept", "-"),
    Entry("pm.copyto", lambda A, B: (pm.copyto(A, -B), A)[1], MAPS, "same", "in place"),
    Entry(
        "pm.place",
        lambda A: changed(pm.place, A > 0, [1.0, 2.0])(A),
        COLLECTIVE,
        "same",
        "in place",
    ),
    Entry("pm.putmask", lambda A: changed(pm.putmask, A > 0, 7.0)(A), LOCAL, "same", "in place"),
    Entry("pm.diagonal", lambda A: pm.diagonal(A), COLLECTIVE, "kept"),
    Entry("pm.diag", lambda A: pm.diag(A, 1), COLLECTIVE, "kept"),
    Entry("pm.diagflat", lambda A: pm.diagflat(A[:, 0]), COLLECTIVE, "kept"),
    Entry("pm.trace", lambda A: pm.trace(A), COLLECTIVE, "scalar", "-"),
    Entry("pm.fill_diagonal", changed(pm.fill_diagonal, 7.0), LOCAL, "same", "in place"),
    Entry("pm.delete", lambda A: pm.delete(A, [1, 5], 0), COLLECTIVE, "kept"),
    Entry("pm.insert", lambda A: pm.insert(A, 2, 1.0, 0), COLLECTIVE, "kept"),
]

"""pMATLAB's words, the world, tasks, and what shows an array."""

import numpy as np

import pmap as pm

from . import COLLECTIVE, LOCAL, MAPS, SHAPE, Entry, matrix


def with_halo(held):
    """Rows, or columns, with a halo; those of a cyclic map without."""
    cut = [g if w == "b" else 1 for g, w in zip(held.grid, held.dist, strict=True)]
    wide = pm.Map(cut, overlap=1)
    return pm.asarray(np.arange(120.0).reshape(SHAPE), map=wide)


def _alone(A):
    with pm.alone() as world:
        return world.size


def _recorded(A):
    with pm.record() as r:
        return r.bytes


ENTRIES = [
    Entry("pm.agg", lambda A: pm.agg(A), COLLECTIVE, "other", "-", note="an ndarray on root"),
    Entry("pm.scatter", lambda A: pm.scatter(np.ones(SHAPE), A.map), COLLECTIVE, "given"),
    Entry("pm.remap", lambda A: pm.remap(A, pm.Map([1, -1], "c")), COLLECTIVE, "given"),
    Entry("pm.transpose_grid", lambda A: pm.transpose_grid(A), COLLECTIVE, "given"),
    Entry("pm.synch", lambda A: pm.synch(A), COLLECTIVE, "given", "view", of=with_halo),
    Entry("pm.put_local", lambda A: pm.put_local(A, A.local + 1), LOCAL, "given", "in place"),
    Entry("pm.grid", lambda A: pm.grid(A), LOCAL, "ndarray", "-"),
    Entry("pm.inmap", lambda A: pm.inmap(A.map, 0), LOCAL, "other", "-"),
    Entry("pm.global_ind", lambda A: pm.global_ind(A, 0), LOCAL, "other", "-"),
    Entry("pm.global_range", lambda A: pm.global_range(A, 0), LOCAL, "other", "-"),
    Entry("pm.global_ranges", lambda A: pm.global_ranges(A, 0), LOCAL, "other", "-"),
    Entry("pm.global_block_range", lambda A: pm.global_block_range(A[:0], 0), LOCAL, "other", "-"),
    Entry(
        "pm.global_block_ranges", lambda A: pm.global_block_ranges(A[:0], 0), LOCAL, "other", "-"
    ),
    Entry("pm.auto", lambda A: pm.auto(SHAPE), LOCAL, "other", "-", note="a map"),
    Entry("pm.default_map", lambda A: pm.default_map(), LOCAL, "other", "-"),
    Entry("pm.barrier", lambda A: pm.barrier(), COLLECTIVE, "none", "-"),
    Entry("pm.once", lambda A: pm.once(max, 3, 4), COLLECTIVE, "other", "-"),
    Entry("pm.alone", _alone, LOCAL, "other", "-"),
    Entry("pm.foreach", lambda A: pm.foreach([1, 2, 3], abs), COLLECTIVE, "other", "-"),
    Entry("pm.usage", lambda A: pm.usage(), COLLECTIVE, "other", "-"),
    Entry("pm.record", _recorded, LOCAL, "other", "-"),
    Entry(
        "pm.show", lambda A: pm.show(A), LOCAL, "none", "-", note="with `values=True` COLLECTIVE"
    ),
    Entry(
        "pm.ownership", lambda A: pm.ownership(A), LOCAL, "other", "-", note="the picture as text"
    ),
    Entry("pm.fuse", lambda A, B: pm.fuse(lambda a, b: a + 2 * b)(A, B), MAPS, "same"),
    Entry("np.amax", lambda A: np.amax(A), COLLECTIVE, "scalar", "-"),
    Entry("np.amin", lambda A: np.amin(A), COLLECTIVE, "scalar", "-"),
    Entry("np.around", lambda A: np.around(A, 1), LOCAL, "same"),
    Entry("np.isclose", lambda A, B: np.isclose(A, B), MAPS, "same"),
    Entry("np.array_equal", lambda A: np.array_equal(A, A), COLLECTIVE, "other", "-"),
    Entry("np.shape", lambda A: np.shape(A), LOCAL, "other", "-"),
    Entry("np.ndim", lambda A: np.ndim(A), LOCAL, "other", "-"),
    Entry("np.size", lambda A: np.size(A), LOCAL, "other", "-"),
    Entry("np.array_repr", lambda A: np.array_repr(A), LOCAL, "other", "-"),
    Entry("np.array_str", lambda A: np.array_str(A), LOCAL, "other", "-"),
    Entry("A[i] = x", lambda A: A.__setitem__(0, 1.5), LOCAL, "none", "in place", of=matrix),
]

"""Overlaps on real ranks: what is owned, what is written, what synch combines."""

import numpy as np
import pytest

import pmap as pm
from pmap.ranks.comm import world

SHAPE = (9, 7)


def grids():
    size = world().size
    return [[size, 1], [1, size]] + ([[2, size // 2]] if size % 2 == 0 else [])


def wide_boxes(A):
    """Each rank's block with its halo, by definition: None where it owns nothing."""
    found = []
    for rank in range(world().size):
        owned = A.map.owned(A.shape, rank)
        if owned is None or not all(len(o) for o in owned):
            found.append(None)
            continue
        spans = zip(owned, A.map.overlap, A.shape, strict=True)
        found.append(tuple(slice(max(0, o.lo - h), min(n, o.hi + h)) for o, h, n in spans))
    return found


@pytest.mark.parametrize("op", ["sum", "max", "min"])
@pytest.mark.parametrize("overlap", [1, (2, 1), (0, 3), 20])
@pytest.mark.parametrize("dist", ["b", "ceil"])
def test_synch_combines_every_halo_value_into_its_owner(op, overlap, dist):
    """Corners and overlaps wider than a block included."""
    combine = {"sum": np.add, "max": np.maximum, "min": np.minimum}[op]
    for grid in grids():
        A = pm.zeros(SHAPE, np.int64, map=pm.Map(grid, dist, overlap=overlap))
        rng = np.random.default_rng(7)
        parts = [rng.integers(-99, 99, SHAPE) for _ in range(world().size)]
        boxes = wide_boxes(A)
        mine = boxes[world().rank]
        if mine is not None:
            A.local_with_halo()[...] = parts[world().rank][mine]
        owned = np.asarray(A)
        expected = owned.copy()
        for rank, box in enumerate(boxes):
            if box is None:
                continue
            inner = tuple(slice(o.lo, o.hi) for o in A.map.owned(SHAPE, rank))
            halo = np.zeros(SHAPE, bool)
            halo[box] = True
            halo[inner] = False
            expected[halo] = combine(expected[halo], parts[rank][halo])
        pm.synch(A, op)
        assert np.array_equal(np.asarray(A), expected), (grid, A.map)
        if mine is not None:
            assert np.array_equal(A.local_with_halo(), expected[mine])


def test_local_is_the_owned_part_and_writable():
    A = pm.zeros(SHAPE, map=pm.Map([-1, 1], overlap=2))
    assert A.local.shape == A.local_shape == A.map.local_shape(SHAPE, world().rank)
    A.local[...] = world().rank + 1
    assert (A.local_with_halo() == 0).sum() == A.local_with_halo().size - A.local.size
    sizes = [A.map.local_shape(SHAPE, r)[0] for r in range(world().size)]
    rows = np.repeat(np.arange(world().size) + 1.0, sizes)
    assert np.array_equal(np.asarray(A), np.broadcast_to(rows[:, None], SHAPE))


def test_an_overlap_beside_a_cyclic_axis():
    a = np.arange(9 * 14).reshape(9, 14)
    size = world().size
    for grid in [[size, 1], [1, size], [size // 2, 2] if size % 2 == 0 else [1, size]]:
        for word in ("c", ("bc", 3)):
            A = pm.asarray(a, map=pm.Map(grid, ["b", word], overlap=[2, 0]))
            A.local_with_halo()[...] = -1
            A[:] = a
            pm.synch(A)
            rows, columns = A.map.owned(A.shape, world().rank)
            wide = range(max(0, rows.lo - 2), min(9, rows.hi + 2)) if len(rows) else []
            assert np.array_equal(A.local_with_halo(), a[np.ix_(wide, columns.indices())])
            A.local_with_halo()[...] = world().rank
            pm.synch(A, "max")
            highest = max(r for r in range(size) if A.map.coords(r)[0] == A.map.grid[0] - 1)
            assert np.asarray(A)[-1].max() == highest


def test_views_of_and_assignment_to_halo_arrays():
    a = np.arange(63.0).reshape(SHAPE)
    for grid in grids():
        A = pm.zeros(SHAPE, map=pm.Map(grid, overlap=(2, 1)))
        A[:] = pm.asarray(a, map=pm.Map(grid[::-1], "c"))
        assert np.array_equal(np.asarray(A), a)
        assert A[:].map == A.map and not any(A[1:].map.overlap)
        assert world().allgather(A[:3].map) == [A[:3].map] * world().size
        A[2:8:2] = A[7:1:-2]
        b = a.copy()
        b[2:8:2] = a[7:1:-2]
        assert np.array_equal(np.asarray(A), b)
        A.T[1:3] *= 10
        b.T[1:3] *= 10
        assert np.array_equal(np.asarray(A), b)
        assert np.array_equal(np.asarray(A + A[::-1]), b + b[::-1])
        assert not any((A + 1).map.overlap)
        pm.synch(A)
        box = wide_boxes(A)[world().rank]
        if box is not None:
            assert np.array_equal(A.local_with_halo(), b[box])
        assert np.array_equal(np.asarray(A.sum(0)), np.asarray(pm.asarray(b, map="auto").sum(0)))

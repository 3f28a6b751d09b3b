"""pMATLAB's words on real ranks: agg, scatter, put_local, ranges, halos, boxes."""

import numpy as np
import pytest
from map_zoo import every_map

import pmap as pm
from pmap.ranks.comm import world
from pmap.regions import fetch, owned_box, store

SHAPE = (13, 11)


def whole():
    return np.arange(13 * 11, dtype=np.int32).reshape(SHAPE)


def test_agg_is_whole_on_the_root_and_none_elsewhere():
    for root in range(world().size):
        A = pm.asarray(whole(), map=every_map(SHAPE)["bc2 subset"])
        found = pm.agg(A, root)
        if world().rank == root:
            assert np.array_equal(found, whole())
        else:
            assert found is None
    assert np.array_equal(pm.agg_all(A), whole())


def test_scatter_remap_and_transposed_grid():
    root = world().size - 1
    values = whole() if world().rank == root else None
    for array_map in list(every_map(SHAPE).values())[::5]:
        A = pm.scatter(values, array_map, root)
        assert A.dtype == np.int32
        assert np.array_equal(np.asarray(A), whole())
        B = pm.remap(A, pm.Map([1, -1], "c"))
        assert B.dtype == np.int32
        assert np.array_equal(np.asarray(B), whole())
    rows = pm.asarray(whole(), map=pm.Map([-1, 1]))
    turned = pm.transpose_grid(rows)
    assert turned.map.grid == rows.map.grid[::-1]
    assert np.array_equal(np.asarray(turned), whole()) and np.array_equal(np.asarray(rows), whole())


def test_put_local_and_ranges():
    A = pm.zeros(SHAPE, map=pm.Map([-1, 1]))
    lo, hi = pm.global_block_range(A, 0)
    assert (hi - lo, 11) == A.local_shape
    pm.put_local(A, np.full(A.local_shape, world().rank))
    ranges = pm.global_block_ranges(A, 0)
    expected = np.concatenate([np.full((b - a, 11), r) for r, (a, b) in enumerate(ranges)])
    assert np.array_equal(np.asarray(A), expected)
    C = pm.zeros(SHAPE, map=pm.Map([-1, 1], "c"))
    assert [i for a, b in pm.global_range(C, 0) for i in range(a, b)] == list(pm.global_ind(C, 0))
    if world().size > 1:
        with pytest.raises(ValueError, match="global_ranges"):
            pm.global_block_ranges(C, 0)
    with pytest.raises(ValueError, match="put_local got shape"):
        pm.put_local(A, np.zeros((99, 11)))


@pytest.mark.parametrize("overlap", [1, (2, 1), 20])
def test_synch_fills_halos_with_corners(overlap):
    size = world().size
    for grid in ([size, 1], [1, size], [2, size // 2] if size % 2 == 0 else [size, 1]):
        A = pm.asarray(whole(), map=pm.Map(grid, "b", overlap=overlap))
        A.local_with_halo()[...] = -1
        A[:] = whole()
        pm.synch(A)
        h = np.broadcast_to(overlap, 2)
        box = [pm.global_block_range(A, a) for a in (0, 1)]
        if all(a < b for a, b in box):
            wide = tuple(slice(max(0, a - k), b + k) for (a, b), k in zip(box, h, strict=True))
            assert np.array_equal(A.local_with_halo(), whole()[wide])


def test_synch_combines_halos_into_their_owners():
    A = pm.zeros(12, map=pm.Map([-1], overlap=1))
    A.local_with_halo()[...] = 1
    pm.synch(A, "sum")
    inner = sum(([b - 1, b] for _, b in pm.global_block_ranges(A, 0) if b < 12), [])
    expected = np.ones(12)
    for i in inner:
        expected[i] += 1
    assert np.array_equal(np.asarray(A), expected)
    lo, hi = pm.global_block_range(A, 0)
    assert np.array_equal(A.local_with_halo(), expected[max(0, lo - 1) : hi + 1])
    with pytest.raises(ValueError, match="mean"):
        pm.synch(A, "mean")


def test_boxes_are_read_and_written():
    me = world()
    boxes = [
        [(slice(r, 9), slice(0, 4)), (slice(3, 3), slice(0, 2)), (slice(0, 13), slice(r, r + 2))]
        for r in range(me.size)
    ]
    for name, array_map in every_map(SHAPE).items():
        A = pm.asarray(whole(), map=array_map)
        for found, box in zip(fetch(A, boxes), boxes[me.rank], strict=True):
            assert np.array_equal(found, whole()[box]), name
        bands = [[(slice(3 * r, 3 * r + 2), slice(1, 10))] for r in range(me.size)]
        store(A, bands, [np.full((2, 9), -r) for r in [me.rank]])
        expected = whole()
        for r, band in enumerate(bands):
            expected[band[0]] = -r
        assert np.array_equal(np.asarray(A), expected), name
        box = owned_box(A, me.rank)
        if box is not None:
            assert np.array_equal(A.local, expected[box])
    with pytest.raises(ValueError, match="not inside"):
        fetch(A, [[(slice(0, 99), slice(0, 1))]] * me.size)


def test_from_function_and_from_local():
    for array_map in list(every_map(SHAPE).values())[::4]:
        A = pm.from_function(lambda i, j: 11 * i + j, SHAPE, map=array_map, dtype=np.int32)
        assert np.array_equal(np.asarray(A), whole())
        B = pm.from_local(A.local.copy(), SHAPE, map=array_map)
        assert np.array_equal(np.asarray(B), whole())


def test_an_array_of_all_ranks_is_refused_where_one_works_alone():
    A = pm.asarray(whole(), map=pm.Map([1, -1], "c"))
    B = pm.zeros(SHAPE, np.int32, map=pm.Map([-1, 1]))
    with pm.alone(), pytest.raises(pm.PmapError, match="works alone"):
        B[:] = A
    with pm.alone():
        C = pm.zeros(SHAPE, np.int32, map=pm.Map([-1, 1]))
        assert C.local_shape == SHAPE and C.map.procs == (0,)
        C[:] = whole()
        assert np.array_equal(np.asarray(C), whole())

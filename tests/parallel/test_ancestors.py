"""What pMATLAB, pPython and their like got wrong, and pmap must get right."""

import numpy as np
import pytest
from map_zoo import every_map, held

import pmap as pm
from pmap.ranks.comm import world

SHAPE = (13, 11)


def pair(dtype=float):
    a = np.arange(143).reshape(SHAPE).astype(dtype)
    return a, pm.asarray(a, map=pm.Map([-1, 1]))


def test_a_product_does_not_overwrite_its_operand():
    a, X = pair()
    Y = X * 2 + 1
    X * Y, X + Y, np.sin(X), np.uint8(1) * X, X.astype("u1")
    assert np.array_equal(np.asarray(X), a) and np.array_equal(np.asarray(Y), a * 2 + 1)


def test_equality_is_elementwise_not_any():
    a, X = pair()
    Y = pm.zeros(SHAPE, map=pm.Map([1, -1], "c"))
    Y[0, 0] = a[0, 0]
    assert np.array_equal(np.asarray(X == Y), a == np.asarray(Y))
    assert not (X == Y).all()
    with pytest.raises(ValueError, match="ambiguous"):
        bool(X == Y)
    assert not np.asarray(X == None).any()  # noqa: E711


def test_all_operators_are_there():
    a, X = pair()
    for f in [
        lambda x: 1 + x,
        lambda x: x / 2,
        lambda x: -x,
        lambda x: x**2,
        lambda x: x > 5,
        lambda x: 1 - x,
        lambda x: abs(x - 70),
        lambda x: divmod(x, 7)[1],
        lambda x: x % 3 == 0,
        np.sqrt,
        lambda x: x + np.ones(11),
    ]:
        assert np.array_equal(np.asarray(f(X)), f(a))


def test_an_element_is_read_on_all_ranks():
    a, X = pair()
    assert world().allgather(float(X[12, 10])) == [142.0] * world().size
    assert X[-1, 0] == a[-1, 0]


def test_dtypes_survive_every_way_to_move():
    for dtype in ("u2", "u1", "f4", "?", "c8", "u8"):
        a, X = pair(dtype)
        moved = [pm.remap(X, pm.Map([1, -1], "c")), pm.transpose_grid(X), X[2:].copy(), X.T]
        moved += [pm.scatter(a, pm.Map([-1, 1])), pm.agg_all(X), pm.zeros_like(X), X[::-2]]
        assert {np.dtype(m.dtype) for m in moved} == {np.dtype(dtype)}


def test_fewer_elements_than_ranks():
    for shape in [(1, 1), (0, 3), (2, 1)]:
        a = np.ones(shape)
        for array_map in list(every_map(shape).values())[::3]:
            A = pm.asarray(a, map=array_map)
            assert A.sum() == a.sum() and np.array_equal(np.asarray(A + 1), a + 1)
            assert np.array_equal(pm.agg_all(pm.remap(A, pm.Map([1, -1], "ceil"))), a)


def test_the_order_of_procs_is_the_order_of_pieces():
    ranks = list(range(world().size))[::-1]
    A = pm.from_function(lambda i: i, world().size * 2, map=pm.Map([world().size], procs=ranks))
    place = ranks.index(world().rank)
    assert A.local.tolist() == [2 * place, 2 * place + 1]
    if world().size == 4:
        rows, columns = (pm.Map([2, 2], procs=range(4), order=o) for o in "CF")
        assert rows.rank_at((0, 1)) == 1 and columns.rank_at((0, 1)) == 2


def test_asarray_is_the_global_array_and_sum_the_global_sum():
    a, X = pair()
    assert np.asarray(X).shape == SHAPE and np.array(X, "f4").dtype == np.float32
    assert X.sum() == a.sum() and np.sum(X) == a.sum() and np.add.reduce(X, None) == a.sum()
    assert X.max() == 142 and np.mean(X) == a.mean()


def test_block_cyclic_sizes_by_definition():
    """Every n, block length and piece count: index i belongs to piece i // k mod P."""
    checked = 0
    for n in range(0, 28, 3):
        for k in range(1, 8):
            for pieces in range(1, 8):
                array_map = pm.Map([pieces], ("bc", k), procs=range(pieces))
                for p in range(pieces):
                    indices = [i for i in range(n) if i // k % pieces == p]
                    assert array_map.owned((n,), p)[0].indices().tolist() == indices
                    assert array_map.local_shape((n,), p) == (len(indices),)
                    checked += 1
    assert checked == 1960


def test_block_sizes_of_both_rules():
    for word, table in {
        "b": {13: [4, 3, 3, 3], 9: [3, 2, 2, 2], 5: [2, 1, 1, 1], 3: [1, 1, 1, 0]},
        "ceil": {13: [4, 4, 4, 1], 9: [3, 3, 3, 0], 5: [2, 2, 1, 0], 3: [1, 1, 1, 0]},
    }.items():
        for n, sizes in table.items():
            array_map = pm.Map([4], word, procs=range(4))
            assert [array_map.local_shape((n,), p)[0] for p in range(4)] == sizes


def test_agg_is_none_off_its_root_which_may_lie_outside_the_map():
    a, _ = pair()
    A = pm.asarray(a, map=pm.Map([1, 1], procs=[world().size - 1]))
    found = pm.agg(A, 0)
    assert (found is None) == (world().rank != 0)
    if found is not None:
        assert np.array_equal(found, a)


def test_transposing_the_grid_leaves_the_argument_alone():
    a, X = pair()
    Y = pm.transpose_grid(X)
    Y[:] = 0
    assert np.array_equal(np.asarray(X), a)


def test_uneven_pairs_that_raised_in_pPython():  # noqa: N802
    a, _ = pair(np.int32)
    rows, columns = [-1, 1], [1, -1]
    b, c, bc2, bc3 = "b", "c", ("bc", 2), ("bc", 3)
    pairs = [
        (rows, b, rows, c),
        (rows, c, rows, b),
        (columns, b, rows, c),
        (columns, c, columns, b),
    ]
    pairs += [(rows, c, columns, c), (rows, b, rows, bc2), (rows, bc2, columns, bc3)]
    for grid, word, other_grid, other_word in pairs:
        B = pm.zeros(SHAPE, np.int32, map=pm.Map(other_grid, other_word))
        B[:] = pm.asarray(a, map=pm.Map(grid, word))
        assert np.array_equal(np.asarray(B), a)


def test_put_local_checks_its_shape_at_once():
    _, X = pair()
    with pytest.raises(ValueError, match="put_local got shape"):
        pm.put_local(X, np.zeros((1, 1, 1)))


def test_integer_division_and_unsigned_types_are_numpys():
    a = np.arange(6, dtype=np.int64)
    A = pm.asarray(a, map=pm.Map([-1]))
    with np.errstate(divide="ignore"):
        assert (A / 2).dtype == np.float64
        assert np.array_equal(np.asarray(A // 0), a // 0)
    assert (A.astype("u2") + 1).dtype == np.uint16
    assert (A.astype("u2") + np.int32(1)).dtype == np.int32
    assert np.array_equal(np.asarray(A.astype("u1") - 1), a.astype("u1") - 1)


def test_regions_are_assigned_between_maps():
    a = np.arange(10.0)
    C, B = pm.zeros(10, map=pm.Map([-1], "c")), pm.asarray(a, map=pm.Map([-1]))
    C[2:9] = B[3:10]
    assert np.array_equal(np.asarray(C), [0, 0, 3, 4, 5, 6, 7, 8, 9, 0])


def test_every_element_has_one_owner():
    for array_map in every_map(SHAPE).values():
        owners = sum(held(array_map, SHAPE, r).astype(int) for r in range(world().size))
        assert (owners == array_map.copies).all()

"""DistArrays against NumPy: operators, views, reductions, at every map (contracts C2, C3, C6)."""

import numpy as np
import pytest
from map_zoo import every_map

import pmap as pm
from pmap.ranks.comm import world

SHAPE = (13, 11)
MAPS = ["b rows", "c columns", "bc2 grid", "explicit rows", "b subset", "bc3 reversed"]
MAPS += ["ceil columns", "b replicated"]


def sample(dtype=float, shape=SHAPE):
    values = np.random.default_rng(5).normal(size=shape) * 50
    return values.astype(dtype)


def mapped(values, name):
    return pm.asarray(values, map=every_map(values.shape)[name])


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "complex128", "bool"])
def test_operators(name, dtype):
    a, b = sample(dtype), sample(dtype)[::-1].copy()
    A, B = mapped(a, name), mapped(b, MAPS[(MAPS.index(name) + 3) % len(MAPS)])
    for f in [
        lambda x, y: x + y,
        lambda x, y: x * y,
        lambda x, y: x == y,
        lambda x, y: x + 1,
        lambda x, y: 2 * y,
        lambda x, y: x + y[0],
        lambda x, y: x[:, :1] * y,
        lambda x, y: np.where(x != y, x, y),
        lambda x, y: np.multiply(x, y) + np.abs(x),
    ]:
        found, expected = f(A, B), f(a, b)
        assert found.dtype == expected.dtype
        assert np.array_equal(np.asarray(found), expected)


@pytest.mark.parametrize("name", MAPS)
def test_operands_that_are_not_distributed(name):
    a = sample()
    A = mapped(a, name)
    assert np.array_equal(np.asarray(A - a[0]), a - a[0])
    assert np.array_equal(np.asarray(a[:, 2:3] / A), a[:, 2:3] / a)
    assert np.array_equal(np.asarray(a > A), a > a)
    A += 3
    A[2:5] *= 2
    a += 3
    a[2:5] *= 2
    assert np.array_equal(np.asarray(A), a)
    A[A > 50] = -1
    a[a > 50] = -1
    assert np.array_equal(np.asarray(A), a)


KEYS = [
    np.s_[3],
    np.s_[-1],
    np.s_[:, 4],
    np.s_[2:9],
    np.s_[9:2:-1],
    np.s_[::3, ::-2],
    np.s_[..., 1:],
    np.s_[None, 4:, None],
    np.s_[5:5],
    np.s_[1::2, 7],
    np.s_[12:3:-4, 10:0:-3],
]


@pytest.mark.parametrize("name", MAPS)
def test_slices_are_views(name):
    for key in KEYS:
        a = sample(int)
        A = mapped(a, name)
        view, expected = A[key], a[key]
        assert view.shape == expected.shape
        assert np.array_equal(np.asarray(view), expected), key
        view[...] = -7
        expected[...] = -7
        assert np.array_equal(np.asarray(A), a), key
    a, A = sample(int), mapped(sample(int), name)
    again, expected = A[1:, ::2][2:7, 1:4], a[1:, ::2][2:7, 1:4]
    assert np.array_equal(np.asarray(again), expected)
    again[1] = 99
    expected[1] = 99
    assert np.array_equal(np.asarray(A), a)
    assert np.array_equal(np.asarray(A.T[3:, ::4]), a.T[3:, ::4])


@pytest.mark.parametrize("name", MAPS)
def test_elements_are_equal_on_all_ranks(name):
    a = sample()
    A = mapped(a, name)
    for index in [(0, 0), (12, 10), (-1, 3)]:
        assert world().allgather(float(A[index])) == [a[index]] * world().size
    A[5, 6] = 2.5
    assert A[5, 6] == 2.5


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1), -1])
def test_exact_reductions(name, axis):
    a = sample("int16")
    A = mapped(a, name)
    for f in [np.sum, np.min, np.max, np.any, np.all, np.count_nonzero]:
        found, expected = f(A, axis=axis), f(a, axis=axis)
        assert np.asarray(found).dtype == np.asarray(expected).dtype
        assert np.array_equal(np.asarray(found), expected), f
    if not isinstance(axis, tuple):
        ties = (a // 20).astype(float)
        T = mapped(ties, name)
        assert np.array_equal(np.asarray(T.argmin(axis)), ties.argmin(axis))
        assert np.array_equal(np.asarray(T.argmax(axis)), ties.argmax(axis))
        ties[4, 5] = ties[9, 1] = np.nan
        T = mapped(ties, name)
        assert np.array_equal(np.asarray(T.argmax(axis)), ties.argmax(axis))
        assert np.array_equal(np.asarray(T.max(axis)), ties.max(axis), equal_nan=True)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "float16"])
@pytest.mark.parametrize("shape", [(13, 11), (300, 7), (5, 1000), (2000,), (3, 130, 4)])
def test_float_sums_are_the_same_at_any_map(dtype, shape):
    """Bit-identical to the DistArray on one rank (C2), close to NumPy."""
    values = (np.random.default_rng(1).normal(size=shape) * 10.0).astype(dtype)
    alone = pm.asarray(values, map=pm.Map([1] * len(shape)))
    rtol = {"float16": 1e-2, "float32": 1e-5, "complex64": 1e-5, "float64": 1e-12}[dtype]
    maps = every_map(shape) if len(shape) > 1 else one_axis_maps(shape)
    for name, array_map in list(maps.items())[:: 1 if dtype == "float32" else 4]:
        A = pm.asarray(values, map=array_map)
        for axis in [None, 0, -1]:
            found = np.asarray(A.sum(axis))
            assert np.array_equal(found, np.asarray(alone.sum(axis))), (name, axis)
            scale = np.abs(values).sum(axis)
            assert np.all(np.abs(found - values.sum(axis)) <= rtol * scale + 1e-30)
        assert np.asarray(A.var()) == np.asarray(alone.var())
        assert np.array_equal(np.asarray(A.mean(0)), np.asarray(alone.mean(0)))
        assert A.sum().dtype == values.dtype


def one_axis_maps(shape):
    size = world().size
    words = ["b", "c", ("bc", 3), ("bc", 64), "ceil"]
    return {str(w): pm.Map([size], w, range(size)[::-1]) for w in words}


def test_reductions_of_views_and_empty_arrays():
    a = sample(shape=(40, 300))
    A = mapped(a, "bc2 grid")
    alone = pm.asarray(a, map=pm.Map([1, 1]))
    for key in [np.s_[3:, 5:200:3], np.s_[::-1, ::-1], np.s_[7], np.s_[:0]]:
        assert np.array_equal(np.asarray(A[key].sum()), np.asarray(alone[key].sum()))
        assert np.array_equal(np.asarray(A[key].sum(0)), np.asarray(alone[key].sum(0)))
    with pytest.raises(ValueError, match="no identity"):
        A[:0].min()
    assert A[:0].sum() == 0


def test_keepdims_and_methods():
    a = sample()
    A = mapped(a, "bc2 grid")
    assert np.allclose(np.asarray(A - A.mean(axis=1, keepdims=True)), a - a.mean(1, keepdims=True))
    assert np.isclose(A.std(ddof=1), a.std(ddof=1), rtol=1e-12)
    assert np.asarray(A.astype("uint16")).dtype == np.uint16
    assert np.array_equal(np.asarray(np.clip(A, -3, 10)), np.clip(a, -3, 10))
    assert np.array_equal(np.asarray(np.squeeze(A[:, None])), a)
    assert np.allclose(A, a) and np.array_equal(A, a)
    assert float(A[2:3, 3:4]) == a[2, 3] and bool(A[2:3, 3:4] == a[2, 3])


def test_more_ranks_than_elements():
    for n in range(world().size + 2):
        A = pm.arange(n, map=pm.Map([-1]))
        assert int(A.sum()) == n * (n - 1) // 2
        assert np.array_equal(np.asarray(A * 2), np.arange(n) * 2)


def test_what_is_not_there_says_so():
    A = mapped(sample(), "b rows")
    with pytest.raises(TypeError, match="np.busday_count is not there"):
        np.busday_count(A, A)
    with pytest.raises(TypeError, match="np.add.reduceat is not there"):
        np.add.reduceat(A, [0, 2])
    with pytest.raises(ValueError, match="could not be broadcast"):
        A + np.zeros(5)
    with pytest.raises(IndexError, match="out of bounds"):
        A[13]
    pm.options.gather_limit = 8
    try:
        with pytest.raises(MemoryError, match="gather_limit"):
            np.asarray(A)
    finally:
        pm.options.gather_limit = 1 << 30


def test_strict_mode_refuses_to_align():
    A, B = mapped(sample(), "b rows"), mapped(sample(), "c columns")
    pm.options.strict = True
    try:
        if world().size > 1:
            with pytest.raises(ValueError, match="maps differ"):
                A + B
        A + A
    finally:
        pm.options.strict = False


def test_creation_matches_numpy():
    for array_map in one_axis_maps((1,)).values():
        for args in [(7,), (2, 11), (0, 1, 0.1), (5, 0, -1), (0, 0)]:
            found, expected = pm.arange(*args, map=array_map), np.arange(*args)
            assert found.dtype == expected.dtype
            assert np.array_equal(np.asarray(found), expected)
        for args in [(0, 1, 7), (3, -2, 11), (2, 2, 3), (0, 5, 1), (0, 1, 0)]:
            found = np.asarray(pm.linspace(*args, map=array_map))
            assert np.array_equal(found, np.linspace(*args))
    grid = every_map(SHAPE)["bc2 grid"]
    assert np.array_equal(np.asarray(pm.eye(13, 11, 2, map=grid)), np.eye(13, 11, 2))
    assert np.array_equal(np.asarray(pm.full(SHAPE, 3, "u2", map=grid)), np.full(SHAPE, 3, "u2"))


def test_serial_mode_is_plain_numpy():
    for none in (None, 1):
        A = pm.zeros(SHAPE, map=none)
        assert type(A) is np.ndarray
        assert pm.agg(A) is A and pm.agg_all(A) is A and pm.synch(A) is A and pm.local(A) is A
        assert pm.global_block_range(A, 0) == (0, 13)
        assert np.array_equal(pm.global_ind(A, 1), np.arange(11))
    assert type(pm.zeros(3)) is np.ndarray
    pm.default_map("auto")
    try:
        assert isinstance(pm.zeros(SHAPE), pm.DistArray)
        assert type(pm.zeros(SHAPE, map=None)) is np.ndarray
    finally:
        pm.default_map(None)

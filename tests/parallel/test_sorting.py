"""Sorting on every map: NumPy's values, the same bits at any map (C2, C3)."""

import numpy as np
import pytest
from sorting_cases import arrays, same, same_bits, sizes, values_of

import pmap as pm
from pmap.ranks.comm import world

DTYPES = ("bool", "u1", "i2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16", "M8[s]", "U2")


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_line_is_sorted_as_numpy_does(dtype):
    for n in sizes() if dtype in ("u1", "f4") else (0, 13, 14):
        x = values_of(dtype, (n,), seed=n)
        want, order = np.sort(x, kind="stable"), np.argsort(x, kind="stable")
        for A in arrays(x, every=dtype == "f4" and n == 13):
            got = np.sort(A)
            assert got.map == A.map
            same_bits(got, want)
            same(np.argsort(A), order)
            same(A, x)


@pytest.mark.parametrize("axis", [0, 1, -1, None])
@pytest.mark.parametrize("dtype", ["u1", "f4", "c8", "U2"])
def test_any_axis_of_a_matrix(axis, dtype):
    for shape in [(7, 5), (2, 11), (11, 1), (0, 3), (3, 0)]:
        x = values_of(dtype, shape, seed=3)
        for A in arrays(x):
            same_bits(np.sort(A, axis=axis), np.sort(x, axis=axis, kind="stable"))
            same(np.argsort(A, axis=axis), np.argsort(x, axis=axis, kind="stable"))
            if axis is not None:
                assert np.sort(A, axis=axis).map == A.map


def test_three_axes_and_views():
    x = values_of("f8", (4, 6, 5), seed=4)
    for A in arrays(x):
        for axis in range(3):
            same_bits(np.sort(A, axis=axis), np.sort(x, axis=axis, kind="stable"))
        same_bits(np.sort(A[::-1, 1::2].T), np.sort(x[::-1, 1::2].T, kind="stable"))
        same(np.argsort(A[1, ::-2, 3]), np.argsort(x[1, ::-2, 3], kind="stable"))


def test_descending_keeps_the_order_of_equal_elements():
    x = values_of("i8", (23,), seed=5)
    y = values_of("u1", (5, 6), seed=6)
    for A in arrays(x):
        got = pm.argsort(A, descending=True)
        assert got.map == A.map
        same(got, np.argsort(-x, kind="stable"))
        same(pm.sort(A, descending=True), np.sort(x)[::-1])
        assert pm.sort(A, descending=True).block.flags.c_contiguous
    for A in arrays(y):
        for axis in (0, 1):
            want = np.argsort(-y.astype(int), axis=axis, kind="stable")
            same(pm.argsort(A, axis=axis, descending=True), want)
            same(pm.sort(A, axis=axis, descending=True), np.flip(np.sort(y, axis), axis))
    same(pm.argsort(x, descending=True), np.argsort(-x, kind="stable"))
    same(pm.sort(x, descending=True), np.sort(x)[::-1])


@pytest.mark.parametrize("dtype", ["f4", "i8"])
@pytest.mark.parametrize("kind", ["random", "equal", "two values", "ordered", "NaN", "zeros"])
def test_a_large_line(dtype, kind):
    n = 140_000 * world().size + 7
    rng = np.random.default_rng(7)
    x = rng.integers(-(2**30), 2**30, n)
    if kind == "equal":
        x[:] = 5
    if kind == "two values":
        x &= 1
    if kind == "ordered":
        x.sort()
    x = x.astype(dtype)
    if kind == "NaN" and dtype == "f4":
        x[rng.random(n) < 0.6] = np.nan
    if kind == "zeros" and dtype == "f4":
        x[rng.random(n) < 0.5] = 0.0
        x[rng.random(n) < 0.3] *= -0.0
    want = np.sort(x, kind="stable")
    for held in (pm.Map([-1]), pm.Map([-1], "c")):
        same_bits(np.sort(pm.asarray(x, map=held)), want)


def test_partitions():
    x = values_of("f8", (31,), seed=8)
    for A in arrays(x):
        for kth in (0, 30, -1, [3, 9]):
            same(np.partition(A, kth)[np.ravel(kth)[0]], np.sort(x)[np.ravel(kth)[0]])
            order = np.asarray(np.argpartition(A, kth))
            assert sorted(order.tolist()) == list(range(31))
            same(x[order][kth], np.sort(x)[kth])


def test_lexsort():
    rng = np.random.default_rng(9)
    a, b = rng.integers(0, 4, 40), rng.integers(0, 3, 40) * 0.5
    b[::7] = np.nan
    c = rng.integers(0, 2, 40).astype("U1")
    other = pm.asarray(b, map=pm.Map([-1], "c"))
    for A in arrays(a):
        same(np.lexsort((A, other)), np.lexsort((a, b)))
        same(np.lexsort((b, A)), np.lexsort((b, a)))
        same(np.lexsort((A, c, other)), np.lexsort((a, c, b)))
    for shape in [(6, 7), (1, 30)]:
        u, v = rng.integers(0, 3, shape), rng.integers(0, 3, shape)
        for A, B in zip(arrays(u), reversed(list(arrays(v))), strict=True):
            for axis in (0, 1):
                got = np.lexsort((A, B), axis)
                same(got, np.lexsort((u, v), axis))
                assert got.map == A.map
    with pytest.raises(ValueError, match="same shape"):
        np.lexsort((A, other[:3]))


def test_arrays_of_no_axes():
    A = pm.asarray(np.array(3.0), map="auto")
    assert np.lexsort((A, A)) == 0
    same(np.sort(A, axis=None), np.array([3.0]))
    same(np.argsort(A), np.array([0]))
    with pytest.raises(np.exceptions.AxisError):
        np.sort(A)


def test_wrong_arguments_raise_on_all_ranks():
    A = pm.arange(7, map=pm.Map([-1]))
    with pytest.raises(np.exceptions.AxisError):
        np.sort(A, axis=1)
    with pytest.raises(ValueError, match=r"kth\(=7\) out of bounds"):
        np.partition(A, 7)
    with pytest.raises(ValueError, match="kind"):
        np.sort(A, kind="bubble")
    with pytest.raises(ValueError, match="order="):
        np.sort(A, order="x")
    with pytest.raises(TypeError, match="integer"):
        np.partition(A, 1.5)

"""Lookups, unique values and sets on many maps, against NumPy on the whole array."""

import numpy as np
import pytest
from sorting_cases import arrays, same, sizes, values_of

import pmap as pm
from pmap.ranks.comm import world


def cyclic(x):
    return pm.asarray(x, map=pm.Map([-1] + [1] * (x.ndim - 1), "c"))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("dtype", ["i4", "f8", "U2", "c8"])
def test_searchsorted(dtype, side):
    for n in sizes() if dtype == "f8" else (0, 13):
        x = np.sort(values_of(dtype, (n,), seed=n))
        v = values_of(dtype, (4, 5), seed=1)
        for A in arrays(x):
            for needles in (cyclic(v), v, v[0]):
                want = np.searchsorted(x, v[: needles.shape[0]] if needles.ndim > 1 else v[0], side)
                same(np.searchsorted(A, needles, side), want)
            same(np.searchsorted(A, v[1, 2], side), np.searchsorted(x, v[1, 2], side))
        same(np.searchsorted(x, cyclic(v), side), np.searchsorted(x, v, side))


def test_searchsorted_mixed_types_sorter_and_skew():
    x = np.array([1, 3, 3, 7, 9, 9, 12])
    v = np.full(70_000 * world().size, 3.0)
    for A in arrays(x):
        same(pm.searchsorted(A, cyclic(v), side="right"), np.searchsorted(x, v, "right"))
        same(pm.searchsorted(A, cyclic(np.array([2.5, 99, -1]))), np.array([1, 7, 0]))
        with pytest.raises(ValueError, match="side"):
            np.searchsorted(A, 1, "middle")
        with pytest.raises(ValueError, match="one axis"):
            np.searchsorted(A[None], 1)
    got = np.searchsorted(cyclic(x), 3)
    assert isinstance(got, np.int64)
    assert got == 1


def test_digitize():
    x = values_of("f8", (5, 6), seed=2)
    for bins in (np.array([-2.0, 0, 1, 3]), np.array([3.0, 1, 0, -2])):
        for right in (False, True):
            for A in arrays(x):
                same(np.digitize(A, bins, right), np.digitize(x, bins, right))
                same(np.digitize(A, cyclic(bins), right), np.digitize(x, bins, right))


@pytest.mark.parametrize("dtype", ["bool", "u1", "i8", "f2", "f4", "c16", "M8[s]", "U2"])
def test_unique_with_everything_it_returns(dtype):
    shapes = [(0,), (1,), (world().size + 1,), (101,), (6, 7)]
    for shape in shapes if dtype in ("f4", "c16") else shapes[3:]:
        x = values_of(dtype, shape, seed=4)
        for A in arrays(x):
            for equal_nan in (True, False) if dtype != "M8[s]" else (True,):
                got = np.unique(A, equal_nan=equal_nan)
                same(got, np.unique(x, equal_nan=equal_nan))
                got = np.unique(A, True, True, True, equal_nan=equal_nan)
                want = np.unique(x, True, True, True, equal_nan=equal_nan)
                for g, w in zip(got, want, strict=True):
                    same(g, w)
                assert got[2].map == A.map


def test_the_standards_unique_functions():
    x = values_of("f8", (7, 6), seed=5)
    for A in arrays(x):
        got, want = pm.unique_all(A), np.unique_all(x)
        for name in ("values", "indices", "inverse_indices", "counts"):
            same(getattr(got, name), getattr(want, name))
        same(pm.unique_counts(A).counts, want.counts)
        same(pm.unique_inverse(A).inverse_indices, want.inverse_indices)
        same(np.unique_values(A), want.values)
        same(np.unique_inverse(A).values, want.values)
    same(pm.unique_all(x).values, want.values)


def test_unique_along_an_axis():
    rng = np.random.default_rng(6)
    for shape in [(9, 2), (5, 2, 2), (4, 0), (0, 3)]:
        x = rng.integers(0, 2, shape).astype("i2")
        for A in arrays(x):
            for axis in range(len(shape) if x.size else 1):
                got = np.unique(A, True, True, True, axis=axis)
                for g, w in zip(got, np.unique(x, True, True, True, axis=axis), strict=True):
                    same(g, w)
            same(np.unique(A, axis=0), np.unique(x, axis=0))
    with pytest.raises(np.exceptions.AxisError):
        np.unique(A, axis=2)


@pytest.mark.parametrize("kind", ["wide", "few", "ordered", "NaN"])
def test_a_large_unique(kind):
    n = 140_000 * world().size
    rng = np.random.default_rng(7)
    x = rng.integers(0, 2**40, n)
    if kind == "few":
        x %= 5
    if kind == "ordered":
        x.sort()
    if kind == "NaN":
        x = x.astype("f8")
        x[rng.random(n) < 0.05] = np.nan
    want = np.unique(np.sort(x))
    for held in (pm.Map([-1]), pm.Map([-1], "c")):
        same(np.unique(pm.asarray(x, map=held)), want)


def test_unique_values_lie_in_ascending_order_over_the_ranks():
    A = cyclic(np.arange(1000)[::-1] // 3)
    found = np.unique(A)
    parts = world().allgather(found.local.tolist())
    assert sum(parts, []) == list(range(334))
    assert max(map(len, parts)) < 334 or world().size == 1


@pytest.mark.parametrize("dtype", ["i4", "f8"])
def test_sets(dtype):
    x, y = values_of(dtype, (23,), seed=8), values_of(dtype, (3, 5), seed=9) + 2
    for number, A in enumerate(arrays(x)):
        for other in (cyclic(y), y) if number == 1 else (cyclic(y),):
            same(np.isin(A, other), np.isin(x, y))
            same(np.isin(A, other, invert=True), np.isin(x, y, invert=True))
            same(np.intersect1d(A, other), np.intersect1d(x, y))
            same(np.union1d(A, other), np.union1d(x, y))
            same(np.setdiff1d(A, other), np.setdiff1d(x, y))
            same(np.setdiff1d(other, A), np.setdiff1d(y, x))
            same(np.setxor1d(A, other), np.setxor1d(x, y))
        same(np.isin(y, A), np.isin(y, x))
        want = np.intersect1d(x, y, return_indices=True)
        for g, w in zip(np.intersect1d(A, cyclic(y), return_indices=True), want, strict=True):
            same(g, w)
    with pytest.raises(ValueError, match="kind"):
        np.isin(A, y, kind="hash")
    with pytest.raises(TypeError, match="return_indices"):
        np.intersect1d(A, y, return_indices=True)


def test_a_sorter_puts_the_haystack_in_order():
    x, v = np.array([5.0, 1, 3, 3, 9]), np.array([3.0, 0, 10])
    for A in arrays(x):
        order = np.argsort(A)
        for sorter in (order, np.argsort(x, kind="stable")):
            same(np.searchsorted(A, v, "right", sorter), np.searchsorted(np.sort(x), v, "right"))
        with pytest.raises(ValueError, match="sorter"):
            np.searchsorted(A, v, sorter=order[1:])

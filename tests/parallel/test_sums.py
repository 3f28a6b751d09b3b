"""Reductions and running sums with NumPy's arguments, on every map, against the same line in NumPy.

Floats are compared to rounding with NumPy and bit by bit with the array on one rank (C2).
"""

import warnings

import numpy as np
import pytest
from fuzzing import random_map
from map_zoo import every_map

import pmap as pm
from pmap.errors import UnsupportedError
from pmap.ranks.comm import world

RTOL = {"e": 1e-2, "f": 1e-5, "F": 1e-5, "d": 1e-12, "D": 1e-12}


def same(found, expected, note=None):
    """Equal values, dtype and kind; floats to rounding."""
    assert np.shape(found) == np.shape(expected), note
    kind = np.asarray(expected).dtype
    assert found.dtype == kind, (note, found.dtype, kind)
    found = np.asarray(found)
    if kind.char in RTOL:
        scale = np.nanmax(np.abs(expected), initial=0, where=np.isfinite(expected))
        rtol = RTOL[kind.char]
        atol = rtol * float(scale) + (1e-6 if kind.char == "e" else 0)
        assert np.allclose(found, expected, rtol, atol, equal_nan=True), note
    else:
        assert np.array_equal(found, expected), note


def bits(x):
    """The bytes, with one pattern for NaN."""
    x = np.array(np.asarray(x))
    if x.dtype.kind in "fc":
        x[np.isnan(x)] = np.nan
    return x.dtype.str, x.shape, x.tobytes()


def values(shape, dtype, seed=0):
    rng = np.random.default_rng((*shape, seed))
    if np.dtype(dtype).kind == "b":
        return rng.random(shape) < 0.7
    if np.dtype(dtype).kind in "iu":
        return rng.integers(0, 9, shape).astype(dtype)
    a = ((0.5 + rng.random(shape)) * 2.0 ** rng.integers(-2, 2, shape)).astype(dtype)
    return (a + 1j * rng.normal(size=shape)).astype(dtype) if np.dtype(dtype).kind == "c" else a


def maps_of(shape, most=2):
    """Some of every kind of map, others at each shape."""
    found = list(every_map(shape).items())
    rng = np.random.default_rng(shape)
    return [found[int(k)] for k in rng.permutation(len(found))[:most]]


SHAPES = [(0,), (1,), (5,), (7, 3), (3, 0, 2), (1500,), (70, 40), (40, 70)]


@pytest.mark.parametrize("dtype", ["?", "u1", "i4", "f2", "f4", "f8", "c16"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@np.errstate(all="ignore")
def test_reductions_with_every_argument(shape, dtype):
    a = values(shape, dtype)
    mask = np.random.default_rng(len(shape)).random(shape) < 0.6
    axes = [None, 0, -1, tuple(range(len(shape))), ()]
    calls = []
    for axis in axes:
        for f in (np.sum, np.prod):
            calls += [(f, {"axis": axis}), (f, {"axis": axis, "where": mask, "keepdims": True})]
            calls += [(f, {"axis": axis, "initial": 2})]
        calls += [(f, {"axis": axis, "where": mask}) for f in (np.any, np.all, np.mean)]
        calls += [(np.max, {"axis": axis, "initial": 1}), (np.count_nonzero, {"axis": axis})]
        calls += [(np.min, {"axis": axis, "initial": 1, "where": mask})]
        if a.size:
            calls += [(f, {"axis": axis}) for f in (np.min, np.max, np.mean, np.ptp)]
            calls += [(np.var, {"axis": axis, "ddof": 1}), (np.std, {"axis": axis, "where": mask})]
    for name, held in maps_of(shape):
        A = pm.asarray(a, map=held)
        M = pm.asarray(mask, map=held)
        for f, kw in calls:
            if f is np.ptp and dtype == "?":
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = f(a, **kw)
                there = {**kw, "where": M} if "where" in kw else kw
                same(f(A, **there), expected, (f.__name__, kw, name))


@pytest.mark.parametrize("ufunc", [np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.gcd, np.lcm])
def test_other_ufuncs_of_integers(ufunc):
    for shape in [(5,), (7, 3), (1500,)]:
        a = values(shape, "i8", 3) % 4 + 1
        for name, held in maps_of(shape):
            A = pm.asarray(a, map=held)
            for axis in (0,) if ufunc is np.lcm else (None, 0):
                same(ufunc.reduce(A, axis=axis), ufunc.reduce(a, axis=axis), name)
            same(ufunc.accumulate(A), ufunc.accumulate(a), name)


@pytest.mark.parametrize("ufunc", [np.fmin, np.fmax, np.hypot, np.logaddexp, np.logical_xor])
def test_other_ufuncs_of_floats(ufunc):
    for shape in [(5,), (7, 30), (1500,)]:
        a = values(shape, "f8", 4)
        a.flat[:: 3 if ufunc in (np.fmin, np.fmax) else a.size] = np.nan
        for name, held in maps_of(shape):
            A = pm.asarray(a, map=held)
            for axis in (None, 0):
                same(ufunc.reduce(A, axis=axis), ufunc.reduce(a, axis=axis), name)
            same(ufunc.accumulate(A), ufunc.accumulate(a), name)


def test_what_is_not_associative_is_refused():
    A = pm.ones((4, 4), map=pm.Map([-1, 1]))
    for ufunc in (np.subtract, np.divide, np.power, np.arctan2):
        with pytest.raises(TypeError, match="not associative"):
            ufunc.reduce(A)
        with pytest.raises(TypeError, match="not associative"):
            ufunc.accumulate(A)
    with pytest.raises(ValueError, match="no identity"):
        pm.zeros((0, 3), map=pm.Map([-1, 1])).max(0)
    with pytest.raises(ValueError, match="initial"):
        A.max(where=np.ones((4, 4), bool))
    with pytest.raises(ValueError, match="broadcast"):
        A.sum(where=np.ones((5, 4), bool))
    with pytest.raises(np.exceptions.AxisError):
        A.sum(2)
    with pytest.raises(ValueError, match="duplicate"):
        A.sum((0, -2))


def test_out():
    a = values((7, 5), "f8")
    for name, held in maps_of((7, 5)):
        A = pm.asarray(a, map=held)
        for f in (np.sum, np.max, np.mean, np.var):
            out = pm.zeros(5, map=pm.Map([-1], "c"))
            assert f(A, axis=0, out=out) is out
            same(out, f(a, axis=0), name)
        running = pm.zeros((7, 5), map=pm.Map([1, -1]))
        assert np.cumsum(A, axis=0, out=running) is running
        same(running, np.cumsum(a, axis=0), name)
        with pytest.raises(UnsupportedError):
            A.sum(0, out=np.zeros(5))
        with pytest.raises(TypeError):
            A.max(0, out=pm.zeros(5, "i4", map=pm.Map([-1])))


RUNNING = [(0,), (1,), (6,), (61, 19), (19, 61), (130, 9), (1500,), (5, 600)]


@pytest.mark.parametrize("dtype", ["?", "u1", "i8", "f2", "f4", "f8", "c8"])
@pytest.mark.parametrize("shape", RUNNING, ids=str)
def test_running_sums(shape, dtype):
    a = values(shape, dtype) if dtype != "f2" else (values(shape, "i4") / 8).astype("f2")
    alone = pm.asarray(a, map=pm.Map([1] * len(shape), procs=[0]))
    for name, held in maps_of(shape, 3):
        A = pm.asarray(a, map=held)
        for axis in range(len(shape)):
            found = np.cumsum(A, axis=axis)
            same(found, np.cumsum(a, axis=axis), (name, axis))
            assert bits(found) == bits(np.cumsum(alone, axis=axis)), (name, axis)
            assert found.map == A.map.without_overlap()
            same(np.add.accumulate(A, axis), np.add.accumulate(a, axis), name)
        if dtype not in ("?", "c8"):
            same(np.maximum.accumulate(A), np.maximum.accumulate(a), name)
        same(A.cumsum(), a.cumsum(), name)
        for initial in (False, True):
            expected = np.cumulative_sum(a, axis=0, include_initial=initial)
            same(pm.cumulative_sum(A, axis=0, include_initial=initial), expected, name)


def test_running_products():
    a = values((61, 19), "f8") + 1.5
    for name, held in maps_of(a.shape):
        A = pm.asarray(a, map=held)
        for axis in (0, 1, None):
            with np.errstate(all="ignore"):
                assert np.allclose(np.cumprod(A, axis), np.cumprod(a, axis), rtol=1e-11), name
        same(pm.cumulative_prod(A[:, 0]), np.cumulative_prod(a[:, 0]), name)


def test_nan_is_left_out():
    a = values((70, 40), "f8")
    a[np.random.default_rng(1).random(a.shape) < 0.3] = np.nan
    functions = [np.nansum, np.nanprod, np.nanmin, np.nanmax, np.nanmean, np.nanvar, np.nanstd]
    functions += [np.nanargmin, np.nanargmax, np.nancumsum]
    for name, held in maps_of(a.shape):
        A = pm.asarray(a, map=held)
        for f in functions:
            for axis in (None, 0, 1):
                same(f(A, axis=axis), f(a, axis=axis), (f.__name__, axis, name))
        B = pm.asarray(np.where(np.arange(40) == 3, np.nan, a), map=held)
        for f in (np.nanargmin, np.nanargmax):
            with pytest.raises(ValueError, match="All-NaN"):
                f(B, axis=0)
        for f in (np.nanmin, np.nanmean):
            with pytest.warns(RuntimeWarning):
                assert np.isnan(np.asarray(f(B, axis=0))[3])
        same(np.nansum(pm.asarray(np.arange(6), map=pm.Map([-1]))), np.int64(15))


def test_infinities_and_huge_ranges():
    a = np.array([1e300, 1e-308, -1e300, 5.0] * 500)
    for special in ([], [np.inf], [np.inf, -np.inf], [np.nan]):
        b = a.copy()
        b[7 : 7 + len(special)] = special
        for name, held in maps_of(b.shape, 6):
            B = pm.asarray(b, map=held)
            with np.errstate(all="ignore"):
                found, expected = B.sum(), b.sum()
            assert np.isnan(found) == np.isnan(expected) and np.isinf(found) == np.isinf(expected)
            if not special:
                assert abs(found) <= 2500.0, name


def test_signed_zeros_do_not_depend_on_the_map():
    a = np.where(np.random.default_rng(2).random(3000) < 0.5, -0.0, 0.0)
    for _, held in maps_of(a.shape, 8):
        A = pm.asarray(a, map=held)
        assert np.signbit(A.min()) and not np.signbit(A.max())


def test_differences_and_integrals():
    for shape in [(6,), (7, 30), (30, 7)]:
        a = values(shape, "f8")
        x = np.cumsum(np.abs(values(shape[-1:], "f8", 5)))
        for name, held in maps_of(shape):
            A = pm.asarray(a, map=held)
            for n in (0, 1, 2):
                for axis in (0, -1):
                    same(np.diff(A, n, axis), np.diff(a, n, axis), name)
            same(np.diff(A, prepend=0.0, append=a), np.diff(a, prepend=0.0, append=a), name)
            same(np.diff(A > 0), np.diff(a > 0), name)
            same(np.ediff1d(A, 9.0, [1.0, 2.0]), np.ediff1d(a, 9.0, [1.0, 2.0]), name)
            for kw in ({}, {"x": x}, {"dx": 0.5, "axis": 0}):
                same(np.trapezoid(A, **kw), np.trapezoid(a, **kw), name)


def test_average():
    a, w = values((7, 30), "f8"), np.abs(values((7, 30), "f8", 1))
    for name, held in maps_of(a.shape):
        A, W = (
            pm.asarray(a, map=held),
            pm.asarray(w, map=random_map(np.random.default_rng(3), a.shape)),
        )
        for axis in (None, 0, (0, 1)):
            same(np.average(A, axis), np.average(a, axis), name)
            same(np.average(A, axis, W), np.average(a, axis, w), name)
            for f, e in zip(
                np.average(A, axis, w, True), np.average(a, axis, w, True), strict=True
            ):
                same(f, e, name)
        same(np.average(A, 0, w[:, 0]), np.average(a, 0, w[:, 0]), name)
        with pytest.raises(ZeroDivisionError):
            np.average(A, weights=np.zeros((7, 30)))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_cyclic_axes_by_chunks(dtype, monkeypatch):
    """Many chunks of a cyclic axis give the bits of one rank's array."""
    monkeypatch.setattr("pmap.arrays.canonical.CHUNK_BYTES", 1 << 10)
    size = world().size
    for shape in [(20_011,), (9001, 3), (3, 9001)]:
        a = values(shape, dtype)
        alone = pm.asarray(a, map=pm.Map([1] * len(shape), procs=[0]))
        grid = [size if n > 5 else 1 for n in shape]
        for word in ("c", ("bc", 48), ("bc", 3)):
            A = pm.asarray(a, map=pm.Map(grid, [word if g > 1 else "b" for g in grid]))
            for axis in (None, 0, -1):
                assert bits(A.sum(axis)) == bits(alone.sum(axis)), (shape, word, axis)

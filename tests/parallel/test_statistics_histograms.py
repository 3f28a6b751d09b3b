"""Histograms and bincount on many maps, against NumPy; weights with the same bits (C2)."""

import warnings

import numpy as np
import pytest
from sorting_cases import arrays, same, sizes

import pmap as pm
from pmap.ranks.comm import world

ESTIMATORS = ("auto", "fd", "doane", "scott", "stone", "rice", "sturges", "sqrt")


def close(got, want):
    got = np.asarray(got)
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


def bits(values):
    return [np.asarray(v).tobytes() for v in values]


def cyclic(x):
    return pm.asarray(x, map=pm.Map([-1] + [1] * (x.ndim - 1), "c"))


@pytest.mark.parametrize("dtype", ["u1", "i4", "f4", "f8"])
def test_counts(dtype):
    rng = np.random.default_rng(1)
    for shape in [(n,) for n in (sizes() if dtype == "f4" else (0, 13))] + [(5, 4)]:
        x = (rng.random(shape) * 40).astype(dtype)
        for A in arrays(x):
            for bins, limits in [(10, None), (7, (3, 30)), ([0, 1, 5.5, 40], None), (1, None)]:
                got, want = np.histogram(A, bins, limits), np.histogram(x, bins, limits)
                same(got[0], want[0])
                same(got[1], want[1])
                same(np.histogram_bin_edges(A, bins, limits), want[1])
            close(
                np.histogram(A, 4, (0, 50), density=True)[0] if x.size else np.zeros(0),
                np.histogram(x, 4, (0, 50), density=True)[0] if x.size else np.zeros(0),
            )


@pytest.mark.parametrize("bins", ESTIMATORS)
def test_estimators(bins):
    rng = np.random.default_rng(2)
    for x in (rng.standard_normal(200), rng.integers(0, 30, 90), np.zeros(5), np.zeros(0)):
        for A in arrays(x):
            for limits in (None, (-1, 20)):
                got, want = np.histogram(A, bins, limits), np.histogram(x, bins, limits)
                same(got[0], want[0])
                np.testing.assert_allclose(got[1], want[1], rtol=1e-12)
    with pytest.raises(TypeError, match="weighted"):
        np.histogram(A, bins, weights=A)


def test_weights_have_the_same_bits_under_any_map():
    n = 70_000 + 11
    rng = np.random.default_rng(3)
    x, w = rng.integers(0, 50, n), rng.standard_normal(n)
    want_hist, want_count = np.histogram(x, 9, weights=w)[0], np.bincount(x, w)
    found = []
    for held in (pm.Map([-1]), pm.Map([-1], "c"), pm.Map([1]), pm.Map([-1], ("bc", 7))):
        A, W = pm.asarray(x, map=held), pm.asarray(w, map=pm.Map([-1], "c"))
        hist, count = np.histogram(A, 9, weights=W)[0], np.bincount(A, W)
        close(hist, want_hist)
        close(count, want_count)
        found.append(bits([hist, count, np.bincount(A, w)]))
    assert all(f == found[0] for f in found)
    assert found[0] == world().bcast(found[0])
    whole = pm.asarray(x, map=pm.Map([-1]))
    same(np.histogram(whole, 9, weights=x)[0], np.histogram(x, 9, weights=x)[0])
    close(np.histogram(whole, 5, weights=w + 1j)[0], np.histogram(x, 5, weights=w + 1j)[0])


def test_two_and_more_dimensions():
    rng = np.random.default_rng(4)
    points, w = rng.random((61, 3)), rng.random(61)
    x, y = points[:, 0].copy(), points[:, 1].copy()
    for A in arrays(points):
        for bins, limits in [(3, None), ((2, 3, 4), None), (2, [(0, 1), (0, 0.5), None])]:
            got, want = np.histogramdd(A, bins, limits), np.histogramdd(points, bins, limits)
            same(got[0], want[0])
            for g, e in zip(got[1], want[1], strict=True):
                same(g, e)
        close(np.histogramdd(A, 3, weights=w)[0], np.histogramdd(points, 3, weights=w)[0])
    for A in arrays(x):
        for bins in (4, (2, 5), [0, 0.5, 0.75, 1], [[0, 1], [0, 0.5, 1]]):
            for density in (False, True):
                got = np.histogram2d(A, cyclic(y), bins, density=density)
                want = np.histogram2d(x, y, bins, density=density)
                close(got[0], want[0])
                same(got[1], want[1])
                same(got[2], want[2])


def test_bincount():
    rng = np.random.default_rng(5)
    for n in sizes():
        x = rng.integers(0, 12, n).astype("u1")
        for A in arrays(x):
            same(np.bincount(A), np.bincount(x))
            same(np.bincount(A, minlength=20), np.bincount(x, minlength=20))
            close(np.bincount(A, np.arange(n)), np.bincount(x, np.arange(n)))
    far = np.array([3, 10**6, 3])
    same(np.bincount(cyclic(far)), np.bincount(far))
    close(np.bincount(cyclic(far), cyclic(far)), np.bincount(far, far))


def test_wrong_arguments_raise_on_all_ranks():
    A = pm.arange(7, map=pm.Map([-1]))
    for call, error, words in [
        (lambda: np.bincount(A - 1), ValueError, "negative"),
        (lambda: np.bincount(A * 1.0), TypeError, "cast"),
        (lambda: np.bincount(A[None]), ValueError, "one axis"),
        (lambda: np.bincount(A, minlength=-1), ValueError, "minlength"),
        (lambda: np.bincount(A, weights=np.ones(3)), ValueError, "weights"),
        (lambda: np.histogram(A, 0), ValueError, "positive"),
        (lambda: np.histogram(A, [3, 1]), ValueError, "monotonically"),
        (lambda: np.histogram(A, "best"), ValueError, "estimator"),
        (lambda: np.histogram(A, 3, (5, 1)), ValueError, "max must be larger"),
        (lambda: np.histogram(A * np.nan, 3), ValueError, "not finite"),
        (lambda: np.histogram(A, 3, weights=A[:2]), ValueError, "weights"),
        (lambda: np.histogram2d(A, A[1:]), ValueError, "same length"),
    ]:
        with pytest.raises(error, match=words):
            call()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same(np.histogram(A > 2, 2)[0], np.histogram(np.arange(7) > 2, 2)[0])

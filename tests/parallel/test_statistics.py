"""Medians, quantiles, histograms on many maps, against NumPy on the whole array."""

import warnings

import numpy as np
import pytest
from sorting_cases import arrays, same, sizes, values_of

import pmap as pm
from pmap.ranks.comm import world

METHODS = (
    "inverted_cdf averaged_inverted_cdf closest_observation interpolated_inverted_cdf hazen "
    "weibull linear median_unbiased normal_unbiased lower higher midpoint nearest"
).split()


def quiet(f, *args, **kw):
    """The result without warnings, or the kind of error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return f(*args, **kw)
        except (ValueError, IndexError, TypeError) as error:
            return type(error).__mro__


def alike(f, A, x, *args, **kw):
    got, want = quiet(f, A, *args, **kw), quiet(f, x, *args, **kw)
    if isinstance(want, tuple) and isinstance(want[0], type):
        assert isinstance(got, tuple), (got, want)
        assert set(want[:-1]) & set(got), (got, want)
        return
    assert np.isscalar(got) == np.isscalar(want) or isinstance(want, np.datetime64)
    same(got, want)


@pytest.mark.parametrize("method", METHODS)
def test_quantiles_by_every_method(method):
    rng = np.random.default_rng(1)
    for x in (rng.standard_normal(37), rng.integers(0, 9, 24), rng.random(17).astype("f4")):
        for A in arrays(x):
            for q in (0.3, [1, 0]) if method == "linear" else (np.float32(0.7),):
                alike(np.quantile, A, x, q, method=method)
            alike(np.percentile, A, x, [[5, 50], [0, 99.5]], method=method)


@pytest.mark.parametrize("dtype", ["u1", "i2", "f2", "f4", "f8", "m8[s]", "bool"])
def test_quantiles_of_many_types(dtype):
    for n in sizes() if dtype == "f8" else (1, 101):
        x = values_of("i2" if dtype == "m8[s]" else dtype, (n,), seed=n).astype(dtype)
        for A in arrays(x):
            for f in (np.quantile, np.nanquantile):
                alike(f, A, x, 0.4)
                alike(f, A, x, [0.1, 0.9])
            alike(np.percentile, A, x, 30, method="nearest")
            for f in (np.median, np.nanmedian):
                alike(f, A, x)


@pytest.mark.parametrize("keepdims", [False, True])
def test_quantiles_along_axes(keepdims):
    for shape in [(4, 5, 6), (17, 1, 2), (3, 0, 2)]:
        x = values_of("f8", shape, seed=2)
        y = np.nan_to_num(x, neginf=-9)
        for A, B in zip(arrays(x), arrays(y), strict=True):
            for axis in (0, -1, (0, 2), (1, 0), (0, 1, 2)):
                alike(np.quantile, B, y, [0.2, 0.5], axis=axis, keepdims=keepdims)
                alike(np.percentile, A, x, 40, axis=axis, keepdims=keepdims)
                alike(np.median, A, x, axis=axis, keepdims=keepdims)
            for axis in (0, (1, 2)) if x.size else ():
                alike(np.nanmedian, A, x, axis=axis, keepdims=keepdims)
                alike(np.nanpercentile, A, x, 40, axis=axis, keepdims=keepdims)


def test_the_map_of_a_quantile_drops_the_axis():
    A = pm.asarray(np.arange(30.0).reshape(6, 5), map=pm.Map([-1, 1]))
    assert np.median(A, axis=1).map == A.map.with_axes(A.map.axes[:1])
    assert np.median(A, axis=0).map == A.map.with_axes(A.map.axes[1:])
    assert np.quantile(A, [0.1, 0.2], axis=1).map.axes[1] == A.map.axes[0]


@pytest.mark.parametrize("dtype", ["f4", "i8"])
def test_quantiles_of_a_large_array(dtype):
    n = 140_000 * world().size + 3
    rng = np.random.default_rng(3)
    x = (rng.standard_normal(n) * 1e6).astype(dtype)
    for held in (pm.Map([-1]), pm.Map([-1], "c")):
        A = pm.asarray(x, map=held)
        alike(np.median, A, x)
        alike(np.percentile, A, x, [0, 1, 50, 99, 100])
        alike(np.percentile, A, x, np.arange(0, 101, 5))
        alike(np.median, pm.asarray(np.sort(x), map=held), x)
        alike(np.median, pm.asarray(np.full(n, 7, dtype), map=held), np.full(n, 7, dtype))


def test_wrong_quantiles():
    A = pm.arange(7, map=pm.Map([-1]))
    with pytest.raises(ValueError, match="range"):
        np.quantile(A, 1.5)
    with pytest.raises(ValueError, match="range"):
        np.percentile(A, [10, -1])
    with pytest.raises(ValueError, match="method"):
        np.quantile(A, 0.5, method="mean")
    with pytest.raises(TypeError, match="weights"):
        np.quantile(A, 0.5, weights=A, method="inverted_cdf")
    with pytest.raises(TypeError, match="out="):
        np.median(A, out=np.zeros(()))
    with pytest.raises(TypeError, match="real"):
        np.quantile(A + 1j, 0.5)
    with pytest.raises(np.exceptions.AxisError):
        np.median(A, axis=1)

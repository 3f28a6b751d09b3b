"""Arrays with ties, under maps of many kinds, for the tests of sorting, sets and statistics."""

import numpy as np
from map_zoo import every_map

import pmap as pm
from pmap.ranks.comm import world

SOME = ("b rows", "c rows", "bc2 subset", "explicit reversed", "b replicated", "c grid")


def sizes():
    p = world().size
    return sorted({0, 1, max(p - 1, 0), p, p + 1, 13, 101})


def arrays(x, every=False):
    """The values under maps of their shape; of one axis as a column of a matrix."""
    shape = x.shape if x.ndim > 1 else (*x.shape, 1)
    for name, held in every_map(shape).items():
        if every or name in SOME:
            A = pm.asarray(x.reshape(shape), map=held)
            yield A if x.ndim > 1 else A[:, 0]


def values_of(dtype, shape, seed=0):
    """Values with ties; of floats also NaN, infinities, and zeros of both signs."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2 if dtype == "bool" else 9, shape)
    if np.dtype(dtype).kind in "fc":
        x = (x - 4).astype(dtype)
        x[rng.random(shape) < 0.1] = np.nan
        x[rng.random(shape) < 0.1] = -np.inf
        x[(x == 0) & (rng.random(shape) < 0.5)] = -0.0
        if np.dtype(dtype).kind == "c":
            x.imag = rng.permutation(x.real.reshape(-1)).reshape(shape)
        return x
    x = x.astype(dtype)
    if np.dtype(dtype).kind == "M":
        x[rng.random(shape) < 0.2] = np.datetime64("NaT")
    return x


def same(got, want):
    """Equal values, shape and dtype; NaN equals NaN."""
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype, (got.dtype, want.dtype)
    assert got.shape == want.shape, (got.shape, want.shape)
    np.testing.assert_array_equal(got, want)


def same_bits(got, want):
    """As :func:`same`, and the signs of zeros."""
    same(got, want)
    if np.asarray(want).dtype.kind == "f":
        plain = np.where(np.isnan(want), np.nan, want).astype(want.dtype)
        assert np.asarray(got).tobytes() == plain.tobytes()

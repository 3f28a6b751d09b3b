"""Fused expressions: the bits of the same expression in NumPy, on every map."""

import numpy as np
import pytest
from map_zoo import every_map

import pmap as pm


def triad(b, c, s):
    return b + s * c


def decide(b, c, s):
    return np.where((b < c) & ~(b == s) | (c > 3), np.sqrt(abs(b) / s), -c)


def mixed(b, c, s):
    return np.maximum(b**2 - c, s) / (np.sqrt(c) + 1) * (b > c)


def of_one(b, c, s):
    return b


FUNCTIONS = [triad, decide, mixed, of_one]


def sample(shape, dtype, seed):
    return (np.random.default_rng(seed).integers(1, 90, shape) / 7).astype(dtype)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "uint8", "int32"])
def test_the_bits_are_numpys(function, dtype):
    x, y = sample((7, 5), dtype, 1), sample((7, 5), dtype, 2)
    maps = every_map((7, 5))
    for name in ["b rows", "c columns", "bc2 grid", "explicit rows", "b replicated", "b subset"]:
        A, B = pm.asarray(x, map=maps[name]), pm.asarray(y, map=maps["b columns"])
        for b, c, p, q in [(A, B, x, y), (A[::-1], A, x[::-1], x), (A, y[0], x, y[0])]:
            found, expected = pm.fuse(function)(b, c, 3), function(p, q, 3)
            assert found.dtype == expected.dtype
            assert found.map == A.map.without_overlap() or b is not A
            assert np.array_equal(np.asarray(found), expected), name


@pytest.mark.parametrize("shape", [(100_003,), (3, 50_000), (20_000, 3), (2, 3, 20_000), (0, 4)])
def test_many_pieces(shape):
    x = sample(shape, float, 3)
    for held in [pm.Map([-1] + [1] * (len(shape) - 1)), pm.Map([1] * (len(shape) - 1) + [-1], "c")]:
        A = pm.asarray(x, map=held)
        assert np.array_equal(np.asarray(pm.fuse(triad)(A, A, 0.1)), triad(x, x, 0.1))
        assert np.array_equal(np.asarray(pm.fuse(triad)(A[1:], A[:-1], 2)), triad(x[1:], x[:-1], 2))
        step = A[..., ::3]
        assert np.array_equal(np.asarray(pm.fuse(triad)(step, step, 2)), triad(x, x, 2)[..., ::3])


def test_plain_arrays_and_complex_numbers_are_handed_on():
    x = sample((4, 3), complex, 4)
    assert np.array_equal(pm.fuse(triad)(x.real, x.real, 2), triad(x.real, x.real, 2))
    A = pm.asarray(x, map="auto")
    assert np.array_equal(np.asarray(pm.fuse(triad)(A, A, 2j)), triad(x, x, 2j))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (np.exp, "np.exp cannot be fused"),
        (lambda a: a.sum(), ".sum cannot be fused"),
        (lambda a: a if a > 0 else -a, "a decision"),
        (lambda a: np.add.reduce(a), "np.add.reduce"),
        (lambda a: np.cumsum(a), "np.cumsum"),
        (lambda a: a**3, r"\*\* 3"),
        (lambda a: 5, "gave int"),
    ],
)
def test_what_cannot_be_fused_is_named(function, words):
    with pytest.raises(TypeError, match=words):
        pm.fuse(function)(pm.zeros((3, 4), map="auto"))

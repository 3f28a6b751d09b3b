"""Ufuncs with out=, where= and outer, against NumPy on the whole array, on every map."""

import numpy as np
import pytest
from map_zoo import every_map

import pmap as pm

SHAPES = [(7, 5), (1, 3), (0, 4)]
PAIRS = [("b rows", "c columns"), ("bc2 grid", "bc2 grid"), ("explicit columns", "b replicated")]


def sample(shape, seed=0, dtype=float):
    return (np.random.default_rng(seed).integers(1, 50, shape) / 2).astype(dtype)


def pairs(shape):
    maps = every_map(shape)
    for first, second in PAIRS:
        x, y = sample(shape, 1), sample(shape, 2)
        yield x, y, pm.asarray(x, map=maps[first]), pm.asarray(y, map=maps[second])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["add", "multiply", "arctan2", "fmod", "less"])
def test_out_is_written_under_its_own_map(shape, name):
    ufunc = getattr(np, name)
    for x, y, A, B in pairs(shape):
        out = pm.zeros(shape, ufunc(x, y).dtype, map=A.map)
        assert ufunc(B, A, out=out) is out
        assert np.array_equal(np.asarray(out), ufunc(y, x))
        ufunc(A, B, out=out[::-1])
        assert np.array_equal(np.asarray(out)[::-1], ufunc(x, y))


def test_in_place_operators_on_parts_of_themselves():
    for x, _, A, B in pairs((7, 5)):
        x = x.copy()
        A[1:] += A[:-1]
        x[1:] += x[:-1]
        A[:, ::2] *= B[:, :3]
        x[:, ::2] *= np.asarray(B)[:, :3]
        A -= B[0]
        x -= np.asarray(B)[0]
        assert np.array_equal(np.asarray(A), x)


@pytest.mark.parametrize("shape", SHAPES)
def test_where_leaves_the_others_as_they_are(shape):
    for x, y, A, B in pairs(shape):
        mask = x > y
        for where in (mask, A > B, mask[:1], True):
            out, expected = pm.full(shape, -1.0, map=B.map), np.full(shape, -1.0)
            np.subtract(A, B, out=out, where=where)
            np.subtract(x, y, out=expected, where=np.asarray(where))
            assert np.array_equal(np.asarray(out), expected)


def test_functions_of_several_results():
    for x, y, A, B in pairs((7, 5)):
        whole, part = np.divmod(A, B)
        expected = np.divmod(x, y)
        assert np.array_equal(np.asarray(whole), expected[0])
        assert np.array_equal(np.asarray(part), expected[1])
        first, second = pm.zeros((7, 5), map=B.map), pm.zeros((7, 5), map=A.map)
        np.modf(A, out=(first, second))
        assert np.array_equal(np.asarray(first), np.modf(x)[0])
        assert np.array_equal(np.asarray(second), np.modf(x)[1])
        np.modf(A, out=(None, second))
        assert np.array_equal(np.asarray(second), np.modf(x)[1])


def test_outer():
    for x, y, A, B in pairs((7, 5)):
        assert np.array_equal(np.asarray(np.add.outer(A[0], B)), np.add.outer(x[0], y))
        assert np.array_equal(np.asarray(np.multiply.outer(x[1], B)), np.multiply.outer(x[1], y))
        assert np.array_equal(np.asarray(np.less.outer(A, y[:, 0])), np.less.outer(x, y[:, 0]))
        assert np.array_equal(np.asarray(np.subtract.outer(A, 2)), np.subtract.outer(x, 2))


def test_bad_operands_are_refused_on_all_ranks():
    A = pm.asarray(sample((7, 5)), map=pm.Map([-1, 1]))
    for call, error, words in [
        (lambda: np.add(A, A, out=A.astype(int)), TypeError, "Cannot cast"),
        (lambda: np.add(A, A, out=A[0]), ValueError, r"out= of shape \(5,\)"),
        (lambda: np.add(A, A, where=A), TypeError, "must be bool"),
        (lambda: np.add(A, A, out=np.zeros((7, 5))), TypeError, "must be a DistArray"),
        (lambda: A.astype(int) ** -1, ValueError, "negative integer powers"),
        (lambda: A.astype(int) ** (3 - A.astype(int)), ValueError, "negative integer powers"),
        (lambda: np.power(3, -A.astype(int)), ValueError, "negative integer powers"),
        (lambda: A & A, TypeError, "not supported for the input types"),
    ]:
        with pytest.raises(error, match=words):
            call()


def test_quick_operators_are_numpys():
    """Small blocks under one map go another way than large or strided ones: the same results."""
    x = sample((7, 5), 3)
    for name, held in every_map((7, 5)).items():
        A, B = (pm.asarray(v, map=held) for v in (x, x.T.reshape(7, 5)))
        for dtype in ("float64", "uint8", "bool", "float16", "complex64"):
            C, D = A.astype(dtype), B.astype(dtype)
            c, d = np.asarray(C), np.asarray(D)
            for f in (np.add, np.multiply, np.less, np.equal, np.maximum):
                assert np.array_equal(np.asarray(f(C, D)), f(c, d)), name
                assert f(C, D).dtype == f(c, d).dtype
                assert np.array_equal(np.asarray(f(C[::-1], D[::-1])), f(c, d)[::-1])
        assert (A + 2).dtype == float
        assert (A.astype("uint8") + 2).dtype == np.uint8

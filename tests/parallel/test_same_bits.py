"""The same bits at any map (C2): float reductions and elementwise functions, views included.

The reference is the DistArray that one rank holds; that it is the same at any rank count follows,
since one rank's arithmetic does not know how many others there are.
"""

import numpy as np
import pytest
from fuzzing import random_map

import pmap as pm
from pmap.ranks.comm import world

VIEWS = {
    "whole": lambda x: x,
    "steps": lambda x: x[..., ::3],
    "backwards": lambda x: x[::-1][..., 1:][..., ::-1],
    "transposed": lambda x: x.T,
    "inner": lambda x: x[1:][..., 1:],
}


def bits(x):
    """The bytes, with one pattern for NaN."""
    x = np.array(np.asarray(x))
    if x.dtype.kind in "fc":
        x[np.isnan(x)] = np.nan
    return x.dtype.str, x.shape, x.tobytes()


def samples(shape, dtype, n_maps):
    rng = np.random.default_rng(int(np.prod(shape)))
    a = (rng.normal(size=shape) * 10.0 ** rng.integers(-3, 3, shape)).astype(dtype)
    if np.dtype(dtype).kind == "c":
        a = (a + 1j * rng.normal(size=shape)).astype(dtype)
    alone = pm.asarray(a, map=pm.Map([1] * len(shape), procs=[0]))
    return a, alone, [pm.asarray(a, map=random_map(rng, shape)) for _ in range(n_maps)]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("shape", [(3000,), (5, 700), (300, 6), (4, 37, 130), (2, 3, 2, 150)])
@np.errstate(over="ignore", invalid="ignore")
def test_float_reductions(shape, dtype):
    a, alone, arrays = samples(shape, dtype, 3)
    rtol = {"f2": 1e-2, "f4": 1e-5, "c8": 1e-5, "f8": 1e-12, "c16": 1e-12}[dtype]
    for name, view in VIEWS.items():
        for axis in [None, 0, -1]:
            for method in ("sum", "mean", "var", "prod"):
                expected = getattr(view(alone), method)(axis)
                for A in arrays:
                    found = getattr(view(A), method)(axis)
                    assert bits(found) == bits(expected), (name, axis, method, A.map)
            scale = np.abs(view(a)).sum(axis, dtype=np.float64)
            gap = np.abs(np.asarray(view(alone).sum(axis)) - view(a).sum(axis))
            assert np.all(gap <= rtol * scale)
            near = np.allclose(view(alone).mean(axis), view(a).mean(axis), rtol, rtol * scale.max())
            assert near


FUNCTIONS = [np.exp, np.sin, np.log1p, np.tanh, np.arctan, np.abs, np.sqrt, np.cbrt, np.square]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "c16"])
@np.errstate(all="ignore")
def test_elementwise_functions(dtype):
    for shape in [(3001,), (13, 40)]:
        _, alone, arrays = samples(shape, dtype, 4)
        other = arrays[0]
        for view in VIEWS.values():
            for f in FUNCTIONS:
                if f is np.cbrt and dtype[0] == "c":
                    continue
                expected = bits(f(view(alone)))
                assert all(bits(f(view(A))) == expected for A in arrays), f
            for f in (np.multiply, np.divide, np.power, lambda x, y: x**2 * y):
                expected = bits(f(view(alone), view(other)))
                assert all(bits(f(view(A), view(other))) == expected for A in arrays), f


def test_scalars_are_equal_on_all_ranks():
    _, _, arrays = samples((7, 301), "f4", 4)
    for A in arrays:
        for found in (A.sum(), A.mean(), A.std(), A.prod(), A.max(), A.argmax(), A[3, 200]):
            assert type(found).__module__ == "numpy"
            assert world().allgather(found.tobytes()) == [found.tobytes()] * world().size


def test_fast_sums_are_exact_for_integers_and_near_for_floats():
    a, _, arrays = samples((40, 33), "f8", 3)
    pm.options.float_sum = "fast"
    try:
        for A in arrays:
            assert np.allclose(A.sum(0), a.sum(0), rtol=1e-12) and np.isclose(A.sum(), a.sum())
    finally:
        pm.options.float_sum = "canonical"

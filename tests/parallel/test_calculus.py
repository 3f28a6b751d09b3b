"""Gradient, convolution, functions along axes and of elements, against NumPy (C2, C3)."""

import numpy as np
import pytest
from fuzzing import check, same_outcome
from map_zoo import every_map

import pmap as pm
from pmap.ranks.comm import world

SHAPE = (7, 10)
RTOL = {"f": 1e-5, "F": 1e-5, "d": 1e-12, "D": 1e-12, "e": 1e-2}


def sample(shape=SHAPE, dtype=float, seed=5):
    return (np.random.default_rng(seed).normal(size=shape) * 50).astype(dtype)


def close(found, expected, note):
    """Values near NumPy's, in its type and shape."""
    if isinstance(expected, tuple | list):
        assert len(found) == len(expected)
        for f, e in zip(found, expected, strict=True):
            close(f, e, note)
        return
    whole = np.asarray(found)
    assert (whole.dtype, whole.shape) == (expected.dtype, expected.shape), note
    rtol = RTOL.get(expected.dtype.char, 0)
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=0) if rtol else 0
    np.testing.assert_allclose(whole, expected, rtol=rtol, atol=rtol * scale, err_msg=note)


EXACT = {
    "gradient": lambda a: np.gradient(a),
    "gradient of an axis": lambda a: np.gradient(a, 0.5, axis=1),
    "gradient of order 2": lambda a: np.gradient(a, 0.5, 3.0, edge_order=2),
    "gradient at places": lambda a: np.gradient(a, np.arange(7) ** 2, axis=0),
    "gradient at even places": lambda a: np.gradient(a, np.arange(7) * 2, axis=0, edge_order=2),
    "gradient at places, order 2": lambda a: np.gradient(
        a, np.arange(10) ** 1.5, axis=-1, edge_order=2
    ),
    "gradient of a view": lambda a: np.gradient(a[::-1, ::2], axis=(1, 0)),
    "along rows": lambda a: np.apply_along_axis(np.cumsum, 1, a),
    "along columns": lambda a: np.apply_along_axis(lambda x: x.max() - x.min(), 0, a),
    "to matrices": lambda a: np.apply_along_axis(lambda x: np.outer(x[:2], x[:3]), 0, a),
    "along a line": lambda a: np.apply_along_axis(np.sort, 0, a[0]),
    "line to a number": lambda a: np.apply_along_axis(np.max, 0, a[0])[()],
    "over axes": lambda a: np.apply_over_axes(np.max, a, (0, 1)),
    "piecewise": lambda a: np.piecewise(a, [a < -10, a > 10], [-1, lambda x: x * x, np.abs]),
    "piecewise of one": lambda a: np.piecewise(a[0], a[0] < 0, [np.negative, 7]),
    "nan_to_num": lambda a: np.nan_to_num(np.sqrt(np.abs(a)) / (a > 0), posinf=5),
    "angle": lambda a: np.angle(a + 2j, deg=True),
    "i0": lambda a: np.i0(a / 20),
    "sinc": lambda a: np.sinc(a),
    "fix": lambda a: np.fix(a),
    "isposinf": lambda a: np.isposinf(a / (a > 0)),
    "isneginf": lambda a: np.isneginf(a / (a > 0)),
    "iscomplex": lambda a: np.iscomplex(a + (a > 0) * 1j),
    "isreal": lambda a: np.isreal(a + (a > 0) * 1j),
    "real if close": lambda a: np.real_if_close(a + 1e-17j),
    "real if not": lambda a: np.real_if_close(a + 1e-3j),
    "kinds": lambda a: (np.asarray(np.iscomplexobj(a)), np.asarray(np.isrealobj(a))),
    "array_equiv": lambda a: (
        np.asarray(np.array_equiv(a, a)),
        np.asarray(np.array_equiv(a, a[0])),
        np.asarray(np.array_equiv(a, a[:3])),
    ),
    "polyval": lambda a: np.polyval([1.0, -2.0, 0.5], a),
    "interp": lambda a: np.interp(a, np.arange(-9, 9), np.arange(18) ** 2.0, left=-7),
    "interp round": lambda a: np.interp(a, [0, 30, 80], [1, 2, 5], period=90),
    "cross": lambda a: np.cross(a[:, :3], a[:, 3:6]),
    "cross of columns": lambda a: np.cross(a[:3], a[4:], axis=0),
    "cross with one": lambda a: np.cross(a[:, :3], [1.0, 2.0, 3.0]),
    "diagflat": lambda a: np.diagflat(a[0], 2),
    "diagflat below": lambda a: np.diagflat(a[:2], -3),
    "vander": lambda a: np.vander(a[0], 4),
    "vander up": lambda a: np.vander(a[:, 1], increasing=True),
    "windows": lambda a: np.lib.stride_tricks.sliding_window_view(a, (3, 2)),
    "windows of an axis": lambda a: np.lib.stride_tricks.sliding_window_view(a, 4, axis=1),
    "trim": lambda a: np.trim_zeros(np.where(np.abs(a[0]) > 60, a[0], 0)),
    "trim axes": lambda a: np.trim_zeros(np.where(np.abs(a) > 80, a, 0)),
    "trim one end": lambda a: np.trim_zeros(np.where(np.abs(a) > 80, a, 0), "b", axis=1),
    "trim all": lambda a: np.trim_zeros(a[0] * 0, "b"),
}

SUMS = {
    "convolve": lambda a: np.convolve(a[0], a[1]),
    "convolve same": lambda a: np.convolve(a[0], a[1, :4], "same"),
    "convolve valid": lambda a: np.convolve(a[0, :3], a[1], "valid"),
    "convolve with numbers": lambda a: np.convolve(a[:, 2], [1.0, -2.0, 3.0]),
    "correlate": lambda a: np.correlate(a[0], a[1, 3:6]),
    "correlate full": lambda a: np.correlate(a[0] + 1j, a[1, 3:6] * 1j, "full"),
    "correlate same": lambda a: np.correlate(a[0, 2:5], a[1] * (1 + 2j), "same"),
    "correlate a short one": lambda a: np.correlate(np.arange(3.0), a[0], "full"),
    "unwrap": lambda a: np.unwrap(a, axis=0),
    "unwrap of period": lambda a: np.unwrap(a, 3, period=10),
}


@pytest.mark.parametrize("name", [*EXACT, *SUMS])
def test_as_numpy(name):
    call, a = {**EXACT, **SUMS}[name], sample()
    with np.errstate(all="ignore"):
        expected = call(a)
        alone = call(pm.asarray(a, map=pm.Map([1, 1], procs=[0])))
        for number, (map_name, held) in enumerate(every_map(SHAPE).items()):
            if number % 2:
                continue
            found = call(pm.asarray(a, map=held))
            if name in SUMS:
                close(found, expected, map_name)
                assert np.asarray(found).tobytes() == np.asarray(alone).tobytes(), map_name
            else:
                check(found, expected, f"{name} {map_name}")


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", "complex64", "bool"])
def test_convolution_of_types(dtype):
    a, v = sample((40,), dtype), sample((6,), dtype, seed=8)
    for mode in ("full", "same", "valid"):
        expected = np.convolve(a, v, mode)
        for held in ("b", "c", ("bc", 3)):
            A = pm.asarray(a, map=pm.Map([-1], held))
            close(np.convolve(A, v, mode), expected, f"{mode} {held}")
            close(np.convolve(v, A, mode), expected, f"{mode} {held}")


@pytest.mark.parametrize("dtype", ["int32", "float32", "complex128", "uint8"])
def test_gradient_of_types(dtype):
    a = sample(dtype=dtype)
    for name in ("b rows", "c columns", "b replicated"):
        check(np.gradient(pm.asarray(a, map=every_map(SHAPE)[name])), np.gradient(a), name)


@pytest.mark.parametrize("m", [1, 3, 11, 12, 100, 5000])
@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_long_convolution_is_the_same_at_any_map(m, dtype):
    a, v = sample((10007,), dtype), sample((m,), dtype, seed=9)
    a[4], a[-3] = np.nan, np.inf
    expected = np.convolve(a, v)
    alone = np.asarray(np.convolve(pm.asarray(a, map=pm.Map([1], procs=[0])), v))
    for word in ("b", "c", ("x", (0, *[7 * k for k in range(1, world().size)], 10007))):
        found = np.asarray(np.convolve(pm.asarray(a, map=pm.Map([world().size], word)), v))
        assert found.tobytes() == alone.tobytes()
    rtol = 1e-5 if dtype == "float32" else 1e-12
    scale = 50 * 50 * np.sqrt(m) * rtol * 10
    np.testing.assert_allclose(alone, expected, rtol=rtol, atol=scale)
    if m < 4096:
        assert np.array_equal(alone, expected, equal_nan=True)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a: np.gradient(a[:1]),
        lambda a: np.gradient(a, 1.0, 2.0, 3.0),
        lambda a: np.gradient(a, np.arange(3), axis=0),
        lambda a: np.gradient(a, np.ones((2, 2)), axis=0),
        lambda a: np.gradient(a, edge_order=3),
        lambda a: np.gradient(a, axis=2),
        lambda a: np.gradient(a, axis=(0, 0)),
        lambda a: np.convolve(a, a),
        lambda a: np.convolve(a[0], a[0, :0]),
        lambda a: np.convolve(a[0], a[0], "most"),
        lambda a: np.interp(a, [1, 2], [1, 2, 3]),
        lambda a: np.interp(a, [], []),
        lambda a: np.apply_along_axis(np.sum, 2, a),
        lambda a: np.apply_along_axis(np.sum, 0, a[:, :0]),
        lambda a: np.piecewise(a, [a > 0], [1, 2, 3]),
        lambda a: np.cross(a, a),
        lambda a: np.vander(a),
        lambda a: np.trim_zeros(a[0], "x"),
        lambda a: np.lib.stride_tricks.sliding_window_view(a, (8, 1)),
        lambda a: np.lib.stride_tricks.sliding_window_view(a, 2),
    ],
)
def test_refused_as_numpy_does(wrong):
    a = sample()
    A = pm.asarray(a, map=every_map(SHAPE)["b rows"])
    assert same_outcome(wrong, (a,), (A,), "refusal") is None


def test_nothing_is_replaced_in_place_unless_asked():
    a = np.array([1.0, np.nan, 3.0, np.inf] * 3)
    A = pm.asarray(a.copy(), map=pm.Map([-1]))
    assert np.nan_to_num(A, copy=False) is A
    check(A, np.nan_to_num(a), "in place")


def test_gradient_reads_its_neighbours_only():
    A = pm.ones((4096, 3), map=pm.Map([-1, 1]))
    before = world().sent_bytes
    np.gradient(A, axis=0)
    assert world().sent_bytes - before <= 2 * 3 * 8

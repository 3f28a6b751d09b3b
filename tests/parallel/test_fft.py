"""Fourier transforms on every map, held against NumPy's of the whole array."""

import numpy as np
import pytest
from map_zoo import every_map

import pmap as pm
from pmap.ranks.comm import world
from pmap.spectra import longfft, transforms

RTOL = {"F": 2e-5, "f": 2e-5, "D": 1e-12, "d": 1e-12, "G": 1e-12, "g": 1e-12}


def data(shape, dtype="D"):
    rng = np.random.default_rng(7)
    values = rng.standard_normal(shape) * 8
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


def same(found, wanted):
    assert isinstance(found, pm.DistArray)
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    owned = found.map.owned(found.shape, world().rank)
    if owned is not None:
        part = wanted[np.ix_(*[o.indices() for o in owned])]
        scale = np.abs(wanted).max(initial=1e-30)
        worst = np.abs(found.local - part).max(initial=0) / scale
        assert worst <= RTOL[wanted.dtype.char], worst
    assert found.local.flags.c_contiguous


def kept(found, A):
    """The result's map: the input's, but for the edges of axes of another length."""
    if found.shape == A.shape:
        assert found.map == A.map.without_overlap()
    assert (found.map.grid, found.map.procs) == (A.map.grid, A.map.procs)
    kinds = [a.split.kind for a in A.map.axes]
    now = [a.split.kind for a in found.map.axes]
    pairs = zip(kinds, now, A.shape, found.shape, strict=True)
    assert all(k == m or (k == "x" and old != new) for k, m, old, new in pairs)


CALLS = {
    "fft rows": lambda f, A: f.fft(A, axis=0),
    "ifft": lambda f, A: f.ifft(A, norm="ortho"),
    "fft2": lambda f, A: f.fft2(A),
    "ifft2 longer": lambda f, A: f.ifft2(A, s=(9, 7), norm="forward"),
    "fftn shorter": lambda f, A: f.fftn(A, s=(3, -1), axes=(1, 0)),
    "fftn twice": lambda f, A: f.fftn(A, axes=(0, 0)),
    "irfft2": lambda f, A: f.irfft2(A),
    "irfftn other axes": lambda f, A: f.irfftn(A, axes=(1, 0), norm="ortho"),
    "irfft odd": lambda f, A: f.irfft(A, 9, axis=0),
    "hfft": lambda f, A: f.hfft(A, axis=0),
}
REAL = {
    "fft2": lambda f, A: f.fft2(A),
    "rfft rows": lambda f, A: f.rfft(A, axis=0),
    "rfft2": lambda f, A: f.rfft2(A),
    "rfftn": lambda f, A: f.rfftn(A, s=(6, 4), axes=(1, 0), norm="forward"),
    "ihfft": lambda f, A: f.ihfft(A, axis=0, norm="ortho"),
    "irfft of real": lambda f, A: f.irfft(A),
    "fftshift": lambda f, A: f.fftshift(A) + 0.0,
    "ifftshift": lambda f, A: f.ifftshift(A, axes=(0,)) + 0.0,
}


@pytest.mark.parametrize("call", CALLS)
def test_complex(call):
    whole = data((7, 5))
    for held in every_map(whole.shape).values():
        A = pm.asarray(whole, map=held)
        found = CALLS[call](pm.fft, A)
        same(found, CALLS[call](np.fft, whole))
        kept(found, A)


@pytest.mark.parametrize("call", REAL)
def test_real(call):
    whole = data((7, 5), "d")
    for held in every_map(whole.shape).values():
        A = pm.asarray(whole, map=held)
        found = REAL[call](np.fft, A)
        same(found, REAL[call](np.fft, whole))
        kept(found, A)


@pytest.mark.parametrize("shape", [(8, 6, 5), (4, 1, 3, 2), (3, 7, 11)])
def test_more_axes(shape):
    size = world().size
    grids = [[size, 1, 1], [1, size, 1], [1, 1, size]]
    if size == 4:
        grids += [[2, 2, 1], [1, 2, 2], [2, 1, 2]]
    for grid in grids:
        grid = grid + [1] * (len(shape) - 3)
        for dist in ("b", "c"):
            whole = data(shape)
            A = pm.asarray(whole, map=pm.Map(grid, dist))
            same(pm.fft.fftn(A), np.fft.fftn(whole))
            same(pm.fft.irfftn(A, axes=(2, 0)), np.fft.irfftn(whole, axes=(2, 0)))
            same(pm.fft.rfftn(A.real, axes=(0, 1)), np.fft.rfftn(whole.real, axes=(0, 1)))


@pytest.mark.parametrize(
    "dtype", ["e", "f", "d", "g", "F", "D", "G", "?", "u1", "i4", ">f4", ">c16"]
)
def test_dtypes(dtype):
    whole = data((4, 6), dtype)
    A = pm.asarray(whole, map=pm.Map([-1, 1]))
    same(pm.fft.fft(A, axis=0), np.fft.fft(whole, axis=0))
    same(pm.fft.irfft2(A), np.fft.irfft2(whole))
    if whole.dtype.kind != "c":
        same(pm.fft.rfft(A, axis=0), np.fft.rfft(whole, axis=0))
    else:
        with pytest.raises(pm.UnsupportedError):
            pm.fft.rfft(A)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 12, 30, 97, 101, 256, 360, 1009, 1024])
def test_one_axis(n, monkeypatch):
    """One vector over all ranks, by four steps or Bluestein's method wherever it is cut."""
    monkeypatch.setattr(transforms, "SMALL_BYTES", 64)
    whole = data(n)
    for dist in ("b", "c", ("bc", 3), "ceil"):
        A = pm.asarray(whole, map=pm.Map([-1], dist))
        for f in ("fft", "ifft"):
            same(getattr(pm.fft, f)(A), getattr(np.fft, f)(whole))
        same(pm.fft.fft(A, n + 5, norm="ortho"), np.fft.fft(whole, n + 5, norm="ortho"))
        same(pm.fft.rfft(A.real), np.fft.rfft(whole.real))
        if n > 1:
            same(pm.fft.irfft(A), np.fft.irfft(whole))
            same(pm.fft.irfft(A, n), np.fft.irfft(whole, n))
            same(pm.fft.irfft(A, 3 * n + 1), np.fft.irfft(whole, 3 * n + 1))
            same(pm.fft.fft(A, n - 1), np.fft.fft(whole, n - 1))


@pytest.mark.parametrize("shape", [(60, 2), (2, 35, 2), (101, 1)])
def test_a_long_axis_beside_short_ones(shape, monkeypatch):
    """Short axes cannot take the cut of a long one: no rank gets more than its share."""
    monkeypatch.setattr(transforms, "SMALL_BYTES", 0)
    monkeypatch.setattr(transforms, "UNEVEN", 1.2)
    whole = data(shape, "F")
    long = int(np.argmax(shape))
    grid = [1] * len(shape)
    grid[long] = -1
    A = pm.asarray(whole, map=pm.Map(grid))
    same(pm.fft.fftn(A), np.fft.fftn(whole))
    same(pm.fft.ifft(A, axis=long), np.fft.ifft(whole, axis=long))


def test_the_long_way_is_taken(monkeypatch):
    taken = []
    real = longfft.transform
    monkeypatch.setattr(transforms.longfft, "transform", lambda *a: taken.append(a) or real(*a))
    monkeypatch.setattr(transforms, "SMALL_BYTES", 0)
    pm.fft.fft(pm.ones(1024, map=pm.Map([-1])))
    assert len(taken) == (pm.Np > 1)


@pytest.mark.parametrize("dtype", ["f", "d", "F", "D"])
def test_large_blocks(dtype, monkeypatch):
    """Blocks that are transformed by rows, or by NumPy into memory that is used again."""
    monkeypatch.setattr(transforms, "LARGE_BYTES", 16)
    monkeypatch.setattr(transforms, "CACHE_BYTES", 300)
    whole = data((9, 6, 10), dtype)
    for long in (4, 1024):
        monkeypatch.setattr(transforms, "LONG", long)
        for grid in ([-1, 1, 1], [1, 1, -1]):
            A = pm.asarray(whole, map=pm.Map(grid))
            for call in (
                lambda f, a: f.fft(a, norm="ortho"),
                lambda f, a: f.ifft2(a, axes=(1, 2)),
                lambda f, a: f.fftn(a, s=(12, 5), axes=(2, 1)),
                lambda f, a: f.rfft(a.real, 7),
                lambda f, a: f.irfft(a, norm="forward"),
                lambda f, a: f.fftn(f.ifftn(a)),
            ):
                same(call(pm.fft, A), call(np.fft, whole))
            np.testing.assert_array_equal(pm.agg_all(A), whole)


def test_views_and_overlap():
    whole = data((12, 9))
    A = pm.asarray(whole, map=pm.Map([-1, 1], "c"))
    same(pm.fft.fft2(A[1:10:2, ::-1]), np.fft.fft2(whole[1:10:2, ::-1]))
    same(pm.fft.fft2(A.T), np.fft.fft2(whole.T))
    same(pm.fft.fft(A[3], 12), np.fft.fft(whole[3], 12))
    B = pm.asarray(whole, map=pm.Map([-1, 1], overlap=[2, 0]))
    same(pm.fft.fft2(B), np.fft.fft2(whole))
    np.testing.assert_array_equal(pm.agg_all(A), whole)  # the input is not changed


def test_empty_and_refused():
    A = pm.zeros((0, 4), map=pm.Map([-1, 1]))
    same(pm.fft.fft(A), np.fft.fft(np.zeros((0, 4))))
    same(pm.fft.fft(A, 3, axis=0), np.fft.fft(np.zeros((0, 4)), 3, axis=0))
    for call, error in [
        (lambda: pm.fft.fft(A, axis=0), ValueError),
        (lambda: pm.fft.fft(A, axis=2), np.exceptions.AxisError),
        (lambda: pm.fft.fft(A, 4.5), TypeError),
        (lambda: pm.fft.fft2(A, s=(2,)), ValueError),
        (lambda: pm.fft.fft(A, norm="none"), ValueError),
        (lambda: pm.fft.fft(A, out=pm.zeros((0, 4), map=A.map)), TypeError),
        (lambda: pm.fft.fft(A, out=pm.zeros((1, 4), complex, map=A.map)), ValueError),
        (lambda: pm.fft.fft(A, out=np.zeros((0, 4), complex)), TypeError),
        (lambda: pm.fft.irfft(pm.zeros(1, map=pm.Map([-1]))), ValueError),
    ]:
        with pytest.raises(error):
            call()


def test_out_and_plain_arrays():
    whole = data((6, 4))
    A = pm.asarray(whole, map=pm.Map([-1, 1]))
    out = pm.empty((6, 4), "F", map=pm.Map([1, -1]))
    assert pm.fft.fft2(A, out=out) is out
    np.testing.assert_allclose(pm.agg_all(out), np.fft.fft2(whole), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(pm.fft.fft2(whole), np.fft.fft2(whole))
    np.testing.assert_array_equal(pm.fft.hfft(whole), np.fft.hfft(whole))


def test_frequencies():
    for n in (1, 2, 5, 8):
        held = pm.Map([-1], "c")
        np.testing.assert_array_equal(
            pm.agg_all(pm.fft.fftfreq(n, 0.3, map=held)), np.fft.fftfreq(n, 0.3)
        )
        np.testing.assert_array_equal(
            pm.agg_all(pm.fft.rfftfreq(n, 0.3, map=held)), np.fft.rfftfreq(n, 0.3)
        )
    assert pm.fft.fftfreq(4, dtype="f").dtype == np.float32

"""SciPy's filters on files, block by block; the oracle is the same line in SciPy."""

import inspect

import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given
from hypothesis import strategies as st
from image_cases import BINARY, FILTERS, MODES, volume

import pmap as pm
from pmap import ndimage
from pmap.images import tiling

SHAPE = (11, 9, 7)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of a few voxels, so that small volumes have many."""
    monkeypatch.setattr(tiling, "BLOCK_VOX", 60)
    monkeypatch.setattr(tiling, "MIN_EDGE_VOX", 3)
    assert len(tiling.block_grid(SHAPE)) > 10


def as_file(x):
    a = pm.io.scratch(x.shape, x.dtype)
    a.write(tuple(slice(0, n) for n in x.shape), x)
    return a


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", FILTERS)
def test_filters_of_files_equal_scipy(name, mode):
    options = {**FILTERS[name], "mode": mode, "cval": -7.0}
    x = volume(SHAPE)
    found = getattr(pm.ndimage, name)(as_file(x), **options)
    expected = getattr(ndi, name)(x, **options)
    assert found.dtype == expected.dtype
    if name.startswith("uniform"):
        np.testing.assert_allclose(found[...], expected, rtol=1e-4, atol=1e-3)
    else:
        assert np.array_equal(found[...], expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64, np.float64])
def test_dtypes_are_scipys(dtype):
    x = volume(SHAPE, dtype)
    for name in ("gaussian_filter", "uniform_filter", "laplace", "median_filter", "white_tophat"):
        for output in (None, np.float32, "int32"):
            options = {**FILTERS[name], "output": output}
            if (name, dtype, output) == ("white_tophat", np.float64, "int32"):
                continue  # SciPy refuses it
            expected = getattr(ndi, name)(x, **options)
            found = getattr(pm.ndimage, name)(as_file(x), **options)
            assert found.dtype == expected.dtype
            if name == "uniform_filter" and expected.dtype.kind == "f":
                np.testing.assert_allclose(found[...], expected, rtol=2e-5)
            elif name != "uniform_filter" or output is None and dtype != np.float64:
                assert np.array_equal(found[...], expected), (name, output)


@pytest.mark.parametrize("name", BINARY)
def test_binary_filters_of_files_equal_scipy(name):
    x, within = volume(SHAPE) > -40, volume(SHAPE, seed=1) > -90
    found = getattr(pm.ndimage, name)(as_file(x), mask=within, **BINARY[name])
    assert found.dtype == bool
    assert np.array_equal(found[...], getattr(ndi, name)(x, mask=within, **BINARY[name]))


def test_axes_modes_and_radius_per_axis():
    x = volume(SHAPE)
    for options in (
        {"sigma": (1, 2), "axes": (0, 2), "mode": ("wrap", "mirror")},
        {"sigma": 1.0, "radius": (1, 2, 0)},
        {"sigma": 0.0},
        {"sigma": 1.0, "mode": ["grid-wrap", "grid-constant", "grid-mirror"], "order": (0, 1, 2)},
    ):
        found = pm.ndimage.gaussian_filter(as_file(x), **options)
        assert np.array_equal(found[...], ndi.gaussian_filter(x, **options)), options
    found = pm.ndimage.maximum_filter(as_file(x), size=(3, 5), axes=(2, 0), origin=(1, -1))
    assert np.array_equal(found[...], ndi.maximum_filter(x, (3, 5), axes=(2, 0), origin=(1, -1)))


@given(
    st.tuples(*[st.integers(1, 9)] * 2),
    st.sampled_from(MODES),
    st.floats(0.2, 4.0),
    st.integers(1, 7),
)
def test_blocks_narrower_than_the_halo(shape, mode, sigma, size):
    x = volume(shape)
    f = as_file(x)
    assert np.array_equal(
        pm.ndimage.gaussian_filter(f, sigma, mode=mode)[...],
        ndi.gaussian_filter(x, sigma, mode=mode),
    )
    assert np.array_equal(
        pm.ndimage.grey_erosion(f, size, mode=mode)[...], ndi.grey_erosion(x, size, mode=mode)
    )


def test_outputs_may_be_any_array():
    x = volume(SHAPE)
    expected = ndi.gaussian_filter(x, 1.0, output=np.float64)
    for out in (np.zeros(SHAPE), pm.io.scratch(SHAPE, float)):
        assert pm.ndimage.gaussian_filter(as_file(x), 1.0, output=out) is out
        assert np.array_equal(out[...], expected)
    out = np.zeros(SHAPE)
    pm.ndimage.gaussian_filter(x, 1.0, output=out)
    assert np.array_equal(out, expected)


def test_signatures_are_scipys():
    for name in (*FILTERS, *BINARY):
        assert inspect.signature(getattr(pm.ndimage, name)) == inspect.signature(getattr(ndi, name))
        assert getattr(pm.ndimage, name).__doc__


def test_ndarrays_go_straight_to_scipy():
    x = volume(SHAPE)
    assert np.array_equal(pm.ndimage.uniform_filter(x, 3), ndi.uniform_filter(x, 3))
    assert pm.ndimage.gaussian_filter(x.tolist(), 1.0).shape == SHAPE


def test_what_needs_the_whole_array_names_another_way():
    for name in ("distance_transform_edt", "binary_fill_holes", "fourier_shift", "watershed_ift"):
        assert not hasattr(ndimage, name)
        with pytest.raises(AttributeError, match="use pm"):
            getattr(pm.ndimage, name)
    with pytest.raises(AttributeError, match="has no attribute 'gausian_filter'"):
        _ = pm.ndimage.gausian_filter
    with pytest.raises(pm.UnsupportedError, match="iterations=-1"):
        pm.ndimage.binary_dilation(np.ones((3, 3)), iterations=-1)
    with pytest.raises(pm.InputError, match="mode 'symmetric'"):
        pm.ndimage.sobel(np.ones((3, 3)), mode="symmetric")

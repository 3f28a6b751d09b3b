"""Labels and region tables; the oracles are SciPy and scikit-image on the whole array."""

import numpy as np
import pytest
import scipy.ndimage as ndi
import skimage.measure
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from image_cases import CROSS, cells, volume
from scipy import stats
from skimage.measure._regionprops import COL_DTYPES

import pmap as pm
from pmap.images import components, labelling, regionstats, regiontable, tiling


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(tiling, "BLOCK_VOX", 60)
    monkeypatch.setattr(tiling, "MIN_EDGE_VOX", 3)


def as_file(x):
    a = pm.io.scratch(x.shape, x.dtype)
    a.write(tuple(slice(0, n) for n in x.shape), x)
    return a


masks = hnp.arrays(bool, hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=9))


@given(masks, st.integers(1, 3))
def test_labels_of_files_are_scipys(mask, connectivity):
    structure = ndi.generate_binary_structure(mask.ndim, min(connectivity, mask.ndim))
    labels, n = pm.measure.label(as_file(mask), structure=structure, return_num=True)
    expected, m = ndi.label(mask, structure)
    assert (n, labels.dtype) == (m, expected.dtype)
    assert np.array_equal(labels[...], expected)


@pytest.mark.parametrize("share", [0.02, 0.2, 0.31, 0.5, 0.9, 1.0])
def test_labels_of_larger_volumes_are_scipys(share):
    mask = np.random.default_rng(0).random((23, 19, 17)) < share
    for structure in (CROSS, ndi.generate_binary_structure(3, 2), np.ones((3, 3, 3))):
        expected, n = ndi.label(mask, structure)
        labels, m = pm.ndimage.label(as_file(mask), structure)
        assert m == n
        assert np.array_equal(labels[...], expected)


@pytest.mark.parametrize("dtype", [np.int32, np.uint16, np.int64])
def test_the_fast_way_and_scipy_number_alike(dtype, monkeypatch):
    pytest.importorskip("cc3d", reason="connected-components-3d is not installed")
    rng = np.random.default_rng(3)
    cases = [rng.random(rng.integers(1, 12, 3)) < rng.random() for _ in range(60)]
    structures = [ndi.generate_binary_structure(3, c) for c in (1, 2, 3)]
    fast = [components.components(m, s, dtype) for m in cases for s in structures]
    monkeypatch.setattr(components, "cc3d", None)
    slow = [components.components(m, s, dtype) for m in cases for s in structures]
    for (a, n), (b, m) in zip(fast, slow, strict=True):
        assert (n, a.dtype) == (m, b.dtype)
        assert np.array_equal(a, b)


def test_a_lopsided_structure_is_scipys_too():
    structure = np.zeros((3, 3, 3), bool)
    structure[1, 1, 1] = structure[0, 0, 2] = structure[2, 2, 0] = True
    mask = np.random.default_rng(1).random((13, 12, 11)) < 0.5
    labels = pm.measure.label(as_file(mask), structure=structure)
    assert np.array_equal(labels[...], ndi.label(mask, structure)[0])


@given(
    hnp.arrays(
        np.int16, hnp.array_shapes(min_dims=1, max_dims=3, max_side=7), elements=st.integers(-1, 2)
    )
)
def test_labels_by_value_are_scikit_images(x):
    for connectivity in {None, 1, x.ndim}:
        expected, n = skimage.measure.label(x, connectivity=connectivity, return_num=True)
        for source in (x, as_file(x)):
            labels, m = pm.measure.label(source, connectivity=connectivity, return_num=True)
            assert m == n
            assert np.array_equal(labels[...], expected)


def test_label_dtypes_and_refusals():
    mask = np.ones((3, 4), bool)
    assert pm.measure.label(mask).dtype == np.int32
    assert pm.measure.label(as_file(mask), dtype=np.uint16).dtype == np.uint16
    with pytest.raises(pm.InputError, match="threshold"):
        pm.measure.label(np.zeros((3, 3)))
    with pytest.raises(pm.InputError, match="between 1 and 2"):
        pm.measure.label(mask, connectivity=3)
    with pytest.raises(pm.ShapeError, match="structure has shape"):
        pm.measure.label(mask, structure=np.ones(3))
    with pytest.raises(pm.InputError, match="symmetric"):
        pm.measure.label(mask, structure=[[1, 0, 0], [0, 1, 0], [0, 0, 0]])
    with pytest.raises(pm.UnsupportedError, match="background=1"):
        pm.measure.label(mask, background=1)


@given(masks)
def test_first_voxels(mask):
    labels, n = ndi.label(mask)
    expected = [int(np.flatnonzero(labels == i)[0]) for i in range(1, n + 1)]
    assert labelling.first_voxels(labels, n).tolist() == expected
    shuffled = np.where(labels > 0, n + 1 - labels, 0)
    assert labelling.first_voxels(shuffled, n).tolist() == expected[::-1]


def test_face_pairs_see_diagonals_and_values():
    slab = np.array([[1, 0, 0], [0, 2, 3]]).T.reshape(3, 2, 1)
    full = np.ones((3, 3, 3), bool)
    assert labelling.face_pairs(slab, 1, full).tolist() == [[1, 2]]
    assert labelling.face_pairs(slab, 1, CROSS).tolist() == []
    values = np.where(slab == 2, 5, 4)
    assert labelling.face_pairs(slab, 1, full, values).tolist() == []


@given(hnp.arrays(np.uint32, (5, 6), elements=st.sampled_from([0, 1, 2, 9, 70000])))
def test_bounds_of_blocks_join_to_bounds_of_the_whole(x):
    whole = regionstats.bounds(x, (0, 0))
    parts = [
        regionstats.bounds(x[box], [s.start for s in box]) for box in tiling.block_grid(x.shape, 2)
    ]
    assert np.array_equal(regionstats.merged(np.concatenate(parts)), whole)
    table = skimage.measure.regionprops_table(
        x.astype(np.int64), properties=("label", "num_pixels", "bbox")
    )
    assert np.array_equal(whole, np.stack(list(table.values()), axis=1).reshape(whole.shape))


def test_labels_as_large_as_they_come():
    x = np.array([0, 2**32 - 1, 5, 2**32 - 1], np.uint32)
    assert regionstats.bounds(x, (10,)).tolist() == [[5, 1, 12, 13], [2**32 - 1, 2, 11, 14]]
    table = pm.measure.regionprops_table(x, x, ("label", "intensity_mean"))
    assert table["intensity_mean"].tolist() == [5.0, 2**32 - 1]


@pytest.fixture(scope="module")
def objects():
    image, mask, _ = cells((31, 37, 29), n=25)
    labels = ndi.label(mask)[0].astype(np.uint32) * 3
    return labels, image


def test_every_number_of_scikit_image(objects):
    labels, image = objects
    names = [n for n, kind in COL_DTYPES.items() if kind is not object and "hu" not in n]
    names = [
        n
        for n in names
        if n not in ("perimeter", "perimeter_crofton", "eccentricity", "orientation")
    ]
    expected = skimage.measure.regionprops_table(labels, image, names)
    for source in (labels, as_file(labels)):
        table = pm.measure.regionprops_table(source, image, names)
        assert list(table) == list(expected)
        for key, values in table.items():
            assert values.dtype == expected[key].dtype, key
            np.testing.assert_allclose(values, expected[key], rtol=1e-5, atol=1e-5, err_msg=key)


def test_flat_images_have_their_own_properties():
    labels = ndi.label(cells((1, 60, 50), n=12)[1][0])[0]
    names = ("eccentricity", "orientation", "perimeter", "moments_hu", "centroid_local")
    expected = skimage.measure.regionprops_table(labels, properties=names)
    table = pm.measure.regionprops_table(as_file(labels), properties=names, separator="-")
    assert list(table) == list(expected)
    for key in table:
        np.testing.assert_allclose(table[key], expected[key], err_msg=key)


def test_blocks_do_not_change_a_bit(objects, monkeypatch):
    labels, image = objects
    names = ("centroid", "centroid_weighted", "intensity_mean", "intensity_std", "intensity_skew")
    first = pm.measure.regionprops_table(labels, image, names)
    for block, large in ((30, 10**9), (500, 100), (10**6, 1)):
        monkeypatch.setattr(tiling, "BLOCK_VOX", block)
        monkeypatch.setattr(regiontable, "_LARGE_VOX", large)
        table = pm.measure.regionprops_table(as_file(labels), as_file(image), names)
        assert all(np.array_equal(first[k], table[k]) for k in first)


def test_moments_are_scipys(objects):
    labels, image = objects
    table = pm.measure.regionprops_table(
        as_file(labels), image, ("label", "intensity_skew", "intensity_kurtosis", "mean_intensity")
    )
    for i, number in enumerate(table["label"]):
        values = image[labels == number].astype(float)
        assert table["intensity_skew"][i] == pytest.approx(stats.skew(values), rel=1e-9)
        assert table["intensity_kurtosis"][i] == pytest.approx(stats.kurtosis(values), rel=1e-9)
        assert table["mean_intensity"][i] == pytest.approx(values.mean(), rel=1e-12)
    flat = pm.measure.regionprops_table(
        np.array([1, 1]), np.array([0.1, 0.1]), ("intensity_skew", "intensity_kurtosis")
    )
    assert np.isnan(flat["intensity_skew"][0]) and np.isnan(flat["intensity_kurtosis"][0])


def test_functions_of_users(objects):
    labels, image = objects

    def quartiles(mask, intensity):
        return np.quantile(intensity[mask], [0.25, 0.75])

    def n_voxels(mask):
        return int(mask.sum())

    expected = skimage.measure.regionprops_table(
        labels, image, ("area",), extra_properties=(quartiles, n_voxels)
    )
    table = pm.measure.regionprops_table(
        as_file(labels), image, ("area",), extra_properties=(quartiles, n_voxels)
    )
    assert list(table) == list(expected)
    for key in table:
        np.testing.assert_allclose(table[key], expected[key])


def test_arrays_per_object_of_an_ndarray_only(objects):
    labels, _ = objects
    expected = skimage.measure.regionprops_table(labels, properties=("coords", "slice"))
    table = pm.measure.regionprops_table(labels, properties=("coords",))
    assert all(
        np.array_equal(a, b) for a, b in zip(table["coords"], expected["coords"], strict=True)
    )
    with pytest.raises(pm.UnsupportedError, match="bbox"):
        pm.measure.regionprops_table(as_file(labels), properties=("coords",))


def test_tables_without_objects():
    names = (
        "label",
        "bbox",
        "area",
        "centroid",
        "intensity_mean",
        "euler_number",
        "inertia_tensor",
    )
    x = np.zeros((4, 5, 6), np.int32)
    expected = skimage.measure.regionprops_table(x, x.astype(float), names)
    table = pm.measure.regionprops_table(as_file(x), x.astype(float), names)
    assert list(table) == list(expected)
    assert all(len(v) == 0 and v.dtype == expected[k].dtype for k, v in table.items())
    x = np.zeros((0, 3), int)
    assert len(pm.measure.regionprops_table(x)["label"]) == 0


def test_refused_tables():
    x = volume((3, 4, 5), np.uint8)
    with pytest.raises(pm.InputError, match="needs an intensity_image"):
        pm.measure.regionprops_table(x, properties=("intensity_mean",))
    with pytest.raises(pm.InputError, match="'aera' is not known"):
        pm.measure.regionprops_table(x, properties=("aera",))
    with pytest.raises(pm.ShapeError):
        pm.measure.regionprops_table(x, x[:2])
    with pytest.raises(pm.InputError, match="integers"):
        pm.measure.regionprops_table(x.astype(float))
    with pytest.raises(pm.InputError, match="negative"):
        pm.measure.regionprops_table(-x.astype(int))

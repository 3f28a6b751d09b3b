"""Filters, labels, watershed, tables and thresholds on real ranks; oracle: the whole array."""

from functools import partial

import numpy as np
import pytest
import scipy.ndimage as ndi
import skimage.filters
import skimage.measure
from image_cases import BINARY, CROSS, FILTERS, MODES, cells, volume
from map_zoo import every_map

import pmap as pm
from pmap.ranks.comm import world

SHAPE = (13, 9, 7)


def few_maps(shape=SHAPE):
    names = (
        "b rows",
        "b columns",
        "b grid",
        "bc2 grid",
        "c subset",
        "explicit rows",
        "b replicated",
    )
    maps = every_map(shape)
    return {name: maps[name] for name in names}


def as_file(x):
    """A scratch file with the values of `x`."""
    a = pm.io.scratch(x.shape, x.dtype)
    if world().rank == 0:
        a.write(tuple(slice(0, n) for n in x.shape), x)
    pm.barrier()
    return a


def whole(x):
    return x[...] if isinstance(x, pm.io.FileArray) else np.asarray(x)


@pytest.mark.parametrize("name", FILTERS)
def test_filters_equal_scipy_on_the_whole_array(name):
    for mode in MODES:
        options = {**FILTERS[name], "mode": mode, "cval": 3.0}
        x = volume(SHAPE)
        expected = getattr(ndi, name)(x, **options)
        maps = few_maps() if mode == "reflect" else {"grid": every_map(SHAPE)["b grid"]}
        for where, array_map in maps.items():
            A = pm.asarray(x, map=array_map)
            found = getattr(pm.ndimage, name)(A, **options)
            assert found.map == A.map and found.dtype == expected.dtype, (name, mode, where)
            if name.startswith("uniform"):
                np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-4, atol=1e-3)
            else:
                assert np.array_equal(np.asarray(found), expected), (name, mode, where)


@pytest.mark.parametrize("name", BINARY)
def test_binary_filters_equal_scipy(name):
    x = volume(SHAPE) > -40
    within = volume(SHAPE, seed=1) > -90
    expected = getattr(ndi, name)(x, mask=within, **BINARY[name])
    for where, array_map in few_maps().items():
        A, M = pm.asarray(x, map=array_map), pm.asarray(within, map=pm.auto(SHAPE))
        found = getattr(pm.ndimage, name)(A, mask=M, **BINARY[name])
        assert found.dtype == bool
        assert np.array_equal(np.asarray(found), expected), (name, where)


def test_filters_of_integers_keep_their_dtype_and_fill_outputs():
    x = volume(SHAPE, np.uint16)
    A = pm.asarray(x, map=pm.auto(SHAPE))
    for name in ("gaussian_filter", "uniform_filter", "median_filter", "sobel"):
        options = {k: v for k, v in FILTERS[name].items()}
        found = getattr(pm.ndimage, name)(A, **options)
        assert np.array_equal(np.asarray(found), getattr(ndi, name)(x, **options)), name
        found = getattr(pm.ndimage, name)(A, output=np.float64, **options)
        assert found.dtype == np.float64
        expected = getattr(ndi, name)(x, output=float, **options)
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-12, atol=0, err_msg=name)
    out = pm.zeros(SHAPE, map=pm.Map([1, 1, -1], "c"))
    assert pm.ndimage.gaussian_filter(A, 1.0, output=out) is out
    expected = ndi.gaussian_filter(x, 1.0, output=np.zeros(SHAPE).dtype)
    assert np.array_equal(np.asarray(out), expected)


def test_every_kind_of_map_filters_and_labels_alike():
    x = volume(SHAPE)
    smooth = ndi.gaussian_filter(x, 1.0)
    labels, n = ndi.label(smooth > 5)
    for name, array_map in every_map(SHAPE).items():
        A = pm.ndimage.gaussian_filter(pm.asarray(x, map=array_map), 1.0)
        assert np.array_equal(np.asarray(A), smooth), name
        L, m = pm.ndimage.label(A > 5)
        assert m == n and L.dtype == labels.dtype, name
        assert np.array_equal(np.asarray(L), labels), name


def test_views_and_maps_with_overlap_are_filtered_and_labelled():
    x = volume(SHAPE)
    A = pm.asarray(x, map=pm.Map([-1, 1, 1], overlap=[2, 0, 0]))
    views = {
        "overlap": (A, x),
        "slice": (A[2:11, 1:], x[2:11, 1:]),
        "steps": (A[::2, :, ::-1], x[::2, :, ::-1]),
        "transposed": (A.T, x.T),
        "plane": (A[5], x[5]),
    }
    for name, (view, part) in views.items():
        found = pm.ndimage.gaussian_filter(view, 1.5)
        assert np.array_equal(np.asarray(found), ndi.gaussian_filter(part, 1.5)), name
        labels, n = pm.ndimage.label(view > 30)
        expected, m = ndi.label(part > 30)
        assert n == m and np.array_equal(np.asarray(labels), expected), name
        out = pm.zeros(part.shape, map=pm.auto(part.shape))
        pm.map_blocks(np.negative, view, block_vox=4, out=out)
        assert np.array_equal(np.asarray(out), -part), name
    pm.map_blocks(np.negative, A, out=A)
    assert np.array_equal(np.asarray(A), -x)


def test_results_may_replace_their_source():
    x = volume(SHAPE)
    smooth = ndi.gaussian_filter(x, 1.5)
    summed = ndi.correlate(x, np.ones((3, 3, 3)))
    kinds = [partial(pm.asarray, x, map=m) for m in few_maps().values()]
    for make in [*kinds, partial(as_file, x), x.copy]:
        A = make()
        assert pm.ndimage.gaussian_filter(A, 1.5, output=A) is A
        assert np.array_equal(whole(A), smooth)
        A = make()
        total = partial(ndi.correlate, weights=np.ones((3, 3, 3)))
        assert pm.map_overlap(total, A, depth=1, block_vox=3, out=A) is A
        assert np.array_equal(whole(A), summed)
    A = pm.asarray(x, map=pm.auto(SHAPE))
    pm.map_overlap(total, A[1:], depth=1, block_vox=3, out=A[1:])
    assert np.array_equal(np.asarray(A)[1:], ndi.correlate(x[1:], np.ones((3, 3, 3))))


def test_ranks_without_voxels_take_part():
    x = volume((2, 3, 2))
    A = pm.asarray(x, map=pm.Map([-1, 1, 1]))
    assert np.array_equal(np.asarray(pm.ndimage.gaussian_filter(A, 1.0)), ndi.gaussian_filter(x, 1))
    L, n = pm.ndimage.label(A > 0)
    assert np.array_equal(np.asarray(L), ndi.label(x > 0)[0])
    empty = pm.zeros((0, 4), map=pm.Map([-1, 1]))
    assert pm.ndimage.gaussian_filter(empty, 1.0).shape == (0, 4)
    assert pm.measure.label(empty > 0, return_num=True)[1] == 0


@pytest.mark.parametrize("boundary", ["reflect", "mirror", "nearest", "wrap", "constant", "none"])
def test_map_overlap_sees_the_boundary_and_halos_wider_than_blocks(boundary):
    x = volume((11, 6), np.int64)
    depth, pad = (4, 1), {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge"}
    how = pad.get(boundary, boundary)
    around = x if how == "none" else np.pad(x, [(4, 4), (1, 1)], mode=how)

    def totals(a):
        return ndi.correlate(a, np.ones((9, 3), int), mode="constant")

    expected = totals(around)[
        tuple(slice(d, n - d) for d, n in zip((4, 1), around.shape, strict=True))
    ]
    expected = totals(x) if how == "none" else expected
    for source in (
        x,
        pm.asarray(x, map=pm.Map([-1, 1], "c")),
        pm.asarray(x, map=pm.auto(x.shape)),
        as_file(x),
    ):
        found = pm.map_overlap(totals, source, depth=depth, boundary=boundary, block_vox=(2, 3))
        assert found.dtype == np.int64
        assert np.array_equal(whole(found), expected), type(source)


def test_map_blocks_mixes_sources_and_sinks():
    x, y = volume(SHAPE), volume(SHAPE, np.uint16)
    A = pm.asarray(x, map=pm.Map([-1, 1, 1]))
    seen = pm.map_blocks(lambda a, b: a + b, A, as_file(y), block_vox=4)
    assert isinstance(seen, pm.DistArray) and seen.map == A.map
    assert np.array_equal(np.asarray(seen), x + y)
    for out in (
        np.zeros(SHAPE),
        pm.zeros(SHAPE, map=pm.Map([1, -1, 1], "c")),
        as_file(np.zeros(SHAPE)),
    ):
        assert pm.map_blocks(lambda a, b: a + b, as_file(x), y, block_vox=5, out=out) is out
        assert np.array_equal(whole(out), x + y)

    def number(a, block_info):
        assert a.shape == tuple(s.stop - s.start for s in block_info["box"])
        return np.full(a.shape, block_info["index"], np.int16)

    numbers = pm.map_blocks(number, A, block_vox=(5, 9, 7), block_info=True)
    assert numbers.dtype == np.int16
    assert np.asarray(numbers)[:, 0, 0].tolist() == [0] * 5 + [1] * 4 + [2] * 4


def test_running_sums_do_not_depend_on_map_or_ranks():
    x = volume((40, 33, 29), np.float32) * 1e3
    expected = None
    for array_map in few_maps(x.shape).values():
        found = np.asarray(pm.ndimage.uniform_filter(pm.asarray(x, map=array_map), 5))
        expected = found if expected is None else expected
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("threshold", [-150, 20, 120])
def test_labels_are_scipys_for_every_map_and_neighbourhood(threshold):
    x = volume(SHAPE) > threshold
    for structure in (CROSS, np.ones((3, 3, 3), bool), ndi.generate_binary_structure(3, 2)):
        expected, n = ndi.label(x, structure)
        for name, array_map in few_maps().items():
            A = pm.asarray(x, map=array_map)
            L, m = pm.measure.label(A, structure=structure, return_num=True)
            assert (m, L.dtype, L.map) == (n, expected.dtype, A.map)
            assert np.array_equal(np.asarray(L), expected), name
        L = pm.measure.label(as_file(x), structure=structure)
        assert np.array_equal(L[...], expected)


def test_labels_by_value_are_scikit_images():
    x = volume(SHAPE, np.uint8) // 70
    for connectivity in (1, 2, 3, None):
        expected, n = skimage.measure.label(x, connectivity=connectivity, return_num=True)
        for name, array_map in few_maps().items():
            L, m = pm.measure.label(
                pm.asarray(x, map=array_map), connectivity=connectivity, return_num=True
            )
            assert m == n
            assert np.array_equal(np.asarray(L), expected), (name, connectivity)


def test_a_spiral_through_all_ranks_is_one_component():
    x = np.zeros((17, 17), bool)
    x[::2] = True
    x[1::4, -1] = x[3::4, 0] = True
    for array_map in few_maps((17, 17)).values():
        L, n = pm.measure.label(pm.asarray(x, map=array_map), connectivity=1, return_num=True)
        assert n == 1
        assert np.array_equal(np.asarray(L), x)


def test_watershed_is_scikit_images_whatever_map_and_blocks():
    from skimage.segmentation import watershed

    image, mask, seeds = cells((31, 37, 29))
    expected = watershed(-image, seeds, mask=mask)
    assert len(np.unique(expected)) > 30
    sources = [
        (pm.asarray(-image, map=m), pm.asarray(seeds, map=m), pm.asarray(mask, map=m))
        for m in few_maps(image.shape).values()
    ]
    sources += [(-image, seeds, mask), (as_file(-image), as_file(seeds), as_file(mask))]
    for block_vox, depth in ((8, 1), (12, 3), (64, 0)):
        for source in sources[::2] if block_vox == 8 else sources:
            found = pm.segmentation.watershed(*source, block_vox=block_vox, depth=depth)
            assert found.dtype == seeds.dtype
            assert np.array_equal(whole(found), expected), block_vox


def test_watershed_without_a_mask_does_not_depend_on_ranks():
    image, _, seeds = cells((31, 37, 29), n=60)
    alone = pm.segmentation.watershed(-image, seeds, block_vox=12, depth=4)
    assert set(np.unique(alone)) == set(np.unique(seeds)) - {0}
    for name, array_map in few_maps(image.shape).items():
        found = pm.segmentation.watershed(
            pm.asarray(-image, map=array_map),
            pm.asarray(seeds, map=array_map),
            block_vox=12,
            depth=4,
        )
        assert np.array_equal(np.asarray(found), alone), name


PROPERTIES = (
    "label bbox area num_pixels extent equivalent_diameter_area centroid centroid_weighted "
    "intensity_mean intensity_min intensity_max intensity_std euler_number axis_major_length "
    "inertia_tensor_eigvals"
).split()


def test_tables_are_scikit_images_and_the_same_to_the_last_bit():
    image, mask, seeds = cells((31, 37, 29))
    labels = ndi.label(mask)[0]
    expected = skimage.measure.regionprops_table(labels, image, PROPERTIES, spacing=(2, 1, 0.5))
    first = None
    kinds = [pm.asarray(labels, map=m) for m in few_maps(labels.shape).values()]
    for L in [labels, as_file(labels), *kinds]:
        table = pm.measure.regionprops_table(
            L, pm.asarray(image, map=pm.auto(image.shape)), PROPERTIES, spacing=(2, 1, 0.5)
        )
        assert list(table) == list(expected)
        for key, values in table.items():
            assert values.dtype == expected[key].dtype, key
            np.testing.assert_allclose(values, expected[key], rtol=2e-6, err_msg=key)
        first = table if first is None else first
        assert all(np.array_equal(first[k], table[k]) for k in table)


def test_tables_take_functions_and_moments():
    from scipy import stats

    image, mask, _ = cells((31, 37, 29))
    labels = ndi.label(mask)[0]

    def spread(region, values):
        return np.ptp(values[region])

    for array_map in few_maps(labels.shape).values():
        L, A = pm.asarray(labels, map=array_map), pm.asarray(image, map=array_map)
        table = pm.measure.regionprops_table(
            L, A, ("label", "intensity_skew", "intensity_kurtosis"), extra_properties=(spread,)
        )
        for i, number in enumerate(table["label"]):
            values = image[labels == number].astype(float)
            np.testing.assert_allclose(table["intensity_skew"][i], stats.skew(values), rtol=1e-8)
            np.testing.assert_allclose(
                table["intensity_kurtosis"][i], stats.kurtosis(values), rtol=1e-8
            )
            assert table["spread"][i] == np.ptp(image[labels == number])


def test_an_empty_table_has_its_columns():
    L = pm.zeros(SHAPE, dtype=np.int32, map=pm.auto(SHAPE))
    table = pm.measure.regionprops_table(
        L, L, ("label", "bbox", "centroid", "intensity_mean", "inertia_tensor")
    )
    expected = skimage.measure.regionprops_table(
        np.zeros(SHAPE, int),
        np.zeros(SHAPE),
        ("label", "bbox", "centroid", "intensity_mean", "inertia_tensor"),
    )
    assert list(table) == list(expected)
    assert all(len(v) == 0 for v in table.values())


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("name", ["threshold_otsu", "threshold_yen", "threshold_isodata"])
def test_thresholds_are_scikit_images(name, dtype):
    x = volume(SHAPE, dtype)
    expected = getattr(skimage.filters, name)(x)
    for source in (x, as_file(x), *(pm.asarray(x, map=m) for m in few_maps().values())):
        found = getattr(pm.filters, name)(source)
        assert found == expected and type(found) is type(expected)


def test_what_cannot_be_is_refused_on_all_ranks():
    A = pm.asarray(volume(SHAPE), map=pm.auto(SHAPE))
    with pytest.raises(pm.InputError, match="NaN"):
        pm.filters.threshold_otsu(A * np.nan)
    with pytest.raises(pm.InputError, match="mode 'zero'"):
        pm.ndimage.gaussian_filter(A, 1.0, mode="zero")
    with pytest.raises(pm.ShapeError):
        pm.map_blocks(np.add, A, np.zeros((2, 2)))
    with pytest.raises(pm.InputError, match="negative"):
        pm.map_overlap(np.abs, A, depth=-1)
    with pytest.raises(pm.UnsupportedError, match="iterations"):
        pm.ndimage.binary_dilation(A > 0, iterations=-1)
    with pytest.raises(AttributeError, match="map_overlap"):
        pm.ndimage.distance_transform_edt(A)
    with pytest.raises(pm.UnsupportedError, match="coords"):
        pm.measure.regionprops_table(pm.measure.label(A > 0), properties=("coords",))
    with pytest.raises(pm.InputError, match="intensity_image"):
        pm.measure.regionprops_table(pm.measure.label(A > 0), properties=("intensity_mean",))

"""Watershed and thresholds block by block; the oracle is scikit-image on the whole volume."""

import sys

import numpy as np
import pytest
import scipy.ndimage as ndi
import skimage.filters
import tifffile
from image_cases import cells, volume
from skimage.segmentation import watershed

import pmap as pm
from pmap import segmentation
from pmap.images import flooding


def as_file(x):
    a = pm.io.scratch(x.shape, x.dtype)
    a.write(tuple(slice(0, n) for n in x.shape), x)
    return a


@pytest.mark.parametrize("connectivity", [1, 3])
@pytest.mark.parametrize(("block_vox", "depth"), [(8, 0), (11, 2), ((6, 40, 9), 1), (50, 0)])
def test_masked_watershed_is_that_of_the_whole_volume(block_vox, depth, connectivity):
    image, mask, seeds = cells((23, 29, 31), n=45)
    expected = watershed(-image, seeds, mask=mask, connectivity=connectivity)
    joined = ndi.label(mask, ndi.generate_binary_structure(3, connectivity))[0]
    several = [len(np.unique(expected[joined == i])) > 2 for i in range(1, joined.max() + 1)]
    assert any(several)
    for wrap in (np.asarray, as_file):
        found = pm.segmentation.watershed(
            wrap(-image),
            wrap(seeds),
            mask=wrap(mask),
            connectivity=connectivity,
            block_vox=block_vox,
            depth=depth,
        )
        assert found.dtype == seeds.dtype
        assert np.array_equal(found[...], expected)


def test_equal_heights_do_not_make_labels_depend_on_blocks():
    image, mask, seeds = cells((23, 29, 31), n=45)
    levels = (image * 4).astype(np.uint8)
    wide = ndi.grey_dilation(seeds, 3) * mask
    found = [
        pm.segmentation.watershed(255 - levels, wide, mask=mask, block_vox=b, depth=d)
        for b, d in ((8, 0), (12, 3), (64, 0))
    ]
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    assert np.array_equal(found[0] > 0, watershed(255 - levels, wide, mask=mask) > 0)


def test_a_winding_mask_is_followed_to_its_end():
    mask = np.zeros((25, 25), bool)
    mask[::4] = True
    mask[1:4, -1] = mask[9:12, -1] = mask[17:20, -1] = True
    mask[5:8, 0] = mask[13:16, 0] = mask[21:24, 0] = True
    image = np.random.default_rng(0).random(mask.shape)
    seeds = np.zeros(mask.shape, np.uint32)
    seeds[0, 0], seeds[24, 24] = 4_000_000_000, 7
    found = pm.segmentation.watershed(image, seeds, mask=mask, block_vox=6, depth=1)
    assert np.array_equal(found, watershed(image, seeds, mask=mask))
    assert set(np.unique(found)) == {0, 7, 4_000_000_000}


def test_parts_beyond_the_limit_are_flooded_near_the_block(monkeypatch):
    monkeypatch.setattr(segmentation, "REGION_VOX", 20**3)
    image, mask, seeds = cells((40, 44, 36), n=120)
    mask[20] = True
    found = pm.segmentation.watershed(-image, seeds, mask=mask, block_vox=10, depth=4)
    assert set(np.unique(found)) == set(np.unique(seeds[mask])) | {0}
    assert not found[~mask].any()
    expected = watershed(-image, seeds, mask=mask)
    assert (found == expected)[mask].mean() > 0.9


def iou_with(expected, found):
    """IoU of each object of `expected` with the object of the same number."""
    n = int(max(expected.max(), found.max())) + 1
    both = np.bincount(expected[expected == found], minlength=n)
    union = (
        np.bincount(expected.ravel(), minlength=n) + np.bincount(found.ravel(), minlength=n) - both
    )
    present = np.unique(expected[expected > 0])
    return both[present] / union[present]


def test_watershed_without_a_mask_is_near_that_of_the_whole_volume():
    image, _, seeds = cells((64, 64, 64), n=500, radius=(2.5, 4.0))
    smooth = ndi.gaussian_filter(image, 1)
    expected = watershed(-smooth, seeds)
    found = pm.segmentation.watershed(-smooth, seeds, block_vox=32)
    assert set(np.unique(found)) == set(np.unique(expected))
    assert np.mean(iou_with(expected, found) >= 0.95) >= 0.99
    assert np.array_equal(pm.segmentation.watershed(-smooth, seeds, block_vox=64), expected)


def test_real_nuclei_are_segmented_alike_whole_and_in_blocks(real_data):
    image = tifffile.imread(real_data / "mesospim_small" / "test_very_small.tif")
    smooth = ndi.gaussian_filter(image, 1.0)
    mask = smooth > skimage.filters.threshold_otsu(smooth)
    seeds = ndi.label((ndi.maximum_filter(smooth, 3) == smooth) & mask, np.ones((3, 3, 3)))[0]
    expected = watershed(-smooth, seeds, mask=mask)
    file = as_file(image)
    smoothed = pm.ndimage.gaussian_filter(file, 1.0)
    cut = pm.filters.threshold_otsu(smoothed)
    foreground = pm.map_blocks(lambda a: a > cut, smoothed, block_vox=20)
    tops = pm.map_blocks(
        lambda a, top, m: (a == top) & m,
        smoothed,
        pm.ndimage.maximum_filter(smoothed, 3),
        foreground,
    )
    marks = pm.measure.label(tops)
    depth = pm.map_blocks(np.negative, smoothed)
    found = pm.segmentation.watershed(depth, marks, mask=foreground, block_vox=24, depth=4)
    assert marks[...].max() > 100
    assert np.array_equal(found[...], expected)


def test_parts_of_a_mask():
    mask = np.array([[1, 1, 0, 1, 1], [0, 0, 0, 0, 1]], bool)
    parts, chosen = flooding.core_parts(mask, (slice(0, 1), slice(2, 4)), np.ones((3, 3)))
    assert chosen.tolist() == [2]
    sides = ((False, True), (True, True))
    assert flooding.open_sides(parts, chosen, sides) == ((False, True), (False, True))
    assert flooding.parts_box(parts, np.array([1])) == (slice(0, 2), slice(0, 3))
    assert flooding.parts_box(parts, np.array([], int)) is None


def test_what_cannot_be_flooded_is_refused():
    image, mask, seeds = cells((9, 8, 7), n=3)
    with pytest.raises(pm.InputError, match="integers"):
        pm.segmentation.watershed(image, seeds.astype(float))
    with pytest.raises(pm.UnsupportedError, match="label image"):
        pm.segmentation.watershed(image, None)
    with pytest.raises(pm.ShapeError):
        pm.segmentation.watershed(image, seeds, mask=mask[:3])
    with pytest.raises(pm.InputError, match="negative"):
        pm.segmentation.watershed(image, seeds, depth=-1)
    with pytest.raises(pm.InputError, match="connectivity"):
        pm.segmentation.watershed(image, seeds, connectivity=4)
    image[np.argwhere(mask)[0][0]] = np.nan
    with pytest.raises(pm.InputError, match="NaN"):
        pm.segmentation.watershed(image, seeds, mask=mask)
    with np.errstate(invalid="ignore"):
        dry = np.where(mask, 0.5, np.nan)
        assert pm.segmentation.watershed(dry, seeds, mask=mask).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("name", ["threshold_otsu", "threshold_yen", "threshold_isodata"])
def test_thresholds_are_scikit_images(name, dtype):
    for seed in range(4):
        x = volume((9, 8, 7), dtype, seed) + np.array(10 * seed, dtype)
        expected = getattr(skimage.filters, name)(x)
        for source in (x, as_file(x)):
            found = getattr(pm.filters, name)(source)
            assert found == expected
            assert type(found) is type(expected)


def test_thresholds_of_special_images():
    flat = np.full((4, 5), 7, np.uint16)
    assert pm.filters.threshold_otsu(flat) == 7
    assert pm.filters.threshold_otsu(as_file(flat)).dtype == np.uint16
    x = volume((9, 8, 7))
    assert pm.filters.threshold_otsu(x, nbins=17) == skimage.filters.threshold_otsu(x, nbins=17)
    for bad in (np.nan, np.inf):
        x[1, 1, 1] = bad
        with pytest.raises(pm.InputError, match="NaN or infinite"):
            pm.filters.threshold_otsu(x)
    with pytest.raises(pm.InputError, match="shape"):
        pm.filters.threshold_otsu(np.zeros((0, 3)))
    with pytest.raises(pm.InputError, match="bool"):
        pm.filters.threshold_otsu(np.zeros((2, 3), bool))


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(pm.UnsupportedError, match="pip install"):
        pm.filters.threshold_otsu(np.arange(4))


def test_histograms_of_wide_integers_are_refused():
    with pytest.raises(pm.InputError, match="bins"):
        pm.filters.threshold_otsu(np.array([0, 2**40]))


def test_histograms_count_every_voxel():
    x = volume((9, 8, 7), np.int16) - 50
    counts, centers = pm.filters.histogram(as_file(x))
    assert counts.sum() == x.size
    assert counts[centers == 3] == np.count_nonzero(x == 3)

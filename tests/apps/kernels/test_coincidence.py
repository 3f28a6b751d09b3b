"""Contrast, threshold and chance, against direct computation."""

import numpy as np
import pytest
from scipy import ndimage

from pmap.apps.kernels import coincidence as co


def scene(seed=0, n=60, positive=20, shape=(20, 120, 120), vignetting=0.4, offset=100):
    """Balls on a grid; the first `positive` of a random order carry the marker."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint32)
    centres = [(z, y, x) for z in (5, 14) for y in range(8, 112, 16) for x in range(8, 112, 16)]
    grid = np.ogrid[tuple(slice(0, m) for m in shape)]
    for i, c in enumerate(centres[:n], 1):
        labels[sum((g - m) ** 2 for g, m in zip(grid, c, strict=True)) <= 16] = i
    marked = rng.permutation(n)[:positive] + 1
    y, x = np.ogrid[-1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]
    light = (100 + 300 * np.isin(labels, marked)) * (1 - vignetting * (y**2 + x**2) / 2)
    marker = rng.poisson(light) + offset
    truth = np.isin(np.arange(1, n + 1), marked)
    return labels, marker.astype(np.uint16), truth


def contrast_of(labels, markers, gap=(1, 1, 1), shell=(2, 3, 3)):
    ids = np.unique(labels[labels > 0])
    boxes = [b for b in ndimage.find_objects(labels) if b is not None]
    return co.shell_contrast(labels, markers, ids, boxes, gap, shell)


def test_contrast_is_mean_of_mask_over_median_of_the_free_shell():
    labels, marker, _ = scene(1)
    got = contrast_of(labels, [marker])[0]
    for label in (1, 8, 30):
        mask = labels == label
        near = ndimage.binary_dilation(mask, np.ones((3, 3, 3)))
        far = ndimage.binary_dilation(mask, np.ones((7, 9, 9)))
        shell = far & ~near & (labels == 0)
        want = np.log2(marker[mask].mean() / np.median(marker[shell]))
        assert got[label - 1] == pytest.approx(want, abs=1e-12)


def test_marked_nuclei_are_found_in_spite_of_vignetting():
    labels, marker, truth = scene(2)
    control = [np.roll(marker, s, axis=(1, 2)) for s in ((60, 0), (0, 60), (60, 60))]
    contrast = contrast_of(labels, [marker, *control])
    cut = co.learn_threshold(contrast[0], contrast[1:])
    assert cut.method == "mixture"
    assert ((contrast[0] > cut.value) == truth).all()


def test_without_any_marked_nucleus_hardly_one_is_found():
    labels, marker, _ = scene(3, positive=0)
    control = [np.roll(marker, s, axis=(1, 2)) for s in ((60, 0), (0, 60))]
    contrast = contrast_of(labels, [marker, *control])
    cut = co.learn_threshold(contrast[0], contrast[1:])
    assert cut.method == "control"
    assert (contrast[0] > cut.value).mean() <= 0.05


def test_few_marked_nuclei_are_not_lost_in_the_many():
    rng = np.random.default_rng(4)
    background = rng.normal(0.05, 0.1, 2000)
    values = np.concatenate([background, rng.normal(1.5, 0.4, 40)])
    cut = co.learn_threshold(values, rng.normal(0, 0.1, 2000))
    assert cut.method == "mixture" and 0.3 < cut.value < 0.9


def test_a_nucleus_without_free_tissue_around_it_is_not_measured():
    labels = np.ones((3, 9, 9), np.uint32)
    labels[1, 4, 4] = 2
    marker = np.full(labels.shape, 50, np.uint16)
    box = (slice(1, 2), slice(4, 5), slice(4, 5))
    got = co.shell_contrast(labels, [marker], np.array([2]), [box], (0, 0, 0), (1, 2, 2))
    assert np.isnan(got).all()


@pytest.mark.parametrize("values", [np.zeros(0), np.zeros(3), np.full(5, np.nan)])
def test_few_or_no_nuclei_take_the_default(values):
    assert co.learn_threshold(values, values, default=0.7) == (0.7, "default")
    assert co.chance_level(values, np.stack([values]), 0.7)["positive_fraction"] == 0.0


def test_equal_values_are_no_error():
    same = np.full(50, 1.25)
    with np.errstate(all="raise", under="ignore"):
        cut = co.learn_threshold(same, same)
    assert np.isfinite(cut.value)


def test_chance_counts_each_shift():
    control = np.array([[0.0, 2.0, np.nan], [0.0, 0.0, 0.0]])
    got = co.chance_level(np.array([2.0, 0.0, 2.0]), control, 1.0)
    assert got["positive_fraction"] == pytest.approx(2 / 3)
    assert got["chance_fraction"] == pytest.approx(0.25)


def test_pairs_are_one_to_one_and_nearest_first():
    rng = np.random.default_rng(5)
    nuclei = rng.uniform(0, 50, (40, 3))
    spots = nuclei[::4] + rng.normal(0, 0.2, (10, 3))
    marked = co.near_pairs(nuclei, spots, 2.0)
    assert marked.sum() <= len(spots)
    assert (np.flatnonzero(marked) % 4 == 0).mean() > 0.8
    assert not co.near_pairs(nuclei, np.zeros((0, 3)), 2.0).any()
    assert co.near_pairs(np.zeros((0, 3)), spots, 2.0).shape == (0,)

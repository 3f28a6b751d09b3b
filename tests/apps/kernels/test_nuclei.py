"""The local steps of the segmentation: a block with its halo gives the values of the whole."""

from functools import partial

import numpy as np
import pytest

from pmap.apps.kernels import nuclei

NARROW, WIDE, AROUND = (1.0, 1.5, 1.5), (1.8, 2.7, 2.7), (2.0, 3.0, 3.0)
SHAPE = (36, 40, 44)
CORE = np.s_[14:22, 17:25, 15:30]


@pytest.fixture(scope="module")
def image():
    """Blobs of uneven brightness on an uneven background, with noise."""
    rng = np.random.default_rng(7)
    z, y, x = np.ogrid[tuple(slice(0, n) for n in SHAPE)]
    field = 200 + 2.0 * x + rng.normal(0, 5, SHAPE)
    for _ in range(25):
        c = rng.uniform(0, SHAPE)
        apart = ((z - c[0]) / 3) ** 2 + ((y - c[1]) / 4) ** 2 + ((x - c[2]) / 4) ** 2
        field += rng.uniform(100, 900) * np.exp(-(apart**2))
    return np.rint(field).astype(np.uint16)


def cut(step, depth, *arrays):
    """The core as `step` gives it from the core and `depth` around it."""
    region = tuple(slice(max(s.start - d, 0), s.stop + d) for s, d in zip(CORE, depth, strict=True))
    inner = tuple(
        slice(s.start - r.start, s.stop - r.start) for s, r in zip(CORE, region, strict=True)
    )
    return step(*(a[region] for a in arrays))[inner]


def same(step, depth, *arrays):
    whole, part = step(*arrays)[CORE], cut(step, depth, *arrays)
    assert np.array_equal(whole, part)
    assert len(np.unique(whole)) > 1
    return whole


def test_every_step_sees_no_farther_than_it_says(image):
    sizes = partial(nuclei.difference_of_gaussians, narrow_vox=NARROW, wide_vox=WIDE)
    response = sizes(image)
    same(sizes, nuclei.reach(WIDE), image)
    bright = response > 0
    above = partial(nuclei.contrast, edge_vox=(0.5, 0.6, 0.6), around_vox=AROUND)
    same(above, nuclei.reach(AROUND), image, bright)
    seeds = np.zeros(SHAPE, bool)
    seeds[18, 20, 20] = True
    same(partial(nuclei.near, radius_vox=(1.5, 2, 2)), (2, 2, 2), seeds, bright)
    tidy = partial(nuclei.tidy, radius_vox=(1.2, 2.0, 2.0))
    same(tidy, (2, 2, 2), bright.astype(np.int32), above(image, bright) > 150)


@pytest.mark.parametrize("limit", [(2.0, 5.0), (4.0, 9.0)])
def test_peaks_see_no_farther_than_the_merging_distance(image, limit):
    response = nuclei.difference_of_gaussians(image, (0.6, 0.8, 0.8), (1.2, 1.6, 1.6))
    voxel = (1.0, 0.7, 0.7)
    window = (1, 2, 2)
    find = partial(nuclei.peaks, window_vox=window, voxel_um=voxel, merge_um=limit)
    depth = np.add(np.ceil(limit[1] / np.array(voxel)).astype(int) + 1, window)
    same(find, depth, response, response > 1)


def test_peaks_close_by_or_without_a_dip_are_one_seed():
    def seeds(values):
        line = np.interp(np.arange(40), *zip(*values, strict=True)).astype(np.float32)
        everywhere = np.ones((1, 1, 40), bool)
        found = nuclei.peaks(line[None, None], everywhere, (0, 0, 1), (1, 1, 1), (5.0, 9.0))
        return np.flatnonzero(found).tolist()

    assert seeds([(0, 0), (10, 9), (14, 1), (18, 8), (39, 0)]) == [10, 18]  # deep dip, far enough
    assert seeds([(0, 0), (10, 9), (12, 1), (14, 8), (39, 0)]) == [10]  # deep dip, but close by
    assert seeds([(0, 0), (10, 9), (14, 7.9), (18, 8), (39, 0)]) == [10]  # no dip
    assert seeds([(0, 0), (10, 9), (16, 7.9), (22, 8), (39, 0)]) == [10, 22]  # no dip, but far
    assert seeds([(0, 0), (10, 9), (12, 1), (14, 9), (39, 0)]) == [10]  # equal: the first


def test_contrast_takes_the_background_from_beside_the_nuclei(image):
    blank = np.full(SHAPE, 100.0, np.float32)
    blank[10:20, 10:20, 10:20] = 500
    inside = blank > 200
    above = nuclei.contrast(blank, inside, (0.01,) * 3, AROUND)
    assert above[15, 15, 15] == pytest.approx(400, rel=0.05)
    assert not above[30:, 30:, 30:].any()


def test_tidy_fills_holes_and_drops_specks_but_keeps_the_label():
    basins = np.full((9, 9, 9), 4)
    mask = np.zeros((9, 9, 9), bool)
    mask[2:7, 2:7, 2:7] = True
    mask[4, 4, 4] = False
    mask[0, 0, 8] = True
    found = nuclei.tidy(basins, mask, (1.5, 1.5, 1.5))
    assert found[4, 4, 4] == 4 and found[0, 0, 8] == 0
    assert np.array_equal(nuclei.tidy(basins, mask, (0.5, 0.5, 0.5)) > 0, mask)

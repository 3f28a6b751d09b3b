"""Shifts of pairs of tiles, against direct computation and against known truth."""

import numpy as np
import pytest

from pmap.apps.kernels import pairs, registration
from tests.apps.kernels.cut_tiles import cut, neighbours


def direct_ncc(a, b, shift):
    in_a, in_b = registration.overlap_boxes(a.shape, b.shape, shift)
    x, y = a[in_a].ravel().astype(float), b[in_b].ravel().astype(float)
    return np.corrcoef(x, y)[0, 1]


@pytest.mark.parametrize("shapes", [((5, 9, 11), (5, 9, 11)), ((4, 8, 6), (6, 7, 9))])
def test_every_score_is_the_correlation_of_its_own_overlap(shapes):
    rng = np.random.default_rng(1)
    a, b = (rng.normal(100, 5, shape) for shape in shapes)
    low, high = (-2, -4, -3), (2, 3, 4)
    scores, _ = registration.ncc_map(a, b, low, high)
    assert scores.shape == (5, 8, 8)
    for index in np.ndindex(scores.shape):
        shift = tuple(i + lo for i, lo in zip(index, low, strict=True))
        assert scores[index] == pytest.approx(direct_ncc(a, b, shift), abs=1e-4)


def test_chance_correlation_of_noise_has_the_significance_that_it_claims():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 1, 300, 300))
    _, z = registration.ncc_map(a, b, (0, -60, -60), (0, 60, 60))
    assert 0.85 < z.std() < 1.15
    smooth = [registration.band_pass(np.exp(x), 2.0, 8.0) for x in (a, b)]
    _, z = registration.ncc_map(*smooth, (0, -60, -60), (0, 60, 60))
    assert 0.7 < z.std() < 1.4


def test_flat_images_have_no_correlation_and_no_warning():
    flat = np.full((3, 20, 20), 7, np.uint16)
    with np.errstate(all="raise"):
        scores, z = registration.ncc_map(flat, flat, (-1, -5, -5), (1, 5, 5))
    assert not scores.any() and not z.any()
    assert registration.ncc(flat, flat) == 0.0


def test_gain_vignetting_and_plane_banding_do_not_move_the_peak():
    one = cut(grid=(1, 2), seed=3, jitter=(0, 0, 0), gain=0.3, vignetting=0.5)
    rng = np.random.default_rng(3)
    banding = rng.uniform(0.7, 1.3, (16, 1, 1))
    a, b = (one.tiles[0, c] * banding for c in (0, 1))
    found = pairs.register(a, b, pairs.Search(axis=2, overlap_vox=14))
    assert found.shift == one.places[0, 1]


@pytest.mark.parametrize("seed", range(6))
def test_pairs_are_registered_exactly_in_all_axes(seed):
    one = cut(grid=(2, 2), seed=seed)
    for a, b, axis in neighbours((2, 2)):
        found = pairs.register(one.tiles[a], one.tiles[b], pairs.Search(axis, 14))
        assert found.shift == tuple(np.subtract(one.places[b], one.places[a]))
        assert 0.3 < found.score <= 1
        assert found.significance > 2 * found.runner_up


def test_the_search_goes_beyond_the_nominal_overlap():
    one = cut(grid=(1, 2), overlap=0.28, jitter=(0, 2, 0), seed=4)
    found = pairs.register(one.tiles[0, 0], one.tiles[0, 1], pairs.Search(2, overlap_vox=5))
    assert found.shift == tuple(np.subtract(one.places[0, 1], one.places[0, 0]))


def test_large_tiles_are_searched_coarsely_and_end_at_full_resolution():
    one = cut(grid=(1, 2), tile=(16, 192, 192), count=2500, radius=(2.5, 5), seed=5)
    search = pairs.Search(2, 28, voxel_um=(1.0, 0.5, 0.5), most_vox=20_000)
    _, highest = pairs.search_window((16, 192, 192), search)
    lowest, _ = pairs.search_window((16, 192, 192), search)
    assert max(pairs.coarse_factors((16, 192, 192), lowest, search)) >= 4
    found = pairs.register(one.tiles[0, 0], one.tiles[0, 1], search)
    assert found.shift == tuple(np.subtract(one.places[0, 1], one.places[0, 0]))


def test_never_more_than_the_bound_is_read_at_once():
    class Counting:
        def __init__(self, array):
            self.array, self.shape, self.most = array, array.shape, 0

        def __getitem__(self, key):
            part = self.array[key]
            self.most = max(self.most, part.size)
            return part

    one = cut(grid=(1, 2), tile=(24, 128, 128), count=1500, seed=6)
    a, b = Counting(one.tiles[0, 0]), Counting(one.tiles[0, 1])
    found = pairs.register(a, b, pairs.Search(2, 19, most_vox=30_000))
    assert found.shift == tuple(np.subtract(one.places[0, 1], one.places[0, 0]))
    # A refined patch is read with its margin: twice the bound at most, of 393,216 in the tile.
    assert max(a.most, b.most) <= 60_000


def test_single_planes_are_registered():
    one = cut(grid=(1, 2), tile=(1, 128, 128), count=400, jitter=(0, 3, 3), seed=7)
    found = pairs.register(one.tiles[0, 0], one.tiles[0, 1], pairs.Search(2, 19))
    assert found.shift == tuple(np.subtract(one.places[0, 1], one.places[0, 0]))


def test_tiles_that_share_nothing_are_not_significant():
    rng = np.random.default_rng(8)
    one, other = cut(grid=(1, 1), seed=8).tiles[0, 0], cut(grid=(1, 1), seed=9).tiles[0, 0]
    found = pairs.register(one, other, pairs.Search(2, 14))
    assert found.significance < 6
    noise = rng.poisson(100, (2, 8, 64, 64)).astype(np.uint16)
    assert pairs.register(*noise, pairs.Search(1, 8)).significance < 6


def test_paper_rule_is_exact_without_jitter_and_blind_across_the_axis():
    still = cut(grid=(1, 2), overlap=0.08, jitter=(0, 0, 0), gain=0, vignetting=0, noise=2)
    search = pairs.Search(2, 8)
    assert pairs.paper_rule(still.tiles[0, 0], still.tiles[0, 1], search).shift == (0, 0, 88)
    shaken = cut(grid=(1, 2), overlap=0.08, jitter=(0, 4, 0), gain=0, vignetting=0, noise=2, seed=1)
    truth = tuple(np.subtract(shaken.places[0, 1], shaken.places[0, 0]))
    assert truth[1] != 0
    assert pairs.paper_rule(shaken.tiles[0, 0], shaken.tiles[0, 1], search).shift != truth
    assert pairs.register(shaken.tiles[0, 0], shaken.tiles[0, 1], search).shift == truth


def test_paper_rule_does_not_depend_on_how_many_planes_are_read_at_once():
    one = cut(grid=(1, 2), overlap=0.08, jitter=(0, 0, 0), seed=2)
    a, b = one.tiles[0, 0], one.tiles[0, 1]
    whole = pairs.paper_rule(a, b, pairs.Search(2, 8))
    assert pairs.paper_rule(a, b, pairs.Search(2, 8, most_vox=3_000)).shift == whole.shift
    loss = registration.mean_difference_loss(a, b, axis=2, most_vox=9)
    assert whole.shift[2] == 96 - (int(loss.argmin()) + 1)


def test_real_mosaic_is_registered_where_the_paper_rule_fails(real_data):
    czifile = pytest.importorskip("czifile")
    with czifile.CziFile(real_data / "zeiss_czi" / "mosaic_test.czi") as czi:
        blocks = [e.data_segment().data() for e in czi.filtered_subblock_directory]
    a, b = (block.reshape(1, 624, 924) for block in blocks)
    search = pairs.Search(axis=2, overlap_vox=92)
    found = pairs.register(a, b, search)
    assert found.shift == (0, -2, 825)
    assert found.score == pytest.approx(0.965, abs=0.001)
    paper = pairs.paper_rule(a, b, search)
    assert paper.shift == (0, 0, 924 - 6)
    assert paper.score < 0.5


@pytest.mark.parametrize("name", ["signal.tif", "background.tif"])
def test_tiles_cut_from_real_cortex_are_registered_exactly(real_data, name):
    tifffile = pytest.importorskip("tifffile")
    volume = tifffile.imread(real_data / "cellfinder_cortex_2ch" / name)
    rng = np.random.default_rng(11)
    y, x = np.ogrid[-1:1:200j, -1:1:200j]
    for _ in range(8):
        corner = rng.integers((3, 10, 10), (4, 290, 270))
        shift = rng.integers((-2, -6, 165), (2, 6, 190), endpoint=True)
        tiles = []
        for gain, start in ((1.0, corner), (1.2, corner + shift)):
            box = tuple(slice(s, s + n) for s, n in zip(start, (24, 200, 200), strict=True))
            light = volume[box] * gain * (1 - 0.25 * (y**2 + x**2) / 2)
            noisy = rng.poisson(light) + rng.normal(0, 0.1 * volume.std(), light.shape)
            tiles.append(np.clip(noisy, 0, 65535).astype(np.uint16))
        found = pairs.register(*tiles, pairs.Search(axis=2, overlap_vox=20))
        assert found.shift == tuple(shift)

"""One nucleus, one id: against volumes whose nuclei are known."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from pmap.apps.kernels import merging
from pmap.apps.kernels.fusion import Piece, feather, paint
from tests.apps.kernels.cut_tiles import cut


def local_labels(labels, rng, how):
    """One tile's own answer: labels renumbered in an order of its own, outlines disturbed."""
    ids = np.unique(labels[labels > 0])
    number = np.zeros(int(labels.max(initial=0)) + 1, np.uint32)
    number[ids] = rng.permutation(len(ids)) + 1
    own = number[labels]
    if how == "thin":
        inside = ndimage.minimum_filter(own, (1, 3, 3)) == ndimage.maximum_filter(own, (1, 3, 3))
        shell = (own > 0) & ~inside
        own[shell & (rng.random(own.shape) < 0.5)] = 0
    if how == "thick":
        grown = ndimage.maximum_filter(own, (1, 3, 3))
        own = np.where(own == 0, grown, own)
    return own


def overlap_of(keys, places, shapes, a, b):
    low = np.maximum(places[a], places[b])
    high = np.minimum(np.add(places[a], shapes[a]), np.add(places[b], shapes[b]))
    return (low, high) if (high > low).all() else None


def faces(low, high, mine, other):
    """Faces of a region where tile `mine` = (start, stop) ends and `other` goes on."""
    found = []
    for axis in range(3):
        if low[axis] == mine[0][axis] and low[axis] > other[0][axis]:
            found.append((axis, 0))
        if high[axis] == mine[1][axis] and high[axis] < other[1][axis]:
            found.append((axis, -1))
    return found


def merged_of(one, own):
    """Merge a cut by the kernels alone: the merged ids, and the painted volume."""
    keys = sorted(own)
    start = {k: np.array(one.places[k]) for k in keys}
    stop = {k: start[k] + own[k].shape for k in keys}
    tiles, contacts = [], []
    for k in keys:
        n = int(own[k].max(initial=0)) + 1
        ids = np.arange(n)
        points = np.zeros((n, 3))
        sizes = np.bincount(own[k].ravel(), minlength=n)
        sizes[0] = 0
        here = np.flatnonzero(sizes)
        points[here] = np.array(ndimage.center_of_mass(own[k] > 0, own[k], here)).reshape(-1, 3)
        points += start[k]
        depth = [merging.side_depth(points, start[q], own[q].shape) for q in keys]
        mine = depth.pop(keys.index(k))
        foreign = np.max(depth, axis=0) if depth else np.full(n, -np.inf)
        tiles.append(merging.TileLabels(sizes, mine, foreign))
        assert ids.shape == mine.shape
    for (i, a), (j, b) in itertools.combinations(enumerate(keys), 2):
        low = np.maximum(start[a], start[b])
        high = np.minimum(stop[a], stop[b])
        if (high <= low).any():
            continue
        box = [
            tuple(slice(p, q) for p, q in zip(low - start[k], high - start[k], strict=True))
            for k in (a, b)
        ]
        contacts.append((i, j, merging.contact(
            own[a][box[0]], own[b][box[1]],
            faces(low, high, (start[a], stop[a]), (start[b], stop[b])),
            faces(low, high, (start[b], stop[b]), (start[a], stop[a])),
        )))  # fmt: skip
    result = merging.merge(tiles, contacts)
    pieces = [
        Piece(
            tuple(start[k]), result.lookup[i][own[k]],
            feather(own[k].shape, tuple(slice(0, n) for n in own[k].shape)),
        )
        for i, k in enumerate(keys)
    ]  # fmt: skip
    return result, paint(pieces, one.whole.shape)


def same_partition(found, truth):
    """Tell whether two label volumes are equal up to the numbers."""
    pairs = np.unique(np.stack([found.ravel(), truth.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


def covered(one):
    """Voxels of the frame that some tile sees."""
    seen = np.zeros(one.whole.shape, bool)
    for key, tile in one.tiles.items():
        seen[tuple(slice(p, p + n) for p, n in zip(one.places[key], tile.shape, strict=True))] = 1
    return seen


@pytest.mark.parametrize(("grid", "seed"), [((1, 2), 1), ((2, 2), 2), ((3, 3), 3), ((2, 3), 4)])
def test_perfect_labels_merge_to_the_volume_they_were_cut_from(grid, seed):
    one = cut(grid=grid, tile=(16, 64, 64), count=150, seed=seed, overlap=0.2)
    rng = np.random.default_rng(seed)
    own = {k: local_labels(v, rng, "exact") for k, v in one.labels.items()}
    result, fused = merged_of(one, own)
    truth = np.where(covered(one), one.whole, 0)
    # a ball that an earlier one splits in the generator is one label, so it is compared as one
    assert same_partition(fused, truth)
    assert len(result.owners) == len(np.unique(truth)) - 1
    assert set(np.unique(fused)) == set(range(len(result.owners) + 1))


@pytest.mark.parametrize("seed", range(5))
def test_disturbed_outlines_keep_the_count_within_two_percent(seed):
    one = cut(grid=(3, 3), tile=(16, 64, 64), count=300, seed=10 + seed, overlap=0.2)
    rng = np.random.default_rng(seed)
    ways = itertools.cycle(["thin", "thick", "exact"])
    own = {k: local_labels(v, rng, next(ways)) for k, v in one.labels.items()}
    result, fused = merged_of(one, own)
    truth = len(np.unique(np.where(covered(one), one.whole, 0))) - 1
    separate = sum(len(np.unique(v)) - 1 for v in own.values())
    assert separate > 1.3 * truth
    assert abs(len(result.owners) - truth) <= 0.02 * truth
    assert len(np.unique(fused)) - 1 == len(result.owners)


def test_a_nucleus_cut_by_one_tile_takes_the_whole_one_of_the_other():
    # Two tiles of width 10 at 0 and 6: the nucleus at 8..11 is cut in the left one.
    left, right = np.zeros((1, 6, 10), np.uint32), np.zeros((1, 6, 10), np.uint32)
    left[0, 2:4, 8:10] = 4
    right[0, 2:4, 2:6] = 9
    contact = merging.contact(left[:, :, 6:], right[:, :, :4], [(2, -1)], [(2, 0)])
    assert contact.cut_a.tolist() == [4] and contact.cut_b.tolist() == []
    tiles = [tile_labels({4: 4}, depth=0.5), tile_labels({9: 8}, depth=2.0)]
    result = merging.merge(tiles, [(0, 1, contact)])
    assert result.owners == [(1, 9)]
    assert result.lookup[0][4] == 0 and result.lookup[1][9] == 1
    assert result.joined == []


def tile_labels(sizes, depth, foreign=-np.inf):
    n = max(sizes) + 1
    voxels = np.zeros(n, np.int64)
    for label, size in sizes.items():
        voxels[label] = size
    return merging.TileLabels(voxels, np.full(n, depth), np.full(n, foreign))


def test_a_nucleus_wider_than_the_overlap_is_joined_from_both_parts():
    left, right = np.zeros((1, 1, 8), np.uint32), np.zeros((1, 1, 8), np.uint32)
    left[0, 0, 3:], right[0, 0, :5] = 1, 1
    contact = merging.contact(left[:, :, 5:], right[:, :, :3], [(2, -1)], [(2, 0)])
    tiles = [tile_labels({1: 5}, 2.0), tile_labels({1: 5}, 2.0)]
    result = merging.merge(tiles, [(0, 1, contact)])
    assert result.owners == [(0, 1)] and result.joined == [1]
    assert result.lookup[0][1] == result.lookup[1][1] == 1


def test_a_fragment_that_the_other_tile_does_not_see_is_dropped_only_in_its_territory():
    left, right = np.zeros((1, 1, 4), np.uint32), np.zeros((1, 1, 4), np.uint32)
    left[0, 0, 3] = 1
    contact = merging.contact(left, right, [(2, -1)], [(2, 0)])
    far = [tile_labels({1: 1}, 0.0, foreign=3.0), tile_labels({2: 5}, 3.0)]
    assert merging.merge(far, [(0, 1, contact)]).owners == [(1, 2)]
    near = [tile_labels({1: 30}, 4.0, foreign=1.0), tile_labels({2: 5}, 3.0)]
    assert merging.merge(near, [(0, 1, contact)]).owners == [(0, 1), (1, 2)]


def test_one_tile_splits_what_the_other_sees_whole():
    left, right = np.zeros((1, 1, 9), np.uint32), np.zeros((1, 1, 9), np.uint32)
    left[0, 0, 1:8] = 1
    right[0, 0, 1:5], right[0, 0, 5:8] = 1, 2
    contact = merging.contact(left, right, [], [])
    deep_left = [tile_labels({1: 7}, 5.0), tile_labels({1: 4, 2: 3}, 1.0)]
    assert merging.merge(deep_left, [(0, 1, contact)]).owners == [(0, 1)]
    deep_right = [tile_labels({1: 7}, 1.0), tile_labels({1: 4, 2: 3}, 5.0)]
    assert merging.merge(deep_right, [(0, 1, contact)]).owners == [(1, 1), (1, 2)]


def test_neighbours_that_only_touch_stay_two():
    left, right = np.zeros((1, 1, 12), np.uint32), np.zeros((1, 1, 12), np.uint32)
    left[0, 0, 0:6], right[0, 0, 5:12] = 1, 1
    contact = merging.contact(left, right, [], [])
    tiles = [tile_labels({1: 6}, 3.0), tile_labels({1: 7}, 3.0)]
    assert len(merging.merge(tiles, [(0, 1, contact)]).owners) == 2


def test_slabs_of_an_overlap_add_up():
    rng = np.random.default_rng(5)
    a, b = rng.integers(0, 6, (2, 8, 9, 10)).astype(np.uint32)
    whole = merging.contact(a, b, [(2, -1)], [(1, 0)])
    slabs = [merging.contact(a[z : z + 3], b[z : z + 3], [(2, -1)], [(1, 0)]) for z in (0, 3, 6)]
    joined = merging.joined_contact(slabs)
    for field in ("a", "b", "voxels", "cut_a", "cut_b"):
        assert (getattr(whole, field) == getattr(joined, field)).all()


def test_empty_tiles_merge_to_nothing():
    empty = np.zeros((2, 4, 4), np.uint32)
    contact = merging.contact(empty, empty, [(2, -1)], [(2, 0)])
    nothing = merging.TileLabels(np.zeros(1, np.int64), np.zeros(1), np.zeros(1))
    result = merging.merge([nothing, nothing], [(0, 1, contact)])
    assert result.owners == [] and result.joined == []

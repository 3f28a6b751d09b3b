"""Blending and painting of overlapping pieces, against sums over voxels done by hand."""

import numpy as np
import pytest

from pmap.apps.kernels.fusion import Piece, blend, feather, paint
from tests.apps.kernels.cut_tiles import cut


def whole_piece(tile, place):
    box = tuple(slice(0, n) for n in tile.shape)
    return Piece(tuple(place), tile, feather(tile.shape, box))


def test_feather_falls_to_every_side_and_agrees_for_any_part():
    full = feather((3, 7, 9), (slice(0, 3), slice(0, 7), slice(0, 9)))
    assert full.shape == (1, 7, 9) and full.min() == 1
    assert full[0, 3, 4] == full.max() == 4 * 5
    assert (full == full[:, ::-1]).all() and (full == full[:, :, ::-1]).all()
    part = feather((3, 7, 9), (slice(1, 2), slice(2, 6), slice(3, 9)))
    assert (part == full[:, 2:6, 3:9]).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "uint32"])
def test_tiles_of_one_image_blend_to_that_image(dtype):
    rng = np.random.default_rng(1)
    image = rng.integers(0, 200, (5, 30, 40)).astype(dtype)
    left = whole_piece(image[:, :, :25], (0, 0, 0))
    right = whole_piece(image[1:, 4:, 15:], (1, 4, 15))
    fused = blend([left, right], image.shape, image.dtype)
    assert fused.dtype == image.dtype
    seen = np.ones(image.shape, bool)
    seen[0, :, 25:] = seen[:, :4, 25:] = False
    assert (fused[seen] == image[seen]).all()
    assert not fused[~seen].any()


def test_integers_are_rounded_half_up_without_overflow():
    one = np.ones((1, 1, 1), np.int64)
    pieces = [
        Piece((0, 0, 0), np.full((1, 1, 1), 65535, np.uint16), one * 10**6),
        Piece((0, 0, 0), np.full((1, 1, 1), 65534, np.uint16), one * 10**6),
    ]
    assert blend(pieces, (1, 1, 1), np.uint16)[0, 0, 0] == 65535


def test_brightness_passes_smoothly_from_tile_to_tile():
    dark, bright = np.full((1, 20, 40), 100, np.uint16), np.full((1, 20, 40), 200, np.uint16)
    pieces = [whole_piece(dark, (0, 0, 0)), whole_piece(bright, (0, 0, 20))]
    fused = blend(pieces, (1, 20, 60), np.uint16)
    steps = np.diff(fused[0, 10].astype(int))
    assert fused[0, 10, 0] == 100 and fused[0, 10, -1] == 200
    assert steps.min() >= 0 and steps.max() <= 6


def test_blocks_of_a_volume_equal_the_volume():
    one = cut(grid=(2, 2), tile=(6, 40, 40), count=60, jitter=(1, 2, 2), seed=1)
    shape = one.whole.shape
    whole = blend([whole_piece(t, one.places[k]) for k, t in one.tiles.items()], shape, np.uint16)
    block = (slice(2, 5), slice(20, 50), slice(11, 47))
    pieces = []
    for key, tile in one.tiles.items():
        start = [max(s.start - p, 0) for s, p in zip(block, one.places[key], strict=True)]
        stop = [
            max(min(s.stop - p, n), a)
            for s, p, n, a in zip(block, one.places[key], tile.shape, start, strict=True)
        ]
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        at = tuple(p + a - s.start for p, a, s in zip(one.places[key], start, block, strict=True))
        pieces.append(Piece(at, tile[box], feather(tile.shape, box)))
    assert (blend(pieces, (3, 30, 36), np.uint16) == whole[block]).all()


def test_labels_of_the_deeper_tile_win_and_background_never_does():
    left = np.array([[[1, 1, 1, 0]]], np.uint32)
    right = np.array([[[0, 2, 2, 2]]], np.uint32)
    pieces = [
        Piece((0, 0, 0), left, np.array([[[4, 3, 2, 1]]])),
        Piece((0, 0, 1), right, np.array([[[2, 3, 4, 5]]])),
    ]
    assert paint(pieces, (1, 1, 5)).tolist() == [[[1, 1, 2, 2, 2]]]
    assert paint(pieces[::-1], (1, 1, 5))[0, 0, 2] == 2

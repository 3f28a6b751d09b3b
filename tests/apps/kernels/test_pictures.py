"""Pictures: the right pixels in the right colour."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pmap.apps.kernels import pictures


def disc(n=41, radius=12):
    y, x = np.mgrid[:n, :n] - n // 2
    return (np.hypot(y, x) <= radius).astype(np.uint32) * 7


def test_outlines_are_the_border_pixels_of_each_object():
    labels = np.zeros((9, 10), int)
    labels[2:7, 2:5] = 1
    labels[2:7, 5:8] = 2
    line = pictures.outlines(labels)
    assert not line[labels == 0].any()
    assert np.argwhere((labels > 0) & ~line).tolist() == [[r, c] for r in (3, 4, 5) for c in (3, 6)]


def test_an_object_at_the_edge_of_the_slice_has_no_line_there():
    line = pictures.outlines(np.ones((5, 5), int))
    assert not line.any()


@pytest.mark.parametrize("zoom", [1, 3])
def test_overlay_uses_the_colour_of_the_class(zoom):
    labels = disc()
    image = labels * 100.0
    for name, colour in pictures.COLOURS.items():
        picture = pictures.overlay(image, labels, {7: name}, zoom=zoom)
        assert picture.shape == (41 * zoom, 41 * zoom, 3)
        coloured = np.ptp(picture.astype(int), axis=-1) > 0
        assert np.unique(picture[coloured], axis=0).tolist() == [list(colour)]
        assert 2 * 12 * zoom < coloured.sum() < 12 * 12 * zoom
    missing = pictures.overlay(image, labels, {}, zoom=zoom)
    assert (missing == pictures.COLOURS["unclassified"]).all(-1).any()


def test_a_slice_without_objects_or_contrast_is_black():
    picture = pictures.overlay(np.full((8, 8), 5), np.zeros((8, 8), int), {})
    assert picture.max() == 0


def test_outlines_do_not_drift_when_enlarged():
    labels = disc()
    line = np.ptp(pictures.overlay(labels, labels, {}, zoom=4).astype(int), axis=-1) > 0
    centre = np.argwhere(line).mean(axis=0)
    np.testing.assert_allclose(centre, (41 * 4 - 1) / 2, atol=0.6)


def test_dots_lie_where_asked_and_are_cut_at_the_border():
    picture = np.full((20, 30, 3), 90, np.uint8)
    red = np.array([[255, 0, 0], [255, 0, 0]])
    pictures.dots(picture, np.array([[10.2, 15.0], [0.0, 29.0]]), red, radius_px=2)
    assert picture[10, 15].tolist() == [255, 0, 0]
    assert picture[10, 18].tolist() == [0, 0, 0]
    assert picture[10, 20].tolist() == [90, 90, 90]
    assert picture[0, 29].tolist() == [255, 0, 0]


def test_no_dots():
    picture = np.zeros((4, 4, 3), np.uint8)
    pictures.dots(picture, np.zeros((0, 2)), np.zeros((0, 3)))
    assert picture.max() == 0


@pytest.mark.parametrize("px_per_um", [0.5, 2.0, 8.8])
def test_the_scale_bar_has_the_length_it_says(px_per_um):
    picture = np.full((240, 400, 3), 100, np.uint8)
    length_um = pictures.scale_bar(picture, px_per_um)
    assert (picture == 255).all(-1).any(axis=0).sum() == round(length_um * px_per_um)


def test_densest_window_against_every_window():
    weights = np.random.default_rng(1).integers(0, 9, (12, 15))
    sums = {(y, x): weights[y : y + 4, x : x + 6].sum() for y in range(9) for x in range(10)}
    assert sums[pictures.densest_window(weights, (4, 6))] == max(sums.values())
    assert pictures.densest_window(weights, (50, 50)) == (0, 0)


def test_png_reads_back():
    picture = np.random.default_rng(0).integers(0, 255, (5, 6, 3), np.uint8)
    data = base64.b64decode(pictures.data_uri(picture).removeprefix("data:image/png;base64,"))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), picture)

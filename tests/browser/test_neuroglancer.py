"""Neuroglancer shows what was exported: the right colours at the right voxels."""

import io
import json
import threading
import urllib.request

import numpy as np
import pytest

from pmap.apps import export
from tests.apps.exported import SHAPE, VOXEL_UM, export_arguments, specimen

Image = pytest.importorskip("PIL.Image", reason="Pillow decodes screenshots")

SIZE = 600  # pixels of a square panel
SCALE = 0.3  # voxels per pixel


@pytest.fixture(scope="module", name="made")
def _made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    _, labels, cells = specimen(folder)
    assert export.main(export_arguments(folder, folder / "out")) == 0
    assert export.main([*export_arguments(folder, folder / "packed"), "--gzip"]) == 0
    assert export.main([*export_arguments(folder, folder / "shards"), "--sharded", "--gzip"]) == 0
    return folder, labels, cells


def shoot(chromium, neuroglancer, url, **changes):
    """Screenshot of the exported viewer state, changed: (SIZE, SIZE, 3)."""
    with urllib.request.urlopen(f"{url}/neuroglancer.json") as answer:
        state = {**json.load(answer), **changes}
    viewer = neuroglancer.Viewer()
    viewer.set_state(neuroglancer.ViewerState(state))
    with viewer.config_state.txn() as config:
        config.show_ui_controls = False
        config.show_panel_borders = False
        config.viewer_size = [SIZE, SIZE]
    page = chromium.new_page(viewport={"width": SIZE + 100, "height": SIZE + 100})
    failed, shots, taken = [], [], threading.Event()
    page.on("pageerror", lambda error: failed.append(str(error)))
    try:
        page.goto(viewer.get_viewer_url())
        # comes when every chunk in view is there; never where a layer cannot be shown
        viewer.async_screenshot(lambda shot: (shots.append(shot), taken.set()))
        assert taken.wait(60), f"not all layers were drawn in 60 s: {page.inner_text('body')}"
    finally:
        page.close()
    assert not failed
    picture = Image.open(io.BytesIO(shots[0].screenshot.image)).convert("RGB")
    return np.asarray(picture).astype(int)


def in_plane(z, **changes):
    """State of one panel that looks at plane z from above."""
    return {
        "layout": "xy",
        "position": [SHAPE[2] / 2, SHAPE[1] / 2, z + 0.5],
        "crossSectionScale": SCALE,
        "showAxisLines": False,
        "showScaleBar": False,
        "showDefaultAnnotations": False,
        **changes,
    }


def pixel_of(y, x):
    """Row and column of the middle of a voxel on the screenshot."""
    row = SIZE / 2 + (y + 0.5 - SHAPE[1] / 2) / SCALE
    column = SIZE / 2 + (x + 0.5 - SHAPE[2] / 2) / SCALE
    return int(row), int(column)


def only(url, *names):
    """Layers of the exported state by name."""
    with urllib.request.urlopen(f"{url}/neuroglancer.json") as answer:
        layers = json.load(answer)["layers"]
    return [{**layer, "visible": layer["name"] in names} for layer in layers]


def is_red(p):
    return p[..., 0] > p[..., 2] + 60


def is_blue(p):
    return p[..., 2] > p[..., 0] + 60


@pytest.mark.parametrize("folder", ["out", "packed", "shards"])
def test_outlines_are_red_around_neurons_and_blue_around_glia(
    folder, made, chromium, neuroglancer, served
):
    root, labels, cells = made
    url = served(root / folder)
    z = 25
    state = in_plane(z, layers=only(url, "dapi", "outlines"))
    picture = shoot(chromium, neuroglancer, url, **state)
    kinds = dict(zip(cells["id"].tolist(), cells["class"].tolist(), strict=True))
    plane = labels[z]
    seen = {"neuron": 0, "glia": 0}
    for y, x in np.argwhere(plane[1:-1, 1:-1] > 0) + 1:
        cross = plane[[y - 1, y + 1, y, y], [x, x, x - 1, x + 1]]
        kind = kinds[plane[y, x]]
        if kind not in seen:
            continue
        pixel = picture[pixel_of(y, x)]
        edge = (cross != plane[y, x]).any()
        assert is_red(pixel) == (edge and kind == "neuron"), (y, x, pixel)
        assert is_blue(pixel) == (edge and kind == "glia"), (y, x, pixel)
        seen[kind] += edge
    assert min(seen.values()) > 10
    background = np.argwhere(plane == 0)[::97]
    dark = np.array([picture[pixel_of(y, x)] for y, x in background])
    assert dark.max() < 100


def test_centroids_are_drawn_at_their_voxels(made, chromium, neuroglancer, served):
    root, _, cells = made
    url = served(root / "out")
    k = next(i for i, kind in enumerate(cells["class"]) if kind == "neuron")
    z, y, x = (cells[f"{a}_um"][k] / v for a, v in zip("zyx", VOXEL_UM, strict=True))
    state = in_plane(z, layers=only(url, "centroids"))
    picture = shoot(chromium, neuroglancer, url, **state)
    row, column = pixel_of(y, x)
    found = np.argwhere(is_red(picture))
    near = found[np.abs(found - (row, column)).max(axis=1) < 15]
    assert len(near) > 10
    np.testing.assert_allclose(near.mean(axis=0), (row, column), atol=1.5)


def test_all_layers_together_in_four_panels(made, chromium, neuroglancer, served):
    root, _, _ = made
    url = served(root / "out")
    picture = shoot(chromium, neuroglancer, url)
    assert (picture.max(axis=2) > 60).mean() > 0.02  # not black
    assert is_red(picture).sum() > 100
    assert is_blue(picture).sum() > 100

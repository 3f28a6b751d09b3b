"""Charts: well-formed SVG that shows every value."""

from xml.etree import ElementTree

import numpy as np
import pytest

from pmap.apps.kernels import charts


def shapes(svg, tag):
    return [e for e in ElementTree.fromstring(svg).iter() if e.tag == tag]


def test_one_filled_outline_per_class_that_has_values():
    rng = np.random.default_rng(0)
    groups = {"neuron": rng.normal(9, 1, 50), "glia": rng.normal(6, 1, 70), "unclassified": []}
    groups = {name: np.array(v, float) for name, v in groups.items()}
    svg = charts.histogram(groups, "diameter, µm & more")
    assert [p.get("fill") for p in shapes(svg, "polygon")] == [
        charts.colour("neuron"),
        charts.colour("glia"),
    ]


@pytest.mark.parametrize("values", [[3.0], [2.0, 2.0], [np.nan, 1.0], [0.0, 1e9], [-5.0, 5.0]])
def test_odd_values_stay_inside_the_picture(values):
    svg = charts.histogram({"glia": np.array(values)}, "x")
    for polygon in shapes(svg, "polygon"):
        xy = np.array([p.split(",") for p in polygon.get("points").split()], float)
        assert np.isfinite(xy).all() and xy.min() >= 0
        assert (xy <= (charts.WIDTH, charts.HEIGHT)).all()


def test_no_values_is_said():
    assert "no values" in charts.histogram({"glia": np.array([np.nan])}, "p_neuron")


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (-3.2, 7.7), (0, 1234), (1e-6, 3e-6), (450, 2900)]
)
def test_ticks_lie_inside_and_are_few(low, high):
    ticks = charts.ticks(low, high)
    assert low - 1e-9 <= min(ticks) and max(ticks) <= high + 1e-9
    assert 2 <= len(ticks) <= 7


def test_the_map_shows_every_tile_and_link():
    tiles = [{"row": r, "col": c, "zyx_vox": [0, 100 * r, 90 * c]} for r in (0, 1) for c in (0, 1)]
    links = [
        {"a": [0, 0], "b": [0, 1], "shift_zyx_vox": [0, 0, 90], "score": 0.93},
        {"a": [0, 0], "b": [1, 0], "shift_zyx_vox": [0, 100, 0], "score": -0.2},
    ]
    svg = charts.placement_map(tiles, links, (10, 120, 110))
    assert len([r for r in shapes(svg, "rect") if r.get("class") == "tile"]) == 4
    texts = [t.text for t in shapes(svg, "text")]
    assert {"r0 c0", "r1 c1", "0.93", "-0.20"} <= set(texts)

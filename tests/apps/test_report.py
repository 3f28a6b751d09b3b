"""The report: whole, alone, and honest about what is not known."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import pmap as pm
from pmap.apps import dataset, report, runs, tables
from pmap.apps.dataset import Channel

SHAPE = (8, 60, 80)
VOXEL_UM = (2.0, 0.5, 0.5)


@pytest.fixture
def tile(tmp_path):
    """One tile of two channels, with three nuclei."""
    rng = np.random.default_rng(0)
    for name in ("dapi", "cfos"):
        pm.io.save(tmp_path / f"{name}.tif", rng.integers(0, 900, SHAPE).astype(np.uint16))
    path = dataset.save(
        tmp_path / "dataset.toml",
        voxel_um=VOXEL_UM,
        channels=[Channel("dapi", "nuclei", "dapi.tif"), Channel("cfos", "marker", "cfos.tif")],
        name="<three> nuclei",
    )
    return dataset.load(path)


def fill(run, classes, cfos):
    labels = np.zeros(SHAPE, np.uint32)
    n = len(classes)
    for i in range(n):
        labels[2:6, 10:22, 10 + 20 * i : 22 + 20 * i] = i + 1
    pm.io.save(run.path("fused", "labels.h5"), labels, dataset="labels")
    columns = {name: np.linspace(1.0, 2.0, n) for name in tables.CELL_COLUMNS}
    columns |= {
        "id": np.arange(1, n + 1),
        "tile": np.full(n, "r0_c0"),
        "z_um": np.full(n, 7.0),
        "y_um": np.full(n, 7.75),
        "x_um": 7.75 + 10.0 * np.arange(n),
        "class": np.array(classes, dtype=object),
        "cfos": np.array(cfos, dtype=object),
        "p_neuron": np.linspace(0, 1, n),
    }
    run.write_table("cells.csv", columns)


class Outside(HTMLParser):
    """Addresses that a page asks for."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [v for k, v in attrs if k in ("src", "href") and not v.startswith("data:")]


def page_of(tile, tmp_path, classes, cfos, scores=None):
    run = runs.open_run(tmp_path / "run", "pipeline", {"dataset": "x"})
    fill(run, classes, cfos)
    if scores:
        run.write_json("scores.json", scores)
    with run.stage("segment"):
        pass
    text = report.write_report(tile, run).read_text()
    outside = Outside()
    outside.feed(text)
    assert outside.found == []
    assert "$" not in re.sub(r'"data:[^"]*"', "", text)
    return text


def test_classified_cells_of_one_tile(tile, tmp_path):
    text = page_of(tile, tmp_path, ["neuron", "glia", "neuron"], ["1", "", "0"])
    assert "&lt;three&gt; nuclei" in text
    assert text.count("<img") == 2
    for part in ("One tile: nothing to place", "No truth is known", "cfos positive", "segment"):
        assert part in text
    assert 'class="neuron">2' in text and 'class="glia">1' in text


def test_unclassified_cells_without_an_answer_for_the_marker(tile, tmp_path):
    text = page_of(tile, tmp_path, ["unclassified"] * 3, [""] * 3)
    assert text.count("<img") == 1
    assert "cfos positive" not in text
    assert 'class="unclassified">3' in text


def test_no_cells_at_all(tile, tmp_path):
    text = page_of(tile, tmp_path, [], [])
    assert "No nuclei were found" in text


def test_scores_stand_beside_what_they_are_compared_with(tile, tmp_path):
    scores = {
        "nuclei": {"f1_iou_0.5": 0.941, "f1_iou_0.7": 0.87},
        "classes": {"auc": 0.96},
        "count": {"merged": 3, "truth": 4},
        "baseline": {"nuclei": {"f1_iou_0.5": 0.8}, "classes": {"auc": 0.77}},
    }
    text = page_of(tile, tmp_path, ["neuron"] * 3, [""] * 3, scores)
    assert "0.941" in text and "0.800 (plain scikit-image)" in text
    assert "0.770 (best single feature)" in text and "4 (truth)" in text
    lines = report.score_lines(scores)
    assert len(lines) == 4 and "0.870" in lines[1] and "scikit-image" not in lines[1]

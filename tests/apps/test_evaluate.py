"""evaluate: a perfect run scores 1, each fault lowers its own score and no other."""

import json

import numpy as np
import pytest
import scipy.ndimage as ndi

import pmap as pm
from pmap import InputError
from pmap.apps import evaluate, runs, segment, simulate, tables

VOXEL_UM = (1.0, 0.5, 0.5)
TILES = [(0, 0), (0, 1)]


@pytest.fixture(scope="module")
def brain(tmp_path_factory):
    settings = simulate.SimulateSettings((1, 2), (24, 96, 96), overlap=0.3, seed=4)
    return simulate.simulate(settings, tmp_path_factory.mktemp("sim") / "brain")


def read(path, dataset=None):
    with pm.io.open(path, dataset=dataset) as source:
        return source[:]


@pytest.fixture
def perfect(brain, tmp_path):
    """A run that found exactly what is true."""
    run = runs.open_run(tmp_path / "run", "pipeline", {"dataset": str(brain)})
    folder = brain.parent / "truth"
    truth = tables.read_csv(folder / "cells.csv")
    row_of = {int(i): row for row, i in enumerate(truth["id"])}
    for row, col in TILES:
        labels = read(folder / f"labels_r{row}_c{col}.tif")
        image = read(brain.parent / f"dapi_r{row}_c{col}.tif")
        cells = pm.measure.regionprops_table(labels, image, segment.PROPERTIES)
        table = segment.cell_table(cells, VOXEL_UM, f"r{row}_c{col}")
        rows = [row_of[int(i)] for i in table["id"]]
        table["class"] = truth["class"][rows]
        table["p_neuron"] = (truth["class"][rows] == "neuron") * 0.8 + 0.1
        table["cfos"] = np.where(truth["class"][rows] == "neuron", truth["cfos"][rows], np.nan)
        pm.io.save(run.path("labels", f"r{row}_c{col}.h5"), labels, dataset="labels")
        run.write_table(f"tables/r{row}_c{col}.csv", table)
    run.write_table("cells.csv", truth)
    run.path("placements.json").write_bytes((folder / "placements.json").read_bytes())
    return run


def test_a_perfect_run_scores_one_beside_a_baseline_that_does_not(perfect):
    scores = evaluate.evaluate_run(perfect.out)
    for threshold in evaluate.THRESHOLDS:
        assert scores["nuclei"][f"f1_iou_{threshold}"] == 1.0
        assert scores["nuclei"][f"ap_iou_{threshold}"] == 1.0
    assert scores["classes"]["auc"] == 1.0 and scores["cfos"]["f1"] == 1.0
    assert scores["placements"]["max_error_vox"] == 0.0
    assert scores["count"]["merged"] == scores["count"]["truth"] > 10
    assert scores["centres"] == {"f1": 1.0, "median_distance_um": 0.0}
    assert 0.5 < scores["baseline"]["nuclei"]["f1_iou_0.5"] < 1
    assert 0.5 < scores["baseline"]["classes"]["auc"] <= 1  # of few whole nuclei
    assert json.loads(perfect.path("scores.json").read_text()) == scores


def score_after(perfect, change):
    change()
    return evaluate.evaluate_run(perfect.out, settings=evaluate.EvaluateSettings(baseline=False))


def test_swollen_nuclei_lower_iou_alone(perfect):
    def swell():
        file = perfect.path("labels", "r0_c0.h5")
        labels = read(file, "labels")
        grown = ndi.maximum_filter(labels, 3)
        pm.io.save(file, np.where(labels > 0, labels, grown), dataset="labels")

    scores = score_after(perfect, swell)
    assert scores["nuclei"]["f1_iou_0.9"] < 0.8 and scores["nuclei"]["f1_iou_0.5"] > 0.95
    assert scores["classes"]["auc"] == 1.0 and "nuclei" not in scores["baseline"]


def test_a_tile_out_of_place_is_seen(perfect):
    def move():
        places = json.loads(perfect.path("placements.json").read_text())
        places["tiles"][1]["zyx_vox"][2] += 3
        perfect.path("placements.json").write_text(json.dumps(places))

    scores = score_after(perfect, move)
    assert 1.5 <= scores["placements"]["max_error_vox"] <= 3
    assert scores["nuclei"]["f1_iou_0.9"] == 1.0


def test_a_marker_that_is_missed_or_false_costs(perfect):
    def swap():
        table = tables.read_csv(perfect.path("tables", "r0_c0.csv"))
        perfect.write_table("tables/r0_c0.csv", {**table, "cfos": 1 - table["cfos"]})

    assert score_after(perfect, swap)["cfos"]["f1"] < 0.8


def test_cells_counted_twice_are_seen(perfect):
    def double():
        cells = tables.read_csv(perfect.path("cells.csv"))
        twice = {name: np.concatenate([c, c]) for name, c in cells.items()}
        perfect.write_table("cells.csv", twice)

    scores = score_after(perfect, double)
    assert scores["count"]["merged"] == 2 * scores["count"]["truth"]
    assert scores["centres"]["f1"] == pytest.approx(2 / 3)


def test_what_is_not_done_is_not_scored(perfect):
    def take_away():
        perfect.path("placements.json").unlink()
        for name in ("r0_c0", "r0_c1"):
            table = tables.read_csv(perfect.path("tables", f"{name}.csv"))
            nothing = np.full(len(table["id"]), np.nan)
            perfect.write_table(
                f"tables/{name}.csv", {**table, "p_neuron": nothing, "cfos": nothing}
            )

    assert set(score_after(perfect, take_away)) == {"nuclei"}


def test_a_run_without_any_nucleus_scores_zero(perfect):
    def empty():
        for name in ("r0_c0", "r0_c1"):
            table = tables.read_csv(perfect.path("tables", f"{name}.csv"))
            perfect.write_table(f"tables/{name}.csv", {n: c[:0] for n, c in table.items()})
            labels = np.zeros((24, 96, 96), np.uint32)
            pm.io.save(perfect.path("labels", f"{name}.h5"), labels, dataset="labels")
        cells = tables.read_csv(perfect.path("cells.csv"))
        perfect.write_table("cells.csv", {n: c[:0] for n, c in cells.items()})

    scores = score_after(perfect, empty)
    assert scores["nuclei"]["f1_iou_0.5"] == 0.0 and scores["count"]["merged"] == 0
    assert "classes" not in scores


def test_two_files_and_a_mask_as_truth(tmp_path, capsys):
    labels = np.zeros((10, 20, 20), np.uint16)
    labels[2:6, 2:8, 2:8], labels[2:6, 12:18, 12:18] = 1, 2
    pm.io.save(tmp_path / "labels.h5", labels, dataset="labels")
    pm.io.save(tmp_path / "mask.tif", (labels > 0).astype(np.uint8) * 255)
    command = [str(tmp_path / "labels.h5"), str(tmp_path / "mask.tif")]
    assert evaluate.main([*command, "--mask"]) == 0
    assert json.loads(capsys.readouterr().out)["f1_iou_0.9"] == 1.0
    assert evaluate.main(command) == 0
    assert json.loads(capsys.readouterr().out)["f1_iou_0.5"] < 1.0  # one object of value 255


def test_what_cannot_be_compared_is_named(brain, perfect, tmp_path, capsys):
    small, large = tmp_path / "a.h5", tmp_path / "b.h5"
    pm.io.save(small, np.zeros((3, 4, 5), np.uint8), dataset="labels")
    pm.io.save(large, np.zeros((3, 4, 6), np.uint8), dataset="labels")
    assert evaluate.main([str(small), str(large)]) == 2
    assert "one shape" in capsys.readouterr().err
    assert evaluate.main([str(small)]) == 2
    perfect.path("labels", "r0_c1.h5").unlink()
    with pytest.raises(InputError, match="r0_c1.h5 is missing"):
        evaluate.evaluate_run(perfect.out)
    alone = runs.open_run(tmp_path / "alone", "segment", {})
    with pytest.raises(InputError, match="one image"):
        evaluate.evaluate_run(alone.out)

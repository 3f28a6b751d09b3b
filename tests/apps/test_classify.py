"""classify: from tables to classes, by truth, by labels, by a model, or not at all."""

import json

import numpy as np
import pytest

import pmap as pm
from pmap import InputError
from pmap.apps import classify, modelfiles, runs, segment, simulate, tables
from pmap.apps.kernels import classifier, matching
from pmap.apps.kernels.features import FEATURES, feature_matrix

TILES = ("r0_c0", "r0_c1")
SETTINGS = segment.SegmentSettings((1.0, 0.5, 0.5), 9.0)


@pytest.fixture(scope="module")
def brain(tmp_path_factory):
    settings = simulate.SimulateSettings((1, 2), (40, 128, 128), overlap=0.3, seed=2)
    return simulate.simulate(settings, tmp_path_factory.mktemp("sim") / "brain")


@pytest.fixture(scope="module")
def segmented(brain, tmp_path_factory):
    """Tables and labels of both tiles, as bytes: each test classifies a copy."""
    run = runs.open_run(tmp_path_factory.mktemp("run") / "run", "pipeline", {"dataset": str(brain)})
    for col in (0, 1):
        segment.segment_file(brain.parent / f"dapi_r0_c{col}.tif", SETTINGS, run, (0, col))
    return run.out


def copy_of(segmented, folder, settings):
    run = runs.open_run(folder, "pipeline", settings)
    for file in sorted([*segmented.glob("labels/*.h5"), *segmented.glob("tables/*.csv")]):
        run.path(*file.relative_to(segmented).parts).write_bytes(file.read_bytes())
    return run


@pytest.fixture
def with_truth(brain, segmented, tmp_path):
    return copy_of(segmented, tmp_path / "run", {"dataset": str(brain)})


@pytest.fixture
def without(segmented, tmp_path):
    return copy_of(segmented, tmp_path / "run", {})


def table_of(run, tile):
    return tables.read_csv(run.path("tables", f"{tile}.csv"))


def true_classes(brain, run, tile):
    """{cell: class} of the nuclei that overlap the truth."""
    truth = tables.read_csv(brain.parent / "truth" / "cells.csv")
    class_of = dict(zip(truth["id"].tolist(), truth["class"].tolist(), strict=True))
    with (
        pm.io.open(run.path("labels", f"{tile}.h5"), dataset="labels") as labels,
        pm.io.open(brain.parent / "truth" / f"labels_{tile}.tif") as true,
    ):
        found = matching.overlap(true[:], labels[:])
    t, p = matching.match(found, 0.5)
    names = [class_of[i] for i in found.truth_ids[t].tolist()]
    return dict(zip(found.pred_ids[p].tolist(), names, strict=True))


def test_with_truth_p_neuron_is_out_of_fold(brain, with_truth):
    result = classify.classify_run(with_truth.out)
    assert result["source"] == "truth" and result["unclassified"] == 0
    assert result["scores"]["auc"] >= 0.9 and result["scores"]["folds"] == 5
    machine = modelfiles.load_model(with_truth.path("model"))
    score, is_neuron = [], []
    for tile in TILES:
        table = table_of(with_truth, tile)
        assert ((table["class"] == "neuron") == (table["p_neuron"] >= 0.5)).all()
        known = true_classes(brain, with_truth, tile)
        rows = np.array([i in known for i in table["id"]])
        by_heart = classifier.probabilities(machine, feature_matrix(table))
        assert np.allclose(table["p_neuron"][~rows], by_heart[~rows])
        assert (np.abs(table["p_neuron"][rows] - by_heart[rows]) > 1e-9).mean() > 0.9
        score += table["p_neuron"][rows].tolist()
        is_neuron += [known[i] == "neuron" for i in table["id"][rows]]
    auc = classifier.roc_auc(np.array(is_neuron), np.array(score))
    assert auc == pytest.approx(result["scores"]["auc"], abs=0.02)


def test_twice_gives_the_same_bytes(with_truth):
    def written():
        classify.classify_run(with_truth.out)
        files = [*with_truth.out.glob("tables/*.csv"), *with_truth.out.glob("model/*")]
        return {file.name: file.read_bytes() for file in files}

    first = written()
    assert len(first) == 2 + 5 and written() == first


def labels_file(brain, run, path, per_tile=True, cells=40):
    """Labels as a reviewer exports them; some rows are of no class."""
    lines = ["id,class,tile" if per_tile else "id,class"]
    for tile in TILES[: 2 if per_tile else 1]:
        known = list(true_classes(brain, run, tile).items())[:cells]
        lines += [f"{i},{name}{f',{tile}' if per_tile else ''}" for i, name in known]
    lines.append(f"1,unclassified{',r0_c0' if per_tile else ''}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_trained_on_labels_then_used_elsewhere(brain, without, segmented, tmp_path):
    labels = labels_file(brain, without, tmp_path / "labels.csv")
    trained = classify.classify_run(without.out, train=labels)
    assert trained["source"] == "train" and trained["scores"]["auc"] > 0.8
    other = copy_of(segmented, tmp_path / "other", {})
    used = classify.classify_run(other.out, model=without.path("model"))
    assert used["source"] == "model" and used["unclassified"] == 0 and used["scores"] is None
    right = 0
    for tile in TILES:
        table = table_of(other, tile)
        known = true_classes(brain, other, tile)
        name = dict(zip(table["id"].tolist(), table["class"].tolist(), strict=True))
        right += np.mean([name[i] == known[i] for i in known]) / len(TILES)
    assert right > 0.8


def test_labels_of_merged_cells_train_and_fill_cells_csv(brain, segmented, tmp_path):
    run = runs.open_run(tmp_path / "run", "segment", {})
    table = tables.read_csv(segmented / "tables" / "r0_c0.csv")
    run.write_table("cells.csv", table)
    run.write_table_h5("cells.h5", table)
    known = copy_of(segmented, tmp_path / "known", {})
    labels = labels_file(brain, known, tmp_path / "labels.csv", per_tile=False, cells=200)
    classify.classify_run(run.out, train=labels)
    filled = tables.read_csv(run.path("cells.csv"))
    assert set(filled["class"]) == {"neuron", "glia"}
    import h5py

    with h5py.File(run.path("cells.h5")) as file:
        assert np.array_equal(file["p_neuron"][:], filled["p_neuron"])


def test_with_nothing_to_learn_from_nuclei_stay_unclassified_and_that_is_said(without, capsys):
    assert classify.main([str(without.out)]) == 0
    assert capsys.readouterr().out.count("unclassified") == 1
    for tile in TILES:
        table = table_of(without, tile)
        assert set(table["class"]) == {"unclassified"} and np.isnan(table["p_neuron"]).all()
    assert not (without.out / "model").exists()


def test_one_class_only_and_no_nuclei_are_no_error(without, segmented, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("id,class,tile\n1,neuron,r0_c0\n2,neuron,r0_c0\n")
    result = classify.classify_run(without.out, train=labels)
    assert result["source"] is None and "both classes" in result["said"]
    empty = runs.open_run(tmp_path / "empty", "segment", {})
    none = {name: c[:0] for name, c in tables.read_csv(segmented / "tables/r0_c0.csv").items()}
    empty.write_table("cells.csv", none)
    assert classify.classify_run(empty.out)["unclassified"] == 0


def test_few_labels_train_without_folds(without, tmp_path):
    labels = tmp_path / "labels.csv"
    labels.write_text("id,class,tile\n1,neuron,r0_c0\n2,glia,r0_c0\n3,glia,r0_c1\n")
    result = classify.classify_run(without.out, train=labels)
    assert result["scores"]["auc"] is None and result["unclassified"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cell,kind\n1,neuron\n", "id and class"),
        ("id,class,tile\n99999,neuron,r0_c0\n", "no nucleus 99999"),
        ("id,class\n1,neuron\n2,glia\n", "column tile"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(text, said, without, tmp_path):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InputError, match=said):
        classify.classify_run(without.out, train=tmp_path / "labels.csv")


def test_models_that_cannot_be_used_are_refused(brain, without, tmp_path):
    with pytest.raises(InputError, match="no model.json"):
        classify.classify_run(without.out, model=tmp_path)
    classify.classify_run(without.out, train=labels_file(brain, without, tmp_path / "l.csv"))
    model = without.path("model")
    head = json.loads((model / "model.json").read_text())
    (model / "weights.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="not a whole model"):
        modelfiles.load_model(model)
    (model / "model.json").write_text(json.dumps(head | {"version": 99}))
    with pytest.raises(InputError, match="version 1"):
        modelfiles.load_model(model)


def test_a_model_reads_back_as_it_was_written(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, len(FEATURES)))
    machine, _, scores = classifier.train(x, x[:, 0] > 0, FEATURES, np.arange(50))
    files = modelfiles.save_model(tmp_path / "model", machine, scores)
    again = modelfiles.load_model(tmp_path / "model")
    assert np.array_equal(classifier.probabilities(machine, x), classifier.probabilities(again, x))
    assert not any(b"pickle" in file.read_bytes() for file in files)
    assert json.loads(files[0].read_text())["scores"]["auc"] == scores["auc"]

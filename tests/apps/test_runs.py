"""A run's folder: claimed, resumed, refused; nothing half-written counts."""

import json

import numpy as np
import pytest

from pmap import InputError
from pmap.apps import runs, tables

SETTINGS = {"segment": {"diameter_um": 8.0}, "tiles": [0, 1]}


def test_same_app_and_settings_resume(tmp_path):
    out = tmp_path / "run"
    first = runs.open_run(out, "pipeline", SETTINGS)
    file = first.write_json("facts/x.json", {"a": 1})
    first.finish("tile r0/c0", [file], cells=7)
    again = runs.open_run(out, "pipeline", SETTINGS)
    assert again.done("tile r0/c0")
    assert again.facts("tile r0/c0") == {"cells": 7}
    assert not again.done("tile r0/c1")
    assert runs.find_run(out).app == "pipeline"
    assert runs.settings_of(again) == SETTINGS


@pytest.mark.parametrize("change", ["truncate", "flip", "delete"])
def test_a_changed_file_is_not_done(tmp_path, change):
    run = runs.open_run(tmp_path / "run", "segment", {})
    file = run.path("labels.h5")
    file.write_bytes(b"0123456789")
    run.finish("labels", [file])
    assert run.done("labels")
    if change == "truncate":
        file.write_bytes(b"01234")
    elif change == "flip":
        file.write_bytes(b"0123456780")
    else:
        file.unlink()
    assert not run.done("labels")


def test_other_settings_name_the_setting_and_the_remedy(tmp_path):
    runs.open_run(tmp_path / "run", "pipeline", SETTINGS)
    with pytest.raises(InputError, match=r"segment\.diameter_um = 8\.0, now 9\.5 .*--out"):
        changed = {**SETTINGS, "segment": {"diameter_um": 9.5}}
        runs.open_run(tmp_path / "run", "pipeline", changed)


def test_settings_that_may_change_are_told_and_noted(tmp_path):
    out = tmp_path / "run"
    first = {"dataset": "a", "segment": {"diameter_um": 8.0}}
    assert runs.open_run(out, "pipeline", first, fixed=("dataset",)).changes == ()
    with runs.find_run(out).stage("filter"):
        pass
    second = {"dataset": "a", "segment": {"diameter_um": 9.0}, "rule": "ncc"}
    run = runs.open_run(out, "pipeline", second, fixed=("dataset",))
    assert run.changes == (("segment.diameter_um", 8.0, 9.0), ("rule", None, "ncc"))
    assert runs.settings_of(run) == second
    told = json.loads((out / "run.json").read_text())
    assert told["settings"] == second
    assert "filter" in told["stages"]
    assert runs.open_run(out, "pipeline", second, fixed=("dataset",)).changes == ()
    with pytest.raises(InputError, match="was made with dataset = a, now b is asked;"):
        runs.open_run(out, "pipeline", {**second, "dataset": "b"}, fixed=("dataset",))


def test_cut_off_between_the_two_notes_of_the_settings(tmp_path):
    out = tmp_path / "run"
    runs.open_run(out, "pipeline", {"rule": "ncc"}, fixed=())
    state = json.loads((out / runs.STATE / "run.json").read_text())
    state["settings"] = {"rule": "paper"}
    (out / runs.STATE / "run.json").write_text(json.dumps(state))
    runs.open_run(out, "pipeline", {"rule": "paper"}, fixed=())
    assert json.loads((out / "run.json").read_text())["settings"] == {"rule": "paper"}


def test_a_run_json_that_was_cut_off_is_written_again(tmp_path):
    out = tmp_path / "run"
    runs.open_run(out, "pipeline", {"rule": "ncc"})
    (out / "run.json").write_text('{"app": "pipe')
    runs.open_run(out, "pipeline", {"rule": "ncc"})
    assert json.loads((out / "run.json").read_text())["settings"] == {"rule": "ncc"}


def test_an_item_made_with_something_else_is_not_done(tmp_path):
    run = runs.open_run(tmp_path / "run", "pipeline", {})
    run.finish("tile", [], "settings of before", cells=3)
    assert run.done("tile")
    assert run.done("tile", "settings of before")
    assert not run.done("tile", "settings of now")
    run.forget("tile", "never was")
    assert not run.done("tile")


def test_another_app_is_refused(tmp_path):
    runs.open_run(tmp_path / "run", "pipeline", {})
    with pytest.raises(InputError, match="a run of pipeline, not of stitch"):
        runs.open_run(tmp_path / "run", "stitch", {})


def test_a_folder_with_anything_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match=r"already holds thesis\.tex"):
        runs.open_run(tmp_path, "segment", {})
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "run").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        runs.open_run(tmp_path / "run", "segment", {})
    with pytest.raises(InputError, match="cannot write in"):
        runs.open_run(tmp_path / "run" / "deeper", "segment", {})


@pytest.mark.parametrize("folder", ["/proc/run", "/dev/null/run"])
def test_a_folder_that_even_root_cannot_write(folder):
    with pytest.raises(InputError, match="cannot write in .*--out"):
        runs.open_run(folder, "segment", {})


def test_killed_before_the_state_was_whole(tmp_path):
    (tmp_path / "run" / runs.STATE).mkdir(parents=True)
    (tmp_path / "run" / runs.STATE / ".part-run.json").write_text('{"app": "seg')
    assert runs.open_run(tmp_path / "run", "segment", {}).app == "segment"


def test_what_a_killed_process_was_writing_is_cleared(tmp_path):
    run = runs.open_run(tmp_path / "run", "segment", {})
    whole = run.write_json("labels/whole.json", {})
    for name in ("labels/.part-r0_c0.h5", "labels/.r0_c0.h5.part", ".part-1-cells.csv"):
        run.path(name).write_bytes(b"half")
    runs.open_run(tmp_path / "run", "segment", {})
    assert [p for p in (tmp_path / "run").rglob("*") if "part" in p.name] == []
    assert whole.exists()


def test_not_a_run(tmp_path):
    with pytest.raises(InputError, match="not the folder of a run"):
        runs.find_run(tmp_path)


def test_writing_leaves_nothing_half_written(tmp_path):
    run = runs.open_run(tmp_path / "run", "segment", {})
    with pytest.raises(RuntimeError, match="cut off"):
        with run.writing("labels/r0_c0.h5") as part:
            assert part.suffix == ".h5"
            part.write_bytes(b"half")
            raise RuntimeError("cut off")
    assert not run.path("labels/r0_c0.h5").exists()
    with run.writing("labels/r0_c0.h5") as part:
        assert not part.exists()
        part.write_bytes(b"whole")
    assert run.path("labels/r0_c0.h5").read_bytes() == b"whole"
    assert [p.name for p in (tmp_path / "run" / "labels").iterdir()] == ["r0_c0.h5"]


def test_stages_are_recorded(tmp_path):
    run = runs.open_run(tmp_path / "run", "segment", {})
    with run.stage("filter"):
        pass
    recorded = json.loads((tmp_path / "run" / "run.json").read_text())
    assert recorded["stages"]["filter"]["seconds"] >= 0
    assert recorded["stages"]["filter"]["peak_memory_mb"][0] > 1
    assert recorded["versions"]["numpy"] == np.__version__


COLUMNS = {
    "id": np.arange(3, dtype=np.uint32),
    "tile": np.array(["r0_c0", "r0_c1", "r1_c0"]),
    "z_um": np.array([0.1, 1 / 3, 1e-300]),
    "mean": np.array([0.1, 2.5, 3.0], dtype=np.float32),
    "p_neuron": np.array([np.nan, np.nan, np.nan]),
    "class": np.array(["neuron", "a,b", ""], dtype=object),
    "cfos": np.array([True, False, True]),
}


def test_csv_reads_back_exactly(tmp_path):
    run = runs.open_run(tmp_path / "run", "segment", {})
    back = tables.read_csv(run.write_table("cells.csv", COLUMNS))
    assert list(back) == list(COLUMNS)
    for name in ("id", "tile", "z_um", "p_neuron", "class", "cfos"):
        np.testing.assert_array_equal(back[name], COLUMNS[name])
    np.testing.assert_array_equal(back["mean"].astype(np.float32), COLUMNS["mean"])


def test_h5_reads_back_exactly(tmp_path):
    h5py = pytest.importorskip("h5py")
    run = runs.open_run(tmp_path / "run", "segment", {})
    with h5py.File(run.write_table_h5("cells.h5", COLUMNS)) as file:
        np.testing.assert_array_equal(file["z_um"], COLUMNS["z_um"])
        np.testing.assert_array_equal(file["tile"].asstr()[:], COLUMNS["tile"])


def test_a_relative_folder_is_meant_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = runs.open_run("run", "segment", {})
    run.write_table_h5("cells.h5", {"id": np.arange(2)})
    run.write_json(run.path("facts.json"), {})
    assert sorted(p.name for p in (tmp_path / "run").iterdir() if p.is_file()) == [
        "cells.h5",
        "facts.json",
        "run.json",
    ]
    assert runs.find_run("run").path("cells.h5").is_file()


def test_an_empty_table(tmp_path):
    run = runs.open_run(tmp_path / "run", "segment", {})
    path = run.write_table("cells.csv", dict.fromkeys(tables.CELL_COLUMNS, np.zeros(0)))
    assert path.read_text().startswith("id,tile,z_um,")
    assert all(len(column) == 0 for column in tables.read_csv(path).values())


def test_json_is_plain(tmp_path):
    run = runs.open_run(tmp_path / "run", "segment", {})
    path = run.write_json("scores.json", {"f1": np.float64("nan"), "n": np.arange(2)})
    assert json.loads(path.read_text()) == {"f1": None, "n": [0, 1]}

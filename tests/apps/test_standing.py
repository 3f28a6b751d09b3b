"""What has to be done again when something changes: that, and nothing else."""

import os
import re
import shutil

import pytest

import pmap as pm
from pmap.apps import dataset, pipeline, simulate
from pmap.apps.simulate import SimulateSettings
from tests.apps.results import digests

SMALL = SimulateSettings(grid=(1, 2), tile_vox=(12, 64, 64), diameter_um=8.0, overlap=0.3, seed=4)
ALL = "segment classify coincide stitch fuse export evaluate report".split()
BELOW = ["fuse", "export", "evaluate", "report"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Dataset and run that tests copy."""
    folder = tmp_path_factory.mktemp("finished")
    toml = simulate.simulate(SMALL, folder / "data")
    pipeline.run_pipeline(dataset.load(toml), folder / "run")
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """The dataset in its place, which the run knows; a run of our own."""
    kept = {p: (p.read_bytes(), p.stat()) for p in (finished / "data").rglob("*") if p.is_file()}
    shutil.copytree(finished / "run", tmp_path / "run")
    yield tmp_path
    for path, (data, stat) in kept.items():
        path.write_bytes(data)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.fixture
def toml(finished):
    return finished / "data" / "dataset.toml"


def edit(toml, old, new):
    text = toml.read_text()
    assert old in text
    toml.write_text(text.replace(old, new))


def touch(path):
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


def run(toml, out, capsys, *args):
    """The stages that were done, not found finished, and what was said."""
    assert pipeline.main([str(toml), "--out", str(out), *args]) == 0
    said = capsys.readouterr().out
    assert pipeline.main([str(toml), "--out", str(out), *args]) == 0
    again = capsys.readouterr().out
    kept = re.findall(r"^(\w+) +already finished$", said, re.M)
    done = re.findall(r"^(\w+) +(?:\d+ tiles, )?[\d.]+ s$", said, re.M)
    assert sorted(kept + done) == sorted(re.findall(r"^(\w+) +already finished$", again, re.M))
    return done, said


CHANGES = {
    "nothing": (lambda t: None, [], []),
    "diameter": (lambda t: edit(t, "um = 8.0", "um = 7.5"), [],
                 ["segment", "classify", "coincide", *BELOW]),
    "model": (lambda t: edit(t, "[truth]", '[classify]\nmodel = "model"\n\n[truth]'), [],
              ["classify", "coincide", *BELOW]),
    "rule": (lambda t: None, ["--rule", "paper"], ["stitch", *BELOW]),
    "overlap": (lambda t: edit(t, "[0.3, 0.3]", "[0.3, 0.25]"), [], ["stitch", *BELOW]),
    "name": (lambda t: edit(t, '"simulated"', '"another"'), [], ["report"]),
    "blocks": (lambda t: edit(t, "um = 8.0", "um = 8.0\nblock_vox = [12, 32, 64]"), [], []),
    "dapi": (lambda t: touch(t.with_name("dapi_r0_c1.tif")), [], ALL),
    "cfos": (lambda t: touch(t.with_name("cfos_r0_c1.tif")), [], ["coincide", *BELOW]),
    "truth": (lambda t: touch(t.parent / "truth" / "cells.csv"), [],
              ["classify", "coincide", *BELOW]),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_depends_on_a_change_is_done_again(folder, toml, finished, capsys, change):
    shutil.copytree(finished / "run" / "model", toml.with_name("model"), dirs_exist_ok=True)
    how, args, expected = CHANGES[change]
    how(toml)
    fused = {p: p.stat().st_mtime_ns for p in (folder / "run" / "fused").glob("[cd]*.h5")}
    done, said = run(toml, folder / "run", capsys, *args)
    assert done == expected
    assert ("done again: " in said) == bool(expected)
    if change in ("diameter", "model"):  # the images lie where they lay
        assert {p: p.stat().st_mtime_ns for p in fused} == fused
    if change in ("diameter", "model", "rule", "overlap"):
        run(toml, folder / "new", capsys, *args)
        assert digests(folder / "run") == digests(folder / "new")


def test_one_changed_image_is_one_tile_again(folder, toml, capsys):
    labels = {p.name: p.stat().st_mtime_ns for p in (folder / "run" / "labels").iterdir()}
    touch(toml.with_name("dapi_r0_c1.tif"))
    run(toml, folder / "run", capsys)
    after = {p.name: p.stat().st_mtime_ns for p in (folder / "run" / "labels").iterdir()}
    assert after["r0_c0.h5"] == labels["r0_c0.h5"]
    assert after["r0_c1.h5"] != labels["r0_c1.h5"]


def without_truth(toml):
    edit(toml, '[truth]\ndir = "truth"\n', "")


def without_marker(toml):
    without_truth(toml)
    text = toml.read_text()
    toml.write_text(re.sub(r'\[\[channel\]\]\nname = "cfos"\n.*\n.*\n', "", text))


def one_tile(toml):
    without_truth(toml)
    edit(toml, "grid = [1, 2]", "grid = [1, 1]")


def other_role(toml):
    edit(toml, '"marker"', '"other"')


@pytest.mark.parametrize("less", [without_truth, without_marker, one_tile, other_role])
def test_nothing_is_left_of_what_the_dataset_no_longer_has(folder, toml, capsys, less):
    less(toml)
    run(toml, folder / "run", capsys)
    run(toml, folder / "new", capsys)
    assert digests(folder / "run") == digests(folder / "new")


DAMAGE = {
    "labels/r0_c1.h5": ["segment", "classify", "coincide", *BELOW],
    "tables/r0_c0.csv": ["segment", "classify", "coincide", *BELOW],
    ".pmap/done/segment%20r0_c0.json": ["segment", "classify", "coincide", *BELOW],
    ".pmap/done/table%20r0_c0.json": ["segment", "classify", "coincide", *BELOW],
    ".pmap/done/stitch.json": ["stitch", *BELOW],
    "model/vectors.npy": ["classify", "coincide", *BELOW],
    "coincidence/summary.json": ["coincide", *BELOW],
    "placements.json": ["stitch", *BELOW],
    "fused/dapi.h5": BELOW,
    "fused/labels.h5": BELOW,
    "cells.csv": BELOW,
    "cells.h5": BELOW,
    "precomputed/dapi/info": ["export"],
    "scores.json": ["evaluate", "report"],
    "report.html": ["report"],
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_truncated_file_is_never_accepted(folder, toml, finished, capsys, name):
    path = folder / "run" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    done, _ = run(toml, folder / "run", capsys)
    assert done == DAMAGE[name]
    assert digests(folder / "run") == digests(finished / "run")


def test_a_missing_chunk_is_never_accepted(folder, toml, finished, capsys):
    chunk = next(
        p for p in (folder / "run" / "precomputed" / "labels").rglob("*-*_*") if p.is_file()
    )
    chunk.unlink()
    done, _ = run(toml, folder / "run", capsys)
    assert done == ["export"]
    assert digests(folder / "run") == digests(finished / "run")


def test_what_a_redone_tile_forces_survives_a_kill(folder, toml, finished, capsys):
    """The tile is made again, and nothing else before the end: the next run knows what follows."""
    (folder / "run" / "labels" / "r0_c1.h5").unlink()
    args = ["--only", "segment", "--task", "r0_c1"]
    assert pipeline.main([str(toml), "--out", str(folder / "run"), *args]) == 0
    assert capsys.readouterr().out.startswith("segment r0_c1 ")
    done, _ = run(toml, folder / "run", capsys)
    assert done == ["classify", "coincide", *BELOW]
    assert digests(folder / "run") == digests(finished / "run")


def test_a_moved_run_is_whole(finished, tmp_path, toml, capsys):
    shutil.copytree(finished / "run", tmp_path / "elsewhere")
    assert run(toml, tmp_path / "elsewhere", capsys)[0] == []


def test_layers_that_are_not_asked_for(folder, toml, capsys):
    edit(toml, "um = 8.0", "um = 7.5")
    assert "export" not in run(toml, folder / "run", capsys, "--no-export")[0]
    assert run(toml, folder / "run", capsys)[0] == ["export"]


def test_a_run_of_before_is_not_lost_where_a_stage_is_refused(folder, toml, capsys):
    before = digests(folder / "run")
    edit(toml, "um = 8.0", "um = 7.5")
    args = [str(toml), "--out", str(folder / "run"), "--only", "fuse"]
    assert pipeline.main(args) == 2
    assert "2 of 2 tiles are not (r0_c0, r0_c1)" in capsys.readouterr().err
    assert digests(folder / "run") == before
    edit(toml, "um = 7.5", "um = 8.0")
    assert run(toml, folder / "run", capsys)[0] == []


def test_the_ledger_of_a_run_is_public(folder):
    ledger = pm.Ledger(folder / "run" / ".pmap" / "done", root=folder / "run")
    assert ledger.done("segment r0_c0")
    assert ledger.value("segment r0_c0")["seconds"] > 0

"""C2 for the whole: the pipeline gives the same files at any number of ranks as on one."""

import dataclasses

import pytest

import pmap as pm
from pmap.apps import commands, dataset, pipeline, simulate
from pmap.apps.simulate import SimulateSettings
from tests.apps.results import digests

SETTINGS = SimulateSettings(grid=(1, 2), tile_vox=(16, 96, 96), seed=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return pm.once(tmp_path_factory.mktemp, "pipeline")


@pytest.fixture(scope="module")
def tiles(folder):
    return pm.once(dataset.load, simulate.simulate(SETTINGS, folder / "data"))


def alone_on_one_rank(tiles, out):
    pipeline.run_pipeline(tiles, out)
    return digests(out)


def test_the_same_files_as_on_one_rank(folder, tiles):
    run = pipeline.run_pipeline(tiles, folder / "run")
    together = pm.once(digests, run.out)
    expected = pm.once(alone_on_one_rank, tiles, folder / "alone")
    assert {"cells.csv", "placements.json", "scores.json", "fused/labels.h5"} <= set(expected)
    assert together == expected


def test_a_finished_run_does_nothing(folder, tiles):
    before = pm.once(digests, folder / "run")
    pipeline.run_pipeline(tiles, folder / "run")
    assert pm.once(digests, folder / "run") == before


def test_a_damaged_label_file_is_made_again(folder, tiles):
    before = pm.once(digests, folder / "run")
    pm.once((folder / "run" / "labels" / "r0_c1.h5").write_bytes, b"half")
    pipeline.run_pipeline(tiles, folder / "run")
    assert pm.once(digests, folder / "run") == before


def test_other_settings_do_again_what_depends_on_them(folder, tiles, capsys):
    before = pm.once(digests, folder / "run")
    pipeline.run_pipeline(tiles, folder / "run", rule="paper")
    said = capsys.readouterr().out
    if pm.Pid == 0:
        assert "rule was ncc, is paper; done again: stitch, fuse, export, evaluate, report" in said
        assert said.count("already finished") == 3
    pipeline.run_pipeline(tiles, folder / "run")
    assert pm.once(digests, folder / "run") == before


def test_stages_one_by_one_give_the_same(folder, tiles):
    with pytest.raises(pm.InputError, match=r"classify needs segment .*2 of 2 tiles are not"):
        pipeline.run_pipeline(tiles, folder / "steps", only=["classify"])
    for only in (["segment"], ["classify", "coincide", "stitch", "fuse"]):
        pipeline.run_pipeline(tiles, folder / "steps", only=only)
    pipeline.run_pipeline(tiles, folder / "steps", only=["export", "evaluate", "report"])
    assert pm.once(digests, folder / "steps") == pm.once(digests, folder / "run")


def test_tiles_task_by_task_give_the_same(folder, tiles):
    for task in ("1", "r0_c0"):
        pipeline.run_task(tiles, folder / "tasks", "segment", task)
    run = pipeline.run_pipeline(tiles, folder / "tasks")
    assert pm.once(digests, run.out) == pm.once(digests, folder / "run")


def test_another_dataset_is_refused_on_all_ranks(folder, tiles):
    other = dataclasses.replace(tiles, path=tiles.path.with_name("other.toml"))
    with pytest.raises(pm.InputError, match=r"was made with dataset = .*other\.toml is asked"):
        pipeline.run_pipeline(other, folder / "run")


def test_idle_ranks_are_said_once(capsys):
    commands.say_idle(2, "tiles")
    said = capsys.readouterr().out
    if pm.Pid == 0 and pm.Np > 2:
        assert said == f"{pm.Np} ranks, but only 2 tiles: {pm.Np - 2} of them stay idle\n"
    else:
        assert said == ""

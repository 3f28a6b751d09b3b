"""coincide from files to files: positive neurons, chance, glia left out, bad input."""

import json

import numpy as np
import pytest

import pmap as pm
from pmap import InputError
from pmap.apps import coincide, dataset, markerspots, runs, tables
from tests.apps.kernels.test_coincidence import scene
from tests.apps.tiled_runs import VOXEL_UM, write_segmented

TILES = [(0, 0), (0, 1)]


def write_marked(folder, marker=True, glia=0):
    """Two tiles with known positive nuclei; the first `glia` rows of each table are glia."""
    (folder / "data").mkdir(parents=True)
    truth, labels = {}, {}
    for tile, seed in zip(TILES, (1, 2), strict=True):
        own, image, truth[tile] = scene(seed)
        labels[tile] = own
        pm.io.save(folder / "data" / f"dapi_{tile[1]}.tif", (own > 0).astype(np.uint16))
        pm.io.save(folder / "data" / f"cfos_{tile[1]}.tif", image)
    channels = [dataset.Channel("dapi", "nuclei", "dapi_{col}.tif")]
    channels += [dataset.Channel("cfos", "marker", "cfos_{col}.tif")] if marker else []
    path = dataset.save(
        folder / "data" / "dataset.toml", voxel_um=VOXEL_UM, grid=(1, 2), overlap=(0.1, 0.1),
        channels=channels,
    )  # fmt: skip
    run = write_segmented(folder / "run", labels, {"dataset": str(path)})
    for tile in TILES:
        table = tables.read_csv(run.path("tables", f"r0_c{tile[1]}.csv"))
        names = np.array(["glia"] * glia + ["neuron"] * (len(table["id"]) - glia), str)
        run.write_table(f"tables/r0_c{tile[1]}.csv", {**table, "class": names})
    return run, truth


def answers(run, tile):
    text = run.path("tables", f"r0_c{tile[1]}.csv").read_text().splitlines()[1:]
    return [line.rsplit(",", 1)[1] for line in text]


@pytest.mark.parametrize("rule", ["intensity", "distance"])
def test_marked_neurons_are_found_and_chance_is_told(tmp_path, rule):
    run, truth = write_marked(tmp_path)
    summary = coincide.coincide_run(run, rule=rule)
    for tile in TILES:
        want = np.where(truth[tile], "1", "0")
        assert (np.array(answers(run, tile)) == want).mean() > 0.95
    assert summary["tested"] == 120 and summary["unclassified"] == 0
    assert abs(summary["positive"] - 40) <= 3
    assert summary["chance_fraction"] < 0.25 < summary["positive_fraction"]
    written = json.loads(run.path("coincidence", "summary.json").read_text())
    assert written == summary
    stages = json.loads(run.path("run.json").read_text())["stages"]
    assert stages["coincidence"]["chance_fraction"] == summary["chance_fraction"]


def test_glia_are_left_empty_and_the_other_columns_untouched(tmp_path):
    run, truth = write_marked(tmp_path, glia=10)
    before = tables.read_csv(run.path("tables", "r0_c0.csv"))
    coincide.coincide_run(run)
    after = tables.read_csv(run.path("tables", "r0_c0.csv"))
    assert answers(run, (0, 0))[:10] == [""] * 10
    assert set(answers(run, (0, 0))[10:]) == {"0", "1"}
    assert list(after) == list(before)
    for name in set(before) - {"cfos"}:
        np.testing.assert_array_equal(after[name], before[name])


def test_nuclei_without_a_class_are_tested_and_told(tmp_path, capsys):
    run, _ = write_marked(tmp_path)
    table = run.path("tables", "r0_c1.csv")
    table.write_text(table.read_text().replace("neuron", "unclassified"))
    assert coincide.main([str(run.out)]) == 0
    assert "60 nuclei are not classified" in capsys.readouterr().out
    assert set(answers(run, (0, 1))) == {"0", "1"}


def test_without_a_marker_channel_the_column_stays_empty_and_it_is_said(tmp_path, capsys):
    run, _ = write_marked(tmp_path, marker=False)
    assert coincide.main([str(run.out)]) == 0
    out = capsys.readouterr().out
    assert out.count("no marker channel") == 1
    assert set(answers(run, (0, 0))) == {""}


def test_what_is_measured_is_not_measured_again(tmp_path, monkeypatch):
    run, _ = write_marked(tmp_path)
    first = coincide.coincide_run(run)
    table = run.path("tables", "r0_c0.csv").read_bytes()
    monkeypatch.setattr(coincide, "_contrasts", None)
    assert coincide.coincide_run(run) == first
    assert run.path("tables", "r0_c0.csv").read_bytes() == table


@pytest.mark.parametrize("rule", ["intensity", "distance"])
def test_no_nuclei_and_few_nuclei_are_no_error(tmp_path, rule):
    run, _ = write_marked(tmp_path)
    own, _, _ = scene(1)
    for tile, keep in zip(TILES, (0, 3), strict=True):
        few = np.where(own <= keep, own, 0)
        empty = tmp_path / f"other{tile[1]}"
        other = write_segmented(empty, {tile: few}, {"of": "few"})
        for kind, name in (("labels", f"r0_c{tile[1]}.h5"), ("tables", f"r0_c{tile[1]}.csv")):
            run.path(kind, name).write_bytes(other.path(kind, name).read_bytes())
    summary = coincide.coincide_run(run, rule=rule)
    assert summary["tested"] == 3
    assert len(answers(run, (0, 0))) == 0 and len(answers(run, (0, 1))) == 3


def test_blocks_do_not_change_the_answer(tmp_path, monkeypatch):
    one, _ = write_marked(tmp_path / "a")
    two, _ = write_marked(tmp_path / "b")
    coincide.coincide_run(one)
    monkeypatch.setattr(coincide, "BLOCK_VOX", (8, 30, 41))
    coincide.coincide_run(two)
    for name in ("r0_c0.csv", "r0_c1.csv"):
        assert (
            one.path("coincidence", name).read_bytes() == two.path("coincidence", name).read_bytes()
        )


def test_a_shifted_box_is_a_box_of_the_rolled_image(tmp_path):
    image = np.random.default_rng(1).integers(0, 99, (4, 11, 13)).astype(np.uint16)
    pm.io.save(tmp_path / "a.tif", image)
    box = (slice(1, 3), slice(2, 9), slice(0, 13))
    with pm.io.open(tmp_path / "a.tif") as file:
        for shift in ((0, 0, 0), (0, 5, 0), (0, 0, 7), (0, 10, 12)):
            rolled = np.roll(image, shift, axis=(0, 1, 2))
            assert (coincide._read_shifted(file, box, shift) == rolled[box]).all()


def test_spots_lie_where_the_marker_is_bright():
    labels, marker, truth = scene(3)
    spots = markerspots.find_spots(marker, 4.5, VOXEL_UM)
    hit = labels[tuple(np.rint(spots).astype(int).T)]
    assert set(hit[hit > 0]) == set(np.flatnonzero(truth) + 1)
    assert (hit > 0).mean() > 0.9


def test_bad_input_is_said(tmp_path, capsys):
    run, _ = write_marked(tmp_path)

    def refused(*argv):
        assert coincide.main([*map(str, argv)]) == 2
        text = capsys.readouterr().err
        assert text.count("\n") == 1
        return text

    assert "not the folder of a run" in refused(tmp_path / "nothing")
    assert "must have a thickness" in refused(run.out, "--shell-um", "0")
    pm.io.save(tmp_path / "data" / "cfos_0.tif", np.zeros((2, 9, 9), np.uint16))
    assert "cfos_0.tif has shape (2, 9, 9)" in refused(run.out)
    run.path("tables", "r0_c0.csv").unlink()
    assert "has no r0_c0.csv of tile (0, 0)" in refused(run.out)
    other = runs.open_run(tmp_path / "other", "segment", {"of": "nothing"})
    assert "give --dataset" in refused(other.out)
    with pytest.raises(InputError, match="rule must be one of"):
        coincide.coincide_run(run, rule="colour")


def test_a_marker_from_another_file_is_measured_anew(tmp_path):
    run, truth = write_marked(tmp_path)
    coincide.coincide_run(run)
    before = {tile: answers(run, tile) for tile in TILES}
    other = tmp_path / "other"
    other.mkdir()
    for tile in TILES:  # the marker turned round: other nuclei carry it
        for name in ("dapi", "cfos"):
            with pm.io.open(tmp_path / "data" / f"{name}_{tile[1]}.tif") as image:
                pm.io.save(other / f"{name}_{tile[1]}.tif", image[:, ::-1, ::-1].copy())
    text = (tmp_path / "data" / "dataset.toml").read_text()
    (other / "dataset.toml").write_text(text)
    coincide.coincide_run(run, other / "dataset.toml")
    assert {tile: answers(run, tile) for tile in TILES} != before

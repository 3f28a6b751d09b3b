"""stitch from files to files: places, fused images, merged nuclei, errors of bad input."""

import json

import numpy as np
import pytest
from scipy import ndimage

import pmap as pm
from pmap import InputError
from pmap.apps import dataset, fuse, fusedvolume, runs, stitch, tables
from tests.apps.kernels.cut_tiles import cut
from tests.apps.kernels.test_merging import covered, local_labels, same_partition
from tests.apps.tiled_runs import VOXEL_UM, write_dataset, write_segmented


def places_of(placements):
    return {(t["row"], t["col"]): tuple(t["zyx_vox"]) for t in placements["tiles"]}


@pytest.mark.parametrize(
    ("grid", "order", "start", "seed"),
    [
        ((2, 2), "snake", "top-left", 1),
        ((2, 2), "raster", "bottom-right", 2),
        ((3, 3), "snake", "bottom-left", 3),
        ((3, 3), "raster", "top-right", 4),
        ((1, 4), "snake", "top-right", 5),
        ((1, 1), "raster", "top-left", 6),
    ],
)
def test_every_tile_is_placed_exactly(tmp_path, grid, order, start, seed):
    one = cut(grid=grid, seed=seed, tile=(12, 80, 80), count=250 * grid[0] * grid[1])
    path = write_dataset(tmp_path / "data", one, order=order, start=start, names="t{tile}.tif")
    run = runs.open_run(tmp_path / "run", "stitch", {})
    placements = stitch.stitch_dataset(dataset.load(path), run)
    assert places_of(placements) == one.places
    assert placements["unlinked"] == [] and placements["rejected"] == []
    assert json.loads((tmp_path / "run" / "placements.json").read_text()) == placements
    for link in placements["links"]:
        shift = np.subtract(one.places[tuple(link["b"])], one.places[tuple(link["a"])])
        assert link["shift_zyx_vox"] == shift.tolist()
        assert -1 <= link["score"] <= 1


def test_single_planes_are_stitched(tmp_path):
    one = cut(grid=(2, 2), tile=(1, 128, 128), count=600, jitter=(0, 3, 3), seed=3)
    path = write_dataset(tmp_path, one)
    run = runs.open_run(tmp_path / "run", "stitch", {})
    assert places_of(stitch.stitch_dataset(path, run)) == one.places


def test_a_tile_without_anything_in_it_falls_back_and_is_told(tmp_path, capsys):
    one = cut(grid=(2, 2), tile=(12, 80, 80), count=900, jitter=(0, 0, 0), seed=4)
    noise = np.random.default_rng(1).poisson(100, (12, 80, 80))
    one.tiles[1, 1] = noise.astype(np.uint16)
    path = write_dataset(tmp_path / "data", one)
    assert stitch.main([str(path), "--out", str(tmp_path / "run")]) == 0
    placements = json.loads((tmp_path / "run" / "placements.json").read_text())
    assert places_of(placements) == one.places
    assert placements["unlinked"] == [[1, 1]]
    assert len(placements["rejected"]) == 2
    said = capsys.readouterr().out
    assert "tile (1, 1) has no link" in said and "too weak" in said


def test_fused_image_is_where_and_what_it_should_be(tmp_path, monkeypatch):
    monkeypatch.setattr(fusedvolume, "BLOCK_VOX", (5, 40, 33))
    one = cut(grid=(2, 2), tile=(12, 80, 80), count=900, seed=5, gain=0, vignetting=0, noise=0)
    clean = {
        k: one.whole[tuple(slice(p, p + n) for p, n in zip(one.places[k], v.shape, strict=True))]
        for k, v in one.tiles.items()
    }
    path = write_dataset(tmp_path / "data", one)
    for (row, col), tile in clean.items():
        pm.io.save(tmp_path / "data" / f"dapi_r{row}_c{col}.tif", tile.astype(np.uint16))
    run = runs.open_run(tmp_path / "run", "stitch", {})
    tiles = [{"row": r, "col": c, "zyx_vox": list(p)} for (r, c), p in one.places.items()]
    facts = fuse.fuse_run(path, run, {"tiles": tiles})
    assert facts == {"shape_vox": list(one.whole.shape), "channels": ["dapi"], "cells": None}
    with pm.io.open(tmp_path / "run" / "fused" / "dapi.h5") as fused:
        assert fused.dtype == np.uint16
        assert tuple(fused.attrs["voxel_um"]) == VOXEL_UM
        assert (fused[...] == np.where(covered(one), one.whole, 0)).all()


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    """A 2 x 2 dataset with disturbed labels, stitched from the command line."""
    folder = tmp_path_factory.mktemp("merged")
    one = cut(grid=(2, 2), tile=(16, 80, 80), count=420, seed=6, overlap=0.2)
    rng = np.random.default_rng(6)
    ways = dict(zip(sorted(one.labels), ("thin", "exact", "thick", "exact"), strict=True))
    own = {k: local_labels(v, rng, ways[k]) for k, v in one.labels.items()}
    path = write_dataset(folder / "data", one, overlap=0.2)
    write_segmented(folder / "run", own)
    assert stitch.main([str(path), "--out", str(folder / "run")]) == 0
    return folder, one, own


def test_merged_cells_are_counted_once(merged):
    folder, one, own = merged
    cells = tables.read_csv(folder / "run" / "cells.csv")
    truth = len(np.unique(np.where(covered(one), one.whole, 0))) - 1
    assert sum(len(np.unique(v)) - 1 for v in own.values()) > 1.2 * truth
    assert abs(len(cells["id"]) - truth) <= 0.02 * truth
    assert list(cells) == list(tables.CELL_COLUMNS)


def test_ids_of_the_fused_labels_are_those_of_the_table(merged):
    folder, one, _ = merged
    cells = tables.read_csv(folder / "run" / "cells.csv")
    with pm.io.open(folder / "run" / "fused" / "labels.h5", dataset="labels") as file:
        labels = file[...]
    assert labels.dtype == np.uint32 and labels.shape == one.whole.shape
    assert set(np.unique(labels[labels > 0])) == set(cells["id"].tolist())
    at = np.stack([cells[f"{a}_um"] for a in "zyx"], axis=1) / VOXEL_UM
    painted = np.array(ndimage.center_of_mass(labels > 0, labels, cells["id"]))
    assert (np.abs(at - painted).max(axis=1) < 1.0).mean() > 0.97


def test_tables_in_csv_and_hdf5_are_the_same(merged):
    h5py = pytest.importorskip("h5py")
    folder, _, _ = merged
    cells = tables.read_csv(folder / "run" / "cells.csv")
    with h5py.File(folder / "run" / "cells.h5") as file:
        assert (file["id"][...] == cells["id"]).all()
        assert (file["x_um"][...] == cells["x_um"]).all()
        assert set(file) == set(cells)


def test_a_second_call_does_nothing_and_new_tables_are_merged_again(merged):
    folder, _, _ = merged
    run = runs.find_run(folder / "run")
    placements = json.loads((folder / "run" / "placements.json").read_text())
    files = [folder / "run" / "fused" / n for n in ("dapi.h5", "labels.h5")]
    before = [f.stat().st_mtime_ns for f in files]
    fuse.fuse_run(folder / "data" / "dataset.toml", run, placements)
    assert [f.stat().st_mtime_ns for f in files] == before
    table = folder / "run" / "tables" / "r0_c0.csv"
    text = table.read_text()
    table.write_text(text.replace("unclassified", "neuron"))
    fuse.fuse_run(folder / "data" / "dataset.toml", run, placements)
    table.write_text(text)
    cells = tables.read_csv(folder / "run" / "cells.csv")
    assert set(cells["class"][cells["tile"] == "r0_c0"]) == {"neuron"}
    assert files[0].stat().st_mtime_ns == before[0]


def test_exact_labels_merge_to_the_true_volume(tmp_path):
    one = cut(grid=(2, 2), tile=(16, 64, 64), count=120, seed=7, overlap=0.2)
    rng = np.random.default_rng(7)
    own = {k: local_labels(v, rng, "exact") for k, v in one.labels.items()}
    path = write_dataset(tmp_path / "data", one, overlap=0.2)
    run = write_segmented(tmp_path / "run", own)
    fuse.fuse_run(path, run, stitch.stitch_dataset(path, run))
    with pm.io.open(tmp_path / "run" / "fused" / "labels.h5") as file:
        assert same_partition(file[...], np.where(covered(one), one.whole, 0))


def test_columns_with_gaps_keep_their_form(tmp_path):
    one = cut(grid=(1, 2), tile=(12, 64, 64), count=100, seed=8, overlap=0.2)
    run = write_segmented(tmp_path / "run", one.labels)
    path = write_dataset(tmp_path / "data", one, overlap=0.2)
    table = run.path("tables", "r0_c0.csv")
    rows = table.read_text().splitlines()
    marked = [row + "1" if i % 2 else row + "0" for i, row in enumerate(rows[1:])]
    table.write_text("\n".join([rows[0], *marked]) + "\n")
    fuse.fuse_run(path, run, stitch.stitch_dataset(path, run))
    lines = (tmp_path / "run" / "cells.csv").read_text().splitlines()[1:]
    assert {line.rsplit(",", 1)[1] for line in lines} == {"1", "0", ""}
    assert all(line.split(",")[-2] == "" for line in lines)


def test_empty_tiles_give_an_empty_table(tmp_path):
    one = cut(grid=(1, 2), tile=(8, 64, 64), count=100, seed=9, overlap=0.2)
    run = write_segmented(tmp_path / "run", {k: 0 * v for k, v in one.labels.items()})
    path = write_dataset(tmp_path / "data", one, overlap=0.2)
    assert fuse.fuse_run(path, run, stitch.stitch_dataset(path, run))["cells"] == 0
    assert len((tmp_path / "run" / "cells.csv").read_text().splitlines()) == 1


def test_real_mosaic_from_the_command_line(tmp_path, real_data, capsys):
    pytest.importorskip("czifile")
    czi = real_data / "zeiss_czi" / "mosaic_test.czi"
    assert stitch.main([str(czi), "--out", str(tmp_path / "ncc")]) == 0
    placements = json.loads((tmp_path / "ncc" / "placements.json").read_text())
    (link,) = placements["links"]
    assert link["shift_zyx_vox"] == [0, -2, 825]
    assert link["score"] == pytest.approx(0.965, abs=1e-3)
    assert places_of(placements) == {(0, 0): (0, 2, 0), (0, 1): (0, 0, 825)}
    with pm.io.open(tmp_path / "ncc" / "fused" / "mosaic_test.h5") as fused:
        assert fused.shape == (1, 626, 1749) and fused.dtype == np.uint16
    assert stitch.main([str(czi), "--rule", "paper", "--out", str(tmp_path / "paper")]) == 0
    paper = json.loads((tmp_path / "paper" / "placements.json").read_text())["links"][0]
    # Nothing of the true overlap, 99 voxels and 2 across, can be found within 10 % of the width.
    assert paper["shift_zyx_vox"] == [0, 0, 924 - 6] and paper["score"] < 0.5


def test_what_cannot_be_stitched_is_said(tmp_path, real_data, capsys):
    def refused(source, *more):
        assert stitch.main([str(source), "--out", str(tmp_path / "run"), *more]) == 2
        text = capsys.readouterr().err
        assert text.count("\n") == 1
        return text

    one = cut(grid=(1, 2), tile=(8, 64, 64), count=50, seed=1)
    path = write_dataset(tmp_path / "a", one)
    pm.io.save(tmp_path / "a" / "dapi_r0_c1.tif", one.tiles[0, 1][:, :60])
    assert "dapi_r0_c1.tif has shape (8, 60, 64)" in refused(path)
    pm.io.save(tmp_path / "a" / "dapi_r0_c1.tif", one.tiles[0, 1].astype(np.uint8))
    assert "dapi_r0_c1.tif has dtype uint8" in refused(path)
    (tmp_path / "a" / "dapi_r0_c1.tif").unlink()
    assert "dapi_r0_c1.tif" in refused(path)
    small = write_dataset(tmp_path / "b", one, overlap=0.04)
    assert "overlap by 3 voxels of 64 along x" in refused(small)
    assert "no file" in refused(tmp_path / "absent.czi")
    assert "no dataset file" in refused(tmp_path / "absent.toml")
    assert not (tmp_path / "run").exists()
    pytest.importorskip("czifile")
    scenes = real_data / "zeiss_czi" / "xyz__multiple_images.czi"
    assert "scenes [0, 1]: choose one" in refused(scenes)
    assert "no mosaic: one tile of (2, 251, 251) voxels" in refused(scenes, "--scene", "1")


def test_a_folder_with_other_things_or_another_rule_is_refused(tmp_path, capsys):
    one = cut(grid=(1, 2), tile=(8, 64, 64), count=80, seed=1)
    path = write_dataset(tmp_path / "data", one)
    assert stitch.main([str(path), "--out", str(tmp_path / "data")]) == 2
    assert "already holds" in capsys.readouterr().err
    again = [str(path), "--out", str(tmp_path / "run")]
    assert stitch.main(again) == 0 == stitch.main(again)
    assert stitch.main([*again, "--rule", "paper"]) == 2
    assert "rule = ncc, now paper" in capsys.readouterr().err


def test_labels_of_some_tiles_only_are_refused(tmp_path):
    one = cut(grid=(1, 2), tile=(8, 64, 64), count=50, seed=2)
    run = write_segmented(tmp_path / "run", one.labels)
    path = write_dataset(tmp_path / "data", one)
    run.path("labels", "r0_c1.h5").unlink()
    with pytest.raises(InputError, match=r"not .*r0_c1\.h5; run segment again"):
        fuse.fuse_run(path, run, stitch.stitch_dataset(path, run))


def test_a_table_of_other_labels_is_refused(tmp_path):
    one = cut(grid=(1, 2), tile=(8, 64, 64), count=50, seed=2)
    run = write_segmented(tmp_path / "run", one.labels)
    path = write_dataset(tmp_path / "data", one)
    table = run.path("tables", "r0_c1.csv")
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(InputError, match=r"r0_c1\.csv does not list the labels of .*r0_c1\.h5"):
        fuse.fuse_run(path, run, stitch.stitch_dataset(path, run))

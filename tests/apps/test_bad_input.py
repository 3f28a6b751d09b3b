"""What cannot work is told in one line that names the file or key, before anything is written."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import pmap as pm
from pmap.apps import classify, dataset, evaluate, export, pipeline, runs, segment, simulate, stitch

ROOT = Path(__file__).resolve().parents[2]
SIZES = ["--voxel-um", "1", "0.5", "0.5"]
SEGMENT = [*SIZES, "--diameter-um", "9"]
LIMIT_S = 60
TEXT = """
[dataset]
voxel_um = [1.0, 0.5, 0.5]
grid = [1, 2]
overlap = [0.2, 0.2]

[[channel]]
name = "dapi"
role = "nuclei"
files = "dapi_c{col}.tif"

[[channel]]
name = "cfos"
role = "marker"
files = "cfos_c{col}.tif"

[segment]
diameter_um = 9.0

[truth]
dir = "truth"
"""


def tile(seed=0):
    return np.random.default_rng(seed).integers(90, 110, (12, 40, 40)).astype(np.uint16)


@pytest.fixture
def toml(tmp_path):
    for name in ("dapi_c0", "dapi_c1", "cfos_c0", "cfos_c1"):
        tifffile.imwrite(tmp_path / f"{name}.tif", tile())
    path = tmp_path / "dataset.toml"
    path.write_text(TEXT.replace('[truth]\ndir = "truth"\n', ""))
    return path


def said_by(app, args, capsys):
    """The one line on stderr of an app that refuses."""
    assert app.main([str(a) for a in args]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("[1.0, 0.5, 0.5]", "[nan, 0.5, 0.5]", "voxel_um"),
        ("[1.0, 0.5, 0.5]", "[inf, 0.5, 0.5]", "voxel_um"),
        ("diameter_um = 9.0", 'diameter_um = "9"', "diameter_um"),
        ("diameter_um = 9.0", "diameter_um = [9.0]", "diameter_um"),
        ("diameter_um = 9.0", "diameter_um = true", "diameter_um"),
        ("diameter_um = 9.0", "diameter_um = 1e6", "wider than the image"),
        ("diameter_um = 9.0", "diameter_um = 0.1", r"\[segment\]"),
        ("diameter_um = 9.0", 'diameter_um = 9.0\nblock_vox = "a"', "block_vox"),
        ("diameter_um = 9.0", "diameter_um = 9.0\nblock_vox = [1.5, 2, 2]", "block_vox"),
        ("diameter_um = 9.0", 'diameter_um = 9.0\nsensitivity = "a"', "sensitivity"),
        ('"cfos_c{col}.tif"', "7", "files"),
        ('"cfos_c{col}.tif"', '"cfos_{.tif"', "files"),
        ('name = "cfos"', 'name = "a/b"', "name"),
        ('name = "cfos"', 'name = "labels"', "name"),
        ('name = "cfos"', 'name = ".."', "name"),
        ("[0.2, 0.2]", "[0.001, 0.001]", "overlap by 0 voxels"),
        ("[segment]", '[classify]\nmodel = "none"\n[segment]', "none is no model"),
        ("[segment]", "[classify]\nmodel = 3\n[segment]", r"\[classify\] model"),
        ("[segment]", '[classify]\ntrain = "none.csv"\n[segment]', "none.csv"),
        ("[segment]", "[truth]\ndir = 4\n[segment]", r"\[truth\] dir"),
    ],
)
def test_a_dataset_file_that_cannot_work(toml, tmp_path, capsys, old, new, key):
    toml.write_text(toml.read_text().replace(old, new))
    said = said_by(pipeline, [toml, "--out", tmp_path / "run"], capsys)
    with pytest.raises(pm.InputError, match=key):
        raise pm.InputError(said)
    assert not (tmp_path / "run").exists()


def test_a_truth_of_another_grid(tmp_path, capsys):
    assert simulate.main(["--grid", "1", "2", "--tile", "8", "40", "40", "--out",
                          str(tmp_path / "brain")]) == 0  # fmt: skip
    toml = tmp_path / "brain" / "dataset.toml"
    toml.write_text(toml.read_text().replace("grid = [1, 2]", "grid = [1, 1]"))
    said = said_by(pipeline, [toml, "--out", tmp_path / "run"], capsys)
    assert "placements.json" in said and "r0_c1" in said and "grid" in said


def test_a_channel_without_a_role_is_the_nuclei_where_it_is_alone(toml):
    toml.write_text(toml.read_text().split("[[channel]]\nname = \"cfos\"")[0]
                    .replace('role = "nuclei"\n', ""))  # fmt: skip
    assert dataset.load(toml).channel("nuclei").name == "dapi"


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_segment_refuses_a_constant_image(tmp_path, capsys, dtype):
    tifffile.imwrite(tmp_path / "flat.tif", np.full((6, 30, 30), 7, dtype))
    args = [tmp_path / "flat.tif", *SEGMENT, "--out", tmp_path / "run"]
    assert "flat.tif: every voxel is 7" in said_by(segment, args, capsys)
    assert not (tmp_path / "run").exists()


def test_segment_refuses_nuclei_wider_than_the_image(toml, tmp_path, capsys):
    args = [tmp_path / "dapi_c0.tif", *SIZES, "--diameter-um", "500", "--out", tmp_path / "run"]
    assert "500 um is wider than the image of 12 x 40 x 40" in said_by(segment, args, capsys)
    assert not (tmp_path / "run").exists()


def test_segment_twice_does_the_work_once(toml, tmp_path, capsys):
    args = [str(tmp_path / "dapi_c0.tif"), *SEGMENT, "--out", str(tmp_path / "run")]
    assert segment.main(args) == 0
    stamp = (tmp_path / "run" / "labels.h5").stat().st_mtime_ns
    capsys.readouterr()
    assert segment.main(args) == 0
    assert "found before" in capsys.readouterr().out
    assert (tmp_path / "run" / "labels.h5").stat().st_mtime_ns == stamp
    (tmp_path / "run" / "cells.csv").unlink()
    assert segment.main(args) == 0
    assert (tmp_path / "run" / "cells.csv").is_file()


def test_stitch_refuses_tiles_with_nan(toml, tmp_path, capsys):
    spoilt = tile().astype(np.float32)
    spoilt[3, 3, 3] = np.nan
    tifffile.imwrite(tmp_path / "dapi_c0.tif", tile().astype(np.float32))
    tifffile.imwrite(tmp_path / "dapi_c1.tif", spoilt)
    assert "dapi_c1.tif: plane 3" in said_by(stitch, [toml, "--out", tmp_path / "run"], capsys)
    assert not (tmp_path / "run").exists()


def test_stitch_twice_does_the_work_once(toml, tmp_path, capsys):
    args = [str(toml), "--out", str(tmp_path / "run")]
    assert stitch.main(args) == 0
    capsys.readouterr()
    assert stitch.main(args) == 0
    assert "already finished" in capsys.readouterr().out
    (tmp_path / "run" / "fused" / "dapi.h5").unlink()
    assert stitch.main(args) == 0
    assert (tmp_path / "run" / "fused" / "dapi.h5").is_file()


@pytest.mark.parametrize("voxel", ["0", "-1", "nan", "inf"])
def test_export_refuses_a_voxel_size_that_is_none(toml, tmp_path, capsys, voxel):
    args = [tmp_path / "dapi_c0.tif", "--voxel-um", voxel, "1", "1", "--out", tmp_path / "layers"]
    assert "voxel sizes must be positive" in said_by(export, args, capsys)
    assert not (tmp_path / "layers").exists()


def test_export_refuses_nan_and_labels_that_are_no_integers(toml, tmp_path, capsys):
    spoilt = tile().astype(np.float32)
    spoilt[3, 3, 3] = np.nan
    tifffile.imwrite(tmp_path / "nan.tif", spoilt)
    out = ["--out", tmp_path / "layers"]
    assert "nan.tif" in said_by(export, [tmp_path / "nan.tif", *SIZES, *out], capsys)
    args = [tmp_path / "dapi_c0.tif", "--labels", tmp_path / "nan.tif", *SIZES, *out]
    assert "nan.tif: labels are whole numbers" in said_by(export, args, capsys)
    assert not (tmp_path / "layers").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--seed", "-1"], "--seed must be 0 or more"),
        (["--grid", "0", "2"], "grid must be above 0"),
        (["--voxel-um", "nan", "1", "1"], "voxel_um must be above 0"),
        (["--diameter-um", "1e9"], "wider than a tile of 96 um"),
        (["--density-per-mm3", "-1"], "density_per_mm3 must be above 0"),
    ],
)
def test_simulate_names_the_number(tmp_path, capsys, args, said):
    assert said in said_by(simulate, [*args, "--out", tmp_path / "brain"], capsys)
    assert not (tmp_path / "brain").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"id,class\nx,neuron\n", "column id needs whole numbers"),
        (b"id,class\n1\n2,glia\n", "2 columns, but a row of 1"),
        (b"II*\x00\xb6\xff", "is not a CSV file"),
        (b"id,class\n1,astro\n", "no row has one of the classes glia, neuron; found astro"),
        (b"id,class\n1,neuron\n1,glia\n", "nucleus 1 is labelled twice"),
        (b"\xef\xbb\xbfid,class\n9,neuron\n", "no nucleus 9"),
    ],
)
def test_labels_that_cannot_be_used(tmp_path, capsys, content, said):
    run = runs.open_run(tmp_path / "run", "segment", {})
    cells = {"id": np.array([1, 2]), "tile": np.full(2, "r0_c0")}
    numbers = ("z_um", "y_um", "x_um", "volume_um3", "diameter_um", "mean", "std", "skew",
               "kurtosis")  # fmt: skip
    cells |= {name: np.array([1.0, 2.0]) for name in numbers}
    run.write_table("cells.csv", cells)
    (tmp_path / "labels.csv").write_bytes(content)
    args = [tmp_path / "run", "--train", tmp_path / "labels.csv"]
    assert said in said_by(classify, args, capsys)


def test_evaluate_names_placements_that_are_none(tmp_path):
    (tmp_path / "placements.json").write_text("[]")
    with pytest.raises(pm.InputError, match=r"placements\.json holds no placements"):
        evaluate._places(tmp_path / "placements.json")


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_refuse_together_once_and_at_once(toml, tmp_path, ranks):
    path = tmp_path / "cfos_c1.tif"
    path.write_bytes(path.read_bytes()[:9000])
    done = subprocess.run(
        [sys.executable, "-m", "pmap.launch.prun", "-n", str(ranks), "pipeline", str(toml),
         "--out", str(tmp_path / "run")],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=LIMIT_S,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cfos_c1.tif is cut off" in done.stderr
    assert not (tmp_path / "run").exists()


def test_lost_and_damaged_results_are_made_again(toml, tmp_path, capsys):
    out = tmp_path / "run"
    args = [str(toml), "--out", str(out)]
    assert pipeline.main(args) == 0
    names = ("cells.csv", "precomputed/dapi/info", "fused/dapi.h5", "placements.json")
    whole = {name: (out / name).read_bytes() for name in names}
    cut = out / "labels" / "r0_c0.h5"
    for spoil in (
        lambda: os.truncate(cut, cut.stat().st_size // 2),
        lambda: (out / "labels" / "r0_c1.h5").unlink(),
        lambda: (out / "tables" / "r0_c1.csv").unlink(),
        lambda: (out / ".pmap" / "done" / "fuse.json").write_text("{"),
        lambda: (out / "cells.csv").write_text(""),
        lambda: (out / "precomputed" / "dapi" / "info").unlink(),
        lambda: (out / "fused" / "dapi.h5").unlink(),
        lambda: (out / "run.json").write_text(""),
    ):
        spoil()
        capsys.readouterr()
        assert pipeline.main(args) == 0
        assert {name: (out / name).read_bytes() for name in names if name[-2:] != "h5"} == {
            name: text for name, text in whole.items() if name[-2:] != "h5"
        }
        assert (out / "fused" / "dapi.h5").is_file()
        assert len(pm.io.open(cut, dataset="labels").shape) == 3
    capsys.readouterr()
    assert pipeline.main(args) == 0
    assert capsys.readouterr().out.count("already finished") == 7


def test_a_damaged_state_is_told(toml, tmp_path, capsys):
    out = tmp_path / "run"
    runs.open_run(out, "pipeline", {})
    (out / ".pmap" / "run.json").write_text("")
    assert "run.json is damaged" in said_by(pipeline, [toml, "--out", out], capsys)

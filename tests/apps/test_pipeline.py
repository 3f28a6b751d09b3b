"""The pipeline's command line: what is wrong is told before work starts; stages as JSON."""

import json
import re

import numpy as np
import pytest
import tifffile

from pmap.apps import pipeline

TEXT = """
[dataset]
voxel_um = [1.0, 0.5, 0.5]

[[channel]]
name = "dapi"
role = "nuclei"
files = "dapi.tif"

[segment]
diameter_um = 9.0
"""


@pytest.fixture
def toml(tmp_path):
    image = np.random.default_rng(0).integers(90, 110, (12, 40, 40)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "dapi.tif", image)
    path = tmp_path / "dataset.toml"
    path.write_text(TEXT)
    return path


def test_stages_of_one_channel_without_truth(toml, capsys):
    assert pipeline.main([str(toml), "--stages"]) == 0
    said = json.loads(capsys.readouterr().out)
    names = [stage["name"] for stage in said["stages"]]
    assert names == ["segment", "classify", "stitch", "fuse", "export", "report"]
    assert said["stages"][0]["tasks"] == ["r0_c0"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("diameter_um = 9.0", "diametre_um = 9.0", "did you mean 'diameter_um'"),
        ("diameter_um = 9.0", "", "diameter_um is missing"),
        ("diameter_um = 9.0", "diameter_um = -1.0", "diameter"),
        ("[1.0, 0.5, 0.5]", "[1.0, 0.5, -0.5]", "voxel sizes must be positive"),
        ("dapi.tif", "gone.tif", "missing .*gone.tif"),
    ],
)
def test_what_is_wrong_is_one_line(toml, tmp_path, capsys, old, new, message):
    toml.write_text(TEXT.replace(old, new))
    assert pipeline.main([str(toml), "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(message, said)
    assert not (tmp_path / "run").exists()


def test_without_a_folder_for_the_run(toml, capsys):
    assert pipeline.main([str(toml)]) == 2
    assert "--out" in capsys.readouterr().err


def test_a_folder_that_holds_something_else(toml, tmp_path, capsys):
    assert pipeline.main([str(toml), "--out", str(tmp_path)]) == 2
    assert "already holds" in capsys.readouterr().err


def test_an_image_without_nuclei_is_no_error(toml, tmp_path, capsys):
    out = tmp_path / "run"
    assert pipeline.main([str(toml), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert str(out / "report.html") in said
    assert (out / "cells.csv").read_text().startswith("id,tile,z_um")
    assert pipeline.main([str(toml), "--out", str(out)]) == 0
    assert capsys.readouterr().out.count("already finished") == 6


def test_a_finished_run_is_refused_for_other_settings(toml, tmp_path, capsys):
    out = tmp_path / "run"
    assert pipeline.main([str(toml), "--out", str(out), "--no-export"]) == 0
    toml.write_text(TEXT.replace("9.0", "8.0"))
    assert pipeline.main([str(toml), "--out", str(out)]) == 2
    assert "segment.diameter_um = 9.0, now 8.0" in capsys.readouterr().err

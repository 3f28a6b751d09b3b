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


def test_other_settings_are_said_in_one_line(toml, tmp_path, capsys):
    out = tmp_path / "run"
    assert pipeline.main([str(toml), "--out", str(out), "--no-export"]) == 0
    assert "done again" not in capsys.readouterr().out
    toml.write_text(TEXT.replace("9.0", "8.0"))
    assert pipeline.main([str(toml), "--out", str(out), "--no-export"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "segment.diameter_um was 9.0, is 8.0; done again: segment, classify, fuse, report\n"
    )
    assert re.findall("(.*) already finished", said) == ["stitch    "]


def test_another_dataset_file_is_refused(toml, tmp_path, capsys):
    out = tmp_path / "run"
    assert pipeline.main([str(toml), "--out", str(out), "--only", "stitch"]) == 0
    other = tmp_path / "other.toml"
    other.write_text(TEXT)
    assert pipeline.main([str(other), "--out", str(out)]) == 2
    assert re.search(r"was made with dataset = .*other\.toml is asked", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--only", "segmnt"], "no stage 'segmnt'; did you mean segment"),
        (["--only", "coincide"], "no stage 'coincide'; stages of this run: segment, classify"),
        (["--only", ""], "no stage ''"),
        (
            ["--only", "fuse"],
            "fuse needs segment .* 1 of 1 tiles are not (r0_c0); .*--only segment",
        ),
        (["--only", "segment", "--task=1"], "segment has no task '1': give 0 to 0"),
        (["--only", "segment", "--task=-1"], "segment has no task '-1'"),
        (["--only", "segment", "--task=r0_c1"], "segment has no task 'r0_c1'"),
        (["--only", "stitch", "--task=0"], "stitch is done at once"),
        (["--only", "segment,stitch", "--task=0"], "--task goes with --only and one stage"),
        (["--task=0"], "--task goes with --only"),
    ],
)
def test_what_cannot_be_done_alone_is_one_line(toml, tmp_path, capsys, args, message):
    args = [str(toml), "--out", str(tmp_path / "run"), *args]
    assert pipeline.main(args) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(message.replace("(", r"\(").replace(")", r"\)"), said), said


def test_one_task_and_the_rest_of_the_stage(toml, tmp_path, capsys):
    out = str(tmp_path / "run")
    for again in (False, True):
        assert pipeline.main([str(toml), "--out", out, "--only", "segment", "--task=0"]) == 0
        assert ("already finished" in capsys.readouterr().out) == again
    assert pipeline.main([str(toml), "--out", out, "--only", "segment"]) == 0
    assert "segment    already finished" in capsys.readouterr().out
    record = json.loads((tmp_path / "run" / "run.json").read_text())["stages"]["segment"]
    assert record["tiles"]["r0_c0"]["seconds"] == record["seconds"] > 0


def test_jobs_of_the_stages(toml, capsys):
    args = [str(toml), "--out", "nowhere", "--stages", "--no-export"]
    assert pipeline.main(args) == 0
    jobs = json.loads(capsys.readouterr().out)["jobs"]
    assert [(job["name"], job["stages"], job["array"]) for job in jobs] == [
        ("tiles", ["segment"], True),
        ("stitch", ["classify", "stitch", "fuse"], False),
        ("export", ["report"], False),
    ]
    assert jobs[0]["tasks"] == ["r0_c0"]
    assert jobs[1]["args"] == ["--only", "classify,stitch,fuse"]
    for job in jobs:
        assert job["ranks"] >= 1
        assert job["memory_gb"] >= 1
        assert job["time_min"] >= 10


def test_what_is_wrong_is_told_before_jobs_are_made(toml, capsys):
    toml.write_text(TEXT.replace("9.0", "500.0"))
    assert pipeline.main([str(toml), "--stages"]) == 2
    assert "wider than the image" in capsys.readouterr().err

"""Tasks of an array: real processes that work in one folder at once, each on its tile."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pmap as pm
from pmap.apps import dataset, pipeline, simulate
from pmap.apps.simulate import SimulateSettings
from tests.apps.results import digests

ROOT = Path(__file__).resolve().parents[2]
GRID = SimulateSettings(grid=(1, 3), tile_vox=(12, 64, 64), diameter_um=8.0, overlap=0.3, seed=4)
TILES = ("r0_c0", "r0_c1", "r0_c2")
LIMIT_S = 120


@pytest.fixture(scope="module")
def toml(tmp_path_factory):
    return simulate.simulate(GRID, tmp_path_factory.mktemp("tasks") / "data")


@pytest.fixture(scope="module")
def whole(toml, tmp_path_factory):
    out = tmp_path_factory.mktemp("tasks") / "whole"
    return digests(pipeline.run_pipeline(dataset.load(toml), out).out)


@pytest.fixture
def begin():
    """Starts a pipeline process; all are gone at the end."""
    started = []

    def start(*args):
        job = subprocess.Popen(
            [sys.executable, "-m", "pmap.apps.pipeline", *map(str, args)], cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        started.append(job)
        return job

    yield start
    for job in started:
        job.kill()
        job.communicate()


def said(job, code=0):
    out = job.communicate(timeout=LIMIT_S)[0]
    assert job.returncode == code, out
    return out


def serials(out):
    ledger = pm.Ledger(out / ".pmap" / "done", root=out)
    return {tile: ledger.serial(f"segment {tile}") for tile in TILES}


def test_an_array_and_the_jobs_after_it_end_as_one_run_does(toml, whole, tmp_path, begin):
    """All tasks begin at the same moment, one of them twice; then each job of --stages."""
    out = tmp_path / "run"
    array, *after = json.loads(said(begin(toml, "--stages")))["jobs"]
    tasks = [*range(len(array["tasks"])), 1]
    lines = [
        said(j) for j in [begin(toml, "--out", out, *array["args"], "--task", k) for k in tasks]
    ]
    assert sum("already finished" in text for text in lines) == 1, lines
    before = serials(out)
    for job in after:
        assert "already finished" not in said(begin(toml, "--out", out, *job["args"]))
    assert digests(out) == whole
    assert "already finished" in said(begin(toml, "--out", out, *array["args"], "--task", "r0_c2"))
    assert serials(out) == before
    record = json.loads((out / "run.json").read_text())["stages"]["segment"]
    assert sorted(record["tiles"]) == list(TILES)
    assert record["seconds"] == pytest.approx(sum(t["seconds"] for t in record["tiles"].values()))


def test_a_task_that_was_killed_is_started_again(toml, whole, tmp_path, begin):
    out = tmp_path / "run"
    first = begin(toml, "--out", out, "--only", "segment", "--task", "0")
    end = time.monotonic() + LIMIT_S
    while not (out / ".pmap" / "tasks" / "r0_c0" / "lock").is_file():
        assert first.poll() is None, first.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    again = said(begin(toml, "--out", out, "--only", "segment", "--task", "0"))
    assert "waiting" not in again
    assert pm.Ledger(out / ".pmap" / "done", root=out).done("segment r0_c0")
    said(begin(toml, "--out", out))
    assert digests(out) == whole


def test_what_comes_after_the_array_names_the_tiles_that_are_missing(toml, tmp_path, begin):
    out = tmp_path / "run"
    said(begin(toml, "--out", out, "--only", "segment", "--task", "r0_c1"))
    text = said(begin(toml, "--out", out, "--only", "classify,coincide"), code=2)
    assert "classify needs segment to be finished in" in text
    assert "2 of 3 tiles are not (r0_c0, r0_c2)" in text
    assert text.count("\n") == 1

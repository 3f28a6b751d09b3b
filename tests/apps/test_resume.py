"""Kill and resume: a run that is cut off is completed, and finished tiles are not redone."""

import collections
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import pmap as pm
from tests.apps.results import digests

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
END_S = 10
START_S = 120


def prun(*args):
    command = [sys.executable, "-m", "pmap.launch.prun", "-n", "2", *map(str, args)]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def finish(job, limit_s=240):
    try:
        out = job.communicate(timeout=limit_s)[0]
    finally:
        kill_group(job)
    assert job.returncode == 0, out
    return out


def kill_group(job):
    try:
        os.killpg(job.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    job.wait()


def ranks_of(job):
    """Processes that run the app, deepest first."""
    tree = psutil.Process(job.pid).children(recursive=True)
    return [p for p in tree if not p.children() and "python" in p.name()]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiles") / "data"
    finish(prun("simulate", "--grid", 2, 2, "--tile", 24, 128, 128, "--out", folder))
    return folder / "dataset.toml"


@pytest.fixture(scope="module")
def whole(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run"
    finish(prun("pipeline", dataset, "--out", out))
    return out


def markers(out):
    return {p.name: p for p in (out / ".pmap" / "done").glob("*.json")}


def stamps(out):
    return {p.name: p.stat().st_mtime_ns for p in (out / "labels").glob("r*.h5")}


@pytest.mark.parametrize("after", ["segment%20r0_c0", "segment", "stitch", "fuse", "export"])
def test_a_killed_run_is_completed(dataset, whole, tmp_path, after):
    out = tmp_path / "run"
    job = prun("pipeline", dataset, "--out", out)
    try:
        kill_after(job, out, after)
        start = time.monotonic()
        job.communicate(timeout=END_S)
        assert time.monotonic() - start < END_S
        assert job.returncode != 0
    finally:
        kill_group(job)
    finished = {name for name in markers(out) if name.startswith("segment%20")}
    before = stamps(out)
    finish(prun("pipeline", dataset, "--out", out))
    tiles = [n.removeprefix("segment%20").replace(".json", ".h5") for n in finished]
    assert tiles, "nothing was finished when the rank was killed"
    assert {t: stamps(out)[t] for t in tiles} == {t: before[t] for t in tiles}
    for name in ("cells.csv", "placements.json", "scores.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()
    assert not [p for p in out.rglob(".*") if "part" in p.name]


def kill_after(job, out, marker):
    """SIGKILL one rank as soon as an item is finished."""
    wait_for(job, out, marker)
    ranks_of(job)[-1].send_signal(signal.SIGKILL)


def wait_for(job, out, marker):
    """Wait until an item is finished."""
    end = time.monotonic() + START_S
    while f"{marker}.json" not in markers(out):
        assert job.poll() is None, job.communicate()[0]
        assert time.monotonic() < end, f"no {marker} within {START_S} s"
        time.sleep(0.02)


def test_a_killed_launcher_takes_its_ranks_along(dataset, whole, tmp_path):
    out = tmp_path / "run"
    job = prun("pipeline", dataset, "--out", out)
    try:
        wait_for(job, out, "segment%20r0_c0")
        ranks = ranks_of(job)
        job.send_signal(signal.SIGKILL)
        gone, alive = psutil.wait_procs(ranks, timeout=END_S)
        assert not alive
    finally:
        kill_group(job)
    finish(prun("pipeline", dataset, "--out", out))
    for name in ("cells.csv", "placements.json", "scores.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_two_jobs_in_one_folder_do_the_work_once(dataset, whole, tmp_path):
    out = tmp_path / "run"
    jobs = [prun("pipeline", dataset, "--out", out) for _ in range(2)]
    try:
        said = [job.communicate(timeout=START_S)[0] for job in jobs]
    finally:
        for job in jobs:
            kill_group(job)
    codes = sorted(job.returncode for job in jobs)
    assert codes in ([0, 0], [0, 2]), said
    late = next(text for text in said if "already finished" in text or "another job" in text)
    assert late.count("already finished") in (0, 8)
    for name in ("cells.csv", "placements.json", "scores.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_a_finished_run_is_left_as_it_is(dataset, whole):
    before = {p: p.stat().st_mtime_ns for p in whole.rglob("*") if p.is_file()}
    said = finish(prun("pipeline", dataset, "--out", whole))
    after = {p: p.stat().st_mtime_ns for p in whole.rglob("*") if p.is_file()}
    assert "already finished" in said
    told = {"run.json", "lock", "ranks"}  # who works in the folder, and for how long
    assert {p: t for p, t in after.items() if p.name not in told} == {
        p: t for p, t in before.items() if p.name not in told
    }


# 25 tiles, killed at any moment

KILLS = 20
MOST_S = 25
SEED = 7
TILES = [f"r{row}_c{col}" for row in range(5) for col in range(5)]

PLANTED = {
    "labels": "labels/r2_c2.h5",
    "table": "tables/r1_c3.csv",
    "marker": ".pmap/done/segment%20r4_c0.json",
    "fused": "fused/dapi.h5",
    "cells": "cells.csv",
    "chunk": "precomputed/labels/*/0-*_0-*_0-*",
}
TILE_OF = {"labels": "r2_c2", "table": "r1_c3", "marker": "r4_c0"}
"""The tile that is lost with a planted file."""

planted_so_far = collections.Counter()


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A dataset of 25 small tiles, its run that nobody disturbed, and the seconds that it took."""
    folder = tmp_path_factory.mktemp("many")
    finish(prun("simulate", "--grid", 5, 5, "--tile", 12, 64, 64, "--diameter-um", 8,
                "--overlap", 0.2, "--out", folder / "data"))  # fmt: skip
    start = time.monotonic()
    finish(prun("pipeline", folder / "data" / "dataset.toml", "--out", folder / "whole"))
    took_s = time.monotonic() - start
    return folder / "data" / "dataset.toml", digests(folder / "whole"), took_s


def moments():
    """Shares of a run's duration: one at random in each twentieth."""
    draw = random.Random(SEED)
    return [(i + draw.random()) / KILLS for i in range(KILLS)]


def test_one_run_of_25_tiles_is_short_enough_to_be_killed_often(many):
    """Alone on the machine; where others work beside it the other tests only take longer."""
    assert many[2] < MOST_S * max(1.0, os.getloadavg()[0] / os.cpu_count())


@pytest.mark.parametrize(("number", "moment"), list(enumerate(moments())))
def test_a_run_killed_at_any_moment_ends_the_same(many, tmp_path, number, moment):
    dataset, expected, took_s = many
    out = tmp_path / "run"
    kill_at(prun("pipeline", dataset, "--out", out), moment * took_s, launcher=number % 2 == 0)
    before = finished_tiles(out)
    lost = {TILE_OF.get(kind) for kind in (plant_two(out) if number % 2 else ())}
    said = finish(prun("pipeline", dataset, "--out", out))
    after = finished_tiles(out)
    assert sorted(after) == sorted(TILES)
    redone = {tile for tile, was in before.items() if after[tile] != was}
    assert redone == lost & set(before), said
    assert digests(out) == expected
    assert not [p for p in out.rglob(".*") if "part" in p.name]


def test_nothing_truncated_is_accepted(many, tmp_path):
    dataset, expected, _ = many
    out = tmp_path / "run"
    finish(prun("pipeline", dataset, "--out", out))
    before = finished_tiles(out)
    for kind in PLANTED:
        plant(out, kind)
    said = finish(prun("pipeline", dataset, "--out", out))
    assert "already finished" in said  # stitch, which nothing was planted in
    after = finished_tiles(out)
    assert {t for t in TILES if after[t] != before[t]} == set(TILE_OF.values())
    assert digests(out) == expected


def kill_at(job, after_s, launcher):
    """SIGKILL the launcher, or one of its ranks, so many seconds after the start."""
    time.sleep(after_s)
    try:
        tree = psutil.Process(job.pid).children(recursive=True)
        ranks = [] if launcher else ranks_of(job)
        (random.Random(job.pid).choice(ranks) if ranks else job).send_signal(signal.SIGKILL)
        job.communicate(timeout=END_S)
        _, alive = psutil.wait_procs(tree, timeout=END_S)
        assert not alive
    except psutil.NoSuchProcess:
        pass  # it was ready, or ended just now
    finally:
        kill_group(job)
        job.communicate()


def finished_tiles(out):
    """Tiles that are finished: the serial of each, and when its labels were written."""
    ledger = pm.Ledger(out / ".pmap" / "done", root=out)
    return {
        tile: (ledger.serial(f"segment {tile}"), (out / "labels" / f"{tile}.h5").stat().st_mtime_ns)
        for tile in TILES
        if ledger.done(f"segment {tile}")
    }


def plant_two(out):
    """Truncate two files, of the kinds that were truncated least so far."""
    there = [kind for kind in PLANTED if any(out.glob(PLANTED[kind]))]
    chosen = sorted(there, key=lambda kind: planted_so_far[kind])[:2]
    for kind in chosen:
        plant(out, kind)
    return chosen


def plant(out, kind):
    path = next(out.glob(PLANTED[kind]))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    planted_so_far[kind] += 1

"""Kill and resume: a run that is cut off is completed, and finished tiles are not redone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

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

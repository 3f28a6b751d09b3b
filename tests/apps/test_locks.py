"""Two jobs never work in one folder; a dead one gives it back."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pmap import InputError
from pmap.apps import locks, runs

OTHER = """
import sys, time
from pmap.apps import runs
run = runs.{how}
print("mine", flush=True)
time.sleep(60)
"""
OPEN, FIND = "open_run(sys.argv[1], 'test', {})", "find_run(sys.argv[1])"
SHARE = "open_run(sys.argv[1], 'test', {}, shared=True)"


@pytest.fixture
def other():
    """Starts a process that has a folder."""
    started = []

    def start(out, how=OPEN):
        job = subprocess.Popen(
            [sys.executable, "-c", OTHER.format(how=how), str(out)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(job)
        assert job.stdout.readline() == "mine\n"
        return job

    yield start
    for job in started:
        job.kill()
        job.wait()
        job.stdout.close()


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    monkeypatch.setattr(locks, "PATIENCE_S", 0.2)


@pytest.mark.parametrize("how", [OPEN, FIND])
def test_a_folder_in_use_is_refused_with_the_process(other, tmp_path, how):
    runs.open_run(tmp_path / "run", "test", {})
    job = other(tmp_path / "run", how)
    for ask in (lambda: runs.open_run(tmp_path / "run", "test", {}),
                lambda: runs.find_run(tmp_path / "run")):  # fmt: skip
        with pytest.raises(InputError, match=f"another job works in .*run: process {job.pid} on"):
            ask()


def test_a_killed_job_loses_its_folder(other, tmp_path):
    job = other(tmp_path / "run")
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert runs.open_run(tmp_path / "run", "test", {}).out == tmp_path / "run"


def test_one_process_may_open_its_own_folder_again(tmp_path):
    first = runs.open_run(tmp_path / "run", "test", {})
    assert runs.find_run(tmp_path / "run") == first


def test_a_run_that_nobody_refers_to_is_given_back(other, tmp_path):
    run = runs.open_run(tmp_path / "run", "test", {})
    del run
    other(tmp_path / "run")


def test_the_next_job_waits_for_ranks_of_a_killed_one(tmp_path, monkeypatch):
    (tmp_path / "run" / ".pmap").mkdir(parents=True)
    rank = subprocess.Popen(
        [sys.executable, "-c",
         "import fcntl, os, sys, time\n"
         "d = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
         "fcntl.flock(d, fcntl.LOCK_SH); print('mine', flush=True); time.sleep(1)",
         str(tmp_path / "run" / ".pmap" / locks.RANKS)],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    with rank:
        rank.stdout.readline()
        with pytest.raises(InputError, match="ranks of an earlier job"):
            runs.open_run(tmp_path / "run", "test", {})
        monkeypatch.setattr(locks, "PATIENCE_S", 20.0)
        start = time.monotonic()
        runs.open_run(tmp_path / "run", "test", {})
        assert time.monotonic() - start < 20


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_no_descriptor_is_left_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        runs.open_run(tmp_path / "run", "test", {})
    assert len(os.listdir("/proc/self/fd")) == before


def share(out):
    return runs.open_run(out, "test", {}, shared=True)


def test_tasks_share_a_folder_that_no_job_has(other, tmp_path):
    out = tmp_path / "run"
    other(out, SHARE)
    mine = share(out)
    other(out, SHARE)
    del mine
    with pytest.raises(InputError, match="another job works in"):
        runs.open_run(out, "test", {})


def test_a_task_does_not_work_beside_a_job(other, tmp_path):
    job = other(tmp_path / "run")
    with pytest.raises(InputError, match=f"another job works in .*run: process {job.pid} on"):
        share(tmp_path / "run")


def test_a_job_has_the_folder_when_its_tasks_are_dead(other, tmp_path):
    jobs = [other(tmp_path / "run", SHARE) for _ in range(2)]
    for job in jobs:
        job.send_signal(signal.SIGKILL)
        job.wait()
    assert runs.open_run(tmp_path / "run", "test", {}).out == tmp_path / "run"


def test_a_process_that_shares_does_not_have_the_folder_alone(tmp_path):
    mine = share(tmp_path / "run")
    with pytest.raises(InputError, match="another job works in"):
        runs.open_run(tmp_path / "run", "test", {})
    del mine
    assert runs.open_run(tmp_path / "run", "test", {})


TILE = """
import sys, time
from pathlib import Path
from pmap.apps import locks
state = Path(sys.argv[1])
state.mkdir(parents=True, exist_ok=True)
locks.own(state, waiting=lambda owner: print("waits for", owner, flush=True))
held = locks.hold(state)
print("mine", flush=True)
time.sleep(60)
"""


def test_a_task_waits_for_the_one_that_does_its_tile(tmp_path):
    jobs = []
    try:
        for _ in range(2):
            jobs.append(
                subprocess.Popen([sys.executable, "-c", TILE, str(tmp_path / "tasks" / "r0_c0")],
                                 stdout=subprocess.PIPE, text=True)
            )  # fmt: skip
            if len(jobs) == 1:
                assert jobs[0].stdout.readline() == "mine\n"
        assert jobs[1].stdout.readline().startswith(f"waits for process {jobs[0].pid} on ")
        assert locks._owner(tmp_path).startswith(f"task r0_c0 (process {jobs[0].pid} on ")
        jobs[0].send_signal(signal.SIGKILL)
        jobs[0].wait()
        start = time.monotonic()
        assert jobs[1].stdout.readline() == "mine\n"
        assert time.monotonic() - start < 5
    finally:
        for job in jobs:
            job.kill()
            job.communicate()


TASK = """
import sys
from pmap.apps import runs
settings = {"tile": "any", "diameter_um": float(sys.argv[2])}
print("ready", flush=True)
sys.stdin.readline()
run = runs.open_run(sys.argv[1], "test", settings, fixed=("tile",), shared=True)
run.finish(f"tile {sys.argv[3]}", [], number=int(sys.argv[3]))
"""


def begin_together(out, diameter, count):
    """Processes that open one run at the same moment, and what they said."""
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", TASK, str(out), str(diameter), str(n)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for n in range(count)
    ]  # fmt: skip
    try:
        for job in jobs:
            assert job.stdout.readline() == "ready\n", job.stderr.read()
        for job in jobs:
            job.stdin.write("\n")
            job.stdin.flush()
        said = [job.communicate(timeout=60)[1] for job in jobs]
        assert [job.returncode for job in jobs] == [0] * count, said
    finally:
        for job in jobs:
            job.kill()
            job.communicate()


def test_25_tasks_begin_a_run_at_the_same_moment(tmp_path):
    out = tmp_path / "run"
    begin_together(out, 8.0, 25)
    assert not list(out.rglob(".part-*"))
    begin_together(out, 9.0, 5)  # and again, with a setting that changed
    run = runs.find_run(out)
    assert runs.settings_of(run)["diameter_um"] == 9.0
    assert [run.facts(f"tile {n}")["number"] for n in range(25)] == list(range(25))


def test_a_task_leaves_alone_what_another_is_writing(other, tmp_path):
    out = tmp_path / "run"
    other(out, SHARE)
    half = out / "labels" / ".r0_c0.h5.part"
    half.parent.mkdir()
    half.write_bytes(b"half")
    mine = share(out)
    assert half.exists()
    del mine

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

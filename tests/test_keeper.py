"""The process that keeps a rank: codes, signals, last words; real processes, no MPI."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pmap.ranks.blackbox import MOST, Box

ROOT = Path(__file__).resolve().parents[1]
KEPT = (
    "import atexit, os, signal, sys, time\n"
    "from pmap import keeper\n"
    "from pmap.ranks import blackbox\n"
    "keeper.keep(4)\n"
    "atexit.register(blackbox.leave)\n"
)
CALL = "blackbox.box.note(('barrier', 'a b.py', 7))\n"


def start(text: str) -> subprocess.Popen:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PMI", "SLURM", "OMPI"))}
    env |= {"PMI_RANK": "2", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", KEPT + text],
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(text: str) -> tuple[int, str, str]:
    with start(text) as process:
        out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("code", [0, 7])
def test_a_rank_that_ends_in_order_says_nothing(code):
    assert run(f"print('here')\nsys.exit({code})\n") == (code, "here\n", "")


@pytest.mark.parametrize(("code", "job"), [(0, 1), (3, 3)])
def test_a_rank_that_vanishes_is_told_with_its_last_call(code, job):
    ended, _, err = run(f"{CALL}os._exit({code})\n")
    assert ended == job
    assert f"rank 2 of 4 left with code {code}" in err
    assert "its last pmap call: barrier at a b.py:7" in err


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT"])
def test_a_rank_that_is_killed_is_told_with_the_signal(name):
    number = int(getattr(signal, name))
    ended, _, err = run(f"{CALL}os.kill(os.getpid(), {number})\ntime.sleep(20)\n")
    assert ended == 128 + number
    assert f"rank 2 of 4 was killed by signal {number} ({name})" in err
    assert "barrier at a b.py:7" in err
    assert ("out of memory" in err) == (name == "SIGKILL")


def test_a_rank_without_a_call_is_told_so():
    assert "it had made no call of pmap" in run("os._exit(1)\n")[2]


def test_a_rank_that_gives_up_has_said_why_itself():
    text = "blackbox.box.give_up()\nos._exit(5)\n"
    assert run(text) == (5, "", "")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_signals_are_handed_on(name):
    text = (
        f"signal.signal(signal.{name}, lambda *_: sys.exit(9))\n"
        "print('ready', flush=True)\ntime.sleep(20)\n"
    )
    with start(text) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(getattr(signal, name))
        assert process.wait(timeout=10) == 9
        assert process.stderr.read() == ""


def test_a_rank_dies_with_its_keeper():
    with start("print(os.getpid(), flush=True)\ntime.sleep(30)\n") as process:
        rank = int(process.stdout.readline())
        process.kill()
        end = time.monotonic() + 1.0
        while lives(rank) and time.monotonic() < end:
            time.sleep(0.01)
        assert not lives(rank)


def lives(process: int) -> bool:
    """Whether it runs; one that is dead may wait for its new parent to look."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_the_box_keeps_the_last_of_many_calls():
    box = Box()
    for line in range(3 * MOST):
        box.note(("f", "a.py", line))
        assert box.last == f"f at a.py:{line}"
    box.note(("f", "a.py", 2 * MOST + 1))
    assert box.last == f"f at a.py:{2 * MOST + 1}"


def test_a_long_path_keeps_its_end():
    box = Box()
    box.note(("f", "/x" * 600 + "/program.py", 12))
    assert box.last.endswith("/program.py:12") and len(box.last) < 520

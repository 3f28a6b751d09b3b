"""How far a run is: plain lines where nobody looks at a terminal."""

import re
import time

import pytest

from pmap.apps import progress


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    monkeypatch.delenv(progress.TERMINAL, raising=False)
    monkeypatch.setenv("PMAP_PROGRESS_S", "0.1")


def test_a_line_every_so_often_and_one_at_the_end(capsys):
    finished = iter([3, 12, *[25] * 99])
    with progress.shown("segment", 25, lambda: next(finished)):
        time.sleep(0.35)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["segment    3 of 25 tiles, 0 s", "segment    12 of 25 tiles, 0 s"]
    assert re.fullmatch(r"segment    25 tiles, 0\.[3-9] s", lines[-1])
    assert 3 <= len(lines) <= 5
    time.sleep(0.2)
    assert capsys.readouterr().out == ""


def test_a_stage_that_is_done_at_once(capsys):
    with progress.shown("fuse"):
        time.sleep(0.15)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "fuse       0 s"
    assert re.fullmatch(r"fuse       0\.\d s", lines[-1])


def test_lines_end_with_a_stage_that_fails(capsys):
    with pytest.raises(RuntimeError), progress.shown("fuse"):
        raise RuntimeError
    time.sleep(0.2)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("wrong", ["", "often", "0", "-1", "nan"])
def test_a_time_that_is_none_is_the_usual_one(monkeypatch, wrong):
    monkeypatch.setenv("PMAP_PROGRESS_S", wrong)
    assert progress.interval_s() == 30.0


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv(progress.TERMINAL, "70")
    with progress.shown("segment", 25, lambda: 12):
        time.sleep(0.4)
    said = capsys.readouterr().out
    assert "25/25" in said
    assert "tiles" not in said

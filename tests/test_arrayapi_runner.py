"""The runner of the standard's suite: what it says where a job dies, or ranks do not agree."""

import importlib.util
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "conformance"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = load("run")
in_step = load("in_step")


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def outcome(test, value, words=""):
    return {"test": test, "outcome": value, "words": words}


def test_a_job_that_ends_leaves_no_test_under_way(tmp_path):
    outcomes = {}
    file = lines(tmp_path / "r", outcome("a", "started"), outcome("a", "passed"))
    assert run.read(file, outcomes) is None
    assert outcomes["a"]["outcome"] == "passed"


def test_a_job_that_dies_names_its_test_and_later_skips_change_nothing(tmp_path):
    outcomes = {}
    file = lines(
        tmp_path / "r", outcome("a", "started"), outcome("a", "failed"), outcome("b", "started")
    )
    assert run.read(file, outcomes) == "b"
    again = lines(
        tmp_path / "s",
        *(outcome(t, o) for t, o in [("a", "started"), ("a", "skipped"), ("c", "started")]),
        outcome("c", "passed"),
    )
    assert run.read(again, outcomes) is None
    assert {test: line["outcome"] for test, line in outcomes.items()} == {
        "a": "failed",
        "c": "passed",
    }


def test_a_job_that_did_not_start_is_told(tmp_path):
    with pytest.raises(SystemExit, match="did not start"):
        run.read(tmp_path / "none", {})


def test_what_fails_for_numpy_too_is_no_failure(capsys):
    both = {"g/test_x.py::a": outcome("a", "failed"), "g/test_x.py::b": outcome("b", "passed")}
    assert run.report({"numpy": both, "pmap np 2": both}) == 0
    worse = {**both, "g/test_x.py::b": outcome("b", "died", "code 1")}
    assert run.report({"numpy": both, "pmap np 2": worse}) == 1
    said = capsys.readouterr().out
    assert "g/test_x.py::b" in said
    assert "0/2/0" in said


def test_ranks_agree():
    assert in_step.judged([("passed", "ab", ""), ("passed", "ab", "")]) is None
    assert in_step.judged([("passed", "ab", ""), ("failed", "ab", "KeyError: 3")]) == (
        "rank 1: KeyError: 3"
    )
    assert "differently" in in_step.judged([("passed", "ab", ""), ("invalid", "ab", "")])
    assert "differently" in in_step.judged([("passed", "ab", ""), ("passed", "cd", "")])


def test_draws_follow_from_test_and_example_alone():
    draws = in_step.Draws()
    draws.start("t")
    first = [draws.next().random() for _ in range(3)]
    draws.start("u")
    other = draws.next().random()
    draws.start("t")
    assert first == [draws.next().random() for _ in range(3)]
    assert other not in first
    assert len(set(first)) == 3

"""A job that is watched: lines where there is no terminal, a table where there is one."""

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pmap.launch import folders, live, logs, tables, waiting
from pmap.launch.job import Job
from pmap.launch.records import Record, Stage
from pmap.launch.states import Row, Task

ROOT = Path(__file__).resolve().parents[2]


def rows(*states: str) -> list[Row]:
    tiles = tuple(Task(i, s, 2.0, 7 if s == "failed" else None) for i, s in enumerate(states))
    running = "running" if {"running", "waiting"} & set(states) else "failed"
    running = running if set(states) != {"done"} else "done"
    return [
        Row("tiles", running, tiles, 4.0),
        Row("stitch", "waiting", (Task(None, "waiting"),), 0),
    ]


LOOKS = [rows("running", "waiting"), rows("done", "running"), rows("done", "failed")]
LOOKS[-1][1] = Row("stitch", "never run", (Task(None, "never run", note="it cannot"),), 0)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(live.time, "sleep", lambda seconds: None)


def test_a_line_is_written_when_a_stage_changes_and_from_time_to_time(quick, monkeypatch):
    clock = iter(range(0, 1000, 5))  # asked twice at each look: they are 10 s apart
    monkeypatch.setattr(live.time, "monotonic", lambda: float(next(clock)))
    out = io.StringIO()
    looks = iter([LOOKS[0]] * 8 + LOOKS[1:])
    last = live.watch(lambda: next(looks), "pRUN: p-1", out)
    lines = out.getvalue().splitlines()
    assert last == LOOKS[-1]
    assert lines[0] == "pRUN: p-1: tiles 0 of 2 done, 1 running 4 s; stitch waiting"
    assert lines[-1] == "pRUN: p-1: tiles 1 of 2 done, 1 failed 4 s; stitch never run"
    assert len(lines) == 4  # at 0, 30 and 60 s, and at the end


def test_a_terminal_gets_a_table(tmp_path):
    pytest.importorskip("rich")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import test_live as t\n"
        "t.live.time.sleep = lambda seconds: None\n"
        "looks = iter(t.LOOKS)\n"
        "t.live.watch(lambda: next(looks), 'pRUN: p-1', sys.stdout)\n"
    )
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", program, str(Path(__file__).parent)]
    env = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
    try:
        process = subprocess.Popen(command, stdout=theirs, env=env, cwd=ROOT)
        os.close(theirs)
        text = read_all(ours)
        assert process.wait(timeout=30) == 0
    finally:
        os.close(ours)
    assert "stage" in text and "seconds" in text
    assert "1 of 2 done, 1 failed" in text and "never run" in text
    assert "task 1: code 7" in text


def read_all(descriptor: int) -> str:
    found = b""
    while True:
        try:
            more = os.read(descriptor, 4096)
        except OSError:  # Linux says so when nobody writes any more
            break
        if not more:
            break
        found += more
    return found.decode()


def test_a_table_of_a_job_reads_well():
    lines = tables.aligned(tables.stages(LOOKS[-1]))
    assert lines == [
        "stage   state                  seconds",
        "tiles   1 of 2 done, 1 failed  4.0      task 1: code 7",
        "stitch  never run              -        it cannot",
    ]


def test_the_last_words_are_those_of_the_first_task_that_failed(tmp_path):
    folder = folders.Folder(tmp_path)
    (tmp_path / "logs").mkdir()
    folder.log("tiles_0").write_text("fine\n")
    folder.log("tiles_1").write_text("one\ntwo\nbroken\n")
    head, *said = waiting.last_words(folder, LOOKS[-1], 2)
    assert f"pRUN logs {tmp_path.name} tiles_1" in head
    assert said == ["  | two", "  | broken"]
    assert waiting.last_words(folder, LOOKS[0], 2) == []


def test_a_growing_log_is_shown_whole_and_once(tmp_path, capsys):
    path = tmp_path / "a.log"
    whole = "première ligne\n".encode()
    pieces = iter([whole[:4], whole[4:], b""])  # è is cut in two
    path.touch()

    def ended() -> bool:
        piece = next(pieces)
        with path.open("ab") as file:
            file.write(piece)
        return not piece

    logs.follow({"a": path}, ended)
    assert capsys.readouterr().out == "première ligne\n"


def test_logs_of_several_tasks_have_their_names_above(tmp_path, capsys):
    folder = folders.Folder(tmp_path)
    (tmp_path / "logs").mkdir()
    for i in range(2):
        folder.log(f"tiles_{i}").write_text(f"of {i}\n")
    job = Job(("a.py",), name="tiles", array="0-2")
    logs.show(logs.chosen(folder, Record("slurm", (), (Stage(job),))))
    assert capsys.readouterr().out == "== tiles_0\nof 0\n== tiles_1\nof 1\n"

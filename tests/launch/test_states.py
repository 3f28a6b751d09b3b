"""How far a job is: what squeue printed, as captured, and the records that the job left."""

import json
import time

import pytest

from pmap.launch import states, tables
from pmap.launch.errors import JobError
from pmap.launch.folders import Folder
from pmap.launch.job import Job
from pmap.launch.records import Record, Stage
from pmap.launch.states import parse_accounts, parse_queue
from pmap.launch.submit import Answer

QUEUE = """\
64|N/A|CANCELLED|0:00|DependencyNeverSatisfied||
63|4|COMPLETED|0:01|None|n1
63|5|PENDING|0:00|JobArrayTaskLimit|
63|3|RUNNING|1-02:03:04|None|n1
63|2|FAILED|0:01|NonZeroExitCode|n1
63|1|TIMEOUT|1:00|TimeLimit|n1
63|0|OUT_OF_MEMORY|0:02|OutOfMemory|n1
65|N/A|COMPLETING|0:07|None|n[1-4]
66|N/A|PENDING|0:00|AssocMaxJobsLimit|
"""
UNKNOWN = Answer(1, "", "slurm_load_jobs error: Invalid job id specified\n")


@pytest.fixture
def folder(tmp_path):
    for name in ("logs", "ended"):
        (tmp_path / name).mkdir()
    return Folder(tmp_path)


def record(*stages: Stage) -> Record:
    return Record("slurm", ("pRUN", "a.py"), stages)


def array(numbers: str = "0-2", job_id: str = "63") -> Stage:
    return Stage(Job(("a.py",), array=numbers, name="tiles", time_min=10), id=job_id)


def end(folder: Folder, part: str, code: int = 0, seconds: float = 2.5, at: float = 100.0) -> None:
    facts = {"code": code, "seconds": seconds, "ended_ms": round(at * 1000), "node": "n1"}
    folder.write_end(part, {**facts, "attempt": 1})


def look(folder: Folder, asked: Record, text: str | Answer = "") -> list[states.Row]:
    answer = text if isinstance(text, Answer) else Answer(0, text, "")
    return states.rows(folder, asked, lambda command: answer)


def test_what_squeue_says_is_read():
    found = parse_queue(QUEUE)
    words = {key: task.state for key, task in found.items()}
    assert words == {
        ("64", ""): "never run", ("63", "4"): "done", ("63", "5"): "waiting",
        ("63", "3"): "running", ("63", "2"): "failed", ("63", "1"): "time limit",
        ("63", "0"): "out of memory", ("65", ""): "running", ("66", ""): "waiting",
    }  # fmt: skip
    assert found["63", "3"].seconds == 93784
    assert found["63", "5"].note == "as many run as may"
    assert found["66", ""].note == "AssocMaxJobsLimit"
    assert "did not end well" in found["64", ""].note


def test_what_sacct_says_is_read():
    text = "63_2|FAILED|7:0|12\n63_[3-5]|PENDING|0:0|0\n64|CANCELLED by 0|0:15|3\nwarning\n"
    found = parse_accounts(text)
    assert {k: (t.state, t.code, t.seconds) for k, t in found.items()} == {
        ("63", "2"): ("failed", 7, 12.0), ("64", ""): ("cancelled", 0, 3.0),
    }  # fmt: skip


def test_an_array_is_counted(folder):
    end(folder, "tiles_0", at=100.0)
    end(folder, "tiles_1", code=7, at=101.0)
    (row,) = look(folder, record(array()), "63|2|PENDING|0:00|Resources|\n63|1|FAILED|0:01|x|n1\n")
    assert (row.state, row.done, row.code) == ("running", 1, 7)
    assert tables.state(row) == "1 of 3 done, 1 failed"
    assert tables.remark(row) == "task 1: code 7"
    assert row.seconds == pytest.approx(3.5)


def test_a_pause_between_attempts_is_no_time_of_work(folder):
    end(folder, "tiles_0", seconds=10, at=1000.0)
    end(folder, "tiles_1", seconds=10, at=1005.0)
    end(folder, "tiles_2", seconds=4, at=90000.0)
    (row,) = look(folder, record(array()), UNKNOWN)
    assert (row.state, row.seconds) == ("done", pytest.approx(19.0))
    assert states.exit_code([row]) == 0 and states.overall([row]) == "done"


def test_records_count_where_slurm_has_forgotten(folder):
    end(folder, "tiles_0")
    end(folder, "tiles_2", code=3)
    (row,) = look(folder, record(array()), UNKNOWN)
    assert [t.state for t in row.tasks] == ["done", "lost", "failed"]
    assert states.unfinished([row]) == {"tiles": [1, 2]}
    assert states.exit_code([row]) == 3


def test_an_end_that_only_slurm_tells_of_is_kept(folder):
    asked = record(array("0"), Stage(Job(("b.py",), name="stitch"), "tiles", id="64"))
    before = look(folder, asked, QUEUE)
    assert [r.state for r in before] == ["out of memory", "never run"]
    after = look(folder, asked, UNKNOWN)
    assert [(r.state, r.code) for r in after] == [("out of memory", 137), ("never run", 1)]
    assert "did not end well" in tables.remark(after[1])


def test_what_slurm_kept_of_an_earlier_attempt_does_not_count(folder):
    look(folder, record(array("0")), QUEUE)
    end(folder, "tiles_0")
    (row,) = look(folder, record(array("0", job_id="70")), UNKNOWN)
    assert row.state == "done"


def test_slurm_wins_over_a_record_while_a_task_runs_again(folder):
    end(folder, "tiles_3", code=143)
    (row,) = look(folder, record(array("3")), QUEUE)
    assert row.state == "running"


@pytest.mark.parametrize(("seconds", "state"), [(545.0, "time limit"), (20.0, "failed")])
def test_a_rank_that_was_warned_of_the_limit_of_time_says_so(folder, seconds, state):
    end(folder, "tiles_2", code=143, seconds=seconds)
    (row,) = look(folder, record(array("2")), QUEUE)
    assert (row.state, row.code) == (state, 143)


def test_a_job_that_left_nothing_is_lost(folder):
    (row,) = look(folder, record(array("7")), UNKNOWN)
    assert (row.state, states.exit_code([row])) == ("lost", 1)


def test_accounting_is_asked_for_what_nobody_else_knows(folder):
    asked = []

    def ask(command):
        asked.append(command[0])
        return UNKNOWN if command[0] == "squeue" else Answer(0, "63_7|TIMEOUT|0:15|61\n", "")

    (row,) = states.rows(folder, record(array("7")), ask)
    assert (row.state, asked) == ("time limit", ["squeue", "sacct"])
    end(folder, "tiles_7")
    states.rows(folder, record(array("7")), ask)
    assert asked[2:] == ["squeue"]


def test_a_controller_that_does_not_answer_is_told(folder):
    answer = Answer(1, "", "slurm_load_jobs error: Unable to contact slurm controller\n")
    with pytest.raises(JobError, match="squeue says: slurm_load_jobs error: Unable"):
        look(folder, record(array()), answer)


def test_a_job_of_this_machine_is_its_lock_and_its_record(folder):
    asked = Record("local", ("pRUN",), (Stage(Job(("a.py",))),), when=time.time() - 5)
    (row,) = states.rows(folder, asked)
    assert (row.state, "resume" in tables.remark(row)) == ("lost", True)
    end(folder, "a", code=9)
    (row,) = states.rows(folder, asked)
    assert (row.state, row.code) == ("failed", 9)
    folder.write_end("a", {**folder.end("a"), "cancelled": True})
    assert states.rows(folder, asked)[0].state == "cancelled"
    lock = folder.lock()
    assert lock is not None
    (row,) = states.rows(folder, asked)
    assert row.state == "running" and 4 < row.seconds < 60


def test_a_record_is_read_as_it_was_written(folder):
    asked = record(array(), Stage(Job(("b.py",), ("é",)), "tiles", id="64"))
    folder.write(asked)
    assert folder.read() == asked
    plain = json.loads((folder.path / "job.json").read_text())
    (folder.path / "job.json").write_text(json.dumps({**plain, "schema": 99}))
    with pytest.raises(JobError, match="another version"):
        folder.read()

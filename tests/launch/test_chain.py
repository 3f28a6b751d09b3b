"""An app that is run in parts: what it answers, and the jobs that are made of it."""

import json
import sys
from pathlib import Path

import pytest

from pmap.launch import chain
from pmap.launch.choices import gather
from pmap.launch.errors import JobError
from pmap.launch.submit import Answer

TARGET = ("-m", "pmap.apps.pipeline")
ARGS = ["d.toml", "--out", "run"]
JOBS = [
    {"name": "tiles", "stages": ["segment"], "tasks": ["r0_c0", "r0_c1", "r0_c2"],
     "args": ["--only", "segment"], "array": True, "ranks": 1, "memory_gb": 1.5, "time_min": 20},
    {"name": "stitch", "stages": ["classify", "stitch"], "tasks": ["stitch"],
     "args": ["--only", "classify,stitch"], "array": False, "ranks": 2, "memory_gb": 4,
     "time_min": 30},
    {"name": "export", "stages": ["export"], "tasks": ["export"], "args": ["--only", "export"],
     "array": False, "ranks": 1, "memory_gb": 1, "time_min": 10},
]  # fmt: skip


PLAIN = json.dumps({"jobs": JOBS})


@pytest.fixture(autouse=True)
def no_site(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def made(told=None, job_file: Path | None = None):
    sources = gather({"slurm": True, **(told or {})}, job_file)
    return [stage for stage, _ in chain.read(JOBS, sources, TARGET, ARGS)]


def test_each_stage_is_a_job_after_the_one_before():
    tiles, stitch, export = made({"max_at_once": "2"})
    assert [s.after for s in (tiles, stitch, export)] == ["", "tiles", "stitch"]
    assert tiles.job.args == (*ARGS, "--only", "segment", "--task", "{task}")
    assert tiles.job.array == "0-2%2"
    assert tiles.tasks == ("r0_c0", "r0_c1", "r0_c2")
    assert tiles.parts() == ["tiles_0", "tiles_1", "tiles_2"]
    assert stitch.job.args == (*ARGS, "--only", "classify,stitch")
    assert (stitch.job.array, stitch.tasks, stitch.parts()) == (None, (), ["stitch"])
    assert (stitch.job.ranks, stitch.job.memory_gb, stitch.job.time_min) == (2, 4, 30)
    assert {s.job.target for s in (tiles, stitch, export)} == {TARGET}


def test_the_files_tables_size_single_stages(tmp_path):
    job_file = tmp_path / "job.toml"
    job_file.write_text("memory_gb = 2\n[stage.stitch]\nmemory_gb = 8\ntriples = [2, 4]\n")
    tiles, stitch, export = made({"time_min": "5"}, job_file)
    assert [s.job.memory_gb for s in (tiles, stitch, export)] == [2, 8, 2]
    assert [s.job.ranks for s in (tiles, stitch, export)] == [1, 8, 1]
    assert [s.job.time_min for s in (tiles, stitch, export)] == [5, 5, 5]


def test_a_table_of_no_stage_is_refused_with_the_right_one(tmp_path):
    job_file = tmp_path / "job.toml"
    job_file.write_text("[stage.stich]\nmemory_gb = 8\n")
    with pytest.raises(JobError, match="no stage 'stich'.*did you mean 'stitch'"):
        made({}, job_file)
    sources = gather({"slurm": True}, job_file)
    with pytest.raises(JobError, match=r"\[stage.stich\], but this program is one stage"):
        chain.stages(sources, ("a.py",), [])


def test_the_app_is_asked_with_its_arguments():
    asked = []

    def ask(command):
        asked.append(command)
        return Answer(0, PLAIN, "")

    assert chain.listed(TARGET, ARGS, ask) == JOBS
    assert asked == [[sys.executable, *TARGET, *ARGS, "--stages"]]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(2, "", "pipeline: d.toml: no such file\n"), "d.toml: no such file"),
        (Answer(2, "", "error: argument --rule: no\n"), "argument --rule: no"),
        (Answer(0, "no JSON", ""), "does not tell what can be submitted"),
        (Answer(0, '{"jobs": []}', ""), "does not tell"),
        (Answer(0, '{"jobs": [{"name": "tiles"}]}', ""), "does not tell"),
    ],
)
def test_an_app_that_refuses_is_heard(answer, says):
    with pytest.raises(JobError) as error:
        chain.listed(TARGET, ARGS, lambda command: answer)
    assert says in str(error.value)
    assert not str(error.value).startswith(("error", "pipeline"))


def test_a_chain_without_a_folder_is_refused():
    with pytest.raises(JobError, match="give the folder of the run with --out"):
        chain.listed(TARGET, ["d.toml"], lambda command: pytest.fail("asked"))
    assert chain.listed(TARGET, ["d.toml", "--out=r"], lambda c: Answer(0, PLAIN, ""))


def test_another_program_is_one_stage():
    ((stage, chosen),) = chain.stages(gather({"ranks": "3"}, None), ("my-file.py",), ["x"])
    assert (stage.name, stage.job.ranks, stage.job.args) == ("my-file", 3, ("x",))
    assert chosen["ranks"].source == "command line"

"""The first that says wins: command line, variables, the job's file, the site's, the app."""

import subprocess
import sys
from pathlib import Path

import pytest

from pmap.launch.choices import explain, gather, job_of, read_file, variables
from pmap.launch.errors import JobError
from pmap.launch.options import BY_KEY, OPTIONS, OTHER_VARIABLES, minutes, value_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def site(tmp_path, monkeypatch):
    """A site's file that is empty, and no variables from outside."""
    for option in OPTIONS:
        for name in option.variables:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = tmp_path / "config" / "pmap" / "site.toml"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


@pytest.fixture
def job_file(tmp_path):
    return tmp_path / "job.toml"


def chosen(told=None, job_file=None, stage="", suggested=None):
    found = gather(told or {}, job_file).choose(stage, suggested)
    return {key: (choice.value, choice.source) for key, choice in found.items()}


def test_each_source_wins_over_those_after_it(site, job_file, monkeypatch):
    suggested = {"time_min": 1, "memory_gb": 1.5, "ranks": 2}
    assert chosen(suggested=suggested)["time_min"] == (1, "the app")
    site.write_text("time_min = 2\nslurm = true\n")
    assert chosen(suggested=suggested)["time_min"] == (2.0, f"{site}: time_min")
    job_file.write_text('time_min = 3\n[stage.tiles]\ntime_min = "4"\n')
    assert chosen(job_file=job_file)["time_min"] == (3.0, f"{job_file}: time_min")
    where = f"{job_file} [stage.tiles]: time_min"
    assert chosen(job_file=job_file, stage="tiles")["time_min"] == (4.0, where)
    monkeypatch.setenv("PMAP_TIME", "5")
    told = chosen(job_file=job_file, stage="tiles")
    assert told["time_min"] == (5.0, "variable PMAP_TIME")
    told = chosen({"time_min": "6"}, job_file, "tiles", suggested)
    assert told["time_min"] == (6.0, "command line")
    assert told["memory_gb"] == (1.5, "the app")
    assert told["slurm"] == (True, f"{site}: slurm")


def test_ranks_and_triples_are_one_choice(site):
    site.write_text("triples = [4, 2, 3]\n")
    job = job_of(gather({}, None).choose(), ("a.py",), [])
    assert (job.nodes, job.ranks_per_node, job.ranks, job.threads_per_rank) == (4, 2, 8, 3)
    found = gather({"ranks": "3"}, None).choose()
    assert "triples" not in found and found["ranks"].value == 3
    site.write_text("ranks = 9\n")
    assert "ranks" not in gather({"triples": "1,2"}, None).choose()


def test_threads_of_a_nearer_source_win_over_those_of_triples(site):
    site.write_text("triples = [1, 2, 3]\n")
    job = job_of(gather({"threads_per_rank": "5"}, None).choose(), ("a.py",), [])
    assert (job.ranks, job.threads_per_rank) == (2, 5)


def test_options_of_slurm_mean_nothing_on_this_machine(site):
    site.write_text('partition = "long"\ntime_min = 5\nmodules = ["gcc"]\narray = "0-3"\n')
    job = job_of(gather({}, None).choose(), ("a.py",), [])
    assert (job.partition, job.time_min, job.modules, job.array) == (None, None, (), None)
    job = job_of(gather({"slurm": True}, None).choose(), ("a.py",), [])
    assert (job.partition, job.time_min, job.modules) == ("long", 5.0, ("gcc",))


@pytest.mark.parametrize(
    ("array", "at_once", "text"),
    [("0-9", "3", "0-9%3"), ("0-9%2", "3", "0-9%2"), ("0-9", None, "0-9")],
)
def test_max_at_once_limits_an_array_that_has_no_limit(array, at_once, text):
    told = {"slurm": True, "array": array, "max_at_once": at_once}
    assert job_of(gather(told, None).choose(), ("a.py",), []).array == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("partiton = 'x'", "did you mean 'partition'"),
        ("time = 5", "did you mean 'time_min'"),
        ("ranks = 'many'", "must be a whole number"),
        ("ranks = true", "must be a whole number"),
        ("check = 'maybe'", "must be 1 or 0"),
        ("ranks = ", "is no TOML"),
        ("ranks = 2\ntriples = [1, 2]", "one of the two"),
        ("triples = [1, 2, 3]\nthreads_per_rank = 2", "twice"),
        ("[stage.tiles]\nrank = 2", "[stage.tiles]: there is no option 'rank'"),
        ("stage = 3", "one for each stage"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_what_is_right(job_file, text, says):
    job_file.write_text(text)
    with pytest.raises(JobError) as error:
        gather({}, job_file)
    assert says in str(error.value) and str(job_file) in str(error.value)


def test_a_misspelled_variable_is_refused_with_the_right_one():
    with pytest.raises(JobError, match="did you mean PMAP_PARTITION"):
        variables({"PMAP_PARTITON": "x"})
    assert variables({"PMAP_ELSEWHERE_SERVER": "x", "PMAP_WAIT_S": "3", "OTHER": "x"}) == {}
    with pytest.raises(JobError, match="PMAP_TIME is 'soon'; it must be minutes"):
        variables({"PMAP_TIME": "soon"})


def test_a_variable_of_the_ranks_is_an_option_too():
    assert variables({"PMAP_MEMORY_GB": "2"})["memory_gb"].value == 2.0
    assert variables({"PMAP_MEMORY_GB": "2", "PMAP_MEMORY": "3"})["memory_gb"].value == 3.0
    assert variables({"PMAP_CHECK": "1"})["check"].value is True
    assert variables({"PMAP_CHECK": "0"})["check"].value is False


def test_no_two_options_share_a_name():
    names = [name for option in OPTIONS for name in (*option.flags, *option.variables)]
    assert len(names) == len(set(names)) and len(BY_KEY) == len(OPTIONS)
    assert not set(names) & set(OTHER_VARIABLES)


def test_doctor_knows_the_variables():
    from pmap.doctor import KNOWN_VARIABLES

    wanted = {name for option in OPTIONS for name in option.variables} | set(OTHER_VARIABLES)
    assert wanted <= KNOWN_VARIABLES


@pytest.mark.parametrize("text", ["1:2:3:4", "-5", "1h", "", True])
def test_a_time_that_is_none_is_refused(text):
    with pytest.raises(JobError):
        value_of(BY_KEY["time_min"], text, "--time")


def test_times_are_those_of_slurm():
    told = {"90": 90, "0:30": 0.5, "1:30:00": 90, "1-0": 1440, "1-1:30": 1530, "2-0:0:30": 2880.5}
    assert {text: minutes(text) for text in told} == told


def test_a_path_does_not_depend_on_the_folder(job_file, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    job_file.write_text('venv = "here"\nimage = "docker://python"\nrecord = "t.jsonl"\n')
    said, _ = read_file(job_file)
    assert said["venv"].value == f"{tmp_path}/here"
    assert said["image"].value == "docker://python"
    assert said["record"].value == tmp_path / "t.jsonl"


def test_explain_is_a_table_of_who_said_what(site, monkeypatch):
    site.write_text('partition = "long"\n')
    monkeypatch.setenv("PMAP_MEMORY", "2")
    lines = explain(gather({"ranks": "4", "check": True}, None).choose()).splitlines()
    assert [line.split() for line in lines] == [
        ["option", "value", "said", "by"],
        ["ranks", "4", "command", "line"],
        ["memory_gb", "2", "variable", "PMAP_MEMORY"],
        ["check", "yes", "command", "line"],
        ["slurm", "no", "default"],
        ["partition", "long", f"{site}:", "partition"],
    ]
    assert len({line.index(line.split()[1]) for line in lines}) == 1  # columns


def test_the_command_explains_and_starts_nothing(site, tmp_path):
    script = tmp_path / "a.py"
    script.write_text("raise SystemExit(9)\n")
    job_file = tmp_path / "job.toml"
    job_file.write_text("ranks = 2\n")
    command = [sys.executable, "-m", "pmap.launch.prun", "--explain", "--job", job_file, script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{job_file}: ranks" in done.stdout

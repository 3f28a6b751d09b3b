"""A job as a batch script: the text, byte for byte, and what bash makes of it.

`golden/NAME.sh` is the script of the job NAME; PMAP_WRITE_GOLDEN=1 writes them anew, to be read
before they are committed.
"""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pmap.launch.errors import JobError
from pmap.launch.job import Job
from pmap.launch.slurm import Starter, environment, sbatch, script

GOLDEN = Path(__file__).with_name("golden")
ODD = (
    "two words", "it's", 'say "hi"', "$HOME", "`id`", "a\\b", "ñandú-Zürich-東京", "line\nbreak",
    "*", "", "--x=1", "#SBATCH --nodes=9", ";rm", "!!", "~", "{task",
)  # fmt: skip
JOBS = {
    "plain": (Job(("a.py",), ("--fast",), ranks=4, python="python"), Starter()),
    "odd-words": (Job(("données d'été/$a `b`.py",), ODD, python="/opt/my python/bin/python"),
                  Starter()),
    "triples": (
        Job(("a.py",), nodes=4, ranks_per_node=2, threads_per_rank=3, memory_gb=1.5, time_min=90,
            partition="long", account="lab-7", gres="gpu:1", python="python", check=True,
            record=Path("/data/my traffic.jsonl"), prefix=True, requeue=False),
        Starter(),
    ),
    "array": (
        Job(("-m", "pmap.apps.pipeline"), ("d.toml", "--task", "{task}"), array="0-24%4",
            name="tiles", memory_gb=2, time_min=4, python="python"),
        Starter(binds=False),
    ),
    "modules-conda": (
        Job(("a.py",), ranks=2, modules=("gcc/12", "open mpi"), conda="my env"),
        Starter("pmix"),
    ),
    "container": (
        Job(("a.py",), ranks=2, image="/images/pmap 1.sif", gres="gpu:a100:1"), Starter()
    ),
    "venv-mpiexec": (
        Job(("a.py",), ranks=6, venv="/home/zoë/venv 1"),
        Starter("mpiexec", "/home/zoë/venv 1/bin/mpiexec", ("--oversubscribe",)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", JOBS)
def test_the_script_is_this_text(name):
    text = script(*JOBS[name])
    path = GOLDEN / f"{name}.sh"
    if os.environ.get("PMAP_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_every_text_has_a_job():
    assert {path.stem for path in GOLDEN.glob("*.sh")} == set(JOBS)


@pytest.mark.parametrize("name", JOBS)
def test_bash_reads_the_script(name):
    subprocess.run(["bash", "-n", GOLDEN / f"{name}.sh"], check=True, timeout=20)


TELL = """#!/usr/bin/env python3
import json, os, sys
kept = {k: v for k, v in os.environ.items() if k.startswith(("PMAP", "OMP"))}
print(json.dumps([sys.argv, kept]))
sys.exit(int(os.environ.get("TEST_CODE", "0")))
"""


def played(job: Job, starter: Starter, folder: Path, **more: str) -> subprocess.CompletedProcess:
    """Run a script with commands that tell their words in place of srun and apptainer."""
    bin_folder = folder / "bin"
    bin_folder.mkdir(exist_ok=True)
    for name in ("srun", "apptainer", "mpiexec"):
        (bin_folder / name).write_text(TELL)
        (bin_folder / name).chmod(0o755)
    path = folder / "job.sh"
    path.write_text(script(job, starter), encoding="utf-8")
    env = {"PATH": f"{bin_folder}:{os.environ['PATH']}", "SLURM_JOB_ID": "7", **more}
    return subprocess.run(
        [shutil.which("bash"), path], env=env, capture_output=True, text=True, timeout=30
    )


def test_odd_words_reach_the_program_as_they_are(tmp_path):
    job, starter = JOBS["odd-words"]
    done = played(job, starter, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    argv, env = json.loads(done.stdout)
    assert argv[argv.index("--") + 1 :] == [job.python, "-m", "pmap.boot", *job.target, *job.args]
    assert (env["PMAP_NP"], env["OMP_NUM_THREADS"]) == ("1", "1")


def test_task_is_the_number_of_the_arrays_task(tmp_path):
    done = played(*JOBS["array"], tmp_path, SLURM_ARRAY_TASK_ID="17")
    assert json.loads(done.stdout)[0][-2:] == ["--task", "17"]


@pytest.mark.parametrize(("code", "task"), [(0, ""), (7, ""), (0, "3"), (143, "3")])
def test_the_end_is_recorded_and_the_code_passed_on(tmp_path, code, task):
    state = tmp_path / "state of 50 %"
    more = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_JOB_ID": "5"} if task else {}
    job = replace(JOBS["array"][0], array="0-9" if task else None, args=())
    told = {"PMAP_JOB_DIR": str(state), "PMAP_ATTEMPT": "2", "SLURMD_NODENAME": "n4"}
    done = played(job, Starter(), tmp_path, TEST_CODE=str(code), **told, **more)
    assert done.returncode == code
    assert done.stdout.startswith("pRUN: tiles started again on n4, ")
    (path,) = (state / "ended").iterdir()
    assert path.name == ("tiles_3.json" if task else "tiles.json")
    record = json.loads(path.read_text())
    assert 0 <= record.pop("seconds") < 20 and record.pop("ended_ms") > 1.7e12
    assert record == {"code": code, "node": "n4", "attempt": 2, "job": "5" if task else "7"}


def test_a_script_that_is_submitted_by_hand_needs_no_folder(tmp_path):
    done = played(*JOBS["plain"], tmp_path, TEST_CODE="5")
    assert (done.returncode, done.stderr) == (5, "")


def test_an_environment_that_cannot_be_set_up_ends_the_job(tmp_path):
    job = replace(JOBS["plain"][0], venv=str(tmp_path / "none"))
    done = played(job, Starter(), tmp_path, PMAP_JOB_DIR=str(tmp_path))
    assert done.returncode != 0
    assert "none/bin/activate" in done.stderr
    assert done.stdout == ""  # the program was not started
    assert json.loads((tmp_path / "ended" / "a.json").read_text())["code"] == done.returncode


def test_a_program_is_asked_to_end_and_waited_for(tmp_path):
    """What SLURM sends to the script before the limit of time reaches mpiexec."""
    job, starter = JOBS["plain"][0], Starter("mpiexec", "mpiexec")
    told = "trap 'echo asked; sleep 0.5; echo ended; exit 143' TERM\nkill -TERM $PPID\n"
    (tmp_path / "bin").mkdir()
    path = tmp_path / "job.sh"
    path.write_text(script(job, starter))
    (tmp_path / "bin" / "mpiexec").write_text(
        f"#!/bin/bash\n{told}for i in $(seq 100); do sleep 0.1; done\n"
    )
    (tmp_path / "bin" / "mpiexec").chmod(0o755)
    env = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "PMAP_JOB_DIR": str(tmp_path)}
    env["SLURM_JOB_ID"] = "7"
    done = subprocess.run(["bash", path], env=env, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout.split()) == (143, ["asked", "ended"])
    assert json.loads((tmp_path / "ended" / "a.json").read_text())["code"] == 143


def test_the_log_and_the_dependency_are_on_the_command_line():
    words = sbatch(
        Path("/s/50%/a.sh"), Path("/s/50%/logs/a_%a.log"), dependency="afterok:3", array="1,4%2"
    )
    assert words == [
        "sbatch", "--parsable", "--export=ALL", "--output=/s/50%%/logs/a_%a.log",
        "--dependency=afterok:3", "--kill-on-invalid-dep=yes", "--array=1,4%2", "/s/50%/a.sh",
    ]  # fmt: skip
    assert sbatch(Path("a.sh"), Path("a.log"), hold=True)[-2:] == ["--hold", "a.sh"]


def test_no_text_depends_on_the_folder_of_the_job():
    for job, starter in JOBS.values():
        text = script(job, starter)
        assert "logs" not in text and "--output" not in text and "dependency" not in text


def test_variables_that_contradict_the_script_are_left_out():
    inherited = {
        "SBATCH_JOB_NAME": "x", "SBATCH_PARTITION": "p", "SBATCH_ACCOUNT": "a", "HOME": "/h",
        "PMAP_CHECK": "1", "PMI_RANK": "0", "SBATCH_QOS": "q",
    }  # fmt: skip
    env = environment(Job(("a.py",), partition="long"), inherited, {"PMAP_JOB_DIR": "/d"})
    assert env == {
        "SBATCH_ACCOUNT": "a", "SBATCH_QOS": "q", "HOME": "/h", "PMAP_JOB_DIR": "/d"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"partition": "a b"}, "--partition is 'a b'"),
        ({"account": "x\n#SBATCH --exclusive"}, "--account is"),
        ({"array": "0..3"}, "--array is '0..3'"),
        ({"args": ("{task}",)}, "give --array"),
        ({"name": "../up"}, "--name is '../up'"),
        ({"args": ("a\0b",)}, "NUL"),
        ({"mpi": "mvapich"}, "must be one of auto, pmi2, pmix, mpiexec"),
        ({"venv": "v", "image": "i"}, "give one of"),
        ({"nodes": 2}, "given together"),
        ({"nodes": 2, "ranks_per_node": 2, "ranks": 5}, "which is 4"),
        ({"nodes": 0, "ranks_per_node": 2}, "must be a whole number of at least 1"),
        ({"time_min": 0.0}, "must be above 0"),
    ],
)
def test_what_cannot_be_is_refused(changes, says):
    with pytest.raises(JobError, match="^[^\n]*$") as error:
        Job(**{"target": ("a.py",), **changes})
    assert says in str(error.value)


def test_a_job_survives_being_written():
    for job, _ in JOBS.values():
        assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job

"""pRUN on a real SLURM of four nodes: what it submits, tells, ends, and goes on with."""

import json
import re
import signal
import subprocess
import time

import pytest
from cluster import missing
from jobs import LIMIT_S, PRUN, marked, prun, submitted, until

from pmap.launch import folders, pRUN
from pmap.launch.errors import JobError
from pmap.launch.prun import main
from tests.apps.results import digests

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "there is SLURM")


def test_a_world_over_four_nodes_gives_the_answer_of_one_process(here):
    alone = prun("rows.py", "two words")
    done = prun("--slurm", "--wait", "--triples", "4,2,1", "rows.py", "two words")
    assert (alone.returncode, done.returncode) == (0, 0), done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line != "8"] == alone.stdout.splitlines()
    assert lines.count("8") == 8
    assert re.search(r"pRUN: rows-1 (waiting|running)", done.stderr)


@pytest.mark.parametrize("code", [0, 7])
def test_the_exit_code_comes_through_wait(here, code):
    done = prun("--slurm", "--wait", "-n", "2", "leave.py", str(code))
    assert done.returncode == code
    (end,) = (here / "jobs/leave-1/ended").iterdir()
    assert json.loads(end.read_text())["code"] == code
    assert ("leave-1 failed" in done.stderr) == (code != 0)


def test_a_rank_that_raises_ends_the_job_and_is_shown(here):
    begin = time.monotonic()
    done = prun("--slurm", "--wait", "--triples", "4,2,1", "raise.py")
    assert time.monotonic() - begin < 20
    assert done.returncode != 0
    assert "rank 5 of 8 failed" in done.stdout
    assert "ValueError: broken here" in done.stdout
    assert re.search(r"raise-1 failed after [\d.]+ s \(code \d+\)", done.stderr)


def test_mpiexec_starts_the_same_world(here):
    done = prun("--slurm", "--wait", "--triples", "4,2,1", "--mpi", "mpiexec", "rows.py")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines().count("8") == 8


@pytest.mark.parametrize(
    "words",
    [
        ("--triples", "2,2,1", "--time", "7", "--memory", "0.5", "rows.py", "it's", "$HOME `x`"),
        ("--array", "0-1", "--max-at-once", "1", "task.py", "{task}"),
    ],
)
def test_what_is_shown_is_what_is_submitted(here, words):
    shown = subprocess.run(
        [*PRUN, "--slurm", "--dry-run", *words], capture_output=True, timeout=LIMIT_S
    )
    assert shown.returncode == 0, shown.stderr
    assert not (here / "jobs").exists()  # nothing was started
    folder = submitted(*words)
    (stage,) = folder.read().stages
    assert folder.script(stage).read_bytes() == shown.stdout
    ask = ["scontrol", "write", "batch_script", stage.id, "-"]
    held = subprocess.run(ask, capture_output=True, timeout=30)
    assert held.stdout == shown.stdout, held.stderr


def test_an_array_keeps_its_limit_and_only_what_failed_is_done_again(here):
    (here / "fail2").touch()
    done = prun("--slurm", "--wait", "--array", "0-5", "--max-at-once", "2", "task.py", "{task}")
    assert done.returncode == 7
    assert "task 5 of 6 done, 1 failed (task 2: code 7)" in done.stderr
    assert "  | task 2" in done.stderr  # the end of its log
    ends = {p.stem: json.loads(p.read_text()) for p in (here / "jobs/task-1/ended").iterdir()}
    assert set(ends) == {f"task_{i}" for i in range(6)}
    assert most_at_once(ends.values()) == 2
    assert prun("status", "task").stdout.splitlines()[2].split()[:4] == ["task", "5", "of", "6"]

    (here / "fail2").unlink()
    again = prun("resume", "--wait", "task-1")
    assert again.returncode == 0, again.stderr
    assert "task-1 submitted again: task" in again.stdout
    after = {p.stem: json.loads(p.read_text()) for p in (here / "jobs/task-1/ended").iterdir()}
    assert [e["attempt"] for _, e in sorted(after.items())] == [1, 1, 2, 1, 1, 1]
    logs = prun("logs", "task-1").stdout
    assert logs.count("== task_") == 6 and "task started again on n" in logs
    assert prun("logs", "task-1", "task_3").stdout == "task 3\n"
    assert prun("resume", "task-1").stdout.startswith("task-1 is done")


def most_at_once(ends) -> int:
    """How many of these ran at one moment."""
    spans = [(e["ended_ms"] - 1000 * e["seconds"], e["ended_ms"]) for e in ends]
    return max(sum(a <= begin < b for a, b in spans) for begin, _ in spans)


def test_a_job_after_another(here):
    first = submitted("leave.py", "0")
    second = prun("--slurm", "--wait", "--dependency", f"afterok:{first.name}", "leave.py", "0")
    assert second.returncode == 0, second.stderr
    begun = [json.loads((here / f"jobs/leave-{i}/ended/leave.json").read_text()) for i in (1, 2)]
    assert begun[1]["ended_ms"] - 1000 * begun[1]["seconds"] >= begun[0]["ended_ms"] - 50


def test_a_job_after_one_that_failed_is_told_to_never_run(here):
    first = submitted("leave.py", "5")
    second = prun("--slurm", "--wait", "--dependency", f"afterok:{first.name}", "leave.py", "0")
    assert second.returncode == 1
    assert "leave-2 never run" in second.stderr
    assert "a stage that it waits for did not end well" in second.stderr
    assert prun("status", "leave-2").stdout.startswith("leave-2: never run")


def test_cancel_leaves_no_process(here):
    folder = submitted("--triples", "4,2,1", "forever.py")
    assert until(lambda: folder.log("forever").is_file()
                 and folder.log("forever").read_text().count("begun") == 8)  # fmt: skip
    assert prun("status", folder.name).stdout.splitlines()[2].split()[:2] == ["forever", "running"]
    twice = prun("resume", folder.name)
    assert twice.returncode == 2 and "forever-1 runs" in twice.stderr
    done = prun("cancel", folder.name)
    assert (done.returncode, done.stdout.split()[1]) == (0, "cancelled;")
    assert until(lambda: not marked(here), 8.0), marked(here)
    assert prun("status", folder.name).stdout.startswith("forever-1: cancelled")
    assert prun("status").stdout.splitlines()[1].split()[:3] == ["forever-1", "SLURM", "cancelled"]


def test_ctrl_c_while_waiting_leaves_the_job(here):
    words = [*PRUN, "--slurm", "--wait", "forever.py"]
    waiting = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert waiting.stdout.readline() == "begun\n"
    waiting.send_signal(signal.SIGINT)
    _, told = waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert "forever-1 goes on. pRUN status forever-1" in told
    assert prun("status", "forever-1").stdout.startswith("forever-1: running")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--partition", "shrot", "leave.py"], "did you mean 'short'? there are: debug (default)"),
        (["--triples", "5,1", "leave.py"], "asks for 5 nodes, and partition debug gives 4"),
        (["--triples", "1,5", "leave.py"], "the largest nodes of partition debug have 4"),
        (["--partition", "short", "--time", "11", "leave.py"], "short allows 00:10:00; longer"),
        (["--memory", "9", "leave.py"], "have 1.95 GB"),
        (["--array", "0-5000", "leave.py"], "(MaxArraySize)"),
        (["--gres", "gpu:1", "leave.py"], "sbatch says: sbatch: error: "),
        (["leaf.py"], "did you mean 'leave.py'"),
        (["pipelin"], "did you mean 'pipeline'"),
        (["pipeline", "none.toml", "--out", "run"], "none.toml"),
        (["--dependency", "afterok:nobody", "leave.py"], "no job 'nobody'"),
        (["--name", "é é", "leave.py"], "letters, digits and . _ - only"),
        (["--background", "leave.py"], "leave one of the two out"),
    ],
)
def test_bad_input_is_refused_before_anything_is_submitted(here, words, says, capsys):
    assert main(["--slurm", *words]) == 2
    text = capsys.readouterr().err
    assert says in text and text.count("\n") == 1
    assert not folders.jobs()
    assert not (here / "jobs").exists() or not list((here / "jobs").iterdir())


def test_without_slurm_or_a_folder_the_remedy_is_told(here, capsys, monkeypatch):
    (here / "file").touch()
    monkeypatch.setenv("PMAP_STATE_DIR", str(here / "file" / "jobs"))
    assert main(["--slurm", "leave.py", "0"]) == 2
    assert "set PMAP_STATE_DIR" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(here))
    assert main(["--slurm", "leave.py", "0"]) == 2
    assert "no sbatch on the PATH" in capsys.readouterr().err


def test_the_function_submits_and_waits_as_pmatlab_does(here, capfd):
    assert pRUN("rows.py", [2, 2, 1], "debug", args=["x"]) == 0
    assert capfd.readouterr().out.splitlines().count("4") == 4
    assert pRUN("leave.py", 2, "grid", args=[6]) == 6
    name = pRUN("leave.py", 1, "short&", args=[0], time_min=5)
    assert name == "leave-2"
    script = folders.find(name).path.joinpath("leave.sh").read_text()
    assert "#SBATCH --partition=short\n" in script and "#SBATCH --time=00:05:00\n" in script
    assert main(["status", "--wait", name]) == 0
    with pytest.raises(JobError, match="no partition 'dbug'; did you mean 'debug'"):
        pRUN("leave.py", 1, "dbug&")


def test_a_pipeline_is_submitted_as_a_chain(here):
    """25 tiles with at most 4 at once, then stitch, then export: one command."""
    tiles = ["--grid", "5", "5", "--tile", "12", "48", "48", "--seed", "3", "--out", "tiles"]
    made = prun("simulate", *tiles)
    assert made.returncode == 0, made.stderr
    (here / "job.toml").write_text("max_at_once = 4\nslurm = true\n[stage.stitch]\nranks = 2\n")
    words = ["--job", "job.toml", "--wait", "pipeline", "tiles/dataset.toml", "--out", "run"]
    (here / "bad.toml").write_text('slurm = true\n[stage.export]\ngres = "gpu:1"\n')
    refused = prun("--job", "bad.toml", *words[3:])
    assert refused.returncode == 2
    assert "export: SLURM has rejected the job; sbatch says: sbatch: error: " in refused.stderr
    queue = ["squeue", "--noheader", "--states=PENDING,RUNNING"]
    assert until(lambda: subprocess.run(queue, capture_output=True, timeout=30).stdout == b"")
    assert not list((here / "jobs").iterdir())  # the stages before it are gone with it,
    assert not (here / "run").exists()  # and none of them had begun
    told = prun("--explain", *words).stdout
    assert re.search(r"^ranks +2 +job.toml \[stage.stitch\]: ranks$", told, re.M)
    done = prun(*words, limit_s=400)
    assert done.returncode == 0, done.stderr
    ends = here / "jobs/pipeline-1/ended"
    by_stage = {n: [json.loads(p.read_text()) for p in ends.glob(f"{n}*")]
                for n in ("tiles", "stitch", "export")}  # fmt: skip
    assert {n: len(e) for n, e in by_stage.items()} == {"tiles": 25, "stitch": 1, "export": 1}
    assert most_at_once(by_stage["tiles"]) == 4
    assert (here / "run/report.html").is_file()
    alone = prun("-n", "2", *words[3:5], "--out", "alone", limit_s=200)
    assert alone.returncode == 0, alone.stderr
    assert digests(here / "run") == digests(here / "alone")
    table = prun("status", "last").stdout.splitlines()
    assert table[0].startswith("pipeline-1: done (SLURM ")
    assert [line.split()[:2] for line in table[2:5]] == [
        ["tiles", "25"], ["stitch", "done"], ["export", "done"]
    ]  # fmt: skip

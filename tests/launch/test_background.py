"""Jobs that go on after pRUN has returned, with real ranks: looked at, ended, gone on with."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pmap.launch import background, folders, pRUN, states
from pmap.launch.errors import JobError
from pmap.launch.job import Job
from pmap.launch.prun import main
from pmap.launch.records import Record, Stage

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 30.0
needs_mpiexec = pytest.mark.skipif(
    not (Path(sys.prefix) / "bin" / "mpiexec").exists(), reason="no mpiexec: pip install mpich"
)
WAIT = (
    "import sys, time, pmap as pm\n"
    "pm.barrier()\n"
    "print('begun', pm.Pid, flush=True)\n"
    "while not {flag!r} or not __import__('os').path.exists({flag!r}):\n"
    "    time.sleep(0.05)\n"
    "sys.exit(int(open({flag!r}).read()))\n"
)


@pytest.fixture(autouse=True)
def jobs(tmp_path, monkeypatch):
    """Jobs of this test alone; none is left."""
    monkeypatch.setenv("PMAP_STATE_DIR", str(tmp_path / "jobs"))
    monkeypatch.setenv("PMAP_BACKGROUND_TEST", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield tmp_path / "jobs"
    for folder, record in folders.jobs():
        if folder.lives():
            background.cancel(folder, record)
    assert until(lambda: not marked(tmp_path)), marked(tmp_path)


def marked(tmp_path: Path) -> list[int]:
    """Processes of this test, found by a mark in their environment."""
    mark, found = f"PMAP_BACKGROUND_TEST={tmp_path}".encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def until(true, limit_s: float = LIMIT_S) -> bool:
    limit = time.monotonic() + limit_s
    while not true():
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def script(tmp_path) -> Path:
    path = tmp_path / "wait.py"
    path.write_text(WAIT.format(flag=str(tmp_path / "flag")))
    return path


def started(script: Path, capsys, n: int = 2) -> folders.Folder:
    assert main(["-n", str(n), "--background", str(script)]) == 0
    name = capsys.readouterr().out.split()[0]
    folder = folders.find(name)
    assert folder.lives()  # from the first moment on
    log = folder.log("wait")
    assert until(lambda: log.read_text().count("begun") == n)
    return folder


def state(folder: folders.Folder) -> str:
    return states.overall(states.rows(folder, folder.read()))


@needs_mpiexec
@pytest.mark.parametrize(("code", "word"), [(0, "done"), (7, "failed")])
def test_a_job_goes_on_and_leaves_its_end(script, tmp_path, capsys, code, word):
    folder = started(script, capsys)
    assert state(folder) == "running"
    (tmp_path / "flag").write_text(str(code))
    assert main(["status", "--wait", "last"]) == code
    assert state(folder) == word
    assert folder.end("wait")["code"] == code
    assert main(["logs", folder.name]) == 0
    assert sorted(capsys.readouterr().out.splitlines()[-2:]) == ["begun 0", "begun 1"]


@needs_mpiexec
def test_cancel_asks_the_supervisor_and_waits_for_the_end(script, capsys, tmp_path):
    folder = started(script, capsys)
    assert main(["cancel", "wait"]) == 0
    assert "wait-1 cancelled; pRUN resume wait-1" in capsys.readouterr().out
    assert state(folder) == "cancelled"
    assert until(lambda: not marked(tmp_path), 1.0), "ranks were left"
    assert main(["cancel", "wait"]) == 2
    assert "does not run" in capsys.readouterr().err


@needs_mpiexec
def test_resume_starts_the_same_command_in_the_same_folder(script, capsys, tmp_path):
    folder = started(script, capsys)
    assert main(["resume", "wait-1"]) == 2
    assert "wait-1 runs; pRUN cancel wait-1" in capsys.readouterr().err
    main(["cancel", "wait-1"])
    (tmp_path / "flag").write_text("0")
    capsys.readouterr()
    assert main(["resume", "--wait", "wait-1"]) == 0
    told = capsys.readouterr().out
    assert re.sub(r"begun \d", "begun", told).splitlines() == [
        "wait-1 started again", "pRUN: attempt 2", "begun", "begun"
    ]  # fmt: skip
    assert folder.read().attempt == 2
    assert state(folder) == "done"


@needs_mpiexec
def test_a_supervisor_that_is_killed_takes_its_ranks_along_and_is_told(script, capsys, tmp_path):
    folder = started(script, capsys)
    (supervisor,) = [
        pid for pid in marked(tmp_path)
        if b"pmap.launch.background" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]  # fmt: skip
    os.kill(supervisor, signal.SIGKILL)
    begin = time.monotonic()
    assert until(lambda: not marked(tmp_path), 5.0), "ranks were left"
    assert time.monotonic() - begin < 1.5
    assert state(folder) == "lost"
    assert main(["status", "wait"]) == 0
    assert "its launcher was killed; pRUN resume wait-1" in capsys.readouterr().out
    (tmp_path / "flag").write_text("0")
    assert main(["resume", "--wait", "wait"]) == 0


@needs_mpiexec
def test_prun_that_is_killed_takes_its_ranks_along_within_a_second(script, tmp_path):
    command = [sys.executable, "-m", "pmap.launch.prun", "-n", "3", str(script)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    for _ in range(3):
        process.stdout.readline()
    process.kill()
    begin = time.monotonic()
    process.wait()
    assert until(lambda: not marked(tmp_path), 5.0), "ranks were left"
    assert time.monotonic() - begin < 1.0
    process.stdout.close()


def test_logs_are_followed_until_the_end(script, capsys, tmp_path):
    started(script, capsys, n=1)
    command = [sys.executable, "-m", "pmap.launch.prun", "logs", "-f", "wait"]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert reader.stdout.readline() == "begun 0\n"
    assert reader.poll() is None
    (tmp_path / "flag").write_text("0")
    assert reader.communicate(timeout=LIMIT_S)[0] == ""
    assert reader.returncode == 0


def test_the_function_leaves_a_job_running(script, tmp_path):
    name = pRUN(script, 1, "&")
    assert name == "wait-1" and folders.find(name).lives()
    (tmp_path / "flag").write_text("3")
    assert main(["status", "--wait", name]) == 3


def test_status_lists_jobs_with_what_was_asked(script, tmp_path, capsys):
    assert main(["status"]) == 0
    assert "no jobs yet" in capsys.readouterr().out
    (tmp_path / "flag").write_text("0")
    for _ in range(2):
        assert main(["--background", "--name", "blur", str(script), "two words"]) == 0
    assert until(lambda: not any(f.lives() for f, _ in folders.jobs()))
    capsys.readouterr()
    assert main(["status"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["job", "where", "state", "age", "command"]
    assert [line.split()[0] for line in lines] == ["blur-1", "blur-2"]
    assert all(line.split()[2] == "done" for line in lines)
    assert "--background --name blur" in lines[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["status", "blrr-10"], "no job 'blrr-10'; did you mean 'blur-10'"),
        (["logs", "bl"], "'bl' may be blur-1, blur-10"),
        (["logs", "blur-1", "tiles"], "blur-1 has no stage 'tiles'"),
        (["cancel", "blur-1"], "blur-1 does not run"),
        (["status", "--wait"], "name the job, or last"),
        (["logs", "--folow", "blur-1"], "unrecognized arguments: --folow"),
    ],
)
def test_what_is_wrong_with_a_verb_is_one_line(words, says, capsys):
    for number in (1, 10):
        folder = folders.Folder(folders.base() / f"blur-{number}")
        (folder.path / "logs").mkdir(parents=True)
        folder.write(Record("local", ("pRUN", "blur.py"), (Stage(Job(("blur.py",), name="blur")),)))
    assert main(words) == 2
    text = capsys.readouterr().err
    assert says in text and text.count("\n") == 1


def test_the_job_of_another_machine_is_left_alone():
    folder = folders.create("far")
    stage = Stage(Job(("far.py",)))
    record = Record("local", ("pRUN", "far.py"), (stage,), host="elsewhere")
    folder.write(record)
    assert states.rows(folder, record)[0].state == "unknown"
    with pytest.raises(JobError, match="belongs to elsewhere; pRUN cancel it there"):
        background.cancel(folder, record)


def test_jobs_are_found_by_name_beginning_number_and_age():
    made = []
    for name, number in (("a", "71"), ("a", ""), ("blur", "72")):
        made.append(folders.create(name))
        stages = (Stage(Job(("a.py",), name=name), id=number),)
        made[-1].write(Record("slurm", ("pRUN",), stages, when=len(made)))
    assert [f.name for f in made] == ["a-1", "a-2", "blur-1"]
    assert folders.find("a-1") == made[0]
    assert folders.find("bl") == made[2]
    assert folders.find("71") == made[0] and folders.find("72_3") == made[2]
    assert folders.find("last") == made[2]


def test_a_folder_that_cannot_be_written_is_refused(monkeypatch, capsys, script, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PMAP_STATE_DIR", str(tmp_path / "file" / "jobs"))
    assert main(["--background", str(script)]) == 2
    assert "set PMAP_STATE_DIR to a folder of yours" in capsys.readouterr().err

"""The command and the function pRUN, mostly with real ranks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pmap.launch import pRUN
from pmap.launch.errors import JobError
from pmap.launch.prun import main
from pmap.launch.targets import near, resolve

ROOT = Path(__file__).resolve().parents[2]
needs_mpiexec = pytest.mark.skipif(
    not (Path(sys.prefix) / "bin" / "mpiexec").exists(), reason="no mpiexec: pip install mpich"
)
TELL = (
    "import json, os, sys, pmap as pm\n"
    "facts = [pm.Pid, pm.Np, sys.argv[1:], __name__, os.environ['OMP_NUM_THREADS']]\n"
    "print(json.dumps([*facts, sys.path[0], sorted(set(globals()) & {'helper'})]))\n"
)


def prun(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pmap.launch.prun", *words]
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, cwd=cwd)


@pytest.fixture
def tell(tmp_path) -> Path:
    path = tmp_path / "tell.py"
    path.write_text(TELL)
    return path


@needs_mpiexec
@pytest.mark.parametrize("n", [1, 2, 3])
def test_ranks_know_the_world_and_their_arguments(tell, n):
    done = prun("-n", str(n), str(tell), "-n", "9", "--check", "two words")
    assert (done.returncode, done.stderr) == (0, "")
    facts = sorted(json.loads(line) for line in done.stdout.splitlines())
    assert [f[0] for f in facts] == list(range(n))
    for fact in facts:
        assert fact[1:4] == [n, ["-n", "9", "--check", "two words"], "__main__"]
        assert fact[5] == str(tell.parent)


def test_a_script_is_found_relative_to_the_folder_and_imports_its_neighbours(tmp_path):
    (tmp_path / "beside.py").write_text("value = 41\n")
    (tmp_path / "main.py").write_text(
        "import pickle\nfrom beside import value\n\n"
        "def f(x):\n    return g(x)\n\ndef g(x):\n    return x + 1\n\n"
        "class A:\n    pass\n\n"
        "assert f(value) == 42\nassert type(pickle.loads(pickle.dumps(A()))) is A\n"
    )
    done = prun("main.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@needs_mpiexec
def test_prefix_marks_whole_lines(tell):
    done = prun("-n", "2", "--prefix", str(tell))
    assert done.returncode == 0
    lines = sorted(done.stdout.splitlines())
    assert [line[:4] for line in lines] == ["[0] ", "[1] "]
    assert [json.loads(line[4:])[0] for line in lines] == [0, 1]


@pytest.mark.parametrize("n", [1, pytest.param(2, marks=needs_mpiexec)])
@pytest.mark.parametrize("code", [0, 7])
def test_the_exit_code_is_the_programs(tmp_path, n, code):
    script = tmp_path / "leave.py"
    script.write_text(f"import sys\nsys.exit({code})\n")
    assert prun("-n", str(n), str(script)).returncode == code


def test_an_error_on_one_rank_shows_the_programs_own_lines_only(tmp_path):
    script = tmp_path / "wrong.py"
    script.write_text("def f():\n    return 1 / 0\n\nf()\n")
    done = prun(str(script))
    assert done.returncode == 1
    assert done.stderr.count("ZeroDivisionError") == 1
    assert "boot.py" not in done.stderr
    assert "runpy" not in done.stderr


@needs_mpiexec
def test_the_function_runs_a_script_with_pmatlabs_arguments(tmp_path, capfd):
    script = tmp_path / "args.py"
    script.write_text("import sys, pmap as pm\nprint(pm.Pid, *sys.argv[1:])\nsys.exit(pm.Np)\n")
    assert pRUN(str(script), 2, {}, args=["a", 3]) == 2
    assert sorted(capfd.readouterr().out.splitlines()) == ["0 a 3", "1 a 3"]
    assert pRUN(script, (1, 1, 1), {}) == 1


def test_the_function_refuses_what_it_cannot_do(tell):
    with pytest.raises(JobError, match="no lists of hosts"):
        pRUN(tell, 2, ["node1", "node2"])
    with pytest.raises(JobError, match="np is"):
        pRUN(tell, (4, 2, 1, 1))
    with pytest.raises(JobError, match="asks for 4 nodes, and this machine is one"):
        pRUN(tell, (4, 2, 1))
    with pytest.raises(JobError, match="did you mean 'threads_per_rank'"):
        pRUN(tell, 2, {}, thread_per_rank=2)
    with pytest.raises(JobError, match="must be a whole number"):
        pRUN(tell, 0)


@needs_mpiexec
def test_a_world_of_another_size_than_asked_is_refused(tell):
    mpiexec = Path(sys.prefix) / "bin" / "mpiexec"
    env = dict(os.environ, PMAP_NP="3", PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1")
    command = [mpiexec, "-n", "2", sys.executable, "-m", "pmap.boot", tell]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 1
    assert done.stderr.count("3 ranks were asked for") == 1
    assert "a world of 2" in done.stderr
    assert done.stdout == ""


def test_one_of_the_ranks_that_are_each_alone_tells_of_it(tell):
    """What is seen where the launcher and mpi4py are of different MPIs."""
    for rank, count in (("0", 1), ("1", 0)):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PMI", "OMPI", "SLURM"))}
        env |= {"PMAP_NP": "2", "PYTHONPATH": str(ROOT), "SLURM_PROCID": rank}
        command = [sys.executable, "-m", "pmap.boot", tell]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("a world of 1") == count


def test_dry_run_prints_a_line_for_a_shell_and_starts_nothing(tell, capsys):
    assert main(["-n", "1", "--dry-run", str(tell), "a b"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("env PMAP_NP=1 ")
    done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert json.loads(done.stdout)[:3] == [0, 1, ["a b"]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--chek", "x.py"], "did you mean '--check'"),
        (["--partition=fast", __file__], "--partition is for a cluster; add --slurm"),
        (["--slrum", "x.py"], "did you mean '--slurm'"),
        (["serve"], "'serve' is not available"),
        (["--background", "--slurm", __file__], "leave one of the two out"),
        (["--triples", "4,2", __file__], "this machine is one; --slurm"),
        (["--triples", "4", __file__], "must be NODES,PPN or NODES,PPN,THREADS"),
        (["-n", "2", "--triples", "1,2", __file__], "one of the two says how many"),
        (["--bind", "core", __file__], "must be one of auto, none, cores"),
        (["--job", "/no/such.toml", __file__], "cannot read /no/such.toml"),
        (["logs"], "required: JOB"),
        (["status", "a", "b"], "unrecognized arguments: b"),
        (["simulat"], "did you mean 'simulate'"),
        (["no_such_app_at_all"], "there are "),
        (["./nothing.py"], "there is no file"),
        (["-n", "two", __file__], "-n is 'two'; it must be a whole number"),
        (["-n", "0", __file__], "ranks (-n) is 0"),
        (["/tmp/"], "is a folder"),
    ],
)
def test_what_is_wrong_is_one_line_with_what_is_right(words, says, capsys):
    assert main(words) == 2
    text = capsys.readouterr().err
    assert says in text
    assert text.count("\n") == 1


def test_a_misspelled_file_gets_the_right_one(tmp_path):
    (tmp_path / "script.py").touch()
    with pytest.raises(JobError, match=r"did you mean 'script.py'"):
        resolve(str(tmp_path / "scirpt.py"))


def test_apps_are_modules_and_files_are_files(tell):
    assert resolve("simulate") == ("-m", "pmap.apps.simulate")
    assert resolve(str(tell)) == (str(tell),)


def test_near_names_come_first():
    assert near("stich", ["stitch", "segment"]) == "did you mean 'stitch'? "


def test_help_shows_an_example(capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["--help"])
    assert leaving.value.code == 0
    assert "pRUN -n 4 script.py" in capsys.readouterr().out


def test_starting_a_job_loads_the_standard_library_alone():
    program = (
        "import sys, pmap.launch.prun\n"
        "heavy = {'numpy', 'mpi4py', 'pmap.ranks.comm', 'pmap.apps'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=ROOT)


def test_a_rank_that_wants_more_than_its_memory_says_so(tmp_path):
    script = tmp_path / "greedy.py"
    script.write_text(
        "import numpy as np, pmap as pm\n"
        "assert pm.options.block_mb <= 128, pm.options.block_mb\n"
        "small = np.ones(1 << 20)\n"
        "pm.barrier()\n"
        "if pm.Pid == 1:\n"
        "    large = np.ones(1 << 28)\n"
        "pm.barrier()\n"
    )
    done = prun("-n", "2", "--memory", "1", str(script))
    assert done.returncode == 1
    assert "rank 1 of 2 failed" in done.stderr and "Unable to allocate 2.00 GiB" in done.stderr
    refused = prun("--memory", "0.1", str(script))
    assert refused.returncode == 2 and "0.5" in refused.stderr

"""C7 and C8 on real ranks: a job ends when a rank fails or when none can go on, and says why.

Every case is a program that real ranks run; none may leave a process behind.
"""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

MPIEXEC = Path(sys.prefix) / "bin" / "mpiexec"
pytestmark = pytest.mark.skipif(not MPIEXEC.exists(), reason=f"no {MPIEXEC}: pip install mpich")

LIMIT_S = 60.0
PRUN = [sys.executable, "-m", "pmap.launch.prun"]
ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Ended:
    code: int
    out: str
    err: str
    seconds: float


def launcher(how: str, n: int) -> list[str]:
    """The ways to start ranks that must all end."""
    plain = [str(MPIEXEC), "-n", str(n), sys.executable]
    return {"pRUN": [*PRUN, "-n", str(n)], "mpiexec": plain, "mpi4py": [*plain, "-m", "mpi4py"]}[
        how
    ]


HOWS = ("pRUN", "mpiexec", "mpi4py")


class Jobs:
    """Starts programs, each with a mark in its environment by which left processes are found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = f"PMAP_TEST_MARK={folder.name}-{os.getpid()}"

    def script(self, text: str) -> Path:
        path = self.folder / "program.py"
        path.write_text(text)
        return path

    def start(self, command: list[str], wait_s: float = 1.5) -> subprocess.Popen:
        name, value = self.mark.split("=")
        env = dict(os.environ, PMAP_WAIT_S=str(wait_s), OMP_NUM_THREADS="1")
        env |= {name: value, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def run(
        self,
        text: str,
        how: str = "pRUN",
        n: int = 3,
        flags: tuple[str, ...] = (),
        wait_s: float = 1.5,
    ) -> Ended:
        start = time.monotonic()
        process = self.start([*launcher(how, n), *flags, str(self.script(text))], wait_s)
        try:
            out, err = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
        return Ended(process.returncode, out, err, time.monotonic() - start)

    def left(self) -> list[str]:
        """Command lines of processes that still carry the mark."""
        return [words for _, words in self.processes()]

    def processes(self) -> list[tuple[int, str]]:
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if self.mark.encode() in (entry / "environ").read_bytes():
                        words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                        found.append((int(entry.name), words))
                except OSError:
                    continue
        return found

    def soon_gone(self, limit_s: float = 10.0) -> bool:
        limit = time.monotonic() + limit_s
        while self.left() and time.monotonic() < limit:
            time.sleep(0.05)
        return not self.left()


@pytest.fixture
def jobs(tmp_path):
    made = Jobs(tmp_path)
    yield made
    gone = made.soon_gone()
    left = made.left()
    for pid, _ in made.processes():
        os.kill(pid, signal.SIGKILL)
    assert gone, f"processes were left: {left}"


@pytest.mark.parametrize("how", HOWS)
def test_c7_an_exception_on_one_rank_ends_the_job_with_its_traceback(jobs, how):
    ended = jobs.run(
        "import pmap as pm\nif pm.Pid == 1:\n    raise ValueError('broken here')\npm.barrier()\n",
        how,
    )
    assert ended.code == 1
    assert ended.seconds < 10
    assert ended.err.count("ValueError: broken here") == 1
    assert "rank 1 of 3 failed" in ended.err
    assert 'program.py", line 3' in ended.err


def test_c7_a_rank_that_fails_while_others_compute_ends_them(jobs):
    ended = jobs.run(
        "import time, pmap as pm\n"
        "if pm.Pid == 1:\n"
        "    raise ValueError('broken here')\n"
        "time.sleep(50)\n"
    )
    assert ended.code == 1
    assert ended.seconds < 10


def test_c7_what_all_ranks_raise_is_shown_once(jobs):
    ended = jobs.run("import pmap as pm\npm.Np\nraise pm.InputError('no such file')\n")
    assert ended.code == 1
    assert ended.err.count("InputError: no such file") == 1


def test_c7_an_exception_in_foreach_ends_the_job(jobs):
    ended = jobs.run("import pmap as pm\npm.foreach([4, 2, 0], lambda x: 1 // x)\n")
    assert ended.code == 1
    assert "ZeroDivisionError" in ended.err


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("leave", ["sys.exit(3)", "raise SystemExit(3)"])
def test_c7_a_rank_that_leaves_with_a_code_ends_the_job_with_it(jobs, how, leave):
    ended = jobs.run(f"import sys, pmap as pm\nif pm.Pid == 1:\n    {leave}\npm.barrier()\n", how)
    if how == "mpiexec" and leave.startswith("raise"):  # nothing tells: the watchdog ends it
        assert ended.code != 0
    else:
        assert ended.code == 3
    assert ended.seconds < 10


def test_c7_all_ranks_leave_with_a_code_quietly(jobs):
    ended = jobs.run("import sys, pmap as pm\npm.Np\nsys.exit(5)\n")
    assert (ended.code, ended.err) == (5, "")


def test_c7_an_exit_that_is_caught_is_no_exit(jobs):
    ended = jobs.run(
        "import sys, pmap as pm\n"
        "pm.Np\n"
        "try:\n    sys.exit(4)\nexcept SystemExit as e:\n    assert e.code == 4\n"
        "pm.barrier()\n",
        "mpiexec",
    )
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("how", HOWS)
def test_c7_a_killed_rank_ends_the_job(jobs, how):
    ended = jobs.run(
        "import os, pmap as pm\nif pm.Pid == 1:\n    os.kill(os.getpid(), 9)\npm.barrier()\n",
        how,
    )
    assert ended.code != 0
    assert ended.seconds < 10


def test_c7_what_was_printed_before_the_end_is_seen(jobs):
    ended = jobs.run(
        "import os, pmap as pm\n"
        "print('rank', pm.Pid, 'was here')\n"
        "pm.barrier()\n"
        "if pm.Pid == 1:\n    raise ValueError('x' * 20000)\n"
        "pm.barrier()\n"
    )
    assert sorted(ended.out.splitlines()) == [f"rank {r} was here" for r in range(3)]
    assert "x" * 20000 in ended.err


@pytest.mark.parametrize("how", HOWS)
def test_c8_a_rank_alone_in_a_collective_is_told_and_ended(jobs, how):
    ended = jobs.run("import pmap as pm\nif pm.Pid == 0:\n    pm.barrier()\n", how)
    assert ended.code != 0
    assert ended.seconds < 30
    assert re.search(r"rank 0 waits in barrier at .*program.py:3", ended.err)
    assert "ranks 1-2 have finished" in ended.err


def test_c8_the_last_rank_alone_is_told_too(jobs):
    ended = jobs.run("import pmap as pm\nif pm.Pid == 2:\n    pm.once(print)\n")
    assert ended.code != 0
    assert re.search(r"rank 2 waits in once \(bcast\) at .*program.py:3", ended.err)
    assert "ranks 0-1 have finished" in ended.err


def test_c8_ranks_in_different_operations_are_told_and_ended(jobs):
    ended = jobs.run(
        "import pmap as pm\nif pm.Pid == 0:\n    pm.foreach([1], print)\nelse:\n    pm.barrier()\n"
    )
    assert ended.code != 0
    assert re.search(r"rank 0 waits in foreach .*program.py:3", ended.err)
    assert re.search(r"ranks 1-2 wait in barrier at .*program.py:5", ended.err)


def test_c8_ranks_in_different_array_operations_are_told_and_ended(jobs):
    ended = jobs.run(
        "import pmap as pm\n"
        "A = pm.ones((99, 99), map=pm.Map((-1, 1)))\n"
        "if pm.Pid == 0:\n    A.sum()\n"
        "else:\n"
        "    B = pm.zeros((99, 99), map=pm.Map((1, -1)))\n"
        "    B[:] = A\n",
        wait_s=4,
    )
    assert ended.code != 0
    assert int(re.search(r"after (\d+) s of waiting", ended.err)[1]) < 10  # 12: a slow transfer
    assert re.search(r"rank 0 waits in \S*sum .*program.py:4", ended.err)
    assert re.search(r"ranks 1-2 wait in \S*__setitem__ .*program.py:7", ended.err)


@pytest.mark.parametrize(("mine", "theirs"), [(40, 60), (60, 40)])
def test_c8_ranks_with_different_shapes_are_told_and_ended(jobs, mine, theirs):
    """A longer or a shorter message than awaited is never taken for the right one."""
    ended = jobs.run(
        "import pmap as pm\n"
        f"n = {mine} if pm.Pid == 0 else {theirs}\n"
        "A, B = pm.ones((n, 9), map=pm.Map([-1, 1])), pm.zeros((n, 9), map=pm.Map([1, -1]))\n"
        "B[:] = A\n"
        "pm.barrier()\n"
    )
    assert ended.code == 1
    assert "DivergenceError: rank" in ended.err and "another length" in ended.err
    assert "program.py" in ended.err


def test_c8_a_message_that_nobody_sends_is_told_and_ended(jobs):
    ended = jobs.run("import pmap as pm\nif pm.Pid == 1:\n    pm.RecvMsg(0, 7)\n")
    assert ended.code != 0
    assert re.search(r"RecvMsg \(message with tag 7 from rank 0\) at .*program.py:3", ended.err)


def test_c8_a_large_message_that_nobody_receives_is_told_and_ended(jobs):
    ended = jobs.run(
        "import numpy as np, pmap as pm\n"
        "if pm.Pid == 0:\n    pm.SendMsg(1, 7, np.zeros(10_000_000))\n"
    )
    assert ended.code != 0
    assert re.search(r"rank 0 waits for rank 1 to receive a SendMsg of .*program.py:3", ended.err)


def test_c8_a_computing_rank_is_never_ended_but_told_of(jobs):
    ended = jobs.run(
        "import time, pmap as pm\n"
        "end = time.monotonic() + 6\n"
        "while pm.Pid == 1 and time.monotonic() < end:\n    pass\n"
        "pm.barrier()\n"
        "print('went on')\n"
    )
    assert ended.code == 0
    assert ended.out.splitlines() == ["went on"] * 3
    assert "rank 1 still computing" in ended.err
    assert re.search(r"ranks 0, 2 wait in barrier at .*program.py:5", ended.err)


def test_c8_ranks_that_take_turns_for_long_are_left_alone(jobs):
    """Each rank waits far longer than the limit in one operation, but something always moves."""
    ended = jobs.run(
        "import time, pmap as pm\n"
        "for k in range(3):\n"
        "    if pm.Pid == k:\n        time.sleep(2.5)\n"
        "    pm.barrier()\n"
    )
    assert ended.code == 0


@pytest.mark.parametrize("turn", range(6))
def test_c8_letters_on_their_way_at_the_end_kill_nobody(jobs, turn):
    ended = jobs.run(
        "import time, pmap as pm\n"
        "for k in range(3):\n"
        "    if pm.Pid == k:\n        time.sleep(0.4)\n"
        "    pm.barrier()\n",
        wait_s=0.2,
    )
    assert ended.code == 0


def test_c8_finished_ranks_wait_for_one_that_computes_alone(jobs):
    ended = jobs.run(
        "import time, pmap as pm\npm.Np\nif pm.Pid == 2:\n    time.sleep(5)\nprint(pm.Pid)\n"
    )
    assert ended.code == 0
    assert sorted(ended.out.split()) == ["0", "1", "2"]


def test_check_names_each_ranks_line_before_anything_hangs(jobs):
    ended = jobs.run(
        "import pmap as pm\nif pm.Pid == 0:\n    pm.foreach([1], print)\nelse:\n    pm.barrier()\n",
        flags=("--check",),
    )
    assert ended.code == 1
    assert ended.err.count("errors.DivergenceError:") == 1
    assert re.search(r"rank 0: foreach \(tasks\) at .*program.py:3", ended.err)
    assert re.search(r"ranks 1-2: barrier \(barrier\) at .*program.py:5", ended.err)


def test_check_sees_a_program_that_ends_too_early(jobs):
    ended = jobs.run("import pmap as pm\nif pm.Pid == 0:\n    pm.barrier()\n", flags=("--check",))
    assert ended.code == 1
    assert "ranks 1-2: the end of the program" in ended.err


def test_check_lets_a_right_program_pass(jobs):
    ended = jobs.run(
        "import pmap as pm\npm.barrier()\nassert pm.foreach([1, 2], str) == ['1', '2']\n",
        flags=("--check",),
    )
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ending_prun_ends_the_ranks(jobs, number, n):
    script = jobs.script("import time, pmap as pm\nprint(pm.Pid)\npm.barrier()\ntime.sleep(50)\n")
    process = jobs.start([*PRUN, "-n", str(n), str(script)])
    try:
        assert {process.stdout.readline().strip() for _ in range(n)} == {str(r) for r in range(n)}
        process.send_signal(number)
        code = process.wait(timeout=10)
    finally:
        process.kill()
    assert code == (128 + number if number != signal.SIGKILL else -number)
    assert jobs.soon_gone()
    process.communicate()


def test_a_rank_may_start_programs_that_are_no_ranks(jobs):
    ended = jobs.run(
        "import subprocess, sys, pmap as pm\n"
        "pm.Np\n"
        "out = subprocess.check_output([sys.executable, '-c', 'import pmap as pm; print(pm.Np)'])\n"
        "assert out.strip() == b'1', out\n",
        n=2,
    )
    assert (ended.code, ended.err) == (0, "")


def test_a_forked_child_is_no_rank_and_cannot_end_the_job(jobs):
    ended = jobs.run(
        "import multiprocessing, sys, pmap as pm\n"
        "def child():\n"
        "    assert (pm.Pid, pm.Np) == (0, 1)\n"
        "    sys.excepthook(ValueError, ValueError('of the child'), None)\n"
        "    raise SystemExit(9)\n"
        "pm.barrier()\n"
        "made = multiprocessing.get_context('fork').Process(target=child)\n"
        "made.start()\n"
        "made.join()\n"
        "assert made.exitcode == 9\n"
        "pm.barrier()\n"
        "print('whole')\n"
    )
    assert ended.out.splitlines() == ["whole"] * 3
    assert ended.code == 0


def test_c7_a_rank_that_vanishes_ends_the_job(jobs):
    ended = jobs.run(
        "import os, pmap as pm\npm.barrier()\nif pm.Pid == 1:\n    os._exit(3)\npm.barrier()\n"
    )
    assert ended.code != 0
    assert ended.seconds < 10

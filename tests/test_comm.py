"""The world of one process that no launcher started."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pmap as pm
from pmap.ranks.comm import World, alone, once
from pmap.ranks.sourceline import call, place

ROOT = Path(__file__).resolve().parents[1]


def run(program: str, **env: str) -> subprocess.CompletedProcess:
    """A fresh interpreter that no launcher started."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PMI", "OMPI", "PMAP"))}
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        env={**clean, "PYTHONPATH": str(ROOT), **env},
    )


def test_one_process_is_a_world_of_one_rank_without_mpi():
    done = run(
        "import sys, pmap as pm\n"
        "assert 'pmap.ranks.comm' not in sys.modules\n"
        "assert (pm.Pid, pm.Np) == (0, 1)\n"
        "pm.barrier()\n"
        "assert 'mpi4py' not in sys.modules and 'numpy' not in sys.modules\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_program_that_has_started_mpi_itself_is_joined():
    done = run(
        "from mpi4py import MPI\n"
        "import pmap as pm\n"
        "from pmap.ranks.comm import MpiWorld, world\n"
        "assert isinstance(world(), MpiWorld) and pm.Np == 1\n"
        "assert world().allgather(3) == [3] and world().bcast(4) == 4\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_launched_process_without_mpi4py_is_told_what_to_install():
    done = run(
        "import sys; sys.modules['mpi4py'] = None\nimport pmap as pm\npm.Np\n",
        PMI_RANK="0",
        PMI_SIZE="2",
    )
    assert done.returncode == 1
    assert "LaunchError" in done.stderr
    assert "pip install mpi4py" in done.stderr


def test_collectives_of_one_rank_return_their_argument():
    here = World()
    array = np.arange(3)
    assert here.allgather("x") == ["x"]
    assert here.bcast("x") == "x"
    assert here.allgather_array(array)[0] is array
    here.barrier()
    here.wait([], "nothing")
    assert (here.rank, here.size, here.sent_bytes, here.sent_messages) == (0, 1, 0, 0)


def test_one_rank_has_no_one_to_send_to():
    with pytest.raises(pm.PmapError, match="has one rank"):
        World().isend(np.zeros(1, np.uint8), 1, 0)
    with pytest.raises(pm.PmapError, match="has one rank"):
        World().irecv(np.zeros(1, np.uint8), 1, 0)


def test_once_passes_arguments_results_and_errors():
    assert once(divmod, 7, 2) == (3, 1)
    assert once(int, "ff", base=16) == 255
    with pytest.raises(ValueError, match="invalid literal"):
        once(int, "x")


def test_alone_may_be_nested():
    with alone() as outer, alone() as inner:
        assert inner is not outer
        assert pm.ranks.comm.world() is inner


def test_foreach_keeps_order_and_passes_errors():
    assert pm.foreach(iter("abc"), str.upper) == ["A", "B", "C"]
    assert pm.foreach([], str.upper) == []
    with pytest.raises(pm.ForeachError, match=r"item 1 \(0\) on rank 0: ZeroDivisionError"):
        pm.foreach([1, 0], lambda x: 1 / x)


def inside(filename: str, name: str, call):
    """A function that stands in another file, and calls `call`."""
    scope = {"call": call}
    exec(compile(f"def {name}():\n    return call()\n", filename, "exec"), scope)
    return scope[name]


PMAP = str(Path(pm.__file__).parent)


def test_the_place_is_the_outermost_operation_and_the_users_line():
    inner = inside(f"{PMAP}/exchange.py", "run", place)
    numpy = inside(f"{Path(np.__file__).parent}/_core/fromnumeric.py", "sum", inner)
    outer = inside(f"{PMAP}/reductions.py", "total", numpy)
    name, line = outer()
    assert name == "total"
    assert line.startswith(f"{__file__}:")


def test_an_app_inside_the_package_is_a_program_of_a_user():
    barrier = inside(f"{PMAP}/comm.py", "barrier", place)
    assert inside(f"{PMAP}/apps/segment.py", "main", barrier)() == (
        "barrier",
        f"{PMAP}/apps/segment.py:2",
    )


def test_the_quick_name_of_an_operation_is_the_same():
    inner = inside(f"{PMAP}/exchange.py", "run", call)
    name, file, line = inside(f"{PMAP}/reductions.py", "total", inner)()
    assert (name, file) == ("total", __file__) and line > 0
    assert call()[0] == ""

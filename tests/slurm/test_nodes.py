"""Worlds over several nodes: real ones of SLURM, and ranks that are told to be apart."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cluster import missing

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MPIEXEC = Path(sys.prefix) / "bin" / "mpiexec"
PROGRAM = str(HERE / "program.py")
SLURM = pytest.mark.skipif(bool(missing()), reason=missing() or "there is SLURM")
LIMIT_S = 120.0


def run(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess:
    more = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1"}
    return subprocess.run(
        command, env={**env, **more}, capture_output=True, text=True, timeout=LIMIT_S
    )


@SLURM
@pytest.mark.parametrize(
    ("nodes", "ranks", "shared"),
    [(2, 4, [2, 2, 2, 2]), (4, 4, [1, 1, 1, 1]), (3, 4, [2, 2, 1, 1]), (1, 4, [4] * 4)],
)
def test_redistribution_over_nodes_of_slurm(slurm, nodes, ranks, shared):
    most = f"--ntasks-per-node={max(shared)}"
    srun = ["srun", "--mpi=pmi2", f"-N{nodes}", f"-n{ranks}", most, "--kill-on-bad-exit=1", "-t2"]
    done = run([*srun, sys.executable, "-m", "mpi4py", PROGRAM, *map(str, shared)], slurm)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"right {ranks}\n"


@SLURM
def test_a_rank_that_fails_ends_the_others_on_all_nodes(slurm):
    text = "import pmap as pm\npm.barrier()\nif pm.Pid == 1: raise ValueError('here')\npm.barrier()"
    srun = ["srun", "--mpi=pmi2", "-N2", "-n4", "--kill-on-bad-exit=1", "-t2"]
    done = run([*srun, sys.executable, "-c", text], slurm)
    assert done.returncode != 0
    assert "ValueError: here" in done.stderr


@pytest.mark.skipif(not MPIEXEC.exists(), reason=f"no {MPIEXEC}: pip install mpich")
@pytest.mark.parametrize("shared", [[2, 2, 2, 2], [1, 3, 3, 3], [1, 1]])
def test_redistribution_over_ranks_that_are_told_to_be_apart(shared):
    groups, at = [], 0
    while at < len(shared):
        command = ["-n", str(shared[at]), "-env", "SLURM_NODEID", str(at), sys.executable]
        groups += [":", *command, "-m", "mpi4py", PROGRAM, *map(str, shared)]
        at += shared[at]
    done = run([str(MPIEXEC), *groups[1:]], dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"right {len(shared)}\n"


@pytest.mark.skipif(not MPIEXEC.exists(), reason=f"no {MPIEXEC}: pip install mpich")
@pytest.mark.parametrize(("way", "shared"), [("mpi", 1), ("single", 2), ("auto", 2)])
def test_the_way_can_be_forced(way, shared):
    command = [str(MPIEXEC), "-n", "2", sys.executable, "-m", "mpi4py", PROGRAM]
    done = run([*command, str(shared), str(shared)], {**os.environ, "PMAP_TRANSPORT": way})
    assert done.returncode == 0, done.stderr
    assert done.stdout == "right 2\n"


@pytest.mark.skipif(not MPIEXEC.exists(), reason=f"no {MPIEXEC}: pip install mpich")
def test_a_way_that_is_not_known_is_refused_with_the_right_ones():
    command = [str(MPIEXEC), "-n", "2", sys.executable, "-m", "mpi4py", PROGRAM, "2", "2"]
    done = run(command, {**os.environ, "PMAP_TRANSPORT": "fast"})
    assert done.returncode == 1
    assert "PMAP_TRANSPORT is 'fast'; it must be one of auto, mpi, single" in done.stderr

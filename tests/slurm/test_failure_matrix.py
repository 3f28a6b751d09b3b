"""Each failure, on one machine and over nodes: ended in time, with the rank and the line."""

import os

import pytest
from cluster import missing
from failure_matrix import CASES, MPIEXEC, run

SLURM = pytest.mark.skipif(bool(missing()), reason=missing() or "there is SLURM")
LOCAL = pytest.mark.skipif(not MPIEXEC.exists(), reason=f"no {MPIEXEC}: pip install mpich")


@LOCAL
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {' '.join(case.flags)}")
def test_on_one_machine(case, tmp_path):
    ended = run(case, "local", tmp_path, dict(os.environ))
    assert ended.problems(case) == [], ended.err


@SLURM
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {' '.join(case.flags)}")
def test_over_nodes(case, tmp_path, slurm):
    ended = run(case, "srun", tmp_path, slurm)
    assert ended.problems(case) == [], ended.err

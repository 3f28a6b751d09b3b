"""A /dev/shm too small for the ranks of a node is refused before MPI starts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pmap import nodeshare

ROOT = Path(__file__).resolve().parents[1]
MPIEXEC = Path(sys.prefix) / "bin" / "mpiexec"


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("MPI_LOCAL", "OMPI", "SLURM")):
            monkeypatch.delenv(name)


def test_one_rank_needs_nothing(tmp_path):
    assert nodeshare.problem(str(tmp_path / "missing")) == ""


def test_a_folder_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("MPI_LOCALNRANKS", "2")
    assert "missing" in nodeshare.problem(str(tmp_path / "missing"))


@pytest.mark.parametrize("rank", ["0", "3"])
def test_too_many_ranks_get_a_number_that_fits(monkeypatch, tmp_path, rank):
    monkeypatch.setenv("MPI_LOCALNRANKS", "100000000")
    monkeypatch.setenv("MPI_LOCALRANKID", rank)
    said = nodeshare.problem(str(tmp_path))
    assert "ranks at most" in said and "--shm-size" in said
    assert nodeshare.is_first() == (rank == "0")


def test_enough_is_enough(monkeypatch, tmp_path):
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "2(x3),1")
    assert nodeshare.problem(str(tmp_path)) == ""


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None or not MPIEXEC.exists(),
    reason="needs root, unshare and mpich: a small /dev/shm is mounted for the test alone",
)
@pytest.mark.parametrize("size", ["16m", "64k"])
def test_real_ranks_on_a_small_memory_are_refused_before_the_program(tmp_path, size):
    script = tmp_path / "program.py"
    script.write_text("print('started')\n")
    job = f"{MPIEXEC} -n 4 {sys.executable} -m pmap.boot {script}"
    command = f"mount -t tmpfs -o size={size} tmpfs /dev/shm && exec {job}"
    env = {**os.environ, "PMAP_NP": "4", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", command], env=env, capture_output=True, text=True, timeout=60
    )
    if "unshare failed" in done.stderr or "permission denied" in done.stderr.lower():
        pytest.skip("no mount namespace may be made here")
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("need 21 MB in /dev/shm") == 1
    assert done.stdout == ""

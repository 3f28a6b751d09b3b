"""One cluster for all tests of this folder, and a folder of programs for each."""

import os
import subprocess

import pytest
from cluster import running
from jobs import PROGRAMS, ROOT, marked, until


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    with running(tmp_path_factory.mktemp("slurm")) as env:
        yield env


@pytest.fixture
def here(slurm, tmp_path, monkeypatch):
    """A folder of programs to be in, and an environment in which SLURM is found."""
    for name in ("PATH", "SLURM_CONF"):
        monkeypatch.setenv(name, slurm[name])
    more = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1"}
    more |= {"PMAP_STATE_DIR": str(tmp_path / "jobs"), "PMAP_PRUN_TEST": str(tmp_path)}
    more |= {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    for name, text in PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    subprocess.run(["scancel", "--user=root"], env={**os.environ, **slurm}, timeout=30)
    assert until(lambda: not marked(tmp_path)), marked(tmp_path)

"""The doctor finds real faults, each with its remedy; nothing is found where all is well."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pmap import __version__, doctor
from pmap.__main__ import main

ROOT = Path(__file__).resolve().parents[1]
needs_mpiexec = pytest.mark.skipif(doctor.mpiexec() is None, reason="no mpiexec: pip install mpich")


def run(*words: str, **env: str) -> subprocess.CompletedProcess:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PMI", "OMP", "PMAP"))}
    env = {**clean, "PYTHONPATH": str(ROOT), **env}
    command = [sys.executable, "-m", "pmap", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)


def faults(findings) -> dict[str, doctor.Finding]:
    found = [f for f in findings if f.level == "fault"]
    assert all(f.remedy for f in found)
    return {f.what: f for f in found}


@needs_mpiexec
def test_a_healthy_installation_has_no_faults():
    done = run("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert "two ranks: start, see each other" in done.stdout
    assert "no faults found" in done.stdout


@needs_mpiexec
def test_faults_of_the_environment_are_found_together():
    done = run("doctor", TMPDIR="/no/such", OMP_NUM_THREADS="9999", PMAP_WAIT_S="soon")
    assert done.returncode == 1
    assert "3 faults found" in done.stdout
    for word in ("TMPDIR", "OMP_NUM_THREADS", "PMAP_WAIT_S"):
        assert f"fault  {word}" in done.stdout


def test_a_misspelled_variable_is_noted(monkeypatch):
    monkeypatch.setenv("PMAP_WIAT_S", "3")
    (note,) = [f for f in doctor.variables() if f.what == "PMAP_WIAT_S"]
    assert note.level == "note"
    assert "PMAP_WAIT_S" in note.remedy


def test_missing_and_old_packages_are_faults():
    assert "pip install 'no-such-package>=1'" in doctor.package("no-such-package", "1").remedy
    assert doctor.package("numpy", "99.0").found.endswith("older than 99.0")
    assert doctor.package("numpy", "1.9").level == "ok"


def test_mpi4py_that_cannot_be_loaded_is_a_fault(tmp_path, monkeypatch):
    (tmp_path / "mpi4py").mkdir()
    (tmp_path / "mpi4py" / "__init__.py").write_text("raise ImportError('libmpi.so.12: none')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = faults(doctor.mpi())
    assert "libmpi.so.12" in found["MPI library"].found


def test_no_mpiexec_is_a_fault(monkeypatch):
    monkeypatch.setattr(doctor, "mpiexec", lambda: None)
    assert "pip install mpi4py mpich" in faults(doctor.mpi())["mpiexec"].remedy


def test_an_mpiexec_of_another_mpi_is_a_fault(tmp_path, monkeypatch):
    """A launcher that starts two processes that do not know each other."""
    other = tmp_path / "mpiexec"
    other.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && { echo "mpiexec (OpenRTE) 5.0"; exit 0; }\n'
        'while [ "$1" != -n ]; do shift; done\nshift 2\n"$@" & "$@"; code=$?; wait; exit $code\n'
    )
    other.chmod(other.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(doctor, "mpiexec", lambda: str(other))
    found = faults(doctor.mpi())
    assert "each rank would be alone" in found["mpiexec"].found
    assert found["two ranks"].found == "each sees a world of one rank"


def test_ranks_that_never_start_do_not_hold_the_doctor_up(tmp_path, monkeypatch):
    stuck = tmp_path / "mpiexec"
    stuck.write_text("#!/bin/sh\nexec sleep 60\n")
    stuck.chmod(stuck.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(doctor, "LIMIT_S", 0.5)
    finding = doctor.two_ranks(str(stuck), "MPICH")
    assert finding.level == "fault"
    assert "no end after" in finding.found


def test_little_shared_memory_is_a_fault(monkeypatch):
    monkeypatch.setattr(doctor, "SMALL_SHM_MB", 1e12)
    assert "--shm-size" in doctor.shared_memory().remedy


def test_slurm_with_commands_missing_is_a_fault(tmp_path, monkeypatch):
    for name in ("sbatch", "srun"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.slurm().found == "without squeue, scancel, scontrol, sinfo"
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert doctor.slurm().level == "ok"


def test_procps_pmap_is_told_from_ours(tmp_path, monkeypatch):
    (tmp_path / "pmap").write_text("#!/bin/sh\n")
    (tmp_path / "pmap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("pmap")
    assert "procps" in {f.what: f for f in doctor.commands()}["pmap"].found


def test_info_is_json_and_version_is_the_version(capsys):
    assert main(["info"]) == 0
    assert json.loads(capsys.readouterr().out)["pmap"] == __version__
    assert main(["version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_a_verb_that_is_none_is_refused_with_those_that_are(capsys):
    assert main(["docter"]) == 2
    text = capsys.readouterr().err
    assert "no verb 'docter'" in text
    assert "doctor" in text
    assert main([]) == 2


@needs_mpiexec
def test_prun_knows_the_verb():
    command = [sys.executable, "-m", "pmap.launch.prun", "doctor"]
    env = dict(os.environ, PYTHONPATH=str(ROOT))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)
    assert "ok     Python" in done.stdout

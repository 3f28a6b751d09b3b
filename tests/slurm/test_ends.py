"""Jobs that SLURM ends or starts again, and worlds that are not what was asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cluster import missing
from jobs import ROOT, marked, prun, submitted, until

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "there is SLURM")

LEDGER = """\
import sys, time
import pmap as pm

def work(item):
    with open("begun.txt", "a") as file:
        file.write(f"{item}\\n")
    time.sleep(float(sys.argv[1]))
    return item * item

squares = pm.foreach(range(40), work, ledger="ledger")
if pm.Pid == 0:
    print("sum", sum(squares))
"""


def finished(folder: Path) -> list[str]:
    return [path.stem for path in (folder / "ledger").glob("*.json")]


def slurm_id(folder) -> str:
    """Number of the only SLURM job of a folder."""
    queue = subprocess.run(
        ["squeue", "-h", "-o", "%A %j"], capture_output=True, text=True, timeout=30
    ).stdout.split()
    return queue[0]


@pytest.fixture
def ledger(here):
    (here / "ledger.py").write_text(LEDGER)
    return here


def test_sigterm_before_the_time_limit_keeps_what_is_finished(ledger):
    """What SLURM sends before the limit, sent now; the limit itself takes minutes."""
    folder = submitted("--triples", "4,2,1", "ledger.py", "1.0")
    assert until(lambda: len(finished(ledger)) >= 4), prun("logs", folder.name).stdout
    number = slurm_id(folder)
    subprocess.run(["scancel", "--signal=TERM", number], check=True, timeout=30)
    done = prun("status", "--wait", folder.name)
    assert done.returncode != 0
    log = folder.log("ledger").read_text()
    for rank in range(8):
        assert f"rank {rank} of 8 was asked to end (SIGTERM" in log
    assert "ledger.py:7; what is finished is kept" in log
    assert until(lambda: not marked(ledger)), marked(ledger)
    before = finished(ledger)
    assert 4 <= len(before) < 40
    (ledger / "begun.txt").unlink()
    again = prun("resume", "--wait", folder.name)
    # the same command, slow items and all: only what was left is begun
    assert again.returncode == 0, again.stderr
    begun = (ledger / "begun.txt").read_text().split()
    assert sorted(begun, key=int) == sorted(set(map(str, range(40))) - set(before), key=int)
    assert f"sum {sum(i * i for i in range(40))}" in folder.log("ledger").read_text()


def test_a_job_that_is_requeued_goes_on(ledger):
    folder = submitted("--triples", "2,2,1", "ledger.py", "0.4")
    assert until(lambda: len(finished(ledger)) >= 4), prun("logs", folder.name).stdout
    number = slurm_id(folder)
    subprocess.run(["scontrol", "requeue", number], check=True, timeout=30)
    assert until(lambda: not marked(ledger)), marked(ledger)
    before = finished(ledger)
    (ledger / "begun.txt").unlink()
    subprocess.run(["scontrol", "update", f"JobId={number}", "StartTime=now"], timeout=30)
    done = prun("status", "--wait", folder.name, limit_s=300)
    assert done.returncode == 0, folder.log("ledger").read_text()
    assert not set(before) & set((ledger / "begun.txt").read_text().split())
    assert f"sum {sum(i * i for i in range(40))}" in folder.log("ledger").read_text()


def test_worlds_of_one_rank_each_are_refused_before_the_program(here):
    """What Open MPI does under pmi2, and any MPI under none."""
    (here / "program.py").write_text("print('started')\n")
    command = ["srun", "--mpi=none", "-N2", "-n4", "--kill-on-bad-exit=1", "-t2"]
    done = subprocess.run(
        [*command, sys.executable, "-m", "pmap.boot", "program.py"],
        env={**os.environ, "PMAP_NP": "4", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert done.stderr.count("4 ranks were asked for, but this process is in a world of 1") == 1
    assert "--mpi pmix, or --mpi mpiexec" in done.stderr


def test_a_record_of_a_world_over_nodes_has_every_rank(here):
    done = prun("--slurm", "--wait", "--triples", "2,2,1", "--record", "t.jsonl", "rows.py")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (here / "t.jsonl").read_text().splitlines()]
    assert {line["rank"] for line in lines} == {0, 1, 2, 3}

"""Tables that several stages fill in: whole at every moment, and nothing else is accepted."""

import itertools
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import pmap as pm
from pmap.apps import celltables, tables, wholefiles


@pytest.fixture
def ledger(tmp_path):
    return pm.Ledger(tmp_path / ".pmap" / "done", root=tmp_path)


def columns(n):
    return {"id": np.arange(n), "class": np.full(n, "neuron")}


def test_a_table_is_whole_until_it_is_touched(tmp_path, ledger):
    assert not celltables.is_whole(tmp_path, ledger, "r0_c0")
    path = celltables.write_table(tmp_path, ledger, "r0_c0", columns(3))
    assert path.read_text() == tables.to_csv(columns(3))
    assert celltables.is_whole(tmp_path, ledger, "r0_c0")
    assert not celltables.is_whole(tmp_path, ledger, "r0_c1")
    whole = path.read_bytes()
    for damage in (whole[:-1], whole[:9], b"", whole.replace(b"1", b"2"), whole + b"\n"):
        path.write_bytes(damage)
        assert not celltables.is_whole(tmp_path, ledger, "r0_c0")
    path.write_bytes(whole)
    assert celltables.is_whole(tmp_path, ledger, "r0_c0")
    celltables.forget(tmp_path, ledger, "r0_c0")
    assert not path.exists()


def test_the_table_of_before_does_not_come_back(tmp_path, ledger):
    path = celltables.write_table(tmp_path, ledger, "r0_c0", columns(3))
    old = path.read_bytes()
    celltables.write_table(tmp_path, ledger, "r0_c0", columns(4))
    path.write_bytes(old)
    assert not celltables.is_whole(tmp_path, ledger, "r0_c0")


def test_a_damaged_table_does_not_become_whole_by_a_try_to_write_it(tmp_path, ledger, monkeypatch):
    path = celltables.write_table(tmp_path, ledger, "r0_c0", columns(3))
    path.write_bytes(b"id,class\n0,neu")
    monkeypatch.setattr(wholefiles, "write_text", cut_off_at(0, wholefiles.write_text))
    with pytest.raises(KeyboardInterrupt):
        celltables.write_table(tmp_path, ledger, "r0_c0", columns(4))
    assert not celltables.is_whole(tmp_path, ledger, "r0_c0")


def cut_off_at(call, f):
    """`f`, until the given call of it."""
    calls = itertools.count()

    def cut(*args, **named):
        if next(calls) == call:
            raise KeyboardInterrupt
        return f(*args, **named)

    return cut


@pytest.mark.parametrize(
    ("where", "call"), [("listed", 0), ("renamed", 0), ("listed", 1), ("never", 0)]
)
def test_cut_off_between_any_two_steps(tmp_path, ledger, monkeypatch, where, call):
    celltables.write_table(tmp_path, ledger, "r0_c0", columns(3))
    if where == "listed":
        monkeypatch.setattr(pm.Ledger, "finish", cut_off_at(call, pm.Ledger.finish))
    if where == "renamed":
        monkeypatch.setattr(wholefiles, "write_text", cut_off_at(call, wholefiles.write_text))
    try:
        celltables.write_table(tmp_path, ledger, "r0_c0", columns(4))
        assert where == "never"
    except KeyboardInterrupt:
        assert where != "never"
    monkeypatch.undo()
    assert celltables.is_whole(tmp_path, ledger, "r0_c0")
    rows = len(tables.read_csv(celltables.table_path(tmp_path, "r0_c0"))["id"])
    assert rows == (4 if where == "never" or call == 1 else 3)


WRITER = """
import sys
from pathlib import Path
import numpy as np
import pmap as pm
from pmap.apps import celltables
out = Path(sys.argv[1])
ledger = pm.Ledger(out / ".pmap" / "done", root=out)
for i in range(10**9):
    celltables.write_table(out, ledger, "r0_c0", {"id": np.arange(2000 + i % 7)})
    print(i, flush=True)
"""


def test_killed_at_any_moment(tmp_path, ledger):
    draw = random.Random(3)
    for _ in range(6):
        job = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        with job:
            assert job.stdout.readline() == "0\n"
            time.sleep(draw.uniform(0, 0.05))
            job.send_signal(signal.SIGKILL)
        assert celltables.is_whole(tmp_path, ledger, "r0_c0")
        assert 2000 <= len(tables.read_csv(celltables.table_path(tmp_path, "r0_c0"))["id"]) < 2007

"""Traffic is counted by the program's own lines."""

import json
import os
import subprocess
import sys

import numpy as np

import pmap as pm
from pmap.ranks.comm import world


def test_a_line_is_charged_what_its_plan_sends():
    A = pm.asarray(np.arange(12.0 * 9).reshape(12, 9), map=pm.Map([-1, 1]))
    B = pm.zeros((12, 9), map=pm.Map([1, -1]))
    before = world().sent_bytes
    with pm.record() as r:
        B[:] = A
        C = A + 1
    assert C.shape == (12, 9)
    assert r.bytes == world().sent_bytes - before
    if world().size > 1:
        (line,) = r.lines
        assert line.line.endswith(f"{__file__.split('/')[-1]}:19")
        assert line.calls == 1 and line.messages == world().size - 1
        assert "test_recording.py:19" in str(r)
    with pm.record() as nothing:
        A + A
    assert nothing.lines == []


def test_a_whole_program_is_recorded(tmp_path):
    if world().rank:
        return
    record, script = tmp_path / "r.jsonl", tmp_path / "s.py"
    script.write_text("import pmap as pm\nA = pm.ones(4, map=pm.Map([1]))\npm.agg(A)\n")
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PMI", "PMIX", "OMPI"))}
    env = {**plain, "PMAP_RECORD": str(record), "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, str(script)], env=env, check=True, timeout=60)
    (line,) = map(json.loads, record.read_text().splitlines())
    assert line["rank"] == 0 and line["line"].endswith("s.py:3") and line["bytes"] == 0

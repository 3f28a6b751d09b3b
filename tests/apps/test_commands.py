"""Command lines: a fault is one line with the right option, said once for all ranks."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = "simulate segment classify coincide stitch export evaluate pipeline".split()
LIMIT_S = 60


def app(name):
    return importlib.import_module(f"pmap.apps.{name}")


@pytest.mark.parametrize("name", APPS)
def test_a_wrong_option_is_named_with_the_options_there_are(name, capsys):
    with pytest.raises(SystemExit) as end:
        app(name).main(["--no-such-thing", "3"])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: no option --no-such-thing; ")
    assert "Options: --help" in said
    assert said.count("\n") == 1


def test_the_nearest_option_is_named_before_what_is_missing(capsys):
    with pytest.raises(SystemExit):
        app("segment").main(["image.tif", "--diametre-um=9"])
    assert "did you mean --diameter-um?" in capsys.readouterr().err


def test_options_are_not_guessed_from_their_beginning(capsys):
    with pytest.raises(SystemExit):
        app("simulate").main(["--ou", "folder"])
    assert "no option --ou" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["segment", "simulate", "pipeline"])
def test_what_is_missing_is_one_line(name, capsys):
    with pytest.raises(SystemExit) as end:
        app(name).main([])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "are required" in said
    assert f"see {name} --help" in said
    assert said.count("\n") == 1


def prun(*args, ranks=3):
    return subprocess.run(
        [sys.executable, "-m", "pmap.launch.prun", "-n", str(ranks), *map(str, args)],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=LIMIT_S,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_all_ranks_say_it_once():
    done = prun("segment", "--diametre-um", 9)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    done = prun("segment", "--help")
    assert done.returncode == 0
    assert done.stdout.count("example:") == 1

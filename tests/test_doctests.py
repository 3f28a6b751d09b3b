"""Examples in docstrings, run on one rank."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = {"pmap": "pmap", "apps": "pmap.apps", "launch": "pmap.launch"}


def modules() -> list[str]:
    """Modules whose docstrings hold an example."""
    found = []
    for folder, name in INSTALLED.items():
        for file in sorted((ROOT / folder).rglob("*.py")):
            if ">>> " in file.read_text(encoding="utf-8"):
                inner = file.relative_to(ROOT / folder).with_suffix("").parts
                found.append(".".join([name, *(part for part in inner if part != "__init__")]))
    return found


@pytest.mark.parametrize("name", modules())
def test_examples_of(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0

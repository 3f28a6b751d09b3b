"""The documentation tells the truth: its code runs, its links lead somewhere, nothing is missing.

On a page, in order: `python` blocks with prompts are doctests that share names; one that begins
with `# file: NAME` is written to NAME; others are run; `bash` blocks are run in the same folder,
with the commands of this installation.
"""

import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")
RUN_S = 240


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text[: m.start()].count("\n") + 1, m[1], m[2]) for m in BLOCK.finditer(text)
    ]


def runs_code(page: Path) -> bool:
    return any(b.language in ("python", "bash") for b in blocks(page))


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]])
    python_path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    # a page that shows a run of two ranks must not meet the threads of this machine
    return {**os.environ, "PATH": path, "PYTHONPATH": python_path, "OMP_NUM_THREADS": "1"}


def run_block(block: Block, folder: Path, names: dict) -> None:
    where = f"{block.page.name}:{block.line}"
    if block.language == "bash":
        call(["bash", "-euo", "pipefail", "-c", block.text], folder, where)
    elif block.language == "python" and (named := re.match(r"# file: (\S+)\n", block.text)):
        folder.joinpath(named[1]).write_text(block.text, encoding="utf-8")
    elif block.language == "python" and ">>> " in block.text:
        run_doctest(block, names, where)
    elif block.language == "python":
        call([sys.executable, "-c", block.text], folder, where)


def run_doctest(block: Block, names: dict, where: str) -> None:
    test = doctest.DocTestParser().get_doctest(block.text, names, where, str(block.page), 0)
    said = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=said.append, clear_globs=False)
    names.update(test.globs)
    assert runner.failures == 0, f"{where}\n" + "".join(said)


def call(argv: list[str], folder: Path, where: str) -> None:
    done = subprocess.run(
        argv, cwd=folder, env=environment(), capture_output=True, text=True, timeout=RUN_S
    )
    assert done.returncode == 0, f"{where}: code {done.returncode}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize(
    "page",
    [p for p in PAGES if runs_code(p)],
    ids=lambda p: p.relative_to(ROOT).as_posix(),
)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks(page):
        run_block(block, tmp_path, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    targets = [m[1] for m in LINK.finditer(page.read_text(encoding="utf-8"))]
    dead = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert dead == []


def test_the_runner_notices_code_that_fails(tmp_path):
    for language, text in [
        ("bash", "true\nfalse\ntrue\n"),
        ("python", ">>> 1 + 1\n3\n"),
        ("python", "raise SystemExit(3)\n"),
    ]:
        with pytest.raises(AssertionError):
            run_block(Block(tmp_path / "page.md", 1, language, text), tmp_path, {})


def commands() -> list[str]:
    """Apps that have a command line."""
    files = sorted((ROOT / "apps").glob("*.py"))
    return [f.stem for f in files if "\ndef main(" in f.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_with_an_example_and_is_documented(name):
    done = subprocess.run(
        [sys.executable, "-m", f"pmap.apps.{name}", "--help"],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(rf"(pRUN( -n \d+)? |pmap\.apps\.){name} ", done.stdout), "no example"
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {name}$(.*?)(?=^## |\Z)", page, re.M | re.S)
    assert section, f"docs/reference/command-line.md has no section {name}"
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", done.stdout)) - {"--help"}
    missing = sorted(o for o in options if o not in section[1])
    assert missing == [], f"command-line.md does not tell {name}'s {missing}"


def test_the_page_of_functions_is_made_of_the_tested_entries():
    made = subprocess.run(
        [sys.executable, "-c", "import functions; print(functions.page(), end='')"],
        cwd=ROOT / "docs",
        env=environment(),
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=True,
    ).stdout
    page = ROOT / "docs" / "reference" / "functions.md"
    assert page.read_text(encoding="utf-8") == made, "run `python docs/functions.py`"

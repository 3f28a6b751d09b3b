"""setup.cfg says what is on disk."""

import configparser
import tomllib
from pathlib import Path

import pmap

ROOT = Path(__file__).resolve().parents[1]


def configuration():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_packages_are_the_folders_on_disk():
    listed = set(configuration()["options"]["packages"].split())
    on_disk = set()
    for folder, name in (("pmap", "pmap"), ("apps", "pmap.apps"), ("launch", "pmap.launch")):
        for init in (ROOT / folder).rglob("__init__.py"):
            inner = init.parent.relative_to(ROOT / folder).parts
            on_disk.add(".".join([name, *inner]))
    assert listed == on_disk


def test_every_folder_with_python_is_a_package():
    for folder in ("pmap", "apps", "launch"):
        for file in (ROOT / folder).rglob("*.py"):
            assert (file.parent / "__init__.py").exists(), f"{file.parent} has no __init__.py"


def test_no_console_command_is_called_pmap():
    commands = configuration()["options.entry_points"]["console_scripts"]
    assert [line.split("=")[0].strip() for line in commands.strip().splitlines()] == ["pRUN"]


def test_the_metadata_stands_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "project" not in project
    assert configuration()["metadata"]["version"] == "attr: pmap.__version__"
    assert pmap.__version__.count(".") == 2


def test_the_checkout_holds_apps_and_launch():
    import pmap.apps

    assert Path(pmap.apps.__file__).parent.name == "apps"

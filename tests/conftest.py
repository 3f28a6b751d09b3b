"""What all tests have in common: repeatable hypothesis runs, real data, no quiet skips in CI."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a script left us in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # programs that get a Ctrl-C hear it

settings.register_profile("pmap", derandomize=True, deadline=None, database=None)
settings.load_profile("pmap")

REAL_THING = ("slurm", "browser")
"""Folders whose tests need a real service; where one is promised a skip is a failure."""


def must_not_skip(path: Path) -> bool:
    """True where the environment promises SLURM and a browser and `path` is a test of them."""
    promised = os.environ.get("CI") == "true" or os.environ.get("PMAP_REQUIRE_SLOW") == "1"
    return promised and path.parent.name in REAL_THING


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    return _fail_if_skipped(report, item.path)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    return _fail_if_skipped(report, collector.path)


def _fail_if_skipped(report, path):
    if report.skipped and not hasattr(report, "wasxfail") and must_not_skip(path):
        report.outcome = "failed"
        report.longrepr = (
            f"skipped where it has to run (CI or PMAP_REQUIRE_SLOW): {report.longrepr}"
        )
    return report


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real microscope data; a test that asks for it skips where there is none."""
    folder = Path(os.environ.get("PMAP_TEST_DATA", ROOT / ".." / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set PMAP_TEST_DATA to its folder")
    return folder

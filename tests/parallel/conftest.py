"""Every test here is called on all ranks in the same order: `tests/parallel/run.py`."""

from pathlib import Path

import pytest

from pmap.ranks.comm import world


@pytest.fixture
def common_path(tmp_path: Path) -> Path:
    """One temporary folder for all ranks: rank 0's. COLLECTIVE."""
    return Path(world().bcast(str(tmp_path)))

"""A job as a value: what to run, on how many ranks, with what limits."""

import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import JobError

LEAST_MEMORY_GB = 0.5
"""What Python, NumPy and MPI take before a program starts, with some room."""


@dataclass(frozen=True)
class Job:
    """What is to be started; nothing in it depends on where it will run.

    Attributes
    ----------
    target : tuple of str
        ``("script.py",)`` or ``("-m", "package.module")``.
    args : tuple of str
        The target's own arguments.
    ranks : int
    threads_per_rank : int or None
        None = as many as the cores allow.
    prefix, check : bool
        Put the rank before each line of output; compare the ranks before each collective.
    record : Path or None
        Where to write the traffic by source line.
    memory_gb : float or None
        Memory of one rank: blocks keep within it, an allocation beyond it fails.
    python : str
        The interpreter of the ranks.
    """

    target: tuple[str, ...]
    args: tuple[str, ...] = ()
    ranks: int = 1
    threads_per_rank: int | None = None
    prefix: bool = False
    check: bool = False
    record: Path | None = None
    memory_gb: float | None = None
    python: str = sys.executable

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be."""
        _at_least("ranks (-n)", self.ranks, 1)
        if self.threads_per_rank is not None:
            _at_least("--threads-per-rank", self.threads_per_rank, 1)
        if self.memory_gb is not None and not self.memory_gb >= LEAST_MEMORY_GB:
            raise JobError(
                f"--memory is {self.memory_gb}; it must be {LEAST_MEMORY_GB} GB per rank or more: "
                "Python, NumPy and MPI take that alone"
            )

    @property
    def program(self) -> list[str]:
        """What one rank runs."""
        return [self.python, "-m", "pmap.boot", *self.target, *self.args]


def _at_least(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise JobError(f"{name} is {value!r}; it must be a whole number of at least {least}")

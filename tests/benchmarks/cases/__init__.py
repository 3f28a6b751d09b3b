"""What is measured: each module here has a list CASES of :class:`Case`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One line of the table: the same work done in several ways, in one run.

    Attributes
    ----------
    name : str
        "redistribute 8000 x 8000 float64, rows to columns, warm".
    build : callable
        ``build(scale)`` makes the data, 1.0 being the size that the name says, and returns
        ``{way: function}``. Ways: "pmap"; "raw", mpi4py written by hand; whatever begins with
        "numpy" is done by rank 0 alone, on the whole array, while the others wait. A function is
        timed as it is called, so that it should drop its result. All ways must do the same work.
    limits : dict
        ``{way: (other way, ratio)}``: the way should take at most ratio x the other's time; the
        other way "us" stands for a plain limit in microseconds.
    loops : int
        How often a function repeats its work inside: the time is divided by it.
    repeats : int
        The minimum of so many turns counts; the ways take turns.
    ranks : tuple of int
        Rank counts at which the case is run; the limits hold at the last one.
    """

    name: str
    build: Callable[[float], dict[str, Callable]]
    limits: dict[str, tuple[str, float]] = field(default_factory=dict)
    loops: int = 1
    repeats: int = 5
    ranks: tuple[int, ...] = (1, 2)


def all_cases() -> list[Case]:
    """The cases of every module here."""
    modules = sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))
    return [case for m in modules for case in import_module(f"cases.{m}").CASES]

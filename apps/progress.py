"""How far a run is: a moving bar on a terminal, a plain line per stage elsewhere."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pmap as pm

from .commands import say

REFRESH_S = 0.3
PLAIN_S = 30.0
"""Seconds between two plain lines of a stage; the variable PMAP_PROGRESS_S gives another number."""

NAME_WIDTH = 10

TERMINAL = "PMAP_TERMINAL_COLUMNS"
"""Set by pRUN where its own output, and so that of the ranks, is shown on a terminal."""


@contextlib.contextmanager
def shown(name: str, total: int = 1, count: Callable[[], int] | None = None) -> Iterator[None]:
    """Show a stage while the block runs. COLLECTIVE: one rank shows, for all.

    Parameters
    ----------
    name : str
        The stage.
    total : int
        Tiles that it consists of; 1 if it is done at once.
    count : callable, optional
        Tiles finished so far, counted where all ranks leave their marks (on disk).
    """
    start = time.perf_counter()
    kind = _Bar if pm.once(_on_terminal) else _Lines
    display = kind(name, total, count or (lambda: 0))
    pm.once(display.start)
    try:
        yield
    finally:
        display.stop()
    if kind is _Lines:
        items = f"{total} tiles, " if total > 1 else ""
        say(f"{name:<{NAME_WIDTH}} {items}{time.perf_counter() - start:.1f} s")


def skipped(name: str) -> None:
    """Say that a stage was finished by an earlier run. COLLECTIVE."""
    say(f"{name:<{NAME_WIDTH}} already finished")


def _on_terminal() -> bool:
    return sys.stdout.isatty() or TERMINAL in os.environ


def interval_s() -> float:
    """Seconds between two plain lines. LOCAL."""
    try:
        given = float(os.environ.get("PMAP_PROGRESS_S", PLAIN_S))
    except ValueError:
        return PLAIN_S
    return given if given > 0 else PLAIN_S


class _Display:
    """Shows a stage again and again, from a thread of the rank that starts it."""

    def __init__(self, name: str, total: int, count: Callable[[], int]) -> None:
        self.name, self.total, self.count = name, total, count
        self.thread: threading.Thread | None = None
        self.ended = threading.Event()

    def follow(self, every_s: float, show: Callable[[], None]) -> None:
        """Call `show` every so often, until the stage has ended."""

        def loop() -> None:
            while not self.ended.wait(every_s):
                show()

        self.thread = threading.Thread(target=loop, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End the thread, on the rank that has it."""
        self.ended.set()
        if self.thread is not None:
            self.thread.join()


class _Lines(_Display):
    """A plain line every 30 s: for logs."""

    def start(self) -> None:
        self.began = time.perf_counter()
        self.follow(interval_s(), self._line)

    def _line(self) -> None:
        tiles = f"{self.count()} of {self.total} tiles, " if self.total > 1 else ""
        took_s = time.perf_counter() - self.began
        print(f"{self.name:<{NAME_WIDTH}} {tiles}{took_s:.0f} s", flush=True)


class _Bar(_Display):
    """A rich progress bar."""

    def start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

        width = os.environ.get(TERMINAL)
        console = Console(force_terminal=True, width=int(width) if width else None)
        columns = (f"{self.name:<{NAME_WIDTH}}", BarColumn(), MofNCompleteColumn())
        self.bar = Progress(*columns, TimeElapsedColumn(), console=console)
        self.task = self.bar.add_task(self.name, total=self.total, completed=self.count())
        self.bar.start()
        self.follow(REFRESH_S, lambda: self.bar.update(self.task, completed=self.count()))

    def stop(self) -> None:
        super().stop()
        if self.thread is not None:
            self.bar.update(self.task, completed=self.total)
            self.bar.stop()

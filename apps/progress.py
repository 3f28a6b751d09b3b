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
NAME_WIDTH = 10

TERMINAL = "PMAP_TERMINAL_COLUMNS"
"""Set by pRUN where its own output, and so that of the ranks, is shown on a terminal."""


@contextlib.contextmanager
def shown(name: str, total: int, count: Callable[[], int]) -> Iterator[None]:
    """Show a stage while the block runs. COLLECTIVE: one rank shows, for all.

    Parameters
    ----------
    name : str
        The stage.
    total : int
        Items that it consists of.
    count : callable
        Items finished so far, counted where all ranks leave their marks (on disk).
    """
    start = time.perf_counter()
    bar = _Bar(name, total, count)
    pm.once(bar.start)
    try:
        yield
    finally:
        bar.stop()
    if not pm.once(_on_terminal):
        items = f"{total} tiles, " if total > 1 else ""
        say(f"{name:<{NAME_WIDTH}} {items}{time.perf_counter() - start:.1f} s")


def skipped(name: str) -> None:
    """Say that a stage was finished by an earlier run. COLLECTIVE."""
    say(f"{name:<{NAME_WIDTH}} already finished")


def _on_terminal() -> bool:
    return sys.stdout.isatty() or TERMINAL in os.environ


class _Bar:
    """A rich progress bar that counts by itself, on the rank that starts it."""

    def __init__(self, name: str, total: int, count: Callable[[], int]) -> None:
        self.name, self.total, self.count = name, total, count
        self.bar = None

    def start(self) -> None:
        if not _on_terminal():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

        width = os.environ.get(TERMINAL)
        console = Console(force_terminal=True, width=int(width) if width else None)
        columns = (f"{self.name:<{NAME_WIDTH}}", BarColumn(), MofNCompleteColumn())
        self.bar = Progress(*columns, TimeElapsedColumn(), console=console)
        self.task = self.bar.add_task(self.name, total=self.total, completed=self.count())
        self.bar.start()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self) -> None:
        while not self.ended.wait(REFRESH_S):
            self.bar.update(self.task, completed=self.count())

    def stop(self) -> None:
        if self.bar is None:
            return
        self.ended.set()
        self.thread.join()
        self.bar.update(self.task, completed=self.total)
        self.bar.stop()

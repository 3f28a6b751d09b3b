"""A job that is watched until its end: a table that changes, or a plain line from time to time."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import TextIO

from . import tables
from .states import DONE, FAILED, NEVER, OPEN, RUNNING, Row, overall

LINE_S = 30.0
COLOURS = {DONE: "green", RUNNING: "cyan", FAILED: "red", NEVER: "yellow"}

Look = Callable[[], Sequence[Row]]


def watch(look: Look, heading: str, out: TextIO | None = None) -> Sequence[Row]:
    """Show how far a job is, on stderr, until none of its stages is waiting or running.

    Parameters
    ----------
    look : callable
        Gives the rows of now.
    heading : str
        Stands above.
    out : file, optional
        Where to write, stderr by default; a terminal gets a table where `rich` is installed.

    Returns
    -------
    sequence of Row
        The last look.
    """
    out = out or sys.stderr
    if out.isatty():
        try:
            from rich.console import Console
            from rich.live import Live
        except ImportError:
            return _lines(look, heading, out)
        console = Console(file=out)
        with Live(console=console, refresh_per_second=4, transient=False) as live:
            return _until_ended(look, lambda rows: live.update(_table(rows, heading)))
    return _lines(look, heading, out)


def _lines(look: Look, heading: str, out: TextIO) -> Sequence[Row]:
    """A line at once, every 30 s, and when a stage ends or begins."""
    said: list[object] = [None, -LINE_S]

    def show(rows: Sequence[Row]) -> None:
        states, now = [r.state for r in rows], time.monotonic()
        if states != said[0] or now - said[1] >= LINE_S:
            said[:] = [states, now]
            print(f"{heading}: {tables.line(rows)}", file=out, flush=True)

    return _until_ended(look, show)


def _until_ended(look: Look, show: Callable[[Sequence[Row]], None]) -> Sequence[Row]:
    begin = time.monotonic()
    while True:
        rows = look()
        show(rows)
        if overall(rows) not in OPEN:
            return rows
        # a long job is asked for less often: SLURM has others to answer
        time.sleep(min(5.0, 0.5 + (time.monotonic() - begin) / 30))


def _table(rows: Sequence[Row], heading: str) -> object:
    from rich.table import Table
    from rich.text import Text

    header, *lines = tables.stages(rows)
    table = Table(*header, title=heading, title_justify="left", box=None, pad_edge=False)
    for row, cells in zip(rows, lines, strict=True):
        name, state, *rest = cells
        table.add_row(name, Text(state, COLOURS.get(row.state, "")), *map(Text, rest))
    return table

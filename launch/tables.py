"""Tables for people, as lines of text. Pure."""

import time
from collections.abc import Sequence

from .records import Record
from .states import DONE, NEVER, OPEN, WAITING, Row


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width, two spaces apart.

    Examples
    --------
    >>> aligned([("name", "state"), ("blur-1", "done")])
    ['name    state', 'blur-1  done']
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def stages(table: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    """Name, state, seconds and a remark of each stage, under a header."""
    header = ("stage", "state", "seconds", "")
    return [header, *((r.name, state(r), seconds(r), remark(r)) for r in table)]


def state(row: Row) -> str:
    """State of a stage; that of an array with its counts."""
    if len(row.tasks) == 1:
        return row.state
    counts = [f"{row.done} of {len(row.tasks)} done"]
    for word in dict.fromkeys(t.state for t in row.tasks):
        if word not in (DONE, WAITING):
            counts.append(f"{sum(t.state == word for t in row.tasks)} {word}")
    return row.state if row.state == WAITING else ", ".join(counts)


def seconds(row: Row) -> str:
    """Seconds of a stage, where it has begun."""
    return f"{row.seconds:.1f}" if row.seconds or row.state not in (WAITING, NEVER) else "-"


def remark(row: Row) -> str:
    """Why it waits, or how it failed."""
    if row.state == WAITING:
        return row.tasks[0].note
    bad = [t for t in row.tasks if t.state not in (*OPEN, DONE)]
    if not bad:
        return ""
    which = f"task {', '.join(str(t.number) for t in bad[:4])}" if len(row.tasks) > 1 else ""
    which += " ..." if len(bad) > 4 else ""
    codes = sorted({t.code for t in bad if t.code})
    code = f"code {', '.join(map(str, codes))}" if codes else ""
    return ": ".join(each for each in (which, bad[0].note or code) if each)


def heading(name: str, record: Record, word: str) -> str:
    """One line about a job."""
    where = "SLURM" if record.kind == "slurm" else record.host
    again = f", attempt {record.attempt}" if record.attempt > 1 else ""
    ids = ",".join(s.id for s in record.stages if s.id)
    return f"{name}: {word} ({where}{' ' + ids if ids else ''}{again})"


def line(table: Sequence[Row]) -> str:
    """All stages in one line: what each is doing, and for how long."""
    spent = [f" {row.seconds:.0f} s" if row.seconds else "" for row in table]
    return "; ".join(f"{r.name} {state(r)}{s}" for r, s in zip(table, spent, strict=True))


def age(when: float) -> str:
    """How long ago, in the unit that fits.

    Examples
    --------
    >>> age(time.time() - 7300)
    '2 h'
    """
    passed = max(0.0, time.time() - when)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if passed >= size:
            return f"{passed // size:.0f} {unit}"
    return f"{passed:.0f} s"

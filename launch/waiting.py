"""Wait for a job that runs elsewhere: show how it goes, what it says, and pass its code on."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence

from . import live, logs, states, tables
from .folders import Folder
from .records import Record
from .states import DONE, OPEN, Row

MOST_S = 5.0
INTERRUPTED = 130


def wait(folder: Folder, after: Mapping[str, int] | None = None) -> int:
    """Wait for the end of a job; Ctrl-C leaves it running.

    One program: what it writes comes out on stdout, as if it ran here, and its states on stderr.
    Several stages or tasks: a table that changes, or a line every 30 s.

    Parameters
    ----------
    folder : Folder
    after : mapping of str to int, optional
        Bytes of its logs that are passed over.

    Returns
    -------
    int
        0, or the code of the first stage that failed; 130 if the wait was cut off.
    """
    record = folder.read()
    try:
        if len(record.stages) == 1 and record.stages[0].job.array is None:
            rows = _one(folder, record, after)
        else:
            rows = live.watch(lambda: states.rows(folder, record), f"pRUN: {folder.name}")
            _tell_failures(folder, rows)
    except KeyboardInterrupt:
        _say(f"{folder.name} goes on. {hint(folder.name)}")
        return INTERRUPTED
    return states.exit_code(rows)


def hint(name: str) -> str:
    """How to look at a job that goes on."""
    return f"pRUN status {name}, pRUN logs -f {name}, pRUN cancel {name}"


def _one(folder: Folder, record: Record, after: Mapping[str, int] | None) -> list[Row]:
    """Pass on what one program writes until its end, which is told."""
    look = Look(folder, record, _say)
    logs.follow(logs.chosen(folder, record), look.ended, after)
    (row,) = look.rows
    if row.state != DONE:
        _say(f"{folder.name} {row.state} after {row.seconds:.1f} s{_bracket(tables.remark(row))}")
    return look.rows


class Look:
    """Looks at a job, not too often, and tells of each new state."""

    def __init__(self, folder: Folder, record: Record, say: Callable[[str], None]) -> None:
        self.rows: list[Row] = []
        self._folder, self._record, self._say = folder, record, say
        self._begin = time.monotonic()
        self._next = self._said_at = 0.0
        self._said = ""

    def ended(self) -> bool:
        """Whether nothing of the job runs or waits any more."""
        now = time.monotonic()
        if now >= self._next:
            # a long job is asked for less often: SLURM has others to answer
            self._next = now + min(MOST_S, 0.5 + (now - self._begin) / 30)
            self.rows = states.rows(self._folder, self._record)
            self._tell(now)
        return states.overall(self.rows) not in OPEN

    def _tell(self, now: float) -> None:
        word = states.overall(self.rows)
        new = word != self._said
        if word in OPEN and (new or now - self._said_at >= live.LINE_S):
            self._say(f"{self._folder.name} {word}{_bracket(tables.remark(self.rows[0]))}")
            self._said_at = now
        self._said = word


def _tell_failures(folder: Folder, rows: Sequence[Row]) -> None:
    """Say which stages failed, and what the first of them has said last."""
    for row in rows:
        if row.state != DONE:
            said = _bracket(tables.remark(row))
            _say(f"{folder.name}: {row.name} {tables.state(row)}{said}")
    for line in last_words(folder, rows, logs.TAIL_LINES):
        print(line, file=sys.stderr)


def last_words(folder: Folder, rows: Sequence[Row], count: int) -> list[str]:
    """The end of the log of the first task that failed, for people; empty if none did."""
    for row in rows:
        for task in row.tasks:
            part = row.name if task.number is None else f"{row.name}_{task.number}"
            if task.state in (*OPEN, DONE) or not (lines := logs.tail(folder.log(part), count)):
                continue
            head = f"the end of its log (pRUN logs {folder.name} {part}):"
            return [head, *(f"  | {line}" for line in lines)]
    return []


def _bracket(note: str) -> str:
    return f" ({note})" if note else ""


def _say(text: str) -> None:
    print(f"pRUN: {text}", file=sys.stderr, flush=True)

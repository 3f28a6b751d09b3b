"""Traffic by source line: which line of a program communicates, and what it costs.

``with pm.record() as r: ...`` records a part of a script; ``pRUN --record FILE`` the whole of it,
one JSON line per rank and source line.
"""

import atexit
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from .sourceline import place


@dataclass
class Line:
    """What one rank sent from one source line."""

    line: str
    operation: str
    calls: int = 0
    messages: int = 0
    bytes: int = 0
    wait_s: float = 0.0


class Record:
    """Lines in the order in which they first communicated; this rank's share."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], Line] = {}

    @property
    def lines(self) -> list[Line]:
        """One entry per source line and operation."""
        return list(self._lines.values())

    @property
    def messages(self) -> int:
        """Messages that this rank sent."""
        return sum(entry.messages for entry in self.lines)

    @property
    def bytes(self) -> int:
        """Bytes of array data that this rank sent."""
        return sum(entry.bytes for entry in self.lines)

    def add(self, messages: int, n_bytes: int, wait_s: float) -> None:
        """Count one exchange for the program's line that led to it."""
        operation, line = place()
        entry = self._lines.setdefault((line, operation), Line(line, operation))
        entry.calls += 1
        entry.messages += messages
        entry.bytes += n_bytes
        entry.wait_s += wait_s

    def __str__(self) -> str:
        """The lines as a table."""
        rows = [f"{'calls':>7} {'messages':>9} {'bytes':>14} {'seconds':>9}  line"]
        rows += [
            f"{e.calls:7d} {e.messages:9d} {e.bytes:14,d} {e.wait_s:9.4f}  {e.line} ({e.operation})"
            for e in self.lines
        ]
        return "\n".join(rows)


_active: list[Record] = []


def note(messages: int, n_bytes: int, wait_s: float) -> None:
    """Count an exchange in every record that is open; called by the exchange."""
    for entry in _active:
        entry.add(messages, n_bytes, wait_s)


def recording() -> bool:
    """Whether a record is open."""
    return bool(_active)


@contextmanager
def record() -> Iterator[Record]:
    """Record the traffic of this rank inside a ``with`` block, by source line. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> with pm.record() as r:
    ...     total = pm.arange(5, map=pm.Map([1])).sum()
    >>> r.messages, r.bytes
    (0, 0)
    """
    opened = Record()
    _active.append(opened)
    try:
        yield opened
    finally:
        _active.remove(opened)


def _write_at_exit(path: str) -> None:
    """Record until the process ends, then append this rank's lines to a file."""
    whole = Record()
    _active.append(whole)
    rank = int(os.environ.get("PMI_RANK", os.environ.get("OMPI_COMM_WORLD_RANK", "0")))

    def write() -> None:
        text = "".join(json.dumps({"rank": rank, **asdict(e)}) + "\n" for e in whole.lines)
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write(text)  # one write in append mode: lines of ranks do not mix
        except OSError as error:
            sys.stderr.write(f"pmap: the record could not be written to {path}: {error}\n")

    atexit.register(write)


if os.environ.get("PMAP_RECORD"):
    _write_at_exit(os.environ["PMAP_RECORD"])

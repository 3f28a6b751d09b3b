"""What a job has written: shown, or followed until its end."""

import codecs
import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from .errors import JobError
from .folders import Folder
from .records import Record
from .targets import near

POLL_S = 0.3
SETTLE_S = 0.3
"""What ranks wrote last may reach a shared disk a little after the job's end."""
TAIL_LINES = 25


def chosen(folder: Folder, record: Record, part: str = "") -> dict[str, Path]:
    """Logs of a job by the name of the stage or task; with a name, those of that stage or task.

    Raises
    ------
    JobError
        If there is no such stage or task.
    """
    names = [(s.name, each) for s in record.stages for each in s.parts()]
    found = {each: folder.log(each) for stage, each in names if part in ("", stage, each)}
    if found:
        return found
    right = list(dict.fromkeys([*(s.name for s in record.stages), *(each for _, each in names)]))
    raise JobError(f"{folder.name} has no stage {part!r}; {near(part, right[:12])}".rstrip("; "))


def show(paths: Mapping[str, Path]) -> None:
    """Print logs; more than one with the name above each."""
    for name, path in paths.items():
        if len(paths) == 1 or path.is_file():
            _head(name, len(paths))
            _write(path.read_text("utf-8", "replace") if path.is_file() else "")


def sizes(paths: Mapping[str, Path]) -> dict[str, int]:
    """How much is there already, in bytes."""
    return {name: path.stat().st_size if path.is_file() else 0 for name, path in paths.items()}


def follow(
    paths: Mapping[str, Path], ended: Callable[[], bool], after: Mapping[str, int] | None = None
) -> None:
    """Print logs as they grow, until the job has ended and once more.

    Parameters
    ----------
    paths : mapping of str to Path
    ended : callable
        Looked at from time to time.
    after : mapping of str to int, optional
        Bytes that are passed over: what an earlier attempt has written.
    """
    last = ""
    for name, more in _grown(paths, _looks(ended), after or {}):
        if name != last:
            _head(name, len(paths))
            last = name
        _write(more)


def tail(path: Path, lines: int = TAIL_LINES) -> list[str]:
    """Last lines of a log; none if there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def _looks(ended: Callable[[], bool]) -> Iterator[bool]:
    while not ended():
        yield False
        time.sleep(POLL_S)
    time.sleep(SETTLE_S)
    yield True


def _grown(
    paths: Mapping[str, Path], looks: Iterable[bool], after: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    offsets = {name: after.get(name, 0) for name in paths}
    # a letter of several bytes may be read in two parts
    decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in paths}
    for _ in looks:
        for name, path in paths.items():
            more = b""
            with contextlib.suppress(OSError), path.open("rb") as file:
                file.seek(offsets[name])
                more = file.read()
            if more:
                offsets[name] += len(more)
                yield name, decoders[name].decode(more)


def _head(name: str, count: int) -> None:
    if count > 1:
        print(f"== {name}", flush=True)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()

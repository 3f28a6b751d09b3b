"""One folder per job: what was started, how each part of it ended, what it said.

job.json          what was asked for, and what SLURM calls it
NAME.sh           the batch script of a stage
logs/NAME.log     what a stage has written; NAME_3.log is the third task of an array
ended/NAME.json   how it ended, written by the job itself
seen.json         ends that only SLURM told of
lock              held by the job's supervisor on this machine for as long as it lives
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import JobError
from .records import SCHEMA, Record, Stage
from .targets import near

CANCEL = "cancel"
"""A file of this name asks the supervisor to end the job."""


@dataclass(frozen=True)
class Folder:
    """The folder of one job."""

    path: Path

    @property
    def name(self) -> str:
        """What users call the job."""
        return self.path.name

    def read(self) -> Record:
        """What was asked for.

        Raises
        ------
        JobError
            If it was written by another version of pmap.
        """
        plain = read_json(self.path / "job.json")
        if plain.get("schema") != SCHEMA:
            raise JobError(f"{self.path}/job.json was written by another version of pmap")
        return Record.from_json(plain)

    def write(self, record: Record) -> None:
        """Keep what was asked for."""
        write_json(self.path / "job.json", record.to_json())

    def script(self, stage: Stage) -> Path:
        """Where the batch script of a stage is kept."""
        return self.path / f"{stage.name}.sh"

    def log(self, part: str) -> Path:
        """What a task has written."""
        return self.path / "logs" / f"{part}.log"

    def end(self, part: str) -> dict:
        """How a task ended; empty if it left no record."""
        return read_json(self.path / "ended" / f"{part}.json")

    def write_end(self, part: str, facts: Mapping) -> None:
        """Keep how a task ended."""
        write_json(self.path / "ended" / f"{part}.json", facts)

    def forget_end(self, part: str) -> None:
        """A task is about to be done again."""
        (self.path / "ended" / f"{part}.json").unlink(missing_ok=True)

    def seen(self) -> dict:
        """Ends that only SLURM told of, by SLURM's numbers."""
        return read_json(self.path / "seen.json")

    def write_seen(self, facts: Mapping) -> None:
        """Keep what SLURM will forget."""
        write_json(self.path / "seen.json", facts)

    def lock(self) -> int | None:
        """Take the lock; None if the job's supervisor lives. Close the descriptor to give it back.

        Raises
        ------
        JobError
            If the file system has no locks.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError as error:
            os.close(descriptor)
            raise JobError(
                f"{self.path.parent} cannot lock files ({error.strerror}); set PMAP_STATE_DIR to "
                "a folder on a disk that can"
            ) from None
        return descriptor

    def lives(self) -> bool:
        """Whether the job's supervisor holds the lock."""
        descriptor = self.lock()
        if descriptor is None:
            return True
        os.close(descriptor)
        return False


def base() -> Path:
    """Where the folders of all jobs are."""
    if given := os.environ.get("PMAP_STATE_DIR"):
        return Path(given).absolute()
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "pmap" / "jobs"


def create(name: str) -> Folder:
    """Make the folder ``NAME-1``, or the first number that is free; making it is the lock.

    Raises
    ------
    JobError
        If it cannot be written.
    """
    above = base()
    try:
        above.mkdir(parents=True, exist_ok=True)
        taken = [m for p in above.iterdir() if (m := _number(p.name, name)) is not None]
        for number in range(max(taken, default=0) + 1, 10**9):
            with contextlib.suppress(FileExistsError):
                path = above / f"{name}-{number}"
                path.mkdir()
                break
        for inner in ("logs", "ended"):
            (path / inner).mkdir()
    except OSError as error:
        raise JobError(
            f"cannot write in {above}, where jobs are kept: {error.strerror}; set PMAP_STATE_DIR "
            "to a folder of yours"
        ) from None
    return Folder(path)


def _number(name: str, stem: str) -> int | None:
    match = re.fullmatch(re.escape(stem) + r"-(\d+)", name)
    return int(match[1]) if match else None


def remove(folder: Folder) -> None:
    """Remove a folder whose job never began."""
    shutil.rmtree(folder.path, ignore_errors=True)


def jobs() -> list[tuple[Folder, Record]]:
    """All jobs, the oldest first; folders that hold none are passed over."""
    found = []
    for path in base().glob("*/job.json"):
        with contextlib.suppress(JobError, KeyError, TypeError):
            folder = Folder(path.parent)
            found.append((folder, folder.read()))
    return sorted(found, key=lambda pair: pair[1].when)


def find(word: str) -> Folder:
    """Find a job by its name, a beginning of it that no other has, SLURM's number, or "last".

    Raises
    ------
    JobError
        If none or several fit; the message names those that come near.
    """
    known = jobs()
    names = [folder.name for folder, _ in known]
    if word == "last" and known:
        return known[-1][0]
    if word in names:
        return known[names.index(word)][0]
    by_id = [f for f, record in known if word.split("_")[0] in {s.id for s in record.stages}]
    fits = by_id or [folder for folder, _ in known if folder.name.startswith(word)]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise JobError(f"{word!r} may be {_listed([f.name for f in fits])}; write more of it")
    if not known:
        raise JobError(f"no job {word!r}: none was started with --slurm or --background")
    raise JobError(f"no job {word!r}; {near(word, names[-8:])}pRUN status lists them")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")


def read_json(path: Path) -> dict:
    """Read what is there; empty if nothing is, or nothing whole."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, facts: Mapping) -> None:
    """Write beside and rename: a reader never sees half of it."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)

"""What was asked for, as it is kept: a job of one or more stages."""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace

from .arrays import task_numbers
from .job import Job

SCHEMA = 1
"""Of job.json; another number is another version of pmap."""


@dataclass(frozen=True)
class Stage:
    """One part of a job that is queued by itself; most jobs have one.

    Attributes
    ----------
    job : Job
    after : str
        Name of the stage that has to end well before; empty = none.
    tasks : tuple of str
        What the tasks of an array are about.
    id : str
        SLURM's number; empty on this machine.
    """

    job: Job
    after: str = ""
    tasks: tuple[str, ...] = ()
    id: str = ""

    @property
    def name(self) -> str:
        """Name of the stage, and of its files."""
        return self.job.name

    def parts(self) -> list[str]:
        """Names of its tasks as its files have them: the stage's own for a job that is no array."""
        numbers = task_numbers(self.job.array)
        return [self.name if n is None else f"{self.name}_{n}" for n in numbers]


@dataclass(frozen=True)
class Record:
    """What was asked for: `job.json`."""

    kind: str
    words: tuple[str, ...]
    stages: tuple[Stage, ...]
    cwd: str = field(default_factory=os.getcwd)
    host: str = field(default_factory=socket.gethostname)
    when: float = field(default_factory=time.time)
    attempt: int = 1
    schema: int = SCHEMA

    def to_json(self) -> dict:
        """Plain values."""
        plain = asdict(self)
        plain["stages"] = [{**asdict(s), "job": s.job.to_json()} for s in self.stages]
        return plain

    @classmethod
    def from_json(cls, plain: Mapping) -> "Record":
        """Make the record again that `to_json` has written."""
        stages = [
            Stage(Job.from_json(s["job"]), s["after"], tuple(s["tasks"]), s["id"])
            for s in plain["stages"]
        ]
        values = {f.name: plain[f.name] for f in fields(cls)}
        return cls(**{**values, "words": tuple(plain["words"]), "stages": tuple(stages)})


def changed(record: Record, ids: Mapping[str, str], attempt: int) -> Record:
    """The record with new numbers of SLURM for some stages."""
    stages = tuple(replace(s, id=ids.get(s.name, s.id)) for s in record.stages)
    return replace(record, stages=stages, attempt=attempt)

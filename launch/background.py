"""Jobs on this machine that go on after pRUN has returned, each under a supervisor of its own.

The supervisor, ``python -m pmap.launch.background FOLDER``, holds the lock of the job's folder for
as long as it lives. Whether a job runs is whether its lock is held: a number of a process may be
another's tomorrow, a lock cannot. To cancel a job is to ask its supervisor, by a file.
"""

import os
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from . import folders, submit
from .errors import JobError
from .folders import CANCEL, Folder
from .job import Job
from .records import Record, Stage

CANCEL_S = 15.0
"""Longer than the ranks are given to end."""
POLL_S = 0.05


def start(job: Job, words: Sequence[str]) -> Folder:
    """Start a job that runs on after us.

    Parameters
    ----------
    job : Job
    words : sequence of str
        The command line, for people to read.

    Raises
    ------
    JobError
        If this machine cannot run it, or the folder of jobs cannot be written.
    """
    submit.ready(job)
    folder = folders.create(job.name)
    folder.write(Record("local", tuple(words), (Stage(job),)))
    _leave(folder, os.getcwd())
    return folder


def resume(folder: Folder, record: Record) -> None:
    """Start the same job again in the same folder.

    Raises
    ------
    JobError
        If it runs, or belongs to another machine.
    """
    _only_here(folder, record, "resume")
    lock = folder.lock()
    if lock is None:
        raise JobError(f"{folder.name} runs; pRUN cancel {folder.name} ends it")
    (folder.path / CANCEL).unlink(missing_ok=True)
    folder.forget_end(record.stages[0].name)
    folder.write(replace(record, attempt=record.attempt + 1, when=time.time()))
    _leave(folder, record.cwd, lock)


def cancel(folder: Folder, record: Record) -> None:
    """Ask the supervisor to end the job, and wait until it has.

    Raises
    ------
    JobError
        If it does not run, runs on another machine, or does not end.
    """
    _only_here(folder, record, "cancel")
    if not folder.lives():
        raise JobError(f"{folder.name} does not run; pRUN status {folder.name}")
    (folder.path / CANCEL).touch()
    limit = time.monotonic() + CANCEL_S
    while folder.lives():
        if time.monotonic() > limit:
            raise JobError(f"{folder.name} has not ended for {CANCEL_S:.0f} s; it was asked to")
        time.sleep(POLL_S)


def _only_here(folder: Folder, record: Record, verb: str) -> None:
    if record.host != socket.gethostname():
        raise JobError(f"{folder.name} belongs to {record.host}; pRUN {verb} it there")


def _leave(folder: Folder, cwd: str, lock: int | None = None) -> None:
    """Start the supervisor, which takes over the lock; there is no moment without it."""
    lock = folder.lock() if lock is None else lock
    log = folder.log(folder.read().stages[0].name)
    try:
        submit.leave_running(__name__, [str(folder.path), str(lock)], log, lock, cwd)
    finally:
        os.close(lock)


def supervise(folder: Folder) -> int:
    """Run the job to its end, or until somebody asks for it, and keep how it ended."""
    record = folder.read()
    job = record.stages[0].job
    if record.attempt > 1:
        print(f"pRUN: attempt {record.attempt}", flush=True)
    begin, request = time.time(), folder.path / CANCEL
    try:
        code = submit.run(job, request.exists)
    except JobError as error:
        print(f"pRUN: {error}", file=sys.stderr)
        code = 2
    facts = {"code": code, "seconds": round(time.time() - begin, 3), "attempt": record.attempt}
    facts |= {"ended_ms": round(time.time() * 1000), "node": record.host}
    folder.write_end(job.name, {**facts, "cancelled": request.exists() and code != 0})
    return code


if __name__ == "__main__":
    os.set_inheritable(int(sys.argv[2]), False)  # the ranks must not hold it after us
    sys.exit(supervise(Folder(Path(sys.argv[1]))))

"""The verbs of pRUN: look at jobs that run elsewhere, end them, go on with them."""

import argparse
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence

from . import background, batch, folders, logs, states, tables, waiting
from .errors import JobError
from .folders import Folder
from .records import Record
from .states import DONE, OPEN

SHOWN = 20
"""Jobs in the list: the newest."""
WIDTH = 60
LAST_LINES = 10
"""Of the log of a task that failed, in the table of its job."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise JobError(f"{self.prog.removeprefix('pRUN ')}: {message}; see {self.prog} --help")


def run(verb: str, words: Sequence[str]) -> int:
    """Do what a verb says; return the exit code."""
    parser = _Parser(prog=f"pRUN {verb}", description=HELP[verb], allow_abbrev=False)
    optional = "?" if verb == "status" else None
    parser.add_argument(
        "job", metavar="JOB", nargs=optional,
        help="its name, a beginning of it, a number of SLURM, or last",
    )  # fmt: skip
    if verb == "logs":
        parser.add_argument("part", metavar="STAGE", nargs="?", default="",
                            help="of one stage, or of one task as in tiles_3")  # fmt: skip
        parser.add_argument("-f", "--follow", action="store_true", help="until the job ends")
    if verb in ("status", "resume"):
        parser.add_argument("--wait", action="store_true", help="wait for the end of the job")
    options = parser.parse_args(words)
    if options.job is None:
        if options.wait:
            raise JobError("status --wait: name the job, or last")
        return _list()
    folder = folders.find(options.job)
    return VERBS[verb](folder, folder.read(), options)


def _list() -> int:
    """All jobs, one line each."""
    known = folders.jobs()
    if not known:
        print("no jobs yet: pRUN --background or pRUN --slurm starts one")
        return 0
    rows = [("job", "where", "state", "age", "command")]
    ask = states.asking_once(record for _, record in known[-SHOWN:])
    for folder, record in known[-SHOWN:]:
        rows.append((folder.name, *_line(folder, record, ask)))
    print("\n".join(tables.aligned(rows)))
    if len(known) > SHOWN:
        print(f"and {len(known) - SHOWN} older ones in {folders.base()}")
    return 0


def _line(folder: Folder, record: Record, ask: states.Ask) -> tuple[str, str, str, str]:
    try:
        word = states.overall(states.rows(folder, record, ask))
    except JobError:
        word = "unknown: no SLURM here"
    where = "SLURM" if record.kind == "slurm" else record.host
    command = shlex.join(record.words)
    command = command if len(command) <= WIDTH else command[: WIDTH - 3] + "..."
    return where, word, tables.age(record.when), command


def _status(folder: Folder, record: Record, options: argparse.Namespace) -> int:
    if options.wait:
        return waiting.wait(folder)
    table = states.rows(folder, record)
    print(tables.heading(folder.name, record, states.overall(table)))
    print("  " + "\n  ".join(tables.aligned(tables.stages(table))))
    print(f"command  {shlex.join(record.words)}\nfolder   {folder.path}")
    for line in waiting.last_words(folder, table, LAST_LINES):
        print(line)
    return 0


def _logs(folder: Folder, record: Record, options: argparse.Namespace) -> int:
    paths = logs.chosen(folder, record, options.part)
    if not options.follow:
        logs.show(paths)
        return 0
    try:
        logs.follow(paths, waiting.Look(folder, record, lambda said: None).ended)
    except KeyboardInterrupt:
        return waiting.INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _cancel(folder: Folder, record: Record, options: argparse.Namespace) -> int:
    if record.kind == "local":
        background.cancel(folder, record)
    else:
        table = states.rows(folder, record)
        if states.overall(table) not in OPEN:
            raise JobError(f"{folder.name} does not run: {tables.line(table)}")
        going = {row.name for row in table if row.state in OPEN}
        batch.cancel([s for s in record.stages if s.name in going])
        if not _has_ended(folder, record):
            print(
                f"{folder.name} was told to end, and SLURM is about it; pRUN status {folder.name}"
            )
            return 0
    print(f"{folder.name} cancelled; pRUN resume {folder.name} goes on with it")
    return 0


def _has_ended(folder: Folder, record: Record) -> bool:
    """Wait a little until nothing of a job is left; some nodes are slow to end it."""
    limit = time.monotonic() + background.CANCEL_S
    while time.monotonic() < limit:
        if states.overall(states.rows(folder, record)) not in OPEN:
            return True
        time.sleep(0.5)
    return False


def _resume(folder: Folder, record: Record, options: argparse.Namespace) -> int:
    before = logs.sizes(logs.chosen(folder, record))
    if record.kind == "local":
        background.resume(folder, record)
        print(f"{folder.name} started again")
    else:
        table = states.rows(folder, record)
        if states.overall(table) in OPEN:
            raise JobError(f"{folder.name} runs: {tables.line(table)}; pRUN cancel ends it")
        if states.overall(table) == DONE:
            print(f"{folder.name} is done: {tables.line(table)}")
            return 0
        again = batch.resume(folder, record, states.unfinished(table))
        print(f"{folder.name} submitted again: {', '.join(again)}")
    return waiting.wait(folder, before) if options.wait else 0


VERBS: dict[str, Callable[[Folder, Record, argparse.Namespace], int]] = {
    "status": _status,
    "logs": _logs,
    "cancel": _cancel,
    "resume": _resume,
}
HELP = {
    "status": "Show all jobs, or the stages of one: state, seconds, why it waits or failed.",
    "logs": "Show what a job has written.",
    "cancel": "End a job and all its ranks.",
    "resume": "Start a job again, or those of its stages that have not ended well.",
}

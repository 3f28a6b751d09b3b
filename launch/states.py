"""How far a job is: from SLURM while it knows, else from the records that the job has left."""

import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import submit
from .arrays import task_numbers
from .errors import JobError
from .folders import Folder
from .records import Record, Stage
from .submit import Answer

Ask = Callable[[Sequence[str]], Answer]

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
CANCELLED, NEVER, LIMIT = "cancelled", "never run", "time limit"
LOST, UNKNOWN = "lost", "unknown"
OPEN = (WAITING, RUNNING)
WORDS = {
    "COMPLETED": DONE, "CANCELLED": CANCELLED, "TIMEOUT": LIMIT, "DEADLINE": LIMIT,
    "FAILED": FAILED, "OUT_OF_MEMORY": "out of memory", "NODE_FAIL": "node failed",
    "BOOT_FAIL": "node failed", "PREEMPTED": "preempted", "REVOKED": CANCELLED,
    "RUNNING": RUNNING, "COMPLETING": RUNNING, "SUSPENDED": RUNNING, "STOPPED": RUNNING,
    "SIGNALING": RUNNING, "STAGE_OUT": RUNNING,
}  # fmt: skip
"""What SLURM's states are called; all others are waiting."""
CODES = {FAILED: 1, CANCELLED: 143, LIMIT: 143, "out of memory": 137}
"""Exit code of an end that left no record."""
TERMINATED = 143
MARGIN_S = 70
"""A job that ended by SIGTERM so close to its limit of time was warned of it."""
REASONS = {
    "Dependency": "for the stage before", "JobArrayTaskLimit": "as many run as may",
    "Priority": "others are first", "Resources": "for free nodes", "None": "",
    "BeginTime": "SLURM starts it again in a while",
    "JobHeldUser": "it is held; scontrol release lets it begin",
}  # fmt: skip


@dataclass(frozen=True)
class Task:
    """How far one task is; a stage that is no array has one."""

    number: int | None
    state: str
    seconds: float = 0.0
    code: int | None = None
    note: str = ""
    ended_s: float | None = None


@dataclass(frozen=True)
class Row:
    """How far one stage is.

    Attributes
    ----------
    name, state : str
    tasks : tuple of Task
    seconds : float
        In which at least one of its tasks ran.
    """

    name: str
    state: str
    tasks: tuple[Task, ...]
    seconds: float

    @property
    def done(self) -> int:
        """Number of tasks that ended well."""
        return sum(t.state == DONE for t in self.tasks)

    @property
    def code(self) -> int:
        """0, or the code of the first task that did not end well."""
        bad = [t for t in self.tasks if t.state not in (*OPEN, DONE)]
        return next((t.code for t in bad if t.code), CODES.get(bad[0].state, 1)) if bad else 0


def rows(folder: Folder, record: Record, ask: Ask = submit.ask) -> list[Row]:
    """See how far each stage is."""
    if record.kind == "local":
        return [_row(stage, [_local(folder, record, stage)]) for stage in record.stages]
    known = _remembered(folder, _asked(record.stages, ask))
    left = [s for s in record.stages if any(t.state == LOST for t in _tasks(folder, s, known))]
    if left:
        known = _remembered(folder, {**known, **_accounted(left, ask)})
    return [_row(s, _tasks(folder, s, known)) for s in record.stages]


def overall(table: Sequence[Row]) -> str:
    """State of the whole job.

    Examples
    --------
    >>> overall([Row("a", DONE, (), 1.0), Row("b", WAITING, (), 0.0)])
    'waiting'
    """
    states = [row.state for row in table]
    for state in (RUNNING, WAITING):
        if state in states:
            return state
    return next((s for s in states if s != DONE), DONE)


def exit_code(table: Sequence[Row]) -> int:
    """0, or the code of the first stage that failed."""
    return next((row.code for row in table if row.state != DONE), 0)


def unfinished(table: Sequence[Row]) -> dict[str, list[int | None]]:
    """Tasks that have not ended well, by stage."""
    return {row.name: [t.number for t in row.tasks if t.state != DONE] for row in table}


def parse_queue(text: str) -> dict[tuple[str, str], Task]:
    r"""Read what squeue prints in the format of `QUEUE`: tasks by SLURM's number and their own.

    Examples
    --------
    >>> found = parse_queue("7|0|RUNNING|1:05|None|n1\n7|1|PENDING|0:00|Resources|\n")
    >>> found["7", "0"].state, found["7", "0"].seconds, found["7", "1"].note
    ('running', 65.0, 'for free nodes')
    """
    found = {}
    for line in text.splitlines():
        if line.count("|") < 5:
            continue
        job, task, state, used, reason = line.split("|")[:5]
        word, note = WORDS.get(state, WAITING), ""
        if word == WAITING:
            note = REASONS.get(reason, reason)
        if state == "CANCELLED" and reason == "DependencyNeverSatisfied":
            word, note = NEVER, "a stage that it waits for did not end well"
        number = None if task == "N/A" else int(task)
        found[job, "" if number is None else str(number)] = Task(
            number, word, _seconds(used), 0 if word == DONE else None, note
        )
    return found


QUEUE = "%F|%K|%T|%M|%r|%N"
SACCT = ("sacct", "-n", "-X", "-P", "-o", "JobID,State,ExitCode,ElapsedRaw")


def parse_accounts(text: str) -> dict[tuple[str, str], Task]:
    r"""Read what sacct prints in the format of `SACCT`.

    Examples
    --------
    >>> parse_accounts("7_2|CANCELLED by 0|0:15|12\n")["7", "2"].state
    'cancelled'
    """
    found = {}
    for line in text.splitlines():
        if line.count("|") != 3:
            continue
        name, state, code, seconds = line.split("|")
        job, _, task = name.partition("_")
        if not (job.isdigit() and (task.isdigit() or not task) and seconds.isdigit()):
            continue
        word = WORDS.get(state.split()[0], WAITING)
        number = int(task) if task else None
        found[job, task] = Task(number, word, float(seconds), int(code.split(":")[0]))
    return found


def asking_once(records: Iterable[Record], ask: Ask = submit.ask) -> Ask:
    """A way to ask that has asked squeue for all these jobs together, when it is first used."""
    stages = [s for r in records for s in r.stages if s.id]
    answers: list[Answer] = []

    def cached(command: Sequence[str]) -> Answer:
        if command[0] != "squeue":
            return ask(command)
        if not answers:
            answers.append(ask(_squeue(stages)))
        return answers[0]

    return cached


def _squeue(stages: Iterable[Stage]) -> list[str]:
    ids = ",".join(s.id for s in stages if s.id)
    words = ["squeue", "--noheader", "--array", "--states=all", f"--format={QUEUE}"]
    return [*words, f"--jobs={ids}"]


def _asked(stages: Sequence[Stage], ask: Ask) -> dict[tuple[str, str], Task]:
    said = ask(_squeue(stages))
    if said.code and "Invalid job id" not in said.err:
        raise JobError(f"SLURM does not answer; squeue says: {said.words}")
    ours = {s.id for s in stages}
    return {key: task for key, task in parse_queue(said.out).items() if key[0] in ours}


def _accounted(stages: Iterable[Stage], ask: Ask) -> dict[tuple[str, str], Task]:
    """What accounting knows of jobs that SLURM has forgotten; many clusters have none."""
    try:
        said = ask([*SACCT, "-j", ",".join(s.id for s in stages if s.id)])
    except JobError:
        return {}
    return parse_accounts(said.out) if said.code == 0 else {}


def _remembered(
    folder: Folder, known: Mapping[tuple[str, str], Task]
) -> dict[tuple[str, str], Task]:
    """Add what SLURM said earlier, and keep the ends that only SLURM tells of."""
    before = folder.seen()
    found = {tuple(key.split("_")): Task(**facts) for key, facts in before.items()}
    found.update(known)
    ends = {
        "_".join(key): {"number": t.number, "state": t.state, "seconds": t.seconds, "note": t.note}
        for key, t in found.items()
        if t.state not in (*OPEN, DONE, FAILED)
    }
    if ends != before:
        folder.write_seen(ends)
    return found


def _tasks(
    folder: Folder, stage: Stage, known: Mapping[tuple[str, str], Task]
) -> list[Task]:  # fmt: skip
    found = []
    for number, part in zip(task_numbers(stage.job.array), stage.parts(), strict=True):
        key = (stage.id, "" if number is None else str(number))
        found.append(_joined(number, known.get(key), folder.end(part), stage))
    return found


def _joined(number: int | None, told: Task | None, record: Mapping, stage: Stage) -> Task:
    """What SLURM tells, completed by the record that the task has left."""
    if told is not None and told.state in OPEN:
        return told
    if not record:
        if told is None:
            return Task(number, LOST, note="SLURM no longer knows it, and it left no record")
        return told
    code, seconds = record["code"], record["seconds"]
    state = told.state if told is not None else (FAILED if code else DONE)
    if state == FAILED and code == TERMINATED:
        near = (stage.job.time_min or 0) * 60 - MARGIN_S
        state = LIMIT if stage.job.time_min and seconds > near else FAILED
    ended = record["ended_ms"] / 1000
    return Task(number, state, seconds, code, told.note if told else "", ended)


def _local(folder: Folder, record: Record, stage: Stage) -> Task:
    if folder.lives():
        return Task(None, RUNNING, time.time() - record.when)
    end = folder.end(stage.name)
    if not end and record.host != socket.gethostname():
        return Task(None, UNKNOWN, note=f"it was started on {record.host}; look there")
    if not end:
        return Task(None, LOST, note=f"its launcher was killed; pRUN resume {folder.name}")
    state = CANCELLED if end.get("cancelled") else FAILED if end["code"] else DONE
    return Task(None, state, end["seconds"], end["code"], "", end["ended_ms"] / 1000)


def _row(stage: Stage, tasks: Sequence[Task]) -> Row:
    states = [t.state for t in tasks]
    if RUNNING in states:
        state = RUNNING
    elif WAITING in states:
        state = RUNNING if any(s != WAITING for s in states) else WAITING
    else:
        state = next((s for s in states if s != DONE), DONE)
    return Row(stage.name, state, tuple(tasks), _busy_s(tasks))


def _busy_s(tasks: Sequence[Task]) -> float:
    """Seconds in which at least one of the tasks ran: a pause before a resume does not count."""
    now = time.time()
    ends = [(now if t.ended_s is None else t.ended_s, t.seconds) for t in tasks if t.seconds]
    total, reached = 0.0, 0.0
    for begin, end in sorted((end - seconds, end) for end, seconds in ends):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def _seconds(text: str) -> float:
    """Read SLURM's days-hours:minutes:seconds."""
    days, _, rest = text.rpartition("-")
    total = 0.0
    for part in rest.split(":"):
        total = total * 60 + (float(part) if part.isdigit() else 0.0)
    return total + (float(days) * 86400 if days.isdigit() else 0.0)

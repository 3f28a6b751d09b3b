"""Jobs under SLURM: checked, written, submitted one after the other, cancelled."""

import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from . import cluster, folders, submit
from .arrays import array_of, limit_of, task_numbers
from .errors import JobError
from .folders import Folder
from .job import Job
from .local import mpiexec_flags
from .records import Record, Stage, changed
from .slurm import Starter, environment, sbatch, script


def starter_for(job: Job) -> Starter:
    """Choose what starts the ranks of a job here, and say how."""
    offered: set[str] = set()
    binds = True
    if shutil.which("srun"):
        said = submit.ask(["srun", "--mpi=list"])
        offered = cluster.starters(said.out + said.err) if said.code == 0 else set()
        binds = cluster.binds(cluster.settings(submit.ask(cluster.CONFIG).out))
    try:
        found = submit.find_mpiexec(job.venv) if job.venv else submit.find_mpiexec()
    except JobError:
        found = None
    kind = found.kind if found else "mpich"
    chosen = cluster.choose_starter(job.mpi, kind, offered)
    if chosen != "mpiexec":
        return Starter(chosen, binds=binds)
    if found is None or job.conda or job.image or job.modules:
        return Starter(chosen, "mpiexec", mpiexec_flags(kind))
    return Starter(chosen, found.path, mpiexec_flags(kind))


def scripts(stages: Sequence[Stage]) -> list[str]:
    """Text of each stage's batch script."""
    starters = {(s.job.mpi, s.job.venv): s.job for s in stages}
    made = {key: starter_for(job) for key, job in starters.items()}
    return [script(s.job, made[s.job.mpi, s.job.venv]) for s in stages]


def send(stages: Sequence[Stage], words: Sequence[str]) -> Folder:
    """Check a job, give it a folder, and submit its stages.

    Parameters
    ----------
    stages : sequence of Stage
        In their order; each waits for the one that it names.
    words : sequence of str
        The command line, for people to read.

    Raises
    ------
    JobError
        Before anything is submitted, for what the cluster has not; else in sbatch's own words.
    """
    there = cluster.look()
    for stage in stages:
        cluster.check(stage.job, there)
    stages = [replace(s, job=_with_dependency(s.job)) for s in stages]
    texts = scripts(stages)
    folder = folders.create(_name(stages))
    record = Record("slurm", tuple(words), tuple(stages))
    try:
        for stage, text in zip(stages, texts, strict=True):
            folder.script(stage).write_text(text, encoding="utf-8")
        _submit(folder, record, stages, {})
    except BaseException:
        folders.remove(folder)
        raise
    return folder


def resume(folder: Folder, record: Record, unfinished: dict[str, list[int | None]]) -> list[str]:
    """Submit again the stages that have not ended well, and those that build on them.

    Parameters
    ----------
    folder : Folder
    record : Record
    unfinished : dict of str to list
        Numbers of the tasks to be done again, by stage; None for a stage that is no array.

    Returns
    -------
    list of str
        Names of the stages that were submitted.
    """
    again = [s for s in record.stages if unfinished.get(s.name)]
    arrays = {}
    for stage in again:
        numbers = unfinished[stage.name]
        if stage.job.array is not None:
            arrays[stage.name] = array_of(numbers, limit_of(stage.job.array))
        for number, part in zip(task_numbers(stage.job.array), stage.parts(), strict=True):
            if number in numbers:
                folder.forget_end(part)
    record = replace(record, attempt=record.attempt + 1, when=time.time())
    _submit(folder, record, again, arrays)
    return [s.name for s in again]


def cancel(stages: Sequence[Stage]) -> None:
    """Ask SLURM to end what still runs or waits, the last stage first.

    Raises
    ------
    JobError
        In scancel's own words.
    """
    ids = [s.id for s in reversed(stages) if s.id]
    said = submit.ask(["scancel", *ids])
    if said.code:
        raise JobError(f"scancel says: {said.words}")


def _submit(
    folder: Folder, record: Record, stages: Sequence[Stage], arrays: dict[str, str]
) -> None:
    """Submit stages; if one is rejected, or we are interrupted, those before it are cancelled.

    The first of several is held until SLURM has taken the last: what is refused has not begun.
    """
    ids: dict[str, str] = {}
    hold = len(stages) > 1
    try:
        for stage in stages:
            only = arrays.get(stage.name)
            ids[stage.name] = _submit_one(folder, record, stage, ids, only, hold and not ids)
            folder.write(changed(record, ids, record.attempt))  # known even if we are killed now
        if hold:
            stage = stages[0]
            _release(ids[stage.name])
    except BaseException as error:
        if ids:
            submit.ask(["scancel", *ids.values()])
        if isinstance(error, JobError) and len(stages) > 1:
            raise JobError(f"{stage.name}: {error}") from None
        raise


def _submit_one(
    folder: Folder,
    record: Record,
    stage: Stage,
    ids: dict[str, str],
    array: str | None,
    hold: bool,
) -> str:
    """Submit a stage; return SLURM's number."""
    depends = f"afterok:{ids[stage.after]}" if stage.after in ids else None
    if depends is None and record.attempt == 1:
        depends = stage.job.dependency
    log = folder.log(stage.name if stage.job.array is None else f"{stage.name}_%a")
    words = sbatch(folder.script(stage), log, dependency=depends, array=array, hold=hold)
    more = {"PMAP_JOB_DIR": str(folder.path), "PMAP_ATTEMPT": str(record.attempt)}
    said = submit.ask(words, environment(stage.job, os.environ, more), record.cwd)
    if said.code:
        raise JobError(f"SLURM has rejected the job; sbatch says: {said.words}")
    if said.err.strip():
        print(said.err.strip(), file=sys.stderr)
    return said.out.strip().split(";")[0]


def _release(number: str) -> None:
    """Let a held job begin."""
    said = submit.ask(["scontrol", "release", number])
    if said.code:
        raise JobError(f"SLURM does not release the job; scontrol says: {said.words}")


def _with_dependency(job: Job) -> Job:
    """Names of jobs in a dependency become SLURM's numbers."""
    if job.dependency is None:
        return job
    kind, colon, rest = job.dependency.partition(":")
    ids = []
    for word in rest.split(":") if colon else []:
        if word[:1].isdigit():
            ids.append(word)
            continue
        last = folders.find(word).read().stages[-1]
        if not last.id:
            raise JobError(f"--dependency: {word} runs on this machine; SLURM does not know it")
        ids.append(last.id)
    return replace(job, dependency=":".join([kind, *ids]))


def _name(stages: Sequence[Stage]) -> str:
    if len(stages) == 1:
        return stages[0].name
    return Path(stages[0].job.target[-1].split(".")[-1]).name

"""A job as the text of a batch script for SLURM, and the words of sbatch. Pure.

The text depends on the job and on how ranks are started there, on nothing else: it names neither
the folder in which the job's state is kept nor any job's number. Both come with sbatch's command
line and the environment, so that the text that is shown is the text that is submitted.
"""

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .job import TASK, Job
from .local import LEFTOVERS, PER_JOB, THREAD_VARIABLES

WARNING_S = 60
"""Ranks are asked to end so long before the limit of time."""
LEAST_WARNED_MIN = 5
"""SLURM may warn a minute early: of a shorter job that would be all. It has SLURM's KillWait."""

ALWAYS_SAID = (
    "SBATCH_JOB_NAME SBATCH_ARRAY_INX SBATCH_OPEN_MODE SBATCH_REQUEUE SBATCH_NO_REQUEUE "
    "SBATCH_SIGNAL SBATCH_EXPORT SBATCH_WAIT SBATCH_OUTPUT SBATCH_DEPENDENCY"
).split()
SAID_BY = {
    "partition": "SBATCH_PARTITION",
    "account": "SBATCH_ACCOUNT",
    "time_min": "SBATCH_TIMELIMIT",
    "gres": "SBATCH_GRES",
}
"""Fields of a job that win over a variable of sbatch."""

RECORD = r"""
record() {  # how this task ended, written whole or not at all
  local code=$? ms=$(($(date +%s%3N) - began_ms)) at
  [ -n "${PMAP_JOB_DIR:-}" ] || return 0
  at="$PMAP_JOB_DIR/ended/@NAME@${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
  mkdir -p "${at%/*}" && printf \
    '{"code": %d, "seconds": %d.%03d, "ended_ms": %d, "node": "%s", "attempt": %d, "job": "%s"}\n' \
    "$code" "$((ms / 1000))" "$((ms % 1000))" "$((began_ms + ms))" "${SLURMD_NODENAME:-}" \
    "${PMAP_ATTEMPT:-1}" "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}" \
    >"$at.part" && mv -f "$at.part" "$at.json"
}
began_ms=$(date +%s%3N)
trap record EXIT
if [ "${PMAP_ATTEMPT:-1}${SLURM_RESTART_COUNT:-0}" != 10 ]; then
  echo "pRUN: @NAME@ started again on ${SLURMD_NODENAME:-this node}, $(date +'%F %T')"
fi
""".strip()

WAIT = """
trap 'kill -TERM "$child" 2>/dev/null' TERM
wait "$child"; code=$?
while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
exit "$code"
""".strip()


@dataclass(frozen=True)
class Starter:
    """What starts the ranks of a job in its allocation.

    Attributes
    ----------
    kind : {"pmi2", "pmix", "mpiexec"}
        The first two are srun's.
    mpiexec : str
        Its path, for the third.
    flags : tuple of str
        More words for mpiexec.
    binds : bool
        Whether srun may bind ranks to cores here.
    """

    kind: str = "pmi2"
    mpiexec: str = "mpiexec"
    flags: tuple[str, ...] = ()
    binds: bool = True


def script(job: Job, starter: Starter) -> str:
    """Text of the batch script.

    Examples
    --------
    >>> text = script(Job(("a.py",), ranks=2, time_min=90, python="python"), Starter())
    >>> [line for line in text.splitlines() if "time" in line or "srun" in line]
    ['#SBATCH --time=01:30:00', 'srun --mpi=pmi2 --kill-on-bad-exit=1 --ntasks=2 \
--cpus-per-task=1 --cpu-bind=cores -- python -m pmap.boot a.py &']
    """
    # mpiexec starts one process per node through srun, which would warn of the ranks per node
    return "\n".join(
        [
            "#!/bin/bash",
            *(f"#SBATCH --{line}" for line in _directives(job, starter)),
            RECORD.replace("@NAME@", job.name),
            *_set_up(job),
            *(f"export {name}={shlex.quote(value)}" for name, value in _variables(job).items()),
            *(["unset SLURM_NTASKS_PER_NODE"] if starter.kind == "mpiexec" else []),
            "set -u",
            f"{_launch(job, starter)} &",
            "child=$!",
            WAIT,
            "",
        ]
    )


def sbatch(
    path: Path,
    log: Path,
    *,
    dependency: str | None = None,
    array: str | None = None,
    hold: bool = False,
) -> list[str]:
    """Words of sbatch: what the script does not say.

    Parameters
    ----------
    path : Path
        The script.
    log : Path
        ``%a`` in its name is the number of the task.
    dependency, array : str or None
        Win over what the script says.
    hold : bool
        Whether the job waits until it is released.
    """
    folder = str(log.parent).replace("%", "%%")
    words = ["sbatch", "--parsable", "--export=ALL", f"--output={folder}/{log.name}"]
    if dependency is not None:
        words += [f"--dependency={dependency}", "--kill-on-invalid-dep=yes"]
    if array is not None:
        words.append(f"--array={array}")
    if hold:
        words.append("--hold")
    return [*words, str(path)]


def environment(job: Job, inherited: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Environment for sbatch, which passes it on to the job.

    Variables by which sbatch takes options win over the script: those that contradict it are left
    out, and so is what the ranks must not take for theirs.
    """
    said = {*ALWAYS_SAID, *(v for name, v in SAID_BY.items() if getattr(job, name) is not None)}
    kept = {
        k: v
        for k, v in inherited.items()
        if k not in said and k not in PER_JOB and not k.startswith(LEFTOVERS)
    }
    return {**kept, **more}


def hours(time_min: float) -> str:
    """Write minutes as SLURM reads them, to the next second.

    Examples
    --------
    >>> hours(90), hours(1500), hours(0.5)
    ('01:30:00', '1-01:00:00', '00:00:30')
    """
    seconds = math.ceil(time_min * 60)
    days, rest = divmod(seconds, 86400)
    text = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}-{text}" if days else text


def memory_mb(job: Job) -> int | None:
    """Megabytes of one rank, as SLURM counts them."""
    return None if job.memory_gb is None else math.ceil(job.memory_gb * 1024)


def _directives(job: Job, starter: Starter) -> list[str]:
    lines = [f"job-name={job.name}"]
    if job.nodes is not None:
        lines += [f"nodes={job.nodes}", f"ntasks-per-node={job.ranks_per_node}"]
    threads = job.threads_per_rank or 1
    lines += [f"ntasks={job.ranks}", f"cpus-per-task={threads}"]
    for name in ("partition", "account"):
        if getattr(job, name) is not None:
            lines.append(f"{name}={getattr(job, name)}")
    if job.time_min is not None:
        lines.append(f"time={hours(job.time_min)}")
    mb = memory_mb(job)
    if mb is not None and job.nodes is not None:
        lines.append(f"mem={mb * job.ranks_per_node}M")
    elif mb is not None:
        lines.append(f"mem-per-cpu={math.ceil(mb / threads)}M")
    if job.gres is not None:
        lines.append(f"gres={job.gres}")
    if job.array is not None:
        lines.append(f"array={job.array}")
    lines += ["requeue" if job.requeue else "no-requeue", "open-mode=append"]
    if job.time_min is None or job.time_min >= LEAST_WARNED_MIN:
        # srun's ranks hear it themselves; those of mpiexec through the trap below
        lines.append(f"signal={'B:' if starter.kind == 'mpiexec' else ''}TERM@{WARNING_S}")
    return lines


def _set_up(job: Job) -> list[str]:
    """Lines that make the environment; a line that fails ends the job with its code."""
    lines = [f"module load {shlex.quote(name)} || exit" for name in job.modules]
    if job.venv is not None:
        lines.append(f"source {shlex.quote(str(Path(job.venv) / 'bin' / 'activate'))} || exit")
    if job.conda is not None:
        lines.append('source "$(conda info --base)/etc/profile.d/conda.sh" || exit')
        lines.append(f"conda activate {shlex.quote(job.conda)} || exit")
    return lines


def _variables(job: Job) -> Mapping[str, str]:
    threads = str(job.threads_per_rank or 1)
    values = {name: threads for name in THREAD_VARIABLES}
    values["PMAP_NP"] = str(job.ranks)
    if job.check:
        values["PMAP_CHECK"] = "1"
    if job.record is not None:
        values["PMAP_RECORD"] = str(job.record)
    if job.memory_gb is not None:
        values["PMAP_MEMORY_GB"] = f"{job.memory_gb:g}"
    return values


def _launch(job: Job, starter: Starter) -> str:
    program = job.program
    if job.image is not None:
        gpu = ["--nv"] if job.gres and "gpu" in job.gres else []
        program = ["apptainer", "exec", *gpu, job.image, *program]
    words = [*_starting(job, starter), *program]
    return " ".join('"$SLURM_ARRAY_TASK_ID"' if w == TASK else shlex.quote(w) for w in words)


def _starting(job: Job, starter: Starter) -> list[str]:
    if starter.kind == "mpiexec":
        return [starter.mpiexec, *starter.flags, "-n", str(job.ranks)]
    words = ["srun", f"--mpi={starter.kind}", "--kill-on-bad-exit=1", f"--ntasks={job.ranks}"]
    words.append(f"--cpus-per-task={job.threads_per_rank or 1}")
    if job.bind == "cores" or (job.bind == "auto" and starter.binds):
        words.append("--cpu-bind=cores")
    if job.prefix:
        words.append("--label")
    return [*words, "--"]

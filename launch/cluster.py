"""What SLURM has, read from what its commands print; and what a job asks of it that it has not."""

import math
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import submit
from .arrays import task_numbers
from .errors import JobError
from .job import Job
from .options import minutes
from .slurm import hours, memory_mb
from .submit import Answer
from .targets import near

SINFO = ("sinfo", "--noheader", "--exact", "--format=%P|%a|%l|%s|%D|%c|%m")
NO_SBATCH = (
    "no sbatch on the PATH: SLURM is not on this machine, or not loaded; work on a login node of "
    "the cluster, or `module load slurm`, or leave --slurm off to run here"
)
BINDING = ("affinity", "cgroup")
"""Task plugins of SLURM that can bind to cores."""

CONFIG = ("scontrol", "show", "config")

Ask = Callable[[Sequence[str]], Answer]


@dataclass(frozen=True)
class Partition:
    """A partition, over all its kinds of nodes.

    Attributes
    ----------
    name : str
    default, up : bool
    limit_min : float
        Longest time of a job.
    nodes, most_nodes : int or float
        Nodes that it has; nodes that one job may have.
    cpus, memory_mb : int
        Of its largest nodes.
    all_cpus : int
        Of all its nodes.
    """

    name: str
    default: bool
    up: bool
    limit_min: float
    nodes: int
    most_nodes: float
    cpus: int
    memory_mb: int
    all_cpus: int


@dataclass(frozen=True)
class Cluster:
    """What SLURM has, and how it is set up."""

    partitions: tuple[Partition, ...]
    settings: Mapping[str, str]


def partitions(text: str) -> list[Partition]:
    r"""Read the answer to `SINFO`.

    Examples
    --------
    >>> (p,) = partitions("debug*|up|1-00:00:00|1-infinite|4|8|2000\n")
    >>> p.name, p.default, p.limit_min, p.nodes, p.all_cpus
    ('debug', True, 1440.0, 4, 32)
    """
    found: dict[str, Partition] = {}
    for line in text.splitlines():
        if line.count("|") != 6:
            continue
        name, avail, limit, size, nodes, cpus, memory = (each.strip() for each in line.split("|"))
        count, each = _digits(nodes), _digits(cpus)
        old = found.get(name)
        found[name] = Partition(
            name=name.rstrip("*"),
            default=name.endswith("*"),
            up=avail == "up",
            limit_min=_limit(limit),
            nodes=count + (old.nodes if old else 0),
            most_nodes=_limit(size.split("-")[-1]),
            cpus=max(each, old.cpus if old else 0),
            memory_mb=max(_digits(memory), old.memory_mb if old else 0),
            all_cpus=count * each + (old.all_cpus if old else 0),
        )
    return list(found.values())


def check(job: Job, there: Cluster) -> None:
    """Refuse what no node of the partition can do; SLURM would let some of it wait for ever.

    Raises
    ------
    JobError
        It names what there is.
    """
    _check_array(job, there.settings)
    known = there.partitions
    here = _partition(job, known)
    if here is None:
        return
    where = f"partition {here.name}"
    if not here.up:
        raise JobError(f"{where} is down; {_others(here, known)}")
    if job.time_min is not None and job.time_min > here.limit_min:
        raise JobError(
            f"--time is {hours(job.time_min)}, and {where} allows {hours(here.limit_min)}; "
            f"{_longer(job, known)}"
        )
    threads = job.threads_per_rank or 1
    each = f"{threads} thread{'s' * (threads > 1)} each"
    most = min(here.nodes, here.most_nodes)
    if job.nodes is not None and job.nodes > most:
        raise JobError(
            f"--triples asks for {job.nodes} nodes, and {where} gives {most:g}; "
            f"at most --triples {most:g},{job.ranks_per_node},{threads}"
        )
    per_node = (job.ranks_per_node or 1) * threads
    if per_node > here.cpus:
        raise JobError(
            f"{job.ranks_per_node or 1} ranks with {each} need {per_node} CPUs of "
            f"a node, and the largest nodes of {where} have {here.cpus}"
        )
    if job.ranks * threads > here.all_cpus:
        raise JobError(
            f"{job.ranks} ranks with {each} need {job.ranks * threads} CPUs, and "
            f"{where} has {here.all_cpus} on {here.nodes} nodes"
        )
    _check_memory(job, here)


def _check_array(job: Job, config: Mapping[str, str]) -> None:
    size = _digits(config.get("MaxArraySize", ""))
    highest = max(n or 0 for n in task_numbers(job.array))
    if size and highest >= size:
        raise JobError(
            f"{job.name}: the array goes up to {highest}, and this cluster numbers tasks up to "
            f"{size - 1} (MaxArraySize); submit it in parts, or have MaxArraySize raised"
        )


def _check_memory(job: Job, here: Partition) -> None:
    mb = memory_mb(job)
    if mb is None:
        return
    together = mb * (job.ranks_per_node or 1)
    if together > here.memory_mb:
        ranks = f" for each of {job.ranks_per_node} ranks" if job.nodes is not None else ""
        raise JobError(
            f"--memory is {job.memory_gb:g} GB{ranks}, and the largest nodes of partition "
            f"{here.name} have {here.memory_mb / 1024:.3g} GB"
        )


def _partition(job: Job, known: Sequence[Partition]) -> Partition | None:
    if job.partition is None:
        return next((p for p in known if p.default), None)
    names = [p.name for p in known]
    if "," in job.partition:  # SLURM takes the first of several that is free
        wanted = [name for name in job.partition.split(",") if name not in names]
    else:
        wanted = [] if job.partition in names else [job.partition]
    if wanted:
        there = ", ".join(p.name + (" (default)" if p.default else "") for p in known)
        close = near(wanted[0], names) if known else ""
        close = close if close.startswith("did") else ""
        raise JobError(f"there is no partition {wanted[0]!r}; {close}there are: {there or 'none'}")
    return next((p for p in known if p.name == job.partition), None)


def _longer(job: Job, known: Sequence[Partition]) -> str:
    fit = [p.name for p in known if p.up and p.limit_min >= (job.time_min or 0)]
    return f"longer ones: {', '.join(fit)}" if fit else "no partition allows that long"


def _others(here: Partition, known: Sequence[Partition]) -> str:
    up = [p.name for p in known if p.up]
    return f"those that are up: {', '.join(up)}" if up else "no partition is up"


def look(ask: Ask = submit.ask) -> Cluster:
    """Ask SLURM what it has.

    Raises
    ------
    JobError
        If there is no SLURM here, or it does not answer.
    """
    if shutil.which("sbatch") is None:
        raise JobError(NO_SBATCH)
    said = ask(SINFO)
    if said.code:
        raise JobError(f"SLURM does not answer; sinfo says: {said.words}")
    return Cluster(tuple(partitions(said.out)), settings(ask(CONFIG).out))


def settings(text: str) -> dict[str, str]:
    r"""Read the answer to `CONFIG`.

    Examples
    --------
    >>> settings("MaxArraySize            = 1001\nTaskPlugin = task/none\n")
    {'MaxArraySize': '1001', 'TaskPlugin': 'task/none'}
    """
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def starters(text: str) -> set[str]:
    r"""Read the answer to ``srun --mpi=list``.

    Examples
    --------
    >>> sorted(starters("MPI plugin types are...\n\tpmix\n\tnone\n\tpmi2\n"))
    ['none', 'pmi2', 'pmix']
    """
    return set(re.findall(r"^\s+(\w+)\s*$", text, re.M))


def choose_starter(asked: str, kind: str, offered: set[str]) -> str:
    """Choose what starts the ranks.

    Parameters
    ----------
    asked : {"auto", "pmi2", "pmix", "mpiexec"}
    kind : {"mpich", "openmpi"}
        The MPI of the ranks.
    offered : set of str
        What srun can do; empty if it was not asked.

    Examples
    --------
    >>> choose_starter("auto", "mpich", {"pmi2", "pmix"})
    'pmi2'
    >>> choose_starter("auto", "openmpi", {"pmi2"})
    'mpiexec'
    """
    if asked == "auto":
        fits = "pmix" if kind == "openmpi" else "pmi2"
        return fits if fits in offered or not offered else "mpiexec"
    if asked != "mpiexec" and offered and asked not in offered:
        there = ", ".join(sorted(offered - {"none"}) + ["mpiexec"])
        raise JobError(f"--mpi is {asked}, which srun has not here; there are {there}")
    return asked


def binds(config: Mapping[str, str]) -> bool:
    """Whether srun can bind ranks to cores, as far as is known."""
    plugins = config.get("TaskPlugin", BINDING[0])
    return any(word in plugins for word in BINDING)


def _digits(text: str) -> int:
    match = re.match(r"\d+", text)
    return int(match[0]) if match else 0


def _limit(text: str) -> float:
    if text in ("infinite", "UNLIMITED", "n/a", ""):
        return math.inf
    return minutes(text)

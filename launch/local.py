"""A job on this machine, as text: the argv of mpiexec and the environment of the ranks. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import JobError
from .job import Job

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
LEFTOVERS = ("PMI_", "PMIX_", "OMPI_", "MPI_LOCAL", "HYDI_", "PMAP_STARTED", "PMAP_NP")
"""A job that is started from inside a rank must not take itself for that rank."""
PER_JOB = ("PMAP_CHECK", "PMAP_RECORD", "PMAP_MEMORY_GB", "PMAP_JOB_DIR", "PMAP_ATTEMPT")
"""What a job says by itself is not inherited: what was asked has been weighed already."""


@dataclass(frozen=True)
class Mpiexec:
    """A launcher of ranks.

    Attributes
    ----------
    path : str
    kind : {"mpich", "openmpi"}
    """

    path: str
    kind: str


def argv(job: Job, mpiexec: Mpiexec | None) -> list[str]:
    """Command line of a job; one rank needs no `mpiexec`.

    Examples
    --------
    >>> job = Job(("a.py",), ("--fast",), ranks=2, python="python")
    >>> " ".join(argv(job, Mpiexec("mpiexec", "mpich")))
    'mpiexec -n 2 python -m pmap.boot a.py --fast'
    """
    program = job.program
    if job.image is not None:
        program = ["apptainer", "exec", job.image, *program]
    if job.ranks == 1 or mpiexec is None:
        return program
    flags = list(mpiexec_flags(mpiexec.kind))
    if job.prefix:
        flags.append("--tag-output" if mpiexec.kind == "openmpi" else "-prepend-rank")
    return [mpiexec.path, *flags, *_binding(job, mpiexec), "-n", str(job.ranks), *program]


def mpiexec_flags(kind: str) -> tuple[str, ...]:
    """Words without which an MPI's mpiexec refuses what pmap's users do."""
    if kind == "openmpi":
        return ("--allow-run-as-root", "--oversubscribe", "--mca", "osc", "^ucx")
    return ()


def _binding(job: Job, mpiexec: Mpiexec) -> list[str]:
    """Cores of its own for each rank; not unasked, for two jobs would share the first cores."""
    if job.bind != "cores":
        return []
    threads = job.threads_per_rank or 1
    if mpiexec.kind == "openmpi":
        return ["--map-by", f"slot:PE={threads}", "--bind-to", "core"]
    return ["-bind-to", f"core:{threads}"]


def check(job: Job, cores: int) -> None:
    """Refuse a job that this machine cannot run.

    Parameters
    ----------
    job : Job
    cores : int
        Cores that this process may use.

    Raises
    ------
    JobError
    """
    if job.nodes not in (None, 1):
        raise JobError(
            f"--triples asks for {job.nodes} nodes, and this machine is one; "
            "--slurm submits to a cluster"
        )
    if job.array is not None:
        raise JobError("--array is for --slurm: this machine runs one task at a time")
    if job.modules or job.conda:
        raise JobError("--module and --conda are for --slurm; here load them in the shell first")
    threads = job.ranks * (job.threads_per_rank or 1)
    if job.bind == "cores" and threads > cores:
        raise JobError(
            f"--bind cores: {job.ranks} ranks with {job.threads_per_rank or 1} threads each need "
            f"{threads} cores, and there are {cores}; fewer ranks, or --bind none"
        )


def variables(job: Job, cores: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """Environment variables that a job sets.

    Parameters
    ----------
    job : Job
    cores : int
        Cores that this process may use.
    inherited : mapping
        The environment of the launcher.

    Returns
    -------
    dict
        Name and value of each variable; ranks times threads never exceeds the cores unless the
        job says so itself.
    """
    result = {"PMAP_NP": str(job.ranks)}
    fair = max(1, cores // job.ranks)
    for name in THREAD_VARIABLES:
        wanted = inherited.get(name, "")
        threads = min(fair, int(wanted)) if wanted.isdigit() and int(wanted) else fair
        result[name] = str(job.threads_per_rank or threads)
    if job.ranks > cores:
        # waiting ranks give their core away; with a core for each, yielding would cost 27 times
        result["MPIR_CVAR_ENABLE_HEAVY_YIELD"] = "1"
    if job.check:
        result["PMAP_CHECK"] = "1"
    if job.record is not None:
        result["PMAP_RECORD"] = str(job.record)
    if job.memory_gb is not None:
        result["PMAP_MEMORY_GB"] = f"{job.memory_gb:g}"
    return result


def environment(job: Job, cores: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of the ranks."""
    kept = {k: v for k, v in inherited.items() if not k.startswith(LEFTOVERS)}
    kept = {k: v for k, v in kept.items() if k not in PER_JOB}
    return {**kept, **variables(job, cores, inherited)}

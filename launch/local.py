"""A job on this machine, as text: the argv of mpiexec and the environment of the ranks. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

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
    if job.ranks == 1 or mpiexec is None:
        return job.program
    flags = []
    if mpiexec.kind == "openmpi":
        flags = ["--allow-run-as-root", "--oversubscribe", "--mca", "osc", "^ucx"]
    if job.prefix:
        flags.append("--tag-output" if mpiexec.kind == "openmpi" else "-prepend-rank")
    return [mpiexec.path, *flags, "-n", str(job.ranks), *job.program]


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
    return {**kept, **variables(job, cores, inherited)}

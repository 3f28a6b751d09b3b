"""pRUN as a function, with pMATLAB's arguments."""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path

from . import submit
from .choices import gather, job_of, refuse_without_slurm
from .errors import JobError
from .options import BY_KEY
from .targets import near, resolve

TELLER = "the call"
GRID = "grid"


def pRUN(  # noqa: N802  # pMATLAB's name
    target: str | PathLike,
    np: int | Sequence[int] | None = None,
    machines: Mapping | str | None = None,
    args: Sequence[object] = (),
    *,
    job: str | PathLike | None = None,
    **options: object,
) -> int | str:
    """Run a program on many ranks, of this machine or of a SLURM cluster.

    Parameters
    ----------
    target : str or path
        A script, or the name of an app.
    np : int or (nodes, ranks per node) or (nodes, ranks per node, threads per rank)
        Number of ranks; 1 if nobody says.
    machines : {} or None or str
        Nothing: this machine. ``"grid"``: SLURM, its default partition; any other name: that
        partition. With ``&`` at its end the job is left running, ``"&"`` alone on this machine.
    args : sequence
        The program's own arguments.
    job : path
        A TOML file with options.
    **options
        Options of the command as its TOML files call them: ``threads_per_rank``, ``memory_gb``,
        ``time_min``, ``check``, ``modules`` ...

    Returns
    -------
    int or str
        Exit code of the job: 0, or that of the first rank that failed. Of one that is left
        running, its name for ``pRUN status NAME``.

    Raises
    ------
    JobError
        If the target, the number of ranks, the machines or an option cannot be.

    Examples
    --------
    ::

        pRUN("blur.py", 4, {})
        pRUN("blur.py", [4, 8, 1], "grid", time_min=30)
        name = pRUN("blur.py", 64, "long&")
    """
    for key in options:
        if key not in BY_KEY:
            raise JobError(f"pRUN has no option {key!r}; {near(key, list(BY_KEY))}".rstrip())
    place, leave = _place(machines)
    told = {**options, **_ranks(np)}
    if place:
        told["slurm"] = True
    if place and place != GRID:
        told["partition"] = place
    words = [fspath(a) if isinstance(a, PathLike) else str(a) for a in args]
    program, shown = resolve(fspath(target)), _shown(target, np, machines, words)
    sources = gather(told, Path(job) if job is not None else None, TELLER)
    chosen = sources.choose()
    if chosen["slurm"].value:
        from . import batch, chain, waiting  # a job on this machine needs none of it

        folder = batch.send([s for s, _ in chain.stages(sources, program, words)], shown)
        return folder.name if leave else waiting.wait(folder)
    refuse_without_slurm(sources)
    made = job_of(chosen, program, words)
    if leave:
        from . import background  # a job that is waited for needs none of it

        return background.start(made, shown).name
    return submit.run(made)


def _shown(target: str | PathLike, np: object, machines: object, words: list[str]) -> list[str]:
    """The call in the words of the command, for tables that people read."""
    ranks = [] if np is None else ["-n", str(np)] if isinstance(np, int) else [
        "--triples", ",".join(map(str, np))
    ]  # fmt: skip
    where = ["--slurm"] if isinstance(machines, str) and machines != "&" else []
    return ["pRUN", *ranks, *where, fspath(target), *words]


def _place(machines: Mapping | str | None) -> tuple[str, bool]:
    """Partition, "grid" or nothing; and whether the job is left running."""
    if not machines:
        return "", False
    if not isinstance(machines, str):
        raise JobError(
            f"machines is {machines!r}; give {{}} for this machine, 'grid' for SLURM, or the name "
            "of a partition; pmap has no lists of hosts"
        )
    return machines.removesuffix("&").strip(), machines.endswith("&")


def _ranks(np: int | Sequence[int] | None) -> dict[str, object]:
    if np is None or isinstance(np, int):
        return {"ranks": np}
    if not isinstance(np, Sequence) or isinstance(np, str) or len(np) not in (2, 3):
        raise JobError(f"np is {np!r}; give a number, or [nodes, ranks per node, threads per rank]")
    return {"triples": list(np)}

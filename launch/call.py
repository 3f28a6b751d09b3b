"""pRUN as a function, with pMATLAB's arguments."""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath

from . import submit
from .errors import JobError
from .job import Job
from .targets import resolve


def pRUN(  # noqa: N802  # pMATLAB's name
    target: str | PathLike,
    np: int | Sequence[int] = 1,
    machines: Mapping | str | None = None,
    args: Sequence[object] = (),
    **options: object,
) -> int:
    """Run a program on many ranks and wait for its end.

    Parameters
    ----------
    target : str or path
        A script, or the name of an app.
    np : int or (nodes, ranks per node, threads per rank)
        Number of ranks.
    machines : {} or None
        This machine.
    args : sequence
        The program's own arguments.
    **options
        Further fields of `Job`: ``threads_per_rank``, ``prefix``, ``check``, ``record``,
        ``memory_gb``.

    Returns
    -------
    int
        Exit code of the job: 0, or that of the first rank that failed.

    Raises
    ------
    JobError
        If the target, the number of ranks or the machines cannot be.
    """
    if machines:
        raise JobError(
            f"machines is {machines!r}; this version runs on this machine only: give {{}}"
        )
    ranks, threads = _ranks(np)
    if threads is not None:
        options.setdefault("threads_per_rank", threads)
    words = tuple(fspath(a) if isinstance(a, PathLike) else str(a) for a in args)
    return submit.run(Job(resolve(fspath(target)), words, ranks, **options))


def _ranks(np: int | Sequence[int]) -> tuple[int, int | None]:
    if isinstance(np, int):
        return np, None
    if len(np) not in (2, 3) or np[0] != 1:
        raise JobError(f"np is {np!r}; on this machine (1, ranks per node, threads) or a number")
    return np[1], np[2] if len(np) == 3 else 1

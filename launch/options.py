"""What can be asked of pRUN: one table of options for the command line, variables and files."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .errors import JobError

TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes
    ----------
    key : str
        What a TOML file calls it; the field of `Job`, for most.
    flags : tuple of str
        What the command line calls it.
    variables : tuple of str
        Environment variables that set it; the first that is there says.
    read : callable
        Makes a value of what was written, a word or a value of TOML; ValueError if it cannot.
    metavar, does : str
        For the help.
    slurm_only : bool
        It means nothing on this machine.
    """

    key: str
    flags: tuple[str, ...]
    variables: tuple[str, ...]
    read: Callable[[object], object]
    metavar: str
    does: str
    slurm_only: bool = False

    @property
    def is_flag(self) -> bool:
        """It stands alone on the command line, without a value."""
        return self.read is boolean


def whole(value: object) -> int:
    """Read a whole number."""
    if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value).strip()):
        raise ValueError("a whole number")
    return int(str(value))


def number(value: object) -> float:
    """Read a number."""
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(str(value))
    except ValueError:
        raise ValueError("a number") from None


def boolean(value: object) -> bool:
    """Read a switch."""
    text = str(value).strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("", "0", "false", "no", "off"):
        return False
    raise ValueError("1 or 0")


def word(value: object) -> str:
    """Read a name."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a name")
    return value


def path(value: object) -> Path:
    """Read the path of a file; it stays the same whatever folder the job runs in."""
    return Path(word(value)).absolute()


def folder(value: object) -> str:
    """Read a path that a job keeps as text."""
    return str(Path(word(value)).expanduser().absolute())


def image(value: object) -> str:
    """Read a container: a file, or an address such as docker://name."""
    text = word(value)
    return text if "://" in text else folder(text)


def words(value: object) -> tuple[str, ...]:
    """Read names: a list, or one text with commas."""
    found = value if isinstance(value, list | tuple) else str(value).split(",")
    return tuple(word(each).strip() for each in found)


def triples(value: object) -> tuple[int, ...]:
    """Read nodes, ranks per node and threads per rank.

    Examples
    --------
    >>> triples("4,2,1"), triples([4, 2])
    ((4, 2, 1), (4, 2))
    """
    found = value if isinstance(value, list | tuple) else str(value).split(",")
    if len(found) not in (2, 3):
        raise ValueError("NODES,PPN or NODES,PPN,THREADS")
    return tuple(whole(each) for each in found)


def minutes(value: object) -> float:
    """Read a time: minutes, or as SLURM writes it.

    Examples
    --------
    >>> minutes("90"), minutes("1:30:00"), minutes("1-12"), minutes("2:30")
    (90.0, 90.0, 2160.0, 2.5)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = TIME.fullmatch(str(value).strip())
    if match is None:
        raise ValueError("minutes, or H:MM:SS, or D-HH:MM:SS")
    days, *rest = match.groups()
    parts = [int(each) for each in rest if each is not None]
    if days is not None:  # days-hours[:minutes[:seconds]]
        h, m, s = (*parts, 0, 0)[:3]
        return int(days) * 1440.0 + h * 60 + m + s / 60
    if len(parts) == 3:
        return parts[0] * 60.0 + parts[1] + parts[2] / 60
    return parts[0] + (parts[1] / 60 if len(parts) == 2 else 0.0)


def _option(
    key: str,
    read: Callable[[object], object],
    metavar: str,
    does: str,
    *,
    flag: str = "",
    slurm_only: bool = False,
    also: str = "",
) -> Option:
    flag = flag or "--" + key.replace("_", "-")
    name = key if flag == "-n" else flag.strip("-").replace("-", "_")
    variables = (f"PMAP_{name.upper()}", *([also] if also else []))
    return Option(key, (flag,), variables, read, metavar, does, slurm_only)


OPTIONS = (
    _option("ranks", whole, "N", "number of ranks (default 1)", flag="-n"),
    _option("triples", triples, "NODES,PPN,THREADS", "nodes, ranks per node, threads per rank"),
    _option("threads_per_rank", whole, "T", "default: cores / ranks, under SLURM 1"),
    _option(
        "memory_gb", number, "GB", "memory of one rank: blocks keep within it, more is an error",
        flag="--memory", also="PMAP_MEMORY_GB",
    ),
    _option("check", boolean, "", "compare the ranks before each collective operation"),
    _option("record", path, "FILE", "write the traffic by source line"),
    _option("prefix", boolean, "", "put the rank before each line of output"),
    _option("bind", word, "cores|none", "keep each rank to cores of its own"),
    _option("name", word, "NAME", "what queues and tables call the job"),
    _option("slurm", boolean, "", "submit to SLURM and return"),
    _option("partition", word, "NAME", "partition of the cluster", slurm_only=True),
    _option("account", word, "NAME", "who pays", slurm_only=True),
    _option("time_min", minutes, "TIME", "limit: minutes, or H:MM:SS", flag="--time",
            slurm_only=True),
    _option("gres", word, "WHAT", "such as gpu:1", slurm_only=True),
    _option("array", word, "0-24", "many tasks; the argument {task} is the number of each",
            slurm_only=True),
    _option("max_at_once", whole, "K", "tasks of an array that run at once", slurm_only=True),
    _option("dependency", word, "afterok:JOB", "start after another job", slurm_only=True),
    _option("mpi", word, "KIND", "auto, pmi2, pmix or mpiexec: what starts the ranks",
            slurm_only=True),
    _option("requeue", boolean, "", "SLURM may start it again (default yes)", slurm_only=True),
    _option("modules", words, "NAME", "module to load; may be repeated", flag="--module",
            slurm_only=True),
    _option("venv", folder, "DIR", "virtual environment of the ranks"),
    _option("conda", word, "NAME", "conda environment of the ranks", slurm_only=True),
    _option("image", image, "FILE", "container of the ranks, for apptainer"),
)  # fmt: skip
BY_KEY = {option.key: option for option in OPTIONS}
OTHER_VARIABLES = (
    "PMAP_NP PMAP_WAIT_S PMAP_PROGRESS_S PMAP_DEFAULT_MAP PMAP_TRANSPORT PMAP_STATE_DIR "
    "PMAP_JOB_DIR PMAP_ATTEMPT PMAP_STARTED PMAP_TERMINAL_COLUMNS PMAP_TEST_DATA PMAP_REQUIRE_SLOW"
).split()
"""Variables that are no options of pRUN."""


def value_of(option: Option, written: object, where: str) -> object:
    """Read a value, or say who wrote one that cannot be.

    Raises
    ------
    JobError
    """
    try:
        return option.read(written)
    except ValueError as error:
        raise JobError(f"{where} is {written!r}; it must be {error}") from None

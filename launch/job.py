"""A job as a value: what to run, on how many ranks, where, with what limits."""

import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from .errors import JobError

LEAST_MEMORY_GB = 0.5
"""What Python, NumPy and MPI take before a program starts, with some room."""
TASK = "{task}"
"""An argument that becomes the number of the array's task."""
STARTERS = ("auto", "pmi2", "pmix", "mpiexec")
BINDINGS = ("auto", "none", "cores")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
ARRAY = re.compile(r"\d+(-\d+(:\d+)?)?(,\d+(-\d+(:\d+)?)?)*(%[1-9]\d*)?")
PLAIN = re.compile(r"[\w.,:=+@/*()-]+")
"""What may stand in a line of ``#SBATCH``: it has no quotes."""


@dataclass(frozen=True)
class Job:
    """What is to be started; nothing in it depends on the state of this machine.

    Attributes
    ----------
    target : tuple of str
        ``("script.py",)`` or ``("-m", "package.module")``.
    args : tuple of str
        The target's own arguments; ``{task}`` stands for the number of the array's task.
    ranks : int
        1 if omitted; `nodes` times `ranks_per_node` where these are given.
    nodes, ranks_per_node : int or None
        Given both or not at all.
    threads_per_rank : int or None
        None = as many as the cores allow on this machine, 1 under SLURM.
    prefix, check : bool
        Put the rank before each line of output; compare the ranks before each collective.
    record : Path or None
        Where to write the traffic by source line.
    memory_gb : float or None
        Memory of one rank: blocks keep within it, an allocation beyond it fails.
    name : str
        What queues and tables call it; made from the target if omitted.
    bind : {"auto", "none", "cores"}
        Whether each rank keeps to cores of its own.
    python : str or None
        The interpreter of the ranks; this one if omitted, or that of the environment set up.
    partition, account, gres : str or None
        As SLURM names them.
    time_min : float or None
        Limit of time.
    array : str or None
        Numbers of tasks, and how many may run at once, as in ``0-24%4``.
    dependency : str or None
        As in ``afterok:123``.
    mpi : {"auto", "pmi2", "pmix", "mpiexec"}
        What starts the ranks under SLURM.
    requeue : bool
        Whether SLURM may start it again after a node failed.
    modules : tuple of str
    venv, conda, image : str or None
        Environment to set up: a folder, a name, a container.

    Examples
    --------
    >>> Job(("a.py",), nodes=4, ranks_per_node=2).ranks
    8
    """

    target: tuple[str, ...]
    args: tuple[str, ...] = ()
    ranks: int | None = None
    nodes: int | None = None
    ranks_per_node: int | None = None
    threads_per_rank: int | None = None
    prefix: bool = False
    check: bool = False
    record: Path | None = None
    memory_gb: float | None = None
    name: str = ""
    bind: str = "auto"
    python: str | None = None
    partition: str | None = None
    account: str | None = None
    gres: str | None = None
    time_min: float | None = None
    array: str | None = None
    dependency: str | None = None
    mpi: str = "auto"
    requeue: bool = True
    modules: tuple[str, ...] = ()
    venv: str | None = None
    conda: str | None = None
    image: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be, and fill in what follows from the rest."""
        self._check_numbers()
        self._check_words()
        if not self.name:
            object.__setattr__(self, "name", _name_of(self.target))
        if not NAME.fullmatch(self.name):
            raise JobError(f"--name is {self.name!r}; it may hold letters, digits and . _ - only")

    def _check_numbers(self) -> None:
        for flag, value in (("--threads-per-rank", self.threads_per_rank),):
            if value is not None:
                _at_least(flag, value, 1)
        if (self.nodes is None) != (self.ranks_per_node is None):
            raise JobError("nodes and ranks_per_node are given together: --triples NODES,PPN")
        if self.nodes is not None:
            _at_least("the number of nodes (--triples)", self.nodes, 1)
            _at_least("the ranks per node (--triples)", self.ranks_per_node, 1)
            product = self.nodes * self.ranks_per_node
            if self.ranks not in (None, product):
                raise JobError(
                    f"{self.ranks} ranks were asked for, and {self.nodes} nodes with "
                    f"{self.ranks_per_node} ranks each, which is {product}; give one of the two"
                )
            object.__setattr__(self, "ranks", product)
        object.__setattr__(self, "ranks", 1 if self.ranks is None else self.ranks)
        _at_least("ranks (-n)", self.ranks, 1)
        if self.memory_gb is not None and not self.memory_gb >= LEAST_MEMORY_GB:
            raise JobError(
                f"--memory is {self.memory_gb}; it must be {LEAST_MEMORY_GB} GB per rank or more: "
                "Python, NumPy and MPI take that alone"
            )
        if self.time_min is not None and not self.time_min > 0:
            raise JobError(f"--time is {self.time_min}; it must be above 0 minutes")

    def _check_words(self) -> None:
        for flag, value, right in (
            ("--mpi", self.mpi, STARTERS),
            ("--bind", self.bind, BINDINGS),
        ):
            if value not in right:
                raise JobError(f"{flag} is {value!r}; it must be one of {', '.join(right)}")
        if self.array is not None and not ARRAY.fullmatch(self.array):
            raise JobError(f"--array is {self.array!r}; write it as in 0-24, 0-24%4 or 1,3,7")
        for flag, value in (
            ("--partition", self.partition),
            ("--account", self.account),
            ("--gres", self.gres),
            ("--dependency", self.dependency),
        ):
            if value is not None and not PLAIN.fullmatch(value):
                raise JobError(f"{flag} is {value!r}, which SLURM cannot mean")
        if TASK in self.args and self.array is None:
            raise JobError(f"the argument {TASK} is the number of an array's task: give --array")
        if any("\0" in word for word in (*self.target, *self.args)):
            raise JobError("an argument holds a NUL character, which no program can be given")
        if sum(x is not None for x in (self.venv, self.conda, self.image)) > 1:
            raise JobError("give one of --venv, --conda and --image")

    @property
    def interpreter(self) -> str:
        """What runs the ranks; an environment that is set up brings its own."""
        if self.python:
            return self.python
        if self.venv:
            return str(Path(self.venv) / "bin" / "python")
        return "python" if self.conda or self.image else sys.executable

    @property
    def program(self) -> list[str]:
        """What one rank runs."""
        return [self.interpreter, "-m", "pmap.boot", *self.target, *self.args]

    def to_json(self) -> dict:
        """Plain values, which `from_json` makes a job of again."""
        plain = asdict(self)
        plain["record"] = self.record and str(self.record)
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, object]) -> "Job":
        """Make the job again that `to_json` has written."""
        values = {f.name: plain[f.name] for f in fields(cls) if f.name in plain}
        lists = {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
        record = values.get("record")
        return cls(**{**values, **lists, "record": record and Path(record)})


def _name_of(target: tuple[str, ...]) -> str:
    last = Path(target[-1]).stem if target[0] != "-m" else target[-1].split(".")[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.") or "job"


def _at_least(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise JobError(f"{name} is {value!r}; it must be a whole number of at least {least}")

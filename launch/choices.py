"""Who said what: options from the command line, variables and files; the first that says wins."""

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .arrays import limit_of
from .errors import JobError
from .job import Job
from .options import BY_KEY, OPTIONS, OTHER_VARIABLES, value_of
from .targets import near

NOT_OF_JOB = ("slurm", "max_at_once", "triples")
EXCLUSIVE = ("ranks", "triples")
"""Two ways to say one thing: whoever says one of them has said both."""
CLOSE = 0.75
DEFAULTS = {"ranks": 1, "slurm": False}


@dataclass(frozen=True)
class Choice:
    """A value, and who said so."""

    value: object
    source: str


Said = Mapping[str, Choice]


@dataclass(frozen=True)
class Sources:
    """What everybody says, the first first.

    Attributes
    ----------
    first : tuple of mappings
        Command line, then variables.
    files : tuple of (mapping, mapping of stage to mapping)
        The job's file, then the site's.
    """

    first: tuple[Said, ...]
    files: tuple[tuple[Said, Mapping[str, Said]], ...]

    def choose(self, stage: str = "", suggested: Mapping[str, object] | None = None) -> Said:
        """Weigh them for a stage of a chain, or for a job that is none.

        Parameters
        ----------
        stage : str
        suggested : mapping
            What the app asks for itself; only defaults are weaker.
        """
        layers = list(self.first)
        for top, stages in self.files:
            layers += [stages.get(stage, {}), top]
        told = {key: value for key, value in (suggested or {}).items() if key in BY_KEY}
        layers.append({key: Choice(value, "the app") for key, value in told.items()})
        layers.append({key: Choice(value, "default") for key, value in DEFAULTS.items()})
        chosen: dict[str, Choice] = {}
        for layer in layers:
            taken = any(key in chosen for key in EXCLUSIVE)
            for key, choice in layer.items():
                if key not in chosen and not (taken and key in EXCLUSIVE):
                    chosen[key] = choice
        return chosen

    def stages(self) -> set[str]:
        """Stages that the files speak of."""
        return {name for _, stages in self.files for name in stages}


def gather(
    told: Mapping[str, object], job_file: Path | None, teller: str = "command line"
) -> Sources:
    """Ask all sources.

    Parameters
    ----------
    told : mapping
        Values of the command line by key; None = not given there.
    job_file : Path or None
        The job's TOML.
    teller : str
        What the first source is called.

    Raises
    ------
    JobError
        If a file or a variable says what cannot be; the message names the right key.
    """
    line = {
        key: Choice(value_of(BY_KEY[key], value, f"{BY_KEY[key].flags[0]}"), teller)
        for key, value in told.items()
        if value is not None
    }
    line = _settled(line, teller)
    files = [read_file(job_file)] if job_file is not None else []
    site = site_file()
    if site.is_file():
        files.append(read_file(site))
    return Sources((line, variables(os.environ)), tuple(files))


def site_file() -> Path:
    """Where a site's own defaults stand."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "pmap" / "site.toml"


def variables(environ: Mapping[str, str]) -> Said:
    """What the environment says; a misspelled name is refused with the right one."""
    found = {}
    for option in OPTIONS:
        for name in option.variables:
            if environ.get(name) and option.key not in found:
                value = value_of(option, environ[name], name)
                found[option.key] = Choice(value, f"variable {name}")
    known = [name for option in OPTIONS for name in option.variables] + OTHER_VARIABLES
    for name in environ:
        if name.startswith("PMAP_") and name not in known:
            short = [each.removeprefix("PMAP_") for each in known]
            close = difflib.get_close_matches(name.removeprefix("PMAP_"), short, 1, CLOSE)
            if close:
                raise JobError(
                    f"{name} is no variable of pmap; did you mean PMAP_{close[0]}? unset {name}"
                )
    return _settled(found, "the environment")


def read_file(path: Path) -> tuple[Said, Mapping[str, Said]]:
    """Options of a TOML file, and those of the stages in its tables ``[stage.NAME]``.

    Raises
    ------
    JobError
        If it cannot be read, or holds a key that is none.
    """
    import tomllib  # most starts read no file

    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise JobError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise JobError(f"{path} is no TOML: {error}") from None
    stages = tables.pop("stage", {})
    if not isinstance(stages, dict) or not all(isinstance(t, dict) for t in stages.values()):
        raise JobError(f"{path}: stage holds tables, one for each stage: [stage.NAME]")
    return (
        _read_table(tables, f"{path}"),
        {name: _read_table(table, f"{path} [stage.{name}]") for name, table in stages.items()},
    )


def _read_table(table: Mapping[str, object], where: str) -> Said:
    for key in table:
        if key not in BY_KEY:
            raise JobError(f"{where}: there is no option {key!r}; {near(key, list(BY_KEY))}")
    said = {
        key: Choice(value_of(BY_KEY[key], value, f"{where}: {key}"), f"{where}: {key}")
        for key, value in table.items()
    }
    return _settled(said, where)


def _settled(said: Said, where: str) -> Said:
    """What one source says, without contradiction; the threads of triples stand by themselves."""
    if all(key in said for key in EXCLUSIVE):
        raise JobError(f"{where} gives ranks (-n) and triples; one of the two says how many")
    if "triples" not in said or len(said["triples"].value) == 2:
        return said
    if "threads_per_rank" in said:
        raise JobError(f"{where} gives the threads per rank twice: in triples and by themselves")
    *two, threads = said["triples"].value
    source = said["triples"].source
    both = {"triples": Choice(tuple(two), source), "threads_per_rank": Choice(threads, source)}
    return {**said, **both}


def job_of(
    chosen: Said,
    target: tuple[str, ...],
    args: Iterable[str],
    *,
    name: str = "",
    array: str | None = None,
) -> Job:
    """Make the job of what was chosen.

    Parameters
    ----------
    chosen : mapping
        As `Sources.choose` gives it.
    target, args : sequences of str
    name, array : str
        For a stage of a chain: win over what was said.
    """
    values = {
        key: choice.value
        for key, choice in chosen.items()
        if key not in NOT_OF_JOB and (chosen["slurm"].value or not BY_KEY[key].slurm_only)
    }
    if "triples" in chosen:
        values["nodes"], values["ranks_per_node"] = chosen["triples"].value
    if name:
        values["name"] = name
    if array or "array" in values:
        values["array"] = _limited(array or values["array"], chosen)
    return Job(target=target, args=tuple(args), **values)


def _limited(array: str, chosen: Said) -> str:
    """An array with the limit of how many run at once, unless it says one itself."""
    if "max_at_once" not in chosen or limit_of(array) is not None:
        return array
    at_once = chosen["max_at_once"].value
    if at_once < 1:
        raise JobError(f"--max-at-once is {at_once}; it must be a whole number of at least 1")
    return f"{array}%{at_once}"


def refuse_without_slurm(sources: Sources) -> None:
    """Refuse options of SLURM that were asked for here and now, for this machine."""
    for key in sources.first[0]:
        option = BY_KEY[key]
        if option.slurm_only:
            raise JobError(f"{option.flags[0]} is for a cluster; add --slurm, or leave it out")


def explain(chosen: Said) -> str:
    """Table of the options, their values, and who said so."""
    rows = [("option", "value", "said by")]
    for option in OPTIONS:
        if option.key in chosen:
            choice = chosen[option.key]
            rows.append((option.key, _text(choice.value), choice.source))
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in rows)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)

"""What a TARGET names: a file, an app of pmap, or a verb."""

import difflib
import importlib.util
from pathlib import Path

from .errors import JobError

JOB_VERBS = ("status", "logs", "cancel", "resume")
VERBS = (*JOB_VERBS, "doctor")
LATER_VERBS = ("serve",)


def resolve(target: str) -> tuple[str, ...]:
    """Return what Python has to run for a target.

    Parameters
    ----------
    target : str
        A path that ends in ``.py`` or contains ``/``, else the name of an app.

    Returns
    -------
    tuple of str
        ``(path,)`` or ``("-m", module)``.

    Raises
    ------
    JobError
        If there is no such file or app; the message names those that come near.
    """
    if target in LATER_VERBS:
        raise JobError(f"the verb {target!r} is not available in this version of pmap")
    if target.endswith(".py") or "/" in target:
        return (_file(Path(target)),)
    names = apps()
    if target in names:
        return ("-m", f"pmap.apps.{target}")
    beside = f"; for the file in this folder write ./{target}" if Path(target).is_file() else ""
    raise JobError(
        f"no app {target!r}{beside}; {near(target, (*names, *VERBS))}"
        "a program of yours ends in .py or has a / in its path"
    )


def _file(path: Path) -> str:
    if path.is_file():
        return str(path)
    if path.is_dir():
        raise JobError(f"{path} is a folder; name the .py file in it")
    names = [p.name for p in path.parent.glob("*.py")] if path.parent.is_dir() else []
    raise JobError(f"there is no file {path}; {near(path.name, names)}looked in {Path.cwd()}")


def apps() -> list[str]:
    """Names of the apps: the modules of pmap.apps that can be run. Imports none of them."""
    spec = importlib.util.find_spec("pmap.apps")
    folders = [Path(f) for f in (spec.submodule_search_locations if spec else None) or ()]
    return sorted(path.stem for f in folders for path in f.glob("*.py") if _can_run(path))


def _can_run(path: Path) -> bool:
    return '__name__ == "__main__"' in path.read_text(encoding="utf-8")


def near(word: str, names: tuple[str, ...] | list[str]) -> str:
    """Words for a message: the names that come near a misspelled one, else all of them.

    Examples
    --------
    >>> near("segmnt", ["segment", "stitch"])
    "did you mean 'segment'? "
    """
    close = difflib.get_close_matches(word, names, n=2)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}? "
    return f"there are {', '.join(names)}; " if names else ""

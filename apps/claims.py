"""Whose a run's folder is: one app claims it with its settings, or is told why it cannot.

`.pmap/run.json` says which app and settings own the folder, from the first moment; `run.json` says
it to people, with versions and what each stage took.
"""

import contextlib
import importlib.metadata
import json
import os
import platform
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pmap as pm
from pmap import InputError

from . import locks, tables, wholefiles

STATE = ".pmap"
OPENING = "opening"
"""Locked while a task looks whether another one has begun the run."""

VERSIONS_OF = ("numpy", "scipy", "scikit-image", "scikit-learn", "h5py", "tifffile", "mpi4py")


class Change(NamedTuple):
    """A setting that is not what it was."""

    key: str
    then: object
    now: object


def claim(
    out: Path,
    app: str,
    settings: dict,
    *,
    fixed: tuple[str, ...] | None = None,
    shared: bool = False,
) -> tuple[Change, ...]:
    """Take the folder for this app and these settings, or say why not. LOCAL, one rank.

    Parameters
    ----------
    out : Path
    app : str
    settings : dict
        As JSON gives them back.
    fixed : tuple of str, optional
        Settings that must be those of the run; all of them if omitted.
    shared : bool
        As one of several tasks that work in the folder at once.

    Returns
    -------
    tuple of Change
        Settings that are not what they were, now noted as they are.

    Raises
    ------
    InputError
        If the folder cannot be written, holds anything else, or another job works in it.
    """
    _check_before(out, app, settings, fixed)
    check_writable(out)
    locks.own(out / STATE, shared=shared)
    try:
        with locks.in_turn(out / STATE / OPENING):
            changes = _note(out, app, settings, fixed)
    except BaseException:
        locks.let_go(out / STATE)
        raise
    if not shared:
        wholefiles.clear_left_overs(out, *(f for f in out.glob("*") if f.is_dir()), *_states(out))
    return changes


def _check_before(out: Path, app: str, settings: dict, fixed: tuple[str, ...] | None) -> None:
    """Refuse a folder before a byte is written into it."""
    if (out / STATE).is_dir():
        if read_state(out) is not None:
            _changes(out, app, settings, fixed)
        return
    try:
        _check_empty(out, app)
    except InputError:
        if not (out / STATE).is_dir():  # else another task began the run just now
            raise


def _states(out: Path) -> tuple[Path, ...]:
    return out / STATE, out / STATE / "done"


def _note(out: Path, app: str, settings: dict, fixed: tuple[str, ...] | None) -> tuple[Change, ...]:
    """Write app and settings where they do not stand yet; the folder may be used only after it."""
    changes: tuple[Change, ...] = ()
    if read_state(out) is None:
        _check_empty(out, app)
    else:
        changes = _changes(out, app, settings, fixed)
    if changes or read_state(out) is None:
        state = {"app": app, "settings": settings, "version": pm.__version__}
        wholefiles.write_text(out / STATE / "run.json", tables.to_json(state))
    head = {"app": app, "settings": settings, "versions": versions(), "stages": {}}
    known = read_json(out / "run.json") if is_json(out / "run.json") else {}
    if known.get("settings") != settings:
        wholefiles.write_text(
            out / "run.json", tables.to_json({**head, **known, "settings": settings})
        )
    return changes


def _changes(
    out: Path, app: str, settings: dict, fixed: tuple[str, ...] | None
) -> tuple[Change, ...]:
    """Settings that differ from those of the run; an InputError for one that must not."""
    state = read_state(out)
    if state["app"] != app:
        raise InputError(
            f"{out} holds a run of {state['app']}, not of {app}; give another folder with --out"
        )
    then, now = _flat(state["settings"]), _flat(settings)
    changes = [
        Change(k, then.get(k), now.get(k)) for k in {**then, **now} if then.get(k) != now.get(k)
    ]
    wrong = [change for change in changes if fixed is None or change.key in fixed]
    if wrong:
        more = f" (and {len(wrong) - 1} more settings)" if len(wrong) > 1 else ""
        raise InputError(
            f"{out} was made with {wrong[0].key} = {wrong[0].then}, now {wrong[0].now} is asked"
            f"{more}; use the same settings to resume it, or give a new folder with --out"
        )
    return tuple(changes)


def _check_empty(out: Path, app: str) -> None:
    """The folder is new, or holds nothing but the state of a run that was cut off at once."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; give a folder with --out")
    foreign = sorted(p.name for p in out.iterdir() if p.name != STATE) if out.is_dir() else []
    if foreign:
        raise InputError(
            f"{out} already holds {', '.join(foreign[:3])}{' ...' if len(foreign) > 3 else ''} and "
            f"is not a run of {app}; give a new or empty folder with --out"
        )


def check_writable(out: Path) -> None:
    """Make the folder and write a byte, rather than trust permission bits. LOCAL."""
    probe = out / STATE / f"probe-{socket.gethostname()}-{os.getpid()}"
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"\n")
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"cannot write in {out}: {error.strerror}; choose another folder with --out"
        ) from error


def versions() -> dict[str, str]:
    """Versions of pmap, Python and the libraries that a result depends on. LOCAL."""
    found = {"pmap": pm.__version__, "python": platform.python_version()}
    for name in VERSIONS_OF:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def read_state(out: Path) -> dict | None:
    """App and settings that own a folder; None where it is not the folder of a run. LOCAL."""
    path = out / STATE / "run.json"
    if not path.is_file():
        return None
    if not is_json(path):
        raise InputError(f"{path} is damaged; remove {out}, or give a new folder with --out")
    return read_json(path)


def is_json(path: Path) -> bool:
    """Whether the file is there and whole. LOCAL."""
    try:
        return isinstance(read_json(path), dict)
    except (OSError, ValueError):
        return False


def read_json(path: Path) -> dict:
    """A JSON file as a dict. LOCAL."""
    return json.loads(path.read_text(encoding="utf-8"))


def _flat(settings: Mapping, prefix: str = "") -> dict[str, object]:
    """Nested settings with dotted names, so that an error can name one."""
    flat = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat

"""The folder of a run: what is finished, what it was made with, and nothing half-written.

State lives in `.pmap/` from the first moment: `run.json` says which app and settings own the
folder, and one marker per finished item lists its files with size and checksum. Files are written
beside their final name and renamed, so a name that exists is whole.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pmap as pm
from pmap import InputError

from . import locks, tables

STATE = ".pmap"
PART = ".part-"
"""Prefix of a file that is being written."""

LEFT_OVERS = (PART + "*", ".*.part")
"""What a killed process leaves: files of ours and of `pm.io.save` that were not whole."""

VERSIONS_OF = ("numpy", "scipy", "scikit-image", "scikit-learn", "h5py", "tifffile", "mpi4py")


@dataclass(frozen=True)
class Run:
    """A folder that one app with one set of settings owns; made by :func:`open_run`.

    All methods that write or ask are COLLECTIVE over the current world: one rank works, all ranks
    get the answer. Inside ``pm.foreach`` the world is one rank, and each works for itself.
    """

    out: Path
    app: str
    lock: locks.Hold | None = field(default=None, repr=False, compare=False)

    def path(self, *parts: str) -> Path:
        """A path in the run's folder; its parent folders are made."""
        path = self.out.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def done(self, item: str) -> bool:
        """Whether `item` was finished and its files are still as they were then."""
        return pm.once(_is_done, self.out, self._marker(item))

    def facts(self, item: str) -> dict:
        """What :meth:`finish` was told about `item`."""
        return pm.once(_read_json, self._marker(item))["facts"]

    def finish(self, item: str, files: list[Path], **facts: object) -> None:
        """Mark `item` as finished, with the files, or folders of files, that it consists of."""
        pm.once(_finish, self.out, self._marker(item), files, facts)

    @contextlib.contextmanager
    def writing(self, path: str | Path) -> Iterator[Path]:
        """A temporary name beside `path`, renamed to it when the block ends well."""
        path = self.path(str(path))
        part = path.with_name(PART + path.name)
        pm.once(_remove, part)
        yield part
        pm.barrier()  # all ranks have written
        pm.once(_replace, part, path)

    def write_json(self, path: str | Path, obj: object) -> Path:
        """Write `obj` as JSON; NaN becomes null."""
        return pm.once(_write_text, self.path(str(path)), tables.to_json(obj))

    def write_table(self, path: str | Path, columns: Mapping) -> Path:
        """Write columns of equal length as CSV; floats read back exactly, NaN is an empty cell."""
        return pm.once(_write_text, self.path(str(path)), tables.to_csv(columns))

    def write_table_h5(self, path: str | Path, columns: Mapping) -> Path:
        """Write columns of equal length as HDF5, one dataset per column."""
        path = self.path(str(path))
        with self.writing(path) as part:
            pm.once(tables.write_h5, part, columns)
        return path

    def record(self, stage: str, **facts: object) -> None:
        """Add what a stage took (`seconds=`, `peak_memory_mb=` ...) to run.json."""
        pm.once(_record, self.out, stage, facts)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a stage on every rank and :meth:`record` it. COLLECTIVE."""
        start, cpu = time.perf_counter(), [u["cpu_s"] for u in pm.usage()]
        yield
        usage = pm.usage()
        self.record(
            name,
            seconds=round(time.perf_counter() - start, 3),
            ranks=len(usage),
            cpu_s=[round(u["cpu_s"] - c, 3) for u, c in zip(usage, cpu, strict=True)],
            peak_memory_mb=[round(u["peak_memory_mb"], 1) for u in usage],
        )

    def _marker(self, item: str) -> Path:
        return self.out / STATE / "done" / (quote(item, safe="") + ".json")


def open_run(out: str | Path, app: str, settings: Mapping) -> Run:
    """Create the run of `app` in folder `out`, or resume it. COLLECTIVE.

    Parameters
    ----------
    out : str or Path
        A new or empty folder, or one that holds a run of the same app with the same settings.
    app : str
        The app's name.
    settings : mapping
        All that the result depends on; nested mappings are fine.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If the folder cannot be written, holds anything else, was made with other settings, or
        another job works in it.
    """
    pm.once(_claim, Path(out), app, json.loads(tables.to_json(dict(settings))))
    return Run(Path(out).absolute(), app, locks.hold(Path(out) / STATE))


def find_run(out: str | Path) -> Run:
    """The run that folder `out` holds, of whatever app, to add to it. COLLECTIVE."""
    out = Path(out)
    state = pm.once(_state, out)
    if state is None:
        raise InputError(f"{out} is not the folder of a run: it has no {STATE}/run.json")
    pm.once(_own, out)
    return Run(out.absolute(), state["app"], locks.hold(out / STATE))


def _own(out: Path) -> None:
    _check_writable(out)
    locks.own(out / STATE)


def settings_of(run: Run) -> dict:
    """The settings that a run was made with. COLLECTIVE."""
    return pm.once(_state, run.out)["settings"]


def _claim(out: Path, app: str, settings: dict) -> None:
    """Take the folder for this app and these settings, or say why not."""
    _check_folder(out, app, settings)
    _check_writable(out)
    locks.own(out / STATE)
    if not _check_folder(out, app, settings):  # again: another job may have begun in between
        state = {"app": app, "settings": settings, "version": pm.__version__}
        _write_text(out / STATE / "run.json", tables.to_json(state))
    if not _is_json(out / "run.json"):
        head = {"app": app, "settings": settings, "versions": versions(), "stages": {}}
        _write_text(out / "run.json", tables.to_json(head))
    for folder in (".", "*", f"{STATE}/done"):
        for name in LEFT_OVERS:
            for left_over in out.glob(f"{folder}/{name}"):
                _remove(left_over)


def _check_folder(out: Path, app: str, settings: dict) -> bool:
    """Whether the folder holds this run already; an InputError if it holds anything else."""
    state = _state(out)
    if state is None:
        _check_empty(out, app)
        return False
    if state["app"] != app:
        raise InputError(
            f"{out} holds a run of {state['app']}, not of {app}; give another folder with --out"
        )
    then, now = _flat(state["settings"]), _flat(settings)
    changed = [key for key in {**then, **now} if then.get(key) != now.get(key)]
    if changed:
        key = changed[0]
        more = f" (and {len(changed) - 1} more settings)" if len(changed) > 1 else ""
        raise InputError(
            f"{out} was made with {key} = {then.get(key)}, now {now.get(key)} is asked{more}; "
            f"use the same settings to resume it, or give a new folder with --out"
        )
    return True


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


def _check_writable(out: Path) -> None:
    """Make the folder and write a byte, rather than trust permission bits."""
    probe = out / STATE / f"probe-{os.getpid()}"
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


def _state(out: Path) -> dict | None:
    path = out / STATE / "run.json"
    if not path.is_file():
        return None
    if not _is_json(path):
        raise InputError(f"{path} is damaged; remove {out}, or give a new folder with --out")
    return _read_json(path)


def _is_json(path: Path) -> bool:
    """Whether the file is there and whole."""
    try:
        return isinstance(_read_json(path), dict)
    except (OSError, ValueError):
        return False


def _flat(settings: Mapping, prefix: str = "") -> dict[str, object]:
    """Nested settings with dotted names, so that an error can name one."""
    flat = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _finish(out: Path, marker: Path, files: list[Path], facts: dict) -> None:
    listed = [{"path": os.path.relpath(file, out), **_look(Path(file))} for file in files]
    _write_text(marker, tables.to_json({"files": listed, "facts": facts}))


def _is_done(out: Path, marker: Path) -> bool:
    if not _is_json(marker):
        return False
    for entry in _read_json(marker)["files"]:
        path = out / entry.pop("path")
        if not path.exists() or (path.is_file() and path.stat().st_size != entry["bytes"]):
            return False
        if _look(path) != entry:
            return False
    return True


def _look(path: Path) -> dict:
    """Size and checksum of a file; number of files and size of a folder, which may be huge."""
    if path.is_file():
        return {"bytes": path.stat().st_size, "blake2b": _checksum(path)}
    sizes = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    return {"files": len(sizes), "bytes": sum(sizes)}


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _record(out: Path, stage: str, facts: dict) -> None:
    path = out / "run.json"
    run = _read_json(path)
    run["stages"][stage] = facts
    _write_text(path, tables.to_json(run))


def _read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def _write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # the process in the name: items of one run finish on many ranks at once
    part = path.with_name(f"{PART}{os.getpid()}-{path.name}")
    part.write_text(text, encoding="utf-8", newline="")
    part.replace(path)
    return path


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _replace(part: Path, path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    part.replace(path)

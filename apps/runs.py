"""The folder of a run: what is finished, what it was made with, and nothing half-written.

State lives in `.pmap/` from the first moment: `run.json` says which app and settings own the folder
(module claims), and the ledger `done/` what is finished. Files are written beside their final name
and renamed, so a name that exists is whole.
"""

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pmap as pm
from pmap import InputError

from . import celltables, claims, locks, tables, wholefiles
from .claims import STATE, Change


@dataclass(frozen=True)
class Run:
    """A folder that one app owns; made by :func:`open_run`.

    All methods that write or ask are COLLECTIVE over the current world: one rank works, all ranks
    get the answer. Inside ``pm.foreach`` the world is one rank, and each works for itself.

    Attributes
    ----------
    out : Path
        The folder.
    app : str
        Whose it is.
    changes : tuple of Change
        Settings that are not what they were when the run was opened before.
    """

    out: Path
    app: str
    lock: locks.Hold | None = field(default=None, repr=False, compare=False)
    changes: tuple[Change, ...] = field(default=(), repr=False, compare=False)

    @property
    def ledger(self) -> pm.Ledger:
        """What is finished; its methods are LOCAL."""
        return pm.Ledger(self.out / STATE / "done", root=self.out)

    def path(self, *parts: str) -> Path:
        """A path in the run's folder; its parent folders are made."""
        path = self.out.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def done(self, item: str, made_with: str | None = None) -> bool:
        """Whether `item` was finished (with the same) and its files are still as they were then."""
        return pm.once(self.ledger.done, item, made_with)

    def facts(self, item: str) -> dict:
        """What :meth:`finish` was told about `item`."""
        return pm.once(self.ledger.value, item)

    def finish(
        self, item: str, files: Sequence[Path], made_with: str | None = None, **facts: object
    ) -> None:
        """Mark `item` as finished, with the files, or folders of files, that it consists of."""
        pm.once(self.ledger.finish, item, facts, files, made_with)

    def forget(self, *items: str) -> None:
        """Let items count as not finished: what is begun anew is not left over from before."""
        pm.once(lambda: [self.ledger.forget(item) for item in items] and None)

    @contextlib.contextmanager
    def writing(self, path: str | Path) -> Iterator[Path]:
        """A temporary name beside `path`, renamed to it when the block ends well."""
        path = self.path(str(path))
        part = path.with_name(wholefiles.PART + path.name)
        pm.once(wholefiles.remove, part)
        yield part
        pm.barrier()  # all ranks have written
        pm.once(wholefiles.replace, part, path)

    def write_json(self, path: str | Path, obj: object) -> Path:
        """Write `obj` as JSON; NaN becomes null."""
        return pm.once(wholefiles.write_text, self.path(str(path)), tables.to_json(obj))

    def write_table(self, path: str | Path, columns: Mapping) -> Path:
        """Write columns of equal length as CSV; floats read back exactly, NaN is an empty cell."""
        return pm.once(wholefiles.write_text, self.path(str(path)), tables.to_csv(columns))

    def write_tile_table(self, tile: str, columns: Mapping) -> Path:
        """Write tables/<tile>.csv, and note what it is: other stages fill it in later."""
        return pm.once(celltables.write_table, self.out, self.ledger, tile, columns)

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
        with measured() as took:
            yield
        self.record(name, **took)


@contextlib.contextmanager
def measured() -> Iterator[dict]:
    """Measure a block on every rank; the result is filled in at its end. COLLECTIVE.

    Yields
    ------
    dict
        `seconds`, `ranks`, and for each rank `cpu_s` and `peak_memory_mb` (MiB).
    """
    took: dict = {}
    start, cpu = time.perf_counter(), [u["cpu_s"] for u in pm.usage()]
    yield took
    usage = pm.usage()
    took["seconds"] = round(time.perf_counter() - start, 3)
    took["ranks"] = len(usage)
    took["cpu_s"] = [round(u["cpu_s"] - c, 3) for u, c in zip(usage, cpu, strict=True)]
    took["peak_memory_mb"] = [round(u["peak_memory_mb"], 1) for u in usage]


def open_run(
    out: str | Path,
    app: str,
    settings: Mapping,
    *,
    fixed: tuple[str, ...] | None = None,
    shared: bool = False,
) -> Run:
    """Create the run of `app` in folder `out`, or resume it. COLLECTIVE.

    Parameters
    ----------
    out : str or Path
        A new or empty folder, or one that holds a run of the same app.
    app : str
        The app's name.
    settings : mapping
        All that the result depends on; nested mappings are fine.
    fixed : tuple of str, optional
        Settings that must be those that the run was made with; all of them if omitted. An app that
        lets others change does again what depends on them.
    shared : bool
        As one of several tasks that work in the folder at once; other jobs have it alone.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If the folder cannot be written, holds anything else, was made with other settings, or
        another job works in it.
    """
    out, asked = Path(out), json.loads(tables.to_json(dict(settings)))
    changes = pm.once(claims.claim, out, app, asked, fixed=fixed, shared=shared)
    return Run(out.absolute(), app, locks.hold(out / STATE), changes)


def find_run(out: str | Path) -> Run:
    """The run that folder `out` holds, of whatever app, to add to it. COLLECTIVE."""
    out = Path(out)
    state = pm.once(claims.read_state, out)
    if state is None:
        raise InputError(f"{out} is not the folder of a run: it has no {STATE}/run.json")
    pm.once(_own, out)
    return Run(out.absolute(), state["app"], locks.hold(out / STATE))


def _own(out: Path) -> None:
    claims.check_writable(out)
    locks.own(out / STATE)


def settings_of(run: Run) -> dict:
    """The settings that a run was made with. COLLECTIVE."""
    return pm.once(claims.read_state, run.out)["settings"]


def _record(out: Path, stage: str, facts: dict) -> None:
    path = out / "run.json"
    run = claims.read_json(path)
    run["stages"][stage] = facts
    wholefiles.write_text(path, tables.to_json(run))

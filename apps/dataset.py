"""A dataset: a grid of overlapping tiles times channels, described by one TOML file.

Nothing is guessed: a key that is not known is refused with the nearest right one, a file that is
missing is named, and all of it before any work starts.
"""

import difflib
import json
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pmap import InputError

ORDERS = ("snake", "raster")
STARTS = ("top-left", "top-right", "bottom-left", "bottom-right")
ROLES = ("nuclei", "marker", "other")
PLACEHOLDERS = ("row", "col", "tile", "channel", "z")
TABLES = {
    "dataset": ("name", "voxel_um", "grid", "order", "start", "overlap"),
    "channel": ("name", "role", "files"),
    "segment": None,
    "classify": None,
    "truth": ("dir",),
}
"""The tables of a dataset file and their keys; None: the app of that name checks its own."""

RESERVED = ("labels", "outlines", "centroids")
"""Layers and files that a run makes itself."""

MAX_NAMED = 5


@dataclass(frozen=True)
class Channel:
    """One channel of a dataset: its name, what it shows, and how its files are called."""

    name: str
    role: str
    files: str


@dataclass(frozen=True)
class Dataset:
    """A parsed and checked dataset file; made by :func:`load`.

    Attributes
    ----------
    path : Path
        The TOML file.
    voxel_um : tuple of float
        Voxel size (z, y, x), microns.
    grid : tuple of int
        Rows and columns of tiles.
    overlap : tuple of float
        Share of a tile that neighbours have in common along (y, x), as the microscope was told.
    channels : tuple of Channel
        In the file's order.
    segment, classify : dict
        Settings of these apps, as they stand in the file.
    truth_dir : Path or None
        Folder of the exact truth, where it is known.
    """

    path: Path
    name: str
    voxel_um: tuple[float, float, float]
    grid: tuple[int, int]
    channels: tuple[Channel, ...]
    order: str = "snake"
    start: str = "top-left"
    overlap: tuple[float, float] = (0.0, 0.0)
    segment: dict = field(default_factory=dict)
    classify: dict = field(default_factory=dict)
    truth_dir: Path | None = None

    @property
    def tiles(self) -> list[tuple[int, int]]:
        """(row, col) of every tile in the order of acquisition."""
        return tile_order(self.grid, self.order, self.start)

    def channel(self, role: str) -> Channel | None:
        """The first channel of that role ("nuclei", "marker" or "other"), or None."""
        return next((c for c in self.channels if c.role == role), None)

    def file(self, channel: Channel | str, row: int, col: int) -> Path:
        """The image of one tile; `*` stands for the plane where a plane is a file of its own."""
        if isinstance(channel, str):
            channel = next(c for c in self.channels if c.name == channel)
        tile = self.tiles.index((row, col))
        pattern = re.sub(r"\{z[^}]*\}", "*", channel.files)
        return self.path.parent / pattern.format(row=row, col=col, tile=tile, channel=channel.name)


def tile_order(grid: tuple[int, int], order: str, start: str) -> list[tuple[int, int]]:
    """(row, col) of every tile, row by row from the corner `start`.

    Examples
    --------
    >>> tile_order((2, 3), "snake", "top-left")
    [(0, 0), (0, 1), (0, 2), (1, 2), (1, 1), (1, 0)]
    >>> tile_order((2, 2), "raster", "bottom-right")
    [(1, 1), (1, 0), (0, 1), (0, 0)]
    """
    rows, cols = range(grid[0]), range(grid[1])
    if start.startswith("bottom"):
        rows = rows[::-1]
    if start.endswith("right"):
        cols = cols[::-1]
    turn = -1 if order == "snake" else 1
    return [(r, c) for i, r in enumerate(rows) for c in cols[:: turn if i % 2 else 1]]


def load(path: str | Path, *, check_files: bool = True) -> Dataset:
    """Read and check a dataset file.

    LOCAL: every rank that calls it reads the file.

    Parameters
    ----------
    path : str or Path
        The TOML file; file names in it are relative to its folder.
    check_files : bool
        Whether every image of every tile must be there.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        For anything that is missing, unknown or impossible, naming the file and the key.
    """
    path = Path(path)
    tables = _read(path)
    check_keys(tables, TABLES, str(path))
    for name, keys in TABLES.items():
        for table in _rows(tables, name, path):
            if keys is not None:
                check_keys(table, keys, f"{path} [{name}]")
    head = _rows(tables, "dataset", path)[0] if "dataset" in tables else {}
    channels = _channels(_rows(tables, "channel", path), path)
    dataset = Dataset(
        path=path,
        name=str(head.get("name", path.parent.resolve().name)),
        voxel_um=voxel_size(_need(head, "voxel_um", path), f"{path} [dataset] voxel_um"),
        channels=channels,
        segment=dict(tables.get("segment", {})),
        classify=dict(tables.get("classify", {})),
        truth_dir=_truth_dir(tables.get("truth", {}), path),
        **_layout(head, path),
    )
    if check_files:
        _check_files(dataset)
    return dataset


def save(
    path: str | Path,
    *,
    voxel_um: Sequence[float],
    channels: Sequence[Channel],
    grid: Sequence[int] = (1, 1),
    overlap: Sequence[float] = (0.0, 0.0),
    name: str = "dataset",
    order: str = "snake",
    start: str = "top-left",
    segment: Mapping | None = None,
    classify: Mapping | None = None,
    truth_dir: str | None = None,
) -> Path:
    """Write a dataset file; file names are relative to its folder. LOCAL."""
    head = {
        "name": name,
        "voxel_um": [float(v) for v in voxel_um],
        "grid": [int(n) for n in grid],
        "order": order,
        "start": start,
        "overlap": [float(f) for f in overlap],
    }
    parts = [_toml("[dataset]", head)]
    parts += [
        _toml("[[channel]]", {"name": c.name, "role": c.role, "files": c.files}) for c in channels
    ]
    for title, table in (("segment", segment), ("classify", classify)):
        if table:
            parts.append(_toml(f"[{title}]", table))
    if truth_dir is not None:
        parts.append(_toml("[truth]", {"dir": str(truth_dir)}))
    path = Path(path)
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def check_keys(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse keys that are not known, naming the nearest right one.

    Examples
    --------
    >>> check_keys({"voxel_mu": 1}, ("voxel_um", "grid"), "d.toml [dataset]")
    Traceback (most recent call last):
    ...
    pmap.errors.InputError: d.toml [dataset]: unknown key 'voxel_mu'; did you mean 'voxel_um'? \
Known keys: voxel_um, grid
    """
    known = list(known)
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise InputError(f"{where}: unknown key {key!r}{hint} Known keys: {', '.join(known)}")


def voxel_size(value: object, where: str) -> tuple[float, float, float]:
    """Three positive numbers (z, y, x), microns, or an InputError that names `where`."""
    sizes = numbers(value, 3, where)
    if not all(math.isfinite(v) and v > 0 for v in sizes):
        raise InputError(f"{where}: voxel sizes must be positive microns (z, y, x), not {value}")
    return sizes


def _read(path: Path) -> dict:
    if not path.is_file():
        raise InputError(f"no dataset file {path}; give the path of a dataset.toml")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a TOML file: {error}") from error


def _rows(tables: dict, name: str, path: Path) -> list[dict]:
    """A table as a list of one, an array of tables as it is."""
    rows = tables.get(name, [])
    many = name == "channel"
    rows = [rows] if isinstance(rows, dict) and not many else rows
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path}: {name} must be written as {'[[channel]]' if many else [name]}")
    return rows


def _need(table: dict, key: str, path: Path, where: str = "[dataset]") -> object:
    if key not in table:
        raise InputError(f"{path} {where}: {key} is missing")
    return table[key]


def text(value: object, where: str) -> str:
    """A text from a TOML value, or an InputError that names `where`."""
    if not isinstance(value, str):
        raise InputError(f"{where}: a text in quotes is needed, not {value!r}")
    return value


def numbers(value: object, n: int, where: str) -> tuple[float, ...]:
    """`n` numbers from a TOML value, or an InputError that names `where`."""
    values = value if isinstance(value, list | tuple) and n > 1 else [value]
    good = [isinstance(v, int | float) and not isinstance(v, bool) for v in values]
    if len(values) != n or not all(good):
        wanted = "a number is" if n == 1 else f"{n} numbers are"
        raise InputError(f"{where}: {wanted} needed, not {value!r}")
    return tuple(float(v) for v in values)


def _layout(head: dict, path: Path) -> dict:
    """Grid, order, start and overlap, checked."""
    where = f"{path} [dataset]"
    grid = numbers(head.get("grid", [1, 1]), 2, f"{where} grid")
    if min(grid) < 1 or any(n != int(n) for n in grid):
        raise InputError(f"{where} grid: rows and columns, each at least 1, not {head['grid']}")
    if max(grid) > 1:
        _need(head, "overlap", path)
    overlap = numbers(head.get("overlap", [0.0, 0.0]), 2, f"{where} overlap")
    for share, n, axis in zip(overlap, grid, "yx", strict=True):
        if not 0 <= share < 1 or (n > 1 and share == 0):
            raise InputError(
                f"{where} overlap: the share of a tile in common with its neighbour along {axis} "
                f"must lie between 0 and 1, as in 0.1 for 10 %, not {share:g}"
            )
    layout = {"grid": tuple(int(n) for n in grid), "overlap": overlap}
    for key, choices in (("order", ORDERS), ("start", STARTS)):
        layout[key] = head.get(key, choices[0])
        if layout[key] not in choices:
            raise InputError(f"{where} {key}: one of {', '.join(choices)}, not {layout[key]!r}")
    return layout


def _channels(rows: list[dict], path: Path) -> tuple[Channel, ...]:
    if not rows:
        raise InputError(f'{path}: no [[channel]]; one with role = "nuclei" is needed')
    channels = tuple(_channel(row, path, f"[[channel]] {i + 1}") for i, row in enumerate(rows))
    if len(channels) == 1 and "role" not in rows[0]:
        channels = (replace(channels[0], role="nuclei"),)
    names = [c.name for c in channels]
    if len(set(names)) < len(names):
        raise InputError(f"{path}: two channels have the same name: {', '.join(names)}")
    if sum(c.role == "nuclei" for c in channels) != 1:
        raise InputError(f'{path}: exactly one [[channel]] must have role = "nuclei"')
    return channels


def _channel(row: dict, path: Path, where: str) -> Channel:
    """One checked channel; without a role it is "other"."""
    channel = Channel(
        text(_need(row, "name", path, where), f"{path} {where} name"),
        row.get("role", "other"),
        text(_need(row, "files", path, where), f"{path} {where} files"),
    )
    if not re.fullmatch(r"[\w-][\w .-]*", channel.name) or channel.name in RESERVED:
        raise InputError(
            f"{path} {where} name: letters, digits, - and _ are wanted, and none of "
            f"{', '.join(RESERVED)}, since layers are called by it; not {channel.name!r}"
        )
    if channel.role not in ROLES:
        raise InputError(f"{path} {where} role: one of {', '.join(ROLES)}, not {channel.role!r}")
    used = re.findall(r"\{(\w*)[^}]*\}", channel.files)
    check_keys(used, PLACEHOLDERS, f"{path} {where} files")
    try:
        channel.files.format(**dict.fromkeys(PLACEHOLDERS, 0))
    except (ValueError, LookupError) as error:
        raise InputError(
            f"{path} {where} files: {channel.files!r} cannot be filled in ({error}); "
            "write it as in dapi_r{row}_c{col}.tif"
        ) from error
    return channel


def _truth_dir(table: dict, path: Path) -> Path | None:
    if "dir" not in table:
        return None
    folder = path.parent / text(table["dir"], f"{path} [truth] dir")
    if not folder.is_dir():
        raise InputError(f"{path} [truth] dir: no folder {folder}")
    return folder


def _check_files(dataset: Dataset) -> None:
    """Every image of every tile is there, and no two tiles are the same file."""
    files = [dataset.file(c, row, col) for c in dataset.channels for row, col in dataset.tiles]
    missing = [file for file in files if not _is_there(file)]
    if missing:
        more = f" and {len(missing) - MAX_NAMED} more" if len(missing) > MAX_NAMED else ""
        names = ", ".join(str(file) for file in missing[:MAX_NAMED])
        raise InputError(f"{dataset.path}: missing {names}{more}")
    if len(set(files)) < len(files):
        raise InputError(
            f"{dataset.path}: two tiles or channels have the same file; name {{row}} and {{col}}, "
            f"or {{tile}}, in files"
        )


def _is_there(file: Path) -> bool:
    return file.exists() or any(file.parent.glob(file.name)) if "*" in file.name else file.exists()


def _toml(title: str, table: Mapping) -> str:
    return "\n".join([title, *(f"{key} = {_value(value)}" for key, value in table.items())]) + "\n"


def _value(value: object) -> str:
    """A TOML value; JSON writes these types the same way."""
    if isinstance(value, tuple):
        value = list(value)
    return json.dumps(value.item() if hasattr(value, "item") else value, ensure_ascii=False)

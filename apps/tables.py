"""Tables and JSON on disk: columns of equal length, read back exactly as they were written."""

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pmap import InputError

CELL_COLUMNS = (
    "id",
    "tile",
    "z_um",
    "y_um",
    "x_um",
    "volume_um3",
    "diameter_um",
    "mean",
    "std",
    "skew",
    "kurtosis",
    "class",
    "p_neuron",
    "cfos",
)
"""Columns of cells.csv, in their order."""


def to_csv(columns: Mapping) -> str:
    """Columns as CSV text: floats in their shortest exact form, NaN empty, booleans 1 and 0.

    Examples
    --------
    >>> print(to_csv({"id": np.array([1, 2]), "p": np.array([0.1, np.nan])}), end="")
    id,p
    1,0.1
    2,
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_cells(column) for column in columns.values()), strict=True))
    return text.getvalue()


def read_csv(path: str | Path) -> dict[str, np.ndarray]:
    """A CSV file as columns: whole numbers int64, numbers float64 (empty: NaN), else str. LOCAL.

    Raises
    ------
    InputError
        If it is no text, or a row has not as many cells as there are columns.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file: {error}") from error
    if not rows:
        return {}
    for row in rows[1:]:
        if len(row) != len(rows[0]):
            raise InputError(
                f"{path}: {len(rows[0])} columns, but a row of {len(row)}: {','.join(row)[:80]}"
            )
    return {name: _column([row[i] for row in rows[1:]]) for i, name in enumerate(rows[0])}


def write_h5(path: Path, columns: Mapping) -> None:
    """Columns as datasets of an HDF5 file. LOCAL."""
    import h5py

    with h5py.File(path, "w") as file:
        for name, column in columns.items():
            column = np.asarray(column)
            if column.dtype.kind in "UO":
                column = np.array([str(v) for v in column], dtype=h5py.string_dtype())
            file.create_dataset(name, data=column)


def to_json(obj: object) -> str:
    """JSON text of NumPy and plain values; what is not a number becomes null.

    Examples
    --------
    >>> print(to_json({"n": np.int64(3), "f1": float("nan")}), end="")
    {
     "n": 3,
     "f1": null
    }
    """
    return json.dumps(_plain(obj), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _cells(column: object) -> list[str]:
    column = np.asarray(column)
    if column.dtype.kind == "b":
        column = column.astype(np.uint8)
    if column.dtype.kind == "f":
        return ["" if np.isnan(v) else str(v) for v in column]
    return [str(v) for v in column]


def _column(texts: list[str]) -> np.ndarray:
    try:
        return np.array([int(t) for t in texts], dtype=np.int64)
    except ValueError:
        pass
    try:
        return np.array([float(t) if t else np.nan for t in texts], dtype=np.float64)
    except ValueError:
        return np.array(texts, dtype=object).astype(str)


def _plain(obj: object) -> object:
    if isinstance(obj, Mapping):
        return {str(key): _plain(value) for key, value in obj.items()}
    if isinstance(obj, np.ndarray):
        return _plain(obj.tolist())
    if isinstance(obj, list | tuple):
        return [_plain(value) for value in obj]
    if isinstance(obj, np.generic):
        return _plain(obj.item())
    if isinstance(obj, float) and not math.isfinite(obj):
        return None
    if isinstance(obj, Path):
        return str(obj)
    return obj

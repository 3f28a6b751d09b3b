"""Look at every input file before the work starts: what is wrong is named within seconds.

A file that cannot be opened, is cut off, is no volume, shows the same value everywhere, or holds
NaN would otherwise be found hours into a run.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import pmap as pm
from pmap import InputError

from .dataset import Dataset

MAX_NAMED = 5


def check_images(
    dataset: Dataset, tiles: Sequence[tuple[int, int]] | None = None
) -> tuple[int, int, int]:
    """Check every channel of every tile, files shared out over the ranks. COLLECTIVE.

    Parameters
    ----------
    dataset : Dataset
    tiles : sequence of (row, col), optional
        Look at these alone.

    Returns
    -------
    tuple of int
        Shape (z, y, x) of a tile, voxels.

    Raises
    ------
    InputError
        Naming the files at fault, the same on all ranks.
    """
    tiles = dataset.tiles if tiles is None else tiles
    files = [dataset.file(c, row, col) for c in dataset.channels for row, col in tiles]
    seen = pm.foreach(files, probe)
    problems = [look["problem"] for look in seen if look.get("problem")]
    if problems:
        more = f" (and {len(problems) - MAX_NAMED} more)" if len(problems) > MAX_NAMED else ""
        raise InputError("; ".join(problems[:MAX_NAMED]) + more)
    _check_alike(
        [(file, tuple(look["shape"])) for file, look in zip(files, seen, strict=True)], "shape"
    )
    n = len(tiles)
    for i in range(len(dataset.channels)):
        part = slice(i * n, (i + 1) * n)
        dtypes = zip(files[part], [look["dtype"] for look in seen[part]], strict=True)
        _check_alike(list(dtypes), "dtype")
    return tuple(seen[0]["shape"])


def probe(file: Path) -> dict:
    """Shape and dtype of an image, or the problem with it. LOCAL.

    Reads integer images until two values differ, which is a plane or two; floating-point images
    whole, because a single NaN spoils every filter.
    """
    try:
        with pm.io.open(file) as source:
            problem = _shape_problem(source) or _value_problem(source)
            look = {"shape": list(source.shape), "dtype": str(source.dtype)}
    except (InputError, OSError, ValueError) as error:
        text = str(error)
        return {"problem": text if str(file) in text else f"{file}: {text}"}
    return {**look, "problem": f"{file}: {problem}"} if problem else look


def _shape_problem(source) -> str | None:
    if source.ndim != 3:
        return f"an image with axes (z, y, x) is needed, this one has shape {tuple(source.shape)}"
    if 0 in source.shape:
        return f"the image is empty, shape {tuple(source.shape)}"
    if source.dtype.kind not in "uif":
        return f"an image of numbers is needed, this one is {source.dtype}"
    return None


def constant_problem(source: pm.io.FileArray) -> str | None:
    """What is wrong with an image that shows one value everywhere. LOCAL.

    Begins with the last plane, which shows that the file is whole, and ends where values differ.
    """
    first = None
    for _, plane in _planes(source):
        first = plane.flat[0] if first is None else first
        if (plane != first).any():
            return None
    return f"every voxel is {first}: a constant image shows nothing"


def _value_problem(source: pm.io.FileArray) -> str | None:
    """NaN, or one value everywhere."""
    if source.dtype.kind == "f":
        for z, plane in _planes(source):
            if not np.isfinite(plane).all():
                return f"plane {z} holds NaN or infinity"
    return constant_problem(source)


def _planes(source: pm.io.FileArray) -> Iterator[tuple[int, np.ndarray]]:
    """Every plane with its number, the last one first."""
    rest = tuple(slice(0, m) for m in source.shape[1:])
    for z in [source.shape[0] - 1, *range(source.shape[0] - 1)]:
        yield z, np.asarray(source.read((slice(z, z + 1), *rest)))


def _check_alike(found: list[tuple[Path, object]], what: str) -> None:
    """All files have the same `what` as the first one."""
    first, expected = found[0]
    for file, value in found[1:]:
        if value != expected:
            raise InputError(
                f"{file} has {what} {value}, but {first} has {expected}; "
                f"all tiles must have one {what}"
            )

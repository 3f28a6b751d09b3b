"""open: one door to every kind of file; errors are found before any work starts."""

from __future__ import annotations

import difflib
import glob
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.distarray import DistArray
from ..conversion import asarray
from ..errors import InputError
from .czi import open_czi
from .filearray import FileArray
from .hdf5 import open_hdf5
from .tiff import open_stack, open_tiff

TIFF, HDF5, CZI = (".tif", ".tiff"), (".h5", ".hdf5"), (".czi",)


def open(  # noqa: A001
    path: str | Path | Sequence[str | Path],
    *,
    dataset: str | None = None,
    channel: int | None = None,
    scene: int | None = None,
    map: Any = None,  # noqa: A002
) -> FileArray | DistArray | np.ndarray:
    """Open a file, or a stack of planes, as an array that is read box by box. LOCAL.

    Parameters
    ----------
    path : path, or list of paths
        A .tif, .tiff, .h5, .hdf5 or .czi file; or a folder of TIFF planes, a pattern
        ("planes/z*.tif") or a list: a stack in natural order (z2 before z10).
    dataset : str, optional
        HDF5: name of the dataset; not needed where there is one.
    channel, scene : int, optional
        Which channel or scene to take, where the file has several.
    map : Map, "auto", optional
        Read the file: each rank its own part, and no other.

    Returns
    -------
    FileArray, or DistArray if `map` is given
        Images have axes (z, y, x), a single plane z = 1; an HDF5 dataset has its own axes.

    Raises
    ------
    InputError
        If the file is missing, cut off, of an unknown kind, or its planes do not agree.

    Examples
    --------
    >>> import pmap as pm, numpy as np, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> pm.io.save(folder / "a.tif", np.arange(24, dtype="uint16").reshape(2, 3, 4))
    >>> pm.io.open(folder / "a.tif")[1, 2]
    array([20, 21, 22, 23], dtype=uint16)
    """
    source = _open(path, dataset, channel, scene)
    if map is None:
        return source
    with source:
        return asarray(source, map=map)


def _open(
    path: str | Path | Sequence[str | Path],
    dataset: str | None,
    channel: int | None,
    scene: int | None,
) -> FileArray:
    source, paths = _resolve(path)
    if paths is not None:
        return open_stack(source, paths, channel)
    suffix = source.suffix.lower()
    if suffix in TIFF:
        return open_tiff(source, channel)
    if suffix in HDF5:
        return open_hdf5(source, dataset)
    if suffix in CZI:
        return open_czi(source, scene, channel)
    raise InputError(
        f"{source}: files ending in {suffix or 'nothing'!r} cannot be read; supported are "
        f"{', '.join(TIFF + HDF5 + CZI)} and folders of TIFF planes"
    )


def natural_key(path: Path) -> list:
    """Key that sorts names as people do: z2 before z10."""
    parts = re.split(r"(\d+)", path.name)
    return [(1, int(p), "") if p.isdigit() else (0, 0, p.lower()) for p in parts]


def _resolve(path: str | Path | Sequence[str | Path]) -> tuple[Path, list[Path] | None]:
    """One existing file, or a folder and the files of a stack."""
    if not isinstance(path, (str, Path)):
        paths = [_existing(Path(p)) for p in path]
        if not paths:
            raise InputError("an empty list of planes was given")
        return paths[0].parent, sorted(paths, key=natural_key)
    if not Path(path).exists() and any(c in str(path) for c in "*?["):
        paths = sorted(map(Path, glob.glob(str(path))), key=natural_key)
        if not paths:
            raise InputError(f"no file matches {path}")
        return Path(path).parent, paths
    source = _existing(Path(path))
    if not source.is_dir():
        return source, None
    paths = sorted((p for p in source.iterdir() if p.suffix.lower() in TIFF), key=natural_key)
    if not paths:
        found = ", ".join(sorted(p.name for p in source.iterdir())[:5]) or "nothing"
        raise InputError(f"the folder {source} holds no TIFF planes; it holds {found}")
    return source, paths


def _existing(path: Path) -> Path:
    """`path`, or an error that names what is near it."""
    if path.exists():
        return path
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if folder != path.parent:
        raise InputError(f"there is no folder {path.parent}; {folder} exists")
    names = [p.name for p in folder.iterdir()]
    near = difflib.get_close_matches(path.name, names, 3, 0.5)
    hint = f"; near names in the folder: {', '.join(near)}" if near else f" in {folder.resolve()}"
    raise InputError(f"there is no file {path}{hint}")

"""HDF5 datasets as arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .filearray import Box, FileArray


class Hdf5Array(FileArray):
    """One dataset of an HDF5 file, open for reading."""

    def __init__(self, path: Path, file: Any, dataset: str) -> None:
        """Take the open file and the dataset's name in it."""
        self._file, self._data = file, file[dataset]
        self.dataset = dataset
        super().__init__(path, self._data.shape, self._data.dtype, dict(self._data.attrs))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, box: Box) -> np.ndarray:
        if not self._file:
            raise InputError(f"{self!r} is closed")
        out = np.empty([s.stop - s.start for s in box], self.dtype)
        self._data.read_direct(out, box)
        return out


def open_hdf5(path: Path, dataset: str | None = None) -> Hdf5Array:
    """Array of the dataset that is named, or of the only one in the file."""
    import h5py

    try:
        # Without locks: many ranks read one file, also on file systems that have no locks.
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        raise InputError(f"{path} is not a whole HDF5 file: {error}") from None
    found: dict[str, Any] = {}
    file.visititems(lambda name, x: found.update({name: x} if hasattr(x, "dtype") else {}))
    names = ", ".join(f"{n} {x.shape} {x.dtype}" for n, x in found.items()) or "none"
    wanted = dataset.strip("/") if dataset else (next(iter(found)) if len(found) == 1 else None)
    if wanted not in found:
        file.close()
        asked = "name one with dataset=" if dataset is None else f"asked for dataset={dataset!r}"
        raise InputError(f"{path}: {asked}; datasets in it: {names}")
    return Hdf5Array(path, file, wanted)

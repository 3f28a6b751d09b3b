"""Arrays that lie in a file as plain bytes: read and written through the page cache."""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .filearray import Box, FileArray


class MappedArray(FileArray):
    """A C-contiguous array at an offset of a file.

    The file is mapped anew for each call and not for longer: pages that were touched do not stay
    in the memory of the process, so its peak is set by the box and not by the file.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: Any,
        offset: int = 0,
        attrs: Mapping[str, Any] | None = None,
        writable: bool = False,
    ) -> None:
        """Open the file at `path`; the descriptor stays until `close`."""
        super().__init__(path, shape, dtype, attrs)
        self._stored, self._offset, self.writable = np.dtype(dtype), int(offset), writable
        self._fd = os.open(self.path, os.O_RDWR if writable else os.O_RDONLY)
        found, needed = os.fstat(self._fd).st_size, self._offset + self.nbytes
        if found < needed:
            self.close()
            raise InputError(
                f"{self.path} is cut off: shape {self.shape} of {self.dtype} at byte "
                f"{self._offset} needs {needed} bytes, the file has {found}"
            )

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __del__(self) -> None:
        """Close the file when the last name of the array is gone."""
        if getattr(self, "_fd", None) is not None:
            self.close()

    def _mapping(self, access: int) -> np.ndarray:
        if self._fd is None:
            raise InputError(f"{self!r} is closed")
        pages = mmap.mmap(self._fd, self._offset + self.nbytes, access=access)
        return np.ndarray(self.shape, self._stored, pages, self._offset)

    def _read(self, box: Box) -> np.ndarray:
        return np.array(self._mapping(mmap.ACCESS_READ)[box], self.dtype, order="C")

    def _write(self, box: Box, array: np.ndarray) -> None:
        self._mapping(mmap.ACCESS_WRITE)[box] = array

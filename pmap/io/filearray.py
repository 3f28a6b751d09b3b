"""FileArray: an array in a file, read box by box."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import GatherError, InputError, ShapeError
from ..settings import options

Box = tuple[slice, ...]


class FileArray:
    """An array that lives in a file; each read brings only the box that was asked for.

    LOCAL: reading needs no other rank. ``a.read(box)`` takes one slice with a start and a stop for
    each axis; ``a[...]`` takes integers, slices with steps and an Ellipsis, as NumPy does.

    Attributes
    ----------
    shape : tuple of int
        Lengths of the axes, (z, y, x) for images.
    dtype : numpy.dtype
        Type of the elements as `read` gives them, in the machine's byte order.
    path : Path
        The file, or the folder of the planes.
    attrs : dict
        What the file says about the array; ``voxel_um`` (z, y, x) where it is known.
    """

    writable = False

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: Any, attrs: Mapping[str, Any] | None = None
    ) -> None:
        """Keep what every kind of file has in common."""
        self.path = Path(path)
        self.shape = tuple(int(n) for n in shape)
        self.dtype = np.dtype(dtype).newbyteorder("=")
        self.attrs = dict(attrs or {})

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        """Length of the first axis."""
        return self.shape[0]

    def __repr__(self) -> str:
        """Kind, path, shape and dtype."""
        return f"{type(self).__name__}({str(self.path)!r}, shape={self.shape}, dtype={self.dtype})"

    def __enter__(self) -> FileArray:
        """Give the array itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Let the file go; reading afterwards is an error of the kind of file."""

    def read(self, box: Box) -> np.ndarray:
        """Elements of `box` as a new C-contiguous array. LOCAL.

        Parameters
        ----------
        box : tuple of slice
            One slice for each axis, 0 <= start <= stop <= length, no step.

        Raises
        ------
        ShapeError
            If the box does not lie in the array.
        """
        box = checked_box(box, self.shape)
        if any(s.stop == s.start for s in box):
            return np.empty([s.stop - s.start for s in box], self.dtype)
        return self._read(box)

    def write(self, box: Box, array: np.ndarray) -> None:
        """Put `array` (of the box's shape, or broadcast to it) into the file. LOCAL."""
        if not self.writable:
            raise InputError(f"{self!r} was opened for reading; pm.io.scratch is writable")
        box = checked_box(box, self.shape)
        if all(s.stop > s.start for s in box):
            self._write(box, array)

    def _read(self, box: Box) -> np.ndarray:
        raise NotImplementedError

    def _write(self, box: Box, array: np.ndarray) -> None:
        raise NotImplementedError

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Read the whole array, up to ``pm.options.gather_limit`` bytes."""
        if self.nbytes > options.gather_limit:
            raise GatherError(
                f"np.asarray of {self!r} would read {self.nbytes} bytes, more than "
                f"pm.options.gather_limit = {options.gather_limit}; read boxes of it, or raise the "
                "limit"
            )
        return self[...] if dtype is None else self[...].astype(dtype, copy=False)

    def __getitem__(self, key: Any) -> np.ndarray:
        """Elements by integers, slices and an Ellipsis, read from the smallest box around them."""
        box, after = _box_of_key(key, self.shape)
        return self.read(box)[after]

    def __setitem__(self, key: Any, value: Any) -> None:
        """Write a box given by integers and slices without steps."""
        box, after = _box_of_key(key, self.shape)
        if any(isinstance(s, slice) and s.step not in (None, 1) for s in after):
            raise ShapeError(f"a file is written by whole boxes, without steps; asked for {key!r}")
        shape = tuple(s.stop - s.start for s in box)
        kept = tuple(n for n, s in zip(shape, after, strict=True) if isinstance(s, slice))
        self.write(box, np.broadcast_to(value, kept).reshape(shape))


def checked_box(box: Box, shape: tuple[int, ...]) -> Box:
    """`box` with plain integers, after checking that it lies in an array of `shape`."""
    box = tuple(box)
    if len(box) != len(shape):
        raise ShapeError(f"a box of {len(box)} slices for an array of shape {shape}")
    for s, n in zip(box, shape, strict=True):
        if s.step not in (None, 1) or not 0 <= s.start <= s.stop <= n:
            raise ShapeError(f"box {box} does not lie in an array of shape {shape}")
    return tuple(slice(int(s.start), int(s.stop)) for s in box)


def _box_of_key(key: Any, shape: tuple[int, ...]) -> tuple[Box, tuple]:
    """Smallest box around `key`, and the index that takes `key`'s elements out of that box."""
    key = key if isinstance(key, tuple) else (key,)
    if (dots := sum(k is Ellipsis for k in key)) > 1:
        raise IndexError("an index can have one Ellipsis ('...')")
    if dots:
        at = next(i for i, k in enumerate(key) if k is Ellipsis)
        middle = (slice(None),) * (len(shape) - len(key) + 1)
        key = key[:at] + middle + key[at + 1 :]
    key = key + (slice(None),) * (len(shape) - len(key))
    if len(key) != len(shape):
        raise IndexError(f"{len(key)} indices for an array of shape {shape}")
    pairs = [_axis_box(k, n) for k, n in zip(key, shape, strict=True)]
    return tuple(p[0] for p in pairs), tuple(p[1] for p in pairs)


def _axis_box(k: Any, n: int) -> tuple[slice, slice | int]:
    if not isinstance(k, slice):
        i = operator.index(k)
        if not -n <= i < n:
            raise IndexError(f"index {i} is out of bounds for an axis of length {n}")
        return slice(i % n, i % n + 1), 0
    steps = range(*k.indices(n))
    if not steps:
        return slice(0, 0), slice(None)
    low, high = min(steps[0], steps[-1]), max(steps[0], steps[-1]) + 1
    return slice(low, high), slice(None, None, steps.step)

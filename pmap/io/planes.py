"""Volumes made of planes: each plane lies in some file, plain or encoded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .filearray import Box, FileArray
from .mapped import MappedArray

# Decoded planes that are kept: neighbouring blocks and their halos need the same ones again, and
# decoding costs more than all else that is done with a voxel.
KEPT_BYTES = 1 << 27

# Decoder of a part of a plane: decode(plane, (y slice, x slice)) -> ndarray
Decode = Callable[["Plane", Box], np.ndarray]


@dataclass(frozen=True)
class Plane:
    """Where one (y, x) plane lies: at a byte offset if plain, else by its number in the file."""

    path: Path
    number: int
    shape: tuple[int, int]
    stored: np.dtype
    offset: int | None


class PlanesArray(FileArray):
    """A (z, y, x) volume whose planes are read one by one, only the planes a box needs."""

    def __init__(
        self,
        path: Path,
        planes: Sequence[Plane],
        decode: Decode,
        attrs: Mapping[str, Any] | None = None,
    ) -> None:
        """Take planes of one shape and type, first z first."""
        super().__init__(path, (len(planes), *planes[0].shape), planes[0].stored, attrs)
        self._planes, self._decode = tuple(planes), decode
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()

    def _read(self, box: Box) -> np.ndarray:
        out = np.empty([s.stop - s.start for s in box], self.dtype)
        numbers = range(len(self._planes))[box[0]]
        for i, z in enumerate(numbers):
            out[i] = self._read_plane(z, box[1:])
        return out

    def _read_plane(self, z: int, box: Box) -> np.ndarray:
        plane = self._planes[z]
        if plane.offset is None:
            return self._decoded(z, plane, box)
        with MappedArray(plane.path, plane.shape, plane.stored, plane.offset) as plain:
            return plain.read(box)

    def _decoded(self, z: int, plane: Plane, box: Box) -> np.ndarray:
        """A part of an encoded plane; the latest planes are kept decoded."""
        n_bytes = int(np.prod(plane.shape)) * plane.stored.itemsize
        if n_bytes > KEPT_BYTES // 8:
            return self._decode(plane, box)
        if z in self._kept:
            self._kept.move_to_end(z)
        else:
            self._kept[z] = self._decode(plane, tuple(slice(0, n) for n in plane.shape))
            if len(self._kept) * n_bytes > KEPT_BYTES:
                self._kept.popitem(last=False)
        return self._kept[z][box]

    def close(self) -> None:
        """Forget the decoded planes."""
        self._kept.clear()
        super().close()


def volume(
    path: Path, planes: Sequence[Plane], decode: Decode, attrs: Mapping[str, Any] | None = None
) -> FileArray:
    """Array of `planes`: one mapping where they follow each other in one file."""
    first = planes[0]
    step = int(np.prod(first.shape)) * first.stored.itemsize
    if first.offset is not None and all(
        p.path == first.path and p.offset == first.offset + i * step for i, p in enumerate(planes)
    ):
        shape = (len(planes), *first.shape)
        array = MappedArray(first.path, shape, first.stored, first.offset, attrs)
        array.path = Path(path)
        return array
    return PlanesArray(path, planes, decode, attrs)

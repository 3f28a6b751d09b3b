"""Zeiss CZI files: channels, scenes and the tiles of a mosaic as arrays.

A CZI file is a list of sub-blocks, each a plane of one tile at a pixel position; the `czifile`
library reads the list. Uncompressed sub-blocks are read straight from the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .filearray import Box, FileArray
from .planes import Plane, volume


@dataclass(frozen=True)
class _Block:
    """One plane of one tile: its sub-block number and where it lies."""

    number: int
    scene: int
    channel: int
    mosaic: int
    start: tuple[int, int, int]
    plane: Plane


class CziMosaic(FileArray):
    """All tiles of a channel in one frame; where tiles overlap, the later one is on top."""

    def __init__(self, path: Path, tiles: list[tuple[tuple, FileArray]], attrs: dict) -> None:
        """Take tiles with their starts in one frame whose minimum is 0."""
        ends = np.array([np.add(start, tile.shape) for start, tile in tiles])
        super().__init__(path, tuple(ends.max(axis=0)), tiles[0][1].dtype, attrs)
        self._tiles = tiles

    def _read(self, box: Box) -> np.ndarray:
        out = np.zeros([s.stop - s.start for s in box], self.dtype)
        for start, tile in self._tiles:
            low = [max(s.start, o) for s, o in zip(box, start, strict=True)]
            high = [min(s.stop, o + n) for s, o, n in zip(box, start, tile.shape, strict=True)]
            if all(a < b for a, b in zip(low, high, strict=True)):
                target = tuple(
                    slice(a - s.start, b - s.start) for a, b, s in zip(low, high, box, strict=True)
                )
                out[target] = tile.read(
                    tuple(slice(a - o, b - o) for a, b, o in zip(low, high, start, strict=True))
                )
        return out


def open_czi(path: Path, scene: int | None = None, channel: int | None = None) -> FileArray:
    """Array (z, y, x) of one channel of one scene; the tiles of a mosaic at their stage places."""
    tiles = czi_tiles(path, scene=scene, channel=channel)
    if len(tiles) == 1:
        return tiles[0][1]
    return CziMosaic(path, tiles, tiles[0][1].attrs)


def czi_tiles(
    path: str | Path, *, scene: int | None = None, channel: int | None = None
) -> list[tuple[tuple[int, int, int], FileArray]]:
    """Tiles of a mosaic with the places that the stage gave them. LOCAL.

    Parameters
    ----------
    path : path
        A .czi file.
    scene, channel : int, optional
        Which to take; needed where the file has several.

    Returns
    -------
    list of (start, FileArray)
        In the order of acquisition; `start` is (z, y, x) in pixels, the smallest of each axis 0.

    Raises
    ------
    InputError
        If the file is no CZI file, or a scene or channel is missing or not chosen.
    """
    path = Path(path)
    blocks, attrs = _blocks(path, path.stat().st_mtime_ns)
    blocks = _chosen(path, "scene", scene, blocks)
    blocks = _chosen(path, "channel", channel, blocks)
    tiles: dict[tuple[int, int], list[_Block]] = {}
    for block in sorted(blocks, key=lambda b: b.start[0]):
        tiles.setdefault((block.mosaic, block.scene), []).append(block)
    origin = np.min([b.start for b in blocks], axis=0)
    return [
        (tuple(int(n) for n in np.subtract(tiles[key][0].start, origin)),
         _tile(path, tiles[key], attrs))
        for key in sorted(tiles)
    ]  # fmt: skip


def _tile(path: Path, blocks: Sequence[_Block], attrs: dict) -> FileArray:
    """Array of the planes of one tile."""
    depth = [b.start[0] for b in blocks]
    first = blocks[0]
    if depth != list(range(depth[0], depth[0] + len(depth))):
        raise InputError(
            f"{path}: tile {first.mosaic} of scene {first.scene} has planes {depth}: planes are "
            "missing, or there are several time points, phases or views"
        )
    if len({(b.start[1:], b.plane.shape, b.plane.stored) for b in blocks}) > 1:
        raise InputError(f"{path}: the planes of tile {first.mosaic} differ in place or shape")
    return volume(path, [b.plane for b in blocks], _decode_part, dict(attrs))


def _chosen(path: Path, what: str, wanted: int | None, blocks: list[_Block]) -> list[_Block]:
    """Blocks of one scene or channel."""
    found = sorted({getattr(b, what) for b in blocks})
    if wanted is None and len(found) > 1:
        raise InputError(f"{path} has {what}s {found}: choose one, {what}=")
    if wanted is not None and wanted not in found:
        raise InputError(f"{path} has {what}s {found}, asked for {what}={wanted}")
    return [b for b in blocks if wanted is None or getattr(b, what) == wanted]


@lru_cache(maxsize=4)
def _kept_open(path: Path, changed_ns: int) -> Any:
    """CziFile of a path; `changed_ns` forgets a file that was rewritten."""
    import czifile

    try:
        return czifile.CziFile(path)
    except Exception as error:
        raise InputError(f"{path} is not a whole CZI file: {error}") from None


@lru_cache(maxsize=4)
def _blocks(path: Path, changed_ns: int) -> tuple[list[_Block], dict]:
    """All sub-blocks of full resolution, after checking that their bytes are there."""
    czi = _kept_open(path, changed_ns)
    size, blocks = path.stat().st_size, []
    for number, entry in enumerate(czi.subblock_directory):
        if entry.stored_shape != entry.shape:
            continue  # a plane of the pyramid, smaller than the image
        place = {d.dimension: d.start for d in entry.dimension_entries}
        sizes = {d.dimension: d.size for d in entry.dimension_entries}
        stored = np.dtype(entry.dtype)
        if stored.shape:
            raise InputError(f"{path} holds colour pixels ({entry.pixel_type}); grey is wanted")
        try:
            segment = entry.data_segment()
        except Exception as error:
            raise InputError(
                f"{path} is cut off or damaged: no sub-block {number} ({error}); copy it again"
            ) from error
        if segment.data_offset + segment.data_size > size:
            raise InputError(
                f"{path} is cut off: sub-block {number} ends at byte "
                f"{segment.data_offset + segment.data_size}, the file has {size}; copy it again"
            )
        offset = None if entry.compression else segment.data_offset
        plane = Plane(path, number, (sizes["Y"], sizes["X"]), stored, offset)
        start = (place.get("Z", 0), place["Y"], place["X"])
        blocks.append(
            _Block(number, place.get("S", 0), place.get("C", 0), place.get("M", 0), start, plane)
        )
    if not blocks:
        raise InputError(f"{path} has no image in it")
    return blocks, _attrs(czi.metadata())


def _attrs(xml: str) -> dict[str, Any]:
    """Voxel size in um from the scaling that the microscope wrote (in metres)."""
    value = r'<Distance Id="{}">\s*<Value>([^<]+)</Value>'
    found = [re.search(value.format(axis), xml) for axis in "ZYX"]
    metres = [float(m.group(1)) if m else None for m in found]
    if metres[1] is None or metres[2] is None:
        return {}
    return {"voxel_um": tuple(1e6 * m if m else 1.0 for m in metres)}


def _decode_part(plane: Plane, box: Box) -> np.ndarray:
    """Decode a compressed sub-block and cut `box` out of it."""
    czi = _kept_open(plane.path, plane.path.stat().st_mtime_ns)
    entry = czi.subblock_directory[plane.number]
    try:
        whole = entry.data_segment().data()
    except Exception as error:
        raise InputError(
            f"{plane.path}: cannot decode sub-block {plane.number} (compression "
            f"{entry.compression}: {error}); install the imagecodecs package, or export it "
            "uncompressed"
        ) from error
    return np.asarray(whole).reshape(plane.shape)[box]

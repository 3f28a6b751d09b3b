"""TIFF files and stacks of TIFF planes as (z, y, x) arrays.

Source of the format: TIFF revision 6.0 (Adobe, 1992) and BigTIFF; ImageJ's and OME's conventions
are read by the `tifffile` library.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .filearray import Box, FileArray
from .planes import Plane, volume


def open_tiff(path: Path, channel: int | None = None) -> FileArray:
    """Array (z, y, x) of the first image series of one TIFF file; one page gives z = 1."""
    planes, attrs = _planes_of_file(path, channel)
    return volume(path, planes, _decode_part, attrs)


def open_stack(folder: Path, paths: Sequence[Path], channel: int | None = None) -> FileArray:
    """Array (z, y, x) of TIFF files in the order given, one plane (or more) in each."""
    planes: list[Plane] = []
    attrs: dict[str, Any] = {}
    for path in paths:
        found, found_attrs = _planes_of_file(path, channel)
        planes += found
        attrs = attrs or found_attrs
        first, last = planes[0], found[-1]
        if (first.shape, first.stored) != (last.shape, last.stored):
            raise InputError(
                f"the planes of a stack must agree: {path} has shape {last.shape} of "
                f"{last.stored.name}, but {first.path} has {first.shape} of {first.stored.name}"
            )
    return volume(folder, planes, _decode_part, attrs)


def _planes_of_file(path: Path, channel: int | None) -> tuple[list[Plane], dict[str, Any]]:
    """Planes of one file, after checking that their bytes are all there."""
    with _opened(path) as tif:
        series = tif.series[0]
        frame = series.keyframe
        if series.dtype is None or series.dtype.kind not in "uif":
            raise InputError(
                f"{path}: pixels of {frame.bitspersample} bits are not supported; "
                "save it as uint8, uint16 or float32"
            )
        numbers = _page_numbers(path, series.axes, series.shape, channel)
        size, stored = path.stat().st_size, series.dtype.newbyteorder(tif.byteorder)
        shape = tuple(series.shape[-2:])
        step = int(np.prod(shape)) * stored.itemsize
        planes = []
        for n in numbers:
            if series.dataoffset is not None:
                offset, end = series.dataoffset + n * step, series.dataoffset + (n + 1) * step
            else:
                offset, end = _extent(path, series.pages[n], frame, step)
            if end > size:
                raise InputError(
                    f"{path} is cut off: plane {n} of {len(numbers)} ends at byte {end}, the "
                    f"file has {size}; copy or export it again"
                )
            planes.append(Plane(path, n, shape, stored, offset))
        return planes, _attrs(tif)


def _opened(path: Path) -> Any:
    """Give the open TiffFile, or an error that says what is wrong with the file."""
    import tifffile

    try:
        tif = tifffile.TiffFile(path)
    except (tifffile.TiffFileError, ValueError) as error:
        raise InputError(f"{path} is not a TIFF file: {error}") from None
    try:
        _check_chain(path)
        if not len(tif.series):
            raise InputError(f"{path} has no image in it")
    except Exception as error:
        tif.close()
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is damaged: {error}") from None
    return tif


def _check_chain(path: Path) -> None:
    """Follow the directories of the file to the end: a cut chain would read as fewer planes."""
    size = path.stat().st_size
    with path.open("rb") as f:
        order = "<" if f.read(2) == b"II" else ">"
        big = struct.unpack(order + "H", f.read(2))[0] == 43
        count, entry, link = ("Q", 20, "Q") if big else ("H", 12, "I")
        f.seek(8 if big else 4)
        pages, at = 0, struct.unpack(order + link, f.read(struct.calcsize(link)))[0]
        while at:
            f.seek(at)
            try:
                (entries,) = struct.unpack(order + count, f.read(struct.calcsize(count)))
                f.seek(entries * entry, 1)
                (at,) = struct.unpack(order + link, f.read(struct.calcsize(link)))
            except struct.error:
                raise InputError(
                    f"{path} is cut off: the directory of page {pages} should lie at byte {at}, "
                    f"the file has {size} bytes; copy or export it again"
                ) from None
            pages += 1
            if pages > size // 6:
                raise InputError(f"{path} is damaged: its directories run in a circle")


def _page_numbers(
    path: Path, axes: str, shape: tuple[int, ...], channel: int | None
) -> Sequence[int]:
    """Numbers of the pages of one channel, first z first."""
    if axes[-2:] != "YX":
        raise InputError(
            f"{path} has colour samples (axes {axes}, shape {shape}); save each channel as a "
            "grey image"
        )
    leading = [(a, n) for a, n in zip(axes[:-2], shape[:-2], strict=True) if n > 1]
    depth = [a for a, _ in leading if a != "C"]
    if len(depth) > 1:
        raise InputError(f"{path} has axes {axes} of lengths {shape}: one z stack is wanted")
    numbers = np.arange(np.prod(shape[:-2], dtype=int)).reshape([n for _, n in leading])
    channels = dict(leading).get("C", 1)
    if channel is None and channels > 1:
        raise InputError(
            f"{path} has {channels} channels: choose one, channel=0..{channels - 1} (a z stack "
            "must say so in its metadata: axes ZYX)"
        )
    if not 0 <= (channel or 0) < channels:
        raise InputError(f"{path} has {channels} channels, asked for channel={channel}")
    if channels > 1:
        numbers = np.take(numbers, channel, axis=[a for a, _ in leading].index("C"))
    return numbers.ravel().tolist()


def _extent(path: Path, page: Any, frame: Any, step: int) -> tuple[int | None, int]:
    """Byte offset of a page (None unless plain and in one piece) and where its bytes end."""
    offsets, counts = page.dataoffsets, page.databytecounts
    if not offsets or len(offsets) != len(counts):
        raise InputError(f"{path} is damaged: page {page.index} does not say where its pixels lie")
    end = max((o + c for o, c in zip(offsets, counts, strict=True) if c), default=0)
    follow = all(o + c == p for o, c, p in zip(offsets, counts, offsets[1:], strict=False))
    plain = frame.compression == 1 and frame.predictor == 1 and frame.fillorder == 1
    whole = plain and not frame.is_tiled and follow and sum(counts) == step
    return (offsets[0] if whole else None), end


def _attrs(tif: Any) -> dict[str, Any]:
    """Attributes written by `save`; else the voxel size in um, told in ImageJ's way."""
    shaped = (tif.shaped_metadata or ({},))[0]
    if shaped:
        return {k: v for k, v in shaped.items() if k not in ("shape", "axes", "truncated")}
    meta = tif.imagej_metadata or {}
    units = {"micron": 1.0, "um": 1.0, "\\u00B5m": 1.0, "µm": 1.0, "nm": 1e-3, "mm": 1e3}
    scale = units.get(meta.get("unit", ""))
    tags = tif.pages[0].tags
    if scale is None or "XResolution" not in tags or "YResolution" not in tags:
        return {}
    (nx, dx), (ny, dy) = tags["XResolution"].value, tags["YResolution"].value
    if not nx or not ny:
        return {}
    spacing = float(meta.get("spacing", 1.0))
    return {"voxel_um": (spacing * scale, dy / ny * scale, dx / nx * scale)}


@lru_cache(maxsize=4)
def _kept_open(path: Path, changed_ns: int) -> Any:
    """TiffFile of a file that is read plane by plane; `changed_ns` forgets a rewritten file."""
    return _opened(path)


def _decode_part(plane: Plane, box: Box) -> np.ndarray:
    """Decode the strips or tiles of a page that `box` touches, and no others."""
    series = _kept_open(plane.path, plane.path.stat().st_mtime_ns).series[0]
    page, frame = series.pages[plane.number], series.keyframe
    y, x = box
    out = np.zeros((y.stop - y.start, x.stop - x.start), plane.stored.newbyteorder("="))
    wanted = _segments(frame, y, x)
    handle = page.parent.filehandle
    for i in wanted:
        handle.seek(page.dataoffsets[i])
        try:
            part, place = _part(frame, handle.read(page.databytecounts[i]), i)
        except Exception as error:
            raise InputError(
                f"{plane.path}, page {plane.number}: cannot decode {frame.compression.name}: "
                f"{error}"
            ) from error
        if part is not None:
            _paste(out, part[0, :, :, 0], place[2] - y.start, place[3] - x.start)
    return out


def _part(frame: Any, data: bytes, index: int) -> Any:
    """Decode one segment and give it with its place in the page."""
    part, place, shape = frame.decode(data, index, **_tables(frame))
    if part is not None:  # a tile at the border is stored whole: only its first part is image
        part = part[: shape[0], : shape[1], : shape[2], : shape[3]]
    return part, place


def _tables(frame: Any) -> dict[str, Any]:
    return {"jpegtables": frame.jpegtables} if frame.jpegtables else {}


def _segments(frame: Any, y: slice, x: slice) -> list[int]:
    """Numbers of the strips or tiles that touch rows `y` and columns `x`."""
    if frame.is_tiled:
        down, across = frame.tilelength, frame.tilewidth
    else:
        down, across = frame.rowsperstrip, frame.imagewidth
    per_row = -(-frame.imagewidth // across)
    rows = range(y.start // down, -(-y.stop // down))
    columns = range(x.start // across, -(-x.stop // across))
    return [r * per_row + c for r in rows for c in columns]


def _paste(out: np.ndarray, part: np.ndarray, top: int, left: int) -> None:
    """Copy `part`, whose corner lies at (top, left) of `out`, as far as it lies inside."""
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + part.shape[0], out.shape[0]), min(left + part.shape[1], out.shape[1])
    if y1 > y0 and x1 > x0:
        out[y0:y1, x0:x1] = part[y0 - top : y1 - top, x0 - left : x1 - left]

"""Precomputed volumes on disk: every resolution of an image or of labels, in chunks.

The work is shared out in boxes of whole files, so no two writers share one; a coarser scale is
made from the finer one through a scratch file. `info` is written last: a volume that was cut off
has none, and no viewer takes it for whole.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import pmap as pm
from pmap import InputError

from .kernels import downsampling, precomputed, sharding
from .kernels.precomputed import Scale

SHARE_OF_BLOCK = 0.15
"""What a box brings to memory, of ``pm.options.block_mb``; working copies take the rest."""

Box = tuple[slice, ...]

RANGE_VOXELS = 1 << 23
"""The range of intensities is taken from the first scale with at most so many voxels."""


@dataclass(frozen=True)
class Storage:
    """How chunks become files: compressed or not, one file each or many in a shard."""

    gzip: bool = False
    sharded: bool = False

    def sharding(self, scale: Scale) -> dict | None:
        """Specification of the shards of a scale."""
        return sharding.volume_sharding(scale.grid, self.gzip) if self.sharded else None

    def info(self, kind: str, dtype: str, scales: list[Scale]) -> dict:
        """Metadata of a volume that is stored so."""
        return precomputed.volume_info(kind, dtype, scales, [self.sharding(s) for s in scales])


PLAIN = Storage()


@dataclass(frozen=True)
class Written:
    """What a viewer must know of a volume: shape (z, y, x), place and range of intensities."""

    name: str
    shape: tuple[int, int, int]
    start: tuple[int, int, int] = (0, 0, 0)
    low: float = 0.0
    high: float = 1.0


def write_image(
    source, folder: Path, voxel_um, *, start=(0, 0, 0), storage: Storage = PLAIN
) -> Written:
    """Write all scales of an image, each the mean of the finer one. COLLECTIVE."""
    dtype = stored_type("image", source.dtype, folder)
    scales = precomputed.scales_of(source.shape, voxel_um, start)
    limits = None
    layers = {folder: np.asarray}
    with _volume(folder, storage.info("image", dtype, scales)):
        for scale, array in _scales(source, scales, downsampling.halve_image):
            _write_chunks(array, dtype, scale, layers, precomputed.encode_image, storage)
            if limits is None and (np.prod(scale.shape) <= RANGE_VOXELS or scale is scales[-1]):
                limits = pm.once(_intensities, array)
    return Written(folder.name, source.shape, tuple(start), *limits)


def write_labels(
    source,
    folder: Path,
    outlines: Path,
    voxel_um,
    properties: str | None = None,
    *,
    storage: Storage = PLAIN,
) -> Written:
    """Write all scales of labels and of their outlines. COLLECTIVE.

    A coarse voxel has the commonest label of the finer ones; outlines are one voxel wide in the
    planes of every scale. `properties` is the folder in `folder` that describes the segments.
    """
    dtype = stored_type("segmentation", source.dtype, folder)
    scales = precomputed.scales_of(source.shape, voxel_um)
    plain = storage.info("segmentation", dtype, scales)
    info = {**plain, "segment_properties": properties} if properties else plain
    layers = {folder: np.asarray, outlines: downsampling.outlines}
    encode = precomputed.encode_segmentation
    with _volume(folder, info), _volume(outlines, plain):
        for scale, array in _scales(source, scales, downsampling.halve_labels):
            _write_chunks(array, dtype, scale, layers, encode, storage, margin=1)
    return Written(folder.name, source.shape)


def stored_type(kind: str, dtype: np.dtype, where: Path) -> str:
    """Type that a volume is stored with; what the format lacks is widened where it loses nothing.

    Raises
    ------
    InputError
        If the format has no type for it.
    """
    dtype = np.dtype(dtype)
    known = precomputed.IMAGE_TYPES if kind == "image" else precomputed.LABEL_TYPES
    widened = {"bool": "uint8", "float16": "float32", "float64": "float32"}
    if kind == "segmentation":
        widened = {n: "uint32" for n in ("bool", "uint8", "uint16", "int8", "int16", "int32")}
        widened["int64"] = "uint64"
    found = dtype.name if dtype.name in known else widened.get(dtype.name)
    if found is None:
        raise InputError(f"{where}: a precomputed {kind} holds {', '.join(known)}, not {dtype}")
    return found


@contextmanager
def _volume(folder: Path, info: dict) -> Iterator[None]:
    """A fresh folder with one folder for each scale; `info` is written when all is there."""
    pm.once(_clear, folder, [scale["key"] for scale in info["scales"]])
    yield
    pm.once(write_json, folder / "info", info)


def _clear(folder: Path, keys: list[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for key in keys:
        (folder / key).mkdir(parents=True)


def write_json(path: Path, obj: dict) -> None:
    """Write JSON in one piece: beside, then renamed. LOCAL."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(obj, separators=(",", ":"), allow_nan=False), encoding="utf-8")
    part.replace(path)


def _scales(source, scales: list[Scale], halve: Callable) -> Iterator[tuple[Scale, object]]:
    """Each scale with its array: the source itself, then scratch files."""
    finer, array = scales[0], source
    yield finer, array
    for scale in scales[1:]:
        array = _halved(array, finer, scale, halve)
        finer = scale
        yield scale, array


def _halved(fine, finer: Scale, scale: Scale, halve: Callable):
    """Scratch array of `scale`, made from the array of the next finer one."""
    coarse = pm.io.scratch(scale.shape, fine.dtype)
    factor = [b // a for a, b in zip(finer.factor, scale.factor, strict=True)]

    def make(box: Box) -> None:
        read, front = [], []
        for s, f, first, below, n in zip(
            box, factor, scale.start, finer.start, fine.shape, strict=True
        ):
            low = (s.start + first) * f - below  # windows lie on the grid of the whole frame
            read.append(slice(max(low, 0), min((s.stop + first) * f - below, n)))
            front.append(max(-low, 0))
        coarse[box] = halve(fine[tuple(read)], factor, front)

    whole = tuple(slice(0, n) for n in scale.shape)
    parts = _parts(whole, scale.chunk, fine.dtype.itemsize * int(np.prod(factor)))
    pm.foreach(parts, make, stop_on_error=True)
    return coarse


def _write_chunks(
    array,
    dtype: str,
    scale: Scale,
    layers: Mapping[Path, Callable],
    encode: Callable,
    storage: Storage,
    margin: int = 0,
) -> None:
    """Write the files of one scale, shared out in boxes of whole files.

    Each of `layers` is a folder and what makes its voxels of the array's; that may look at `margin`
    voxels around a box in its planes.
    """

    def write(box: Box) -> None:
        chunks: dict[Path, list] = {folder: [] for folder in layers}
        for part in _parts(box, scale.chunk, array.dtype.itemsize):
            wide = tuple(
                slice(max(s.start - m, 0), min(s.stop + m, n))
                for s, m, n in zip(part, (0, margin, margin), array.shape, strict=True)
            )
            values = array[wide].astype(dtype, copy=False)
            for folder, view in layers.items():
                chunks[folder] += _encoded(view(values), wide, part, scale, encode)
        for folder, found in chunks.items():
            for name, data in _files(found, scale, storage).items():
                (folder / scale.key / name).write_bytes(data)

    whole = tuple(slice(0, n) for n in scale.shape)
    if storage.sharded:
        shard = sharding.shard_box(scale.grid)
        edge = tuple(c * n for c, n in zip(scale.chunk, shard, strict=True))
        boxes = list(precomputed.chunks_in(whole, edge))
    else:
        boxes = list(_parts(whole, scale.chunk, array.dtype.itemsize))
    pm.foreach(boxes, write, stop_on_error=True)


def _encoded(
    values: np.ndarray, wide: Box, box: Box, scale: Scale, encode: Callable
) -> list[tuple[Box, bytes]]:
    """Chunks of `box` with their bytes; `values` are those of the box `wide` around it."""
    found = []
    for chunk in precomputed.chunks_in(box, scale.chunk):
        inner = tuple(
            slice(c.start - w.start, c.stop - w.start) for c, w in zip(chunk, wide, strict=True)
        )
        found.append((chunk, encode(values[inner])))
    return found


def _files(chunks: list[tuple[Box, bytes]], scale: Scale, storage: Storage) -> dict[str, bytes]:
    """Files, by name, of some chunks; with shards, the chunks are those of whole shards."""
    if storage.sharded:
        cells = [[s.start // n for s, n in zip(c, scale.chunk, strict=True)] for c, _ in chunks]
        codes = [sharding.morton_code(cell, scale.grid) for cell in cells]
        records = {code: data for code, (_, data) in zip(codes, chunks, strict=True)}
        return sharding.encode_shards(records, storage.sharding(scale))
    names = [precomputed.chunk_name(chunk, scale.start) for chunk, _ in chunks]
    if storage.gzip:
        packed = (precomputed.gzipped(data) for _, data in chunks)
        return {f"{name}.gz": data for name, data in zip(names, packed, strict=True)}
    return {name: data for name, (_, data) in zip(names, chunks, strict=True)}


def _parts(box: Box, chunk: tuple[int, ...], itemsize: int) -> list[Box]:
    """Boxes of whole chunks that cover `box`, each of one layer of chunks and of bounded size."""
    limit = pm.options.block_mb * 1e6 * SHARE_OF_BLOCK
    size = [chunk[0], *(s.stop - s.start for s in box[1:])]
    for axis in (1, 2):
        rest = itemsize * int(np.prod(size)) / size[axis]
        size[axis] = min(max(int(limit / rest) // chunk[axis], 1) * chunk[axis], size[axis])
    return list(precomputed.chunks_in(box, tuple(size)))


def _intensities(array) -> tuple[float, float]:
    """Darkest and brightest value worth showing."""
    whole = array[tuple(slice(0, n) for n in array.shape)]
    low, high = (float(v) for v in np.percentile(whole, (25, 99.9)))
    return low, high if high > low else low + 1


def write_files(folder: Path, files: Mapping[str, bytes | dict]) -> None:
    """Write the files of one layer into a fresh folder, `info` last. LOCAL."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in files.items():
        if name != "info":
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    write_json(folder / "info", files["info"])

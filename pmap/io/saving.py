"""save: arrays to TIFF and HDF5 files, slab by slab, whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays.distarray import DistArray
from ..errors import InputError
from ..ranks import comm
from ..regions import fetch
from .filearray import Box, FileArray
from .mapped import MappedArray
from .packing import LEVEL, chunk_boxes, pack, to_first

SLAB_BYTES = 64 << 20  # what the writing rank holds at a time, or one chunk of each rank
CHUNK = (16, 128, 128)  # of HDF5 datasets: 0.5 MB of uint16


def save(
    path: str | Path,
    x: Any,
    *,
    dataset: str = "data",
    attrs: Mapping[str, Any] | None = None,
    compression: str | None = "gzip",
) -> None:
    """Write an array to a TIFF or HDF5 file; its dtype is kept. COLLECTIVE.

    The file is written beside and renamed when it is whole, so that a file of this name is never
    half of one. One rank writes, and holds some 64 MB at a time; all ranks compress. An error of
    one of them is raised on all.

    Parameters
    ----------
    path : path
        Ends in .tif, .tiff (uncompressed, BigTIFF past 4 GB), .h5 or .hdf5 (chunked).
    x : DistArray, FileArray or ndarray (equal on all ranks)
        What to write. TIFF takes 2 or 3 axes of integers or floats.
    dataset : str
        Name of the dataset in an HDF5 file.
    attrs : mapping, optional
        Facts to keep with the array, such as ``{"voxel_um": (1, 0.227, 0.227)}``; those of a
        FileArray are kept if this is omitted.
    compression : {"gzip", None}
        Of HDF5 chunks: level 1, which every reader knows; all ranks share the work.

    Raises
    ------
    InputError
        If the kind of file is unknown or cannot hold the array, or the folder cannot be written.

    Examples
    --------
    >>> import pmap as pm, numpy as np, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> pm.io.save(folder / "a.h5", np.eye(3), dataset="eye", attrs={"unit": "um"})
    >>> pm.io.open(folder / "a.h5").attrs["unit"]
    'um'
    """
    path = Path(path)
    if not isinstance(x, DistArray | FileArray):
        x = np.asarray(x)
    make = _sink_of(path, x.shape, x.dtype, dataset, compression)
    attrs = dict(getattr(x, "attrs", {}) if attrs is None else attrs)
    part = path.with_name(f".{path.name}.part")
    sink: Sink | None = None

    def start() -> tuple[int, ...] | None:
        nonlocal sink
        if not path.parent.is_dir():
            raise InputError(f"cannot write {path}: there is no folder {path.parent}")
        part.unlink(missing_ok=True)
        sink = make(part, attrs)
        return sink.chunk

    def finish() -> None:
        sink.close()
        with part.open("rb") as f:
            os.fsync(f.fileno())
        part.replace(path)

    try:
        if (chunk := comm.once(start)) is None:
            for box in _slabs(x.shape, x.dtype.itemsize):
                values = _reader(x, box)
                comm.once(lambda box=box, values=values: sink.write(box, values()))
        else:
            for boxes in _rounds(x.shape, x.dtype.itemsize, chunk):
                packed = _packed_by_all(x, boxes, chunk, compression is not None)
                comm.once(lambda boxes=boxes, packed=packed: sink.store(boxes, *packed))
        comm.once(finish)
    except BaseException:
        if sink is not None:
            sink.close()
            part.unlink(missing_ok=True)
        raise


def _reader(x: Any, box: Box) -> Callable[[], np.ndarray]:
    """What gives `box` of x on the writing rank; a DistArray's is brought there. COLLECTIVE."""
    if isinstance(x, DistArray):
        found = fetch(x, [[box], *([] for _ in range(x.world.size - 1))])
        return lambda: found[0]
    return lambda: np.ascontiguousarray(x[box])


def _packed_by_all(
    x: Any, boxes: list[Box], chunk: tuple[int, ...], compressed: bool
) -> tuple[list[int], bytes]:
    """Sizes of the packed chunks of `boxes`, one box for each rank, and on rank 0 their bytes.

    COLLECTIVE; an error of the rank that reads a box is raised on all.
    """
    here = comm.world()
    table = [[box] for box in boxes] + [[] for _ in range(here.size - len(boxes))]
    found = fetch(x, table) if isinstance(x, DistArray) else None
    parts: list[bytes] = []
    error: Exception | None = None
    try:
        for values in found if found is not None else (x[box] for box in table[here.rank]):
            parts += pack(values, chunk, compressed)
    except Exception as caught:
        error = caught
    told = here.allgather(([len(p) for p in parts], error))
    if error := next((e for _, e in told if e is not None), None):
        raise error
    sizes = [n for each, _ in told for n in each]
    return sizes, to_first([sum(each) for each, _ in told], b"".join(parts))


def _rounds(shape: tuple[int, ...], itemsize: int, chunk: tuple[int, ...]) -> Iterator[list[Box]]:
    """Boxes of whole chunks that cover the array in order, one for each rank at a time."""
    size = comm.world().size
    fit = SLAB_BYTES // size // (itemsize * int(np.prod(chunk, dtype=np.int64)))
    wide = (*chunk[:-1], chunk[-1] * max(fit, 1))
    boxes = list(chunk_boxes(tuple(slice(0, n) for n in shape), wide))
    for first in range(0, len(boxes), size):
        yield boxes[first : first + size]


def _slabs(shape: tuple[int, ...], itemsize: int) -> Iterator[Box]:
    """Boxes that cover the array in order, each of at most SLAB_BYTES or one row of chunks."""
    if not shape:
        yield ()
        return
    if 0 in shape:
        return
    row = itemsize * int(np.prod(shape[1:], dtype=np.int64))
    deep = CHUNK[0] if len(shape) == 3 else 1
    step = max(SLAB_BYTES // max(row * deep, 1), 1) * deep
    for start in range(0, shape[0], step):
        yield (slice(start, min(start + step, shape[0])), *(slice(0, n) for n in shape[1:]))


def _sink_of(
    path: Path, shape: tuple[int, ...], dtype: np.dtype, dataset: str, compression: str | None
) -> Callable[[Path, dict], Any]:
    """What makes the file; errors that the name, shape and dtype show are raised here."""
    suffix = path.suffix.lower()
    if suffix in (".h5", ".hdf5"):
        if compression not in ("gzip", None):
            raise InputError(f"compression is {compression!r}; it must be 'gzip' or None")
        if dtype.kind not in "buifc":
            raise InputError(f"cannot write {path}: an array of numbers is wanted, not {dtype}")
        return lambda part, attrs: _Hdf5Sink(part, shape, dtype, dataset, attrs, compression)
    if suffix not in (".tif", ".tiff"):
        raise InputError(
            f"cannot write {path}: files end in .tif, .tiff, .h5 or .hdf5, not {suffix!r}"
        )
    if dtype.kind not in "uif" or len(shape) not in (2, 3) or 0 in shape:
        raise InputError(
            f"{path}: TIFF holds 2 or 3 axes of integers or floats, not shape {shape} of {dtype}; "
            "save it as .h5"
        )
    return lambda part, attrs: _TiffSink(part, shape, dtype, attrs)


class _Hdf5Sink:
    """An HDF5 file with one dataset that is filled box by box."""

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: np.dtype,
        dataset: str,
        attrs: dict,
        compression: str | None,
    ) -> None:
        import h5py

        self._file = h5py.File(path, "w", locking=False)
        chunked = {}
        if shape and 0 not in shape:
            chunk = CHUNK if len(shape) == 3 else _even_chunk(shape)
            chunked["chunks"] = tuple(min(n, c) for n, c in zip(shape, chunk, strict=True))
            chunked["compression"] = compression
            chunked["compression_opts"] = LEVEL if compression else None
            chunked["shuffle"] = compression is not None
        self._data = self._file.create_dataset(dataset, shape, dtype, **chunked)
        self.chunk = self._data.chunks
        self._data.attrs.update(attrs)

    def write(self, box: Box, values: np.ndarray) -> None:
        self._data[box] = values

    def store(self, boxes: list[Box], sizes: list[int], data: bytes) -> None:
        """Store packed chunks, which follow each other in `data`."""
        chunks = [c for box in boxes for c in chunk_boxes(box, self.chunk)]
        at = 0
        for box, size in zip(chunks, sizes, strict=True):
            self._data.id.write_direct_chunk([s.start for s in box], data[at : at + size])
            at += size

    def close(self) -> None:
        self._file.close()


def _even_chunk(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Chunk of about 2^18 elements for arrays that are not volumes."""
    return (max(int(2 ** (18 / len(shape))), 1),) * len(shape)


class _TiffSink:
    """An uncompressed TIFF file, laid out in full first and then filled box by box."""

    chunk = None

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype, attrs: dict) -> None:
        import tifffile

        shape = shape if len(shape) == 3 else (1, *shape)
        nbytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        offset, _ = tifffile.imwrite(
            path,
            None,
            shape=shape,
            dtype=dtype.newbyteorder("="),
            bigtiff=nbytes > 2**32 - 2**25,
            photometric="minisblack",
            metadata={"axes": "ZYX", **json.loads(json.dumps(attrs, default=_plain))},
            returnoffset=True,
        )
        self._file = MappedArray(path, shape, dtype.newbyteorder("="), offset, writable=True)

    def write(self, box: Box, values: np.ndarray) -> None:
        whole = box if len(box) == 3 else (slice(0, 1), *box)
        self._file.write(whole, values)

    def close(self) -> None:
        self._file.close()


Sink = _Hdf5Sink | _TiffSink


def _plain(value: Any) -> Any:
    """NumPy values as what JSON knows."""
    return np.asarray(value).tolist()

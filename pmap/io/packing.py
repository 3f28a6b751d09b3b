"""Chunks of HDF5 datasets, packed by all ranks for the one that writes.

HDF5 without MPI lets one process write; what costs time is the compression. So every rank packs
chunks as HDF5's own filters would (byte shuffle, then deflate), and the writing rank only stores
the bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import product

import numpy as np

from ..creation import from_local
from ..layout.maps import Map
from ..ranks import comm
from ..regions import fetch
from .filearray import Box

LEVEL = 1  # of deflate: higher ones gain little on images and cost much


def chunk_boxes(box: Box, chunk: tuple[int, ...]) -> Iterator[Box]:
    """Boxes of the chunks of `box`, whose start lies on the grid of chunks."""
    starts = [range(s.start, s.stop, c) for s, c in zip(box, chunk, strict=True)]
    for corner in product(*starts):
        yield tuple(
            slice(a, min(a + c, s.stop)) for a, c, s in zip(corner, chunk, box, strict=True)
        )


def pack(values: np.ndarray, chunk: tuple[int, ...], compressed: bool) -> list[bytes]:
    """Stored bytes of the chunks of `values`, in order; those at the border are filled with 0."""
    whole = tuple(slice(0, n) for n in values.shape)
    return [_packed(values[box], chunk, compressed) for box in chunk_boxes(whole, chunk)]


def _packed(part: np.ndarray, chunk: tuple[int, ...], compressed: bool) -> bytes:
    if part.shape != chunk:
        full = np.zeros(chunk, part.dtype)
        full[tuple(slice(0, n) for n in part.shape)] = part
        part = full
    part = np.ascontiguousarray(part)
    if not compressed:
        return part.tobytes()
    size = part.dtype.itemsize
    return zlib.compress(part.reshape(-1).view(np.uint8).reshape(-1, size).T.tobytes(), LEVEL)


def to_first(sizes: list[int], data: bytes) -> bytes:
    """Bytes of all ranks in their order, on rank 0 (none elsewhere). COLLECTIVE.

    `sizes` are those of every rank, known to all.
    """
    here = comm.world()
    edges = tuple(int(n) for n in np.cumsum([0, *sizes]))
    if here.size == 1 or not edges[-1]:
        return data
    local = np.frombuffer(data, np.uint8)
    everyone = from_local(local, edges[-1], map=Map([here.size], [("x", edges)]))
    wanted = [[(slice(0, edges[-1]),)], *([] for _ in range(here.size - 1))]
    found = fetch(everyone, wanted)
    return found[0].tobytes() if found else b""

"""Neuroglancer's precomputed volumes as bytes and dicts in memory.

Source: google/neuroglancer, datasource/precomputed/volume.md and compressed_segmentation/README.md.
Arrays have axes (z, y, x); the format has (x, y, z), x fastest, so the bytes are the same.
"""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Triple = tuple[int, int, int]

IMAGE_TYPES = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32")
LABEL_TYPES = ("uint32", "uint64")
SEGMENT_BLOCK = 8
"""Edge of the blocks of compressed_segmentation, voxels."""


@dataclass(frozen=True)
class Scale:
    """One resolution of a volume: its place in voxels of its own, all (z, y, x)."""

    key: str
    factor: Triple
    start: Triple
    stop: Triple
    resolution_nm: tuple[float, float, float]
    chunk: Triple

    @property
    def shape(self) -> Triple:
        """Voxels along each axis."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def grid(self) -> Triple:
        """Chunks along each axis."""
        return tuple(-(-n // c) for n, c in zip(self.shape, self.chunk, strict=True))


def scales_of(
    shape: Triple,
    voxel_um: Sequence[float],
    start: Triple = (0, 0, 0),
    chunk: Triple = (64, 64, 64),
) -> list[Scale]:
    """Resolutions of a volume, each half of the one before along its finer axes.

    An axis is halved when its voxels are less than twice as large as the finest axis that can still
    be halved, so voxels go towards cubes; the last scale fits one chunk.

    Examples
    --------
    >>> [s.factor for s in scales_of((100, 512, 512), (1, 0.25, 0.25))]
    [(1, 1, 1), (1, 2, 2), (1, 4, 4), (2, 8, 8)]
    """
    stop = tuple(a + n for a, n in zip(start, shape, strict=True))
    factor, scales = (1, 1, 1), []
    while True:
        low = tuple(a // f for a, f in zip(start, factor, strict=True))
        high = tuple(-(-b // f) for b, f in zip(stop, factor, strict=True))
        nm = tuple(float(f"{v * 1000 * f:.10g}") for v, f in zip(voxel_um, factor, strict=True))
        key = "_".join(f"{r:g}" for r in nm[::-1])
        scales.append(Scale(key, factor, low, high, nm, chunk))
        size = scales[-1].shape
        if all(n <= c for n, c in zip(size, chunk, strict=True)):
            return scales
        finest = min(r for r, n in zip(nm, size, strict=True) if n > 1)
        factor = tuple(
            f * (2 if n > 1 and r < 2 * finest else 1)
            for f, n, r in zip(factor, size, nm, strict=True)
        )


def volume_info(
    kind: str, dtype: str, scales: Sequence[Scale], shardings: Sequence[dict | None]
) -> dict:
    """The `info` of a volume.

    Parameters
    ----------
    kind : {"image", "segmentation"}
    dtype : str
        One of IMAGE_TYPES or LABEL_TYPES; segmentations are stored as compressed_segmentation.
    scales : sequence of Scale
    shardings : sequence of dict or None
        How the chunks of each scale are put together; None where each is a file.
    """
    encoding = {"encoding": "raw"}
    if kind == "segmentation":
        encoding = {
            "encoding": "compressed_segmentation",
            "compressed_segmentation_block_size": [SEGMENT_BLOCK] * 3,
        }
    return {
        "@type": "neuroglancer_multiscale_volume",
        "type": kind,
        "data_type": dtype,
        "num_channels": 1,
        "scales": [
            {
                "key": s.key,
                "size": list(s.shape[::-1]),
                "voxel_offset": list(s.start[::-1]),
                "resolution": list(s.resolution_nm[::-1]),
                "chunk_sizes": [list(s.chunk[::-1])],
                **encoding,
                **({"sharding": sharding} if sharding else {}),
            }
            for s, sharding in zip(scales, shardings, strict=True)
        ],
    }


def chunks_in(box: tuple[slice, ...], chunk: Triple) -> Iterator[tuple[slice, ...]]:
    """Boxes of the chunks of `box`, whose start lies on the grid; the last ones are cut short."""
    axes = [
        [slice(a, min(a + c, s.stop)) for a in range(s.start, s.stop, c)]
        for s, c in zip(box, chunk, strict=True)
    ]
    return ((z, y, x) for z in axes[0] for y in axes[1] for x in axes[2])


def chunk_name(box: tuple[slice, ...], start: Triple) -> str:
    """Name of a chunk's file; `box` counts from the volume's first voxel, `start` is its place.

    Examples
    --------
    >>> chunk_name((slice(0, 64), slice(64, 100), slice(0, 10)), (0, 0, 5))
    '5-15_64-100_0-64'
    """
    ends = [(s.start + a, s.stop + a) for s, a in zip(box, start, strict=True)]
    return "_".join(f"{a}-{b}" for a, b in ends[::-1])


def encode_image(chunk: np.ndarray) -> bytes:
    """Bytes of one (z, y, x) chunk, "raw" encoding."""
    return chunk.astype(chunk.dtype.newbyteorder("<"), copy=False).tobytes()


def gzipped(data: bytes) -> bytes:
    """Compress to the same bytes whenever it is done: level 1, no time in the header."""
    return gzip.compress(data, 1, mtime=0)


def encode_segmentation(chunk: np.ndarray) -> bytes:
    """Bytes of one (z, y, x) chunk of uint32 or uint64, "compressed_segmentation" encoding.

    Each block of 8x8x8 voxels has a table of its values, and for each voxel the number of its value
    in 0, 1, 2, 4, 8 or 16 bits. Blocks of one value share tables.
    """
    blocks = _blocks_of(chunk)
    words = chunk.dtype.itemsize // 4
    offsets, bits, parts = _encode_blocks(blocks, words)
    header = np.empty((len(blocks), 2), "<u4")
    header[:, 0] = offsets[:, 1] | (bits << 24)
    header[:, 1] = offsets[:, 0]
    return np.uint32(1).tobytes() + header.tobytes() + b"".join(parts)


def _blocks_of(chunk: np.ndarray) -> np.ndarray:
    """Blocks of 8x8x8 voxels as rows, x fastest; the upper border is repeated to fill the last."""
    b = SEGMENT_BLOCK
    chunk = np.pad(chunk, [(0, -n % b) for n in chunk.shape], mode="edge")
    z, y, x = (n // b for n in chunk.shape)
    return chunk.reshape(z, b, y, b, x, b).transpose(0, 2, 4, 1, 3, 5).reshape(-1, b**3)


def _encode_blocks(blocks: np.ndarray, words: int) -> tuple[np.ndarray, np.ndarray, list[bytes]]:
    """Offsets of values and table of each block (in uint32), bits per voxel, and the data."""
    bits, offsets = np.zeros(len(blocks), np.uint32), np.zeros((len(blocks), 2), np.uint32)
    low, high = blocks.min(axis=1), blocks.max(axis=1)
    one_value = low == high
    values, table_of = np.unique(low[one_value], return_inverse=True)
    at = 2 * len(blocks)
    offsets[one_value, 1] = at + table_of * words
    parts, at = [values], at + len(values) * words
    for rows, numbers, width, table, counts in _groups(blocks, low, high, one_value):
        packed = _packed(numbers, width)
        bits[rows] = width
        offsets[rows, 0] = at + np.arange(len(rows)) * packed.shape[1]
        at += packed.size
        offsets[rows, 1] = at + (np.cumsum(counts) - counts) * words
        at += len(table) * words
        parts += [packed, table]
    if at >= 1 << 24:
        raise ValueError("a chunk is too large for compressed_segmentation; take smaller chunks")
    return offsets, bits, [p.astype(p.dtype.newbyteorder("<")).tobytes() for p in parts]


Group = tuple[np.ndarray, np.ndarray, int, np.ndarray, np.ndarray]


def _groups(
    blocks: np.ndarray, low: np.ndarray, high: np.ndarray, one_value: np.ndarray
) -> Iterator[Group]:
    """Blocks of several values, by bits per voxel.

    Each group has the numbers of the blocks, for each voxel the number of its value in the table
    of its block, the bits that takes, the tables one after another, and their lengths.
    """
    rows = np.flatnonzero(~one_value)
    several, low, high = blocks[rows], low[rows], high[rows]
    is_high = several == high[:, None]
    two = (is_high | (several == low[:, None])).all(axis=1)
    if two.any():  # by far the commonest, and needs no sorting
        table = np.stack([low[two], high[two]], axis=1).ravel()
        yield rows[two], is_high[two], 1, table, np.full(np.count_nonzero(two), 2)
    rows, several = rows[~two], several[~two]
    order = np.argsort(several, axis=1, kind="stable")
    ordered = np.take_along_axis(several, order, axis=1)
    new = np.ones(ordered.shape, bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    numbers = np.empty(ordered.shape, np.uint32)
    np.put_along_axis(numbers, order, np.cumsum(new, axis=1, dtype=np.uint32) - 1, axis=1)
    counts, smaller = new.sum(axis=1), 2
    for width in (2, 4, 8, 16):
        of_width = (counts > smaller) & (counts <= 1 << width)
        smaller = 1 << width
        if of_width.any():
            table = ordered[of_width][new[of_width]]
            yield rows[of_width], numbers[of_width], width, table, counts[of_width]


def _packed(numbers: np.ndarray, width: int) -> np.ndarray:
    """Rows of numbers of `width` bits each as rows of uint32, the first in the lowest bits."""
    if width == 1:
        return np.packbits(numbers, axis=1, bitorder="little").view("<u4")
    shifts = np.arange(0, 32, width, dtype=np.uint32)
    return np.bitwise_or.reduce(numbers.reshape(len(numbers), -1, 32 // width) << shifts, axis=2)

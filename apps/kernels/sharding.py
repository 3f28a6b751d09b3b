"""Many small records in few files: Neuroglancer's sharded index as bytes in memory.

Source: google/neuroglancer, datasource/precomputed/sharded.md (``neuroglancer_uint64_sharded_v1``).
"""

import gzip
from collections.abc import Mapping, Sequence

import numpy as np

CHUNKS_OF_SHARD_BITS = 6
"""A shard of a volume holds 2**6 chunks: 4 x 4 x 4 where the volume is large in all axes."""

RECORDS_OF_MINISHARD = 512
MINISHARD_BITS = 10


def sharding_of(records: int) -> dict:
    """Specification for about `records` records with consecutive ids.

    Examples
    --------
    >>> spec = sharding_of(100_000)
    >>> spec["minishard_bits"], spec["shard_bits"]
    (8, 0)
    """
    bits = max((records - 1) // RECORDS_OF_MINISHARD, 0).bit_length()
    return {
        "@type": "neuroglancer_uint64_sharded_v1",
        "preshift_bits": 0,
        "hash": "identity",
        "minishard_bits": min(bits, MINISHARD_BITS),
        "shard_bits": max(bits - MINISHARD_BITS, 0),
        "minishard_index_encoding": "raw",
        "data_encoding": "raw",
    }


def volume_sharding(grid: Sequence[int], gzip: bool) -> dict:
    """Specification for the chunks of a volume with `grid` (z, y, x) of them.

    Each shard is a box of chunks (see :func:`shard_box`), so that one writer makes it whole.
    """
    bits = len(_bit_axes(grid))
    return {
        "@type": "neuroglancer_uint64_sharded_v1",
        "preshift_bits": min(bits, CHUNKS_OF_SHARD_BITS),
        "hash": "identity",
        "minishard_bits": 0,
        "shard_bits": max(bits - CHUNKS_OF_SHARD_BITS, 0),
        "minishard_index_encoding": "raw",
        "data_encoding": "gzip" if gzip else "raw",
    }


def shard_box(grid: Sequence[int]) -> tuple[int, int, int]:
    """Chunks of a shard along each axis (z, y, x).

    Examples
    --------
    >>> shard_box((7, 141, 141)), shard_box((1, 141, 141)), shard_box((1, 1, 3))
    ((4, 4, 4), (1, 8, 8), (1, 1, 4))
    """
    low = _bit_axes(grid)[:CHUNKS_OF_SHARD_BITS]
    return tuple(1 << low.count(axis) for axis in range(3))


def morton_code(cell: Sequence[int], grid: Sequence[int]) -> int:
    """Id of the chunk at `cell` (z, y, x): its coordinates' bits interleaved, x first.

    Bits that are 0 in the whole grid are left out ("compressed").

    Examples
    --------
    >>> morton_code((0, 0, 1), (2, 2, 2)), morton_code((1, 0, 0), (2, 2, 2))
    (1, 4)
    >>> morton_code((0, 1, 2), (1, 2, 4))
    6
    """
    code, used = 0, [0, 0, 0]
    for bit, axis in enumerate(_bit_axes(grid)):
        code |= (cell[axis] >> used[axis] & 1) << bit
        used[axis] += 1
    return code


def _bit_axes(grid: Sequence[int]) -> list[int]:
    """Axis that each bit of the code belongs to, lowest bit first."""
    bits = [(n - 1).bit_length() for n in grid]
    return [axis for level in range(max(bits)) for axis in (2, 1, 0) if level < bits[axis]]


def encode_shards(records: Mapping[int, bytes], spec: dict) -> dict[str, bytes]:
    """Shard files, by name, of records by their id."""
    minishards, shards = 1 << spec["minishard_bits"], 1 << spec["shard_bits"]
    if spec["data_encoding"] == "gzip":
        records = {i: gzip.compress(data, 1, mtime=0) for i, data in records.items()}
    ids: dict[int, dict[int, list[int]]] = {}
    for i in sorted(records):
        hashed = i >> spec["preshift_bits"]
        shard = (hashed >> spec["minishard_bits"]) % shards
        ids.setdefault(shard, {}).setdefault(hashed % minishards, []).append(i)
    digits = -(-spec["shard_bits"] // 4)
    return {
        f"{shard:0{max(digits, 1)}x}.shard": _encode_shard(records, members, minishards)
        for shard, members in ids.items()
    }


def _encode_shard(
    records: Mapping[int, bytes], members: Mapping[int, list[int]], minishards: int
) -> bytes:
    """One file: where each minishard's index lies, all records, all indices."""
    data: list[bytes] = []
    indices: dict[int, np.ndarray] = {}
    at = 0
    for minishard, ids in sorted(members.items()):
        sizes = np.array([len(records[i]) for i in ids], "<u8")
        index = np.zeros((3, len(ids)), "<u8")
        index[0] = np.diff(np.array(ids, "<u8"), prepend=np.uint64(0))
        index[1, 0] = at  # the records that follow start where the one before ends: 0
        index[2] = sizes
        indices[minishard] = index
        data += [records[i] for i in ids]
        at += int(sizes.sum())
    where = np.zeros((minishards, 2), "<u8")
    for minishard, index in indices.items():
        where[minishard] = at, at + index.nbytes
        data.append(index.tobytes())
        at += index.nbytes
    return where.tobytes() + b"".join(data)

"""Many small records in few files: Neuroglancer's sharded index as bytes in memory.

Source: google/neuroglancer, datasource/precomputed/sharded.md (``neuroglancer_uint64_sharded_v1``).
"""

from collections.abc import Mapping

import numpy as np

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


def encode_shards(records: Mapping[int, bytes], spec: dict) -> dict[str, bytes]:
    """Shard files, by name, of records by their id."""
    minishards, shards = 1 << spec["minishard_bits"], 1 << spec["shard_bits"]
    ids: dict[int, dict[int, list[int]]] = {}
    for i in sorted(records):
        shard = (i >> spec["minishard_bits"]) % shards
        ids.setdefault(shard, {}).setdefault(i % minishards, []).append(i)
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

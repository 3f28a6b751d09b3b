"""Sums and products in an order fixed by the global index, whatever the ranks (C2).

An axis is added along a binary tree over its global numbers: node (level, i) is the sum of leaves
``[i << level, (i + 1) << level)``. On the array's last axis a leaf is :func:`leaf_length` indices,
added by one NumPy call on contiguous memory; on the others it is one index, and rows are added
whole. A rank with the leaves ``[a, b)`` computes the few nodes that cover them (:func:`cover`);
the rest of the tree is finished from these. Any cut of the axis at leaf borders gives the same
additions.

Blocks come here as (outer, n, inner): the summed axis in the middle.
"""

from collections.abc import Iterator

import numpy as np

# Longer leaves are faster to add, and move more where a block border falls inside one. At least
# 8 leaves of a long axis, so that a sum never brings a large part of an array to one rank.
LEAVES = ((64, 1), (512, 16), (1024, 64), (8192, 128))
LEAF = 512

TILE_BYTES = 1 << 20
"""What is copied or added at a time: it stays in the cache."""
FEW = 16
"""Rows that are added to one in the cache."""


def leaf_length(n: int, last: bool) -> int:
    """Indices per leaf of an axis of length n; 1 where rows are added whole (not the last axis).

    Examples
    --------
    >>> [leaf_length(n, True) for n in (10, 100, 1920, 10**6)], leaf_length(1920, False)
    ([1, 16, 128, 512], 1)
    """
    if not last:
        return 1
    return next((leaf for below, leaf in LEAVES if n < below), LEAF)


def cover(a: int, b: int) -> list[tuple[int, int]]:
    """Nodes (level, i) of the binary tree that cover leaves ``[a, b)``, each maximal.

    Examples
    --------
    >>> cover(3, 8)
    [(0, 3), (2, 1)]
    """
    nodes = []
    while a < b:
        level = (a & -a).bit_length() - 1 if a else b.bit_length() - 1
        while (1 << level) > b - a:
            level -= 1
        nodes.append((level, a >> level))
        a += 1 << level
    return nodes


def leaf_sums(
    block: np.ndarray, axis: int, leaf: int, add: np.ufunc, dtype: np.dtype
) -> np.ndarray:
    """Sums of the leaves along an axis, shape (outer, leaves, inner); the last may be short.

    Parameters
    ----------
    block : ndarray
        Any strides and any type that casts to ``dtype``. A block that is not contiguous, or of
        another type, is copied a tile at a time.
    axis : int
        The summed axis; its first index begins a leaf.
    """
    n = block.shape[axis]
    outer, inner = _size(block.shape[:axis]), _size(block.shape[axis + 1 :])
    if block.dtype == dtype and block.flags.c_contiguous:
        return _added(block.reshape(outer, n, inner), leaf, add)
    found = np.empty((outer, -(-n // leaf), inner), dtype)
    if not block.size:
        return found
    for at, tile in _tiles(block, leaf if axis == 0 else 1):
        rows = np.ascontiguousarray(tile, dtype).reshape(_size(tile.shape[:axis]), -1, 1)
        sums = _added(rows, leaf, add)
        if axis == 0:
            found[:, at // leaf : at // leaf + sums.shape[1]] = sums
        else:
            first = at * (outer // block.shape[0])
            found[first : first + len(sums)] = sums
    return found


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _tiles(block: np.ndarray, grain: int) -> Iterator[tuple[int, np.ndarray]]:
    """Parts of a block along its first axis, of a multiple of ``grain`` indices."""
    row_bytes = max(1, block.nbytes // max(1, len(block)))
    step = max(FEW, TILE_BYTES // row_bytes // grain) * grain
    for at in range(0, len(block), step):
        yield at, block[at : at + step]


def _added(values: np.ndarray, leaf: int, add: np.ufunc) -> np.ndarray:
    """Leaf sums of contiguous values (outer, n, 1)."""
    rows = values.reshape(values.shape[:2])
    n = rows.shape[1]
    whole = n // leaf
    found = np.empty((len(rows), -(-n // leaf)), rows.dtype)
    leaves = rows[:, : whole * leaf].reshape(len(rows), whole, leaf)
    if whole:
        add.reduce(leaves, axis=-1, out=found[:, :whole])
    if n > whole * leaf:
        add.reduce(np.ascontiguousarray(rows[:, whole * leaf :]), axis=-1, out=found[:, whole])
    return found[..., None]


def block_nodes(
    blocks: list[np.ndarray],
    axis: int,
    leaf: int,
    nodes: list[tuple[int, int]],
    first: int,
    add: np.ufunc,
    dtype: np.dtype,
) -> np.ndarray:
    """Sums of tree nodes along an axis of this rank's blocks, shape (len(nodes), kept...).

    Parameters
    ----------
    blocks : list of ndarray
        They follow each other along the axis; one where leaves are of one index. Each begins a
        leaf, the first of them number ``first``.
    nodes : list
        As :func:`cover` gives them.
    """
    kept = blocks[0].shape[:axis] + blocks[0].shape[axis + 1 :]
    if leaf > 1:
        leaves = [leaf_sums(b, axis, leaf, add, dtype) for b in blocks]
        joined = leaves[0] if len(leaves) == 1 else np.concatenate(leaves, axis=1)
        return node_sums(joined, first, nodes, add, dtype).reshape(len(nodes), *kept)
    block = blocks[0]
    order = sorted(range(block.ndim), key=lambda a: -abs(block.strides[a]))
    block = np.ascontiguousarray(block.transpose(order))
    at = order.index(axis)
    rows = block.reshape(_size(block.shape[:at]), block.shape[at], -1 if block.size else 0)
    sums = node_sums(rows, first, nodes, add, dtype)
    sums = sums.reshape(len(nodes), *block.shape[:at], *block.shape[at + 1 :])
    order.remove(axis)
    return sums.transpose(0, *(1 + order.index(a) for a in sorted(order)))


def node_sums(
    leaves: np.ndarray, first: int, nodes: list[tuple[int, int]], add: np.ufunc, dtype: np.dtype
) -> np.ndarray:
    """Sums of tree nodes, shape (len(nodes), outer, inner), from leaves (outer, leaves, inner)."""
    sums = np.empty((len(nodes), leaves.shape[0], leaves.shape[2]), dtype)
    for k, (level, i) in enumerate(nodes):
        part = leaves[:, (i << level) - first : ((i + 1) << level) - first]
        while part.shape[1] > 1:
            part = _halved(part, min(FEW, part.shape[1]), add, dtype)
        sums[k] = part[:, 0]
    return sums


def _halved(part: np.ndarray, few: int, add: np.ufunc, dtype: np.dtype) -> np.ndarray:
    """Every ``few`` neighbours (a power of two) along the middle axis added along their tree."""
    outer, n, inner = part.shape
    if part.nbytes <= TILE_BYTES:
        return _tree(part, few, add, dtype)
    found = np.empty((outer, n // few, inner), dtype)
    wide = max(1, TILE_BYTES // part.itemsize // few)  # elements per row of a tile
    columns = max(1, min(inner, wide))
    groups = max(1, min(n // few, wide // columns))
    lines = max(1, min(outer, wide // (columns * groups)))
    for o in range(0, outer, lines):
        for g in range(0, n // few, groups):
            for c in range(0, inner, columns):
                tile = part[o : o + lines, g * few : (g + groups) * few, c : c + columns]
                made = _tree(tile, few, add, dtype)
                found[o : o + lines, g : g + groups, c : c + columns] = made
    return found


def _tree(part: np.ndarray, few: int, add: np.ufunc, dtype: np.dtype) -> np.ndarray:
    while few > 1:
        part, few = add(part[:, 0::2], part[:, 1::2], dtype=dtype), few // 2
    return part


def finish(
    nodes: dict[tuple[int, int], np.ndarray], n_leaves: int, add: np.ufunc = np.add
) -> np.ndarray:
    """The root's sum from nodes that cover all leaves.

    Examples
    --------
    >>> int(finish({(0, 0): 1, (0, 1): 2, (0, 2): 4}, 3))
    7
    """
    root = (max(n_leaves, 1) - 1).bit_length()
    return _node(nodes, root, 0, n_leaves, add)


def _node(nodes: dict, level: int, i: int, n_leaves: int, add: np.ufunc) -> np.ndarray:
    if (level, i) in nodes:
        return nodes[level, i]
    left = _node(nodes, level - 1, 2 * i, n_leaves, add)
    if (2 * i + 1) << (level - 1) >= n_leaves:
        return left
    return add(left, _node(nodes, level - 1, 2 * i + 1, n_leaves, add))

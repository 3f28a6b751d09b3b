"""Sums and products in an order fixed by the global index, whatever the ranks (C2).

An axis of length n is cut into leaves of :func:`leaf_length` indices. A leaf is added by one
NumPy call on contiguous memory, and leaves are added along a binary tree over their global
numbers: node (level, i) is the sum of leaves ``[i << level, (i + 1) << level)``. A rank with the
leaves ``[a, b)`` computes the few nodes that cover them (:func:`cover`); the rest of the tree is
finished from these. Any cut of the axis at leaf borders gives the same additions.
"""

import numpy as np

# Longer leaves are faster to add, and move more where a block border falls inside one. At least
# 16 leaves of a long axis, so that a sum never brings a large part of an array to one rank.
LEAVES = ((64, 1), (256, 4), (1024, 16), (4096, 64))
LEAF = 128


def leaf_length(n: int, last: bool) -> int:
    """Indices per leaf of an axis of length n; 1 where rows are added whole (not the last axis).

    Examples
    --------
    >>> [leaf_length(n, True) for n in (10, 100, 1920, 10**6)], leaf_length(1920, False)
    ([1, 4, 64, 128], 1)
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


def leaf_sums(values: np.ndarray, leaf: int, add: np.ufunc = np.add) -> np.ndarray:
    """Sums of the leaves of axis 0, shape (leaves, ...); the last leaf may be short."""
    if leaf == 1:
        return values
    rows = np.ascontiguousarray(np.moveaxis(values, 0, -1))
    whole = rows.shape[-1] // leaf
    leaves = rows[..., : whole * leaf].reshape(*rows.shape[:-1], whole, leaf)
    if leaf == 4:  # too short for NumPy's inner loop
        parts = [add(add(leaves[..., 0], leaves[..., 1]), add(leaves[..., 2], leaves[..., 3]))]
    else:
        parts = [add.reduce(leaves, axis=-1)]
    if rows.shape[-1] > whole * leaf:
        tail = np.ascontiguousarray(rows[..., whole * leaf :])
        parts.append(add.reduce(tail, axis=-1)[..., None])
    return np.moveaxis(np.concatenate(parts, axis=-1), -1, 0)


def node_sums(
    leaves: np.ndarray, first: int, nodes: list[tuple[int, int]], add: np.ufunc = np.add
) -> np.ndarray:
    """Sums of tree nodes from this rank's leaves, the first of which has number ``first``."""
    sums = np.empty((len(nodes), *leaves.shape[1:]), leaves.dtype)
    for k, (level, i) in enumerate(nodes):
        part = leaves[(i << level) - first : ((i + 1) << level) - first]
        while len(part) > 1:
            part = add(part[0::2], part[1::2])
        sums[k] = part[0]
    return sums


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

"""Counts and weights summed per bin over the ranks, each bin on the rank that owns it.

Float weights are added in an order that the global index alone fixes (C2): leaves of so many
elements of the flattened array one after the other, then the leaves in their order.
"""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from ..arrays.distarray import DistArray
from ..layout.maps import Shape
from ..layout.resultmaps import auto_over
from ..ranks.ragged import swap
from ..shapes.flattening import even_edges, put_in_order

LEAF = 1 << 16


def leaf_length(bins: int) -> int:
    """Elements in a leaf: enough that a row of bins for each leaf is no more than the array."""
    return max(LEAF, 1 << (bins - 1).bit_length()) if bins else LEAF


def leaf_sums(
    values: Sequence[np.ndarray],
    weights: np.ndarray,
    leaf: int,
    row: Callable[[Sequence[np.ndarray], np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Bins and their sums, leaf after leaf, of a run that begins at a leaf. LOCAL.

    Parameters
    ----------
    values : sequence of ndarray
        Each of shape (n,).
    weights : ndarray, shape (n,)
    leaf : int
    row : callable
        ``row(parts of values, part of weights)`` gives the sums of all bins in one leaf, 1-D.
    """
    bins, sums = [np.empty(0, np.int64)], []
    for start in range(0, max(len(weights), 1), leaf):
        part = slice(start, start + leaf)
        found = row([v[part] for v in values], weights[part])
        touched = np.flatnonzero(found)
        bins.append(touched)
        sums.append(found[touched])
    return np.concatenate(bins), np.concatenate(sums)


def over_ranks(
    bins: np.ndarray, sums: np.ndarray, shape: Shape, like: DistArray, what: str
) -> DistArray:
    """The sums of all ranks as an array of bins, ``auto`` over the ranks of an array. COLLECTIVE.

    Parameters
    ----------
    bins : ndarray of int, shape (k,)
        Flat numbers of bins; one may be there more than once.
    sums : ndarray, shape (k,)
        Added in rank order, and in order within a rank.
    shape : tuple of int
        Shape of the bins.
    like : DistArray
        What was counted.
    what : str
        The operation's name.
    """
    world = like.world
    edges = even_edges(prod(shape), world.size)
    order = np.argsort(bins, kind="stable")
    bins, sums = bins[order], sums[order]
    cuts = np.searchsorted(bins, edges)
    parts = [slice(a, b) for a, b in zip(cuts, cuts[1:], strict=False)]
    came = np.concatenate(swap([bins[p] for p in parts], world, what))
    added = np.concatenate(swap([sums[p] for p in parts], world, what))
    local = np.zeros(edges[world.rank + 1] - edges[world.rank], sums.dtype)
    np.add.at(local, came - edges[world.rank], added)
    held = auto_over(like.map.procs, shape)
    result = DistArray(
        np.empty(held.local_shape(shape, world.rank), sums.dtype), shape, held, world
    )
    put_in_order(result, local, edges)
    return result


def counted(bins: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of so many bins are there in an array of their numbers, and how often. LOCAL."""
    if number <= max(LEAF, 4 * len(bins)):
        counts = np.bincount(bins, minlength=number)
        touched = np.flatnonzero(counts)
        return touched, counts[touched]
    return np.unique(bins, return_counts=True)

"""Where single indices lie: owners and local positions of whole arrays of indices (pure)."""

import numpy as np

from .axismaps import AxisMap
from .splits import Periodic

COMPARED = 12
"""Up to so many pieces an owner is found by one comparison with each edge."""


def owners(axis: AxisMap, n: int, pieces: int, i: np.ndarray) -> np.ndarray:
    """The piece of an axis that owns each index.

    Parameters
    ----------
    axis : AxisMap
    n, pieces : int
        Length of the axis, and pieces into which it is cut.
    i : ndarray of int
        Indices in ``[0, n)``.

    Returns
    -------
    ndarray of uint8 or int64

    Examples
    --------
    >>> from pmap.layout.splits import Split
    >>> owners(AxisMap(0, Split("c")), 7, 3, np.array([0, 4, 6])).tolist()
    [0, 1, 0]
    """
    if axis.grid_axis is None or pieces == 1:
        return np.zeros(i.shape, np.uint8)
    extent = n if axis.extent is None else axis.extent
    if (axis.offset, axis.step) != (0, 1):
        i = axis.offset + axis.step * i
    if axis.split.kind in ("c", "bc"):
        found = (i // axis.split.k if axis.split.k > 1 else i) % pieces
        return found.astype(np.uint8) if pieces < 256 else found
    edges = axis.split.block_bounds(extent, pieces)[1:-1]
    if pieces > COMPARED:
        return np.searchsorted(np.asarray(edges), i, side="right")
    found = (i >= edges[0]).view(np.uint8)
    for edge in edges[1:]:
        found += i >= edge
    return found


def within(owned: Periodic, i: np.ndarray) -> np.ndarray:
    """Which of the indices are members of a set."""
    inside = (i >= owned.lo) & (i < owned.hi)
    return inside if owned.contiguous else inside & _table(owned, i % owned.period, members=True)


def positions(owned: Periodic, i: np.ndarray) -> np.ndarray:
    """Local positions of members of a set.

    Examples
    --------
    >>> positions(Periodic(0, 10, 4, ((1, 3),)), np.array([1, 2, 5, 9])).tolist()
    [0, 1, 2, 4]
    """
    if owned.contiguous:
        return i - owned.lo if owned.lo else i
    whole, rest = np.divmod(i, owned.period)
    per_period = sum(stop - start for start, stop in owned.runs)
    first, lo_rest = divmod(owned.lo, owned.period)
    before = first * per_period + int(_table(owned, np.array(lo_rest)))
    if per_period > 1:
        return whole * per_period + _table(owned, rest) - before
    return whole - before  # one member in each period: all members have the same remainder


def _table(owned: Periodic, rest: np.ndarray, members: bool = False) -> np.ndarray:
    """Of remainders: whether they are members, or how many members lie below them."""
    keep = np.zeros(owned.period + 1, bool)
    for start, stop in owned.runs:
        keep[start:stop] = True
    if members:
        return keep[rest]
    return (np.cumsum(keep) - keep)[rest]

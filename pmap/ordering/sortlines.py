"""One line sorted over all ranks: a 1-D array, under its own map.

NaN goes last and is written as ``numpy.nan``; 0.0 and -0.0, which are equal, keep their global
order. So the bits are the same at any map.
"""

from typing import NamedTuple

import numpy as np

from ..arrays.distarray import DistArray
from ..layout.maps import Map
from ..ranks.moving import moved
from ..ranks.ragged import explicit_map
from ..shapes.flattening import Edges, even_edges, in_order, once_each
from .samplesort import VECTOR, share_argsorted, share_sorted


def sorted_block(block: np.ndarray, axis: int) -> np.ndarray:
    """Lines that are whole, sorted as :func:`sort_line` does it. LOCAL."""
    if block.dtype not in VECTOR:
        return _plain_nan(np.sort(block, axis=axis, kind="stable"))
    if block.dtype.kind != "f":
        return np.sort(block, axis=axis)
    # NumPy's quick sort may turn -0.0 into 0.0 on processors where it sorts by minima and maxima
    kind = "stable" if _negative_zeros(block) else None
    return _plain_nan(np.sort(block, axis=axis, kind=kind))


def _negative_zeros(values: np.ndarray) -> int:
    """How many there are."""
    return int(np.count_nonzero(np.signbit(values[values == 0])))


def _plain_nan(values: np.ndarray) -> np.ndarray:
    """Every NaN in the same bits."""
    if values.dtype.kind == "f":
        values[np.isnan(values)] = np.nan
    return values


class Layout(NamedTuple):
    """Where the parts of a sorted line go: edges, the rank of each part, and as which map."""

    edges: Edges
    ranks: tuple[int, ...]
    held: Map


def layout(x: DistArray) -> Layout:
    """The line's own blocks where each is one run, else balanced parts. LOCAL."""
    size, n = x.world.size, x.shape[0]
    owned = [(r, o[0]) for r in range(size) if (o := x.map.owned(x.shape, r)) is not None]
    spans = sorted((o.lo, r) for r, o in owned if len(o))
    runs = all(o.contiguous for _, o in owned if len(o))
    if x.map.replicated or not runs or not spans:
        edges = even_edges(n, size)
        return Layout(edges, tuple(range(size)), explicit_map(np.diff(edges).tolist(), x.world))
    ranks = [r for _, r in spans]
    idle = [r for r in range(size) if r not in ranks]
    edges = [lo for lo, _ in spans] + [n] * (1 + len(idle))
    return Layout(tuple(edges), (*ranks, *idle), x.map.without_overlap())


def under_map(local: np.ndarray, x: DistArray, parts: Layout) -> DistArray:
    """The parts as an array under the map of x. COLLECTIVE where they are not its own blocks."""
    target = x.map.without_overlap()
    local = moved(local, x.shape, parts.held, target, x.world, "sort")
    return DistArray(local, x.shape, target, x.world)


def sort_line(x: DistArray) -> DistArray:
    """A sorted copy of a 1-D array, under its map. COLLECTIVE."""
    parts = layout(x)
    if x.dtype.kind in "fc" and x.dtype not in VECTOR:
        values, _ = in_order(x)  # equal values that differ in bits keep their global order
        local = _plain_nan(share_sorted(values, *parts[:2], x.world))
    elif x.dtype.kind == "f":
        local = _sort_floats(x, once_each(x), parts)
    else:
        local = share_sorted(once_each(x), *parts[:2], x.world)
    return under_map(local, x, parts)


def _sort_floats(x: DistArray, values: np.ndarray, parts: Layout) -> np.ndarray:
    """This rank's part of the sorted line: NaN put apart first, signed zeros in order at last."""
    if values.size and np.isnan(values.max()):
        values = values[~np.isnan(values)]
    lengths = x.world.allgather_array(np.array([len(values)]))
    real = int(np.concatenate(lengths).sum())
    inner = tuple(min(e, real) for e in parts.edges)
    negative = _negative_zeros(values)
    local = share_sorted(values, inner, parts.ranks, x.world)
    at = parts.ranks.index(x.world.rank)
    missing = (parts.edges[at + 1] - parts.edges[at]) - len(local)
    if missing:
        local = np.concatenate([local, np.full(missing, np.nan, local.dtype)])
    _order_zeros(x, local, negative, parts.ranks)
    return local


def _order_zeros(x: DistArray, local: np.ndarray, negative: int, ranks: tuple[int, ...]) -> None:
    """Put 0.0 and -0.0, which are equal, into their global order, where there are both."""
    world = x.world
    zero = local.dtype.type(0)  # a Python number would make NumPy search in float64
    first, last = np.searchsorted(local, zero, "left"), np.searchsorted(local, zero, "right")
    found = np.stack(world.allgather_array(np.array([negative, last - first])))
    if not 0 < found[:, 0].sum() < found[:, 1].sum():
        return
    values, _ = in_order(x)
    zeros = values[values == 0]
    counts = np.concatenate(world.allgather_array(np.array([len(zeros)])))
    source = explicit_map(counts, world)
    there = explicit_map(found[list(ranks), 1], world)
    target = Map.lattice((world.size,), there.axes, ranks)
    local[first:last] = moved(zeros, (int(counts.sum()),), source, target, world, "sort")


def argsort_line(x: DistArray) -> DistArray:
    """The stable order of a 1-D array, under its map. COLLECTIVE."""
    parts = layout(x)
    values, runs = in_order(x)
    start = runs[x.world.rank]
    tags = np.arange(start, start + len(values), dtype=np.intp)
    _, tags = share_argsorted(values, tags, *parts[:2], x.world)
    return under_map(tags, x, parts)

"""The elements of an array in global C order, in one run per rank, and back.

What sorting, unique and histograms with weights stand on: rank after rank, the runs are the
flattened array, whatever its map.
"""

from math import prod

import numpy as np

from ..arrays.distarray import DistArray
from ..layout.maps import Map, Shape
from ..layout.plans import Box
from ..ranks.moving import everywhere
from ..ranks.ragged import explicit_map
from ..regions import fetch, store

Edges = tuple[int, ...]


def even_edges(n: int, pieces: int, unit: int = 1) -> Edges:
    """Edges of balanced pieces of n elements, cut at multiples of ``unit``.

    Examples
    --------
    >>> even_edges(10, 3), even_edges(10, 3, unit=4)
    ((0, 4, 7, 10), (0, 4, 8, 10))
    """
    units = -(-n // unit)
    base, more = divmod(units, pieces)
    return tuple(min(n, unit * (base * p + min(p, more))) for p in range(pieces + 1))


def boxes_of_run(shape: Shape, start: int, stop: int) -> list[Box]:
    """The boxes that hold elements ``[start, stop)`` of the flattened array, in order.

    Examples
    --------
    >>> boxes_of_run((3, 4), 2, 9)
    [(slice(0, 1, None), slice(2, 4, None)), (slice(1, 2, None), slice(0, 4, None)), \
(slice(2, 3, None), slice(0, 1, None))]
    """
    if start >= stop:
        return []
    if len(shape) < 2:
        return [(slice(start, stop),) * len(shape)]
    row = prod(shape[1:])
    first, last = start // row, (stop - 1) // row
    if first == last:
        inner = boxes_of_run(shape[1:], start - first * row, stop - first * row)
        return [(slice(first, first + 1), *box) for box in inner]
    full_from, full_to = -(-start // row), stop // row
    found = []
    if start < full_from * row:
        inner = boxes_of_run(shape[1:], start - first * row, row)
        found += [(slice(first, first + 1), *box) for box in inner]
    if full_from < full_to:
        found.append((slice(full_from, full_to), *(slice(0, n) for n in shape[1:])))
    if full_to * row < stop:
        inner = boxes_of_run(shape[1:], 0, stop - full_to * row)
        found += [(slice(full_to, full_to + 1), *box) for box in inner]
    return found


def natural_edges(x: DistArray) -> Edges | None:
    """Edges of the ranks' blocks, where each is a run and they follow in rank order. LOCAL."""
    size = x.world.size
    held = x.map
    if not x.ndim or any(held.pieces_along(a) > 1 for a in range(1, x.ndim)):
        return None
    if held.replicated and size > 1:
        return None
    row = prod(x.shape[1:])
    edges = [0]
    for rank in range(size):
        owned = held.owned(x.shape, rank)
        if owned is None or not len(owned[0]):
            edges.append(edges[-1])
            continue
        if not owned[0].contiguous or owned[0].lo * row != edges[-1]:
            return None
        edges.append(owned[0].hi * row)
    return tuple(edges) if edges[-1] == x.size else None


def in_order(x: DistArray, edges: Edges | None = None) -> tuple[np.ndarray, Edges]:
    """This rank's run of the flattened array, and the edges of all runs. COLLECTIVE.

    Parameters
    ----------
    x : DistArray
    edges : tuple of int, optional
        Where the runs begin and end; as the array lies where that is possible, else balanced.

    Returns
    -------
    values : ndarray, shape (edges[rank + 1] - edges[rank],)
        It may be a view of the array's block.
    edges : tuple of int
    """
    size, rank = x.world.size, x.world.rank
    natural = natural_edges(x)
    edges = edges or natural or even_edges(x.size, size)
    if edges == natural:
        return x.block.reshape(-1), edges
    if not x.ndim:
        whole = x.block_under(everywhere(0, x.world), "flattening")
        return whole.reshape(-1)[: edges[rank + 1] - edges[rank]], edges
    boxes = [boxes_of_run(x.shape, a, b) for a, b in zip(edges, edges[1:], strict=False)]
    parts = [part.reshape(-1) for part in fetch(x, boxes)]
    values = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, x.dtype), *parts])
    return values, edges


def put_in_order(target: DistArray, values: np.ndarray, edges: Edges) -> None:
    """Write the runs of the flattened array into an array of any map. COLLECTIVE."""
    if edges == natural_edges(target):
        target.put_block(values.reshape(target.block.shape))
        return
    if not target.ndim:
        parts = target.world.allgather_array(values)
        target.put_block(
            np.concatenate(parts).reshape(())[() if target.block.ndim == 0 else slice(0)]
        )
        return
    table = [boxes_of_run(target.shape, a, b) for a, b in zip(edges, edges[1:], strict=False)]
    arrays, at = [], 0
    for box in table[target.world.rank]:
        shape = [s.stop - s.start for s in box]
        arrays.append(values[at : at + prod(shape)].reshape(shape))
        at += prod(shape)
    store(target, table, arrays)


def once_each(x: DistArray) -> np.ndarray:
    """This rank's elements in any order; of several holders of an element one has it. LOCAL."""
    held, rank = x.map, x.world.rank
    if held.coords(rank) is None or (held.replicated and not _first_holder(held, rank)):
        return np.empty(0, x.dtype)  # also of shape (), where a rank outside has an element
    return np.ascontiguousarray(x.block).reshape(-1)


def _first_holder(held: Map, rank: int) -> bool:
    coords = held.coords(rank)
    used = {axis.grid_axis for axis in held.axes}
    return coords is not None and all(
        c == 0 for g, c in enumerate(coords) if g not in used and held.grid[g] > 1
    )


def run_map(edges: Edges, x: DistArray) -> Map:
    """The 1-D map whose pieces are the runs. LOCAL."""
    return explicit_map(np.diff(edges).tolist(), x.world)

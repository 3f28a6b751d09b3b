"""A rank's part with its neighbours along one axis: what stencils and windows read."""

from functools import lru_cache

import numpy as np

from ..arrays.distarray import DistArray
from ..layout.maps import Map, Shape
from ..layout.plans import box_plan
from ..layout.splits import Periodic
from ..ranks import exchange, pool


def widened(
    x: DistArray, axis: int, low: int, high: int, target: Map, shape: Shape, what: str
) -> np.ndarray:
    """The elements of an array that the ranks' parts of a result read. COLLECTIVE.

    Where nothing is read beyond what every rank has under the target, nothing is sent.

    Parameters
    ----------
    x : DistArray
    axis : int
        The axis along which more is read.
    low, high : int
        A rank that owns ``[a, b)`` of the result's axis reads ``[a - low, b + high)`` of x, cut
        at its ends.
    target, shape : Map, tuple of int
        Of the result, which lies in ascending blocks along the axis; the other axes are x's.
    what : str
        The operation's name, for messages about waiting ranks.

    Returns
    -------
    ndarray
        The part; empty where the rank owns nothing.
    """
    held, world = x.map.without_overlap(), x.world
    if held == target and shape == x.shape and held.pieces_along(axis) == 1:
        return x.block
    reach = (axis, low, high)
    table = _table(target, shape, x.shape[axis], reach, world.size)
    boxes = table[world.rank]
    if not boxes:
        part = np.empty((0,) * x.ndim, x.dtype)
    else:
        part = pool.empty(tuple(len(o) for o in boxes[0]), x.dtype)
    plan = box_plan(held, x.shape, table, world.rank, False)
    exchange.run(plan, [x.block], [part], world, what, x.dtype)
    return part


def neighbours(x: DistArray, axis: int, width: int, what: str) -> tuple[np.ndarray, np.ndarray]:
    """What lies before and after a rank's block along an axis in ascending blocks. COLLECTIVE.

    Up to ``width`` indices on each side; none beyond the ends of the axis or of an empty block.
    """
    held, world = x.map.without_overlap(), x.world
    if held.pieces_along(axis) == 1:
        none = x.block[(*(slice(None),) * axis, slice(0, 0))]
        return none, none
    table = _sides(held, x.shape, (axis, width), world.size)
    shapes = [[len(o) for o in box] for box in table[world.rank]]
    parts = [np.empty(shape, x.dtype) for shape in shapes or [(0,) * x.ndim] * 2]
    plan = box_plan(held, x.shape, table, world.rank, False)
    exchange.run(plan, [x.block], parts, world, what, x.dtype)
    return parts[0], parts[1]


@lru_cache(maxsize=256)
def _sides(
    held: Map, shape: Shape, reach: tuple[int, int], n_ranks: int
) -> tuple[tuple[tuple[Periodic, ...], ...], ...]:
    """For each rank the boxes before and after its block."""
    axis, width = reach
    table = []
    for rank in range(n_ranks):
        owned = held.owned(shape, rank)
        if owned is None or not all(len(o) for o in owned):
            table.append(())
            continue
        lo, hi = owned[axis].lo, owned[axis].hi
        sides = Periodic(max(lo - width, 0), lo), Periodic(hi, min(hi + width, shape[axis]))
        table.append(tuple((*owned[:axis], side, *owned[axis + 1 :]) for side in sides))
    return tuple(table)


@lru_cache(maxsize=256)
def _table(
    target: Map, shape: Shape, n: int, reach: tuple[int, int, int], n_ranks: int
) -> tuple[tuple[tuple[Periodic, ...], ...], ...]:
    """For each rank the box that it reads."""
    axis, low, high = reach
    table = []
    for rank in range(n_ranks):
        owned = target.owned(shape, rank)
        if owned is None or not all(len(o) for o in owned):
            table.append(())
            continue
        span = owned[axis]
        start, stop = max(span.lo - low, 0), min(span.hi + high, n)
        wide = Periodic(start, max(start, stop))
        table.append(((*owned[:axis], wide, *owned[axis + 1 :]),))
    return tuple(table)

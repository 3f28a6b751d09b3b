"""Boxes of a global array, read and written by the ranks that ask for them.

Every rank passes the same table of boxes, one list per rank, so that all know what to send; one
exchange serves all of them.
"""

from collections.abc import Callable, Sequence

import numpy as np

from .arrays.distarray import DistArray
from .errors import ShapeError
from .layout.plans import Box, box_plan, edges_of
from .ranks import exchange, pool

BoxTable = Sequence[Sequence[Box]]


def _edges(boxes_by_rank: BoxTable, x: DistArray) -> tuple:
    """The table in the hashable form of plans, checked against the array."""
    if len(boxes_by_rank) != x.world.size:
        raise ShapeError(
            f"the table has boxes for {len(boxes_by_rank)} ranks; the world has {x.world.size}"
        )
    table = tuple(tuple(edges_of(b) for b in boxes) for boxes in boxes_by_rank)
    for rank, boxes in enumerate(table):
        for box in boxes:
            if len(box) != x.ndim or any(
                not 0 <= a <= b <= n for (a, b), n in zip(box, x.shape, strict=False)
            ):
                raise ShapeError(f"box {box} of rank {rank} is not inside the shape {x.shape}")
    return table


def fetch(x: DistArray, boxes_by_rank: BoxTable) -> list[np.ndarray]:
    """Read boxes of a DistArray. COLLECTIVE.

    Parameters
    ----------
    x : DistArray
    boxes_by_rank : sequence of sequences of Box
        For each rank of the world the boxes it wants; the same table on all ranks.

    Returns
    -------
    list of ndarray
        The elements of this rank's boxes, in order, in ``x.dtype``.

    Examples
    --------
    >>> import pmap as pm
    >>> from pmap.regions import fetch
    >>> A = pm.arange(9, map=pm.Map([1]))
    >>> fetch(A, [[(slice(2, 5),)]])
    [array([2, 3, 4])]
    """
    return start_fetch(x, boxes_by_rank)()


def start_fetch(x: DistArray, boxes_by_rank: BoxTable) -> Callable[[], list[np.ndarray]]:
    """As :func:`fetch`, begun: call the result for the boxes; the array must not change before.

    COLLECTIVE, and so is the call of the result.
    """
    table = _edges(boxes_by_rank, x)
    world = x.world
    mine = [pool.empty(tuple(b - a for a, b in box), x.dtype) for box in table[world.rank]]
    plan = box_plan(x.map.without_overlap(), x.shape, table, world.rank, False)
    started = exchange.start(plan, [x.block], mine, world, "fetch", x.dtype)

    def finish() -> list[np.ndarray]:
        started.finish()
        return mine

    return finish


def store(x: DistArray, boxes_by_rank: BoxTable, arrays: Sequence[np.ndarray]) -> None:
    """Write boxes of a DistArray; boxes of different ranks must not meet. COLLECTIVE.

    Parameters
    ----------
    x : DistArray
        Written in place.
    boxes_by_rank : sequence of sequences of Box
        For each rank the boxes it writes; the same table on all ranks.
    arrays : sequence of ndarray
        The elements of this rank's boxes, cast to ``x.dtype``.
    """
    table = _edges(boxes_by_rank, x)
    world = x.world
    arrays = [np.asarray(a, x.dtype) for a in arrays]
    shapes = [tuple(b - a for a, b in box) for box in table[world.rank]]
    if [a.shape for a in arrays] != shapes:
        raise ShapeError(
            f"rank {world.rank}: arrays of shapes {[a.shape for a in arrays]} for boxes of "
            f"shapes {shapes}"
        )
    plan = box_plan(x.map.without_overlap(), x.shape, table, world.rank, True)
    block = x.block
    exchange.run(plan, arrays, [block], world, "store", x.dtype)
    x.put_block(block)


def owned_box(x: DistArray, rank: int) -> Box | None:
    """What a rank owns, where that is one box (it may be empty); else None. LOCAL."""
    owned = x.map.owned(x.shape, rank)
    if owned is None or not all(o.contiguous for o in owned):
        return None
    return tuple(slice(o.lo, max(o.lo, o.hi)) for o in owned)

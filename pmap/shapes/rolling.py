"""Rolling: elements moved along axes, those that leave at one end enter at the other."""

from collections.abc import Sequence

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..doors import stands_for
from ..errors import ShapeError
from ..layout.assemblyplans import Rule, Stretch, whole
from ..layout.flatplans import turn_plan
from ..layout.resultmaps import in_long_runs
from ..ranks import exchange, pool
from .assembling import assembled
from .reshaping import ravel, reshaped

Shifts = int | Sequence[int]


@stands_for(np.roll)
def roll(a: DistArray, shift: Shifts, axis: Shifts | None = None) -> DistArray:
    """Elements moved along axes, round the ends, as ``numpy.roll``. COLLECTIVE.

    Parameters
    ----------
    a : DistArray
    shift : int or tuple of int
        Places to move by; one for all axes, or one for each.
    axis : int or tuple of int, optional
        None rolls the flattened array.

    Returns
    -------
    DistArray
        A copy under the same map, made in one exchange; some more for the flattened elements of
        a large cyclic array.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.roll(pm.arange(4, map=pm.Map([1])), 1).local
    array([3, 0, 1, 2])
    """
    if not a.ndim:
        return a.copy()
    if axis is None and a.ndim > 1:
        return _turned(a, int(np.sum(shift)))
    axes = axis if isinstance(axis, tuple | list) else (axis or 0,)
    pairs = np.broadcast(np.asarray(shift, np.int64), np.asarray(axes, np.int64))
    if pairs.ndim > 1:
        raise ShapeError("'shift' and 'axis' should be scalars or 1D sequences")
    by = [0] * a.ndim
    for step, along in pairs:
        by[axis_from_front(along, a.ndim)] += int(step)
    rules = tuple(_rolled(n, step) for n, step in zip(a.shape, by, strict=True))
    return assembled([(a, rules)], a.shape, a.map.without_overlap(), a.dtype, "roll")


def _turned(a: DistArray, by: int) -> DistArray:
    """The flattened elements moved, in the array's shape and map."""
    held, world = a.map.without_overlap(), a.world
    if in_long_runs(held, a.shape, [(range(a.ndim), range(1))]) != held:
        return reshaped(roll(ravel(a), by, 0), a.shape, held)
    plan = turn_plan(held, a.shape, by % max(a.size, 1), world.rank)
    block = pool.empty(held.local_shape(a.shape, world.rank), a.dtype)
    before = np.ascontiguousarray(a.block).reshape(-1)
    exchange.run(plan, [before], [block.reshape(-1)], world, "roll", a.dtype)
    return DistArray(block, a.shape, held, world)


def _rolled(n: int, step: int) -> Rule:
    """An axis rolled by some places: two stretches."""
    step = step % n if n else 0
    if not step:
        return whole(n)
    return (Stretch(step, n - step, 0), Stretch(0, step, n - step))

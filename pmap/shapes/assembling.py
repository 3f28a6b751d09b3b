"""Arrays put together of stretches of others, in one exchange."""

from collections.abc import Sequence

import numpy as np

from ..arrays.distarray import DistArray
from ..layout.assemblyplans import Part, Rule, assembly, stays
from ..layout.maps import Map, Shape
from ..ranks import comm, exchange, pool
from ..ranks.moving import everywhere


def assembled(
    sources: Sequence[tuple[DistArray | np.ndarray, tuple[Rule, ...]]],
    shape: Shape,
    target: Map,
    dtype: np.dtype,
    what: str,
    fill: object = None,
) -> DistArray:
    """An array made of stretches of others. COLLECTIVE, unless only whole axes are put together.

    Parameters
    ----------
    sources : sequence of (array, rules)
        DistArrays, or ndarrays equal on all ranks, with as many axes as the result; for each axis
        the stretches of the result that it gives (see :mod:`pmap.layout.assemblyplans`).
    shape, target, dtype : tuple of int, Map, dtype
        Of the result.
    what : str
        The operation's name, for messages about waiting ranks.
    fill : scalar, optional
        Value of elements that no source gives.
    """
    world = comm.world()
    parts, blocks = [], []
    for x, rules in sources:
        held = x.map.without_overlap() if isinstance(x, DistArray) else everywhere(x.ndim, world)
        parts.append(Part(held, x.shape, tuple(rules)))
        block = x.block if isinstance(x, DistArray) else x
        blocks.append(block.astype(dtype, copy=False))
    made = assembly(tuple(parts), shape, target, world.rank, world.size)
    block = pool.empty(target.local_shape(shape, world.rank), dtype)
    if fill is not None:
        block[...] = fill
    targets = [block[view] for view in made.views]
    if all(stays(part, shape, target) for part in parts):
        exchange.keep(made.plan, blocks, targets)
    else:
        exchange.run(made.plan, blocks, targets, world, what, np.dtype(dtype))
    for axis, again in made.fills:
        before = (slice(None),) * axis
        block[(*before, again.at)] = block[(*before, again.of)]
    return DistArray(block, shape, target, world)

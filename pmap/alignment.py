"""Operands brought under one map, as elementwise functions and assignments need them."""

import numpy as np

from .arraymethods import ArrayMethods
from .elementwise import cut, operand_map, result_map
from .errors import MapError, ShapeError
from .maps import Map, Shape
from .settings import options


def check_broadcast(own: Shape, shape: Shape) -> None:
    """Raise where values of one shape cannot fill another."""
    lead = len(shape) - len(own)
    if lead < 0 or any(n not in (1, shape[lead + a]) for a, n in enumerate(own)):
        raise ShapeError(f"could not broadcast input array from shape {own} into shape {shape}")


def share_layout(inputs: tuple, first: ArrayMethods) -> bool:
    """Whether all distributed operands have one map and shape, and the others are scalars."""
    return all(
        (x.map is first.map or x.map == first.map) and x.shape == first.shape
        if isinstance(x, ArrayMethods)
        else isinstance(x, int | float | complex | np.generic)
        for x in inputs
    )


def aligned(inputs: tuple, what: str) -> tuple[Shape, Map, list]:
    """The operands' blocks under one map."""
    inputs = [x if isinstance(x, ArrayMethods) or np.isscalar(x) else np.asarray(x) for x in inputs]
    arrays = [x for x in inputs if isinstance(x, ArrayMethods)]
    try:
        shape = np.broadcast_shapes(*(np.shape(x) if np.isscalar(x) else x.shape for x in inputs))
    except ValueError:
        shapes = " ".join(str(np.shape(x) if np.isscalar(x) else x.shape) for x in inputs)
        raise ShapeError(
            f"operands could not be broadcast together with shapes {shapes} ({what})"
        ) from None
    target = result_map(shape, [(x.shape, x.map) for x in arrays])
    world = arrays[0].world
    owned = target.owned(shape, world.rank)
    blocks = []
    for x in inputs:
        if isinstance(x, ArrayMethods):
            wanted = operand_map(x.shape, shape, target)
            if options.strict and x.map.without_overlap() != wanted:
                raise MapError(f"{what}: maps differ: {x.map} and {target} (pm.options.strict)")
            blocks.append(x.block_under(wanted, what))
        else:
            blocks.append(x if np.isscalar(x) else cut(x, shape, owned))
    return shape, target, blocks

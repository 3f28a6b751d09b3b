"""Operands brought under one map, as elementwise functions and assignments need them."""

from collections.abc import Sequence

import numpy as np

from ..errors import MapError, ShapeError
from ..layout.maps import Map, Shape
from ..settings import options
from .arraymethods import ArrayMethods
from .elementwise import cut, operand_map, result_map


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


def aligned(inputs: tuple, what: str, out: Sequence[ArrayMethods] = ()) -> tuple:
    """The operands' blocks under one map: shape and map of the result, and the blocks.

    The map is that of ``out``, where an array is given for the result.
    """
    inputs = [x if isinstance(x, ArrayMethods) or np.isscalar(x) else np.asarray(x) for x in inputs]
    shapes = [() if np.isscalar(x) else x.shape for x in inputs]
    try:
        shape = np.broadcast_shapes(*shapes, *(x.shape for x in out))
    except ValueError:
        told = " ".join(map(str, (*shapes, *(x.shape for x in out))))
        raise ShapeError(
            f"operands could not be broadcast together with shapes {told} ({what})"
        ) from None
    if any(x.shape != shape for x in out):
        raise ShapeError(
            f"{what}: out= of shape {out[0].shape} cannot hold a result of shape {shape}"
        )
    arrays = [x for x in (*out, *inputs) if isinstance(x, ArrayMethods)]
    target = result_map(shape, [(x.shape, x.map) for x in arrays])
    world = arrays[0].world
    owned = target.owned(shape, world.rank)
    return shape, target, [_under(x, shape, target, owned, what) for x in inputs]


def _under(x: object, shape: Shape, target: Map, owned: tuple | None, what: str) -> object:
    """One operand's block under the result's map."""
    if isinstance(x, ArrayMethods):
        wanted = operand_map(x.shape, shape, target)
        if options.strict and x.map.without_overlap() != wanted:
            raise MapError(f"{what}: maps differ: {x.map} and {target} (pm.options.strict)")
        return x.block_under(wanted, what)
    return x if np.isscalar(x) else cut(x, shape, owned)

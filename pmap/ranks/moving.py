"""Blocks moved between maps: the step from a plan to an exchange that others build on."""

from functools import lru_cache

import numpy as np

from ..layout.maps import AxisMap, Map, Shape
from ..layout.plans import redistribution
from . import exchange, pool
from .comm import World


def moved(
    local: np.ndarray, shape: Shape, source: Map, target: Map, world: World, what: str
) -> np.ndarray:
    """A rank's block after redistribution. COLLECTIVE unless the maps are equal.

    Parameters
    ----------
    local : ndarray
        This rank's owned part under ``source``.
    shape : tuple of int
        Global shape.
    source, target : Map
        Bound maps before and after.
    world : World
        All ranks.
    what : str
        The operation's name, for messages about waiting ranks.

    Returns
    -------
    ndarray
        This rank's part under ``target``; ``local`` itself where nothing has to change.
    """
    if source == target:
        return local
    block = pool.empty(target.local_shape(shape, world.rank), local.dtype)
    plan = redistribution(source, target, shape, world.rank)
    exchange.run(plan, [local], [block], world, what, local.dtype)
    return block


def everywhere(ndim: int, world: World) -> Map:
    """The map that gives every rank of the world the whole array."""
    return _everywhere(ndim, world.size)


@lru_cache(maxsize=256)
def _everywhere(ndim: int, size: int) -> Map:
    return Map.lattice((size,), (AxisMap(),) * ndim, tuple(range(size)))

"""Reductions of small arrays: every rank gets all elements in one step and does the rest alone.

What a small array's float sum is follows: NumPy's own sum of its elements in C order, at any map.
"""

from functools import lru_cache

import numpy as np

from ..layout.maps import Map, Shape
from ..ranks.comm import World
from .stacks import Blocks

SMALL = 1024
"""Elements of an array whose reduction to a scalar is a question of latency alone."""
LARGE = object()


def is_small(shape: Shape) -> bool:
    """Whether an array of this shape is small."""
    size = 1
    for n in shape:
        size *= n
    return size <= SMALL


def whole_of(x: Blocks) -> np.ndarray:
    """All elements of a small array in C order, on every rank. COLLECTIVE where they lack any."""
    return _gathered(x.local, _recipe(x.map, x.shape, x.world.size), x.world)


def _gathered(local: np.ndarray, recipe: tuple | None, world: World) -> np.ndarray:
    if recipe is None:
        return np.ascontiguousarray(local).reshape(-1)
    most, places = recipe
    data = local.tobytes()
    room = most * local.itemsize
    if len(data) < room:
        data = data.ljust(room, b"\0")
    elements = np.frombuffer(b"".join(world.gather_small(data)), local.dtype)
    return elements if places is None else elements[places]


def small_total(ufunc: np.ufunc, x: object) -> np.generic | None:
    """The ufunc's reduction of all elements of a small DistArray; None where it is not small.

    COLLECTIVE where some rank lacks elements. An array without elements is left to the general
    way, which says what is missing.
    """
    world = x.world
    recipe = _recipe_if_small(x.map, x.shape, world.size)
    if recipe is LARGE:
        return None
    block = x.block
    if recipe is None and block.flags.c_contiguous:
        return ufunc.reduce(block, None)
    return ufunc.reduce(_gathered(block, recipe, world), None)


@lru_cache(maxsize=1024)
def _recipe_if_small(held: Map, shape: Shape, n_ranks: int) -> object:
    return _recipe(held, shape, n_ranks) if is_small(shape) and 0 not in shape else LARGE


@lru_cache(maxsize=1024)
def _recipe(held: Map, shape: Shape, n_ranks: int) -> tuple[int, np.ndarray | None] | None:
    """Elements that each rank sends, and where each element of the array is among all sent.

    None where every rank has the array; no places where what is sent is the array.
    """
    cut = any(held.pieces_along(a) > 1 for a in range(len(shape)))
    if not cut and len(held.procs) == n_ranks:
        return None
    order = np.arange(int(np.prod(shape, dtype=np.int64))).reshape(shape)
    owned = [held.owned(shape, r) for r in range(n_ranks)]
    counts = [0 if o is None else int(np.prod([len(p) for p in o], dtype=np.int64)) for o in owned]
    most = max(counts)
    places = np.zeros(order.size, np.int64)
    for rank, sets in enumerate(owned):
        if sets is not None:
            here = order[np.ix_(*(p.indices() for p in sets))].reshape(-1)
            places[here] = rank * most + np.arange(counts[rank])
    as_sent = order.size == most * n_ranks and bool((places == np.arange(order.size)).all())
    return most, (None if as_sent else places)

"""Which map an array is made with, and the memory of its block.

``map`` omitted means what :func:`default_map` set; None or 1 means a plain ndarray, as in pMATLAB.
"""

import os
from collections.abc import Sequence
from functools import lru_cache
from operator import index

import numpy as np

from .arrays.distarray import DistArray
from .errors import MapError, ShapeError
from .layout.grids import auto_grid
from .layout.maps import Map, Shape
from .layout.splits import Periodic
from .ranks import comm, pool


class _Unset:
    """Stands for a ``map`` that was not given."""

    def __repr__(self) -> str:
        """As signatures show it."""
        return "<default map>"


UNSET = _Unset()
_default: list = [os.environ.get("PMAP_DEFAULT_MAP") or None]


def default_map(choice: object = UNSET) -> object:
    """Set or tell the map of arrays that are made without one. LOCAL.

    Parameters
    ----------
    choice : Map, "auto" or None, optional
        ``"auto"`` makes every new array a DistArray over all ranks; None makes plain ndarrays.

    Returns
    -------
    Map, "auto" or None
        The choice in force.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.default_map("auto")
    'auto'
    >>> type(pm.zeros(4)).__name__
    'DistArray'
    >>> pm.default_map(None)
    """
    if not isinstance(choice, _Unset):
        if not (choice is None or choice == "auto" or isinstance(choice, Map)):
            raise MapError(f"default map {choice!r}: give a Map, 'auto' or None")
        _default[0] = choice
    return _default[0]


def auto(shape: int | Sequence[int]) -> Map:
    """A block map over all ranks whose pieces of this shape have the smallest surface.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.auto((8, 4)).ndim
    2
    """
    shape = as_shape(shape)
    size = comm.world().size
    return Map(auto_grid(shape, size) or (1,), procs=range(size) if shape else (0,))


def as_shape(shape: int | Sequence[int]) -> Shape:
    """A shape as a tuple of ints >= 0."""
    shape = tuple(index(n) for n in (shape if np.iterable(shape) else (shape,)))
    if any(n < 0 for n in shape):
        raise ShapeError(f"shape {shape}: lengths must be >= 0")
    return shape


def check_device(device: object) -> None:
    """The standard's ``device=``: there is the CPU."""
    if device is not None and device != "cpu":
        raise ValueError(f"device {device!r} is not there; the only one is 'cpu'")


def chosen_map(held: object, shape: Shape) -> Map | None:
    """The bound map that a ``map=`` argument means for a shape; None for a plain ndarray."""
    if isinstance(held, _Unset):
        held = _default[0]
        if isinstance(held, Map) and held.ndim != len(shape):
            held = "auto"
    if held is None or (isinstance(held, int) and held == 1):
        return None
    if isinstance(held, str):
        if held != "auto":
            raise MapError(f"map={held!r} is not known; give a Map, 'auto', None or 1")
        held = auto(shape)
        if not shape:
            world = comm.world()
            return Map.lattice((world.size,), (), tuple(range(world.size)))
    if not isinstance(held, Map):
        raise MapError(f"map={held!r} is not a Map; write pm.Map(grid, dist), 'auto', None or 1")
    held = _bound(held, comm.world().size)
    held.check_shape(shape)
    return held


@lru_cache(maxsize=1024)
def _bound(held: Map, size: int) -> Map:
    """One object for equal maps: operators see at once that two arrays lie alike."""
    return held.bind(size)


def allocate(shape: Shape, dtype: object, held: Map, fill: object = None) -> DistArray:
    """A DistArray with fresh memory for its block and its halo. LOCAL."""
    world = comm.world()
    owned = held.owned(shape, world.rank)
    if not any(held.overlap) or owned is None:
        local = pool.empty(held.local_shape(shape, world.rank), dtype)
        if fill is not None:
            local[...] = fill
        return DistArray(local, shape, held, world)
    wide = [halo_range(o, h, n) for o, h, n in zip(owned, held.overlap, shape, strict=True)]
    buffer = pool.empty(tuple(len(w) for w in wide), dtype)
    if fill is not None:
        buffer[...] = fill
    inner = tuple(
        slice(o.lo - w.lo, o.lo - w.lo + len(o)) for o, w in zip(owned, wide, strict=True)
    )
    return DistArray(buffer[inner], shape, held, world, buffer)


def halo_range(owned: Periodic, overlap: int, n: int) -> Periodic:
    """A block with its halo on both sides, cut at the global border; an empty block has none."""
    if not overlap or not len(owned):
        return owned
    return Periodic(max(0, owned.lo - overlap), min(n, owned.hi + overlap))

"""Kronecker products: each rank makes its own part of the result."""

import numpy as np

from ..arrays.distarray import DistArray
from ..layout.grids import auto_grid
from ..layout.maps import Map
from ..regions import fetch
from ..registry import implements
from .operands import arrays, distributed


@implements(np.kron)
def kron(a: object, b: object) -> object:
    """Kronecker product, as ``numpy.kron``. COLLECTIVE.

    Returns
    -------
    DistArray
        Under balanced blocks over the ranks of the first DistArray.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.kron(pm.arange(3, map=pm.Map([1])), [1, 10]).local
    array([ 0,  0,  1, 10,  2, 20])
    """
    if not distributed(a, b):
        return np.kron(a, b)
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    x, y = arrays(a, b)
    ndim = max(x.ndim, y.ndim)
    x, y = (v[(None,) * (ndim - v.ndim) + (Ellipsis,)] for v in (x, y))
    shape = tuple(n * m for n, m in zip(x.shape, y.shape, strict=True))
    first = x if isinstance(a, DistArray) else y
    target = Map(auto_grid(shape, len(first.map.procs)), procs=first.map.procs)
    world = x.world
    indices = [_pairs(target, shape, y.shape, rank) for rank in range(world.size)]
    parts = []
    for place, v in enumerate((x, y)):
        boxes = [[] if pairs is None else [_box(pairs, place)] for pairs in indices]
        come = fetch(v, boxes)
        for axis, pair in enumerate(indices[world.rank] or ()):
            start = boxes[world.rank][0][axis].start
            come[0] = np.take(come[0], pair[place] - start, axis=axis)
        parts += come or [np.empty((0,) * ndim, v.dtype)]
    return DistArray(np.multiply(*parts), shape, target, world)


def _pairs(target: Map, shape: tuple, inner: tuple, rank: int) -> list[tuple] | None:
    """Per axis of the result, the indices of both factors for what a rank owns; None if nothing."""
    owned = target.owned(shape, rank)
    if owned is None or not all(map(len, owned)):
        return None
    return [divmod(o.indices(), n) for o, n in zip(owned, inner, strict=True)]


def _box(pairs: list[tuple], place: int) -> tuple[slice, ...]:
    """The smallest box of a factor that holds its indices."""
    return tuple(slice(int(p[place].min()), int(p[place].max()) + 1) for p in pairs)

"""Where the elements are that are not 0, and places counted in one or in several axes."""

from collections.abc import Sequence
from math import prod

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import Blocks
from ..arrays.ufuncs import elementwise
from ..doors import stands_for
from ..errors import ShapeError, UnsupportedError
from ..layout.maps import AxisMap
from . import masking

Array = DistArray | np.ndarray


def _distarray(x: Blocks) -> DistArray:
    return DistArray(x.local, x.shape, x.map, x.world)


@stands_for(np.nonzero)
def nonzero(x: Array, /) -> tuple[Array, ...]:
    """The indices of the elements that are not 0, in C order: one array per axis. COLLECTIVE.

    Returns
    -------
    tuple of DistArray
        1-D, int64, under an explicit map: near the elements, as far as C order lets them.

    Examples
    --------
    >>> import pmap as pm
    >>> [i.local.tolist() for i in pm.nonzero(pm.eye(3, map=pm.Map([1, 1])))]
    [[0, 1, 2], [0, 1, 2]]
    """
    if not x.ndim:
        raise ValueError("Calling nonzero on 0d arrays is not allowed. Use np.atleast_1d(x)")
    return tuple(_distarray(found) for found in masking.nonzero(x.blocks()))


@stands_for(np.flatnonzero)
def flatnonzero(a: Array) -> Array:
    """The places, counted in C order, of the elements that are not 0. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.flatnonzero(pm.eye(3, map=pm.Map([1, 1]))).local
    array([0, 4, 8])
    """
    if not a.ndim:
        return flatnonzero(a[None])
    return ravel_multi_index(nonzero(a), a.shape)


@stands_for(np.argwhere)
def argwhere(a: Array) -> Array:
    """The indices of the elements that are not 0, in C order: one row each. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.argwhere(pm.eye(2, map=pm.Map([1, 1]))).local
    array([[0, 0],
           [1, 1]])
    """
    if not a.ndim:
        return argwhere(a[None])[:, :0]
    found = masking.nonzero(a.blocks())
    first = found[0]
    held = first.map.with_axes([*first.map.axes, AxisMap()])
    shape = (*first.shape, a.ndim)
    local = np.stack([x.local for x in found], axis=-1)
    if held.coords(a.world.rank) is None:
        local = np.empty((0, 0), local.dtype)
    return DistArray(local, shape, held, a.world)


@stands_for(np.unravel_index)
def unravel_index(indices: Array, shape: Sequence[int], order: str = "C") -> tuple[Array, ...]:
    """Places counted over a shape as one index per axis. COLLECTIVE: a wrong place raises on all.

    Examples
    --------
    >>> import pmap as pm
    >>> [i.local.tolist() for i in pm.unravel_index(pm.arange(3, map=pm.Map([1])), (2, 2))]
    [[0, 0, 1], [0, 1, 0]]
    """
    shape = (shape,) if np.ndim(shape) == 0 else tuple(shape)
    size = prod(shape)
    if indices.dtype.kind not in "iu":
        raise UnsupportedError("only int indices permitted")
    if indices.size:
        low, high = int(indices.min()), int(indices.max())
        if low < 0 or high >= size:
            wrong = high if high >= size else low
            raise ValueError(f"index {wrong} is out of bounds for array with size {size}")
    found = elementwise(lambda i: np.unravel_index(i, shape, order), (indices,), "unravel_index")
    return found if isinstance(found, tuple) else (found,)


@stands_for(np.ravel_multi_index)
def ravel_multi_index(
    multi_index: Sequence[Array], dims: Sequence[int], mode: object = "raise", order: str = "C"
) -> Array:
    """One index per axis as places counted over a shape. COLLECTIVE: a wrong index raises on all.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.ravel_multi_index((pm.arange(2, map=pm.Map([1])), 1), (2, 2)).local
    array([1, 3])
    """
    dims = (dims,) if np.ndim(dims) == 0 else tuple(dims)
    multi_index = tuple(multi_index)
    if len(multi_index) != len(dims):
        raise ShapeError(
            f"parameter multi_index must be a sequence of length {len(dims)}; it has "
            f"{len(multi_index)}"
        )
    modes = (mode,) * len(dims) if isinstance(mode, str) else tuple(mode)
    for i, n, how in zip(multi_index, dims, modes, strict=True):
        if how == "raise" and np.size(i) and (int(np.min(i)) < 0 or int(np.max(i)) >= n):
            raise ValueError("invalid entry in coordinates array")
    return elementwise(
        lambda *blocks: np.ravel_multi_index(blocks, dims, modes, order), multi_index, "ravel"
    )


@stands_for(np.ix_)
def ix_(*args: Array) -> tuple[Array, ...]:
    """Arrays of indices, shaped so that together they index a grid. COLLECTIVE for masks."""
    found = []
    for k, arg in enumerate(args):
        if np.ndim(arg) != 1:
            raise ValueError("Cross index must be 1 dimensional")
        i = arg if isinstance(arg, DistArray) else np.asarray(arg)
        if not i.size:
            i = i.astype(np.intp)
        if i.dtype == bool:
            (i,) = np.nonzero(i)
        found.append(i[(None,) * k + (slice(None),) + (None,) * (len(args) - k - 1)])
    return tuple(found)

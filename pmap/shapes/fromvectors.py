"""Matrices made of vectors, and vectors without their zeros at the ends."""

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import normalise_axes
from ..doors import stands_for
from ..errors import InputError, ShapeError
from ..layout.axismaps import AxisMap


@stands_for(np.vander)
def vander(x: DistArray, N: int | None = None, increasing: bool = False) -> DistArray:  # noqa: N803
    """Powers of the elements as columns, as ``numpy.vander``. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.vander(pm.arange(1, 3, map=pm.Map([1])), 3).local
    array([[1, 1, 1],
           [4, 2, 1]])
    """
    if x.ndim != 1:
        raise ShapeError(f"x must be a one-dimensional array or sequence; its shape is {x.shape}")
    n = x.shape[0] if N is None else N
    held = x.map.without_overlap()
    held = held.with_axes([held.axes[0], AxisMap()])
    shape = (x.shape[0], n)
    block = np.vander(x.block, n, increasing)
    if held.coords(x.world.rank) is None:
        block = np.empty((0, 0), block.dtype)
    return DistArray(block, shape, held, x.world)


@stands_for(np.trim_zeros)
def trim_zeros(
    filt: DistArray, trim: str = "fb", axis: int | tuple[int, ...] | None = None
) -> DistArray:
    """The array without the zeros at its ends: a view. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.trim_zeros(pm.asarray([0, 1, 0, 2, 0], map=pm.Map([1]))).local
    array([1, 0, 2])
    """
    trim = trim.lower()
    if trim not in ("fb", "bf", "f", "b"):
        raise InputError(f"unexpected character(s) in `trim`: {trim!r}")
    filled, key = filt != 0, [slice(None)] * filt.ndim
    for a in normalise_axes(axis, filt.ndim):
        others = tuple(b for b in range(filt.ndim) if b != a)
        along = filled.any(others) if others else filled
        some = bool(along.any())
        first = int(along.argmax()) if some else along.shape[0]
        last = along.shape[0] - int(along[::-1].argmax()) if some else along.shape[0]
        key[a] = slice(first if "f" in trim else None, last if "b" in trim else None)
        if not some and "f" not in trim:
            key[a] = slice(0, 0)
    return filt[(*key, ...)]

"""Diagonals: read, written, summed, and made into matrices."""

from dataclasses import replace

import numpy as np

from ..allocation import allocate
from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..doors import stands_for
from ..errors import ShapeError
from ..layout.maps import AxisMap, Map
from ..layout.splits import Split
from .taking import flat_key, repeated

Array = DistArray | np.ndarray


@stands_for(np.diagonal)
def diagonal(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The elements whose indices on two axes differ by an offset: a copy. COLLECTIVE.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> np.diagonal(pm.eye(3, map=pm.Map([1, 1]))).local
    array([1., 1., 1.])
    """
    if a.ndim < 2:
        raise ShapeError("diag requires an array of at least two dimensions")
    first, second = axis_from_front(axis1, a.ndim), axis_from_front(axis2, a.ndim)
    if first == second:
        raise ShapeError("axis1 and axis2 cannot be the same")
    rest = [d for d in range(a.ndim) if d not in (first, second)]
    turned = a.transpose(*rest, first, second)
    rows, columns = a.shape[first], a.shape[second]
    n = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    i = np.arange(n)
    return turned[(..., i + max(0, -offset), i + max(0, offset))]


@stands_for(np.diag)
def diag(v: Array, k: int = 0) -> Array:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal. COLLECTIVE.

    The rows of such a matrix are cut as the vector is.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> np.diag(pm.arange(2, map=pm.Map([1]))).local
    array([[0, 0],
           [0, 1]])
    """
    if v.ndim == 2:
        return diagonal(v, k)
    if v.ndim != 1:
        raise ShapeError(f"Input must be 1- or 2-d; the shape is {v.shape}")
    n = len(v) + abs(k)
    made = allocate((n, n), v.dtype, _rows_like(v), np.zeros((), v.dtype)[()])
    i = np.arange(len(v))
    made[i + max(0, -k), i + max(0, k)] = v
    return made


def _rows_like(v: DistArray) -> Map:
    """Rows over the ranks of a vector, cut by its rule."""
    axis = v.map.axes[0]
    split = Split("b") if axis.split.kind == "x" else axis.split
    rows = axis if axis.grid_axis is None else AxisMap(axis.grid_axis, split)
    return v.map.with_axes([replace(rows, overlap=0), AxisMap()])


@stands_for(np.diagflat)
def diagflat(v: Array, k: int = 0) -> Array:
    """The matrix with the elements of an array, in C order, on its diagonal. COLLECTIVE."""
    return diag(np.ravel(v), k)


@stands_for(np.trace)
def trace(
    a: Array,
    offset: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: object = None,
    out: object = None,
) -> object:
    """The sum of a diagonal, floats in canonical order (C2). COLLECTIVE.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> float(np.trace(pm.eye(3, map=pm.Map([1, 1]))))
    3.0
    """
    found = diagonal(a, offset, axis1, axis2).sum(-1, dtype=dtype)
    if out is None:
        return found
    out[...] = found
    return out


@stands_for(np.fill_diagonal)
def fill_diagonal(a: DistArray, val: object, wrap: bool = False) -> None:
    """Write the main diagonal, values from the start again where they are fewer. COLLECTIVE."""
    if a.ndim < 2:
        raise ShapeError("array must be at least 2-d")
    if a.ndim == 2:
        step = a.shape[1] + 1
        end = a.size if wrap else min(a.size, a.shape[1] * a.shape[1])
    elif len(set(a.shape)) == 1:
        step = 1 + int(np.cumprod(a.shape[:-1]).sum())
        end = a.size
    else:
        raise ShapeError(f"All dimensions of input must be of equal length; they are {a.shape}")
    places = np.arange(0, end, step)
    a[flat_key(places, a.shape, "raise", "fill_diagonal")] = repeated(val, len(places), a)

"""Axes moved, added and dropped: views, nothing is sent."""

from collections.abc import Sequence
from operator import index

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front, normalise_axes
from ..doors import stands_for
from ..errors import ShapeError

Array = DistArray | np.ndarray


@stands_for(np.transpose)
def transpose(a: DistArray, axes: Sequence[int] | None = None) -> DistArray:
    """The array with its axes permuted: a view. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.transpose(pm.zeros((2, 3), map=pm.Map([1, 1]))).shape
    (3, 2)
    """
    if axes is not None and len(axes) != a.ndim:
        raise ShapeError(f"axes don't match array: {tuple(axes)} for {a.ndim} axes")
    return a.transpose(axes)


def permute_dims(x: Array, /, axes: Sequence[int]) -> Array:
    """The array with its axes permuted: a view. LOCAL."""
    return transpose(x, axes)


@stands_for(np.matrix_transpose)
def matrix_transpose(x: Array, /) -> Array:
    """The array with its last two axes exchanged: a view. LOCAL."""
    if x.ndim < 2:
        raise ShapeError(f"matrix_transpose needs at least 2 axes; the shape is {x.shape}")
    return swapaxes(x, -1, -2)


@stands_for(np.swapaxes)
def swapaxes(a: Array, axis1: int, axis2: int) -> Array:
    """The array with two axes exchanged: a view. LOCAL."""
    order = list(range(a.ndim))
    first, second = axis_from_front(axis1, a.ndim), axis_from_front(axis2, a.ndim)
    order[first], order[second] = second, first
    return a.transpose(order)


@stands_for(np.moveaxis)
def moveaxis(a: Array, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    """The array with axes moved to other places: a view. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.moveaxis(pm.zeros((2, 3, 4), map=pm.Map([1, 1, 1])), 0, -1).shape
    (3, 4, 2)
    """
    taken, places = _axis_tuple(source, a.ndim), _axis_tuple(destination, a.ndim)
    if len(taken) != len(places):
        raise ShapeError(
            f"`source` and `destination` arguments must have the same number of elements: "
            f"{source} and {destination}"
        )
    order = [b for b in range(a.ndim) if b not in taken]
    for place, b in sorted(zip(places, taken, strict=True)):
        order.insert(place, b)
    return a.transpose(order)


def _axis_tuple(axes: int | Sequence[int], ndim: int) -> list[int]:
    """Axes from the front, in the order given, none twice."""
    found = [axis_from_front(a, ndim) for a in (axes if np.iterable(axes) else (axes,))]
    if len(set(found)) != len(found):
        raise ShapeError(f"repeated axis in {axes}")
    return found


@stands_for(np.rollaxis)
def rollaxis(a: Array, axis: int, start: int = 0) -> Array:
    """The array with an axis rolled back to before another: a view. LOCAL."""
    axis = axis_from_front(axis, a.ndim)
    if not -a.ndim <= index(start) <= a.ndim:
        raise np.exceptions.AxisError(f"start {start} is out of bounds for {a.ndim} axes")
    start = start + a.ndim if start < 0 else start
    order = [b for b in range(a.ndim) if b != axis]
    order.insert(start - 1 if axis < start else start, axis)
    return a.transpose(order)


@stands_for(np.expand_dims)
def expand_dims(a: Array, axis: int | tuple[int, ...] = 0) -> Array:
    """The array with new axes of length 1: a view. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.expand_dims(pm.zeros(3, map=pm.Map([1])), axis=(0, 2)).shape
    (1, 3, 1)
    """
    axes = tuple(axis) if isinstance(axis, tuple | list) else (axis,)
    places = normalise_axes(axes, a.ndim + len(axes))
    return a[(*(None if d in places else slice(None) for d in range(a.ndim + len(axes))), ...)]


@stands_for(np.squeeze)
def squeeze(a: Array, axis: int | tuple[int, ...] | None = None) -> Array:
    """The array without its axes of length 1: a view. LOCAL."""
    if axis is None:
        axes = {d for d, n in enumerate(a.shape) if n == 1}
    else:
        axes = normalise_axes(axis, a.ndim)
    if any(a.shape[d] != 1 for d in axes):
        raise ShapeError(
            "cannot select an axis to squeeze out which has size not equal to one: "
            f"axis {axis} of shape {a.shape}"
        )
    return a[(*(0 if d in axes else slice(None) for d in range(a.ndim)), ...)]


def _at_least(function: object, widen: object) -> object:
    """The function of one array or of several, as NumPy's."""

    def each(*arys: object) -> object:
        found = tuple(
            widen(x) if isinstance(x, DistArray) else function(np.asarray(x)) for x in arys
        )
        return found[0] if len(found) == 1 else found

    each.__name__ = each.__qualname__ = function.__name__
    each.__doc__ = f"Views of the arrays with axes of length 1 added, as np.{function.__name__}."
    each.__doc__ += " LOCAL."
    return stands_for(function)(each)


_WIDER = ((None, None, None), (None, slice(None), None), (..., None))
atleast_1d = _at_least(np.atleast_1d, lambda x: x if x.ndim else x[None])
atleast_2d = _at_least(np.atleast_2d, lambda x: x if x.ndim > 1 else x[(None,) * (2 - x.ndim)])
atleast_3d = _at_least(np.atleast_3d, lambda x: x[_WIDER[x.ndim]] if x.ndim < 3 else x)


@stands_for(np.flip)
def flip(m: DistArray, axis: int | tuple[int, ...] | None = None) -> DistArray:
    """The array read backwards along axes: a view. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.flip(pm.arange(3, map=pm.Map([1]))).local
    array([2, 1, 0])
    """
    axes = normalise_axes(axis, m.ndim)
    back = slice(None, None, -1)
    return m[(*(back if a in axes else slice(None) for a in range(m.ndim)), ...)]


@stands_for(np.flipud)
def flipud(m: DistArray) -> DistArray:
    """The array read backwards along axis 0: a view. LOCAL."""
    if m.ndim < 1:
        raise ShapeError("Input must be >= 1-d.")
    return flip(m, 0)


@stands_for(np.fliplr)
def fliplr(m: DistArray) -> DistArray:
    """The array read backwards along axis 1: a view. LOCAL."""
    if m.ndim < 2:
        raise ShapeError("Input must be >= 2-d.")
    return flip(m, 1)


@stands_for(np.rot90)
def rot90(m: DistArray, k: int = 1, axes: tuple[int, int] = (0, 1)) -> DistArray:
    """The array turned by k quarters in the plane of two axes: a view. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.rot90(pm.arange(4, map=pm.Map([1]))[None]).shape
    (4, 1)
    """
    axes = tuple(axes)
    if len(axes) != 2:
        raise ShapeError("len(axes) must be 2.")
    first, second = (axis_from_front(a, m.ndim) for a in axes)
    if first == second:
        raise ShapeError(f"Axes must be different: {axes} of {m.ndim} axes")
    k %= 4
    if k == 0:
        return m[...]
    if k == 2:
        return flip(m, (first, second))
    if k == 1:
        return swapaxes(flip(m, second), first, second)
    return flip(swapaxes(m, first, second), second)

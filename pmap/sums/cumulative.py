"""Running sums and products, differences and integrals along an axis, by NumPy's names.

Running float sums are the same bits at any rank count and map (C2): the order is that of
:mod:`pmap.arrays.accumulations`. Results keep the array's map.
"""

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reducing import NOT_GIVEN, accumulate_with, written
from ..arrays.reductions import axis_from_front
from ..doors import stands_for
from ..errors import ShapeError


@stands_for(np.cumsum)
def cumsum(a: DistArray, axis: int | None = None, dtype: object = None, out: object = None):
    """Running sum along an axis, or over all elements. COLLECTIVE where the axis is cut.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.cumsum(pm.arange(4, map=pm.Map([1]))).local
    array([0, 1, 3, 6])
    """
    return a.cumsum(axis, dtype, out)


@stands_for(np.cumprod)
def cumprod(a: DistArray, axis: int | None = None, dtype: object = None, out: object = None):
    """Running product along an axis, or over all elements. COLLECTIVE where the axis is cut.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.cumprod(pm.arange(1, 5, map=pm.Map([1]))).local
    array([ 1,  2,  6, 24])
    """
    return a.cumprod(axis, dtype, out)


@stands_for(np.cumulative_sum)
def cumulative_sum(
    x: DistArray,
    /,
    *,
    axis: int | None = None,
    dtype: object = None,
    out: object = None,
    include_initial: bool = False,
) -> DistArray:
    """Running sum along an axis, with a 0 in front on wish. COLLECTIVE where the axis is cut.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.cumulative_sum(pm.arange(4, map=pm.Map([1])), include_initial=True).local
    array([0, 0, 1, 3, 6])
    """
    return _cumulative(np.add, x, axis, dtype, out, include_initial)


@stands_for(np.cumulative_prod)
def cumulative_prod(
    x: DistArray,
    /,
    *,
    axis: int | None = None,
    dtype: object = None,
    out: object = None,
    include_initial: bool = False,
) -> DistArray:
    """Running product along an axis, with a 1 in front on wish. COLLECTIVE where the axis is cut.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.cumulative_prod(pm.arange(1, 4, map=pm.Map([1])), include_initial=True).local
    array([1, 1, 2, 6])
    """
    return _cumulative(np.multiply, x, axis, dtype, out, include_initial)


def _cumulative(ufunc, x, axis, dtype, out, include_initial):
    if axis is None:
        if x.ndim != 1:
            raise ShapeError("For arrays which have more than one dimension ``axis`` is required.")
        axis = 0
    found = accumulate_with(ufunc, x, axis, dtype)
    if include_initial:
        axis = axis_from_front(axis, x.ndim)
        first = np.full((*x.shape[:axis], 1, *x.shape[axis + 1 :]), ufunc.identity, found.dtype)
        found = np.concatenate([first, found], axis=axis)
    return written(found, out, "cumulative_sum" if ufunc is np.add else "cumulative_prod")


@stands_for(np.diff)
def diff(
    a: DistArray,
    n: int = 1,
    axis: int = -1,
    prepend: object = NOT_GIVEN,
    append: object = NOT_GIVEN,
) -> DistArray:
    """Differences of neighbours along an axis, n times. COLLECTIVE where the axis is cut.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.diff(pm.asarray([1, 2, 4, 7], map=pm.Map([1]))).local
    array([1, 2, 3])
    """
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    if n == 0:
        return a
    if not a.ndim:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axis_from_front(axis, a.ndim)
    ends = [_as_end(a, e, axis) for e in (prepend, append)]
    if any(e is not None for e in ends):
        parts = [p for p in (ends[0], a, ends[1]) if p is not None]
        a = np.concatenate(parts, axis)
    lead = (slice(None),) * axis
    for _ in range(n):
        later, sooner = a[(*lead, slice(1, None))], a[(*lead, slice(None, -1))]
        a = later != sooner if a.dtype == bool else later - sooner
    return a


def _as_end(a: DistArray, value: object, axis: int) -> object:
    """What is put before or after an array; a scalar stands for a whole layer."""
    if value is NOT_GIVEN or value is None:
        return None
    value = value if isinstance(value, DistArray) else np.asanyarray(value)
    if value.ndim == 0:
        shape = (*a.shape[:axis], 1, *a.shape[axis + 1 :])
        return np.broadcast_to(value, shape)
    return value


@stands_for(np.ediff1d)
def ediff1d(ary: DistArray, to_end: object = None, to_begin: object = None) -> DistArray:
    """Differences of neighbours of all elements, with ends on wish. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.ediff1d(pm.asarray([1, 2, 4], map=pm.Map([1])), to_end=9).local
    array([1, 2, 9])
    """
    flat = ary if ary.ndim == 1 else np.ravel(ary)
    parts = [flat[1:] - flat[:-1]]
    if to_begin is not None:
        parts.insert(0, _same_kind("to_begin", to_begin, flat.dtype))
    if to_end is not None:
        parts.append(_same_kind("to_end", to_end, flat.dtype))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _same_kind(name: str, end: object, dtype: np.dtype) -> object:
    """An end of differences as a vector of their type."""
    end = end if isinstance(end, DistArray) else np.asanyarray(end)
    if not np.can_cast(end.dtype, dtype, "same_kind"):
        raise TypeError(
            f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule: "
            f"it is {end.dtype}, the array {dtype}"
        )
    return np.ravel(end).astype(dtype)


@stands_for(np.trapezoid)
def trapezoid(y: DistArray, x: object = None, dx: object = 1.0, axis: int = -1) -> object:
    """Integral along an axis by the trapezoidal rule. COLLECTIVE where the axis is cut.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.trapezoid(pm.asarray([1.0, 2.0, 4.0], map=pm.Map([1]))).item()
    4.5
    """
    y = y if isinstance(y, DistArray) else np.asarray(y)
    axis = axis_from_front(axis, y.ndim)
    lead = (slice(None),) * axis
    step = dx
    if x is not None:
        x = x if isinstance(x, DistArray) else np.asarray(x)
        step = np.diff(x, axis=-1 if x.ndim == 1 else axis)
        if x.ndim == 1:
            step = step[(..., *(None,) * (y.ndim - 1 - axis))]
    middle = step * (y[(*lead, slice(1, None))] + y[(*lead, slice(None, -1))]) / 2.0
    return middle.sum(axis)

"""Reductions and running sums that leave NaN out, by NumPy's names.

As the functions without "nan" in front, on the array with its NaNs replaced. Types that have no
NaN go straight to those. Where nothing is left of a slice NumPy's warning is given on all ranks.
"""

import warnings
from collections.abc import Callable

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reducing import NOT_GIVEN, reduce_with, written
from ..arrays.ufuncs import elementwise
from ..doors import stands_for


def _has_nan(a: DistArray) -> bool:
    """Whether the type has NaN."""
    return a.dtype.kind in "fc"


def _filled(a: DistArray, value: object) -> DistArray:
    """The array with NaN replaced, same map. LOCAL."""
    if not _has_nan(a):
        return a
    fill = a.dtype.type(value)
    return elementwise(lambda x: np.where(np.isnan(x), fill, x), (a,), "nan")


def _given(kw: dict) -> dict:
    return {k: v for k, v in kw.items() if v is not NOT_GIVEN}


def _public(numpy_function: Callable, call: Callable, doc: str) -> Callable:
    """The call as pmap's function of NumPy's name."""
    call.__name__ = call.__qualname__ = numpy_function.__name__
    call.__module__ = __name__
    call.__doc__ = doc
    return stands_for(numpy_function)(call)


def _replacing(numpy_function: Callable, method: str, value: object, example: str) -> Callable:
    """The method of an array whose NaNs are replaced."""

    def call(a: DistArray, *args: object, **kw: object) -> object:
        return getattr(_filled(a, value), method)(*args, **_given(kw))

    doc = f"""``{method}`` with NaN taken as {value}. COLLECTIVE where the axis is cut.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> A = pm.asarray([2.0, np.nan, 3.0], map=pm.Map([1]))
    >>> {example}
    """
    return _public(numpy_function, call, doc)


nansum = _replacing(np.nansum, "sum", 0, "pm.nansum(A).item()\n    5.0")
nanprod = _replacing(np.nanprod, "prod", 1, "pm.nanprod(A).item()\n    6.0")
nancumsum = _replacing(np.nancumsum, "cumsum", 0, "pm.nancumsum(A).local\n    array([2., 2., 5.])")
nancumprod = _replacing(
    np.nancumprod, "cumprod", 1, "pm.nancumprod(A).local\n    array([2., 2., 6.])"
)


def _extreme(numpy_function: Callable, ufunc: np.ufunc) -> Callable:
    """Make nanmin or nanmax."""

    def call(
        a: DistArray,
        axis: object = None,
        out: object = None,
        keepdims: object = NOT_GIVEN,
        initial: object = NOT_GIVEN,
        where: object = True,
    ) -> object:
        where = True if where is NOT_GIVEN else where
        keepdims = keepdims is not NOT_GIVEN and bool(keepdims)
        found = reduce_with(ufunc, a, axis, None, None, keepdims, initial, where)
        if _has_nan(a) and bool(np.any(np.isnan(found))):
            warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=3)
        return written(found, out, numpy_function.__name__)

    name = numpy_function.__name__
    doc = f"""Extremum without NaN, as ``numpy.{name}``. COLLECTIVE where the axis is cut.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> pm.{name}(pm.asarray([np.nan, 3.0], map=pm.Map([1]))).item()
    3.0
    """
    return _public(numpy_function, call, doc)


nanmin = _extreme(np.nanmin, np.fmin)
nanmax = _extreme(np.nanmax, np.fmax)


def _position(numpy_function: Callable, method: str, value: float) -> Callable:
    """Make nanargmin or nanargmax."""

    def call(
        a: DistArray, axis: object = None, out: object = None, *, keepdims: object = NOT_GIVEN
    ) -> object:
        keepdims = keepdims is not NOT_GIVEN and bool(keepdims)
        if _has_nan(a) and bool(np.any(np.isnan(a).all(axis))):
            raise ValueError("All-NaN slice encountered")
        return getattr(_filled(a, value), method)(axis, out, keepdims=keepdims)

    name = numpy_function.__name__
    doc = f"""First position of the extremum without NaN. COLLECTIVE.

    Raises
    ------
    ValueError
        A slice is all NaN; on all ranks.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> int(pm.{name}(pm.asarray([np.nan, 3.0], map=pm.Map([1]))))
    1
    """
    return _public(numpy_function, call, doc)


nanargmin = _position(np.nanargmin, "argmin", np.inf)
nanargmax = _position(np.nanargmax, "argmax", -np.inf)


def _spread(numpy_function: Callable, method: str, value: float) -> Callable:
    """Make nanmean, nanvar or nanstd: the method where there is a value."""

    def call(a: DistArray, *args: object, **kw: object) -> object:
        kw = _given(kw)
        if _has_nan(a):
            there = np.logical_not(np.isnan(a))
            where = kw.get("where", True)
            kw["where"] = there if where is True else np.logical_and(there, where)
        return getattr(a, method)(*args, **kw)

    name = numpy_function.__name__
    doc = f"""``{method}`` of the elements that are not NaN. COLLECTIVE where cut.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> pm.{name}(pm.asarray([np.nan, 3.0, 5.0], map=pm.Map([1]))).item()
    {value}
    """
    return _public(numpy_function, call, doc)


nanmean = _spread(np.nanmean, "mean", 4.0)
nanvar = _spread(np.nanvar, "var", 1.0)
nanstd = _spread(np.nanstd, "std", 1.0)

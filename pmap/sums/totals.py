"""Sums, means, extrema and counts over axes, by NumPy's names and with its arguments.

Floats are added in canonical order (C2), see :mod:`pmap.arrays.summation`: the same bits at any
rank count and map. The result's map is that of the array without the reduced axes; over all axes it
is a NumPy scalar, equal on all ranks.
"""

import inspect
import math
from collections.abc import Callable

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reducing import NOT_GIVEN, reduce_with
from ..arrays.reductions import normalise_axes
from ..arrays.ufuncs import elementwise
from ..doors import stands_for
from ..errors import ShapeError

_DOC = """{summary} COLLECTIVE where a reduced axis is cut.

    Parameters are those of ``numpy.{name}``: {arguments}; ``out`` is a DistArray.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.arange(1.0, 5.0, map=pm.Map([1]))
    >>> pm.{name}(A).item()
    {value}
    """


def _method(name: str, summary: str, arguments: str, value: object) -> Callable:
    """The function whose work is the method of its name."""

    def call(a: DistArray, /, *args: object, **kw: object) -> object:
        given = {k: v for k, v in kw.items() if v is not NOT_GIVEN}
        return getattr(a, name)(*args, **given)

    call.__name__ = call.__qualname__ = name
    call.__module__ = __name__
    call.__signature__ = inspect.signature(getattr(np, name))
    call.__doc__ = _DOC.format(name=name, summary=summary, arguments=arguments, value=value)
    others = {"max": (np.amax,), "min": (np.amin,)}.get(name, ())
    return stands_for(getattr(np, name), *others)(call)


_ALL = "axis, dtype, out, keepdims, initial, where"
_SPREAD = "axis, dtype, out, ddof, keepdims, where, mean, correction"
sum = _method("sum", "Sum over axes.", _ALL, 10.0)
prod = _method("prod", "Product over axes.", _ALL, 24.0)
mean = _method("mean", "Mean over axes.", "axis, dtype, out, keepdims, where", 2.5)
var = _method("var", "Variance over axes, in two passes.", _SPREAD, 1.25)
std = _method("std", "Standard deviation over axes.", _SPREAD, 1.118033988749895)
min = _method("min", "Minimum over axes.", "axis, out, keepdims, initial, where", 1.0)
max = _method("max", "Maximum over axes.", "axis, out, keepdims, initial, where", 4.0)
any = _method("any", "Whether some element is true.", "axis, out, keepdims, where", True)
all = _method("all", "Whether every element is true.", "axis, out, keepdims, where", True)
argmin = _method("argmin", "First position of the minimum.", "axis, out, keepdims", 0)
argmax = _method("argmax", "First position of the maximum.", "axis, out, keepdims", 3)


@stands_for(np.count_nonzero)
def count_nonzero(a: DistArray, axis: object = None, *, keepdims: bool = False) -> object:
    """Count of the elements that are not 0. COLLECTIVE where the axis is cut.

    Examples
    --------
    >>> import pmap as pm
    >>> int(pm.count_nonzero(pm.arange(4, map=pm.Map([1]))))
    3
    """
    return reduce_with(np.add, np.not_equal(a, 0), axis, None, None, keepdims)


@stands_for(np.ptp)
def ptp(
    a: DistArray, axis: object = None, out: object = None, keepdims: object = NOT_GIVEN
) -> object:
    """Range of the values, maximum - minimum. COLLECTIVE where the axis is cut.

    Examples
    --------
    >>> import pmap as pm
    >>> int(pm.ptp(pm.arange(4, map=pm.Map([1]))))
    3
    """
    keepdims = keepdims is not NOT_GIVEN and bool(keepdims)
    found = a.max(axis, keepdims=keepdims) - a.min(axis, keepdims=keepdims)
    if out is not None:
        out[...] = found
        return out
    return found


@stands_for(np.average)
def average(
    a: DistArray,
    axis: object = None,
    weights: object = None,
    returned: bool = False,
    *,
    keepdims: object = NOT_GIVEN,
) -> object:
    """Weighted mean over axes, as ``numpy.average``. COLLECTIVE where the axis is cut.

    Raises
    ------
    ZeroDivisionError
        The weights of some result add up to 0. On all ranks.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.average(pm.arange(4, map=pm.Map([1])), weights=[3, 0, 0, 1]).item()
    0.75
    """
    keep = keepdims is not NOT_GIVEN and bool(keepdims)
    if weights is None:
        found = a.mean(axis, keepdims=keep)
        count = math.prod(a.shape[d] for d in normalise_axes(axis, a.ndim))
        scale = np.asarray(count).astype(found.dtype)[()]
    else:
        weights = _weights(a, axis, weights)
        kind = np.result_type(a.dtype, weights.dtype)
        if a.dtype.kind in "bui":
            kind = np.result_type(a.dtype, weights.dtype, "f8")
        wide = weights if weights.shape == a.shape else np.broadcast_to(weights, a.shape)
        scale = np.add.reduce(wide, axis=axis, dtype=kind, keepdims=keep)
        if bool(np.any(scale == 0.0)):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        product = elementwise(lambda x, w: np.multiply(x, w, dtype=kind), (a, wide), "average")
        found = product.sum(axis, keepdims=keep) / scale
    if not returned:
        return found
    if np.shape(scale) != np.shape(found):
        scale = scale + 0 * found
    return found, scale


def _weights(a: DistArray, axis: object, weights: object) -> object:
    """Weights in a shape that broadcasts to the array's."""
    weights = weights if isinstance(weights, DistArray) else np.asarray(weights)
    if weights.shape == a.shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = [int(d) % a.ndim for d in np.atleast_1d(axis)]
    if weights.shape != tuple(a.shape[d] for d in axes):
        raise ShapeError("Shape of weights must be consistent with shape of a along specified axis")
    order = np.argsort(axes)
    weights = np.transpose(weights, tuple(int(k) for k in order))
    place = tuple(slice(None) if d in axes else None for d in range(a.ndim))
    return weights[place]

"""NumPy's functions on DistArrays, reached through ``np.f(A)`` (``__array_function__``)."""

import numpy as np

from . import creation
from .arrays.distarray import DistArray
from .arrays.ufuncs import elementwise
from .errors import UnsupportedError
from .keys.finding import nonzero
from .layout.resultmaps import auto_over
from .registry import FUNCTIONS, implements


@implements(np.where)
def where(condition: object, x: object = None, y: object = None) -> DistArray:
    """Elements of x where the condition holds, else of y, as ``numpy.where``.

    COLLECTIVE where maps differ. The map is that of the first DistArray operand of the result's
    shape.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.arange(4, map=pm.Map([1]))
    >>> pm.where(A > 1, A, -1).local
    array([-1, -1,  2,  3])
    """
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    if not any(isinstance(v, DistArray) for v in (condition, x, y)):
        return np.where(condition, x, y)
    return elementwise(np.where, (condition, x, y), "where")


@implements(np.clip)
def clip(a: DistArray, a_min: object = None, a_max: object = None, **kw: object) -> DistArray:
    """Limit the elements to a range, as ``numpy.clip``."""
    low, high = kw.pop("min", a_min), kw.pop("max", a_max)
    if kw:
        raise UnsupportedError(f"np.clip of a DistArray: {', '.join(kw)} is not there")
    a = a if low is None else np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


@implements(np.copy)
def copy(a: DistArray, order: str = "C", subok: bool = False) -> DistArray:
    """A copy under the same map."""
    return a.copy()


@implements(np.round, np.around)
def round_(a: DistArray, decimals: int = 0) -> DistArray:
    """Elements rounded to decimals."""
    return elementwise(lambda block: np.round(block, decimals), (a,), "round")


@implements(np.isclose)
def isclose(
    a: object, b: object, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> DistArray:
    """Elementwise closeness."""
    return elementwise(lambda x, y: np.isclose(x, y, rtol, atol, equal_nan), (a, b), "isclose")


@implements(np.allclose)
def allclose(
    a: object, b: object, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close. COLLECTIVE."""
    return bool(isclose(a, b, rtol, atol, equal_nan).all())


@implements(np.array_equal)
def array_equal(a1: object, a2: object, equal_nan: bool = False) -> bool:
    """Whether shapes and elements are equal. COLLECTIVE."""
    if np.shape(a1) != np.shape(a2):
        return False
    if equal_nan:
        return bool(
            elementwise(lambda x, y: (x == y) | ((x != x) & (y != y)), (a1, a2), "==").all()
        )
    return bool(elementwise(np.equal, (a1, a2), "==").all())


FUNCTIONS[np.shape] = lambda a: a.shape
FUNCTIONS[np.ndim] = lambda a: a.ndim
FUNCTIONS[np.size] = lambda a, axis=None: a.size if axis is None else a.shape[axis]
FUNCTIONS[np.real] = lambda val: val.real
FUNCTIONS[np.imag] = lambda val: val.imag
FUNCTIONS[np.array_repr] = lambda arr, *args, **kw: repr(arr)
FUNCTIONS[np.array_str] = lambda a, *args, **kw: repr(a)


def _like_another(name: str, a: DistArray, fill: object, dtype: object, kw: dict) -> DistArray:
    """A new array of another's type; of its map, or under ``auto`` where a shape is given."""
    shape = kw.pop("shape", None)
    unknown = [k for k in kw if k not in ("order", "subok", "device")]
    if unknown:
        raise UnsupportedError(f"np.{name} of a DistArray: {', '.join(unknown)}= is not there")
    made = (creation.empty,) if fill is None else (creation.full, fill)
    shape = a.shape if shape is None else creation.as_shape(shape)
    held = a.map if shape == a.shape else auto_over(a.map.procs, shape)
    return made[0](shape, *made[1:], a.dtype if dtype is None else dtype, map=held)


@implements(np.zeros_like)
def _zeros_like(a: DistArray, dtype: object = None, **kw: object) -> DistArray:
    return _like_another("zeros_like", a, 0, dtype, kw)


@implements(np.ones_like)
def _ones_like(a: DistArray, dtype: object = None, **kw: object) -> DistArray:
    return _like_another("ones_like", a, 1, dtype, kw)


@implements(np.empty_like)
def _empty_like(a: DistArray, dtype: object = None, **kw: object) -> DistArray:
    return _like_another("empty_like", a, None, dtype, kw)


@implements(np.full_like)
def _full_like(a: DistArray, fill_value: object, dtype: object = None, **kw: object) -> DistArray:
    return _like_another("full_like", a, fill_value, dtype, kw)

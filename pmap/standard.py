"""Functions of the Array API standard that are a line each: types, broadcasting, real and imag.

Elementwise functions of the standard that are ufuncs are NumPy's own, since they dispatch by
themselves; the face hands them out. Here are those that are no ufuncs, or want another signature.
"""

from collections.abc import Sequence

import numpy as np

from .allocation import as_shape, check_device
from .arrays.distarray import DistArray
from .arrays.distarray import broadcast_to as _broadcast
from .registry import implements


def _type_of(x: object) -> object:
    """What NumPy's dtype functions take for an array or a dtype."""
    return x.dtype if isinstance(x, DistArray | np.ndarray | np.generic) else x


@implements(np.astype)
def astype(
    x: DistArray | np.ndarray,
    dtype: object,
    /,
    *,
    copy: bool = True,
    device: str | None = None,
) -> DistArray | np.ndarray:
    """The array in another type, same map. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.astype(pm.ones(2, map=pm.Map([1])), pm.uint8).local
    array([1, 1], dtype=uint8)
    """
    check_device(device)
    return x.astype(dtype, copy=copy)


@implements(np.can_cast)
def can_cast(from_: object, to: object, casting: str = "safe") -> bool:
    """Whether values of a type, or of an array's type, can become another type. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.can_cast(pm.ones(2, map=pm.Map([1])), pm.float32)
    False
    """
    return np.can_cast(_type_of(from_), to, casting)


def finfo(type: object, /) -> np.finfo:  # noqa: A002  the standard's name
    """Limits of a floating-point type, or of an array's type. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.finfo(pm.float32).bits
    32
    """
    return np.finfo(_type_of(type))


def iinfo(type: object, /) -> np.iinfo:  # noqa: A002  the standard's name
    """Limits of an integer type, or of an array's type. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.iinfo(pm.uint8).max
    255
    """
    return np.iinfo(_type_of(type))


@implements(np.result_type)
def result_type(*arrays_and_dtypes: object) -> np.dtype:
    """The type that arithmetic between arrays, types and Python numbers gives. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.result_type(pm.ones(2, "float32", map=pm.Map([1])), 1.5)
    dtype('float32')
    """
    return np.result_type(*map(_type_of, arrays_and_dtypes))


def broadcast_shapes(*shapes: Sequence[int | None]) -> tuple[int | None, ...]:
    """The shape that arrays of these shapes have together; None is a length unknown. LOCAL.

    Raises
    ------
    ValueError
        They do not broadcast.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.broadcast_shapes((3, 1), (4,))
    (3, 4)
    """
    known = [tuple(1 if n is None else n for n in np.atleast_1d(s)) for s in shapes]
    found = list(np.broadcast_shapes(*known))
    for shape in shapes:
        for a, n in enumerate(reversed(np.atleast_1d(shape)), 1):
            if n is None and found[-a] == 1:
                found[-a] = None
    return tuple(found)


@implements(np.broadcast_to)
def broadcast_to(
    array: DistArray | np.ndarray, shape: int | Sequence[int], subok: bool = False
) -> DistArray | np.ndarray:
    """The array with axes of length 1 repeated: a read-only view.

    LOCAL where those axes are not cut, else COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.broadcast_to(pm.arange(2, map=pm.Map([1])), (2, 2)).local
    array([[0, 1],
           [0, 1]])
    """
    if isinstance(array, DistArray):
        return _broadcast(array, as_shape(shape))
    return np.broadcast_to(array, shape, subok)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: DistArray | np.ndarray, subok: bool = False) -> tuple:
    """All arrays with the shape that they have together: read-only views.

    LOCAL where no axis of length 1 that is repeated is cut, else COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.arange(2, map=pm.Map([1]))
    >>> [x.shape for x in pm.broadcast_arrays(A, A[:, None])]
    [(2, 2), (2, 2)]
    """
    shape = np.broadcast_shapes(*(np.shape(x) for x in args))
    return tuple(broadcast_to(x, shape, subok) for x in args)


def clip(
    x: object,
    /,
    min: object = None,  # noqa: A002  the standard's name
    max: object = None,  # noqa: A002
    **kw: object,
) -> DistArray | np.ndarray:
    """Elements limited to a range, as ``numpy.clip``. COLLECTIVE where maps differ.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.clip(pm.arange(4, map=pm.Map([1])), 1, 2).local
    array([1, 1, 2, 2])
    """
    return np.clip(x, min, max, **kw)


def round(  # noqa: A001  the standard's name
    x: object, /, decimals: int = 0, out: object = None
) -> DistArray | np.ndarray:
    """Elements rounded to decimals, halves to even. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.round(pm.asarray([0.5, 1.5], map=pm.Map([1]))).local
    array([0., 2.])
    """
    return np.round(x, decimals) if out is None else np.round(x, decimals, out=out)


def real(x: object, /) -> DistArray | np.ndarray:
    """Real part: a view. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.real(pm.asarray([1 + 2j], map=pm.Map([1]))).local
    array([1.])
    """
    return np.real(x)


def imag(x: object, /) -> DistArray | np.ndarray:
    """Imaginary part: a view. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.imag(pm.asarray([1 + 2j], map=pm.Map([1]))).local
    array([2.])
    """
    return np.imag(x)

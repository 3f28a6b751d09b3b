"""NumPy's functions of single elements that are no ufuncs."""

from collections.abc import Callable

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.ufuncs import elementwise
from ..doors import stands_for
from ..errors import ShapeError, UnsupportedError

Array = DistArray | np.ndarray


def _of_elements(function: Callable, says: str) -> Callable:
    """A function of one array, block by block."""

    def call(x: Array) -> DistArray:
        return elementwise(function, (x,), function.__name__)

    call.__name__ = call.__qualname__ = function.__name__
    call.__doc__ = f"{says}, as ``numpy.{function.__name__}``. LOCAL."
    return stands_for(function)(call)


i0 = _of_elements(np.i0, "Modified Bessel function of the first kind, order 0")
sinc = _of_elements(np.sinc, "sin(pi x) / (pi x)")
iscomplex = _of_elements(np.iscomplex, "Whether an element has an imaginary part")
isreal = _of_elements(np.isreal, "Whether an element has no imaginary part")


def _with_out(function: Callable, says: str) -> Callable:
    """A function of one array that can write to another."""

    def call(x: Array, out: DistArray | None = None) -> DistArray:
        found = elementwise(function, (x,), function.__name__)
        if out is None:
            return found
        if not isinstance(out, DistArray):
            raise UnsupportedError(f"np.{function.__name__}: out= must be a DistArray")
        out[...] = found
        return out

    call.__name__ = call.__qualname__ = function.__name__
    call.__doc__ = f"{says}, as ``numpy.{function.__name__}``. LOCAL, but for out= of another map."
    return stands_for(function)(call)


fix = _with_out(np.fix, "Elements rounded towards 0")
isposinf = _with_out(np.isposinf, "Whether an element is positive infinity")
isneginf = _with_out(np.isneginf, "Whether an element is negative infinity")


@stands_for(np.angle)
def angle(z: DistArray, deg: bool = False) -> DistArray:
    """Angle of complex elements, radians or degrees, as ``numpy.angle``. LOCAL."""
    return elementwise(lambda block: np.angle(block, deg), (z,), "angle")


@stands_for(np.nan_to_num)
def nan_to_num(
    x: DistArray,
    copy: bool = True,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> DistArray:
    """NaN and infinities replaced by numbers, as ``numpy.nan_to_num``. LOCAL.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> pm.nan_to_num(pm.asarray([1.0, np.nan], map=pm.Map([1]))).local
    array([1., 0.])
    """
    found = elementwise(
        lambda block: np.nan_to_num(block, True, nan, posinf, neginf), (x,), "nan_to_num"
    )
    if copy:
        return found
    x[...] = found
    return x


@stands_for(np.real_if_close)
def real_if_close(a: DistArray, tol: float = 100) -> DistArray:
    """The real part where all imaginary parts are near 0, else the array. COLLECTIVE."""
    if a.dtype.kind != "c":
        return a
    limit = tol if tol <= 1 else np.finfo(a.dtype).eps * tol
    return a.real if bool((np.absolute(a.imag) < limit).all()) else a


@stands_for(np.iscomplexobj)
def iscomplexobj(x: DistArray) -> bool:
    """Whether the dtype is complex. LOCAL."""
    return x.dtype.kind == "c"


@stands_for(np.isrealobj)
def isrealobj(x: DistArray) -> bool:
    """Whether the dtype is not complex. LOCAL."""
    return x.dtype.kind != "c"


@stands_for(np.array_equiv)
def array_equiv(a1: object, a2: object) -> bool:
    """Whether the arrays are equal after broadcasting. COLLECTIVE."""
    try:
        np.broadcast_shapes(np.shape(a1), np.shape(a2))
    except ValueError:
        return False
    return bool(elementwise(np.equal, (a1, a2), "==").all())


@stands_for(np.polyval)
def polyval(p: object, x: Array) -> DistArray:
    """A polynomial at the elements of x, highest power first, as ``numpy.polyval``. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.polyval([1, 0, 2], pm.arange(3, map=pm.Map([1]))).local
    array([2, 3, 6])
    """
    p = np.asarray(p)
    if not isinstance(x, DistArray):
        return np.polyval(p, x)
    return elementwise(lambda block: np.polyval(p, block), (x,), "polyval")


@stands_for(np.interp)
def interp(
    x: Array,
    xp: Array,
    fp: Array,
    left: float | None = None,
    right: float | None = None,
    period: float | None = None,
) -> Array:
    """Piecewise linear interpolation at the elements of x, as ``numpy.interp``.

    Parameters
    ----------
    x : DistArray or ndarray
    xp, fp : DistArray or ndarray, shape (n,)
        The points; DistArrays are brought to every rank (up to ``pm.options.gather_limit``).

    Returns
    -------
    DistArray or ndarray
        Of x's kind and map. LOCAL where the points are ndarrays, else COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.interp(pm.arange(3, map=pm.Map([1])), [0, 2], [0, 10]).local
    array([ 0.,  5., 10.])
    """
    xp, fp = np.asarray(xp), np.asarray(fp)
    if xp.ndim != 1 or fp.shape != xp.shape:
        raise ShapeError(f"fp and xp are not of the same length: {fp.shape} and {xp.shape}")
    if not isinstance(x, DistArray):
        return np.interp(x, xp, fp, left, right, period)
    return elementwise(lambda b: np.interp(b, xp, fp, left, right, period), (x,), "interp")


@stands_for(np.cross)
def cross(
    a: Array,
    b: Array,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> DistArray:
    """Cross product of vectors of three components, as ``numpy.cross``.

    COLLECTIVE where maps differ, or cut the components' axis.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = (x if isinstance(x, DistArray) else np.asarray(x) for x in (a, b))
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ShapeError(
            "incompatible dimensions for cross product (dimension must be 3): shapes "
            f"{a.shape} and {b.shape}"
        )
    u, v = ([x[..., k] for k in range(3)] for x in (a, b))
    pairs = ((1, 2), (2, 0), (0, 1))
    return np.stack([u[i] * v[j] - u[j] * v[i] for i, j in pairs], axis=axisc)

"""NumPy's protocols: ufuncs, operators and ``np.f(A)`` on arrays that are blocks under a map."""

import operator
from collections.abc import Callable

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from .alignment import aligned, share_layout
from .arraymethods import ArrayMethods
from .elementwise import forwards
from .errors import UnsupportedError
from .registry import find, numpy_name

REDUCTIONS = ("add", "multiply", "minimum", "maximum", "logical_and", "logical_or")


class NumpyProtocols(NDArrayOperatorsMixin):
    """Operators and NumPy's two dispatch protocols."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kw: object):
        """NumPy's ufuncs on blocks; COLLECTIVE where operands have different maps."""
        if method == "reduce":
            return _reduce(ufunc, *inputs, **kw)
        if method == "__call__" and ufunc.signature is not None and (meaning := find(ufunc)):
            return meaning(*inputs, **kw)
        if method != "__call__" or ufunc.signature is not None:
            name = ufunc.__name__ + ("" if method == "__call__" else "." + method)
            raise UnsupportedError(f"np.{name} is not there for a DistArray; use it on agg_all(A)")
        out = kw.pop("out", (None,))
        if kw.pop("where", True) is not True:
            raise UnsupportedError(f"np.{ufunc.__name__}: where= is not there; use np.where")
        if not all(x is None or isinstance(x, ArrayMethods) for x in out):
            raise UnsupportedError(
                f"np.{ufunc.__name__}: out= must be a DistArray where an operand is one; write "
                "x = x + A, or x[...] = np.asarray(A)"
            )
        casting = kw.get("casting", "same_kind")
        call = ufunc if not kw else lambda *blocks: ufunc(*blocks, **kw)
        result = elementwise(call, inputs, ufunc.__name__)
        if all(x is None for x in out):
            return result
        if not isinstance(result, tuple):
            return _put_out(ufunc, out[0], result, casting)
        return tuple(_put_out(ufunc, *pair, casting) for pair in zip(out, result, strict=True))

    def __array_function__(self, func: Callable, types: tuple, args: tuple, kwargs: dict):
        """NumPy's functions on DistArrays; one that pmap lacks raises, it never gathers (C6)."""
        meaning = find(func)
        if meaning is None:
            raise UnsupportedError(
                f"np.{numpy_name(func)} is not there for a DistArray; apply it to agg_all(A), "
                "which brings the whole array to every rank, or to A.local, this rank's part"
            )
        return meaning(*args, **kwargs)

    # NumPy's operator ** is not np.power: it has its own ways for 2, 0.5 and their like.

    def __pow__(self, other: object) -> object:
        """``A ** other``."""
        return elementwise(operator.pow, (self, other), "power")

    def __ipow__(self, other: object) -> object:
        """``A **= other``."""
        return _put_out(np.power, self, self**other, "same_kind")


def _put_out(ufunc: np.ufunc, target: object, values: object, casting: str) -> object:
    """Write a result to ``out=`` as far as NumPy's casting rule lets it."""
    if target is None:
        return values
    if not np.can_cast(values.dtype, target.dtype, casting):
        raise UnsupportedError(
            f"Cannot cast ufunc {ufunc.__name__!r} output from {values.dtype} to {target.dtype} "
            f"with casting rule {casting!r}; write A = A + B for a new array, or A[...] = B to cast"
        )
    target[...] = values
    return target


def _reduce(ufunc: np.ufunc, x: ArrayMethods, *args: object, **kw: object) -> object:
    """``np.add.reduce`` and its like."""
    names = ("axis", "dtype", "out", "keepdims", "initial", "where")
    given = {**dict(zip(names, args, strict=False)), **kw}
    axis = given.pop("axis", 0)
    extra = {
        k: v
        for k, v in given.items()
        if k not in ("dtype", "keepdims") and v is not None and v is not np._NoValue
    }
    if ufunc.__name__ not in REDUCTIONS or extra:
        raise UnsupportedError(
            f"np.{ufunc.__name__}.reduce({', '.join(sorted(extra))}) is not there; of the "
            f"reductions there are {', '.join(REDUCTIONS)} with axis, dtype and keepdims"
        )
    return x.reduced(ufunc.__name__, axis, given.get("dtype"), bool(given.get("keepdims")))


def elementwise(function: Callable, inputs: tuple, what: str) -> object:
    """Apply an elementwise function to blocks of operands brought under one map.

    Parameters
    ----------
    function : callable
        Takes the operands' blocks, gives the result's block or a tuple of them.
    inputs : tuple
        DistArrays, ndarrays (equal on all ranks) and scalars.
    what : str
        The function's name.

    Returns
    -------
    DistArray or tuple of DistArray
        Under the map that docs/reference/maps.md gives. COLLECTIVE where maps differ.

    Notes
    -----
    NumPy rounds some functions otherwise where it steps backwards through memory. Which blocks
    do depends on the map, so such blocks are copied first: the bits are the same at any map (C2).
    """
    first = next(x for x in inputs if isinstance(x, ArrayMethods))
    if share_layout(inputs, first):
        shape, target = first.shape, first.map.without_overlap()
        blocks = [x.block if isinstance(x, ArrayMethods) else x for x in inputs]
    else:
        shape, target, blocks = aligned(inputs, what)
    result = function(*map(forwards, blocks))
    if isinstance(result, tuple):
        return tuple(type(first)(np.asarray(r), shape, target, first.world) for r in result)
    return type(first)(np.asarray(result), shape, target, first.world)

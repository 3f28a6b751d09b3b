"""NumPy's protocols: ufuncs, operators and ``np.f(A)`` on arrays that are blocks under a map."""

import operator
from collections.abc import Callable

import numpy as np

from ..errors import UnsupportedError
from ..ranks import pool
from ..registry import find, numpy_name
from .alignment import aligned, share_layout
from .arraymethods import ArrayMethods
from .elementwise import forwards
from .operators import QUICK, Operators, quick_result
from .reducing import accumulate_with, reduce_with

FOLDS = {"reduce": reduce_with, "accumulate": accumulate_with}


class NumpyProtocols(Operators):
    """Operators and NumPy's two dispatch protocols."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kw: object):
        """NumPy's ufuncs on blocks; COLLECTIVE where operands have different maps."""
        if method == "__call__":
            if not kw and ufunc in QUICK and inputs[0] is self:
                found = quick_result(ufunc, *inputs)
                if found is not None:
                    return found
            if ufunc.signature is None:
                return _call(ufunc, inputs, kw)
            if meaning := find(ufunc):
                return meaning(*inputs, **kw)
        elif method in FOLDS and isinstance(inputs[0], ArrayMethods):
            return FOLDS[method](ufunc, *inputs, **kw)
        elif method == "outer":
            return _outer(ufunc, *inputs, **kw)
        elif method == "at" and isinstance(inputs[0], ArrayMethods):
            if ufunc is np.power:
                _check_powers(inputs[0], *inputs[2:])
            return inputs[0].apply_at(ufunc, *inputs[1:])
        name = ufunc.__name__ + ("" if method == "__call__" else "." + method)
        raise UnsupportedError(f"np.{name} is not there for a DistArray; use it on agg_all(A)")

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
        """``A ** other``. COLLECTIVE where maps differ, or for whole numbers to whole powers."""
        _check_powers(self, other)
        return elementwise(operator.pow, (self, other), "power")

    def __ipow__(self, other: object) -> object:
        """``A **= other``."""
        return _call(np.power, (self, other), {"out": (self,)})


def _call(ufunc: np.ufunc, inputs: tuple, kw: dict) -> object:
    """A ufunc on whole arrays: ``out=`` and ``where=`` are operands under the result's map."""
    out, where = kw.pop("out", ()), kw.pop("where", True)
    if ufunc is np.power:
        _check_powers(*inputs)
    if where is True and all(x is None for x in out):
        call = ufunc if not kw else lambda *blocks: ufunc(*blocks, **kw)
        return elementwise(call, inputs, ufunc.__name__)
    if where is not True:
        where = where if isinstance(where, ArrayMethods) else np.asarray(where)
        if where.dtype != bool:
            raise UnsupportedError(f"np.{ufunc.__name__}: where= is {where.dtype}, it must be bool")
    return _into(ufunc, inputs, tuple(out) or (None,) * ufunc.nout, where, kw)


def _into(ufunc: np.ufunc, inputs: tuple, out: tuple, where: object, kw: dict) -> object:
    """A ufunc whose results, or some of them, are written into arrays that are there."""
    if not all(x is None or isinstance(x, ArrayMethods) for x in out):
        raise UnsupportedError(
            f"np.{ufunc.__name__}: out= must be a DistArray where an operand is one; write "
            "x = x + A, or x[...] = np.asarray(A)"
        )
    given = [x for x in out if x is not None]
    masks = () if where is True else (where,)
    shape, target, blocks = aligned((*inputs, *masks), ufunc.__name__, given)
    here = [None if x is None else x.block_under(target, ufunc.__name__) for x in out]
    mask = blocks.pop() if masks else True
    try:
        made = ufunc(*map(forwards, blocks), out=tuple(here), where=mask, **kw)
    except np._core._exceptions.UFuncTypeError as error:
        raise UnsupportedError(f"{error}; write A = A + B for a new array, or A[...] = B") from None
    made = made if isinstance(made, tuple) else (made,)
    first = next(x for x in (*given, *inputs, *masks) if isinstance(x, ArrayMethods))
    results = tuple(
        _stored(x, block, shape, target, first) for x, block in zip(out, made, strict=True)
    )
    return results if len(results) > 1 else results[0]


def _stored(
    x: ArrayMethods | None, block: np.ndarray, shape: tuple, target: object, first: ArrayMethods
) -> ArrayMethods:
    """The array that holds a result: ``x``, where one was given."""
    if x is None:
        return type(first)(np.asarray(block), shape, target, first.world)
    if x.map.without_overlap() == target:
        x.put_block(block)
    else:
        x[...] = type(first)(block, shape, target, first.world)
    return x


def _outer(ufunc: np.ufunc, a: object, b: object, **kw: object) -> object:
    """Each element of one array with each of the other."""
    a, b = (x if isinstance(x, ArrayMethods) else np.asarray(x) for x in (a, b))
    return ufunc(a[(..., *(None,) * b.ndim)], b, **kw)


def _check_powers(base: object, power: object) -> None:
    """Raise on all ranks where whole numbers would get negative powers. COLLECTIVE for arrays."""
    base, power = (x if hasattr(x, "dtype") else np.asarray(x) for x in (base, power))
    kinds = [x.dtype.kind for x in (base, power)]
    if kinds[0] not in "iub" or kinds[1] != "i":
        return
    if bool(np.any(power < 0)):
        raise ValueError("Integers to negative integer powers are not allowed.")


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
    result = pool.applied(function, [forwards(b) for b in blocks])
    if isinstance(result, tuple):
        return tuple(type(first)(np.asarray(r), shape, target, first.world) for r in result)
    return type(first)(np.asarray(result), shape, target, first.world)

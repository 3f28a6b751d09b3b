"""Fused expressions: ``b + s * c`` in one walk through memory instead of one per operation.

The expression is run on symbols once, which writes down its operations; these are then done on
pieces that stay in the processor's cache. Only operations that IEEE 754 rounds correctly are
taken, one by one and without fused multiply-add, so that each bit is as NumPy's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from math import prod

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from .arrays.alignment import aligned
from .arrays.distarray import DistArray
from .errors import UnsupportedError
from .ranks import pool

PIECE = 1 << 15
"""Elements of a piece: a few of them fit the cache of a core."""
_EXACT = (
    "add subtract multiply true_divide negative positive absolute fabs sqrt square minimum maximum "
    "less less_equal greater greater_equal equal not_equal logical_and logical_or logical_xor "
    "logical_not bitwise_and bitwise_or bitwise_xor invert isnan isinf isfinite signbit copysign"
).split()
EXACT = frozenset(getattr(np, name) for name in _EXACT)


@dataclass
class Steps:
    """The operations of an expression, in order."""

    steps: list[tuple[Callable, tuple]] = field(default_factory=list)

    def symbol(self, function: Callable, operands: tuple) -> "Symbol":
        """One more operation; a symbol for what it gives."""
        self.steps.append((function, operands))
        return Symbol(self, len(self.steps) - 1)


class Symbol(NDArrayOperatorsMixin):
    """Stands for an array while an expression is written down."""

    def __init__(self, steps: Steps, number: int) -> None:
        self.steps, self.number = steps, number

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kw: object):
        """Write a ufunc down."""
        if method != "__call__" or ufunc not in EXACT or kw:
            name = ufunc.__name__ + ("" if method == "__call__" else "." + method)
            raise _not_there(f"np.{name}{'(' + ', '.join(kw) + '=)' if kw else ''}")
        return self.steps.symbol(ufunc, inputs)

    def __array_function__(self, func: Callable, types: tuple, args: tuple, kwargs: dict):
        """Write ``np.where(condition, x, y)`` down."""
        if func is not np.where or len(args) != 3 or kwargs:
            raise _not_there(f"np.{func.__name__}")
        return self.steps.symbol(_select, args)

    def __pow__(self, power: object) -> "Symbol":
        """Squares."""
        if isinstance(power, int | float) and power == 2:
            return np.square(self)
        raise _not_there(f"** {power}")

    def __bool__(self) -> bool:
        """No value to decide by."""
        raise _not_there("a decision (if, and, or) about elements")

    def __getattr__(self, name: str) -> object:
        """No other method of arrays."""
        if name.startswith("__"):  # NumPy asks what a thing can do
            raise AttributeError(name)
        raise _not_there(f".{name}")


def _not_there(what: str) -> UnsupportedError:
    return UnsupportedError(
        f"{what} cannot be fused; fused expressions are made of {', '.join(_EXACT)}, their "
        "operators, ** 2 and np.where(condition, x, y). Call the function without pm.fuse"
    )


def _select(condition: object, x: object, y: object, out: np.ndarray) -> np.ndarray:
    """``np.where`` into an array that is there."""
    np.copyto(out, y)
    np.copyto(out, x, where=np.asarray(condition, bool))
    return out


def fuse(function: Callable) -> Callable:
    """Make an elementwise function walk through memory once. COLLECTIVE where maps differ.

    Parameters
    ----------
    function : callable
        Takes arrays and numbers; made of + - * /, comparisons, & | ^ ~, ``** 2``, np.sqrt,
        np.abs, np.minimum, np.maximum, np.where(condition, x, y) and their like; gives one array.

    Returns
    -------
    callable
        The same function for DistArrays (and ndarrays equal on all ranks, numbers): the same bits
        as without, under the map of the first DistArray of the result's shape. Complex numbers
        and plain arrays alone are handed to the function itself.

    Raises
    ------
    UnsupportedError
        At a call: the function does something else with an array.

    Examples
    --------
    >>> import pmap as pm
    >>> @pm.fuse
    ... def triad(b, c, s):
    ...     return b + s * c
    >>> A = pm.arange(4.0, map=pm.Map([1]))
    >>> triad(A, A, 10).local
    array([ 0., 11., 22., 33.])
    """

    @wraps(function)
    def call(*arguments: object) -> object:
        arrays = [x for x in arguments if isinstance(x, DistArray)]
        if not arrays or any(np.result_type(getattr(x, "dtype", 0)).kind == "c" for x in arguments):
            return function(*arguments)
        steps = Steps()
        symbols = [steps.symbol(_given, ()) for _ in arguments]
        found = function(*symbols)
        if not isinstance(found, Symbol):
            raise UnsupportedError(f"{function.__name__} gave {type(found).__name__}, not an array")
        shape, target, blocks = aligned(arguments, function.__name__)
        local = run(steps, found.number, blocks, target.local_shape(shape, arrays[0].world.rank))
        return DistArray(local, shape, target, arrays[0].world)

    return call


def _given() -> None:
    """Stands for an argument in the list of steps."""


def run(steps: Steps, wanted: int, blocks: list, shape: tuple[int, ...]) -> np.ndarray:
    """This rank's block of an expression, piece by piece. LOCAL.

    Parameters
    ----------
    steps : Steps
        The first ``len(blocks)`` stand for the blocks.
    wanted : int
        The step whose value is asked for.
    blocks : list of ndarray or number
        Broadcastable to ``shape``.
    """
    types = _types(steps, blocks)
    out = pool.empty(shape, types[wanted])
    wide = [np.broadcast_to(b, shape) if np.ndim(b) else b for b in blocks]
    if all(b.flags.c_contiguous for b in (out, *wide) if isinstance(b, np.ndarray)):
        wide = [b.reshape(-1) if isinstance(b, np.ndarray) else b for b in wide]
        flat = out.reshape(-1)
    else:
        flat = out
    room = [np.empty(PIECE, t) for t in types]
    for at in pieces(flat.shape):
        _one_piece(steps, wanted, [b[at] if np.ndim(b) else b for b in wide], flat[at], room)
    return out


def _one_piece(steps: Steps, wanted: int, values: list, out: np.ndarray, room: list) -> None:
    """All steps for one piece."""
    for number, (function, operands) in enumerate(steps.steps[: wanted + 1]):
        if function is _given:
            continue
        last = number == wanted
        into = out if last else room[number][: out.size].reshape(out.shape)
        given = [values[x.number] if isinstance(x, Symbol) else x for x in operands]
        values.append(function(*given, out=into))
    if steps.steps[wanted][0] is _given:
        out[...] = values[wanted]


def _types(steps: Steps, blocks: list) -> list[np.dtype]:
    """The type that each step gives: the steps done on no elements."""
    values = [np.empty(0, b.dtype) if isinstance(b, np.ndarray) else b for b in blocks]
    for function, operands in steps.steps[len(blocks) :]:
        given = [values[x.number] if isinstance(x, Symbol) else x for x in operands]
        values.append(np.where(*given) if function is _select else function(*given))
    return [np.asarray(v).dtype for v in values]


def pieces(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Indices that cut an array of a shape into pieces of at most PIECE elements."""
    if not shape or prod(shape) <= PIECE:
        yield (Ellipsis,)
        return
    inner = prod(shape[1:])
    if inner > PIECE:
        for i in range(shape[0]):
            for rest in pieces(shape[1:]):
                yield (slice(i, i + 1), *rest)
        return
    step = PIECE // inner
    for start in range(0, shape[0], step):
        yield (slice(start, start + step), Ellipsis)

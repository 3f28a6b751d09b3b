"""Operators of arrays: the quick way for operands of one map, NumPy's protocols for the rest.

Of a small array the way to an operation costs more than the operation. Two blocks under one map
need no more than NumPy's own function on them, so that is what is tried first.
"""

from collections.abc import Callable

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

QUICK_SIZE = 1 << 14
"""Elements of a block up to which the way costs more than memory that could be used again."""
_REAL_KINDS = 14
"""Type numbers below are those of booleans, integers and real floats but half."""
_NUMBERS = frozenset([int, float, bool, np.float64, np.float32, np.int64, np.bool_])
_new = object.__new__


def quick_result(ufunc: np.ufunc, x: object, other: object) -> object:
    """The result where both blocks lie alike, else None. LOCAL."""
    here = x._local
    if x._parent is not None or here.size > QUICK_SIZE or here.dtype.num >= _REAL_KINDS:
        return None
    kind = type(other)
    if kind is type(x):
        if other._shape != x._shape or other._parent is not None:
            return None
        if other._map is not x._map and other._map != x._map:
            return None
        there = other._local
        if there.dtype.num >= _REAL_KINDS:
            return None
    elif kind in _NUMBERS:
        there = other
    else:
        return None
    if not x._map._plain:  # results keep no halo
        return None
    return made_like(x, ufunc(here, there))


def made_like(x: object, local: np.ndarray) -> object:
    """An array of the same shape and map around another block, without any check. LOCAL."""
    made = _new(type(x))
    made._local = made._buffer = local
    made._shape, made._map, made._world = x._shape, x._map, x._world
    made._parent = None
    return made


class Operators(NDArrayOperatorsMixin):
    """NumPy's operators; those whose results do not depend on how memory lies have a quick way."""

    __slots__ = ()


def _binary(ufunc: np.ufunc, name: str) -> Callable:
    general = getattr(NDArrayOperatorsMixin, name)

    def operate(self: object, other: object) -> object:
        found = quick_result(ufunc, self, other)
        return general(self, other) if found is None else found

    operate.__name__ = name
    operate.__qualname__ = f"DistArray.{name}"
    operate.__doc__ = f"``np.{ufunc.__name__}``. COLLECTIVE where maps differ."
    return operate


_BINARY = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}
QUICK = frozenset([*_BINARY.values(), np.maximum, np.minimum])
"""Functions of two operands whose values are exact, however the operands lie in memory."""

for _name, _ufunc in _BINARY.items():
    setattr(Operators, f"__{_name}__", _binary(_ufunc, f"__{_name}__"))

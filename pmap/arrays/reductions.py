"""Reductions of blocks over ranks: exact ones by parts, float sums in canonical order.

Each function takes this rank's block with its global shape, map and world, and gives the block of
the result and its map: the reduced axis goes and its grid axis replicates. Reductions to a scalar
give every rank of the world the same NumPy scalar.
"""

from collections.abc import Sequence
from functools import lru_cache
from operator import index as as_int

import numpy as np

from ..errors import ShapeError, UnsupportedError
from ..ranks.moving import everywhere
from ..settings import options
from .canonical import canonical_reduce
from .smallarrays import is_small, whole_of
from .stacks import Blocks, combined, gather_parts, grid_axes

ROUNDED = {np.add, np.multiply, np.hypot, np.logaddexp, np.logaddexp2}
"""Associative but for the rounding of floats, which makes their order matter."""
EXACT = {np.minimum, np.maximum, np.fmin, np.fmax, np.gcd, np.lcm}
EXACT |= {np.logical_and, np.logical_or, np.logical_xor}
EXACT |= {np.bitwise_and, np.bitwise_or, np.bitwise_xor}
INSTEAD = {
    "subtract": "A[0] - A[1:].sum(0)",
    "divide": "A[0] / A[1:].prod(0)",
}


def normalise_axes(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """The reduced axes in order, counted from the front.

    Raises
    ------
    numpy.exceptions.AxisError
        An axis is out of range.
    ValueError
        An axis is named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    axes = sorted(axis_from_front(a, ndim) for a in axes)
    if len(set(axes)) != len(axes):
        raise ValueError(f"duplicate value in axis {axis}")
    return tuple(axes)


def axis_from_front(axis: int, ndim: int) -> int:
    """One axis counted from the front; AxisError where there is none."""
    axis = as_int(axis)
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return axis % ndim


def check_associative(ufunc: np.ufunc, method: str = "reduce") -> None:
    """Refuse a ufunc whose result depends on who starts. Raises UnsupportedError (a TypeError)."""
    if ufunc in ROUNDED or ufunc in EXACT:
        return
    names = ", ".join(sorted(u.__name__ for u in ROUNDED | EXACT))
    instead = INSTEAD.get(ufunc.__name__) if method == "reduce" else None
    raise UnsupportedError(
        f"np.{ufunc.__name__}.{method} is not associative, so that parts of an array cannot be "
        f"put together; write {instead or 'it with others'}. Those that can be: {names}"
    )


@lru_cache(maxsize=512)
def result_dtype(ufunc: np.ufunc, of: np.dtype, dtype: np.dtype | None) -> np.dtype:
    """The dtype of a reduction, as NumPy has it; its TypeError where there is none."""
    return np.asarray(ufunc.reduce(np.zeros(2, of), dtype=dtype)).dtype


def reduce(ufunc: np.ufunc, x: Blocks, axes: tuple[int, ...], dtype: np.dtype | None) -> Blocks:
    """Reduce by an associative ufunc.

    Parameters
    ----------
    ufunc : ufunc
        One of :data:`ROUNDED` or :data:`EXACT`.
    x : Blocks
        What is reduced.
    axes : tuple of int
        Normalised axes.
    dtype : dtype or None
        Type of the result, as NumPy's reduction has it.

    Raises
    ------
    ShapeError
        A ufunc without identity over an axis of length 0. COLLECTIVE.
    """
    check_associative(ufunc)
    made = result_dtype(ufunc, x.local.dtype, dtype)
    if ufunc.identity is None and any(x.shape[a] == 0 for a in axes):
        raise ShapeError(
            f"zero-size array to reduction operation {ufunc.__name__} which has no identity: "
            f"axes {axes} of shape {x.shape}"
        )
    if is_small(x.shape) and len(axes) == len(x.shape):
        found = np.asarray(ufunc.reduce(whole_of(x), dtype=dtype))
        return Blocks(found, (), everywhere(0, x.world), x.world)
    if not axes:
        return x.with_local(np.asarray(ufunc.reduce(x.local, axis=(), dtype=dtype)))
    if ufunc in ROUNDED and made.kind in "fc" and options.float_sum == "canonical":
        return canonical_reduce(x, axes, made, ufunc)
    return _by_parts(ufunc, x, axes, dtype, made)


def _by_parts(
    ufunc: np.ufunc, x: Blocks, axes: tuple[int, ...], dtype: np.dtype | None, made: np.dtype
) -> Blocks:
    """Each rank's part reduced, then the parts."""
    parts = signed_zeros(ufunc, x.local, axes, _local_reduce(ufunc, x, axes, dtype, made))
    stacked = gather_parts(parts, x, axes, f"{ufunc.__name__}.reduce")
    count = len(grid_axes(x.map, axes))
    first = tuple(range(count))
    if stacked.local.size:
        kind = made if ufunc in (np.add, np.multiply) else None  # small ints stay small
        total = np.asarray(ufunc.reduce(stacked.local, axis=first, dtype=kind))
        total = signed_zeros(ufunc, stacked.local, first, total)
    else:  # a rank outside the map, or nothing kept
        total = np.empty(stacked.local.shape[count:], made)
    return combined(total, stacked, count, x, axes)


def _local_reduce(
    ufunc: np.ufunc, x: Blocks, axes: tuple[int, ...], dtype: np.dtype | None, made: np.dtype
) -> np.ndarray:
    """This rank's part of a reduction; the neutral value where its block is empty."""
    if ufunc.identity is None and any(x.local.shape[a] == 0 for a in axes):
        shape = [n for a, n in enumerate(x.local.shape) if a not in axes]
        return np.full(shape, neutral(ufunc, made), made)
    return np.asarray(ufunc.reduce(x.local, axis=axes, dtype=dtype))


def neutral(ufunc: np.ufunc, dtype: np.dtype) -> object:
    """A value that changes no minimum (maximum, least common multiple)."""
    if ufunc is np.lcm:
        return 1
    if ufunc in (np.fmin, np.fmax) and dtype.kind in "fc":
        return np.nan
    high = ufunc in (np.minimum, np.fmin)
    if dtype.kind == "b":
        return high
    if dtype.kind in "iu":
        return np.iinfo(dtype).max if high else np.iinfo(dtype).min
    if dtype.kind in "mM":
        return np.iinfo(np.int64).max if high else np.iinfo(np.int64).min + 1
    return np.inf if high else -np.inf


def signed_zeros(
    ufunc: np.ufunc, values: np.ndarray, axes: tuple[int, ...], found: np.ndarray
) -> np.ndarray:
    """Minima of -0.0 and 0.0 are -0.0, maxima 0.0: NumPy's depend on the order (C2)."""
    if ufunc not in (np.minimum, np.maximum) or found.dtype.kind != "f" or not values.size:
        return found
    zero = found == 0
    if not zero.any():
        return found
    negative = np.signbit(values)
    if ufunc is np.minimum:
        sign = np.where(negative.any(axes), -0.0, 0.0)
    else:
        sign = np.where(negative.all(axes), -0.0, 0.0)
    return np.where(zero, sign.astype(found.dtype), found)

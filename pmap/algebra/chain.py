"""Products of several matrices, and powers of one."""

from collections.abc import Sequence
from functools import lru_cache
from operator import index

import numpy as np
from numpy.linalg import LinAlgError

from ..allocation import allocate
from ..arrays.distarray import DistArray
from ..registry import implements
from .operands import arrays as together
from .operands import distributed, put_out
from .products import matmul
from .solving import inv


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[object], *, out: object = None) -> object:
    """Product of two or more matrices in the cheapest order, as ``numpy.linalg.multi_dot``.

    COLLECTIVE. The first and the last may be 1-D.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.ones((2, 3), map=pm.Map([1, 1]))
    >>> pm.linalg.multi_dot([A, A.T, A]).local
    array([[6., 6., 6.],
           [6., 6., 6.]])
    """
    if not distributed(arrays):
        return np.linalg.multi_dot(arrays, out=out)
    if len(arrays) < 2:
        raise ValueError(f"multi_dot: Expecting at least two arrays, not {len(arrays)}")
    values = together(*arrays)
    row, column = values[0].ndim == 1, values[-1].ndim == 1
    values[0] = values[0][None, :] if row else values[0]
    values[-1] = values[-1][:, None] if column else values[-1]
    for place, x in enumerate(values):
        if x.ndim != 2:
            raise LinAlgError(f"multi_dot: array {place} has shape {x.shape}; it must be a matrix")
    lengths = (*(x.shape[0] for x in values), values[-1].shape[1])
    found = _product(values, lengths, 0, len(values))
    found = found[0 if row else slice(None), 0 if column else slice(None)]
    return put_out("np.linalg.multi_dot", out, found)


def _product(values: list[DistArray], lengths: tuple, start: int, stop: int) -> DistArray:
    if stop - start == 1:
        return values[start]
    _, middle = cheapest(lengths[start : stop + 1])
    left = _product(values, lengths, start, start + middle)
    return matmul(left, _product(values, lengths, start + middle, stop))


@lru_cache(maxsize=1024)
def cheapest(lengths: tuple[int, ...]) -> tuple[int, int]:
    """Multiplications of a chain of matrices, and after how many of them it is cut first (pure).

    Matrix i has shape (lengths[i], lengths[i + 1]). (Cormen and others, Introduction to
    Algorithms, §15.2.)

    Examples
    --------
    >>> cheapest((10, 100, 5, 50))
    (7500, 2)
    """
    count = len(lengths) - 1
    if count == 1:
        return 0, 0
    return min(
        (
            cheapest(lengths[: middle + 1])[0]
            + cheapest(lengths[middle:])[0]
            + lengths[0] * lengths[middle] * lengths[-1],
            middle,
        )
        for middle in range(1, count)
    )


@implements(np.linalg.matrix_power)
def matrix_power(a: object, n: int) -> object:
    """Square matrices to a whole power, as ``numpy.linalg.matrix_power``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.matrix_power(pm.asarray([[1, 1], [0, 1]], map=pm.Map([1, 1])), 5).local
    array([[1, 5],
           [0, 1]])
    """
    if not distributed(a):
        return np.linalg.matrix_power(a, n)
    n = index(n)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise LinAlgError(
            f"matrix_power: Last 2 dimensions of the array must be square, not {a.shape}"
        )
    if n == 0:
        return _identity(a)
    if n < 0:
        a, n = inv(a), -n
    found, power = None, a
    while n:
        n, odd = divmod(n, 2)
        if odd:
            found = power if found is None else matmul(found, power)
        power = matmul(power, power) if n else power
    return found.copy() if found is a else found


def _identity(a: DistArray) -> DistArray:
    """Identity matrices of a's shape under its map. LOCAL."""
    made = allocate(a.shape, a.dtype, a.map.without_overlap())
    owned = a.map.without_overlap().owned(a.shape, a.world.rank)
    if owned is not None:
        rows, columns = (o.indices() for o in owned[-2:])
        made.block[...] = rows[:, None] == columns
    return made

"""Linear systems: solve, inv, determinants, least squares, pseudo-inverses.

One matrix that is cut over ranks is factorised by block columns (:mod:`pmap.algebra.columns`);
stacks of matrices lie whole on their ranks, each of which gives its own to LAPACK.
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.linalg import LinAlgError

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..errors import ShapeError
from ..registry import implements
from .columns import Columns, back_substitute, eliminate
from .factors import adjoint, svd
from .matrices import inexact, matrix, on_blocks, replicated, result, shared
from .operands import arrays, distributed
from .products import matmul


class SlogdetResult(NamedTuple):
    """Sign and logarithm of :func:`slogdet`."""

    sign: object
    logabsdet: object


@implements(np.linalg.solve)
def solve(a: object, b: object) -> object:
    """Solution x of a x = b, as ``numpy.linalg.solve``. COLLECTIVE.

    Parameters
    ----------
    a : DistArray or ndarray, shape (..., n, n)
    b : DistArray or ndarray, shape (n,) or (..., n, k)

    Returns
    -------
    DistArray of b's shape
        Under b's map; under the rows of a where b is an ndarray.

    Raises
    ------
    LinAlgError
        Not square, or singular. COLLECTIVE.

    Notes
    -----
    A single matrix that is cut: LU with partial pivoting by block columns.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.asarray([[2.0, 0.0], [0.0, 4.0]], map=pm.Map([1, 1]))
    >>> pm.linalg.solve(A, [2.0, 2.0]).local
    array([1. , 0.5])
    """
    if not distributed(a, b):
        return np.linalg.solve(a, b)
    x, y = arrays(a, b)
    x = matrix(x, "solve", square=True)
    vector = y.ndim == 1
    if y.ndim == 0 or y.shape[-1 if vector else -2] != x.shape[-1]:
        raise ShapeError(f"solve: shapes {x.shape} and {y.shape} do not go together")
    dtype = np.result_type(x.dtype, inexact(y, "solve").dtype)
    x, y = x.astype(dtype, copy=False), y.astype(dtype, copy=False)
    y = y[:, None] if vector else y
    if isinstance(b, DistArray):
        target = y.map.without_overlap()
    else:
        target = y.map.with_axes([*y.map.axes[:-2], x.map.axes[-2], y.map.axes[-1]])
    if x.ndim > 2 or y.ndim > 2:
        found = _solve_stacks(x, y)
    elif shared(x):
        found = _solve_columns(x, y)
    else:
        y = DistArray(y.block, y.shape, y.map.without_overlap(), y.world)
        found = on_blocks(lambda p, q: [np.linalg.solve(p, q)], x, ["--"], "solve", y)[0]
    if found.ndim == 2:
        found = DistArray(found.block_under(target, "solve"), found.shape, target, found.world)
    return found[..., 0] if vector else found


def _solve_stacks(x: DistArray, y: DistArray) -> DistArray:
    """Both stacks broadcast to one shape, and solved where x's matrices lie."""
    try:
        stack = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError:
        raise ShapeError(f"solve: stacks of {x.shape} and {y.shape} do not broadcast") from None
    x = np.broadcast_to(x, stack + x.shape[-2:])
    y = np.broadcast_to(y, stack + y.shape[-2:])
    return on_blocks(lambda p, q: [np.linalg.solve(p, q)], x, ["--"], "solve", y)[0]


def _solve_columns(x: DistArray, y: DistArray) -> DistArray:
    return _solved(Columns.of(x, "solve"), Columns.of(y, "solve", x), x, "solve")


def _solved(columns: Columns, right: Columns, like: DistArray, what: str) -> DistArray:
    """What solves the system, its columns where those of the right side are. COLLECTIVE."""
    diagonal, _ = eliminate(columns, right, what)
    inside = columns.map.coords(like.world.rank) is not None
    if any(like.world.allgather(inside and not diagonal.all())):
        raise LinAlgError(f"{what}: Singular matrix of shape {columns.shape}")
    back_substitute(columns, right, what)
    held = right.map.with_axes(right.map.axes[::-1])
    return DistArray(right.local.T, right.shape, held, like.world)


@implements(np.linalg.inv)
def inv(a: object) -> object:
    """Inverse of matrices, as ``numpy.linalg.inv``. COLLECTIVE.

    Returns
    -------
    DistArray
        Under a's map.

    Raises
    ------
    LinAlgError
        Not square, or singular. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.inv(pm.asarray([[2.0, 0.0], [0.0, 4.0]], map=pm.Map([1, 1]))).local
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    if not distributed(a):
        return np.linalg.inv(a)
    a = matrix(a, "inv", square=True)
    if not shared(a):
        return on_blocks(lambda x: [np.linalg.inv(x)], a, ["rc"], "inv")[0]
    n = a.shape[0]
    found = _solved(Columns.of(a, "inv"), Columns.identity(n, n, a), a, "inv")
    return DistArray(found.block_under(a.map, "inv"), a.shape, a.map, a.world)


@implements(np.linalg.slogdet)
def slogdet(a: object) -> SlogdetResult:
    """Sign and logarithm of the absolute determinant, as ``numpy.linalg.slogdet``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.linalg.slogdet(pm.asarray([[-1.0]], map=pm.Map([1, 1]))).sign)
    -1.0
    """
    if not distributed(a):
        return np.linalg.slogdet(a)
    a = matrix(a, "slogdet", square=True)
    if not shared(a):
        found = on_blocks(lambda x: np.linalg.slogdet(x), a, ["", ""], "slogdet")
        return SlogdetResult(*found)
    diagonal, swaps = eliminate(Columns.of(a, "slogdet"), None, "slogdet")
    size = np.abs(diagonal)
    with np.errstate(divide="ignore", invalid="ignore"):
        sign = np.prod(diagonal / np.where(size > 0, size, 1)) * (-1) ** swaps
        log = np.sum(np.log(size))
    held = a.map.with_axes([])
    parts = [np.asarray(v, t) for v, t in ((sign, a.dtype), (log, size.dtype))]
    return SlogdetResult(*(result(DistArray(v, (), held, a.world)) for v in parts))


@implements(np.linalg.det)
def det(a: object) -> object:
    """Determinant of matrices, as ``numpy.linalg.det``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.linalg.det(pm.asarray([[2.0, 0.0], [0.0, 4.0]], map=pm.Map([1, 1]))).round(9))
    8.0
    """
    if not distributed(a):
        return np.linalg.det(a)
    a = matrix(a, "det", square=True)
    if not shared(a):
        return on_blocks(lambda x: [np.linalg.det(x)], a, [""], "det")[0]
    sign, log = slogdet(a)
    with np.errstate(over="ignore"):
        return (sign * np.exp(log)).astype(a.dtype)


@implements(np.linalg.pinv)
def pinv(
    a: object, rcond: object = None, hermitian: bool = False, *, rtol: object = np._NoValue
) -> object:
    """Pseudo-inverse (Moore and Penrose), as ``numpy.linalg.pinv``. COLLECTIVE.

    Returns
    -------
    DistArray, shape (..., n, m)
        Its rows have the splits of a's columns, its columns those of a's rows.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.pinv(pm.asarray([[2.0], [0.0]], map=pm.Map([1, 1]))).local
    array([[0.5, 0. ]])
    """
    if not distributed(a):
        return np.linalg.pinv(a, rcond, hermitian, rtol=rtol)
    a = matrix(a, "pinv", square=hermitian)
    least = _tolerance(a, rcond, rtol)
    if a.ndim > 2 and np.ndim(least):  # one for each matrix
        least = np.broadcast_to(least, a.shape[:-2])
        least = replicated(least, a, least.shape, least.dtype)
        return on_blocks(lambda x, t: [np.linalg.pinv(x, t, hermitian)], a, ["cr"], "pinv", least)[
            0
        ]
    least = float(least)
    if not shared(a):
        return on_blocks(lambda x: [np.linalg.pinv(x, least, hermitian)], a, ["cr"], "pinv")[0]
    u, s, vh = svd(a, full_matrices=False, hermitian=hermitian)
    keep = s > least * s.max()
    scale = np.where(keep, 1 / np.where(keep, s, 1), 0).astype(s.dtype)
    found = matmul(adjoint(vh), scale[:, None] * adjoint(u))
    target = a.map.with_axes(a.map.axes[::-1])
    return DistArray(found.block_under(target, "pinv"), found.shape, target, found.world)


def _tolerance(a: DistArray, rcond: object, rtol: object) -> object:
    """The singular values, as shares of the largest, that count as zero."""
    given = [v for v in (rcond, rtol) if v is not None and v is not np._NoValue]
    if len(given) == 2:
        raise ValueError("pinv: `rtol` and `rcond` can't be both set")
    if given:
        return np.asarray(given[0])
    # NumPy: 1e-15 by default, the standard's larger value where rtol=None is asked for
    return 1e-15 if rtol is np._NoValue else max(a.shape[-2:]) * np.finfo(a.dtype).eps


@implements(np.linalg.lstsq)
def lstsq(a: object, b: object, rcond: object = None) -> tuple:
    """Least-squares solution of a x = b of the smallest norm. COLLECTIVE.

    As ``numpy.linalg.lstsq``. A matrix that is cut is brought to R by QR (TSQR where it is tall),
    whose singular values are a's.

    Parameters
    ----------
    a : DistArray or ndarray, shape (m, n)
    b : DistArray or ndarray, shape (m,) or (m, k)
    rcond : float, optional
        Singular values below this share of the largest count as zero; max(m, n) × eps.

    Returns
    -------
    x : DistArray, shape (n,) or (n, k)
    residuals : DistArray, shape (k,), (1,) or (0,)
    rank : int
    s : DistArray, shape (min(m, n),)
        Singular values.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.asarray([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], map=pm.Map([1, 1]))
    >>> pm.linalg.lstsq(A, [1.0, 3.0, 5.0])[0].local.round(6)
    array([1., 2.])
    """
    if not distributed(a, b):
        return np.linalg.lstsq(a, b, rcond)
    x, y = arrays(a, b)
    if x.ndim != 2:
        raise LinAlgError(f"lstsq: {x.ndim}-dimensional array given. Array must be two-dimensional")
    if y.ndim not in (1, 2) or x.shape[0] != y.shape[0]:
        raise LinAlgError(f"lstsq: Incompatible dimensions: shapes {x.shape} and {y.shape}")
    x, y = inexact(x, "lstsq"), inexact(y, "lstsq")
    dtype = np.result_type(x.dtype, y.dtype)
    x, y = x.astype(dtype, copy=False), y.astype(dtype, copy=False)
    m, n = x.shape
    rcond = max(m, n) * np.finfo(dtype).eps if rcond is None else rcond
    u, s, vh = svd(x, full_matrices=False)
    keep = s > rcond * (s.max() if min(m, n) else 0)
    rank = int(keep.sum())
    scale = np.where(keep, 1 / np.where(keep, s, 1), 0).astype(s.dtype)
    right = matmul(adjoint(u), y)
    found = matmul(adjoint(vh), right * (scale if y.ndim == 1 else scale[:, None]))
    away = y - matmul(x, found)
    squares = (away * away.conj()).real.sum(0, keepdims=y.ndim == 1)
    if rank < n or m <= n:
        squares = squares[:0]
    return found, squares, rank, s


@implements(np.linalg.tensorsolve)
def tensorsolve(a: object, b: object, axes: Sequence[int] | None = None) -> object:
    """Solution of ``tensordot(a, x, x.ndim) = b``, as ``numpy.linalg.tensorsolve``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.asarray([[[2.0]]], map=pm.Map([1, 1, 1]))
    >>> pm.linalg.tensorsolve(A, [4.0]).local
    array([[2.]])
    """
    if not distributed(a, b):
        return np.linalg.tensorsolve(a, b, axes)
    x, y = arrays(a, b)
    if axes is not None:
        last = [axis_from_front(d, x.ndim) for d in axes]
        x = x.transpose([*(d for d in range(x.ndim) if d not in last), *last])
    shape = x.shape[y.ndim - x.ndim :] if x.ndim > y.ndim else ()
    if prod(shape) ** 2 != x.size or prod(shape) != y.size:
        raise LinAlgError(
            f"tensorsolve: Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == "
            f"prod(a.shape[:b.ndim]); a has shape {x.shape}, b {y.shape}"
        )
    n = prod(shape)
    return np.reshape(solve(np.reshape(x, (n, n)), np.reshape(y, (n,))), shape)


@implements(np.linalg.tensorinv)
def tensorinv(a: object, ind: int = 2) -> object:
    """Inverse for ``tensordot`` over ``ind`` axes, as ``numpy.linalg.tensorinv``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.tensorinv(pm.asarray([[2.0]], map=pm.Map([1, 1])), 1).local
    array([[0.5]])
    """
    if not distributed(a):
        return np.linalg.tensorinv(a, ind)
    if ind <= 0:
        raise ValueError(f"tensorinv: Invalid ind argument {ind}: it must be positive")
    n = prod(a.shape[ind:])
    flat = np.reshape(a, (a.size // n if n else 0, n))
    return np.reshape(inv(flat), a.shape[ind:] + a.shape[:ind])

"""Norms, condition numbers and ranks of arrays on any map."""

from collections.abc import Sequence

import numpy as np
from numpy.linalg import LinAlgError

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..registry import implements
from .factors import eigvalsh, svdvals
from .matrices import matrix
from .operands import arrays, distributed, last_axes
from .solving import inv

Axis = int | Sequence[int] | None


@implements(np.linalg.norm)
def norm(x: object, ord: object = None, axis: Axis = None, keepdims: bool = False) -> object:  # noqa: A002
    """Norm of a vector or matrix, as ``numpy.linalg.norm``. COLLECTIVE.

    Parameters
    ----------
    x : DistArray
    ord : float, inf, -inf, "fro" or "nuc", optional
        None: 2-norm of the elements.
    axis : int or pair of int, optional
        The axis of vectors, or the two of matrices.
    keepdims : bool

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.linalg.norm(pm.asarray([3.0, 4.0], map=pm.Map([1]))))
    5.0
    """
    if not distributed(x):
        return np.linalg.norm(x, ord, axis, keepdims)
    x = _floats(x)
    if axis is None:
        axes = tuple(range(x.ndim))
        if ord is None:
            return _root_of_squares(x, axes, keepdims)
        if len(axes) not in (1, 2):
            raise ValueError(f"norm: Improper number of dimensions to norm: shape {x.shape}")
    else:
        axes = tuple(axis) if np.iterable(axis) else (axis,)
        axes = tuple(axis_from_front(a, x.ndim) for a in axes)
    if len(axes) == 1:
        return _vector_norm(x, 2 if ord is None else ord, axes, keepdims)
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError(f"norm: axis {axis}: one axis, or two different ones")
    return _matrix_norm(x, "fro" if ord is None else ord, axes, keepdims)


def _floats(x: DistArray) -> DistArray:
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def _root_of_squares(x: DistArray, axes: tuple, keepdims: bool) -> object:
    squares = (x.conj() * x).real if x.dtype.kind == "c" else x * x
    return np.sqrt(squares.sum(axes, keepdims=keepdims))


def _vector_norm(x: DistArray, order: object, axes: tuple, keepdims: bool) -> object:
    if isinstance(order, str):
        raise ValueError(f"Invalid norm order {order!r} for vectors")
    if order == 2:
        return _root_of_squares(x, axes, keepdims)
    size = abs(x)
    if order == np.inf:
        if any(x.shape[a] == 0 for a in axes):  # as NumPy: no element, norm 0
            return size.sum(axes, keepdims=keepdims)
        return size.max(axes, keepdims=keepdims)
    if order == -np.inf:
        return size.min(axes, keepdims=keepdims)
    if order == 0:
        return (x != 0).astype(size.dtype).sum(axes, keepdims=keepdims)
    if order == 1:
        return size.sum(axes, keepdims=keepdims)
    with np.errstate(divide="ignore"):
        total = (size**order).sum(axes, keepdims=keepdims)
        return (total ** np.reciprocal(order, dtype=size.dtype)).astype(size.dtype)


def _matrix_norm(x: DistArray, order: object, axes: tuple, keepdims: bool) -> object:
    rows, columns = axes
    if order in ("fro", "f"):
        return _root_of_squares(x, tuple(sorted(axes)), keepdims)
    if order in (2, -2, "nuc"):
        values = svdvals(last_axes(x, rows, columns))
        found = {2: values.max, -2: values.min, "nuc": values.sum}[order](-1)
    elif order in (1, -1, np.inf, -np.inf):
        summed, over = (rows, columns) if abs(order) == 1 else (columns, rows)
        sums = abs(x).sum(summed)
        found = (sums.max if order > 0 else sums.min)(over - (over > summed))
    else:
        raise ValueError(f"Invalid norm order {order!r} for matrices")
    if not keepdims:
        return found
    found = arrays(x, found)[1]
    return found[(*(None if a in axes else slice(None) for a in range(x.ndim)), Ellipsis)]


@implements(np.linalg.vector_norm)
def vector_norm(
    x: object,
    /,
    *,
    axis: Axis = None,
    keepdims: bool = False,
    ord: float = 2,  # noqa: A002
) -> object:
    """Norm of vectors along axes, of all elements where axis is None. COLLECTIVE.

    As ``numpy.linalg.vector_norm``; sums in canonical order.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.linalg.vector_norm(pm.asarray([3.0, 4.0], map=pm.Map([1])), ord=1))
    7.0
    """
    if not distributed(x):
        return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
    x = _floats(x)
    axes = range(x.ndim) if axis is None else axis if np.iterable(axis) else (axis,)
    axes = tuple(sorted(axis_from_front(a, x.ndim) for a in axes))
    return _vector_norm(x, ord, axes, keepdims)


@implements(np.linalg.matrix_norm)
def matrix_norm(x: object, /, *, keepdims: bool = False, ord: object = "fro") -> object:  # noqa: A002
    """Norm of matrices, as ``numpy.linalg.matrix_norm``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.linalg.matrix_norm(pm.asarray([[3.0, 4.0]], map=pm.Map([1, 1]))))
    5.0
    """
    if not distributed(x):
        return np.linalg.matrix_norm(x, keepdims=keepdims, ord=ord)
    if x.ndim < 2:
        raise np.exceptions.AxisError(-2, x.ndim)
    return _matrix_norm(_floats(x), ord, (x.ndim - 2, x.ndim - 1), keepdims)


@implements(np.linalg.cond)
def cond(x: object, p: object = None) -> object:
    """Condition number of matrices, as ``numpy.linalg.cond``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.linalg.cond(pm.asarray([[2.0, 0.0], [0.0, 1.0]], map=pm.Map([1, 1]))))
    2.0
    """
    if not distributed(x):
        return np.linalg.cond(x, p)
    x = matrix(x, "cond", square=p not in (None, 2, -2))
    if x.size == 0 and 0 in x.shape[-2:]:
        raise LinAlgError(f"cond is not defined on empty arrays: shape {x.shape}")
    if p in (None, 2, -2):
        values = svdvals(x)
        largest, least = values[..., 0], values[..., -1]
        with np.errstate(divide="ignore", invalid="ignore"):
            found = least / largest if p == -2 else largest / least
    else:
        axes = (-2, -1)
        try:
            found = norm(x, p, axes) * norm(inv(x), p, axes)
        except LinAlgError:
            if x.ndim > 2:
                raise
            return norm(x, p, axes) * np.inf
    return np.where(np.isnan(found), np.inf, found)[()] if not np.ndim(found) else found


@implements(np.linalg.matrix_rank)
def matrix_rank(
    A: object,
    tol: object = None,
    hermitian: bool = False,
    *,
    rtol: object = None,  # noqa: N803
) -> object:
    """Rank of matrices from their singular values, as ``numpy.linalg.matrix_rank``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> int(pm.linalg.matrix_rank(pm.ones((3, 3), map=pm.Map([1, 1]))))
    1
    """
    if not distributed(A):
        return np.linalg.matrix_rank(A, tol, hermitian, rtol=rtol)
    if tol is not None and rtol is not None:
        raise ValueError("matrix_rank: `tol` and `rtol` can't be both set")
    if A.ndim < 2:
        return int((A != 0).any())
    x = matrix(A, "matrix_rank", square=hermitian)
    values = abs(eigvalsh(x)) if hermitian else svdvals(x)
    if 0 in x.shape[-2:]:
        return values.astype(np.int64).sum(-1)
    if tol is None:
        share = max(x.shape[-2:]) * np.finfo(x.dtype).eps if rtol is None else rtol
        tol = values.max(-1, keepdims=True) * np.asarray(share)[..., None]
    else:
        tol = np.asarray(tol)[..., None]
    return (values > tol).sum(-1)

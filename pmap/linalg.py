"""``pm.linalg``: the standard's linear algebra, and NumPy's beside it, on any map.

The functions are in :mod:`pmap.algebra` (products, factors, solving, norms, chain); here are those
that have another signature than their namesakes of the main namespace.
"""

import numpy as np
from numpy.linalg import LinAlgError

from .algebra.chain import matrix_power, multi_dot
from .algebra.factors import cholesky, eig, eigh, eigvals, eigvalsh, qr, svd, svdvals
from .algebra.norms import cond, matrix_norm, matrix_rank, norm, vector_norm
from .algebra.operands import distributed
from .algebra.products import matmul, tensordot, vecdot
from .algebra.products import outer as _outer
from .algebra.solving import det, inv, lstsq, pinv, slogdet, solve, tensorinv, tensorsolve
from .errors import ShapeError
from .registry import implements

__all__ = [
    "LinAlgError",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vecdot",
    "vector_norm",
]


@implements(np.linalg.matrix_transpose)
def matrix_transpose(x: object, /) -> object:
    """The last two axes exchanged: a view. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.matrix_transpose(pm.ones((2, 3), map=pm.Map([1, 1]))).shape
    (3, 2)
    """
    if not distributed(x):
        return np.linalg.matrix_transpose(x)
    if x.ndim < 2:
        raise ShapeError(f"matrix_transpose: at least two axes, not shape {x.shape}")
    return x.transpose([*range(x.ndim - 2), x.ndim - 1, x.ndim - 2])


@implements(np.linalg.outer)
def outer(x1: object, x2: object, /) -> object:
    """All products of the elements of two 1-D arrays. COLLECTIVE where maps differ.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.outer(pm.arange(2, map=pm.Map([1])), [1, 2, 3]).local
    array([[0, 0, 0],
           [1, 2, 3]])
    """
    if distributed(x1, x2) and not np.ndim(x1) == np.ndim(x2) == 1:
        raise ShapeError(
            f"outer: Input arrays must be one-dimensional, not {np.shape(x1)} and {np.shape(x2)}"
        )
    return _outer(x1, x2) if distributed(x1, x2) else np.linalg.outer(x1, x2)


@implements(np.linalg.cross)
def cross(x1: object, x2: object, /, *, axis: int = -1) -> object:
    """Cross products of vectors of three. COLLECTIVE where maps differ.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.cross(pm.asarray([1, 0, 0], map=pm.Map([1])), [0, 1, 0]).local
    array([0, 0, 1])
    """
    if not distributed(x1, x2):
        return np.linalg.cross(x1, x2, axis=axis)
    if np.shape(x1)[axis] != 3 or np.shape(x2)[axis] != 3:
        raise ShapeError(
            f"cross: vectors of three along axis {axis}, not {np.shape(x1)} and {np.shape(x2)}"
        )
    return np.cross(x1, x2, axis=axis)


@implements(np.linalg.diagonal)
def diagonal(x: object, /, *, offset: int = 0) -> object:
    """Diagonals of matrices. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.diagonal(pm.ones((2, 3), map=pm.Map([1, 1]))).local
    array([1., 1.])
    """
    if not distributed(x):
        return np.linalg.diagonal(x, offset=offset)
    return np.diagonal(x, offset, axis1=-2, axis2=-1)


@implements(np.linalg.trace)
def trace(x: object, /, *, offset: int = 0, dtype: object = None) -> object:
    """Sums of the diagonals of matrices. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.linalg.trace(pm.ones((2, 3), map=pm.Map([1, 1]))))
    2.0
    """
    if not distributed(x):
        return np.linalg.trace(x, offset=offset, dtype=dtype)
    return np.trace(x, offset, axis1=-2, axis2=-1, dtype=dtype)

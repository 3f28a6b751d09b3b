"""Covariance and correlation of variables on any map."""

import warnings

import numpy as np

from ..arrays.distarray import DistArray
from ..errors import ShapeError
from ..registry import implements
from .operands import arrays, distributed
from .products import conjugate, matmul


@implements(np.cov)
def cov(
    m: object,
    y: object = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: object = None,
    aweights: object = None,
    *,
    dtype: object = None,
) -> object:
    """Covariance matrix of variables in rows, as ``numpy.cov``. COLLECTIVE.

    Parameters
    ----------
    m, y : DistArray or ndarray, shape (variables, observations) or (observations,)
        y: more variables of the same observations.
    rowvar : bool
        False where variables lie in columns.
    bias, ddof : bool, int
        The sum is divided by the weights' sum less ddof; ddof is 1, or 0 with bias.
    fweights, aweights : ndarray or DistArray of int, of float, shape (observations,)
        Repetitions, and relative weights.
    dtype : dtype
        At least float64 where omitted.

    Returns
    -------
    DistArray, shape (variables, variables)
        Map as that of ``X @ X.T``; a scalar for one variable. Equal to NumPy's to rounding.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.asarray([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]], map=pm.Map([1, 1]))
    >>> pm.cov(A).local
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    if not distributed(m, y, fweights, aweights):
        return np.cov(m, y, rowvar, bias, ddof, fweights, aweights, dtype=dtype)
    if ddof is not None and ddof != int(ddof):
        raise ShapeError(f"cov: ddof must be integer, not {ddof}")
    ddof = (0 if bias else 1) if ddof is None else int(ddof)
    x = _variables(m, y, rowvar, dtype)
    if not x.shape[0]:
        return arrays(x, np.empty((0, 0)))[1]
    weights, relative = _weights(x, fweights, aweights)
    if weights is None:
        mean, by = x.mean(1, keepdims=True), x.shape[1] - ddof
        away = weighted = x - mean
    else:
        total = weights.sum()
        away = x - (x * weights).sum(1, keepdims=True) / total
        weighted = away * weights
        by = total - ddof * (1 if relative is None else (weights * relative).sum() / total)
    if by <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
        by = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        found = matmul(away, conjugate(weighted).T) * np.true_divide(1, by)
    return found[0, 0] if found.shape == (1, 1) else found


def _variables(m: object, y: object, rowvar: bool, dtype: object) -> DistArray:
    """All variables as rows of a new array."""
    given = [v for v in (m, y) if v is not None]
    dtype = dtype or np.result_type(*(np.result_type(v) for v in given), np.float64)
    rows = []
    for place, v in enumerate(arrays(*given) if distributed(given) else given):
        v = v if isinstance(v, DistArray) else np.asarray(v)
        if v.ndim > 2:
            raise ShapeError(f"cov: m and y have at most 2 dimensions, not shape {v.shape}")
        wide = v[(None,) * (2 - v.ndim) + (Ellipsis,)]
        columns = not rowvar and (v.ndim == 2 if place == 0 else wide.shape[0] != 1)
        rows.append((wide.T if columns else wide).astype(dtype))
    if len(rows) == 1:
        return rows[0]
    if rows[0].shape[1] != rows[1].shape[1]:
        raise ShapeError(
            f"cov: m and y have {rows[0].shape[1]} and {rows[1].shape[1]} observations"
        )
    return np.concatenate(rows, axis=0)


def _weights(x: DistArray, fweights: object, aweights: object) -> tuple:
    """The product of both weights, and the relative ones; None where not given."""
    found = []
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            found.append(None)
            continue
        w = arrays(x, w)[1].astype(float, copy=False)
        if w.ndim > 1:
            raise RuntimeError(f"cov: {name} of shape {w.shape}: cannot handle more than one axis")
        if w.shape != x.shape[1:]:
            raise RuntimeError(
                f"cov: incompatible numbers of samples and {name}: {x.shape[1]} and {w.shape[0]}"
            )
        if name == "fweights" and not (w == w.round()).all():
            raise TypeError("cov: fweights must be integer")
        if (w < 0).any():
            raise ValueError(f"cov: {name} cannot be negative")
        found.append(w)
    repeats, relative = found
    both = [w for w in found if w is not None]
    return (both[0] * both[1] if len(both) == 2 else both[0] if both else None), relative


@implements(np.corrcoef)
def corrcoef(x: object, y: object = None, rowvar: bool = True, *, dtype: object = None) -> object:
    """Correlation coefficients of variables in rows, as ``numpy.corrcoef``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.asarray([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]], map=pm.Map([1, 1]))
    >>> pm.corrcoef(A).local
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    if not distributed(x, y):
        return np.corrcoef(x, y, rowvar, dtype=dtype)
    c = cov(x, y, rowvar, dtype=dtype)
    if not np.ndim(c):
        return c / c
    spread = _variables(x, y, rowvar, dtype).std(1, ddof=1)
    c = c / spread[:, None] / spread[None, :]
    if c.dtype.kind == "c":
        return np.clip(c.real, -1, 1) + 1j * np.clip(c.imag, -1, 1)
    return np.clip(c, -1, 1)

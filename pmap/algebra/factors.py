"""Factorisations of matrices: Cholesky, QR, singular values, eigenvalues.

Stacks of matrices: each rank gives LAPACK the matrices of its own part. One matrix that is cut
over ranks: they share the work of ``cholesky`` and ``qr``, and of ``svd`` as far as QR goes;
eigenvalues, and singular values of what is not tall, are computed on each rank of the matrix, up to
``pm.options.gather_limit``.
"""

from typing import NamedTuple

import numpy as np

from ..arrays.distarray import DistArray
from ..errors import ShapeError
from ..ranks.moving import moved
from ..registry import implements
from .columns import Columns, cholesky_columns
from .matrices import factor_axes, large, matrix, on_blocks, replicated, shared
from .operands import distributed
from .products import conjugate, matmul
from .reflectors import orthogonal, reflect, triangle
from .tallskinny import skinny, tall, tsqr


class QRResult(NamedTuple):
    """Q and R of :func:`qr`."""

    Q: object
    R: object


class SVDResult(NamedTuple):
    """Factors of :func:`svd`."""

    U: object
    S: object
    Vh: object


class EigResult(NamedTuple):
    """Values and vectors of :func:`eig`."""

    eigenvalues: object
    eigenvectors: object


class EighResult(NamedTuple):
    """Values and vectors of :func:`eigh`."""

    eigenvalues: object
    eigenvectors: object


def adjoint(x: DistArray) -> DistArray:
    """The conjugate transpose of matrices. LOCAL."""
    return conjugate(x.transpose([*range(x.ndim - 2), x.ndim - 1, x.ndim - 2]))


def under(columns: Columns, spec: str, like: DistArray, what: str) -> DistArray:
    """A matrix kept by columns, under the map of a factor of ``like``. COLLECTIVE."""
    target = like.map.with_axes(factor_axes(like, spec))
    return DistArray(columns.array(target, what), columns.shape, target, like.world)


def placed(x: DistArray, spec: str, like: DistArray, what: str) -> DistArray:
    """A matrix under the map of a factor of ``like``. COLLECTIVE where it has another."""
    target = like.map.with_axes(factor_axes(like, spec))
    local = moved(x.block, x.shape, x.map, target, x.world, what)
    return DistArray(local, x.shape, target, x.world)


@implements(np.linalg.cholesky)
def cholesky(x: object, /, *, upper: bool = False) -> object:
    """Factor L of a positive definite matrix L Lᴴ, as ``numpy.linalg.cholesky``. COLLECTIVE.

    Parameters
    ----------
    x : DistArray, shape (..., n, n)
        Only its lower triangle is read; the upper one with ``upper``.
    upper : bool
        Give U = Lᴴ.

    Returns
    -------
    DistArray, shape (..., n, n)
        Under x's map.

    Raises
    ------
    LinAlgError
        Not square or not positive definite. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.cholesky(pm.asarray([[4.0, 2.0], [2.0, 5.0]], map=pm.Map([1, 1]))).local
    array([[2., 0.],
           [1., 2.]])
    """
    if not distributed(x):
        return np.linalg.cholesky(x, upper=upper)
    x = matrix(x, "cholesky", square=True)
    if not shared(x):
        return on_blocks(lambda a: [np.linalg.cholesky(a, upper=upper)], x, ["rc"], "cholesky")[0]
    source = adjoint(x) if upper else x
    columns = Columns.of(source, "cholesky")
    cholesky_columns(columns, "cholesky")
    if not upper:
        return under(columns, "rc", x, "cholesky")
    target = x.map.with_axes(x.map.axes[::-1])
    local = conjugate(columns.array(target, "cholesky").T)
    return DistArray(local, x.shape, x.map, x.world)


@implements(np.linalg.qr)
def qr(a: object, mode: str = "reduced") -> object:
    """QR factorisation, as ``numpy.linalg.qr``, signs included. COLLECTIVE.

    Parameters
    ----------
    a : DistArray, shape (..., m, n)
    mode : {"reduced", "complete", "r", "raw"}
        "reduced": Q of shape (m, k) and R of (k, n), k = min(m, n); "complete": (m, m) and (m, n);
        "r": R alone. "raw" of plain ndarrays only.

    Returns
    -------
    QRResult or DistArray
        Q: a's row split; R: a's column split; their other axis in blocks over a's ranks there.

    Notes
    -----
    Tall matrices by TSQR (see :mod:`pmap.algebra.tallskinny`), others by block columns.

    Examples
    --------
    >>> import pmap as pm
    >>> q, r = pm.linalg.qr(pm.asarray([[3.0], [4.0]], map=pm.Map([1, 1])))
    >>> r.local
    array([[-5.]])
    """
    if not distributed(a):
        return np.linalg.qr(a, mode)
    if mode not in ("reduced", "complete", "r"):
        raise ShapeError(f"qr: mode {mode!r} is not there; use 'reduced', 'complete' or 'r'")
    a = matrix(a, "qr")
    if not shared(a) and not (large(a) and skinny(a) and mode != "complete"):
        return _small_qr(a, mode)
    m, n = a.shape
    if tall(a) and mode != "complete":
        q, r = tsqr(a, "qr")
        r = placed(replicated(r, a, (n, n), a.dtype), "Rc", a, "qr")
        return r if mode == "r" else QRResult(placed(q, "rC", a, "qr"), r)
    columns = Columns.of(a, "qr")
    taus = reflect(columns, "qr")
    k = m if mode == "complete" else min(m, n)
    r = under(triangle(columns, k), "Rc", a, "qr")
    if mode == "r":
        return r
    return QRResult(under(orthogonal(columns, taus, k, "qr"), "rC", a, "qr"), r)


def _small_qr(a: DistArray, mode: str) -> object:
    if mode == "r":
        return on_blocks(lambda x: [np.linalg.qr(x, "r")], a, ["Rc"], "qr")[0]
    return QRResult(*on_blocks(lambda x: np.linalg.qr(x, mode), a, ["rC", "Rc"], "qr"))


@implements(np.linalg.svd)
def svd(
    a: object, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> object:
    """Singular values and vectors, as ``numpy.linalg.svd``. COLLECTIVE.

    Parameters
    ----------
    a : DistArray, shape (..., m, n)
    full_matrices : bool
        U of shape (m, m) and Vh of (n, n), else (m, k) and (k, n), k = min(m, n).
    compute_uv : bool
        False: the singular values alone.
    hermitian : bool
        a is Hermitian.

    Returns
    -------
    SVDResult or DistArray
        U: a's row split; S on all ranks of a, descending; Vh: a's column split.

    Raises
    ------
    GatherError
        A single matrix, cut, of which the square of the shorter side is over
        ``pm.options.gather_limit``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.svd(pm.asarray([[3.0], [4.0]], map=pm.Map([1, 1])), False).S.local
    array([5.])
    """
    if not distributed(a):
        return np.linalg.svd(a, full_matrices, compute_uv, hermitian)
    a = matrix(a, "svd", square=hermitian)
    square_only = full_matrices and compute_uv and a.shape[-1] != a.shape[-2]
    if not shared(a) or square_only or hermitian or a.shape[-1] == a.shape[-2]:
        return _whole_svd(a, full_matrices, compute_uv, hermitian)
    m, n = a.shape
    if m < n:
        found = svd(adjoint(a), False, compute_uv)
        return (
            found if not compute_uv else SVDResult(adjoint(found[2]), found[1], adjoint(found[0]))
        )
    q, r = _thin(a, "svd")
    if not compute_uv:
        return on_blocks(lambda x: [np.linalg.svd(x, compute_uv=False)], r, ["-"], "svd")[0]
    u, s, vh = on_blocks(lambda x: np.linalg.svd(x), r, ["--", "-", "--"], "svd")
    u = placed(matmul(q, u), "rC", a, "svd")
    return SVDResult(u, s, placed(vh, "Rc", a, "svd"))


def _whole_svd(a: DistArray, full: bool, compute_uv: bool, hermitian: bool) -> object:
    if not compute_uv:
        found = on_blocks(lambda x: [np.linalg.svd(x, full, False, hermitian)], a, ["-"], "svd")
        return found[0]
    specs = ["rC", "-", "Rc"]
    return SVDResult(*on_blocks(lambda x: np.linalg.svd(x, full, True, hermitian), a, specs, "svd"))


def _thin(a: DistArray, what: str) -> tuple[DistArray, DistArray]:
    """Q and R of a matrix with more rows than columns; R on all ranks where it is tall."""
    if not tall(a):
        return qr(a)
    q, r = tsqr(a, what)
    n = a.shape[1]
    return q, replicated(r, a, (n, n), a.dtype)


def svdvals(x: object, /) -> object:
    """Singular values, descending, as ``numpy.linalg.svdvals``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.svdvals(pm.asarray([[3.0], [4.0]], map=pm.Map([1, 1]))).local
    array([5.])
    """
    return np.linalg.svdvals(x) if not distributed(x) else svd(x, compute_uv=False)


implements(np.linalg.svdvals)(svdvals)


@implements(np.linalg.eig)
def eig(a: object) -> object:
    """Eigenvalues and right eigenvectors, as ``numpy.linalg.eig``. COLLECTIVE.

    A single matrix that is cut is brought to each of its ranks, up to
    ``pm.options.gather_limit``. Eigenvectors have a's splits; the values are on all ranks of a.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.eig(pm.asarray([[2.0, 0.0], [0.0, 3.0]], map=pm.Map([1, 1]))).eigenvalues.local
    array([2., 3.])
    """
    if not distributed(a):
        return np.linalg.eig(a)
    a = matrix(a, "eig", square=True)
    return EigResult(*on_blocks(np.linalg.eig, a, ["-", "rc"], "eig"))


@implements(np.linalg.eigh)
def eigh(a: object, UPLO: str = "L") -> object:  # noqa: N803  NumPy's name
    """Eigenvalues, ascending, and eigenvectors of Hermitian matrices. COLLECTIVE.

    As ``numpy.linalg.eigh``; a single matrix that is cut as in :func:`eig`.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.eigh(pm.asarray([[2.0, 0.0], [0.0, 1.0]], map=pm.Map([1, 1]))).eigenvalues.local
    array([1., 2.])
    """
    if not distributed(a):
        return np.linalg.eigh(a, UPLO)
    _check_uplo(UPLO)
    a = matrix(a, "eigh", square=True)
    return EighResult(*on_blocks(lambda x: np.linalg.eigh(x, UPLO), a, ["-", "rc"], "eigh"))


def _check_uplo(uplo: str) -> None:
    if str(uplo).upper() not in ("L", "U"):
        raise ValueError(f"UPLO argument must be 'L' or 'U', not {uplo!r}")


@implements(np.linalg.eigvals)
def eigvals(a: object) -> object:
    """Eigenvalues, as ``numpy.linalg.eigvals``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.eigvals(pm.asarray([[2.0, 0.0], [0.0, 3.0]], map=pm.Map([1, 1]))).local
    array([2., 3.])
    """
    if not distributed(a):
        return np.linalg.eigvals(a)
    a = matrix(a, "eigvals", square=True)
    return on_blocks(lambda x: [np.linalg.eigvals(x)], a, ["-"], "eigvals")[0]


@implements(np.linalg.eigvalsh)
def eigvalsh(a: object, UPLO: str = "L") -> object:  # noqa: N803  NumPy's name
    """Eigenvalues of Hermitian matrices, ascending. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linalg.eigvalsh(pm.asarray([[2.0, 0.0], [0.0, 1.0]], map=pm.Map([1, 1]))).local
    array([1., 2.])
    """
    if not distributed(a):
        return np.linalg.eigvalsh(a, UPLO)
    _check_uplo(UPLO)
    a = matrix(a, "eigvalsh", square=True)
    return on_blocks(lambda x: [np.linalg.eigvalsh(x, UPLO)], a, ["-"], "eigvalsh")[0]

"""Products of matrices and vectors on any maps: matmul, dot, tensordot and their like.

Sums of products over whole vectors (``dot`` and ``vecdot`` of 1-D arrays, ``vdot``) are canonical:
the same bits at any rank count and map (C2). Products of matrices equal NumPy's to rounding.
"""

from collections.abc import Sequence
from operator import index

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..errors import ShapeError
from ..registry import implements
from .contraction import contract
from .operands import arrays, distributed, last_axes, put_out, refuse, scalar


def _stacked(
    what: str, x1: object, core1: tuple, x2: object, core2: tuple, core: tuple, kw: dict
) -> object:
    """A product of the last axes with labels, over stacks that broadcast."""
    out, dtype, casting = kw.pop("out", None), kw.pop("dtype", None), kw.pop("casting", "same_kind")
    refuse(f"np.{what}", kw, "the two operands, out, dtype and casting")
    a, b = arrays(x1, x2)
    if dtype is not None:
        a, b = (x.astype(dtype, copy=False) for x in (a, b))
    for position, (x, labels) in enumerate(((a, core1), (b, core2))):
        if x.ndim < len(labels):
            raise ShapeError(
                f"{what}: Input operand {position} does not have enough dimensions (has {x.ndim}, "
                f"at least {len(labels)} needed); shapes {a.shape} and {b.shape}"
            )
    _check_lengths(what, a, core1, b, core2)
    stack = _broadcast(what, a.shape[: a.ndim - len(core1)], b.shape[: b.ndim - len(core2)])
    a, labels1 = _labelled(a, core1, stack)
    b, labels2 = _labelled(b, core2, stack)
    present = {*labels1, *labels2}
    over = [k for k in (*range(-len(stack), 0), *core) if k in present]
    result = contract(a, labels1, b, labels2, over, what)
    missing = tuple(
        None if k not in present else slice(None) for k in (*range(-len(stack), 0), *core)
    )
    result = result[missing] if None in missing else result
    result = put_out(f"np.{what}", out, result, casting)
    return scalar(result) if not result.ndim and out is None else result


def _check_lengths(what: str, a: DistArray, core1: tuple, b: DistArray, core2: tuple) -> None:
    """Raise where the summed axes have different lengths."""
    n1 = dict(zip(core1, a.shape[a.ndim - len(core1) :], strict=True))
    n2 = dict(zip(core2, b.shape[b.ndim - len(core2) :], strict=True))
    for place, k in enumerate(core2):
        if k in n1 and n1[k] != n2[k]:
            raise ShapeError(
                f"{what}: Input operand 1 has a mismatch in its core dimension {place} (size "
                f"{n2[k]} is different from {n1[k]}); shapes {a.shape} and {b.shape}"
            )


def _broadcast(what: str, stack1: tuple, stack2: tuple) -> tuple:
    try:
        return np.broadcast_shapes(stack1, stack2)
    except ValueError:
        raise ShapeError(
            f"{what}: operands could not be broadcast together: stacks of shapes {stack1} {stack2}"
        ) from None


def _labelled(x: DistArray, core: tuple, stack: tuple) -> tuple[DistArray, list]:
    """The operand without the stack axes of length 1 that are repeated, and its labels."""
    lead = x.ndim - len(core)
    labels: list = []
    key: list = []
    for a in range(lead):
        repeated = x.shape[a] == 1 and stack[len(stack) - lead + a] != 1
        key.append(0 if repeated else slice(None))
        if not repeated:
            labels.append(a - lead)
    return x[(*key, Ellipsis)] if 0 in key else x, [*labels, *core]


@implements(np.matmul, np.linalg.matmul)
def matmul(x1: object, x2: object, /, out: object = None, **kw: object) -> object:
    """Product of matrices, vectors, and stacks of them, as ``numpy.matmul``. COLLECTIVE.

    Parameters
    ----------
    x1, x2 : DistArray or ndarray, shapes (..., n, k) and (..., k, m), or 1-D
        Stacks broadcast. An ndarray is taken as equal on all ranks.
    out : DistArray, optional
        Where the result goes.

    Returns
    -------
    DistArray, shape (..., n, m)
        Map: x1's row split × x2's column split where both fit one lattice of the same ranks, else
        x1's alone; x2's alone where x1's rows are whole; blocks of the longest axis over the ranks
        that share the sum where neither is cut. A product of two 1-D arrays is a scalar.

    Raises
    ------
    ShapeError
        The shapes do not go together. COLLECTIVE.

    Notes
    -----
    Operands travel in panels (about 16 MiB at a time), as in SUMMA (van de Geijn and Watts,
    Concurrency 9, 1997, §3); where the result is small beside them, each rank multiplies what it
    holds and the products are added. Equal to NumPy's to rounding.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.ones((3, 2), map=pm.Map([1, 1]))
    >>> (A @ A.T).local
    array([[2., 2., 2.],
           [2., 2., 2.],
           [2., 2., 2.]])
    """
    if not distributed(x1, x2):
        return np.matmul(x1, x2, out=out, **kw)
    if np.ndim(x1) == np.ndim(x2) == 1:
        a, b = arrays(x1, x2)
        _check_lengths("matmul", a, ("k",), b, ("k",))
        return put_out("np.matmul", out, _summed(a, b, np.result_type(a.dtype, b.dtype)))
    core1 = ("k",) if np.ndim(x1) == 1 else ("i", "k")
    core2 = ("k",) if np.ndim(x2) == 1 else ("k", "j")
    core = tuple(k for k in (*core1, *core2) if k != "k")
    return _stacked("matmul", x1, core1, x2, core2, core, {"out": out, **kw})


def _summed(a: object, b: object, dtype: np.dtype) -> object:
    """Sums of products over the last axis, in canonical order. COLLECTIVE."""
    product = a * b
    return product.any(-1) if dtype.kind == "b" else product.sum(-1, dtype=dtype)


@implements(np.matvec)
def matvec(x1: object, x2: object, /, out: object = None, **kw: object) -> object:
    """Products of matrices (..., n, k) and vectors (..., k), as ``numpy.matvec``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.matvec(pm.ones((2, 3), map=pm.Map([1, 1])), [1, 2, 3]).local
    array([6., 6.])
    """
    if not distributed(x1, x2):
        return np.matvec(x1, x2, out=out, **kw)
    return _stacked("matvec", x1, ("i", "k"), x2, ("k",), ("i",), {"out": out, **kw})


@implements(np.vecmat)
def vecmat(x1: object, x2: object, /, out: object = None, **kw: object) -> object:
    """Products of conjugate vectors (..., k) and matrices (..., k, m), as ``numpy.vecmat``.

    COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.vecmat([1, 2], pm.ones((2, 3), map=pm.Map([1, 1]))).local
    array([3., 3., 3.])
    """
    if not distributed(x1, x2):
        return np.vecmat(x1, x2, out=out, **kw)
    a, b = arrays(x1, x2)
    return _stacked("vecmat", conjugate(a), ("k",), b, ("k", "j"), ("j",), {"out": out, **kw})


def conjugate(x: object) -> object:
    """The complex conjugate; the array itself where it is real. LOCAL."""
    return np.conjugate(x) if np.result_type(x).kind == "c" else x


@implements(np.vecdot, np.linalg.vecdot)
def vecdot(x1: object, x2: object, /, out: object = None, *, axis: int = -1, **kw: object):
    """Dot products of vectors along an axis, the first conjugate, in canonical order. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.vecdot(pm.ones((2, 3), map=pm.Map([1, 1])), [1, 2, 3]).local
    array([6., 6.])
    """
    if not distributed(x1, x2):
        return np.vecdot(x1, x2, out=out, axis=axis, **kw)
    dtype, casting = kw.pop("dtype", None), kw.pop("casting", "same_kind")
    refuse("np.vecdot", kw, "the two operands, axis, out, dtype and casting")
    a, b = arrays(x1, x2)
    if not (a.ndim and b.ndim):
        raise ShapeError(f"vecdot: shapes {a.shape} and {b.shape}: both need an axis to sum over")
    a, b = (last_axes(x, axis_from_front(axis, x.ndim)) for x in (a, b))
    _check_lengths("vecdot", a, ("k",), b, ("k",))
    _broadcast("vecdot", a.shape[:-1], b.shape[:-1])
    dtype = np.dtype(dtype or np.result_type(a.dtype, b.dtype))
    found = _summed(conjugate(a).astype(dtype, copy=False), b.astype(dtype, copy=False), dtype)
    return put_out("np.vecdot", out, found, casting)


@implements(np.dot)
def dot(a: object, b: object, out: object = None) -> object:
    """Sum over the last axis of a and the last but one of b, as ``numpy.dot``. COLLECTIVE.

    Of two 1-D arrays in canonical order, the same bits at any map.

    Examples
    --------
    >>> import pmap as pm
    >>> int(pm.dot(pm.arange(4, map=pm.Map([1])), [1, 1, 1, 1]))
    6
    """
    if not distributed(a, b):
        return np.dot(a, b) if out is None else np.dot(a, b, out)
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return put_out("np.dot", out, np.multiply(a, b))
    if np.ndim(a) <= 2 and np.ndim(b) <= 2:
        return matmul(a, b, out=out)
    return put_out("np.dot", out, tensordot(a, b, axes=([-1], [-2 if np.ndim(b) > 1 else -1])))


@implements(np.vdot)
def vdot(a: object, b: object, /) -> object:
    """Sum of conj(a) × b over all elements in C order, canonical. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.vdot(pm.ones((2, 3), map=pm.Map([1, 1])), np.ones((2, 3))))
    6.0
    """
    if not distributed(a, b):
        return np.vdot(a, b)
    if np.size(a) != np.size(b):
        raise ShapeError(f"vdot: shapes {np.shape(a)} and {np.shape(b)} differ in size")
    if np.shape(a) != np.shape(b):
        a, b = np.reshape(a, -1), np.reshape(b, -1)
    product = np.multiply(conjugate(a), b)
    return product.any() if product.dtype == bool else product.sum(dtype=product.dtype)


@implements(np.inner)
def inner(a: object, b: object, /) -> object:
    """Sum over the last axes of both, as ``numpy.inner``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> int(pm.inner(pm.arange(3, map=pm.Map([1])), [1, 1, 1]))
    3
    """
    if not distributed(a, b):
        return np.inner(a, b)
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    return matmul(a, b) if np.ndim(a) == np.ndim(b) == 1 else tensordot(a, b, axes=([-1], [-1]))


@implements(np.outer)
def outer(a: object, b: object, out: object = None) -> object:
    """All products of the elements of two arrays, taken as 1-D. COLLECTIVE where maps differ.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.outer(pm.arange(2, map=pm.Map([1])), [1, 2, 3]).local
    array([[0, 0, 0],
           [1, 2, 3]])
    """
    if not distributed(a, b):
        return np.outer(a, b, out)
    a, b = (x if np.ndim(x) == 1 else np.reshape(x, -1) for x in (a, b))
    a, b = arrays(a, b)
    return put_out("np.outer", out, a[:, None] * b[None, :])


@implements(np.tensordot, np.linalg.tensordot)
def tensordot(
    x1: object, x2: object, /, axes: int | tuple[Sequence[int], Sequence[int]] = 2
) -> object:
    """Sum of products over pairs of axes, as ``numpy.tensordot``. COLLECTIVE.

    Parameters
    ----------
    x1, x2 : DistArray or ndarray
        Operands.
    axes : int or pair of sequences of int
        How many last axes of x1 meet as many first axes of x2, or which meet which.

    Returns
    -------
    DistArray
        The axes of x1 that are left, then those of x2; its map as that of :func:`matmul`. A scalar
        where none is left, in canonical order (C2).

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.tensordot(pm.ones((2, 3), map=pm.Map([1, 1])), np.ones((2, 3))))
    6.0
    """
    if not distributed(x1, x2):
        return np.tensordot(x1, x2, axes=axes)
    a, b = arrays(x1, x2)
    axes1, axes2 = _pairs(axes, a.ndim)
    axes1 = [axis_from_front(d, a.ndim) for d in axes1]
    axes2 = [axis_from_front(d, b.ndim) for d in axes2]
    lengths = [a.shape[d] for d in axes1], [b.shape[d] for d in axes2]
    if lengths[0] != lengths[1]:
        raise ShapeError(
            f"tensordot: shape-mismatch for sum: shapes {a.shape} and {b.shape} over axes "
            f"{axes1} and {axes2} have lengths {lengths[0]} and {lengths[1]}"
        )
    if len(set(axes1)) != len(axes1) or len(set(axes2)) != len(axes2):
        raise ShapeError(f"tensordot: axes {axes} name one twice")
    labels1 = [("a", d) for d in range(a.ndim)]
    labels2 = [labels1[axes1[axes2.index(d)]] if d in axes2 else ("b", d) for d in range(b.ndim)]
    out = [k for k in labels1 + labels2 if (k in labels1) != (k in labels2)]
    if not out:  # a dot product: in canonical order
        product = np.multiply(a, b.transpose([labels2.index(k) for k in labels1]))
        return product.any() if product.dtype.kind == "b" else product.sum(dtype=product.dtype)
    return contract(a, labels1, b, labels2, out, "tensordot")


def _pairs(axes: object, ndim: int) -> tuple[list[int], list[int]]:
    """The axes of both operands that meet."""
    if not np.iterable(axes):
        count = index(axes)
        return list(range(ndim - count, ndim)), list(range(count))
    first, second = axes
    return [list(d) if np.iterable(d) else [d] for d in (first, second)]

"""Products of one rank's blocks whose axes carry labels (pure NumPy and BLAS)."""

from math import prod

import numpy as np
from scipy.linalg import blas

BLAS_TYPES = {"f": blas.sgemm, "d": blas.dgemm, "F": blas.cgemm, "D": blas.zgemm}


def multiplied(
    c: np.ndarray,
    out: tuple,
    a: np.ndarray,
    labels_a: tuple,
    b: np.ndarray,
    labels_b: tuple,
    add: bool = False,
) -> None:
    """Put (or add) the sum of products over the labels that are not in ``out`` into c.

    Parameters
    ----------
    c : ndarray
        Written; its axes are ``out``.
    a, b : ndarray
        The factors; each summed label is in both.
    add : bool
        Add to what c holds.
    """
    both = [k for k in labels_a if k in labels_b]
    batch = [k for k in both if k in out]
    summed = [k for k in both if k not in out]
    left = [k for k in labels_a if k not in both]
    right = [k for k in labels_b if k not in both]
    lengths = {
        **dict(zip(labels_a, a.shape, strict=True)),
        **dict(zip(labels_b, b.shape, strict=True)),
    }
    if c.size == 0:
        return
    a, b = a.astype(c.dtype, copy=False), b.astype(c.dtype, copy=False)
    a3 = _grouped(a, labels_a, [batch, left, summed], lengths)
    b3 = _grouped(b, labels_b, [batch, summed, right], lengths)
    order = [out.index(k) for k in (*batch, *left, *right)]
    c3 = c.transpose(order)
    if not batch and len(left) == len(right) == 1:
        _gemm(c3, a3[0], b3[0], add)
        return
    product = (a3 @ b3).reshape(c3.shape)
    if not add:
        c3[...] = product
    elif c.dtype == bool:
        c3 |= product
    else:
        c3 += product


def _grouped(x: np.ndarray, labels: tuple, groups: list, lengths: dict) -> np.ndarray:
    """The array with three axes, one for each group of labels."""
    order = [labels.index(k) for group in groups for k in group]
    shape = [prod(lengths[k] for k in group) for group in groups]
    return x.transpose(order).reshape(shape)


def _gemm(c: np.ndarray, a: np.ndarray, b: np.ndarray, add: bool) -> None:
    """Make c = a b, or c += a b without a temporary where BLAS can do it."""
    if not add:
        np.matmul(a, b, out=c)
        return
    gemm = BLAS_TYPES.get(c.dtype.char)
    if gemm is None or not (c.flags.c_contiguous or c.flags.f_contiguous) or not a.shape[1]:
        if c.dtype == bool:
            c |= a @ b
        else:
            c += a @ b
        return
    if c.flags.c_contiguous:
        c, a, b = c.T, b.T, a.T
    a, trans_a = _for_blas(a)
    b, trans_b = _for_blas(b)
    gemm(1.0, a, b, 1.0, c, trans_a, trans_b, True)


def _for_blas(x: np.ndarray) -> tuple[np.ndarray, int]:
    """The matrix in Fortran order, and 1 where it is to be read transposed."""
    if x.flags.f_contiguous:
        return x, 0
    if x.flags.c_contiguous:
        return x.T, 1
    return np.asfortranarray(x), 0

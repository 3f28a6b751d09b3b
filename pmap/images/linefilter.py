"""One-dimensional filters of SciPy along an axis of a large block, at the speed of the cache.

SciPy follows one line after the other. Along any axis but the last, its steps through memory are
often a large power of two, which the caches of a processor cannot hold side by side. A panel of
lines that lies in memory of another width is filtered with the same bits in two thirds of the
time.
"""

from collections.abc import Callable
from itertools import product
from math import prod

import numpy as np

PANEL_BYTES = 1 << 19
"""A panel and its result fit the second cache of a core."""
LINE_BYTES = 64


def filtered(
    line: Callable, axis: int, block: np.ndarray, inner: tuple[slice, ...], out: np.ndarray
) -> None:
    """Put a filtered block, or the inner part of it along the axis, into ``out``. LOCAL.

    Parameters
    ----------
    line : callable
        ``line(block, axis=..., output=...)``, as SciPy's filters along one axis.
    axis : int
        From the front.
    block : ndarray
    inner : tuple of slice
        The part of the result that is wanted; less than the whole along ``axis`` alone.
    out : ndarray
        Of the shape of that part; it may be the block itself where the whole is wanted.
    """
    n = block.shape[axis]
    everything = inner[axis] == slice(0, n)
    flat = block.flags.c_contiguous and out.flags.c_contiguous
    if axis < block.ndim - 1 and flat and block.nbytes > PANEL_BYTES:
        _panels(line, axis, block, inner[axis], out)
    elif everything:
        line(block, axis=axis, output=out)
    else:
        out[...] = line(block, axis=axis, output=out.dtype)[inner]


def _panels(line: Callable, axis: int, block: np.ndarray, inner: slice, out: np.ndarray) -> None:
    """Panels of lines, each read whole before any of it is written."""
    before, n, after = prod(block.shape[:axis]), block.shape[axis], prod(block.shape[axis + 1 :])
    source = block.reshape(before, n, after)
    target = out.reshape(before, out.shape[axis], after)
    width = max(64, PANEL_BYTES // (n * max(block.itemsize, out.itemsize)))
    pad = LINE_BYTES // block.itemsize
    room = np.empty((n, min(width, after) + pad), block.dtype)
    made = np.empty((n, min(width, after) + pad), out.dtype)
    for i, start in product(range(before), range(0, after, width)):
        columns = slice(start, min(start + width, after))
        k = columns.stop - start
        room[:, :k] = source[i, :, columns]
        line(room[:, :k], axis=0, output=made[:, :k])
        target[i, :, columns] = made[inner, :k]

"""Windows that move along an axis: convolution, correlation, sliding views."""

from collections.abc import Sequence

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..doors import stands_for
from ..errors import InputError, ShapeError, UnsupportedError
from ..layout.axismaps import AxisMap
from ..layout.resultmaps import auto_over, contiguous, with_length
from ..ranks import comm
from ..ranks.moving import everywhere
from .widening import widened

Array = DistArray | np.ndarray
TAPS = 4096
"""Of more taps, so many are summed up at a time: BLAS may share out longer sums over threads."""


@stands_for(np.convolve)
def convolve(a: Array, v: Array, mode: str = "full") -> DistArray:
    """Convolution of two 1-D arrays, as ``numpy.convolve``. COLLECTIVE.

    Parameters
    ----------
    a, v : DistArray or ndarray, 1-D
        The shorter one goes to every rank (up to ``pm.options.gather_limit``).
    mode : {"full", "same", "valid"}
        Which outputs, as NumPy's.

    Returns
    -------
    DistArray
        In blocks over the ranks of the longer one. Each output is one sum of NumPy's, as in one
        call on the whole array.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.convolve(pm.arange(4, map=pm.Map([1])), [1, 1], "valid").local
    array([1, 3, 5])
    """
    a, v = _line(a, "a"), _line(v, "v")
    a, v = (v, a) if v.size > a.size else (a, v)
    return _slid(a, np.asarray(v)[::-1], mode)


@stands_for(np.correlate)
def correlate(a: Array, v: Array, mode: str = "valid") -> DistArray:
    """Cross-correlation of two 1-D arrays, as ``numpy.correlate``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.correlate(pm.arange(4, map=pm.Map([1])), [1, -1]).local
    array([-1, -1, -1])
    """
    a, v = _line(a, "a"), np.conj(_line(v, "v"))
    if v.size > a.size:
        return _slid(v, np.asarray(a), mode)[::-1]
    return _slid(a, np.asarray(v), mode)


def _line(x: object, name: str) -> Array:
    x = x if isinstance(x, DistArray) else np.asarray(x)
    x = x[None] if x.ndim == 0 else x
    if x.ndim > 1:
        raise ShapeError(f"object too deep for desired array: {name} has shape {x.shape}, not 1-D")
    if not x.size:
        raise ShapeError(f"{name} cannot be empty")
    return x


def _slid(a: Array, taps: np.ndarray, mode: str) -> DistArray:
    """Sums of products of the taps with a window of the longer array."""
    n, m = a.shape[0], len(taps)
    spans = {"full": (n + m - 1, 1 - m), "same": (n, -(m // 2)), "valid": (n - m + 1, 0)}
    if mode not in spans:
        raise InputError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    length, offset = spans[mode]
    world = comm.world()
    if isinstance(a, DistArray):
        held = contiguous(a.map, 0)
        target = held if length == n else with_length(held, 0)
    else:
        a = DistArray(a, a.shape, everywhere(1, world), world)
        target = auto_over(tuple(range(world.size)), (length,))
    # m elements more on both sides: NumPy chooses its sum by whether the window is the longer one
    low, high = m - offset, 2 * m - 1 + offset
    part = widened(a, 0, low, high, target, (length,), "convolve")
    owned = target.owned((length,), world.rank)
    if part.size:
        lo, count = owned[0].lo, len(owned[0])
        out = _sums(part, taps, count, lo + offset - max(lo - low, 0))
    else:
        out = np.empty(0, np.result_type(a.dtype, taps.dtype))
    return DistArray(out, (length,), target, world)


def _sums(part: np.ndarray, taps: np.ndarray, count: int, shift: int) -> np.ndarray:
    """``out[i] = sum of part[i + shift + j] * taps[j]`` over the j that are inside."""
    if len(taps) <= TAPS:
        first = shift + len(taps) - 1
        return np.convolve(part, taps[::-1])[first : first + count]
    out = np.zeros(count, np.result_type(part.dtype, taps.dtype))
    for j in range(0, len(taps), TAPS):
        some = taps[j : j + TAPS]
        sums = np.convolve(part, some[::-1])
        first = shift + j + len(some) - 1
        lo, hi = max(0, -first), min(count, len(sums) - first)
        if lo < hi:
            out[lo:hi] += sums[first + lo : first + hi]
    return out


@stands_for(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: DistArray,
    window_shape: int | Sequence[int],
    axis: int | Sequence[int] | None = None,
    *,
    subok: bool = False,
    writeable: bool = False,
) -> DistArray:
    """Windows of an array as new axes at the end: each rank's are views of one copy. COLLECTIVE.

    Raises
    ------
    UnsupportedError
        ``writeable=True``: windows of different ranks would be different copies.
    """
    if writeable:
        raise UnsupportedError("sliding_window_view of a DistArray: writeable=True is not there")
    sizes = tuple(window_shape) if np.iterable(window_shape) else (window_shape,)
    if axis is None:
        axes = tuple(range(x.ndim))
    else:
        axes = tuple(axis_from_front(a, x.ndim) for a in (axis if np.iterable(axis) else (axis,)))
    if any(n < 0 for n in sizes):
        raise ShapeError("`window_shape` cannot contain negative values")
    if len(sizes) != len(axes):
        raise ShapeError(f"Must provide matching length window_shape and axis: {sizes}, {axes}")
    for size, a in zip(sizes, axes, strict=True):
        x = _windows(x, size, a)
    return x


def _windows(x: DistArray, size: int, axis: int) -> DistArray:
    n = x.shape[axis] - size + 1
    if n < 1:
        raise ShapeError(f"window shape cannot be larger than input array shape: {size}, {x.shape}")
    shape = tuple(n if a == axis else m for a, m in enumerate(x.shape))
    target = with_length(contiguous(x.map, axis), axis)
    part = widened(x, axis, 0, size - 1, target, shape, "sliding_window_view")
    held = target.with_axes([*target.axes, AxisMap()])
    world = x.world
    if part.size:
        block = np.lib.stride_tricks.sliding_window_view(part, size, axis)
    else:
        block = np.empty(held.local_shape((*shape, size), world.rank), x.dtype)
    return DistArray(block, (*shape, size), held, world)

"""Differences along axes: gradient and unwrap."""

import numpy as np

from ..allocation import as_shape
from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front, normalise_axes
from ..doors import stands_for
from ..errors import InputError, ShapeError, UnsupportedError
from ..layout.resultmaps import contiguous
from ..ranks import pool
from ..ranks.moving import moved
from .widening import neighbours

Spacing = float | np.ndarray
PANEL = 1 << 14
"""Elements of a panel."""


@stands_for(np.gradient)
def gradient(
    f: DistArray,
    *varargs: object,
    axis: int | tuple[int, ...] | None = None,
    edge_order: int = 1,
) -> DistArray | tuple[DistArray, ...]:
    """Central differences, one-sided at the ends, as ``numpy.gradient``. COLLECTIVE.

    Parameters
    ----------
    f : DistArray
    *varargs : float or 1-D array
        Spacing of the samples, one for all axes or one each; or their coordinates.
    axis : int or tuple of int, optional
        All axes where omitted.
    edge_order : {1, 2}
        Order of the differences at the ends.

    Returns
    -------
    DistArray or tuple of DistArray
        One for each axis, in the map of f. Each rank reads one or two elements of its neighbours;
        a cyclic axis is brought to blocks and back.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.gradient(pm.arange(4, map=pm.Map([1])) ** 2).local
    array([1., 2., 4., 5.])
    """
    axes = range(f.ndim) if axis is None else _given_axes(axis, f.ndim)
    spacings = _spacings(f, varargs, list(axes))
    if edge_order not in (1, 2):
        raise InputError(f"edge_order {edge_order}: 'edge_order' greater than 2 not supported")
    if f.dtype.kind not in "fciub":
        raise UnsupportedError(f"np.gradient of {f.dtype} is not there for a DistArray")
    for a in axes:
        if f.shape[a] < edge_order + 1:
            raise ShapeError(
                "Shape of array too small to calculate a numerical gradient, at least "
                f"{edge_order + 1} elements are required; axis {a} of {f.shape}"
            )
    found = tuple(_derived(f, a, dx, edge_order) for a, dx in zip(axes, spacings, strict=True))
    return found[0] if len(found) == 1 else found


def _given_axes(axis: object, ndim: int) -> list[int]:
    normalise_axes(axis, ndim)  # refuses what is out of range or named twice
    return [axis_from_front(a, ndim) for a in (axis if isinstance(axis, tuple) else (axis,))]


def _spacings(f: DistArray, given: tuple, axes: list[int]) -> list[Spacing]:
    """One number, or differences between coordinates, for each axis."""
    given = tuple(np.asarray(g) if isinstance(g, DistArray) else g for g in given)
    if not given:
        return [1.0] * len(axes)
    if len(given) == 1 and np.ndim(given[0]) == 0:
        return list(given) * len(axes)
    if len(given) != len(axes):
        raise TypeError(f"invalid number of arguments: {len(given)} spacings, {len(axes)} axes")
    found = []
    for dx, a in zip(given, axes, strict=True):
        if np.ndim(dx) == 0:
            found.append(dx)
            continue
        if np.ndim(dx) > 1:
            raise ShapeError("distances must be either scalars or 1d")
        if len(dx) != f.shape[a]:
            raise ShapeError(
                "when 1d, distances must match the length of the corresponding dimension: "
                f"{len(dx)} for {f.shape[a]}"
            )
        dx = np.asarray(dx)
        steps = np.diff(dx.astype(np.float64) if dx.dtype.kind in "iu" else dx)
        found.append(steps[0] if (steps == steps[0]).all() else steps)
    return found


def _derived(f: DistArray, axis: int, dx: Spacing, edge_order: int) -> DistArray:
    """The derivative along one axis, in the map of f."""
    own, world = f.map.without_overlap(), f.world
    held = contiguous(own, axis)
    block = f.block_under(held, "gradient")
    low, high = neighbours(DistArray(block, f.shape, held, world), axis, edge_order, "gradient")
    kind = block.dtype if block.dtype.kind in "fc" else np.dtype(np.float64)
    out = pool.empty(held.local_shape(f.shape, world.rank), kind)
    if out.size:
        span = held.owned(f.shape, world.rank)[axis]
        parts = [np.moveaxis(p.astype(kind, copy=False), axis, -1) for p in (low, block, high)]
        _pieced(
            parts, np.moveaxis(out, axis, -1), (span.lo, span.hi, f.shape[axis]), dx, edge_order
        )
    return DistArray(moved(out, f.shape, held, own, world, "gradient"), f.shape, own, world)


def _pieced(
    parts: list[np.ndarray],
    out: np.ndarray,
    place: tuple[int, int, int],
    dx: Spacing,
    edge_order: int,
) -> None:
    """Differences of a block that has neighbours: inside it, then where it meets them."""
    (low, block, high), (lo, hi, n) = parts, place
    first, reach = lo - low.shape[-1], 2 * edge_order
    if hi - lo < 2 * reach:
        whole = np.concatenate(parts, axis=-1)
        _differences(whole, out, (lo, hi, first, n), dx, edge_order)
        return
    a, b = lo + (lo > 0), hi - (hi < n)
    _differences(block, out[..., a - lo : b - lo], (a, b, lo, n), dx, edge_order)
    if lo > 0:
        near = np.concatenate([low, block[..., :reach]], axis=-1)
        _differences(near, out[..., :1], (lo, lo + 1, first, n), dx, edge_order)
    if hi < n:
        near = np.concatenate([block[..., -reach:], high], axis=-1)
        _differences(near, out[..., -1:], (hi - 1, hi, hi - reach, n), dx, edge_order)


def _differences(
    f: np.ndarray, out: np.ndarray, place: tuple[int, int, int, int], dx: Spacing, edge_order: int
) -> None:
    """Differences along the last axis of indices [lo, hi) of n, f beginning at index ``first``."""
    lo, hi, first, n = place
    a, b = max(lo, 1), min(hi, n - 1)
    if a < b:
        left, here, right = (f[..., a - first + k : b - first + k] for k in (-1, 0, 1))
        inner = out[..., a - lo : b - lo]
        if np.ndim(dx) == 0:
            _central(left, right, inner, 2.0 * dx)
        else:
            d1, d2 = dx[a - 1 : b - 1], dx[a:b]
            before = -d2 / (d1 * (d1 + d2))
            middle, after = (d2 - d1) / (d1 * d2), d1 / (d2 * (d1 + d2))
            inner[...] = before * left + middle * here + after * right
    if lo == 0:
        out[..., 0] = _at_end([f[..., k] for k in range(edge_order + 1)], dx, 0)
    if hi == n:
        out[..., -1] = _at_end([f[..., k] for k in range(-edge_order - 1, 0)], dx, -1)


def _central(left: np.ndarray, right: np.ndarray, out: np.ndarray, step: float) -> None:
    """``(right - left) / step``, in panels that stay in the cache between the two."""
    axis = int(np.argmax(np.abs(out.strides)))
    rows = max(1, PANEL * out.shape[axis] // max(out.size, 1))
    for at in range(0, out.shape[axis], rows):
        part = (*(slice(None),) * axis, slice(at, at + rows))
        np.subtract(right[part], left[part], out=out[part])
        np.divide(out[part], step, out=out[part], casting="unsafe")


def _at_end(f: list[np.ndarray], dx: Spacing, end: int) -> np.ndarray:
    """The one-sided difference at the first (0) or last (-1) index."""
    if len(f) == 2:
        return (f[1] - f[0]) / (dx if np.ndim(dx) == 0 else dx[end])
    if np.ndim(dx) == 0:
        a, b, c = (-1.5 / dx, 2.0 / dx, -0.5 / dx) if end == 0 else (0.5 / dx, -2.0 / dx, 1.5 / dx)
    elif end == 0:
        d1, d2 = dx[0], dx[1]
        a = -(2.0 * d1 + d2) / (d1 * (d1 + d2))
        b, c = (d1 + d2) / (d1 * d2), -d1 / (d2 * (d1 + d2))
    else:
        d1, d2 = dx[-2], dx[-1]
        a, b = d2 / (d1 * (d1 + d2)), -(d2 + d1) / (d1 * d2)
        c = (2.0 * d2 + d1) / (d2 * (d1 + d2))
    return a * f[0] + b * f[1] + c * f[2]


@stands_for(np.unwrap)
def unwrap(
    p: DistArray, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi
) -> DistArray:
    """Jumps along an axis made smaller by whole periods, as ``numpy.unwrap``. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.unwrap(pm.arange(5, map=pm.Map([1])) % 3, period=3).local
    array([0, 1, 2, 3, 4])
    """
    axis = axis_from_front(axis, p.ndim)
    shape = as_shape(p.shape)
    before = (slice(None),) * axis
    later = p[(*before, slice(1, None))]
    steps = later - p[(*before, slice(None, -1))]
    discont = period / 2 if discont is None else discont
    kind = np.result_type(steps.dtype, period)
    if kind.kind in "iu":
        high, rest = divmod(period, 2)
        ambiguous = rest == 0
    else:
        high, ambiguous = period / 2, True
    low = -high
    folded = np.mod(steps - low, period) + low
    if ambiguous:
        folded = np.where((folded == low) & (steps > 0), high, folded)
    correction = np.where(np.abs(steps) < discont, 0, folded - steps)
    out = p.astype(kind)
    if shape[axis] > 1:
        out[(*before, slice(1, None))] = later + np.cumsum(correction, axis=axis)
    return out

"""Elementwise work on blocks: result maps, and ndarrays cut to a rank's part (pure)."""

from collections.abc import Sequence

import numpy as np

from ..layout.maps import AxisMap, Map, Shape
from ..layout.splits import Periodic


def result_map(shape: Shape, operands: Sequence[tuple[Shape, Map]]) -> Map:
    """The map of an elementwise result.

    Parameters
    ----------
    shape : tuple of int
        The broadcast shape.
    operands : sequence of (shape, map)
        The distributed operands in their order.

    Returns
    -------
    Map
        The map of the first operand that has the result's shape, else the splits of the first
        operand on the axes that it keeps, the others whole.
    """
    for own, held in operands:
        if own == shape:
            return held.without_overlap()
    own, held = operands[0]
    lead = len(shape) - len(own)
    axes = [AxisMap()] * lead + [
        axis if n == shape[lead + a] else AxisMap()
        for a, (axis, n) in enumerate(zip(held.without_overlap().axes, own, strict=True))
    ]
    return held.with_axes(axes)


def operand_map(own: Shape, shape: Shape, target: Map) -> Map:
    """The map under which an operand meets a result's blocks: broadcast axes are whole."""
    lead = len(shape) - len(own)
    axes = [target.axes[lead + a] if n == shape[lead + a] else AxisMap() for a, n in enumerate(own)]
    return target.with_axes(axes)


def cut(values: np.ndarray, shape: Shape, owned: tuple[Periodic, ...] | None) -> np.ndarray:
    """The part of an ndarray, equal on all ranks, that meets a rank's block of a result.

    Parameters
    ----------
    values : ndarray
        Broadcastable to ``shape``.
    shape : tuple of int
        Global shape of the result.
    owned : tuple of Periodic or None
        What the rank owns of the result; None for a rank outside the map.
    """
    lead = len(shape) - values.ndim
    for a in range(values.ndim):
        if values.shape[a] == 1 and shape[lead + a] != 1:
            continue
        values = take(values, a, Periodic(0, 0) if owned is None else owned[lead + a])
    return values


def as_numbers(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Text and Python objects in an array's type, whole: what does not fit raises on all ranks."""
    text = values.dtype.kind in "SUTO" and dtype.kind not in "SUTO"
    return values.astype(dtype) if text else values


def take(values: np.ndarray, axis: int, owned: Periodic) -> np.ndarray:
    """The owned indices of one axis: a view where they have one stride, else a copy."""
    at = [slice(None)] * values.ndim
    at[axis] = regular_slice(owned)
    if at[axis] is None:
        return np.take(values, owned.indices(), axis=axis)
    return values[tuple(at)]


def regular_slice(owned: Periodic) -> slice | None:
    """The set as a slice, where it is one."""
    if owned.contiguous:
        return slice(owned.lo, max(owned.lo, owned.hi))
    if len(owned.runs) == 1 and owned.runs[0][1] - owned.runs[0][0] == 1:
        start = owned.lo + (owned.runs[0][0] - owned.lo) % owned.period
        return slice(start, max(start, owned.hi), owned.period)
    return None


def forwards(block: object) -> object:
    """A block of whose memory NumPy's arithmetic does not depend; what is no ndarray as it is.

    NumPy rounds some functions otherwise where it steps backwards through memory, and those of
    float16 where it steps over elements. Which blocks do depends on the map (C2).
    """
    if not isinstance(block, np.ndarray) or block.flags.c_contiguous:
        return block
    if block.dtype == np.float16 or any(s < 0 for s in block.strides):
        return np.ascontiguousarray(block)
    return block

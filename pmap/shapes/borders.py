"""The borders of a padded array whose values are computed, axis by axis as NumPy does it."""

from collections.abc import Iterator

import numpy as np

from ..arrays.distarray import DistArray
from ..errors import InputError, UnsupportedError

Widths = list[tuple[int, int]]
STATISTICS = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}


def constant(made: DistArray, widths: Widths, values: object) -> None:
    """Fill the borders with constants, later axes over earlier ones. LOCAL."""
    block, owned = made.block, made.map.owned(made.shape, made.world.rank)
    pairs = _pairs(values, made.ndim, made.dtype)
    for axis, (before, after) in enumerate(widths if owned is not None else ()):
        inner = (slice(None),) * axis
        head = owned[axis].position(before)
        tail = owned[axis].position(made.shape[axis] - after)
        block[(*inner, slice(0, head))] = pairs[axis][0]
        block[(*inner, slice(tail, None))] = pairs[axis][1]


def _pairs(values: object, ndim: int, dtype: np.dtype | None = None) -> list:
    """A value before and after each axis, as NumPy spreads them."""
    if isinstance(values, dict):
        spread = [(0, 0)] * ndim
        for axis, value in values.items():
            spread[axis] = value if isinstance(value, tuple) else (value, value)
        values = spread
    given = np.asarray(values)
    if dtype is not None:
        given = given.astype(dtype, copy=False)
    try:
        return (
            np.broadcast_to(given, (ndim, 2)).tolist()
            if dtype is None
            else list(np.broadcast_to(given, (ndim, 2)))
        )
    except ValueError:
        raise InputError(
            f"operands could not be broadcast together: values of shape {given.shape} for {ndim} "
            "axes; give (before, after) for each"
        ) from None


def _rooms(made: DistArray, widths: Widths) -> Iterator[tuple[int, DistArray]]:
    """For each padded axis what NumPy pads: later axes without their borders."""
    for axis, pair in enumerate(widths):
        if any(pair):
            later = [slice(a, n - b) for (a, b), n in zip(widths, made.shape, strict=True)]
            yield axis, made[(*(slice(None),) * (axis + 1), *later[axis + 1 :], Ellipsis)]


def _along(axis: int, start: int, stop: int | None, step: int = 1) -> tuple:
    return (*(slice(None),) * axis, slice(start, stop, step))


def ramp(made: DistArray, widths: Widths, end_values: object) -> None:
    """Fill the borders with lines from the end values to the edges. COLLECTIVE."""
    ends = _pairs(end_values, made.ndim)
    for axis, room in _rooms(made, widths):
        before, after = widths[axis]
        n = room.shape[axis]
        left = room[_along(axis, before, before + 1)]
        right = room[_along(axis, n - after - 1, n - after)]
        _line(room[_along(axis, 0, before)], left, ends[axis][0], axis, False)
        _line(room[_along(axis, n - after, n)], right, ends[axis][1], axis, True)


def _line(slab: DistArray, edge: DistArray, end: float, axis: int, falling: bool) -> None:
    """A line from its end value to the edge, written backwards where it falls to the end."""
    width = slab.shape[axis]
    if not width:
        return
    spread = np.broadcast_to(edge, slab.shape)
    near = spread.block_under(slab.map, "pad")
    owned = slab.map.owned(slab.shape, slab.world.rank)
    if owned is None or not near.size:
        return
    first = near[_along(axis, 0, 1)].squeeze(axis)
    line = np.linspace(end, first, width, endpoint=False, dtype=slab.dtype, axis=axis)
    line = line[_along(axis, None, None, -1)] if falling else line
    slab.put_block(np.take(line, owned[axis].indices(), axis))


def statistic(made: DistArray, widths: Widths, name: str, lengths: object) -> None:
    """Fill the borders with a statistic of the elements next to them. COLLECTIVE."""
    stat = STATISTICS[name]
    given = [(None, None)] * made.ndim if lengths is None else _lengths(lengths, made.ndim)
    for axis, room in _rooms(made, widths):
        before, after = widths[axis]
        stop = room.shape[axis] - after
        most = stop - before
        left, right = (most if w is None else min(w, most) for w in given[axis])
        if 0 in (left, right) and name in ("maximum", "minimum"):
            raise InputError("stat_length of 0 yields no value for padding")
        low = _rounded(stat(room[_along(axis, before, before + left)], axis, keepdims=True), made)
        high = low
        if left != most or right != most:
            near = room[_along(axis, stop - right, stop)]
            high = _rounded(stat(near, axis, keepdims=True), made)
        room[_along(axis, 0, before)] = low
        room[_along(axis, stop, None)] = high


def _lengths(lengths: object, ndim: int) -> list:
    if isinstance(lengths, float):
        raise UnsupportedError(f"stat_length {lengths} must be a whole number")
    found = [[None if w is None else int(w) for w in pair] for pair in _pairs(lengths, ndim)]
    if any(w is not None and w < 0 for pair in found for w in pair):
        raise InputError("index can't contain negative values")
    return found


def _rounded(values: DistArray, made: DistArray) -> DistArray:
    return np.rint(values) if made.dtype.kind in "iu" and values.dtype.kind == "f" else values


def odd_reflection(
    made: DistArray, shape: tuple[int, ...], widths: Widths, include_edge: bool
) -> None:
    """Fill the borders with twice the edge less the reflection. COLLECTIVE."""
    for axis, room in _rooms(made, widths):
        low, high = widths[axis][0], widths[axis][0] + shape[axis]
        single = shape[axis] == 1
        while low > 0 or high < room.shape[axis]:
            turn = shape[axis] - (not include_edge)
            have = (high - low - (not include_edge)) // turn * turn if not single else 1
            low_before, high_before = low, high
            if low > 0:
                low = _reflect(room, axis, low, have, include_edge, -1, single)
            if high < room.shape[axis]:
                high = _reflect(room, axis, high, have, include_edge, 1, single)
            if (low, high) == (low_before, high_before):
                return


def _reflect(
    room: DistArray, axis: int, at: int, have: int, include_edge: bool, way: int, single: bool
) -> int:
    """One more reflection on one side of what is filled; the new end of that side."""
    length = min(have, at if way < 0 else room.shape[axis] - at)
    edge = at if way < 0 else at - 1
    edges = room[_along(axis, edge, edge + 1)]
    if single:  # as NumPy: an axis of length 1 repeats its edge
        values = edges
    else:
        first = edge - way * (0 if include_edge else 1)
        inner = (first, first + length) if way < 0 else (first - length + 1, first + 1)
        values = 2 * edges - np.flip(room[_along(axis, *inner)], axis)
    span = (at - length, at) if way < 0 else (at, at + length)
    room[_along(axis, *span)] = values
    return span[0] if way < 0 else span[1]

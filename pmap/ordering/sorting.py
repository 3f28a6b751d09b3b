"""Sorting: ``pm.sort``, ``pm.argsort``, and NumPy's sort, argsort, lexsort, partition.

The order of equal elements is always the stable one, so that the result has the same bits under
any map. NaN goes last and is written as ``numpy.nan``.
"""

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..errors import ShapeError, UnsupportedError
from ..layout.maps import Map
from ..ranks.moving import everywhere
from ..registry import implements
from ..shapes.flattening import in_order, run_map
from ..shapes.wholeaxis import along_axis, is_whole, lines_along, with_whole
from .samplesort import share_argsorted
from .sortlines import argsort_line, layout, sort_line, sorted_block, under_map

# -- the three doors ------------------------------------------------------------------------


def sort(
    x: DistArray | np.ndarray,
    /,
    *,
    axis: int | None = -1,
    descending: bool = False,
    stable: bool = True,
) -> DistArray | np.ndarray:
    """A sorted copy of an array along an axis. COLLECTIVE.

    Parameters
    ----------
    x : DistArray or ndarray
        Any type but objects; complex numbers are ordered by real, then imaginary part.
    axis : int or None
        The axis; None sorts the flattened array.
    descending : bool
        From the largest to the smallest.
    stable : bool
        Equal elements keep their order; they do so in any case.

    Returns
    -------
    DistArray or ndarray
        Under the map of x; 1-D in balanced blocks for ``axis=None``.

    Notes
    -----
    Sample sort with exact splitters; see :mod:`pmap.ordering.samplesort`. NaN is last (first where
    ``descending``). LOCAL where no rank has only a part of the axis.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.asarray([3, 1, 2], map=pm.Map([1]))
    >>> pm.sort(A).local
    array([1, 2, 3])
    """
    if not isinstance(x, DistArray):
        found = np.sort(x, axis=axis, stable=stable or None)
        return np.flip(found, -1 if axis is None else axis) if descending else found
    found = _sort(x, axis)
    return _reversed(found, axis, found.map) if descending and x.ndim else found


def argsort(
    x: DistArray | np.ndarray,
    /,
    *,
    axis: int | None = -1,
    descending: bool = False,
    stable: bool = True,
) -> DistArray | np.ndarray:
    """The indices that sort an array along an axis; equal elements keep their order. COLLECTIVE.

    Parameters and result map are those of :func:`pmap.sort`; the indices are int64, within the
    axis.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.asarray([3, 1, 2], map=pm.Map([1]))
    >>> pm.argsort(A).local
    array([1, 2, 0])
    """
    if not isinstance(x, DistArray):
        x = np.asarray(x)
        if not descending:
            return np.argsort(x, axis=axis, stable=stable or None)
        x, axis = (x.reshape(-1), 0) if axis is None else (x, axis)
        return x.shape[axis] - 1 - np.flip(np.argsort(np.flip(x, axis), axis, stable=True), axis)
    if not descending:
        return _argsort(x, axis)
    if axis is None or not x.ndim:
        x, axis = _flattened(x), 0
    n = x.shape[axis_from_front(axis, x.ndim)]
    return n - 1 - _reversed(_argsort(_flipped(x, axis), axis), axis, x.map)


@implements(np.sort)
def _np_sort(
    a: DistArray,
    axis: int | None = -1,
    kind: str | None = None,
    order: object = None,
    *,
    stable: bool | None = None,
) -> DistArray:
    _check_kind("np.sort", kind, order, stable, a.dtype.names)
    return _sort(a, axis)


@implements(np.argsort)
def _np_argsort(
    a: DistArray,
    axis: int | None = -1,
    kind: str | None = None,
    order: object = None,
    *,
    stable: bool | None = None,
) -> DistArray:
    _check_kind("np.argsort", kind, order, stable, a.dtype.names)
    return _argsort(a, axis)


@implements(np.partition)
def partition(
    a: DistArray,
    kth: object,
    axis: int | None = -1,
    kind: str = "introselect",
    order: object = None,
) -> DistArray:
    """The array with its kth elements where a sort puts them; it is a full sort. COLLECTIVE."""
    _check_kth(a, kth, axis)
    _check_kind("np.partition", None, order, None, a.dtype.names)
    return _sort(a, axis)


@implements(np.argpartition)
def argpartition(
    a: DistArray,
    kth: object,
    axis: int | None = -1,
    kind: str = "introselect",
    order: object = None,
) -> DistArray:
    """The indices that partition the array: those of a stable sort. COLLECTIVE."""
    _check_kth(a, kth, axis)
    _check_kind("np.argpartition", None, order, None, a.dtype.names)
    return _argsort(a, axis)


@implements(np.sort_complex)
def sort_complex(a: DistArray) -> DistArray:
    """The array sorted along its last axis, as complex numbers. COLLECTIVE."""
    found = _sort(a, -1)
    if found.dtype.kind == "c":
        return found
    small = found.dtype.char in "bhBH"
    return found.astype(np.complex64 if small else np.result_type(found.dtype, np.complex64))


def _check_kind(
    what: str, kind: object, order: object, stable: object, names: tuple | None
) -> None:
    if order is not None and names is None:
        raise ValueError(f"{what}: order={order!r} names a field, but the array has no fields")
    if order is not None:
        raise UnsupportedError(f"{what} of a DistArray: order= is not there; sort one field")
    if kind is not None and stable is not None:
        raise ValueError("`kind` and keyword parameters can not be given at the same time")
    known = ("quicksort", "heapsort", "mergesort", "stable")
    if kind is not None and str(kind).lower() not in known:
        raise ValueError(f"sort kind must be one of {', '.join(known)} (got {kind!r})")


def _check_kth(a: DistArray, kth: object, axis: int | None) -> None:
    n = a.size if axis is None else a.shape[axis_from_front(axis, a.ndim)]
    places = np.asarray(kth)
    if places.dtype.kind not in "iu":
        raise TypeError("Partition index must be integer")
    for k in places.reshape(-1):
        if not -n <= k < n:
            raise ValueError(f"kth(={k + n if k < 0 else k}) out of bounds ({n})")


# -- along an axis --------------------------------------------------------------------------


def _sort(x: DistArray, axis: int | None) -> DistArray:
    if axis is None:
        x, axis = _flattened(x), 0
    axis = axis_from_front(axis, x.ndim)
    return along_axis(x, axis, sorted_block, sort_line, "sort")


def _argsort(x: DistArray, axis: int | None) -> DistArray:
    if axis is None or not x.ndim:  # NumPy gives [0] for an array of no axes
        x, axis = _flattened(x), 0
    axis = axis_from_front(axis, x.ndim)
    return along_axis(x, axis, _argsorted_block, argsort_line, "argsort")


def _argsorted_block(block: np.ndarray, axis: int) -> np.ndarray:
    return np.argsort(block, axis=axis, kind="stable")


def _flattened(x: DistArray) -> DistArray:
    """The array in one dimension: its own blocks where they are runs, else balanced ones."""
    if x.ndim == 1:
        return x
    values, edges = in_order(x)
    return DistArray(values, (x.size,), run_map(edges, x), x.world)


def _flipped(x: DistArray, axis: int | None) -> DistArray:
    """A view with an axis reversed."""
    if not x.ndim:
        return x
    axis = axis_from_front(-1 if axis is None else axis, x.ndim)
    return x[(slice(None),) * axis + (slice(None, None, -1),)]


def _reversed(x: DistArray, axis: int | None, held: Map) -> DistArray:
    """The array with an axis reversed, under a map. COLLECTIVE where the axis is cut."""
    local = _flipped(x, axis).block_under(held.without_overlap(), "flip")
    return DistArray(np.ascontiguousarray(local), x.shape, held.without_overlap(), x.world)


@implements(np.lexsort)
def lexsort(keys: object, axis: int = -1) -> DistArray:
    """The stable order by several keys, the last one first, as ``numpy.lexsort``. COLLECTIVE."""
    keys = [keys[i] for i in range(len(keys))]
    if not keys:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    if len({np.shape(k) for k in keys}) != 1:
        raise ShapeError(f"all keys need to be the same shape; found {[np.shape(k) for k in keys]}")
    first = next(k for k in keys if isinstance(k, DistArray))
    axis = axis_from_front(axis, max(first.ndim, 1))
    if not first.ndim:
        return np.intp(0)
    keys = [k if isinstance(k, DistArray) else _like(k, first) for k in keys]
    if first.ndim == 1 and not is_whole(first, (0,)):
        return _lexsort_line(keys, first)
    whole = with_whole(first, (axis,), "lexsort")
    held = first.map.without_overlap()
    if whole is None:
        found = DistArray(np.empty(first.local_shape, np.intp), first.shape, held, first.world)
        for index in lines_along(first.shape, axis):
            found[index] = _lexsort_line([k[index] for k in keys], first[index])
        return found
    target = whole.map.without_overlap()
    blocks = [k.block_under(target, "lexsort") for k in keys]
    local = np.asarray(np.lexsort(blocks, axis=axis))
    found = DistArray(local, first.shape, target, first.world)
    return DistArray(found.block_under(held, "lexsort"), first.shape, held, first.world)


def _lexsort_line(keys: list[DistArray], first: DistArray) -> DistArray:
    """The order by several keys of one axis: that of their records, the last key in front."""
    parts = layout(first)
    values, runs = in_order(keys[0])
    runs_of = [values, *(in_order(k, runs)[0] for k in keys[1:])]
    records = np.empty(len(values), [(f"k{i}", v.dtype) for i, v in enumerate(runs_of[::-1])])
    for i, v in enumerate(runs_of[::-1]):
        records[f"k{i}"] = v
    start = runs[first.world.rank]
    tags = np.arange(start, start + len(values), dtype=np.intp)
    _, tags = share_argsorted(records, tags, *parts[:2], first.world)
    return under_map(tags, first, parts)


def _like(values: object, first: DistArray) -> DistArray:
    """A key that every rank has, as an array."""
    values = np.asarray(values)
    return DistArray(values, values.shape, everywhere(values.ndim, first.world), first.world)

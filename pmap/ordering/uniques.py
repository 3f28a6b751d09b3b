"""Unique values: the standard's ``unique_*`` and NumPy's ``np.unique``.

The values lie in ascending order over the ranks, each rank having those that it brought together.
Zeros of both signs are one value, written 0.0.
"""

from typing import NamedTuple

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..errors import UnsupportedError
from ..layout.maps import AxisMap, Map
from ..layout.splits import Split
from ..ranks.ragged import explicit_map
from ..registry import implements
from ..shapes.flattening import even_edges, in_order, once_each, put_in_order
from .uniqueruns import Unique, tagged_unique, unique_run


class UniqueAllResult(NamedTuple):
    """What :func:`unique_all` gives."""

    values: DistArray
    indices: DistArray
    inverse_indices: DistArray
    counts: DistArray


class UniqueCountsResult(NamedTuple):
    """What :func:`unique_counts` gives."""

    values: DistArray
    counts: DistArray


class UniqueInverseResult(NamedTuple):
    """What :func:`unique_inverse` gives."""

    values: DistArray
    inverse_indices: DistArray


@implements(np.unique_all)
def unique_all(x: DistArray | np.ndarray, /) -> tuple:
    """Unique values, their first positions, the way back, and how often each is. COLLECTIVE.

    Returns
    -------
    UniqueAllResult
        values, indices, counts : 1-D, explicit; inverse_indices : the shape and map of x.
        NaN are all different.

    Examples
    --------
    >>> import pmap as pm
    >>> found = pm.unique_all(pm.asarray([3, 1, 3], map=pm.Map([1])))
    >>> found.values.local, found.indices.local, found.inverse_indices.local, found.counts.local
    (array([1, 3]), array([1, 0]), array([1, 0, 1]), array([1, 2]))
    """
    if not isinstance(x, DistArray):
        return np.unique_all(x)
    return UniqueAllResult(*_tagged(x, (True, True, True), equal_nan=False))


@implements(np.unique_counts)
def unique_counts(x: DistArray | np.ndarray, /) -> tuple:
    """Unique values, and how often each is there. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.unique_counts(pm.asarray([3, 1, 3], map=pm.Map([1]))).counts.local
    array([1, 2])
    """
    if not isinstance(x, DistArray):
        return np.unique_counts(x)
    return UniqueCountsResult(*_tagged(x, (False, False, True), equal_nan=False))


@implements(np.unique_inverse)
def unique_inverse(x: DistArray | np.ndarray, /) -> tuple:
    """Unique values, and the position of each element's value among them. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.unique_inverse(pm.asarray([3, 1, 3], map=pm.Map([1]))).inverse_indices.local
    array([1, 0, 1])
    """
    if not isinstance(x, DistArray):
        return np.unique_inverse(x)
    return UniqueInverseResult(*_tagged(x, (False, True, False), equal_nan=False))


@implements(np.unique_values)
def unique_values(x: DistArray | np.ndarray, /) -> DistArray | np.ndarray:
    """Unique values in ascending order; NaN are all different. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.unique_values(pm.asarray([3, 1, 3], map=pm.Map([1]))).local
    array([1, 3])
    """
    if not isinstance(x, DistArray):
        return np.unique_values(x)
    return line_of(unique_run(once_each(x), x.world, equal_nan=False), x)


@implements(np.unique)
def unique(
    ar: DistArray,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,  # noqa: A002  NumPy's name
) -> object:
    """Unique values or, with ``axis``, unique parts of an array, as ``numpy.unique``. COLLECTIVE.

    Returns
    -------
    DistArray, or a tuple of them
        Values, first positions and counts are explicit over the ranks, in ascending order; the
        inverse has the shape and map of the array, or is 1-D with ``axis``.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> np.unique(pm.asarray([3, 1, 3], map=pm.Map([1]))).local
    array([1, 3])
    """
    if not isinstance(ar, DistArray):
        return np.unique(ar, return_index, return_inverse, return_counts, axis, equal_nan=equal_nan)
    wanted = (return_index, return_inverse, return_counts)
    if axis is not None:
        found = _unique_parts(ar, axis_from_front(axis, ar.ndim), wanted)
    elif any(wanted):
        found = _tagged(ar, wanted, equal_nan)
    else:
        return line_of(unique_run(once_each(ar), ar.world, equal_nan), ar)
    return tuple(found) if any(wanted) else found[0]


def line_of(run: np.ndarray, x: DistArray) -> DistArray:
    """The ranks' runs, one after the other, as a 1-D array. COLLECTIVE."""
    counts = np.concatenate(x.world.allgather_array(np.array([len(run)])))
    held = explicit_map(counts.tolist(), x.world)
    return DistArray(np.ascontiguousarray(run), (int(counts.sum()),), held, x.world)


def _tagged(x: DistArray, wanted: tuple[bool, bool, bool], equal_nan: bool) -> list[DistArray]:
    """Values, and of index, inverse and counts those that are wanted."""
    values, edges = in_order(x)
    found = tagged_unique(values, edges[x.world.rank], x.world, equal_nan)
    given = [line_of(found.values, x)]
    if wanted[0]:
        given.append(line_of(found.index, x))
    if wanted[1]:
        held = x.map.without_overlap()
        local = np.empty(held.local_shape(x.shape, x.world.rank), np.intp)
        inverse = DistArray(local, x.shape, held, x.world)
        put_in_order(inverse, found.inverse, edges)
        given.append(inverse)
    if wanted[2]:
        given.append(line_of(found.counts, x))
    return given


def _unique_parts(x: DistArray, axis: int, wanted: tuple[bool, bool, bool]) -> list[DistArray]:
    """Unique parts along an axis: each part is one record, compared element by element."""
    order = (axis, *(a for a in range(x.ndim) if a != axis))
    turned = x.transpose(order)
    size, rank = x.world.size, x.world.rank
    rows = Map.lattice(
        (size,), (AxisMap(0, Split("b")), *[AxisMap()] * (x.ndim - 1)), tuple(range(size))
    )
    block = np.ascontiguousarray(turned.block_under(rows, "unique"))
    width = int(np.prod(turned.shape[1:], dtype=np.int64))
    if x.dtype.kind == "V":
        raise UnsupportedError("np.unique: axis= is not there for structured dtypes")
    kind = np.dtype([(f"f{i}", x.dtype) for i in range(width)]) if width else np.dtype("u1")
    flat = block.reshape(len(block), width)
    records = flat.view(kind).reshape(-1) if width else np.zeros(len(block), kind)
    edges = even_edges(turned.shape[0], size)
    found = tagged_unique(records, edges[rank], x.world, equal_nan=False)
    given = [_as_parts(found, turned, order)]
    if wanted[0]:
        given.append(line_of(found.index, x))
    if wanted[1]:
        given.append(line_of(found.inverse, x))
    if wanted[2]:
        given.append(line_of(found.counts, x))
    return given


def _as_parts(found: Unique, turned: DistArray, order: tuple[int, ...]) -> DistArray:
    """Unique records as an array again, its axes in their old places."""
    rest = turned.shape[1:]
    line = line_of(found.values, turned)
    width = int(np.prod(rest, dtype=np.int64))
    local = line.block.view(turned.dtype) if width else np.empty(0, turned.dtype)
    held = Map.lattice(line.map.grid, (line.map.axes[0], *[AxisMap()] * len(rest)), line.map.procs)
    local = local.reshape(len(line.block), *rest)
    made = DistArray(local, (line.shape[0], *rest), held, turned.world)
    return made.transpose(tuple(np.argsort(order))).copy()

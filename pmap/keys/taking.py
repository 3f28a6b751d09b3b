"""Elements by their numbers: take, put and their like, on top of indexing."""

from collections.abc import Sequence

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..arrays.ufuncs import elementwise
from ..doors import stands_for
from ..errors import ShapeError, UnsupportedError
from ..layout.maps import Map
from ..ranges import arange
from ..ranks.moving import everywhere

Array = DistArray | np.ndarray


def as_index(indices: object) -> Array:
    """Whole numbers as an array; a DistArray as it is."""
    if not isinstance(indices, DistArray):
        indices = np.asarray(indices)
        if not indices.size and indices.dtype == float:
            indices = indices.astype(np.intp)
    if indices.dtype.kind not in "iub":
        raise UnsupportedError(f"indices of dtype {indices.dtype} are no whole numbers")
    return indices.astype(np.intp, copy=False)


def in_mode(indices: Array, n: int, mode: str, what: str) -> Array:
    """Indices brought into ``[0, n)`` as ``mode`` says; with "raise" they stay as they are."""
    if mode == "raise":
        return indices
    if mode not in ("wrap", "clip"):
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    if not n and indices.size:
        raise IndexError(f"{what}: cannot take from an axis of length 0")
    return indices % n if mode == "wrap" else np.clip(indices, 0, n - 1)


def flat_key(indices: Array, shape: tuple[int, ...], mode: str, what: str) -> tuple:
    """The key of elements that are counted in C order over the whole array."""
    size = int(np.prod(shape, dtype=np.int64))
    indices = in_mode(indices, size, mode, what)
    if mode == "raise" and indices.size:
        low, high = int(indices.min()), int(indices.max())
        if low < -size or high >= size:
            wrong = high if high >= size else low
            raise IndexError(f"index {wrong} is out of bounds for axis 0 with size {size} ({what})")
        indices = np.where(indices < 0, indices + size, indices)
    key = []
    for n in shape[:0:-1]:
        indices, i = np.divmod(indices, max(n, 1))
        key.append(i)
    return (indices, *key[::-1])


def distributed(x: object, like: DistArray) -> DistArray:
    """An ndarray, equal on all ranks, as a DistArray that every rank holds whole."""
    if isinstance(x, DistArray):
        return x
    x = np.asarray(x)
    return DistArray(x, x.shape, everywhere(x.ndim, like.world), like.world)


def _first_distarray(*values: object) -> DistArray:
    return next(x for x in values if isinstance(x, DistArray))


@stands_for(np.take)
def take(
    a: Array, indices: object, /, axis: int | None = None, out: object = None, mode: str = "raise"
) -> DistArray:
    """Elements along an axis by their numbers. COLLECTIVE.

    Parameters
    ----------
    a : DistArray or ndarray
        An ndarray is equal on all ranks.
    indices : int, array_like of int or DistArray
    axis : int, optional
        None: the numbers count over the whole array in C order.
    out : DistArray, optional
        Where to put the result.
    mode : {"raise", "wrap", "clip"}
        What to do with numbers that are out of range.

    Returns
    -------
    DistArray
        ``a[..., indices, ...]``, under the map that docs/reference/maps.md gives.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> np.take(pm.arange(10, map=pm.Map([1])), [7, 2]).local
    array([7, 2])
    """
    indices = as_index(indices)
    a = distributed(a, _first_distarray(a, indices))
    a = a if a.ndim else a[None]
    if axis is None:
        key = flat_key(indices, a.shape, mode, "take")
    else:
        axis = axis_from_front(axis, a.ndim)
        key = (slice(None),) * axis + (in_mode(indices, a.shape[axis], mode, "take"),)
    found = a[key]
    if not indices.shape and isinstance(found, DistArray):
        found = found.copy()
    if out is None:
        return found
    if out.shape != found.shape:
        raise ShapeError(f"take: out has shape {out.shape}, the result {found.shape}")
    out[...] = found
    return out


def _along_key(shape: tuple[int, ...], indices: Array, axis: int) -> tuple:
    """The key that means ``indices`` along one axis, and each place itself along the others."""
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if len(shape) != indices.ndim:
        raise ShapeError(
            f"`indices` and `arr` must have the same number of dimensions, not shapes "
            f"{indices.shape} and {shape}"
        )
    places = np.ix_(*[np.arange(n) for n in shape])
    return (*places[:axis], indices, *places[axis + 1 :])


@stands_for(np.take_along_axis)
def take_along_axis(arr: Array, indices: Array, /, axis: int | None = -1) -> DistArray:
    """For each place of ``indices`` the element of its own line with that number. COLLECTIVE.

    The result has the map of ``indices`` where this is a DistArray.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> A = pm.asarray(np.array([[3, 1, 2]]), map=pm.Map([1, 1]))
    >>> np.take_along_axis(A, np.argsort(np.asarray(A)), 1).local
    array([[1, 2, 3]])
    """
    arr = distributed(arr, _first_distarray(arr, indices))
    if axis is None:
        return take(arr, indices)
    axis = axis_from_front(axis, arr.ndim)
    lines = arr.map.without_overlap().axes[axis].grid_axis is None
    if lines and isinstance(indices, DistArray) and indices.map == arr.map.without_overlap():
        lengths = (*indices.shape[:axis], arr.shape[axis], *indices.shape[axis + 1 :])
        if lengths == arr.shape:
            return _along_whole_lines(arr, indices, axis)
    return arr[_along_key(arr.shape, indices, axis)]


def _along_whole_lines(arr: DistArray, indices: DistArray, axis: int) -> DistArray:
    """Every rank has its lines whole: nothing moves but the news of a wrong number."""
    n, block = arr.shape[axis], indices.block
    bad = None
    if block.size and (block.min() < -n or block.max() >= n):
        bad = int(block.max() if block.max() >= n else block.min())
    bad = next((b for b in arr.world.allgather(bad) if b is not None), None)
    if bad is not None:
        raise IndexError(f"index {bad} is out of bounds for axis {axis} with size {n}")
    local = np.take_along_axis(arr.block, block, axis)
    return DistArray(local, indices.shape, indices.map, arr.world)


@stands_for(np.put_along_axis)
def put_along_axis(arr: DistArray, indices: Array, values: object, axis: int | None) -> None:
    """Write to the places that :func:`take_along_axis` would read. COLLECTIVE."""
    check_target(arr, "put_along_axis")
    if axis is None:
        arr[flat_key(as_index(indices), arr.shape, "raise", "put_along_axis")] = values
        return
    arr[_along_key(arr.shape, indices, axis_from_front(axis, arr.ndim))] = values


def check_target(a: object, name: str) -> None:
    """Refuse to write distributed values into what is no DistArray."""
    if not isinstance(a, DistArray):
        raise UnsupportedError(
            f"np.{name} writes into a {type(a).__name__} from a DistArray; make its target a "
            "DistArray, or the others ndarrays with np.asarray"
        )


def repeated(values: object, n: int, like: DistArray) -> object:
    """The first n of some values in C order, from the start again where they are fewer."""
    if not isinstance(values, DistArray):
        values = np.asarray(values)
        return values if values.size == 1 else np.resize(values, n)
    if values.size == 1 or (values.ndim == 1 and values.size == n):
        return values.reshape(()) if values.size == 1 and values.ndim else values
    return take(values, arange(n, map=like_line(values)) % values.size)


def like_line(x: DistArray) -> Map:
    """A map of one axis in blocks over the ranks of an array."""
    return Map([len(x.map.procs)], procs=x.map.procs)


@stands_for(np.put)
def put(a: DistArray, ind: object, v: object, mode: str = "raise") -> None:
    """Write elements by their numbers in C order over the whole array. COLLECTIVE.

    Values that are fewer than the numbers are repeated; of several for one element the last in
    the order of ``ind`` remains.
    """
    check_target(a, "put")
    ind = as_index(ind)
    if not ind.size or not np.size(v):
        return
    ind = ind.reshape(-1)
    a[flat_key(ind, a.shape, mode, "put")] = repeated(v, ind.size, a)


@stands_for(np.compress)
def compress(condition: object, a: Array, axis: int | None = None, out: object = None) -> DistArray:
    """Slices along an axis (elements in C order) where a 1-D condition holds. COLLECTIVE."""
    condition = condition if isinstance(condition, DistArray) else np.asarray(condition)
    if condition.ndim != 1:
        raise ShapeError(f"condition must be a 1-d array, not of shape {condition.shape}")
    a = distributed(a, _first_distarray(a, condition))
    axis = None if axis is None else axis_from_front(axis, a.ndim)
    n = a.size if axis is None else a.shape[axis]
    if axis is not None and len(condition) == n:
        key = (slice(None),) * axis + (condition.astype(bool),)
        found = a[key]
        if out is not None:
            out[...] = found
        return found if out is None else out
    return take(a, np.nonzero(condition)[0], axis, out)


@stands_for(np.extract)
def extract(condition: Array, arr: Array) -> DistArray:
    """The elements, in C order, where a condition of the same size holds. COLLECTIVE."""
    condition = condition if isinstance(condition, DistArray) else np.asarray(condition)
    arr = distributed(arr, _first_distarray(arr, condition))
    if condition.shape == arr.shape:
        return arr[condition != 0]
    return take(arr, np.nonzero(np.ravel(condition))[0])


@stands_for(np.choose)
def choose(a: Array, choices: Sequence, out: object = None, mode: str = "raise") -> DistArray:
    """At each place the element of the choice that ``a`` numbers there. COLLECTIVE."""
    a, n = as_index(a), len(choices)
    if mode == "raise":
        if a.size and (int(a.min()) < 0 or int(a.max()) >= n):
            raise ValueError(f"invalid entry in choice array: a number is not in [0, {n})")
    how = "clip" if mode == "raise" else mode
    found = elementwise(lambda i, *c: np.choose(i, c, mode=how), (a, *choices), "choose")
    if out is not None:
        out[...] = found
    return found if out is None else out


@stands_for(np.select)
def select(condlist: Sequence, choicelist: Sequence, default: object = 0) -> DistArray:
    """At each place the element of the first choice whose condition holds. COLLECTIVE."""
    k = len(condlist)
    if k != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    return elementwise(
        lambda *blocks: np.select(blocks[:k], blocks[k : 2 * k], blocks[2 * k]),
        (*condlist, *choicelist, default),
        "select",
    )

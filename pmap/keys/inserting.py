"""Slices of an axis taken out or put in: delete and insert."""

import numpy as np

from ..allocation import allocate, auto
from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..doors import stands_for
from ..errors import GatherError
from ..settings import options
from .taking import take

Array = DistArray | np.ndarray


def _plain(obj: object) -> object:
    """Positions as NumPy takes them: a distributed list of them is brought together."""
    return np.asarray(obj) if isinstance(obj, DistArray) else obj


def _flat(arr: Array, axis: int | None) -> tuple[Array, int]:
    if axis is None:
        return (arr if arr.ndim == 1 else np.ravel(arr)), 0
    return arr, axis_from_front(axis, arr.ndim)


def _check_length(name: str, arr: Array, axis: int, itemsize: int, instead: str) -> None:
    """Every rank works out for the whole axis what stays: up to ``pm.options.gather_limit``."""
    needed = itemsize * arr.shape[axis]
    if needed > options.gather_limit:
        raise GatherError(
            f"np.{name} along axis {axis} of shape {arr.shape} needs {needed} bytes on every rank, "
            f"over pm.options.gather_limit = {options.gather_limit}; use {instead}"
        )


@stands_for(np.delete)
def delete(arr: Array, obj: object, axis: int | None = None) -> Array:
    """The array without some slices along an axis: a copy. COLLECTIVE.

    The axis becomes explicit: what stays remains with its owners as far as C order lets it.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> np.delete(pm.arange(4, map=pm.Map([1])), [0, 2]).local
    array([1, 3])
    """
    arr, axis = _flat(arr, axis)
    _check_length("delete", arr, axis, 1, "A[mask] with a distributed mask")
    kept = np.zeros(arr.shape[axis], bool)
    kept[np.delete(np.arange(arr.shape[axis]), _plain(obj))] = True
    return arr[(slice(None),) * axis + (kept,)]


@stands_for(np.insert)
def insert(arr: Array, obj: object, values: object, axis: int | None = None) -> Array:
    """The array with slices put in before positions of an axis: a copy. COLLECTIVE.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> np.insert(pm.arange(3, map=pm.Map([1])), 1, 9).local
    array([0, 9, 1, 2])
    """
    arr, axis = _flat(arr, axis)
    _check_length("insert", arr, axis, 8, "np.concatenate([A[:i], values, A[i:]])")
    n, obj = arr.shape[axis], _plain(obj)
    values = values if isinstance(values, DistArray) else np.asarray(values, arr.dtype)
    count = 1
    if not isinstance(obj, slice) and np.ndim(obj) == 0:
        if values.ndim < arr.ndim:
            values = values[(None,) * (arr.ndim - values.ndim) + (Ellipsis,)]
        values = np.moveaxis(values, 0, axis)
        count = values.shape[axis]
        obj = int(obj)
        recipe = np.insert(np.arange(n), obj, np.full(count, -1))
    else:
        recipe = np.insert(np.arange(n), obj, -1)
        single = np.size(np.arange(n)[obj] if isinstance(obj, slice) else obj) == 1
        if single and values.ndim and values.shape[max(values.ndim - arr.ndim + axis, 0)] > 1:
            count = values.shape[values.ndim - arr.ndim + axis]
            where = int(np.flatnonzero(recipe < 0)[0])
            recipe = np.insert(np.arange(n), where, np.full(count, -1))
    slots = np.flatnonzero(recipe < 0)
    if n:
        found = take(arr, np.where(recipe < 0, 0, recipe), axis)
    else:
        shape = (*arr.shape[:axis], len(recipe), *arr.shape[axis + 1 :])
        found = allocate(shape, arr.dtype, auto(shape))
    found[(slice(None),) * axis + (slots,)] = values
    return found

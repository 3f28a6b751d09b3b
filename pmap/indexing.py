"""Basic indexing: a key and a shape become one plain entry per axis (pure)."""

from operator import index as as_int
from typing import NamedTuple

import numpy as np

from .errors import UnsupportedError


class Picked(NamedTuple):
    """One index of an axis: the axis goes."""

    axis: int
    at: int


class Ranged(NamedTuple):
    """A slice of an axis: ``n`` indices from ``start`` in steps of ``step``."""

    axis: int
    start: int
    step: int
    n: int


class Fresh(NamedTuple):
    """``np.newaxis``: an axis of length 1 that was not there."""


def normalise(key: object, shape: tuple[int, ...]) -> list[Picked | Ranged | Fresh]:
    """The entries of a basic index, one per axis of the array or of the result.

    Parameters
    ----------
    key : int, slice, Ellipsis, None or a tuple of these
    shape : tuple of int

    Raises
    ------
    IndexError
        An index is out of range, or there are too many.
    UnsupportedError
        The key holds an array, a list or a boolean.

    Examples
    --------
    >>> normalise((slice(1, None), -1), (5, 4))
    [Ranged(axis=0, start=1, step=1, n=4), Picked(axis=1, at=3)]
    """
    entries, axis = [], 0
    for item in _expand(key if isinstance(key, tuple) else (key,), len(shape)):
        if item is None:
            entries.append(Fresh())
        elif isinstance(item, slice):
            start, stop, step = item.indices(shape[axis])
            entries.append(Ranged(axis, start, step, len(range(start, stop, step))))
            axis += 1
        else:
            entries.append(Picked(axis, _in_range(item, axis, shape)))
            axis += 1
    return entries


def _expand(key: tuple, ndim: int) -> list:
    """The key with its Ellipsis written out as full slices."""
    used = sum(1 for k in key if k is not None and k is not Ellipsis)
    if used > ndim:
        raise IndexError(f"too many indices: {used} were given for an array of {ndim} axes")
    dots = [i for i, k in enumerate(key) if k is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    at = dots[0] if dots else len(key)
    return [*key[:at], *[slice(None)] * (ndim - used), *key[at + 1 :]]


def _in_range(item: object, axis: int, shape: tuple[int, ...]) -> int:
    """A whole number inside its axis, counted from the front."""
    if isinstance(item, bool | np.bool_ | list | np.ndarray) or hasattr(item, "map"):
        raise UnsupportedError(
            f"index {type(item).__name__}: reading by masks and integer arrays is not there; use "
            "slices, np.where, or agg_all(A)[...]"
        )
    try:
        i = as_int(item)
    except TypeError:
        raise IndexError(
            f"index {item!r} of axis {axis}: only integers, slices, ellipsis and np.newaxis "
            "are valid indices"
        ) from None
    if not -shape[axis] <= i < shape[axis]:
        raise IndexError(f"index {i} is out of bounds for axis {axis} with size {shape[axis]}")
    return i % shape[axis]


def result_shape(entries: list, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of what the entries pick."""
    return tuple(1 if isinstance(e, Fresh) else e.n for e in entries if not isinstance(e, Picked))


def takes_all(entries: list, shape: tuple[int, ...]) -> bool:
    """Whether the entries pick the whole array as it is."""
    return len(entries) == len(shape) and all(
        isinstance(e, Ranged) and (e.start, e.step, e.n) == (0, 1, n)
        for e, n in zip(entries, shape, strict=True)
    )

"""What an index means: a key and a shape become one plain entry per axis (pure).

A key of integers, slices, ``...`` and ``None`` picks a view. Integer and boolean arrays in it pick
out of that view: :func:`parse` gives the view's entries, the arrays with the axes that they index,
and the place where NumPy puts the axes of the arrays' common shape.
"""

from collections.abc import Sequence
from operator import index as as_int
from typing import NamedTuple

import numpy as np

_VALID = (
    "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean "
    "arrays are valid indices"
)


_PLAIN = (int, slice, type(None), type(Ellipsis))


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


Entry = Picked | Ranged | Fresh


class Listed(NamedTuple):
    """An array that indexes axis ``axis`` of the view, a mask as many from there as it has itself.

    ``source`` is the same axis of the array that is indexed.
    """

    axis: int
    array: object
    mask: bool
    source: int


class Subscript(NamedTuple):
    """A key taken apart.

    Attributes
    ----------
    entries : list of Picked, Ranged, Fresh
        The basic part: it makes a view.
    arrays : list of Listed
        What picks out of the view; none for a basic index.
    place : int
        Where the axes of the arrays' common shape go, among the axes of the view that stay.
    element : bool
        Whether the key names one element (and has no Ellipsis): it is read as a scalar.
    """

    entries: list[Entry]
    arrays: list[Listed]
    place: int
    element: bool


def parse(key: object, shape: tuple[int, ...]) -> Subscript:
    """A NumPy index, taken apart.

    Parameters
    ----------
    key : object
        Anything that NumPy takes between brackets; arrays with a ``map`` stay as they are.
    shape : tuple of int

    Raises
    ------
    IndexError
        An integer is out of range, a mask has another shape, there are too many indices, or an
        index is of no known kind.

    Examples
    --------
    >>> found = parse((slice(1, None), -1), (5, 4))
    >>> found.entries
    [Ranged(axis=0, start=1, step=1, n=4), Picked(axis=1, at=3)]
    >>> parse((0, slice(None), [1, 2]), (5, 4, 3)).place  # separated: the arrays' axis goes first
    0
    """
    items = key if isinstance(key, tuple) else (key,)
    several = not all([type(item) in _PLAIN or _is_basic(item) for item in items])
    if several:
        items = [item if _is_basic(item) else _as_array(item) for item in items]
    dots = any(item is Ellipsis for item in items)
    entries, arrays, kinds, axis = [], [], "", 0
    for item in _expand(items, shape):
        if item is Ellipsis:
            kinds += "."
            continue
        kinds += "s" if item is None or isinstance(item, slice) else "a"
        if item is None:
            entries.append(Fresh())
        elif isinstance(item, slice):
            start, stop, step = item.indices(shape[axis])
            entries.append(Ranged(axis, start, step, len(range(start, stop, step))))
            axis += 1
        elif type(item) is int or _is_basic(item):
            entries.append(Picked(axis, _in_range(item, axis, shape)))
            axis += 1
        else:
            axis += _take_array(item, axis, shape, entries, arrays)
    element = not arrays and not dots and all(isinstance(e, Picked) for e in entries)
    return Subscript(entries, arrays, _place(kinds) if several else 0, element)


def _place(kinds: str) -> int:
    """Where the arrays' axes go: their own place if they stand side by side, else first.

    ``kinds`` has a letter per item: "a" for integers and arrays, "s" for slices and None, "." for
    an Ellipsis, which separates even where it stands for no axis.
    """
    first = kinds.index("a")
    together = set(kinds[first : kinds.rindex("a") + 1]) == {"a"}
    return kinds[:first].count("s") if together else 0


def normalise(key: object, shape: tuple[int, ...]) -> list[Entry]:
    """The entries of a basic index, one per axis of the array or of the result.

    Raises
    ------
    IndexError
        As :func:`parse`; also where the key holds arrays.

    Examples
    --------
    >>> normalise(-1, (5, 4))
    [Picked(axis=0, at=4), Ranged(axis=1, start=0, step=1, n=4)]
    """
    found = parse(key, shape)
    if found.arrays:
        raise IndexError("a basic index has no arrays: only integers, slices, `...` and None")
    return found.entries


def _is_basic(item: object) -> bool:
    """Whether an item of a key is an integer, a slice, an Ellipsis or None."""
    if type(item) in _PLAIN:
        return True
    if isinstance(item, bool | np.bool_ | list | tuple) or hasattr(item, "map"):
        return False
    if isinstance(item, np.ndarray):
        return item.ndim == 0 and item.dtype.kind in "iu"
    try:
        as_int(item)
    except TypeError:
        return False
    return True


def _as_array(item: object) -> object:
    """An item that is an array of integers or a mask; a DistArray as it is."""
    if not hasattr(item, "map"):
        item = np.asarray(item)
        if not item.size and item.ndim and item.dtype == float:  # NumPy takes [] as integers
            item = item.astype(np.intp)
    if item.dtype.kind not in "biu":
        raise IndexError(f"an index of dtype {item.dtype}: {_VALID}")
    return item


def _expand(items: Sequence, shape: tuple[int, ...]) -> list:
    """The items with their Ellipsis written out as full slices; it stays before them."""
    used = sum([_axes_of(item) for item in items])
    if used > len(shape):
        raise IndexError(
            f"too many indices for array: array is {len(shape)}-dimensional, but {used} were "
            f"indexed (too many indices for shape {shape})"
        )
    dots = [i for i, item in enumerate(items) if item is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    at = dots[0] if dots else len(items)
    return [*items[: at + 1], *[slice(None)] * (len(shape) - used), *items[at + 1 :]]


def _axes_of(item: object) -> int:
    """Axes of the array that an item uses up."""
    if item is None or item is Ellipsis:
        return 0
    if type(item) in _PLAIN or _is_basic(item):
        return 1
    return item.ndim if item.dtype.kind == "b" else 1


def _take_array(item: object, axis: int, shape: tuple, entries: list, arrays: list) -> int:
    """Note an array and the full slices of the axes that it indexes; how many there are."""
    view_axis = sum(not isinstance(e, Picked) for e in entries)
    if item.dtype.kind == "b" and item.ndim == 0:  # True and False index an axis of length 1
        entries.append(Fresh())
        arrays.append(Listed(view_axis, np.zeros(int(bool(item)), np.intp), False, axis))
        return 0
    mask = item.dtype.kind == "b"
    taken = item.ndim if mask else 1
    for d in range(taken):
        n = shape[axis + d]
        if mask and item.shape[d] != n:
            raise IndexError(
                f"boolean index did not match indexed array along axis {axis + d}; size of axis "
                f"is {n} but size of corresponding boolean axis is {item.shape[d]}"
            )
        entries.append(Ranged(axis + d, 0, 1, n))
    arrays.append(Listed(view_axis, item, mask, axis))
    return taken


def _in_range(item: object, axis: int, shape: tuple[int, ...]) -> int:
    """A whole number inside its axis, counted from the front."""
    i = as_int(item)
    if not -shape[axis] <= i < shape[axis]:
        raise IndexError(f"index {i} is out of bounds for axis {axis} with size {shape[axis]}")
    return i % shape[axis]


def element_of(key: object, shape: tuple[int, ...]) -> list[int] | None:
    """The indices of the element that a key of plain integers names; None for any other key."""
    items = key if type(key) is tuple else (key,)
    if len(items) != len(shape) or any([type(i) is not int for i in items]):
        return None
    return [_in_range(i, axis, shape) for axis, i in enumerate(items)]


def takes_all(entries: list, shape: tuple[int, ...]) -> bool:
    """Whether the entries pick the whole array as it is."""
    return len(entries) == len(shape) and all(
        isinstance(e, Ranged) and (e.start, e.step, e.n) == (0, 1, n)
        for e, n in zip(entries, shape, strict=True)
    )

"""Padding: an array with a border, in all of NumPy's modes."""

from collections.abc import Sequence

import numpy as np

from ..arrays.distarray import DistArray
from ..doors import stands_for
from ..errors import InputError, ShapeError, UnsupportedError
from ..layout.assemblyplans import Rule, Stretch, whole
from ..layout.maps import Map
from ..layout.resultmaps import with_length
from . import borders
from .assembling import assembled

Widths = list[tuple[int, int]]

_WORDS = {
    "empty": (),
    "edge": (),
    "wrap": (),
    "constant": ("constant_values",),
    "linear_ramp": ("end_values",),
    "maximum": ("stat_length",),
    "mean": ("stat_length",),
    "median": ("stat_length",),
    "minimum": ("stat_length",),
    "reflect": ("reflect_type",),
    "symmetric": ("reflect_type",),
}


@stands_for(np.pad)
def pad(
    array: DistArray, pad_width: int | Sequence | dict, mode: str = "constant", **kwargs: object
) -> DistArray:
    """An array with a border round it, as ``numpy.pad``. COLLECTIVE.

    Parameters
    ----------
    array : DistArray
    pad_width : int, sequence or dict
        Elements before and after, as NumPy's.
    mode : str
        One of NumPy's words. A function is not there.
    **kwargs
        ``constant_values``, ``end_values``, ``stat_length``, ``reflect_type``, as NumPy's.

    Returns
    -------
    DistArray
        The padded axes keep their rule of the cut. One exchange for "constant", "empty", "edge",
        "wrap" and even reflections; the others add some for each axis.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.pad(pm.arange(3, map=pm.Map([1])), (2, 1), mode="edge").local
    array([0, 0, 0, 1, 2, 2])
    """
    widths = _widths(pad_width, array.ndim)
    _check_words(mode, kwargs)
    if not any(map(any, widths)):
        return array.copy()
    if mode not in ("constant", "empty"):
        for axis, (n, pair) in enumerate(zip(array.shape, widths, strict=True)):
            if n == 0 and any(pair):
                raise ShapeError(
                    f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'"
                )
    odd = kwargs.get("reflect_type", "even") == "odd"
    if mode in ("edge", "wrap", "reflect", "symmetric") and not odd:
        return _bordered(array, widths, mode)
    made = _bordered(array, widths, "empty")
    if mode == "constant":
        borders.constant(made, widths, kwargs.get("constant_values", 0))
    elif mode == "linear_ramp":
        borders.ramp(made, widths, kwargs.get("end_values", 0))
    elif odd:
        borders.odd_reflection(made, array.shape, widths, mode == "symmetric")
    elif mode != "empty":
        borders.statistic(made, widths, mode, kwargs.get("stat_length"))
    return made


def _widths(pad_width: object, ndim: int) -> Widths:
    """(before, after) of each axis."""
    if isinstance(pad_width, dict):
        pairs = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            pairs[axis] = width if isinstance(width, tuple) else (width, width)
        pad_width = pairs
    given = np.asarray(pad_width)
    if given.dtype.kind not in "iu" and given.size:
        raise UnsupportedError("`pad_width` must be of integral type.")
    try:
        pairs = np.broadcast_to(given, (ndim, 2)).tolist()
    except ValueError:
        raise ShapeError(
            f"operands could not be broadcast together: pad_width of shape {given.shape} for "
            f"{ndim} axes; give (before, after) for each"
        ) from None
    if any(w < 0 for pair in pairs for w in pair):
        raise ShapeError("index can't contain negative values")
    return [(int(a), int(b)) for a, b in pairs]


def _check_words(mode: object, kwargs: dict) -> None:
    if callable(mode):
        raise UnsupportedError(
            "np.pad with a function as mode is not there for a DistArray; use one of "
            f"{', '.join(_WORDS)}, or pad with 'empty' and assign to the borders"
        )
    if mode not in _WORDS:
        raise InputError(f"mode '{mode}' is not supported; use one of {', '.join(_WORDS)}")
    if wrong := sorted(set(kwargs) - set(_WORDS[mode])):
        raise InputError(f"unsupported keyword arguments for mode '{mode}': {set(wrong)}")
    if kwargs.get("reflect_type", "even") not in ("even", "odd"):
        raise InputError(f"reflect_type {kwargs['reflect_type']!r}: write 'even' or 'odd'")


def _bordered(x: DistArray, widths: Widths, mode: str) -> DistArray:
    """The array in its border, which is read of it ("empty": not set)."""
    held: Map = x.map.without_overlap()
    rules, shape = [], []
    for axis, (n, (before, after)) in enumerate(zip(x.shape, widths, strict=True)):
        shape.append(before + n + after)
        if before or after:
            held = with_length(held, axis)
        rules.append(_rule(n, before, after, mode) if before or after else whole(n))
    sources = [(x, tuple(rules))] if x.size else []
    return assembled(sources, tuple(shape), held, x.dtype, "pad")


def _rule(n: int, before: int, after: int, mode: str) -> Rule:
    """The stretches of a padded axis, what was there first."""
    middle = Stretch(before, n, 0)
    if mode == "empty":
        return (middle,)
    if mode == "edge" or (n == 1 and mode != "wrap"):
        left, right = Stretch(0, before, 0, 0), Stretch(before + n, after, n - 1, 0)
        return tuple(s for s in (middle, left, right) if s.length)
    turn = n - 1 if mode == "reflect" else n  # indices from one turning point to the next
    found = [middle]
    for number in range(-before // turn, (n + after) // turn + 1):
        start, stop = max(number * turn, -before), min((number + 1) * turn, n + after)
        if mode == "wrap" or number % 2 == 0:
            source, step = start - number * turn, 1
        else:
            source, step = (number + 1) * turn - start - (mode == "symmetric"), -1
        outside = [(start, min(stop, 0)), (max(start, n), stop)]
        for a, b in outside:
            if a < b:
                found.append(Stretch(a + before, b - a, source + step * (a - start), step))
    return tuple(found)

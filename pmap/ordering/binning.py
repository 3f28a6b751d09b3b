"""Edges of histogram bins: NumPy's rules and estimators, from a few figures of the whole array."""

from collections.abc import Callable

import numpy as np

from ..arrays.distarray import DistArray
from ..errors import UnsupportedError
from ..shapes.flattening import in_order
from .uniques import line_of


def bin_edges(
    a: DistArray, bins: object, limits: tuple | None, weights: object
) -> tuple[np.ndarray, int | None]:
    """The edges, and the number of bins where they are even. COLLECTIVE.

    Raises
    ------
    ValueError, TypeError
        As ``numpy.histogram_bin_edges``, on all ranks.
    """
    if isinstance(bins, DistArray):
        raise UnsupportedError("np.histogram: bins= must be a number, a word or an ndarray")
    if not isinstance(bins, str):
        ends = _ends(a) if np.ndim(bins) == 0 and limits is None else np.empty(0, a.dtype)
        return np.histogram_bin_edges(ends, bins, limits), None if np.ndim(bins) else int(bins)
    if bins not in _WIDTHS:
        raise ValueError(f"{bins!r} is not a valid estimator for `bins`; use {', '.join(_WIDTHS)}")
    if weights is not None:
        raise TypeError(
            "Automated estimation of the number of bins is not supported for weighted data"
        )
    number = _estimated(a, bins, limits)
    ends = _ends(a) if limits is None else np.empty(0, a.dtype)
    return np.histogram_bin_edges(ends, number, limits), number


def _ends(a: DistArray) -> np.ndarray:
    """The smallest and the largest element, of which alone even edges are made."""
    return np.array([a.min(), a.max()] if a.size else [], a.dtype)


def _estimated(a: DistArray, bins: str, limits: tuple | None) -> int:
    """Number of bins that an estimator wants. COLLECTIVE."""
    outer = np.histogram_bin_edges(_ends(a) if limits is None else np.empty(0, a.dtype), 1, limits)
    first, last = limits if limits is not None else outer
    values, _ = in_order(a)
    if limits is not None:
        values = values[(values >= first) & (values <= last)]
    x = line_of(values, a)
    if not x.size:
        return 1
    width = _WIDTHS[bins](x, (first, last))
    if width and x.dtype.kind in "iu" and width < 1:
        width = 1
    return int(np.ceil(float(last - first) / width)) if width else 1


def _spread(x: DistArray) -> object:
    """Largest minus smallest, which does not overflow."""
    low, high = x.min(), x.max()
    return int(high) - int(low) if x.dtype.kind in "iu" else high - low


def _sqrt(x: DistArray, limits: tuple) -> object:
    return _spread(x) / np.sqrt(x.size)


def _sturges(x: DistArray, limits: tuple) -> object:
    return _spread(x) / (np.log2(x.size) + 1.0)


def _rice(x: DistArray, limits: tuple) -> object:
    return _spread(x) / (2.0 * x.size ** (1.0 / 3))


def _scott(x: DistArray, limits: tuple) -> object:
    return (24.0 * np.pi**0.5 / x.size) ** (1.0 / 3.0) * x.std()


def _fd(x: DistArray, limits: tuple) -> object:
    quarters = np.asarray(np.percentile(x, [75, 25]))
    return 2.0 * (quarters[0] - quarters[1]) * x.size ** (-1.0 / 3.0)


def _auto(x: DistArray, limits: tuple) -> object:
    return min(max(_fd(x, limits), _sqrt(x, limits) / 2), _sturges(x, limits))


def _doane(x: DistArray, limits: tuple) -> object:
    n, sigma = x.size, x.std() if x.size > 2 else 0.0
    if not sigma > 0.0:
        return 0.0
    error = np.sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3)))
    skew = (((x - x.mean()) / sigma) ** 3).mean()
    return _spread(x) / (1.0 + np.log2(n) + np.log2(1.0 + np.absolute(skew) / error))


def _stone(x: DistArray, limits: tuple) -> object:
    """Least estimated loss over numbers of bins (Stone 1984), as NumPy tries them."""
    n, spread = x.size, _spread(x)
    if n <= 1 or spread == 0:
        return 0
    most = max(100, int(np.sqrt(n)))
    losses = []
    for number in range(1, most + 1):
        shares = np.histogram(x.block, number, limits)[0]
        shares = np.sum(x.world.allgather_array(shares), axis=0) / n
        losses.append((2 - (n + 1) * shares.dot(shares)) / (spread / number))
    return spread / (1 + int(np.argmin(losses)))


_WIDTHS: dict[str, Callable] = {
    "stone": _stone,
    "auto": _auto,
    "doane": _doane,
    "fd": _fd,
    "rice": _rice,
    "scott": _scott,
    "sqrt": _sqrt,
    "sturges": _sturges,
}

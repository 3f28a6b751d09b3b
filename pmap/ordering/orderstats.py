"""Elements at given places of the sorted whole, and quantiles made of them (NumPy's arithmetic).

The rules for the places are those of Hyndman and Fan 1996, Sample quantiles in statistical
packages, The American Statistician 50, table 1, with NumPy's order of operations, so that the
values are NumPy's to the bit.
"""

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import InputError
from ..ranks.comm import World
from .cuts import elements_at
from .samplesort import SMALL, VECTOR, sort_run, splitters

FEW_PLACES = 8
"""Places up to which each is found by itself, without a sort."""


def statistics_at(
    values: np.ndarray, places: Sequence[int], total: int, world: World
) -> np.ndarray:
    """The elements at places of all ranks' values in sorted order, on every rank. COLLECTIVE.

    Parameters
    ----------
    values : ndarray, shape (n,)
        This rank's values in any order, none of them NaN.
    places : sequence of int
        In ``[0, total)``.
    total : int
        Number of all ranks' values.
    world : World
    """
    places = np.asarray(places, np.int64)
    wanted, back = np.unique(places, return_inverse=True)
    if world.size == 1:
        return np.partition(values, wanted)[wanted][back]
    if values.dtype in VECTOR and total >= SMALL * world.size and len(wanted) <= FEW_PLACES:
        found = splitters(values, wanted, total, world)
        if found is not None:
            return np.array(found[0], values.dtype)[back]
    return elements_at(sort_run(values), wanted, world)[back]


# -- the places of quantiles ------------------------------------------------------------------


def _floored(at: np.ndarray, keep: Callable) -> np.ndarray:
    """Whole places: the one below where ``keep(fraction, at)``, else the next; from 0 on."""
    below = np.floor(at)
    found = np.where(keep(at - below, at), below, below + 1).astype(np.intp)
    found[found < 0] = 0
    return found


def _between(alpha: float, beta: float) -> Callable:
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _asis(fraction: np.ndarray, at: np.ndarray) -> np.ndarray:
    return fraction


# method -> (place of a quantile among n, weight of the next element; None where places are whole)
METHODS: dict[str, tuple[Callable, Callable | None]] = {
    "inverted_cdf": (lambda n, q: _floored(n * q - 1, lambda f, at: f == 0), None),
    "averaged_inverted_cdf": (
        lambda n, q: n * q - 1,
        lambda f, at: np.where(f == 0, 0.5, 1.0),
    ),
    "closest_observation": (
        lambda n, q: _floored(n * q - 1 - 0.5, lambda f, at: (f == 0) & (np.floor(at) % 2 == 1)),
        None,
    ),
    "interpolated_inverted_cdf": (_between(0, 1), _asis),
    "hazen": (_between(0.5, 0.5), _asis),
    "weibull": (_between(0, 0), _asis),
    "linear": (lambda n, q: (n - 1) * q, _asis),
    "median_unbiased": (_between(1 / 3.0, 1 / 3.0), _asis),
    "normal_unbiased": (_between(3 / 8.0, 3 / 8.0), _asis),
    "lower": (lambda n, q: np.floor((n - 1) * q).astype(np.intp), None),
    "higher": (lambda n, q: np.ceil((n - 1) * q).astype(np.intp), None),
    "midpoint": (
        lambda n, q: 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q)),
        lambda f, at: np.where(at % 1 == 0, 0.0, 0.5),
    ),
    "nearest": (lambda n, q: np.around((n - 1) * q).astype(np.intp), None),
}


def check_method(method: str) -> None:
    """Refuse a name that is no method of NumPy's quantile."""
    if method not in METHODS:
        raise InputError(f"{method!r} is not a valid method. Use one of: {', '.join(METHODS)}")


def quantiles(
    pick: Callable[[np.ndarray], np.ndarray], n: int, q: np.ndarray, method: str, weak: bool
) -> np.ndarray | np.generic:
    """Quantiles of n sorted elements, as ``numpy.quantile`` computes them.

    Parameters
    ----------
    pick : callable
        Gives the elements at an int array of places.
    n : int
        Number of elements, at least 1.
    q : ndarray
        In [0, 1].
    method : str
        A key of :data:`METHODS`.
    weak : bool
        Whether q was a Python number, which leaves the elements' type alone.
    """
    place, weight = METHODS[method]
    at = np.asanyarray(place(n, q))
    if weight is None or (method == "linear" and at.dtype.kind in "iu"):
        return pick(at.reshape(-1)).reshape(at.shape)[()]
    low = np.floor(at)
    high = low + 1
    low, high = (np.where(at >= n - 1, n - 1, np.where(at < 0, 0, e)) for e in (low, high))
    ends = pick(np.concatenate([low.reshape(-1), high.reshape(-1)]).astype(np.intp))
    a, b = (e.reshape(at.shape)[()] for e in np.split(ends, 2))
    # NumPy takes the fraction from -1 where the place is beyond the end; both ends are equal there
    fraction = at - np.where(at >= n - 1, -1, low).astype(np.intp)
    gamma = np.asanyarray(weight(fraction, at), dtype=at.dtype)
    return _interpolated(a, b, float(gamma) if weak else gamma)


def _interpolated(a: np.ndarray, b: np.ndarray, t: np.ndarray | float) -> np.ndarray | np.generic:
    """From a to b, counted from the nearer end, as NumPy rounds it."""
    away = b - a
    near, far = np.asanyarray(a + away * t), np.asanyarray(b - away * (1 - t))
    return np.where(np.asarray(t) >= 0.5, far.astype(near.dtype, copy=False), near)[()]

"""Medians, percentiles and quantiles, with NumPy's names, methods and values.

Over all axes the elements around the quantile are found by selection over the ranks; along some
axes the array is brought to lines that are whole, and NumPy does the rest. Zeros are written 0.0.
"""

import warnings
from collections.abc import Callable
from itertools import product

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.elementwise import cut
from ..arrays.reductions import normalise_axes
from ..errors import UnsupportedError
from ..layout.maps import AxisMap
from ..ranks.moving import everywhere
from ..registry import implements
from ..shapes.flattening import once_each
from ..shapes.wholeaxis import with_whole
from .orderstats import check_method, quantiles, statistics_at


@implements(np.quantile)
def quantile(
    a: DistArray,
    q: object,
    axis: object = None,
    out: object = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: object = None,
) -> object:
    """Quantiles, as ``numpy.quantile``; all methods, no weights. COLLECTIVE.

    Returns
    -------
    scalar or DistArray
        Without ``axis`` a scalar, or an array on every rank where q is one. Along axes: q's axes
        whole, then the kept axes as they lie in a.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> float(np.quantile(pm.arange(5, map=pm.Map([1])), 0.3))
    1.2
    """
    return _quantile("quantile", a, q, axis, out, method, keepdims, weights)


@implements(np.percentile)
def percentile(
    a: DistArray,
    q: object,
    axis: object = None,
    out: object = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: object = None,
) -> object:
    """Percentiles: :func:`quantile` of q / 100. COLLECTIVE."""
    return _quantile("percentile", a, q, axis, out, method, keepdims, weights)


@implements(np.nanquantile)
def nanquantile(
    a: DistArray,
    q: object,
    axis: object = None,
    out: object = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: object = False,
    *,
    weights: object = None,
) -> object:
    """Quantiles of what is not NaN. COLLECTIVE."""
    return _quantile("nanquantile", a, q, axis, out, method, keepdims, weights)


@implements(np.nanpercentile)
def nanpercentile(
    a: DistArray,
    q: object,
    axis: object = None,
    out: object = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: object = False,
    *,
    weights: object = None,
) -> object:
    """Percentiles of what is not NaN. COLLECTIVE."""
    return _quantile("nanpercentile", a, q, axis, out, method, keepdims, weights)


@implements(np.median)
def median(
    a: DistArray,
    axis: object = None,
    out: object = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> object:
    """Median; NaN where there is a NaN. COLLECTIVE.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> float(np.median(pm.arange(6, map=pm.Map([1]))))
    2.5
    """
    _refuse("median", out=out)
    return _reduced(a, axis, keepdims, (), np.median, _median_of)


@implements(np.nanmedian)
def nanmedian(
    a: DistArray,
    axis: object = None,
    out: object = None,
    overwrite_input: bool = False,
    keepdims: object = False,
) -> object:
    """Median of what is not NaN. COLLECTIVE."""
    _refuse("nanmedian", out=out)
    return _reduced(a, axis, keepdims, (), np.nanmedian, _nanmedian_of)


def _refuse(name: str, **given: object) -> None:
    for argument, value in given.items():
        if value is not None:
            raise UnsupportedError(
                f"np.{name} of a DistArray: {argument}= is not there; leave it out"
                + (", and assign the result" if argument == "out" else "")
            )


def _quantile(
    name: str,
    a: DistArray,
    q: object,
    axis: object,
    out: object,
    method: str,
    keepdims: object,
    weights: object,
) -> object:
    _refuse(name, out=out, weights=weights)
    check_method(method)
    if a.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    weak = type(q) in (int, float)
    hundred = name.endswith("percentile")
    shares = np.true_divide(q, 100, out=...) if hundred else np.asanyarray(q)
    if shares.ndim > 2:
        raise ValueError("q must be a scalar or 1d")
    if shares.size and not (shares.min() >= 0 and shares.max() <= 1):
        what = "Percentiles" if hundred else "Quantiles"
        raise ValueError(f"{what} must be in the range [0, {100 if hundred else 1}]")
    skip_nan = name.startswith("nan")

    def by_block(block: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
        return getattr(np, name)(block, q, axis=axis, method=method)

    def of_all(x: DistArray) -> object:
        values, count, nan = _real_values(x)
        if not x.size or (skip_nan and not count):
            return getattr(np, name)(np.full(min(x.size, 1), np.nan, x.dtype), q, method=method)
        if nan and not skip_nan:
            bad = np.array("NaT" if x.dtype.kind in "mM" else np.nan, x.dtype)
            kind = quantiles(lambda at: np.zeros(at.shape, x.dtype), 1, shares, method, weak)
            return bad[()] if not shares.ndim else np.full(shares.shape, bad, kind.dtype)

        def pick(at: np.ndarray) -> np.ndarray:
            return statistics_at(values, at, count, x.world)

        return quantiles(pick, count, shares, method, weak)

    return _reduced(a, axis, keepdims, shares.shape, by_block, of_all)


def _real_values(x: DistArray) -> tuple[np.ndarray, int, int]:
    """This rank's values without NaN; how many all ranks have, and how many are NaN. COLLECTIVE."""
    values = once_each(x)
    total = len(values)
    if values.dtype.kind in "fcmM" and total and np.isnan(values.max()):
        values = values[~np.isnan(values)]
    found = np.stack(x.world.allgather_array(np.array([len(values), total - len(values)])))
    count, nan = found.sum(0).tolist()
    return values, count, nan


def _median_of(x: DistArray) -> object:
    values, count, nan = _real_values(x)
    if not x.size:
        return np.median(values)
    if nan:
        bad = np.array("NaT" if x.dtype.kind in "mM" else np.nan, x.dtype)
        return np.median(bad.reshape(1))
    return np.median(_middle(values, count, x))


def _nanmedian_of(x: DistArray) -> object:
    values, count, _ = _real_values(x)
    if not count:
        return np.nanmedian(np.full(min(x.size, 1), np.nan, x.dtype))
    return np.median(_middle(values, count, x))


def _middle(values: np.ndarray, count: int, x: DistArray) -> np.ndarray:
    """The middle element, or the two."""
    places = [count // 2] if count % 2 else [count // 2 - 1, count // 2]
    return statistics_at(values, places, count, x.world)


# -- over any axes ------------------------------------------------------------------------------


def _reduced(
    x: DistArray,
    axis: object,
    keepdims: object,
    lead: tuple[int, ...],
    by_block: Callable,
    of_all: Callable,
) -> object:
    """A reduction over axes whose result has ``lead`` in front of the kept axes. COLLECTIVE.

    ``by_block(block, axis)`` is NumPy's own, for whole axes; ``of_all(x)`` reduces over all of
    them and gives every rank the same.
    """
    keepdims = keepdims is not np._NoValue and bool(keepdims)
    axes = normalise_axes(axis, x.ndim)
    if len(axes) == x.ndim:
        found = _plain_zero(of_all(x))
        if keepdims:
            found = np.asarray(found).reshape(lead + (1,) * x.ndim)
        if not np.ndim(found):
            return found
        return DistArray(found, found.shape, everywhere(found.ndim, x.world), x.world)
    kept = [a for a in range(x.ndim) if a not in axes]
    shape = lead + tuple(x.shape[a] for a in kept)
    whole = with_whole(x, axes, "quantile") if axes else x
    if whole is None:
        found = _line_by_line(x, axes, lead, of_all)
    else:
        found = _by_blocks(whole, axes, lead, by_block)
    held = x.map.without_overlap()
    target = held.with_axes([AxisMap()] * len(lead) + [held.axes[a] for a in kept])
    local = found.block_under(target, "quantile")
    result = DistArray(np.ascontiguousarray(local), shape, target, x.world)
    if keepdims:
        at = [slice(None)] * len(lead)
        result = result[(*at, *(None if a in axes else slice(None) for a in range(x.ndim)))]
    return result


def _plain_zero(found: object) -> object:
    return found + found.dtype.type(0) if found.dtype.kind == "f" else found


def _by_blocks(
    x: DistArray, axes: tuple[int, ...], lead: tuple[int, ...], by_block: Callable
) -> DistArray:
    """NumPy's reduction of blocks that have the axes whole. LOCAL."""
    kept = [a for a in range(x.ndim) if a not in axes]
    held = x.map.without_overlap()
    held = held.with_axes([AxisMap()] * len(lead) + [held.axes[a] for a in kept])
    shape = lead + tuple(x.shape[a] for a in kept)
    small = tuple(n if x.size == 0 and a in axes else min(n, 1) for a, n in enumerate(x.shape))
    if x.size == 0 or not x.block.size:  # raises on all ranks, or on none; else says the type
        with warnings.catch_warnings():
            if x.size:
                warnings.simplefilter("ignore")
            kind = by_block(np.zeros(small, x.dtype), axis=axes).dtype
    if x.block.size or (not x.size and np.prod(held.local_shape(shape, x.world.rank))):
        local = np.asarray(by_block(x.block, axis=axes))
    else:
        local = np.empty(held.local_shape(shape, x.world.rank), kind)
    return DistArray(np.ascontiguousarray(_plain_zero(local)), shape, held, x.world)


def _line_by_line(
    x: DistArray, axes: tuple[int, ...], lead: tuple[int, ...], of_all: Callable
) -> DistArray:
    """Few long lines, each reduced over all ranks. COLLECTIVE."""
    spans = [(slice(None),) if a in axes else range(n) for a, n in enumerate(x.shape)]
    shape = tuple(n for a, n in enumerate(x.shape) if a not in axes)
    found = [np.asarray(_plain_zero(of_all(x[index]))) for index in product(*spans)]
    values = np.stack(found, axis=-1).reshape(lead + shape)
    held = everywhere(values.ndim, x.world)
    owned = held.owned(values.shape, x.world.rank)
    return DistArray(cut(values, values.shape, owned), values.shape, held, x.world)

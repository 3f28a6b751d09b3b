"""Histograms in one and more dimensions and bincount, with NumPy's names and counts.

Counts are exact. Sums of float weights have the same bits under any map. Edges are plain ndarrays,
equal on all ranks; the bins lie under ``auto`` of their shape.
"""

import warnings
from collections.abc import Sequence

import numpy as np

from ..arrays.distarray import DistArray
from ..errors import ShapeError, UnsupportedError
from ..registry import implements
from ..shapes.flattening import Edges, even_edges, in_order, once_each
from .binning import bin_edges
from .binsums import counted, leaf_length, leaf_sums, over_ranks


@implements(np.histogram)
def histogram(
    a: DistArray,
    bins: object = 10,
    range: tuple | None = None,  # noqa: A002  NumPy's name
    density: bool | None = None,
    weights: object = None,
) -> tuple[DistArray, np.ndarray]:
    """Counts, or sums of weights, per bin, as ``numpy.histogram``. COLLECTIVE.

    Returns
    -------
    hist : DistArray, shape (bins,)
        Under ``auto``.
    bin_edges : ndarray, shape (bins + 1,)
        Equal on all ranks.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> hist, edges = np.histogram(pm.arange(6, map=pm.Map([1])), 3)
    >>> hist.local, edges.round(2)
    (array([2, 2, 2]), array([0.  , 1.67, 3.33, 5.  ]))
    """
    a, weights = _prepared(a, weights)
    edges, number = bin_edges(a, bins, range, weights)
    limits = range if range is not None or number is None else (edges[0], edges[-1])
    cut, limits = (number, limits) if number is not None else (edges, None)
    if number is not None and range is None and a.size and a.min() != a.max():
        limits = (a.min(), a.max())  # in the array's own type, as NumPy counts with them
    world, length = a.world, len(edges) - 1
    if weights is None:
        found = np.histogram(once_each(a), cut, limits)[0]
        touched = np.flatnonzero(found)
        hist = over_ranks(touched, found[touched], (length,), a, "histogram")
    else:
        leaf = leaf_length(length)
        runs = even_edges(a.size, world.size, leaf)
        values, theirs = in_order(a, runs)[0], _run_of(weights, runs, a)
        parts = leaf_sums(
            [values], theirs, leaf, lambda v, w: np.histogram(v[0], cut, limits, weights=w)[0]
        )
        hist = over_ranks(*parts, (length,), a, "histogram")
    if density:
        hist = hist / np.array(np.diff(edges), float) / hist.sum()
    return hist, edges


def _prepared(a: object, weights: object) -> tuple[DistArray, object]:
    if not isinstance(a, DistArray):
        raise UnsupportedError("np.histogram: a must be a DistArray where the weights are one")
    if a.dtype == bool:
        warnings.warn(
            "Converting input from bool to uint8 for compatibility.", RuntimeWarning, stacklevel=5
        )
        a = a.astype(np.uint8)
    if weights is not None and np.shape(weights) != a.shape:
        raise ShapeError(f"weights have shape {np.shape(weights)}; the array has {a.shape}")
    return a, weights


def _run_of(x: object, runs: Edges, like: DistArray) -> np.ndarray:
    """This rank's run of an array's elements in global C order."""
    if isinstance(x, DistArray):
        return in_order(x, runs)[0]
    rank = like.world.rank
    return np.asarray(x).reshape(-1)[runs[rank] : runs[rank + 1]]


@implements(np.histogram_bin_edges)
def histogram_bin_edges(
    a: DistArray,
    bins: object = 10,
    range: tuple | None = None,  # noqa: A002  NumPy's name
    weights: object = None,
) -> np.ndarray:
    """The edges that :func:`histogram` uses: an ndarray, equal on all ranks. COLLECTIVE."""
    a, weights = _prepared(a, weights)
    return bin_edges(a, bins, range, weights)[0]


@implements(np.histogramdd)
def histogramdd(
    sample: object,
    bins: object = 10,
    range: Sequence | None = None,  # noqa: A002  NumPy's name
    density: bool | None = None,
    weights: object = None,
) -> tuple[DistArray, tuple[np.ndarray, ...]]:
    """Counts per cell of a grid, as ``numpy.histogramdd``. COLLECTIVE.

    Parameters
    ----------
    sample : DistArray of shape (N, D), or a sequence of D arrays of shape (N,)
    bins, range, density, weights
        As NumPy's.

    Returns
    -------
    H : DistArray
        Under ``auto``.
    edges : tuple of ndarray
        Equal on all ranks.
    """
    columns = _columns(sample)
    like = next(c for c in columns if isinstance(c, DistArray))
    lengths = {np.shape(c) for c in columns}
    if len(lengths) != 1 or len(next(iter(lengths))) != 1:
        raise ShapeError(f"the columns of the sample have shapes {[np.shape(c) for c in columns]}")
    if weights is not None and np.shape(weights) != like.shape:
        raise ShapeError(f"weights have shape {np.shape(weights)} for a sample of {like.shape}")
    few = [[c.min(), c.max()] if np.size(c) else [] for c in columns]
    edges = np.histogramdd(np.array(few).T.reshape(-1, len(columns)), bins, range)[1]
    edges = tuple(np.asarray(e) for e in edges)
    shape = tuple(len(e) - 1 for e in edges)
    leaf = leaf_length(int(np.prod(shape)))
    runs = even_edges(like.size, like.world.size, leaf if weights is not None else 1)
    values = [_run_of(c, runs, like) for c in columns]
    if weights is None:
        found = np.histogramdd(values, edges)[0].reshape(-1)
        touched = np.flatnonzero(found)
        hist = over_ranks(touched, found[touched], shape, like, "histogramdd")
    else:
        parts = leaf_sums(
            values,
            _run_of(weights, runs, like),
            leaf,
            lambda v, w: np.histogramdd(v, edges, weights=w)[0].reshape(-1),
        )
        hist = over_ranks(*parts, shape, like, "histogramdd")
    if density:
        total = hist.sum()
        for axis, e in enumerate(edges):
            hist = hist / np.diff(e).reshape([-1 if a == axis else 1 for a in _axes(shape)])
        hist = hist / total
    return hist, edges


def _axes(shape: tuple[int, ...]) -> list[int]:
    return [axis for axis, _ in enumerate(shape)]


def _columns(sample: object) -> list:
    if isinstance(sample, DistArray):
        if sample.ndim == 1:
            return [sample]
        if sample.ndim != 2:
            raise ShapeError(f"the sample has shape {sample.shape}; it must be (N, D)")
        return [sample[:, d] for d in _axes((0,) * sample.shape[1])]
    return [c if isinstance(c, DistArray) else np.asarray(c) for c in sample]


@implements(np.histogram2d)
def histogram2d(
    x: object,
    y: object,
    bins: object = 10,
    range: Sequence | None = None,  # noqa: A002  NumPy's name
    density: bool | None = None,
    weights: object = None,
) -> tuple[DistArray, np.ndarray, np.ndarray]:
    """Counts per cell of a plane, as ``numpy.histogram2d``. COLLECTIVE."""
    if np.shape(x) != np.shape(y):
        raise ValueError("x and y must have the same length.")
    if hasattr(bins, "__len__") and len(bins) not in (1, 2):
        bins = [np.asarray(bins)] * 2
    hist, edges = histogramdd([x, y], bins, range, density, weights)
    return hist, *edges


@implements(np.bincount)
def bincount(x: object, /, weights: object = None, minlength: int = 0) -> DistArray:
    """How often each whole number is there, or the sum of its weights. COLLECTIVE.

    Parameters
    ----------
    x : DistArray of int >= 0, 1-D
    weights : DistArray or ndarray, shape of x
    minlength : int
        Least number of bins.

    Returns
    -------
    DistArray
        int64, or float64 with weights; under ``auto``.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> np.bincount(pm.asarray([1, 3, 1], map=pm.Map([1]))).local
    array([0, 2, 0, 1])
    """
    if not isinstance(x, DistArray):
        raise UnsupportedError("np.bincount: x must be a DistArray where the weights are one")
    if x.ndim != 1:
        raise ShapeError(f"bincount takes an array of one axis; the shape is {x.shape}")
    if not np.can_cast(x.dtype, np.intp, "safe"):
        raise TypeError(f"Cannot cast array data from {x.dtype} to {np.dtype(np.intp)} ('safe')")
    if minlength < 0:
        raise ValueError("'minlength' must not be negative")
    if weights is not None and np.shape(weights) != x.shape:
        raise ShapeError(f"weights have shape {np.shape(weights)}; the array has {x.shape}")
    length = max(int(minlength), 1 + int(x.max()) if x.size else 0)
    if x.size and x.dtype.kind == "i" and x.min() < 0:
        raise ValueError("bincount: 'list' argument must have no negative elements")
    if weights is None or not x.size:  # NumPy counts in integers where there is nothing to weigh
        return over_ranks(*counted(once_each(x), length), (length,), x, "bincount")
    leaf = leaf_length(0)
    runs = even_edges(x.size, x.world.size, leaf)
    weights = _run_of(weights, runs, x)
    if not np.can_cast(weights.dtype, np.float64, "safe"):
        raise TypeError(f"Cannot cast the weights from {weights.dtype} to float64 ('safe')")
    parts = _weighed(in_order(x, runs)[0], weights.astype(np.float64, copy=False), leaf)
    return over_ranks(*parts, (length,), x, "bincount")


def _weighed(x: np.ndarray, weights: np.ndarray, leaf: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers in each leaf and the sums of their weights, leaf after leaf. LOCAL."""
    bins, sums = [np.empty(0, np.int64)], [np.empty(0)]
    for start in np.arange(0, len(x), leaf):
        part, theirs = x[start : start + leaf], weights[start : start + leaf]
        if part.max() < leaf:
            touched = np.flatnonzero(np.bincount(part))
            found = np.bincount(part, theirs)[touched]
        else:
            touched, at = np.unique(part, return_inverse=True)
            found = np.bincount(at, theirs)
        bins.append(touched)
        sums.append(found)
    return np.concatenate(bins), np.concatenate(sums)

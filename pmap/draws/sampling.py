"""Choosing and shuffling: choice, permutation, shuffle, permuted; and normal rows."""

from collections.abc import MutableSequence
from math import prod
from operator import index

import numpy as np

from ..allocation import UNSET, as_shape
from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..creation import empty_like, from_function
from ..errors import GatherError, ShapeError, UnsupportedError
from ..layout.axismaps import AxisMap
from ..layout.maps import Map, Shape
from ..ranks.moving import moved
from ..settings import options
from .distributions import Distributions
from .shuffles import Permutation


class Generator(Distributions):
    """Random numbers for arrays under any map: the same at any rank count, by any map.

    Made by :func:`pmap.random.default_rng`. Methods and arguments are those of NumPy's
    ``Generator``, and each takes ``map=``. A number depends on the seed, on how many calls came
    before (all ranks must make the same), and on its global index.

    Examples
    --------
    >>> import pmap as pm
    >>> rng = pm.random.default_rng(7)
    >>> A = rng.normal(size=(4, 3), map=pm.Map([1, 1]))
    >>> B = pm.random.default_rng(7).normal(size=(4, 3))    # a plain ndarray
    >>> bool((A.local == B).all())
    True
    """

    def spawn(self, n_children: int) -> list["Generator"]:
        """Independent generators. LOCAL."""
        return [Generator(seeds) for seeds in self._seeds.spawn(n_children)]

    def bytes(self, length: int) -> bytes:
        """Random bytes, equal on all ranks. LOCAL."""
        return self.scalar("bytes", lambda g: g.bytes(length))

    def choice(
        self,
        a: object,
        size: object = None,
        replace: bool = True,
        p: object = None,
        axis: int = 0,
        shuffle: bool = True,
        *,
        map: object = UNSET,
    ) -> object:
        """Elements of ``a``, or of ``range(a)``. COLLECTIVE where the map scatters a part.

        Parameters
        ----------
        a : int, array_like or DistArray
            What is chosen from; of several axes, slices along ``axis``.
        size : int or sequence of int, optional
        replace : bool
            Whether an element may be chosen more than once.
        p : array_like, optional
            Probabilities, one per element; equal on all ranks.
        axis, shuffle
            As NumPy's; the order is always random.
        map : Map, "auto", None or 1
            Map of the chosen indices, of the shape ``size``.

        Examples
        --------
        >>> import pmap as pm
        >>> rng = pm.random.default_rng(3)
        >>> picked = rng.choice(10, 10, replace=False, map=pm.Map([1]))
        >>> sorted(picked.local.tolist())
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        """
        whole = a if isinstance(a, DistArray) else np.asarray(a)
        n = index(a) if whole.ndim == 0 else whole.shape[axis_from_front(axis, whole.ndim)]
        count = 1 if size is None else prod(as_shape(size))
        if n < 0 or (n == 0 and count):
            raise ValueError("a cannot be empty unless no samples are taken")
        if not replace and count > n:
            raise ValueError("Cannot take a larger sample than population when replace is False")
        if isinstance(p, DistArray):
            raise UnsupportedError("random.choice: p must be an ndarray equal on all ranks")
        p = None if p is None else _probabilities(p, n)
        if size is None:
            at = int(self._chosen(n, (1,), replace, p, None)[0])
        else:
            at = self._chosen(n, as_shape(size), replace, p, map)
        return at if whole.ndim == 0 else _taken(whole, at, axis)

    def _chosen(self, n: int, shape: tuple, replace: bool, p: object, map: object) -> object:
        """Indices into [0, n)."""
        if p is None and replace:
            return self.integers(0, max(n, 1), shape, map=map)
        if p is None:
            order = Permutation(self.stream("choice"), n)
            return _by_flat_index(order.at, shape, map)
        if replace:
            edges = p.cumsum()
            edges /= edges[-1]
            return _applied(
                lambda u: np.searchsorted(edges, u, side="right"), self.random(shape, map=map)
            )
        # exponential clocks of rates p ring in the order of draws one by one without replacement
        with np.errstate(divide="ignore"):
            order = np.argsort(self.standard_exponential(n, map=None) / p, kind="stable")
        return _by_flat_index(lambda i: order[i], shape, map)

    def permutation(self, x: object, axis: int = 0, *, map: object = UNSET) -> object:
        """A permuted copy of ``x`` along an axis, or of ``range(x)``. COLLECTIVE for DistArrays.

        Notes
        -----
        Where an index goes is computed from the index and the key (see ``pmap.draws.shuffles``):
        any map, no sorting, no memory but the result's.

        Examples
        --------
        >>> import pmap as pm
        >>> A = pm.random.default_rng(3).permutation(6, map=pm.Map([1]))
        >>> sorted(A.local.tolist())
        [0, 1, 2, 3, 4, 5]
        """
        if isinstance(x, int | np.integer):
            order = Permutation(self.stream("permutation"), int(x))
            return _by_flat_index(order.at, (int(x),), map)
        x = x if isinstance(x, DistArray) else np.asarray(x)
        axis = axis_from_front(axis, x.ndim)
        order = Permutation(self.stream("permutation"), x.shape[axis])
        if isinstance(x, DistArray):
            made = empty_like(x)
            made[...] = _taken(x, _by_flat_index(order.at, (x.shape[axis],), "auto"), axis)
            return made
        return np.take(x, order.at(np.arange(x.shape[axis])), axis)

    def shuffle(self, x: object, axis: int = 0) -> None:
        """Permute ``x`` along an axis, in place. COLLECTIVE for a DistArray."""
        if isinstance(x, MutableSequence):
            order = Permutation(self.stream("shuffle"), len(x)).at(np.arange(len(x)))
            x[:] = [x[i] for i in order]
            return
        if not isinstance(x, np.ndarray | DistArray):
            raise TypeError(f"shuffle: a {type(x).__name__} cannot be changed; use permutation")
        x[...] = self.permutation(x, axis)

    def permuted(self, x: object, axis: int | None = None, out: object = None) -> object:
        """Elements permuted, each line along ``axis`` on its own. COLLECTIVE for a DistArray."""
        mapped = isinstance(x, DistArray)
        x = x if mapped else np.asarray(x)
        if axis is None or (x.ndim == 1 and axis_from_front(axis, 1) == 0):
            made = self.permutation(x.reshape(-1)).reshape(x.shape)
        else:
            made = self._lines(x, axis_from_front(axis, x.ndim))
        if out is None:
            return made if not mapped or made.map == x.map else _remapped(made, x)
        out[...] = made
        return out

    def _lines(self, x: object, axis: int) -> object:
        """Each line in the order of random keys of its own; keys lie where the line is whole."""
        if not isinstance(x, DistArray):
            keys = self.random(x.shape, map=None)
            return np.take_along_axis(x, np.argsort(keys, axis, kind="stable"), axis)
        held = x.map.without_overlap()
        whole = _whole_along(held, axis, x.shape)
        each = 8 * prod(whole.local_shape(x.shape, whole.procs[0]))  # the keys of the first rank
        if each > max(options.gather_limit, 8 * x.size // len(held.procs)):
            raise GatherError(
                f"permuted: shape {x.shape} has too few lines along axis {axis} for its ranks: one "
                f"would hold {each} bytes, over pm.options.gather_limit = {options.gather_limit}; "
                "permute each line by rng.permutation(A[i]), or raise the limit"
            )
        keys = self.random(x.shape, map=whole)
        local = moved(x.block, x.shape, held, whole, x.world, "permuted")
        order = np.argsort(keys.block, axis, kind="stable")
        local = np.take_along_axis(local, order, axis)
        local = np.ascontiguousarray(moved(local, x.shape, whole, held, x.world, "permuted"))
        return DistArray(local, x.shape, held, x.world)

    def multivariate_normal(
        self,
        mean: object,
        cov: object,
        size: object = None,
        check_valid: str = "warn",
        tol: float = 1e-8,
        *,
        method: str = "svd",
        map: object = UNSET,
    ) -> object:
        """Normal rows of a mean and a covariance. COLLECTIVE where the map scatters a part.

        Parameters
        ----------
        mean : array_like, shape (k,)
        cov : array_like, shape (k, k)
        size : int or sequence of int, optional
        check_valid, tol, method
            As NumPy's.
        map : Map, "auto", None or 1
            Map of the result, of shape ``size + (k,)``.

        Examples
        --------
        >>> import pmap as pm
        >>> rng = pm.random.default_rng(3)
        >>> rng.multivariate_normal([0, 5], [[1, 0], [0, 1]], 4, map=pm.Map([1, 1])).shape
        (4, 2)
        """
        factor = _factor(mean, cov, check_valid, tol, method)
        mean = np.asarray(mean, float)
        k = len(mean)

        def call(g: np.random.Generator, args: tuple, n: int | None) -> np.ndarray:
            rows = g.standard_normal((1 if n is None else n, k)) @ factor.T + mean
            return rows[0] if n is None else rows

        dtype = np.dtype(float)
        return self._by_call("multivariate_normal", call, (), size, map, dtype, (k,))


def _factor(mean: object, cov: object, check_valid: str, tol: float, method: str) -> np.ndarray:
    """F with F F^T = cov, after NumPy's checks of mean and covariance."""
    aside = np.random.Generator(np.random.Philox(0))
    aside.multivariate_normal(mean, cov, None, check_valid, tol, method=method)
    cov = np.asarray(cov, float)
    if method == "cholesky":
        return np.linalg.cholesky(cov)
    if method == "eigh":
        values, vectors = np.linalg.eigh(cov)
    else:
        vectors, values, _ = np.linalg.svd(cov)
    return vectors * np.sqrt(np.abs(values))


def _whole_along(held: Map, axis: int, shape: Shape) -> Map:
    """A map of the same ranks in which lines along an axis are whole."""
    if held.pieces_along(axis) == 1:
        return held
    others = [a for a in range(held.ndim) if a != axis]
    longest = max(others, key=lambda a: shape[a])
    axes = [AxisMap()] * held.ndim
    axes[longest] = AxisMap(0)
    return Map.lattice((len(held.procs),), tuple(axes), held.procs)


def _remapped(made: DistArray, like: DistArray) -> DistArray:
    found = empty_like(like)
    found[...] = made
    return found


def _probabilities(p: object, n: int) -> np.ndarray:
    p = np.array(p, float)
    if p.ndim != 1:
        raise ValueError("p must be 1-dimensional")
    if p.size != n:
        raise ShapeError("a and p must have same size")
    if np.isnan(p).any():
        raise ValueError("Probabilities contain NaN")
    if (p < 0).any():
        raise ValueError("Probabilities are not non-negative")
    if abs(p.sum() - 1) > np.sqrt(np.finfo(float).eps):
        raise ValueError("Probabilities do not sum to 1")
    return p


def _by_flat_index(function: object, shape: tuple, map: object) -> object:
    """An array of a function of the flat index."""

    def value(*indices: np.ndarray) -> np.ndarray:
        flat = np.zeros((1,) * len(shape), np.int64)
        for i, n in zip(indices, shape, strict=True):
            flat = flat * n + i
        return function(flat)

    return from_function(value, shape, map=map, dtype=np.int64)


def _applied(function: object, x: object) -> object:
    if isinstance(x, DistArray):
        return DistArray(function(x.block), x.shape, x.map.without_overlap(), x.world)
    return function(x)


def _taken(a: object, at: object, axis: int) -> object:
    """Elements of an array at indices: where either is mapped, so is the result."""
    if isinstance(a, np.ndarray) and isinstance(at, DistArray):
        if a.ndim == 1:
            return _applied(lambda i: a[i], at)
        a = a if a.dtype.hasobject else np.asarray(a)
        lead = [AxisMap()] * a.ndim
        ends = at.map.without_overlap().axes
        axes = (*lead[:axis], *ends, *lead[axis + 1 :])
        shape = (*a.shape[:axis], *at.shape, *a.shape[axis + 1 :])
        return DistArray(np.take(a, at.block, axis), shape, at.map.with_axes(axes), at.world)
    return np.take(a, at, axis)

"""Reductions and accumulations with all of NumPy's arguments, as methods of arrays.

The class knows no ranks: it turns ``A.mean(axis, where=mask)`` into sums of blocks and operators.
Its results are those of docs/reference/maps.md: the reduced axis goes, its grid axis replicates.
"""

import warnings
from math import prod

import numpy as np

from ..errors import ShapeError, UnsupportedError
from . import accumulations, argreductions, reductions
from .smallarrays import small_total

NOT_GIVEN = np._NoValue


class Reductions:
    """``sum``, ``mean``, ``max``, ``argmax``, ``cumsum`` and their like."""

    __slots__ = ()

    def sum(
        self,
        axis: object = None,
        dtype: object = None,
        out: object = None,
        keepdims: bool = False,
        initial: object = NOT_GIVEN,
        where: object = True,
    ) -> object:
        """Sum, floats in canonical order (C2). COLLECTIVE where a summed axis is cut."""
        return reduce_with(np.add, self, axis, dtype, out, keepdims, initial, where)

    def prod(
        self,
        axis: object = None,
        dtype: object = None,
        out: object = None,
        keepdims: bool = False,
        initial: object = NOT_GIVEN,
        where: object = True,
    ) -> object:
        """Product, floats in canonical order (C2). COLLECTIVE where the axis is cut."""
        return reduce_with(np.multiply, self, axis, dtype, out, keepdims, initial, where)

    def min(
        self,
        axis: object = None,
        out: object = None,
        keepdims: bool = False,
        initial: object = NOT_GIVEN,
        where: object = True,
    ) -> object:
        """Minimum; NaN where there is one. COLLECTIVE where the axis is cut."""
        return reduce_with(np.minimum, self, axis, None, out, keepdims, initial, where)

    def max(
        self,
        axis: object = None,
        out: object = None,
        keepdims: bool = False,
        initial: object = NOT_GIVEN,
        where: object = True,
    ) -> object:
        """Maximum; NaN where there is one. COLLECTIVE where the axis is cut."""
        return reduce_with(np.maximum, self, axis, None, out, keepdims, initial, where)

    def any(
        self, axis: object = None, out: object = None, keepdims: bool = False, *, where=True
    ) -> object:
        """Whether some element is true. COLLECTIVE where the axis is cut."""
        return reduce_with(np.logical_or, self, axis, None, out, keepdims, NOT_GIVEN, where)

    def all(
        self, axis: object = None, out: object = None, keepdims: bool = False, *, where=True
    ) -> object:
        """Whether every element is true. COLLECTIVE where the axis is cut."""
        return reduce_with(np.logical_and, self, axis, None, out, keepdims, NOT_GIVEN, where)

    def argmin(
        self, axis: int | None = None, out: object = None, *, keepdims: bool = False
    ) -> object:
        """First position of the minimum, in global C order. COLLECTIVE."""
        return self._arg("argmin", axis, out, keepdims)

    def argmax(
        self, axis: int | None = None, out: object = None, *, keepdims: bool = False
    ) -> object:
        """First position of the maximum, in global C order. COLLECTIVE."""
        return self._arg("argmax", axis, out, keepdims)

    def _arg(self, name: str, axis: int | None, out: object, keepdims: bool) -> object:
        found = argreductions.arg_reduce(name, self.blocks(), axis)
        axes = reductions.normalise_axes(axis, self.ndim)
        return written(self._wrapped(found, axes, bool(keepdims)), out, name)

    def mean(
        self,
        axis: object = None,
        dtype: object = None,
        out: object = None,
        keepdims: bool = False,
        *,
        where: object = True,
    ) -> object:
        """Mean, in canonical order (C2). COLLECTIVE where the axis is cut."""
        given = dtype
        if dtype is None and self.dtype.kind in "biu":
            dtype = np.float64
        elif dtype is None and self.dtype == np.float16:  # as NumPy: the sum may not fit
            dtype = np.float32
        total = self.sum(axis, dtype, keepdims=keepdims, where=where)
        mean = _divided(total, self._count(axis, keepdims, where), "Mean of empty slice")
        kind = given or (self.dtype if self.dtype.kind in "fc" else dtype)
        return written(mean.astype(kind, copy=False), out, "mean", "unsafe")

    def var(
        self,
        axis: object = None,
        dtype: object = None,
        out: object = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: object = True,
        mean: object = NOT_GIVEN,
        correction: object = NOT_GIVEN,
    ) -> object:
        """Variance, two passes in canonical order (C2). COLLECTIVE where the axis is cut."""
        if correction is not NOT_GIVEN:
            if ddof != 0:
                raise ValueError("ddof and correction can't be provided simultaneously.")
            ddof = correction
        kind = np.dtype(dtype or (np.float64 if self.dtype.kind in "biu" else self.dtype))
        values = self.astype(np.float32 if kind == np.float16 else kind, copy=False)
        count = values._count(axis, True, where)
        if mean is NOT_GIVEN:
            total = values.sum(axis, keepdims=True, where=where)
            with np.errstate(all="ignore"):
                mean = _divided(total, count, "")
        away = values - mean
        square = (away * away.conj()).real if away.dtype.kind == "c" else away * away
        total = square.sum(axis, keepdims=keepdims, where=where)
        count = values._count(axis, keepdims, where) - ddof
        count = np.maximum(count, 0) if hasattr(count, "dtype") else max(count, 0)
        variance = _divided(total, count, "Degrees of freedom <= 0 for slice")
        final = kind if kind == np.float16 else total.dtype
        return written(variance.astype(final, copy=False), out, "var", "unsafe")

    def std(self, axis: object = None, dtype: object = None, out: object = None, *args, **kw):
        """Standard deviation, in canonical order (C2); takes what `var` takes. COLLECTIVE."""
        return written(np.sqrt(self.var(axis, dtype, None, *args, **kw)), out, "std", "unsafe")

    def _count(self, axis: object, keepdims: bool, where: object) -> object:
        """Elements that a reduction puts together: a number, or an array where there is a mask."""
        axes = reductions.normalise_axes(axis, self.ndim)
        if where is True:
            return prod(self.shape[a] for a in axes)
        ones = np.equal(self, self) | True
        return reduce_with(np.add, ones, axis, np.int64, None, keepdims, NOT_GIVEN, where)

    def cumsum(self, axis: int | None = None, dtype: object = None, out: object = None) -> object:
        """Running sum; floats by leaves in canonical order (C2). COLLECTIVE if the axis is cut."""
        return self._running(np.add, axis, dtype, out)

    def cumprod(self, axis: int | None = None, dtype: object = None, out: object = None) -> object:
        """Running product; floats by leaves in canonical order (C2). COLLECTIVE if cut."""
        return self._running(np.multiply, axis, dtype, out)

    def _running(self, ufunc: np.ufunc, axis: int | None, dtype: object, out: object) -> object:
        x = self if axis is not None or self.ndim == 1 else np.ravel(self)
        return accumulate_with(ufunc, x, 0 if axis is None else axis, dtype, out)


def _divided(total: object, count: object, words: str) -> object:
    """Quotients, with NumPy's warning where nothing was counted; NaN or inf there."""
    if isinstance(count, int) and count > 0:
        return np.true_divide(total, count)
    if words and bool(np.any(np.less_equal(count, 0))):
        warnings.warn(f"{words}.", RuntimeWarning, stacklevel=3)
    if hasattr(count, "dtype"):
        count = count.astype(total.real.dtype)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.true_divide(total, count)


def reduce_with(
    ufunc: np.ufunc,
    x: Reductions,
    axis: object = 0,
    dtype: object = None,
    out: object = None,
    keepdims: bool = False,
    initial: object = NOT_GIVEN,
    where: object = True,
) -> object:
    """``ufunc.reduce`` of an array with NumPy's arguments. COLLECTIVE where the axis is cut.

    Raises
    ------
    UnsupportedError
        The ufunc is not associative (a TypeError), or ``out`` is no DistArray.
    ShapeError
        A ufunc without identity over nothing, or with a mask and without ``initial``.
    """
    reductions.check_associative(ufunc)
    to_a_scalar = axis is None and dtype is None and out is None and not keepdims
    if to_a_scalar and initial is NOT_GIVEN and where is True:
        total = small_total(ufunc, x)  # the way through blocks costs more than a small array
        if total is not None:
            return total
    axes = reductions.normalise_axes(axis, x.ndim)
    out = out[0] if isinstance(out, tuple) else out
    if dtype is None and out is not None and ufunc in (np.add, np.multiply):
        dtype = out.dtype
    dtype = None if dtype is None else np.dtype(dtype)
    given = initial is not NOT_GIVEN and initial is not None
    if where is not True:
        x = _masked(ufunc, x, dtype, where, given)
    if given and ufunc.identity is None and any(x.shape[a] == 0 for a in axes):
        made = reductions.result_dtype(ufunc, x.dtype, dtype)
        found = reductions.reduce(np.logical_or, x.blocks(), axes, None)
        found = found.with_local(np.full(found.local.shape, initial, made))
    else:
        found = reductions.reduce(ufunc, x.blocks(), axes, dtype)
        if given:
            local = ufunc.reduce(found.local[None], 0, found.local.dtype, initial=initial)
            found = found.with_local(np.asarray(local))
    return written(x._wrapped(found, axes, bool(keepdims)), out, ufunc.__name__)


def _masked(
    ufunc: np.ufunc, x: Reductions, dtype: np.dtype | None, where: object, given: bool
) -> Reductions:
    """The array with a value that changes nothing where a mask is false."""
    if ufunc.identity is None and not given:
        raise ShapeError(
            f"reduction operation '{ufunc.__name__}' does not have an identity, so to use a where "
            "mask one has to specify 'initial'"
        )
    where = where if hasattr(where, "dtype") else np.asarray(where)
    if where.dtype != bool:
        raise UnsupportedError(f"where= is {where.dtype}, it must be bool")
    if np.broadcast_shapes(where.shape, x.shape) != x.shape:
        raise ShapeError(f"where= of shape {where.shape} does not broadcast to {x.shape}")
    kind = x.dtype
    if ufunc in reductions.ROUNDED:
        kind = reductions.result_dtype(ufunc, x.dtype, dtype)
    value = reductions.neutral(ufunc, kind) if ufunc.identity is None else ufunc.identity
    fill = np.asarray(value).astype(kind)
    return np.where(where, x.astype(kind, copy=False), fill)


def accumulate_with(
    ufunc: np.ufunc, x: Reductions, axis: int = 0, dtype: object = None, out: object = None
) -> object:
    """``ufunc.accumulate`` of an array, under its map. COLLECTIVE where the axis is cut.

    Floats are accumulated by leaves (see :mod:`pmap.arrays.accumulations`), whole numbers as
    NumPy does.
    """
    out = out[0] if isinstance(out, tuple) else out
    if not x.ndim:
        raise TypeError("cannot accumulate on a scalar")
    axis = reductions.axis_from_front(axis, x.ndim)
    if dtype is None and out is not None:
        dtype = out.dtype
    dtype = None if dtype is None else np.dtype(dtype)
    found = accumulations.accumulate(ufunc, x.blocks(), axis, dtype)
    made = type(x)(found.local, found.shape, found.map, found.world)
    return written(made, out, f"{ufunc.__name__}.accumulate")


def written(found: object, out: object, what: str, casting: str = "same_kind") -> object:
    """A result put into ``out=``, where that is given. COLLECTIVE where maps differ."""
    out = out[0] if isinstance(out, tuple) else out
    if out is None:
        return found
    if not isinstance(out, Reductions):
        raise UnsupportedError(f"np.{what}: out= must be a DistArray where the operand is one")
    if out.shape != np.shape(found):
        raise ShapeError(f"np.{what}: out= has shape {out.shape}, the result {np.shape(found)}")
    if not np.can_cast(found.dtype, out.dtype, casting):
        raise UnsupportedError(
            f"np.{what}: cannot cast the result from {found.dtype} to {out.dtype} with casting "
            f"rule {casting!r}; give an out= of another dtype"
        )
    out[...] = found
    return out

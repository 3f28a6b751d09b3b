"""NumPy's methods of an array, written on top of a few that DistArray gives.

The class here does not know blocks or ranks: it turns ``A.mean(axis)`` into sums and operators.
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from . import argreductions, reductions
from .conversions import Conversions
from .numpymethods import NumpyMethods


class ArrayMethods(Conversions, NumpyMethods):
    """Reductions, copies and parts by NumPy's names."""

    __slots__ = ()

    def sum(self, axis: object = None, dtype: object = None, *, keepdims: bool = False) -> object:
        """Sum, floats in canonical order (C2). COLLECTIVE."""
        return self.reduced("add", axis, dtype, keepdims)

    def prod(self, axis: object = None, dtype: object = None, *, keepdims: bool = False) -> object:
        """Product, floats in canonical order (C2). COLLECTIVE."""
        return self.reduced("multiply", axis, dtype, keepdims)

    def min(self, axis: object = None, *, keepdims: bool = False) -> object:
        """Minimum; NaN where there is one. COLLECTIVE."""
        return self.reduced("minimum", axis, None, keepdims)

    def max(self, axis: object = None, *, keepdims: bool = False) -> object:
        """Maximum; NaN where there is one. COLLECTIVE."""
        return self.reduced("maximum", axis, None, keepdims)

    def any(self, axis: object = None, *, keepdims: bool = False) -> object:
        """Whether some element is true. COLLECTIVE."""
        return self.reduced("logical_or", axis, None, keepdims)

    def all(self, axis: object = None, *, keepdims: bool = False) -> object:
        """Whether every element is true. COLLECTIVE."""
        return self.reduced("logical_and", axis, None, keepdims)

    def argmin(self, axis: int | None = None, *, keepdims: bool = False) -> object:
        """First position of the minimum, in global C order. COLLECTIVE."""
        return self._arg("argmin", axis, keepdims)

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> object:
        """First position of the maximum, in global C order. COLLECTIVE."""
        return self._arg("argmax", axis, keepdims)

    def _arg(self, name: str, axis: int | None, keepdims: bool) -> object:
        found = argreductions.arg_reduce(name, self.blocks(), axis)
        return self._wrapped(found, reductions.normalise_axes(axis, self.ndim), keepdims)

    def mean(self, axis: object = None, dtype: object = None, *, keepdims: bool = False) -> object:
        """Mean, in canonical order (C2). COLLECTIVE."""
        axes = reductions.normalise_axes(axis, self.ndim)
        given = dtype
        if dtype is None and self.dtype.kind in "biu":
            dtype = np.float64
        elif dtype is None and self.dtype == np.float16:  # as NumPy: the sum may not fit
            dtype = np.float32
        total = self.sum(axes, dtype, keepdims=keepdims)
        mean = np.true_divide(total, self._count(axes))
        return mean.astype(given or (self.dtype if self.dtype.kind in "fc" else dtype), copy=False)

    def var(
        self, axis: object = None, dtype: object = None, *, ddof: float = 0, keepdims: bool = False
    ) -> object:
        """Variance, two passes in canonical order (C2). COLLECTIVE."""
        axes = reductions.normalise_axes(axis, self.ndim)
        kind = np.dtype(dtype or (np.float64 if self.dtype.kind in "biu" else self.dtype))
        values = self.astype(np.float32 if kind == np.float16 else kind, copy=False)
        away = values - values.mean(axes, keepdims=True)
        square = (away * away.conj()).real if away.dtype.kind == "c" else away * away
        total = square.sum(axes, keepdims=keepdims)
        variance = np.true_divide(total, max(self._count(axes) - ddof, 0))
        return variance.astype(kind if kind == np.float16 else total.dtype, copy=False)

    def std(
        self, axis: object = None, dtype: object = None, *, ddof: float = 0, keepdims: bool = False
    ) -> object:
        """Standard deviation, in canonical order (C2). COLLECTIVE."""
        return np.sqrt(self.var(axis, dtype, ddof=ddof, keepdims=keepdims))

    def _count(self, axes: tuple[int, ...]) -> int:
        """Elements that a reduction over axes puts together."""
        return prod(self.shape[a] for a in axes)

    def clip(self, min: object = None, max: object = None) -> "ArrayMethods":  # noqa: A002
        """Elements limited to a range. COLLECTIVE where the limits have other maps."""
        return np.clip(self, min, max)

    def round(self, decimals: int = 0) -> "ArrayMethods":
        """Elements rounded to decimals. LOCAL."""
        return np.round(self, decimals)

    def astype(self, dtype: object, copy: bool = True) -> "ArrayMethods":
        """The array in another type, same map. LOCAL."""
        return self._like(self.block.astype(dtype, copy=copy))

    def copy(self) -> "ArrayMethods":
        """A copy under the same map. LOCAL."""
        return self._like(self.block.copy(order="C"))

    def conj(self) -> "ArrayMethods":
        """Complex conjugate. LOCAL."""
        return self._like(self.block.conj())

    @property
    def real(self) -> "ArrayMethods":
        """Real part, a view. LOCAL."""
        return self._part(lambda block: block.real)

    @property
    def imag(self) -> "ArrayMethods":
        """Imaginary part, a view. LOCAL."""
        return self._part(lambda block: block.imag)

    @real.setter
    def real(self, values: object) -> None:
        self.real[...] = values

    @imag.setter
    def imag(self, values: object) -> None:
        if self.dtype.kind != "c":
            raise TypeError("array does not have imaginary part to set")
        self.imag[...] = values

    @property
    def T(self) -> "ArrayMethods":  # noqa: N802  NumPy's name
        """The array with its axes reversed, a view. LOCAL."""
        return self.transpose()

    @property
    def mT(self) -> "ArrayMethods":  # noqa: N802  NumPy's name
        """The array with its last two axes exchanged, a view. LOCAL."""
        if self.ndim < 2:
            raise ValueError("matrix transpose with ndim < 2 is undefined")
        return self.swapaxes(-1, -2)

    def swapaxes(self, axis1: int, axis2: int) -> "ArrayMethods":
        """The array with two axes exchanged, a view. LOCAL."""
        order = list(range(self.ndim))
        a, b = (reductions.axis_from_front(axis, self.ndim) for axis in (axis1, axis2))
        order[a], order[b] = order[b], order[a]
        return self.transpose(order)

    def conjugate(self) -> "ArrayMethods":
        """Complex conjugate. LOCAL."""
        return self.conj()

    def fill(self, value: object) -> None:
        """Set all elements to a value. LOCAL."""
        self[...] = value

    def __iter__(self) -> Iterator:
        """The parts along the first axis: views, or scalars of a 1-D array (COLLECTIVE)."""
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, value: object) -> bool:
        """Whether some element equals the value. COLLECTIVE."""
        return bool((self == value).any())

    def __len__(self) -> int:
        """Length of the first axis."""
        if not self._shape:
            raise TypeError("len() of unsized object")
        return self._shape[0]

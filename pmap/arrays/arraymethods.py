"""NumPy's methods of an array, written on top of a few that DistArray gives.

The class here does not know blocks or ranks: it turns ``A.mean(axis)`` into sums and operators.
"""

from collections.abc import Iterator

import numpy as np

from ..ranks.agreement import agreed
from . import reductions
from .conversions import Conversions
from .numpymethods import NumpyMethods
from .reducing import Reductions


class ArrayMethods(Reductions, Conversions, NumpyMethods):
    """Copies and parts, and what is said elsewhere, by NumPy's names."""

    __slots__ = ()

    def clip(self, min: object = None, max: object = None) -> "ArrayMethods":  # noqa: A002
        """Elements limited to a range. COLLECTIVE where the limits have other maps."""
        return np.clip(self, min, max)

    def round(self, decimals: int = 0) -> "ArrayMethods":
        """Elements rounded to decimals. LOCAL."""
        return np.round(self, decimals)

    def astype(self, dtype: object, copy: bool = True) -> "ArrayMethods":
        """The array in another type, same map. LOCAL; COLLECTIVE for text, which may not fit."""
        if self.dtype.kind in "SUT" and np.dtype(dtype).kind not in "SUT":
            return self._like(agreed(lambda: self.block.astype(dtype, copy=copy), self._world))
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

"""NumPy's methods of an array, written on top of a few that DistArray gives.

The class here does not know blocks or ranks: it turns ``A.mean(axis)`` into sums and operators.
"""

import numpy as np

from . import reductions
from .moving import everywhere


class ArrayMethods:
    """Reductions, conversions and copies by NumPy's names."""

    __slots__ = ()

    def sum(self, axis: object = None, dtype: object = None, keepdims: bool = False) -> object:
        """Sum, floats in canonical order (C2). COLLECTIVE."""
        return self.reduced("add", axis, dtype, keepdims)

    def prod(self, axis: object = None, dtype: object = None, keepdims: bool = False) -> object:
        """Product. COLLECTIVE."""
        return self.reduced("multiply", axis, dtype, keepdims)

    def min(self, axis: object = None, keepdims: bool = False) -> object:
        """Minimum; NaN where there is one. COLLECTIVE."""
        return self.reduced("minimum", axis, None, keepdims)

    def max(self, axis: object = None, keepdims: bool = False) -> object:
        """Maximum; NaN where there is one. COLLECTIVE."""
        return self.reduced("maximum", axis, None, keepdims)

    def any(self, axis: object = None, keepdims: bool = False) -> object:
        """Whether some element is true. COLLECTIVE."""
        return self.reduced("logical_or", axis, None, keepdims)

    def all(self, axis: object = None, keepdims: bool = False) -> object:
        """Whether every element is true. COLLECTIVE."""
        return self.reduced("logical_and", axis, None, keepdims)

    def argmin(self, axis: int | None = None) -> object:
        """First position of the minimum, in global C order. COLLECTIVE."""
        return self._wrapped(reductions.arg_reduce("argmin", self.blocks(), axis), (), False)

    def argmax(self, axis: int | None = None) -> object:
        """First position of the maximum, in global C order. COLLECTIVE."""
        return self._wrapped(reductions.arg_reduce("argmax", self.blocks(), axis), (), False)

    def mean(self, axis: object = None, dtype: object = None, keepdims: bool = False) -> object:
        """Mean, in canonical order (C2). COLLECTIVE."""
        axes = reductions.normalise_axes(axis, self.ndim)
        count = int(np.prod([self._shape[a] for a in axes], dtype=np.int64))
        if dtype is None and self.dtype.kind in "biu":
            dtype = np.float64
        total = self.sum(axes, dtype, keepdims)
        return np.true_divide(total, count).astype(dtype or self.dtype)

    def var(self, axis: object = None, ddof: float = 0, keepdims: bool = False) -> object:
        """Variance, two passes in canonical order (C2). COLLECTIVE."""
        axes = reductions.normalise_axes(axis, self.ndim)
        count = int(np.prod([self._shape[a] for a in axes], dtype=np.int64))
        away = self - self.mean(axes, keepdims=True)
        square = (away * away.conj()).real if self.dtype.kind == "c" else away * away
        total = square.sum(axes, keepdims=keepdims)
        return np.true_divide(total, max(count - ddof, 0)).astype(total.dtype)

    def std(self, axis: object = None, ddof: float = 0, keepdims: bool = False) -> object:
        """Standard deviation, in canonical order (C2). COLLECTIVE."""
        return np.sqrt(self.var(axis, ddof, keepdims))

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

    @property
    def T(self) -> "ArrayMethods":  # noqa: N802  NumPy's name
        """The transpose, a view. LOCAL."""
        return self.transpose()

    def item(self) -> object:
        """The only element, as a Python scalar. COLLECTIVE."""
        if self.size != 1:
            raise ValueError(f"only an array of one element is a scalar; the shape is {self.shape}")
        return self.block_under(everywhere(self.ndim, self._world), "A.item()").item()

    def __bool__(self) -> bool:
        """Truth of the only element. COLLECTIVE."""
        if self.size != 1:
            raise ValueError(
                f"the truth of an array of shape {self.shape} is ambiguous; use .any() or .all()"
            )
        return bool(self.item())

    def __float__(self) -> float:
        """The only element. COLLECTIVE."""
        return float(self.item())

    def __int__(self) -> int:
        """The only element. COLLECTIVE."""
        return int(self.item())

    def __len__(self) -> int:
        """Length of the first axis."""
        if not self._shape:
            raise TypeError("len() of unsized object")
        return self._shape[0]

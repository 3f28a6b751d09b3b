"""NumPy's methods of an array, written on top of a few that DistArray gives.

The class here does not know blocks or ranks: it turns ``A.mean(axis)`` into sums and operators.
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from . import reductions
from .errors import UnsupportedError
from .moving import everywhere


class ArrayMethods:
    """Reductions, conversions and copies by NumPy's names."""

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
        found = reductions.arg_reduce(name, self.blocks(), axis)
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

    def _scalar(self) -> object:
        if self.size != 1:
            raise TypeError(
                f"only an array of one element becomes a Python number; the shape is {self.shape}"
            )
        return self.item()

    def __float__(self) -> float:
        """The only element. COLLECTIVE."""
        return float(self._scalar())

    def __int__(self) -> int:
        """The only element. COLLECTIVE."""
        return int(self._scalar())

    def __complex__(self) -> complex:
        """The only element. COLLECTIVE."""
        return complex(self._scalar())

    def __iter__(self) -> Iterator:
        """The parts along the first axis: views, or scalars of a 1-D array (COLLECTIVE)."""
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, value: object) -> bool:
        """Whether some element equals the value. COLLECTIVE."""
        return bool((self == value).any())

    def __copy__(self) -> "ArrayMethods":
        """As :meth:`copy`."""
        return self.copy()

    def __deepcopy__(self, memo: dict) -> "ArrayMethods":
        """As :meth:`copy`."""
        return self.copy()

    def __reduce__(self) -> tuple:
        """No pickling: a block alone is not the array."""
        raise UnsupportedError(
            f"a DistArray of shape {self.shape} cannot be pickled: each rank has only its part; "
            "pickle pm.agg(A), or save it with pm.io.save"
        )

    def __dlpack__(self, **kw: object) -> object:
        """The GLOBAL array as a DLPack capsule, up to ``pm.options.gather_limit``. COLLECTIVE."""
        return np.asarray(self).__dlpack__(**kw)

    def __dlpack_device__(self) -> tuple[int, int]:
        """The CPU."""
        return np.empty(0).__dlpack_device__()

    def __len__(self) -> int:
        """Length of the first axis."""
        if not self._shape:
            raise TypeError("len() of unsized object")
        return self._shape[0]

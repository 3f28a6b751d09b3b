"""NumPy's methods that are one of NumPy's functions, which pmap answers by NumPy's protocol."""

import numpy as np


class NumpyMethods:
    """``A.f(...)`` is ``np.f(A, ...)``: what it costs and gives is said there."""

    __slots__ = ()

    def reshape(self, *shape: object, order: str = "C", copy: bool | None = None) -> object:
        """Another shape for the same elements in C order. COLLECTIVE."""
        shape = shape[0] if len(shape) == 1 else shape
        return np.reshape(self, shape, order=order, **({} if copy is None else {"copy": copy}))

    def ravel(self, order: str = "C") -> object:
        """All elements along one axis. COLLECTIVE."""
        return np.ravel(self, order)

    def flatten(self, order: str = "C") -> object:
        """A copy of all elements along one axis. COLLECTIVE."""
        flat = np.ravel(self, order)
        return flat.copy() if np.may_share_memory(flat.block, self.block) else flat

    def squeeze(self, axis: object = None) -> object:
        """The array without axes of length 1: a view. LOCAL."""
        return np.squeeze(self, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> object:
        """The elements of a diagonal of two axes. COLLECTIVE."""
        return np.diagonal(self, offset, axis1, axis2)

    def trace(
        self,
        offset: int = 0,
        axis1: int = 0,
        axis2: int = 1,
        dtype: object = None,
        out: object = None,
    ) -> object:
        """Sum of a diagonal of two axes. COLLECTIVE."""
        return np.trace(self, offset, axis1, axis2, dtype, out)

    def take(
        self, indices: object, axis: int | None = None, out: object = None, mode: str = "raise"
    ) -> object:
        """The elements at indices of an axis. COLLECTIVE."""
        return np.take(self, indices, axis, out, mode)

    def repeat(self, repeats: object, axis: int | None = None) -> object:
        """Each element, several times. COLLECTIVE."""
        return np.repeat(self, repeats, axis)

    def compress(self, condition: object, axis: int | None = None, out: object = None) -> object:
        """The slices of an axis for which a condition holds. COLLECTIVE."""
        return np.compress(condition, self, axis, out)

    def choose(self, choices: object, out: object = None, mode: str = "raise") -> object:
        """Of several arrays the elements that this one's numbers choose. COLLECTIVE."""
        return np.choose(self, choices, out, mode)

    def put(self, indices: object, values: object, mode: str = "raise") -> None:
        """Write elements by their numbers in C order over the whole array. COLLECTIVE."""
        np.put(self, indices, values, mode)

    def nonzero(self) -> tuple:
        """Where the elements are not 0: one array of indices for each axis. COLLECTIVE."""
        return np.nonzero(self)

    def sort(
        self, axis: int = -1, kind: object = None, order: object = None, *, stable: object = None
    ) -> None:
        """Sort along an axis, in place. COLLECTIVE."""
        self[...] = np.sort(self, axis, kind, order, stable=stable)

    def argsort(
        self,
        axis: int | None = -1,
        kind: object = None,
        order: object = None,
        *,
        stable: object = None,
    ) -> object:
        """The indices that sort an axis. COLLECTIVE."""
        return np.argsort(self, axis, kind, order, stable=stable)

    def partition(
        self, kth: object, axis: int = -1, kind: str = "introselect", order: object = None
    ) -> None:
        """Bring the elements of some ranks of the order to their places, in place. COLLECTIVE."""
        self[...] = np.partition(self, kth, axis, kind, order)

    def argpartition(
        self, kth: object, axis: int | None = -1, kind: str = "introselect", order: object = None
    ) -> object:
        """The indices that :meth:`partition` follows. COLLECTIVE."""
        return np.argpartition(self, kth, axis, kind, order)

    def searchsorted(self, v: object, side: str = "left", sorter: object = None) -> object:
        """Where values would stand in the order of this one. COLLECTIVE."""
        return np.searchsorted(self, v, side, sorter)

    def dot(self, b: object, out: object = None) -> object:
        """Matrix product as ``numpy.dot``. COLLECTIVE."""
        return np.dot(self, b, out)

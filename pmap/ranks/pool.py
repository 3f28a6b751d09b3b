"""Memory of large blocks, used again when its last view is gone.

The system clears every new page: three quarters of the time of a result that is written to new
memory. What comes back is kept up to ``pm.options.pool_mb``.

NumPy lets a view of a view refer to the array behind both. It does not look through a ctypes
object, nor through anything else that is no array: a block of the pool stands on one, so every
view of it keeps the block itself alive, and its end is the end of them all.
"""

import ctypes
from collections.abc import Callable, Sequence
from math import prod
from weakref import ref

import numpy as np

from ..errors import AllocationError
from ..settings import options

SMALLEST_BYTES = 1 << 20
"""Smaller blocks are left to the C library, which keeps memory of its own."""
_NUMBERS = (int, float, complex)


class _Loan(ref):
    """A weak reference to a block, with the memory that it stands on."""

    __slots__ = ("memory",)


class Pool:
    """Memory that is free, by size, and memory that is lent.

    Examples
    --------
    >>> pool = Pool()
    >>> first = pool.empty((1 << 20,), "u1")
    >>> address, view = first.ctypes.data, first[5:]
    >>> del first
    >>> pool.empty((1 << 20,), "u1").ctypes.data == address  # the view is still there
    False
    >>> del view
    >>> pool.empty((1 << 20,), "u1").ctypes.data == address
    True
    """

    def __init__(self) -> None:
        self._free: dict[int, list[np.ndarray]] = {}
        self._lent: dict[int, _Loan] = {}
        self.free_bytes = 0
        """Memory that is kept for later."""

    def empty(self, shape: tuple[int, ...], dtype: object) -> np.ndarray:
        """As ``np.empty``: old values in it, C-contiguous. LOCAL."""
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        if size < SMALLEST_BYTES or dtype.hasobject:
            return np.empty(shape, dtype)
        try:
            memory = self._memory(_rounded(size))
        except MemoryError:
            raise AllocationError(
                f"no memory for a block of shape {tuple(shape)}, {dtype}: {size} bytes"
            ) from None
        block = np.ndarray(shape, dtype, _not_an_array(memory))
        loan = _Loan(block, self._take_back)
        loan.memory = memory
        self._lent[id(loan)] = loan
        return block

    def clear(self) -> None:
        """Give the free memory back to the system. LOCAL."""
        self._free.clear()
        self.free_bytes = 0

    def _memory(self, size: int) -> np.ndarray:
        kept = self._free.get(size)
        if kept:
            self.free_bytes -= size
            return kept.pop()
        self._make_room(size)
        try:
            return np.empty(size, np.uint8)
        except MemoryError:
            self.clear()
            return np.empty(size, np.uint8)

    def _make_room(self, size: int) -> None:
        """Let go of memory of sizes that are not asked for, so that this one will be kept."""
        limit = _limit_bytes()
        for other in list(self._free):
            while self._free[other] and self.free_bytes + size > limit:
                self._free[other].pop()
                self.free_bytes -= other
            if not self._free[other]:
                del self._free[other]

    def _take_back(self, loan: _Loan) -> None:
        """The last view of a block is gone. It may come at any moment: nothing is searched."""
        del self._lent[id(loan)]
        size = loan.memory.nbytes
        if self.free_bytes + size <= _limit_bytes():
            self._free.setdefault(size, []).append(loan.memory)
            self.free_bytes += size


def _limit_bytes() -> float:
    return options.pool_mb * 2**20


def _not_an_array(memory: np.ndarray) -> ctypes.Array:
    return (ctypes.c_char * memory.nbytes).from_buffer(memory)


def _rounded(size: int) -> int:
    """A size that others of about this size have too: at most a sixteenth more."""
    step = max(4096, 1 << (size.bit_length() - 5))
    return -(-size // step) * step


_pool = Pool()
empty = _pool.empty
clear = _pool.clear


def applied(function: Callable, blocks: Sequence[object]) -> object:
    """``function(*blocks)``; the result of a ufunc on large blocks is memory of the pool. LOCAL.

    Parameters
    ----------
    function : callable
        An elementwise function, most often a ufunc.
    blocks : sequence
        ndarrays and scalars.
    """
    if type(function) is np.ufunc and function.nout == 1 and function.signature is None:
        out = _result_memory(function, blocks)
        if out is not None:
            return function(*blocks, out=out)
    return function(*blocks)


def _result_memory(ufunc: np.ufunc, blocks: Sequence[object]) -> np.ndarray | None:
    """Memory for a ufunc's result; None where NumPy had better choose shape, type or layout."""
    arrays = [b for b in blocks if type(b) is np.ndarray]
    if not any(8 * a.size >= SMALLEST_BYTES for a in arrays):
        return None
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    if not all(a.flags.c_contiguous for a in arrays if a.shape == shape):
        return None
    kinds = [type(b) if type(b) in _NUMBERS else np.asarray(b).dtype for b in blocks]
    try:
        dtype = ufunc.resolve_dtypes((*kinds, None))[-1]
    except TypeError:  # NumPy's own call says what is wrong
        return None
    return empty(shape, dtype) if dtype.kind in "biufc" else None

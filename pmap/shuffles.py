"""Permutations without memory: where each index goes, computed from the index and a key (pure).

A permutation of [0, n) as a bijection of bit strings: a Feistel network (M. Luby, C. Rackoff, SIAM
J. Comput. 17, 1988) over the least number of bits that hold n, walked on from values outside (J.
Black, P. Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002); compare R. Mitchell et
al., "Bandwidth-optimal random shuffling for GPUs" (ACM TOPC 9, 2022). Up to :data:`EXACT` elements
the permutation is drawn whole, every one being equally likely.
"""

from functools import lru_cache

import numpy as np

from .philox import Stream

EXACT = 1 << 20
"""Permutations of so many elements are drawn whole on every rank (8 MiB)."""
ROUNDS = 12
CHUNK = 1 << 15
_MIX = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53))


class Permutation:
    """A random permutation of [0, n): ``at(indices)`` tells where it puts them.

    Examples
    --------
    >>> order = Permutation(Stream((1, 2), 3), 10)
    >>> sorted(order.at(np.arange(10)).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """

    def __init__(self, stream: Stream, n: int, exact: int = EXACT) -> None:
        """``exact`` is :data:`EXACT`, but for tests."""
        self.n = n
        generator = stream.at_leaf(0)
        self._table = generator.permutation(n) if n <= exact else None
        self._keys = generator.integers(0, 1 << 64, ROUNDS, np.uint64, endpoint=False)
        self._bits = max(2, (n - 1).bit_length()) if n else 2

    def at(self, indices: np.ndarray) -> np.ndarray:
        """Images of indices, int64, of the same shape. LOCAL."""
        if self._table is not None:
            return self._table[indices]
        flat = np.ascontiguousarray(indices).reshape(-1)
        found = np.empty(flat.shape, np.int64)
        for start in range(0, flat.size, CHUNK):
            part = flat[start : start + CHUNK].astype(np.uint64)
            found[start : start + CHUNK] = self._walked(part).view(np.int64)
        return found.reshape(indices.shape)

    def _walked(self, values: np.ndarray) -> np.ndarray:
        """Images inside [0, n): what falls outside goes on until it is inside."""
        values = self._network(values)
        outside = np.flatnonzero(values >= self.n)
        while outside.size:
            values[outside] = self._network(values[outside])
            outside = outside[values[outside] >= self.n]
        return values

    def _network(self, values: np.ndarray) -> np.ndarray:
        """The bijection of the bit strings; halves of unequal length change places."""
        right_bits = self._bits // 2
        left_bits = self._bits - right_bits
        for key in self._keys:
            left, right = values >> np.uint64(right_bits), values & _mask(right_bits)
            left ^= _mixed(right, key) >> np.uint64(64 - left_bits)
            values = (right << np.uint64(left_bits)) | left
            left_bits, right_bits = right_bits, left_bits
        return values


@lru_cache(maxsize=64)
def _mask(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)


def _mixed(values: np.ndarray, key: np.uint64) -> np.ndarray:
    """64 bits that each depend on every bit of value and key: the finisher of MurmurHash3."""
    values = values + key
    values ^= values >> np.uint64(33)
    values *= _MIX[0]
    values ^= values >> np.uint64(33)
    values *= _MIX[1]
    values ^= values >> np.uint64(32)
    return values

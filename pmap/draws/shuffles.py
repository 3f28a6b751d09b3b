"""Permutations without memory: where each index goes, computed from the index and a key (pure).

A permutation of [0, n) as a bijection of bit strings: a Feistel network (M. Luby, C. Rackoff, SIAM
J. Comput. 17, 1988) over the least number of bits that hold n, walked on from values outside (J.
Black, P. Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002); compare R. Mitchell et
al., "Bandwidth-optimal random shuffling for GPUs" (ACM TOPC 9, 2022). Up to :data:`EXACT` elements
the permutation is drawn whole, every one being equally likely.
"""

import numpy as np

from .philox import Stream

EXACT = 1 << 20
"""Permutations of so many elements are drawn whole on every rank (8 MiB)."""
ROUNDS = 12
CHUNK = 1 << 15
# width of the words -> two odd multipliers and a shift: the finishers of MurmurHash3
_MIX = {
    32: (np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35), np.uint32(15)),
    64: (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53), np.uint64(33)),
}


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
        self._bits = max(2, (n - 1).bit_length()) if n else 2
        self._width = 32 if self._bits <= 32 else 64
        self._word = np.dtype(f"u{self._width // 8}").type
        self._keys = generator.integers(0, 1 << self._width, ROUNDS, self._word)

    def at(self, indices: np.ndarray) -> np.ndarray:
        """Images of indices, int64, of the same shape. LOCAL."""
        if self._table is not None:
            return self._table[indices]
        flat = np.ascontiguousarray(indices).reshape(-1)
        found = np.empty(flat.shape, np.int64)
        for start in range(0, flat.size, CHUNK):
            part = flat[start : start + CHUNK].astype(self._word)
            found[start : start + CHUNK] = self._walked(part)
        return found.reshape(indices.shape)

    def _walked(self, values: np.ndarray) -> np.ndarray:
        """Images inside [0, n): what falls outside goes on until it is inside."""
        self._network(values)
        outside = np.flatnonzero(values >= self.n)
        while outside.size:
            again = values[outside]
            self._network(again)
            values[outside] = again
            outside = outside[again >= self.n]
        return values

    def _network(self, values: np.ndarray) -> None:
        """The bijection of the bit strings, in place; unequal halves change places."""
        first, second, shift = _MIX[self._width]
        word = self._word
        right_bits = self._bits // 2
        left_bits = self._bits - right_bits
        for key in self._keys:
            right = values & word((1 << right_bits) - 1)
            mixed = right + key
            mixed *= first
            mixed ^= mixed >> shift
            mixed *= second
            mixed >>= word(self._width - left_bits)
            values >>= word(right_bits)
            values ^= mixed
            right <<= word(left_bits)
            values |= right
            left_bits, right_bits = right_bits, left_bits

"""Numbers by their place: streams of NumPy's Philox generator that start at any index (pure).

Philox turns a key and a 256-bit counter into random words without any state between them (J. K.
Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11).
The key comes from the seed; the counter's highest word is the number of the call. What takes one
word per element starts at any element; what takes a varying number (ziggurats, rejection) is drawn
in leaves of the flat index, each with a range of counters of its own.
"""

from collections.abc import Callable, Sequence

import numpy as np

LEAF = 4096
"""Elements of a leaf. Part of the numbers' definition: another value gives other numbers."""

Draw = Callable[[np.random.Generator, np.ndarray, int], None]
"""Fills an array with the elements from an index on, by a generator."""


class Stream:
    """The random numbers of one call.

    Parameters
    ----------
    key : sequence of int
        Two 64-bit words.
    call : int
        Number of the call, 64 bits.
    """

    def __init__(self, key: Sequence[int], call: int) -> None:
        """See the class."""
        self._bits = np.random.Philox(key=np.array(key, np.uint64))
        self._state = self._bits.state
        self._counter = self._state["state"]["counter"]
        self._counter[3] = call
        self.generator = np.random.Generator(self._bits)

    def at_word(self, word: int) -> np.random.Generator:
        """The generator before a 64-bit word of the call."""
        block, more = divmod(word, 4)
        self._go(block, 0, 0)
        if more:
            self._bits.random_raw(more, output=False)
        return self.generator

    def at_leaf(self, leaf: int) -> np.random.Generator:
        """The generator at the beginning of a leaf."""
        self._go(0, leaf, 1)
        return self.generator

    def _go(self, low: int, middle: int, kind: int) -> None:
        self._counter[:3] = low, middle, kind
        self._bits.state = self._state


class Words:
    """Elements that take one word, or half of one, each.

    Examples
    --------
    >>> words = Words(Stream((1, 2), 0), lambda g, out, at: g.random(out=out))
    >>> whole, part = np.empty(9), np.empty(4)
    >>> words.fill(0, whole)
    >>> words.fill(5, part)
    >>> bool((part == whole[5:]).all())
    True
    """

    leaf = 1
    move = 2.5
    """What it costs to move an element to another rank, in elements drawn; measured."""

    def __init__(self, stream: Stream, draw: Draw, per_word: int = 1) -> None:
        """``draw(generator, out, start)``; ``per_word`` elements come from one word."""
        self._stream, self._draw, self._per_word = stream, draw, per_word

    def fill(self, start: int, out: np.ndarray) -> None:
        """Write the elements from a flat index on into a contiguous array. LOCAL."""
        word, inside = divmod(start, self._per_word)
        generator = self._stream.at_word(word)
        if inside:  # the first half of the word belongs to the element before
            both = np.empty(min(2, len(out) + 1), out.dtype)
            self._draw(generator, both, start - 1)
            out[:1] = both[1:]
            self.fill(start + 1, out[1:]) if len(out) > 1 else None
        else:
            self._draw(generator, out, start)


class Leaves:
    """Elements that take a varying number of words, drawn by whole leaves.

    Examples
    --------
    >>> leaves = Leaves(Stream((1, 2), 0), lambda g, out, at: g.standard_normal(out=out), 9000)
    >>> whole, part = np.empty(9000), np.empty(100)
    >>> leaves.fill(0, whole)
    >>> leaves.fill(4090, part)
    >>> bool((part == whole[4090:4190]).all())
    True
    """

    move = 1.0
    """As that of :class:`Words`; these take longer to draw."""

    def __init__(self, stream: Stream, draw: Draw, total: int, leaf: int = LEAF) -> None:
        """``draw(generator, out, start)``; ``total`` elements are there in all."""
        self._stream, self._draw, self._total, self.leaf = stream, draw, total, leaf
        self._kept: tuple[int, np.ndarray] | None = None

    def fill(self, start: int, out: np.ndarray) -> None:
        """Write the elements from a flat index on into a contiguous array. LOCAL."""
        stop = start + len(out)
        for leaf in range(start // self.leaf, -(-stop // self.leaf)):
            lo, hi = leaf * self.leaf, min((leaf + 1) * self.leaf, self._total)
            a, b = max(lo, start), min(hi, stop)
            if (a, b) == (lo, hi):
                self._draw(self._stream.at_leaf(leaf), out[a - start : b - start], lo)
            else:
                out[a - start : b - start] = self._whole(leaf, lo, hi, out)[a - lo : b - lo]

    def _whole(self, leaf: int, lo: int, hi: int, like: np.ndarray) -> np.ndarray:
        """A leaf of which a part is wanted; kept, for the next part is often of the same."""
        if self._kept is None or self._kept[0] != leaf:
            values = np.empty((hi - lo, *like.shape[1:]), like.dtype)
            self._draw(self._stream.at_leaf(leaf), values, lo)
            self._kept = leaf, values
        return self._kept[1]

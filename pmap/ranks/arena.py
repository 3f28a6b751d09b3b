"""A few pages that all ranks of one node have mapped: short data without messages.

Each rank writes only its own words, and a word is written whole. On x86-64 all processors see the
stores of one in their order, so the word that says "here it is" is stored last and nothing else
is needed; other machines use MPI (see docs/decisions/0007-single-copy.md).
"""

import os
import time
from collections.abc import Callable
from mmap import mmap

LINE = 8
"""Words of a cache line: what different ranks write lies in different ones."""
SMALL_BYTES = 4096
"""Longest data of `gather` and `share`."""
INLINE_BYTES = 2048
"""Longest message that lies in the arena itself."""
TOO_LONG = -1
QUICK_LOOKS = 60

_SMALL_WORDS = LINE + SMALL_BYTES // 8
_PAIR_WORDS = 2 * LINE + INLINE_BYTES // 8
Until = Callable[[Callable[[], object], str], object]


def arena_bytes(count: int) -> int:
    """Size for `count` ranks; pages that nobody touches take no memory."""
    return 8 * (LINE * (1 + count) + 2 * count * _SMALL_WORDS + count * count * _PAIR_WORDS)


class Arena:
    """What one rank does with the pages of its node.

    Parameters
    ----------
    memory : mmap
        The same pages on all ranks of the node, at first zeros.
    index, count : int
        This rank among those of the node.
    until : callable
        ``until(test, what)`` waits, and answers the watchdog meanwhile.
    cores : int
        Of all ranks of the node together.
    """

    def __init__(self, memory: mmap, index: int, count: int, until: Until, cores: int) -> None:
        self._memory, self.index, self.count, self._until = memory, index, count, until
        self.bytes = memoryview(memory)
        self.words = self.bytes.cast("q")
        self._finished_at = [LINE * (1 + i) for i in range(count)]
        first = LINE * (1 + count)
        self._small_at = [
            [first + (2 * i + half) * _SMALL_WORDS for i in range(count)] for half in (0, 1)
        ]
        self._pairs_at = first + 2 * count * _SMALL_WORDS
        self._number = 0
        self._all_finished = 0
        self._looks = QUICK_LOOKS if count <= cores else 1

    # -- short data of all ranks ----------------------------------------------------------------

    def gather(self, data: bytes | None, stamp: int, what: str) -> list[bytes] | None:
        """Every rank's data, in order; None if any rank's (None) are too long. COLLECTIVE.

        Two halves take turns: who begins the next operation but one has seen all ranks in the
        next one, so that nobody reads the first any more.
        """
        self._begin()
        places = self._small_at[self._number & 1]
        self._put(places[self.index], data, stamp)
        self._await_stamp(places, stamp, what)
        found = [self._taken(at) for at in places]
        self._all_finished = self._number - 1
        self._end()
        return None if None in found else found

    def share(self, data: bytes | None, root: int, stamp: int, what: str) -> bytes | None:
        """Root's data on all ranks; None if they are too long. Root does not wait. COLLECTIVE."""
        self._begin()
        at = self._small_at[self._number & 1][root]
        if root == self.index:
            self._put(at, data, stamp)
        else:
            self._await_stamp([at], stamp, what)
            data = self._taken(at)
        self._end()
        return data

    def _begin(self) -> None:
        self._number += 1
        needed = self._number - 2
        if self._all_finished < needed:  # only after `share`, which does not wait for all
            words, places = self.words, self._finished_at
            self._wait(lambda: all(words[at] >= needed for at in places), "the other ranks")
            self._all_finished = needed

    def _end(self) -> None:
        self.words[self._finished_at[self.index]] = self._number

    def _put(self, at: int, data: bytes | None, stamp: int) -> None:
        if data is None:
            self.words[at + 1] = TOO_LONG
        else:
            start = 8 * (at + LINE)
            self.bytes[start : start + len(data)] = data
            self.words[at + 1] = len(data)
        self.words[at] = stamp

    def _taken(self, at: int) -> bytes | None:
        length = self.words[at + 1]
        start = 8 * (at + LINE)
        return None if length == TOO_LONG else bytes(self.bytes[start : start + length])

    def _await_stamp(self, places: list[int], stamp: int, what: str) -> None:
        words = self.words
        for at in places:
            looks = self._looks
            while words[at] != stamp:
                looks -= 1
                if not looks:
                    self._wait(lambda: all(words[at] == stamp for at in places), what)
                    return

    def _wait(self, test: Callable[[], bool], what: str) -> None:
        """Look often for a moment; then as every wait, with sleeps and the watchdog."""
        end = time.perf_counter() + 50e-6
        while time.perf_counter() < end:
            if test():
                return
            os.sched_yield()
        self._until(test, what)

    # -- messages from one rank to another ----------------------------------------------------

    def slot(self, source: int, target: int) -> int:
        """First word of the place for messages from `source` to `target`."""
        return self._pairs_at + (source * self.count + target) * _PAIR_WORDS

    def is_free(self, slot: int) -> bool:
        """Whether the last message of a slot has been taken."""
        return self.words[slot] == self.words[slot + LINE]

    def post(self, slot: int, stamp: int, sizes: tuple[int, int], body: bytes) -> None:
        """Put a message into a free slot: its length and way, and up to INLINE_BYTES."""
        start = 8 * (slot + 2 * LINE)
        self.bytes[start : start + len(body)] = body
        self.words[slot + 1], self.words[slot + 2] = sizes
        self.words[slot + 3] = len(body)
        self.words[slot] = stamp

    def has(self, slot: int, stamp: int) -> bool:
        """Whether the message with this stamp has come."""
        return self.words[slot] == stamp

    def read(self, slot: int) -> tuple[int, int, bytes]:
        """Length, way and body of the message that has come."""
        start = 8 * (slot + 2 * LINE)
        body = bytes(self.bytes[start : start + self.words[slot + 3]])
        return self.words[slot + 1], self.words[slot + 2], body

    def take(self, slot: int) -> None:
        """Say that the message has been taken, and what it points to is no longer needed."""
        self.words[slot + LINE] = self.words[slot]

"""One axis: which indices a piece owns, as periodic sets of integers (pure arithmetic).

A piece of an axis is a :class:`Periodic` set: the integers of a range whose remainder by a period
lies in a few runs. Block, cyclic, block-cyclic and explicit pieces are such sets, and so are
their slices with any step, their intersections, and what a rank owns of a view. No element lists
are made: two pieces are intersected as :class:`Segment` values, runs repeated with a stride.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import gcd, lcm
from typing import NamedTuple

import numpy as np

from ..errors import MapError


class Segment(NamedTuple):
    """``count`` runs of ``length`` integers, the first at ``start``, ``stride`` apart."""

    start: int
    length: int
    stride: int
    count: int


@dataclass(frozen=True)
class Periodic:
    """The integers ``i`` in ``[lo, hi)`` with ``i % period`` in one of the ``runs``.

    Examples
    --------
    >>> Periodic(0, 10, 4, ((1, 3),)).indices()
    array([1, 2, 5, 6, 9])
    """

    lo: int
    hi: int
    period: int = 1
    runs: tuple[tuple[int, int], ...] = ((0, 1),)

    def __len__(self) -> int:
        """Number of integers in the set."""
        return self.position(self.hi)

    @property
    def contiguous(self) -> bool:
        """Whether the set is every integer of its range."""
        return self.period == 1

    def _below(self, i: int) -> int:
        """Members of the unbounded set in ``[0, i)``."""
        whole, rest = divmod(i, self.period)
        per_period = sum(stop - start for start, stop in self.runs)
        return whole * per_period + sum(
            min(max(rest - start, 0), stop - start) for start, stop in self.runs
        )

    def position(self, i: int) -> int:
        """Members below ``i``: the local position of ``i`` if it is one."""
        i = min(max(i, self.lo), max(self.lo, self.hi))
        if self.period == 1:
            return i - self.lo
        return self._below(i) - self._below(self.lo)

    def local_stride(self, stride: int) -> int:
        """Members in any window of ``stride``, which must be a multiple of the period."""
        return self._below(stride) if self.period > 1 else stride

    def __contains__(self, i: int) -> bool:
        """Whether ``i`` is a member."""
        rest = i % self.period
        return self.lo <= i < self.hi and any(a <= rest < b for a, b in self.runs)

    def indices(self) -> np.ndarray:
        """All members in order, int64, shape (len,)."""
        span = np.arange(self.lo, max(self.lo, self.hi))
        if self.period == 1:
            return span
        keep = np.zeros(self.period, bool)
        for start, stop in self.runs:
            keep[start:stop] = True
        return span[keep[span % self.period]]

    def some_runs(self, period: int, most: int) -> Iterator[tuple[int, int]]:
        """Runs of members: those that differ by more than a common period of the two are left out.

        With a ``period`` of somebody else's set, each of whose residues are met by these runs as
        by all members. Where there are more than ``most`` in it, the whole range as one run.
        """
        common = lcm(self.period, period)
        if self.period == 1 or common // self.period * len(self.runs) > most:
            yield self.lo, self.hi
        else:
            yield from self.runs_within(self.lo, min(self.hi, self.lo + common))

    def runs_within(self, lo: int, hi: int) -> list[tuple[int, int]]:
        """Maximal runs ``(start, stop)`` of members inside ``[lo, hi)``, in order."""
        lo, hi = max(lo, self.lo), min(hi, self.hi)
        if lo >= hi:
            return []
        if self.period == 1:
            return [(lo, hi)]
        found = []
        for base in range(lo // self.period * self.period, hi, self.period):
            for start, stop in self.runs:
                a, b = max(base + start, lo), min(base + stop, hi)
                if a < b:
                    found.append((a, b))
        return found


@dataclass(frozen=True)
class Split:
    """The rule by which an axis is cut into pieces.

    ``kind`` is ``"b"`` (balanced blocks, as ``numpy.array_split``), ``"ceil"`` (blocks of
    ``ceil(n / pieces)``, pMATLAB's rule), ``"c"`` (cyclic), ``"bc"`` (block-cyclic, blocks of
    ``k``) or ``"x"`` (explicit ``bounds``).
    """

    kind: str = "b"
    k: int = 1
    bounds: tuple[int, ...] = ()

    @property
    def word(self) -> object:
        """The split as it is written in ``Map(..., dist=...)``."""
        return {"bc": ("bc", self.k), "x": ("x", self.bounds)}.get(self.kind, self.kind)

    def block_bounds(self, n: int, pieces: int) -> tuple[int, ...] | None:
        """``pieces + 1`` edges of the blocks of an axis of length n; None where not blocks."""
        if self.kind == "x":
            return self.bounds
        if self.kind == "b" or pieces == 1:
            size, more = divmod(n, pieces)
            return tuple(p * size + min(p, more) for p in range(pieces + 1))
        if self.kind == "ceil":
            size = -(-n // pieces)
            return tuple(min(p * size, n) for p in range(pieces + 1))
        return None

    def piece(self, n: int, pieces: int, p: int) -> Periodic:
        """Indices of an axis of length n that piece p of ``pieces`` owns.

        Examples
        --------
        >>> [len(Split("b").piece(13, 4, p)) for p in range(4)]
        [4, 3, 3, 3]
        >>> Split("bc", 2).piece(7, 2, 1).indices()
        array([2, 3, 6])
        """
        if pieces == 1:
            return Periodic(0, n)
        if self.kind in ("c", "bc"):
            k = self.k
            return Periodic(0, n, k * pieces, ((p * k, (p + 1) * k),))
        if self.kind == "x":
            return Periodic(self.bounds[p], self.bounds[p + 1])
        if self.kind == "ceil":
            size = -(-n // pieces)
            return Periodic(min(p * size, n), min((p + 1) * size, n))
        size, more = divmod(n, pieces)
        lo = p * size + min(p, more)
        return Periodic(lo, lo + size + (p < more))

    def owner(self, i: int, n: int, pieces: int) -> int:
        """The piece that owns index i."""
        if pieces == 1:
            return 0
        if self.kind in ("c", "bc"):
            return i // self.k % pieces
        if self.kind == "x":
            return bisect_right(self.bounds, i) - 1
        if self.kind == "ceil":
            return i // -(-n // pieces)
        size, more = divmod(n, pieces)
        return i // (size + 1) if i < more * (size + 1) else more + (i - more * (size + 1)) // size

    def __hash__(self) -> int:
        """Hash by value, reckoned once: explicit edges may be many."""
        try:
            return self._hash
        except AttributeError:
            object.__setattr__(self, "_hash", hash((self.kind, self.k, self.bounds)))
            return self._hash

    def __getstate__(self) -> dict:
        """Hashes hold in one process only."""
        return {k: v for k, v in self.__dict__.items() if k != "_hash"}


def parse_split(word: object) -> Split:
    """The split that a ``dist`` word names: "b", "c", "ceil", ("bc", k) or ("x", edges).

    Raises
    ------
    MapError
        The word is none of these.
    """
    if isinstance(word, Split):
        return word
    if word in ("b", "ceil"):
        return Split(word)
    if word == "c":
        return Split("c", 1)
    if isinstance(word, tuple) and len(word) == 2 and word[0] == "bc":
        if not isinstance(word[1], int | np.integer) or word[1] < 1:
            raise MapError(f"dist {word!r}: the block length must be a whole number >= 1")
        return Split("bc", int(word[1]))
    if isinstance(word, tuple) and len(word) == 2 and word[0] == "x":
        bounds = tuple(int(b) for b in word[1])
        if len(bounds) < 2 or bounds[0] != 0 or list(bounds) != sorted(bounds):
            raise MapError(f"dist {word!r}: the edges must start at 0 and not decrease")
        return Split("x", bounds=bounds)
    raise MapError(
        f"dist {word!r} is not known; write 'b' (block), 'c' (cyclic), ('bc', k) (block-cyclic), "
        "('x', edges) (explicit) or 'ceil' (pMATLAB's block rule)"
    )


def align(owned: Periodic, offset: int, step: int, n: int) -> Periodic:
    """Indices i in [0, n) for which ``offset + step * i`` is owned: a slice of an axis.

    Examples
    --------
    >>> align(Periodic(0, 10, 2, ((0, 1),)), 1, 3, 3).indices()   # of 1, 4, 7 the even one
    array([1])
    """
    if step > 0:
        lo, hi = -((offset - owned.lo) // step), -((offset - owned.hi) // step)
    else:
        lo = (offset - owned.hi) // -step + 1
        hi = (offset - owned.lo) // -step + 1
    lo = min(max(lo, 0), n)
    hi = max(min(hi, n), lo)
    if owned.period == 1:
        return Periodic(lo, hi)
    period = owned.period // gcd(owned.period, step)
    if step == 1:
        return Periodic(lo, hi, period, _rotate(owned.runs, -offset % period, period))
    keep = np.zeros(owned.period, bool)
    for start, stop in owned.runs:
        keep[start:stop] = True
    inside = keep[(offset + step * np.arange(period)) % owned.period]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]])))
    runs = tuple((int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True))
    return Periodic(lo, hi, period, runs) if runs else Periodic(0, 0)


def _rotate(runs: tuple, shift: int, period: int) -> tuple[tuple[int, int], ...]:
    """Runs moved by ``shift`` round a period; one that passes the end is cut in two."""
    moved = []
    for start, stop in runs:
        a, b = start + shift, stop + shift
        if a >= period:
            moved.append((a - period, b - period))
        elif b > period:
            moved += [(a, period), (0, b - period)]
        else:
            moved.append((a, b))
    return tuple(sorted(moved))


@lru_cache(maxsize=1 << 14)
def intersect(a: Periodic, b: Periodic) -> tuple[Segment, ...]:
    """The common members of two sets, as runs repeated with a stride.

    Examples
    --------
    >>> intersect(Periodic(0, 100), Periodic(0, 50, 4, ((2, 4),)))
    (Segment(start=2, length=2, stride=4, count=12),)
    """
    lo, hi = max(a.lo, b.lo), min(a.hi, b.hi)
    if lo >= hi:
        return ()
    period = lcm(a.period, b.period)
    if period == 1:
        return (Segment(lo, hi - lo, 0, 1),)
    common = _common_runs(a, b, lo, min(hi, lo + period))
    segments = []
    for start, stop in common:
        count = (hi - stop) // period + 1
        segments.append(Segment(start, stop - start, period if count > 1 else 0, count))
        rest = start + count * period
        if rest < hi:  # the last repetition is cut by the end of the range
            segments.append(Segment(rest, hi - rest, 0, 1))
    return tuple(segments)


def _common_runs(a: Periodic, b: Periodic, lo: int, hi: int) -> list[tuple[int, int]]:
    """Runs of members of both sets inside ``[lo, hi)``, which is at most a common period."""
    g = gcd(a.period, b.period)
    in_a, in_b = (sum(stop - start for start, stop in x.runs) for x in (a, b))
    meetings = in_a * len(b.runs) + in_b * len(a.runs)
    window = (hi - lo) * (len(a.runs) / a.period + len(b.runs) / b.period)
    if meetings / g < window and not (a.contiguous or b.contiguous):  # those have one run
        return _meetings(a, b, lo, hi)
    left, right = a.runs_within(lo, hi), b.runs_within(lo, hi)
    common, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        start, stop = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < stop:
            common.append((start, stop))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return common


def _meetings(a: Periodic, b: Periodic, lo: int, hi: int) -> list[tuple[int, int]]:
    """As :func:`_common_runs`, by the Chinese remainder theorem: no walk over the period.

    A run of a and one of b meet where their starts differ by a d that is smaller than their
    lengths; for each such d that the gcd of the periods allows there is one place per common
    period.
    """
    g, period = gcd(a.period, b.period), lcm(a.period, b.period)
    turns = b.period // g
    inverse = pow(a.period // g, -1, turns) if turns > 1 else 0
    found = []
    for start_a, stop_a in a.runs:
        for start_b, stop_b in b.runs:
            apart = start_a - start_b
            first = stop_a - start_a - 1  # d = start of a's run - start of b's, downwards
            for d in range(-first + (apart + first) % g, stop_b - start_b, g):
                at = start_a + a.period * ((d - apart) // g * inverse % turns)
                start = max(at, at - d)
                stop = min(at + stop_a - start_a, at - d + stop_b - start_b)
                begin = lo + (start - lo) % period
                end = begin + stop - start
                found += [(begin, min(end, hi)), (lo, min(end - period, hi))]
    return sorted((start, stop) for start, stop in found if start < stop)

"""How one array axis lies on a lattice of ranks (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd

from .splits import Periodic, Split, align


@dataclass(frozen=True)
class AxisMap:
    """How one array axis lies on the lattice.

    Attributes
    ----------
    grid_axis : int or None
        The lattice axis that cuts it; None where every rank of the lattice has the whole axis.
    split : Split
        The rule of the cut.
    extent : int or None
        Length of the axis that was cut; None means the array's own.
    offset, step : int
        Index i of the array is index ``offset + step * i`` of the axis that was cut.
    overlap : int
        Voxels of halo that each piece keeps of its neighbours, on both sides.
    """

    grid_axis: int | None = None
    split: Split = Split()
    extent: int | None = None
    offset: int = 0
    step: int = 1
    overlap: int = 0

    def __hash__(self) -> int:
        """Hash by value, reckoned once: maps are looked up often."""
        try:
            return self._hash
        except AttributeError:
            parts = self.grid_axis, self.split, self.extent, self.offset, self.step, self.overlap
            object.__setattr__(self, "_hash", hash(parts))
            return self._hash

    def __getstate__(self) -> dict:
        """Hashes hold in one process only."""
        return {k: v for k, v in self.__dict__.items() if k != "_hash"}

    def piece(self, n: int, pieces: int, p: int) -> Periodic:
        """Indices that coordinate p of ``pieces`` owns of an axis of length n."""
        if self.grid_axis is None:
            return Periodic(0, n)
        extent = n if self.extent is None else self.extent
        owned = self.split.piece(extent, pieces, p)
        if self.offset == 0 and self.step == 1 and extent == n:
            return owned
        return align(owned, self.offset, self.step, n)

    def owner(self, i: int, n: int, pieces: int) -> int:
        """The coordinate that owns index i of an axis of length n."""
        if self.grid_axis is None:
            return 0
        extent = n if self.extent is None else self.extent
        return self.split.owner(self.offset + self.step * i, extent, pieces)

    def owners(self, wanted: Periodic, n: int, pieces: int) -> Sequence[int]:
        """Coordinates, ascending, that may own some of a set of indices of an axis of length n."""
        if wanted.lo >= wanted.hi:
            return ()
        if self.grid_axis is None or pieces == 1:
            return (0,)
        extent = n if self.extent is None else self.extent
        if self.split.kind not in ("c", "bc"):
            ends = [self.offset + self.step * i for i in (wanted.lo, wanted.hi - 1)]
            first, last = (self.split.owner(i, extent, pieces) for i in sorted(ends))
            return range(first, last + 1)
        if abs(self.step) > self.split.k:  # the indices leap over pieces
            return range(pieces)
        period = self.split.k * pieces // gcd(self.split.k * pieces, self.step)
        found = set()
        for start, stop in wanted.some_runs(period, pieces):
            i, j = sorted((self.offset + self.step * start, self.offset + self.step * (stop - 1)))
            first, last = i // self.split.k, j // self.split.k
            if last - first >= pieces:
                return range(pieces)
            found.update(c % pieces for c in range(first, last + 1))
            if len(found) == pieces:
                return range(pieces)
        return sorted(found)

    def sliced(self, n: int, start: int, step: int) -> "AxisMap":
        """The axis after ``[start::step]`` was taken of its length n."""
        if self.grid_axis is None:
            return AxisMap()
        extent = n if self.extent is None else self.extent
        offset = self.offset + self.step * start
        return replace(self, extent=extent, offset=offset, step=self.step * step, overlap=0)


def axis_words(axis: AxisMap) -> str:
    """How an axis is written in the picture of a map."""
    if axis.grid_axis is None:
        return "whole"
    view = ""
    if axis.extent is not None:
        view = f"[{axis.offset}::{axis.step} of {axis.extent}]"
    return f"{axis.split.word!r}{view}"

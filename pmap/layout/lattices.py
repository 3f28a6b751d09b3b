"""The lattice of ranks under a map (pure): who stands at which coordinates.

Ranks that are ``0 ... P - 1`` in order are kept as a range, and everything about them is
arithmetic: a map over ten thousand ranks costs no more than one over four. Tables are made for
ranks in any other order, at their first use.
"""

from collections.abc import Sequence
from itertools import product
from math import prod

Grid = tuple[int, ...]


class Lattice:
    """Ranks on a grid in C order, last axis fastest.

    Parameters
    ----------
    grid : tuple of int
        Lengths of the grid axes.
    procs : sequence of int
        One rank per place.

    Examples
    --------
    >>> Lattice((2, 3), range(6)).coords(4), Lattice((2, 3), range(6)).rank_at((1, 1))
    ((1, 1), 4)
    >>> Lattice((2, 2), (3, 1, 0, 2)).ranks_with({1: 0})
    [3, 0]
    """

    __slots__ = ("_hash", "_places", "_procs", "grid", "ranks")

    def __init__(self, grid: Grid, procs: Sequence[int]) -> None:
        """See the class."""
        self.grid = grid
        self.ranks = as_range(procs)
        self._procs = self._places = self._hash = None

    @property
    def procs(self) -> tuple[int, ...]:
        """The ranks as a tuple."""
        if self._procs is None:
            self._procs = tuple(self.ranks)
        return self._procs

    def place(self, rank: int) -> int | None:
        """The place of a rank in C order; None for one that is not on the lattice."""
        if isinstance(self.ranks, range):
            return rank if 0 <= rank < len(self.ranks) else None
        if self._places is None:
            self._places = {r: i for i, r in enumerate(self.ranks)}
        return self._places.get(rank)

    def coords(self, rank: int) -> Grid | None:
        """Coordinates of a rank; None for one that is not on the lattice."""
        place = self.place(rank)
        if place is None:
            return None
        found = []
        for g in reversed(self.grid):
            place, c = divmod(place, g)
            found.append(c)
        return tuple(reversed(found))

    def rank_at(self, coords: Sequence[int]) -> int:
        """The rank at coordinates."""
        place = 0
        for c, g in zip(coords, self.grid, strict=True):
            place = place * g + c
        return self.ranks[place]

    def ranks_with(self, fixed: dict[int, int]) -> list[int]:
        """Ranks, in C order, whose coordinates agree with ``{grid axis: coordinate}``."""
        place, stride, free = 0, prod(self.grid), []
        for axis, g in enumerate(self.grid):
            stride //= g
            if axis in fixed:
                place += fixed[axis] * stride
            elif g > 1:
                free.append(range(0, g * stride, stride))
        if not free:
            return [self.ranks[place]]
        if len(free) == 1:
            return [self.ranks[place + k] for k in free[0]]
        return [self.ranks[place + sum(steps)] for steps in product(*free)]

    def fixed(self, grid_axis: int, coord: int) -> "Lattice":
        """The part at one coordinate of a grid axis, which is dropped."""
        grid = self.grid[:grid_axis] + self.grid[grid_axis + 1 :]
        return Lattice(grid or (1,), tuple(self.ranks_with({grid_axis: coord})))

    def __eq__(self, other: object) -> bool:
        """Equal by value."""
        if self is other:
            return True
        if not isinstance(other, Lattice):
            return NotImplemented
        return self.grid == other.grid and self.ranks == other.ranks

    def __hash__(self) -> int:
        """Hash by value, reckoned once."""
        if self._hash is None:
            self._hash = hash((self.grid, self.ranks))
        return self._hash


def as_range(procs: Sequence[int]) -> "range | tuple[int, ...]":
    """Ranks as the range from 0 that they are, else as a tuple."""
    whole = range(len(procs))
    if isinstance(procs, range):
        return whole if procs == whole else tuple(procs)
    procs = tuple(procs)
    return whole if procs == tuple(whole) else procs

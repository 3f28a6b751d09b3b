"""Map: which rank owns which part of an array (pure values, no MPI).

A map is a lattice of ranks (``grid``, ``procs``, ``order``) and, for each array axis, the grid
axis it is cut over (or none), the rule of the cut, and an alignment ``offset + step * i`` to the
axis that was cut, as in High Performance Fortran. Grid axes that no array axis uses replicate.
So maps are closed under slicing, transposition, new axes and reductions. A map answers for every
rank and holds no communicator.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import prod

import numpy as np

from ..errors import MapError
from .axismaps import AxisMap, axis_words
from .lattices import Lattice
from .splits import Periodic, parse_split

Shape = tuple[int, ...]


class Map:
    """A map of an array onto ranks: ``Map(grid, dist="b", procs=None, overlap=0, order="C")``.

    Parameters
    ----------
    grid : int or sequence of int
        Pieces per array axis; one entry may be -1, "as many as there are ranks".
    dist : str, tuple or list
        One word for all axes or a list with one per axis: ``"b"`` balanced blocks (the rule of
        ``numpy.array_split``), ``"c"`` cyclic, ``("bc", k)`` block-cyclic, ``("x", edges)``
        explicit outer edges, ``"ceil"`` pMATLAB's block rule.
    procs : sequence of int, optional
        The ranks of the lattice, in any order; all ranks from 0 on where omitted.
    overlap : int or sequence of int, voxels
        Halo that each piece keeps of its neighbours on both sides; block rules only.
    order : {"C", "F"}
        How ``procs`` run over the grid: last axis fastest (C) or first axis fastest (F, pMATLAB).

    Raises
    ------
    MapError
        The words do not make a map.

    Notes
    -----
    LOCAL: making a map sends nothing. Maps are immutable, hashable, and equal by value.

    Examples
    --------
    >>> rows = Map([4, 1], procs=range(4))
    >>> [rows.local_shape((13, 11), rank) for rank in range(4)]
    [(4, 11), (3, 11), (3, 11), (3, 11)]
    """

    __slots__ = ("_hash", "_plain", "_ranks", "axes", "grid", "order")

    def __init__(
        self,
        grid: int | Sequence[int],
        dist: object = "b",
        procs: Sequence[int] | None = None,
        overlap: int | Sequence[int] = 0,
        order: str = "C",
    ) -> None:
        """See the class."""
        grid = _whole_numbers(grid, "grid")
        if not grid or any(g < 1 and g != -1 for g in grid) or grid.count(-1) > 1:
            raise MapError(f"grid {grid}: give pieces >= 1 per axis, at most one of them -1")
        if order not in ("C", "F"):
            raise MapError(f"order {order!r} is not known; write 'C' or 'F'")
        splits = _one_per_axis([parse_split(w) for w in _words(dist)], len(grid), "dist")
        halos = _one_per_axis(list(_whole_numbers(overlap, "overlap")), len(grid), "overlap")
        axes = tuple(
            AxisMap(a, split, overlap=halo)
            for a, (split, halo) in enumerate(zip(splits, halos, strict=True))
        )
        if procs is not None and not isinstance(procs, range):
            procs = _whole_numbers(procs, "procs")
        self._fill(grid, axes, procs, order)
        self._check()

    def _fill(self, grid: Shape, axes: tuple, procs: Sequence[int] | None, order: str) -> None:
        """Set the fields; a bound map keeps its ranks in C order."""
        if procs is not None and -1 in grid:
            rest = -prod(grid)
            if len(procs) % rest:
                raise MapError(f"grid {grid} does not divide {len(procs)} procs")
            grid = tuple(len(procs) // rest if g == -1 else g for g in grid)
        if procs is not None and order == "F" and len(procs) == prod(grid):
            if sum(g > 1 for g in grid) > 1:
                procs = np.reshape(procs, grid, order="F").ravel().tolist()
            order = "C"
        self._set(axes, None if procs is None else Lattice(grid, procs), grid, order)

    def _set(self, axes: tuple, ranks: Lattice | None, grid: Shape, order: str) -> None:
        put = object.__setattr__
        put(self, "axes", axes)
        put(self, "_ranks", ranks)
        put(self, "grid", grid)
        put(self, "order", order)
        put(self, "_hash", None)
        put(self, "_plain", not any(axis.overlap for axis in axes))

    def _check(self) -> None:
        """Refuse what cannot be a map."""
        if self._ranks is not None:
            if len(self._ranks.ranks) != prod(self.grid):
                raise MapError(
                    f"grid {self.grid} has {prod(self.grid)} pieces but procs names "
                    f"{len(self.procs)} ranks; give one rank per piece"
                )
            ranks = self._ranks.ranks
            if not isinstance(ranks, range) and (len(set(ranks)) != len(ranks) or min(ranks) < 0):
                raise MapError(f"procs {self.procs}: name each rank once, from 0 on")
        for a, axis in enumerate(self.axes):
            if axis.overlap < 0:
                raise MapError(f"overlap {axis.overlap} of axis {a} is negative")
            if axis.overlap and axis.split.kind in ("c", "bc"):
                raise MapError(f"axis {a}: overlap needs a block rule, not {axis.split.word!r}")
            if axis.split.kind == "x" and self.grid[a] not in (-1, len(axis.split.bounds) - 1):
                raise MapError(
                    f"axis {a}: {len(axis.split.bounds)} edges make "
                    f"{len(axis.split.bounds) - 1} pieces but the grid has {self.grid[a]}"
                )

    @classmethod
    def lattice(cls, grid: Shape, axes: tuple[AxisMap, ...], procs: Sequence[int]) -> "Map":
        """A bound map from its parts: the constructor of derived maps."""
        return _made_again(tuple(grid) or (1,), tuple(axes), procs, "C")

    def bind(self, n_ranks: int) -> "Map":
        """The map with its ranks named, for a world of ``n_ranks``.

        Raises
        ------
        MapError
            The grid or the procs need more ranks than there are.
        """
        if self._ranks is not None:
            ranks = self._ranks.ranks
            highest = len(ranks) - 1 if isinstance(ranks, range) else max(ranks)
            if highest >= n_ranks:
                raise MapError(
                    f"map names rank {highest} but the world has {n_ranks} ranks; "
                    f"start it with at least {highest + 1}"
                )
            return self
        rest = prod(g for g in self.grid if g != -1)
        grid = tuple(max(1, n_ranks // rest) if g == -1 else g for g in self.grid)
        if prod(grid) > n_ranks:
            raise MapError(
                f"grid {self.grid} needs {prod(grid)} ranks but the world has {n_ranks}; use a "
                "smaller grid, -1 for one of its entries, or start more ranks"
            )
        made = _made_again(grid, self.axes, range(prod(grid)), self.order)
        made._check()
        return made

    # -- what it answers ------------------------------------------------------------------

    @property
    def procs(self) -> tuple[int, ...] | None:
        """The ranks, in C order over the grid; None where the map is not bound."""
        return None if self._ranks is None else self._ranks.procs

    @property
    def n_procs(self) -> int:
        """Number of ranks of a bound map."""
        return len(self._ranks.ranks)

    @property
    def ndim(self) -> int:
        """Number of array axes."""
        return len(self.axes)

    @property
    def dist(self) -> list:
        """The word of each array axis, as written in the constructor."""
        return [axis.split.word for axis in self.axes]

    @property
    def overlap(self) -> tuple[int, ...]:
        """Halo per array axis, voxels."""
        return tuple(axis.overlap for axis in self.axes)

    @property
    def replicated(self) -> bool:
        """Whether some element has more than one holder."""
        return self.copies > 1

    @property
    def copies(self) -> int:
        """Ranks that hold each element."""
        used = {axis.grid_axis for axis in self.axes}
        return prod(g for a, g in enumerate(self.grid) if a not in used)

    def pieces_along(self, axis: int) -> int:
        """Pieces into which an array axis is cut."""
        grid_axis = self.axes[axis].grid_axis
        return 1 if grid_axis is None else self.grid[grid_axis]

    def check_shape(self, shape: Shape) -> None:
        """Raise MapError where the map cannot lie on an array of this shape."""
        if len(shape) != self.ndim:
            raise MapError(
                f"a map of {self.ndim} axes cannot lie on an array of shape {shape}; "
                f"give a grid with {len(shape)} entries"
            )
        for a, (axis, n) in enumerate(zip(self.axes, shape, strict=True)):
            if axis.extent is not None and n:
                ends = axis.offset, axis.offset + axis.step * (n - 1)
                if min(ends) < 0 or max(ends) >= axis.extent:
                    raise MapError(
                        f"axis {a} is a slice of one of length {axis.extent} and cannot have "
                        f"length {n}; give a map made with pm.Map"
                    )
            if axis.extent is None and axis.split.kind == "x" and axis.split.bounds[-1] != n:
                raise MapError(
                    f"axis {a} has length {n} but its explicit edges end at {axis.split.bounds[-1]}"
                )

    def coords(self, rank: int) -> tuple[int, ...] | None:
        """Lattice coordinates of a rank; None for a rank outside the map."""
        return self._ranks.coords(rank)

    def rank_at(self, coords: Sequence[int]) -> int:
        """The rank at lattice coordinates."""
        return self._ranks.rank_at(coords)

    def piece(self, shape: Shape, axis: int, coord: int) -> Periodic:
        """Indices of one array axis owned at a coordinate of its grid axis."""
        return _piece(self.axes[axis], shape[axis], self.pieces_along(axis), coord)

    def coord_along(self, axis: int, coords: Sequence[int]) -> int:
        """The coordinate that cuts an array axis, of lattice coordinates."""
        grid_axis = self.axes[axis].grid_axis
        return 0 if grid_axis is None else coords[grid_axis]

    def owned(self, shape: Shape, rank: int) -> tuple[Periodic, ...] | None:
        """What a rank owns: one set of indices per axis; None for a rank outside the map."""
        coords = self.coords(rank)
        if coords is None:
            return None
        return tuple(self.piece(shape, a, self.coord_along(a, coords)) for a in range(self.ndim))

    def local_shape(self, shape: Shape, rank: int) -> Shape:
        """Shape of a rank's owned part; zeros for a rank outside the map."""
        owned = self.owned(shape, rank)
        return (0,) * self.ndim if owned is None else tuple(len(o) for o in owned)

    def holders(self, shape: Shape, index: Sequence[int]) -> list[int]:
        """Ranks that hold an element; one of them unless the map replicates."""
        fixed = {}
        for a, i in enumerate(index):
            axis = self.axes[a]
            if axis.grid_axis is not None:
                fixed[axis.grid_axis] = axis.owner(i, shape[a], self.pieces_along(a))
        return self.ranks_with(fixed)

    def ranks_with(self, fixed: dict[int, int]) -> list[int]:
        """Ranks whose lattice coordinates agree with ``{grid axis: coordinate}``."""
        return self._ranks.ranks_with(fixed)

    # -- maps made from it -------------------------------------------------------------------

    def with_axes(self, axes: Sequence[AxisMap]) -> "Map":
        """The same lattice under other array axes."""
        made = Map.__new__(Map)
        made._set(tuple(axes), self._ranks, self.grid, self.order)
        return made

    def fixed(self, grid_axis: int, coord: int) -> "Map":
        """The sub-lattice at one coordinate of a grid axis, which is dropped."""
        ranks = self._ranks.fixed(grid_axis, coord)
        axes = [
            a
            if a.grid_axis is None or a.grid_axis < grid_axis
            else replace(a, grid_axis=a.grid_axis - 1)
            for a in self.axes
            if a.grid_axis != grid_axis
        ]
        return Map.lattice(ranks.grid, tuple(axes), ranks.ranks)

    def without_overlap(self) -> "Map":
        """The same map with no halo."""
        if self._plain:
            return self
        return self.with_axes([replace(a, overlap=0) for a in self.axes])

    # -- value ----------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        """Equal by value."""
        if self is other:
            return True
        return isinstance(other, Map) and (self.grid, self.axes, self._ranks, self.order) == (
            other.grid,
            other.axes,
            other._ranks,
            other.order,
        )

    def __hash__(self) -> int:
        """Hash by value."""
        if self._hash is None:
            object.__setattr__(self, "_hash", hash((self.grid, self.axes, self._ranks, self.order)))
        return self._hash

    def __reduce__(self) -> tuple:
        """Made again from its parts, in this or another process."""
        ranks = None if self._ranks is None else self._ranks.ranks
        return _made_again, (self.grid, self.axes, ranks, self.order)

    def __setattr__(self, name: str, value: object) -> None:
        """Maps are frozen."""
        raise AttributeError(f"a Map is immutable; make another to change its {name}")

    def __repr__(self) -> str:
        """How the map is written."""
        words = ", ".join(axis_words(a) for a in self.axes)
        procs = "all" if self.procs is None else _abridged(self.procs)
        halo = f", overlap={list(self.overlap)}" if any(self.overlap) else ""
        return f"Map(grid={list(self.grid)}, dist=[{words}], procs={procs}{halo})"


def _made_again(grid: Shape, axes: tuple, procs: Sequence[int] | None, order: str) -> Map:
    made = Map.__new__(Map)
    made._fill(grid, axes, procs, order)
    return made


@lru_cache(maxsize=1 << 15)
def _piece(axis: AxisMap, n: int, pieces: int, coord: int) -> Periodic:
    return axis.piece(n, pieces, coord)


def _words(dist: object) -> list:
    """The dist argument as a list of words: a tuple is one word."""
    if isinstance(dist, list):
        return dist
    return [dist]


def _whole_numbers(values: object, name: str) -> tuple[int, ...]:
    """One number or several as ints; MapError where one has a fraction, or is none."""
    given = tuple(values) if np.iterable(values) else (values,)
    try:
        found = tuple(int(v) for v in given)
    except (TypeError, ValueError, OverflowError):
        found = ()
    if any(n != v for n, v in zip(found, given, strict=False)) or len(found) < len(given):
        raise MapError(f"{name} {values!r}: give whole numbers")
    return found


def _one_per_axis(values: list, n: int, name: str) -> list:
    """One value per axis, from one for all or one for each."""
    if len(values) == 1:
        return values * n
    if len(values) != n:
        raise MapError(f"{name} has {len(values)} entries for a grid of {n} axes; give 1 or {n}")
    return values


def _abridged(procs: tuple[int, ...]) -> str:
    if len(procs) <= 8:
        return str(list(procs))
    return f"[{', '.join(map(str, procs[:4]))}, ... {procs[-1]}]"

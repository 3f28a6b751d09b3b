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

from .axismaps import AxisMap, axis_words
from .errors import MapError
from .splits import Periodic, parse_split

Shape = tuple[int, ...]

_FIELDS = ("grid", "axes", "procs", "order", "_lattice", "_rank_of")


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

    __slots__ = ("_hash", "_lattice", "_plain", "_rank_of", "axes", "grid", "order", "procs")

    def __init__(
        self,
        grid: int | Sequence[int],
        dist: object = "b",
        procs: Sequence[int] | None = None,
        overlap: int | Sequence[int] = 0,
        order: str = "C",
    ) -> None:
        """See the class."""
        grid = tuple(int(g) for g in np.atleast_1d(grid))
        if not grid or any(g < 1 and g != -1 for g in grid) or grid.count(-1) > 1:
            raise MapError(f"grid {grid}: give pieces >= 1 per axis, at most one of them -1")
        if order not in ("C", "F"):
            raise MapError(f"order {order!r} is not known; write 'C' or 'F'")
        splits = _one_per_axis([parse_split(w) for w in _words(dist)], len(grid), "dist")
        halos = _one_per_axis([int(h) for h in np.atleast_1d(overlap)], len(grid), "overlap")
        axes = tuple(
            AxisMap(a, split, overlap=halo)
            for a, (split, halo) in enumerate(zip(splits, halos, strict=True))
        )
        procs = None if procs is None else tuple(int(p) for p in procs)
        self._fill(grid, axes, procs, order)
        self._check()

    def _fill(self, grid: Shape, axes: tuple, procs: tuple | None, order: str) -> None:
        """Set the fields; a bound map keeps its ranks in C order."""
        if procs is not None and -1 in grid:
            rest = -prod(grid)
            if len(procs) % rest:
                raise MapError(f"grid {grid} does not divide {len(procs)} procs")
            grid = tuple(len(procs) // rest if g == -1 else g for g in grid)
        if procs is not None and order == "F" and len(procs) == prod(grid):
            procs = tuple(np.reshape(procs, grid, order="F").ravel().tolist())
            order = "C"
        lattice = None if procs is None or len(procs) != prod(grid) else np.reshape(procs, grid)
        rank_of = None if procs is None else {r: i for i, r in enumerate(procs)}
        self._set(grid, axes, procs, order, lattice, rank_of)

    def _set(self, *values: object) -> None:
        for name, value in zip(_FIELDS, values, strict=True):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_hash", None)
        object.__setattr__(self, "_plain", not any(axis.overlap for axis in self.axes))

    def _check(self) -> None:
        """Refuse what cannot be a map."""
        if self.procs is not None:
            if len(self.procs) != prod(self.grid):
                raise MapError(
                    f"grid {self.grid} has {prod(self.grid)} pieces but procs names "
                    f"{len(self.procs)} ranks; give one rank per piece"
                )
            if len(set(self.procs)) != len(self.procs) or min(self.procs) < 0:
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
    def lattice(cls, grid: Shape, axes: tuple[AxisMap, ...], procs: tuple[int, ...]) -> "Map":
        """A bound map from its parts: the constructor of derived maps."""
        return _made_again(tuple(grid) or (1,), tuple(axes), tuple(procs), "C")

    def bind(self, n_ranks: int) -> "Map":
        """The map with its ranks named, for a world of ``n_ranks``.

        Raises
        ------
        MapError
            The grid or the procs need more ranks than there are.
        """
        if self.procs is not None:
            if max(self.procs) >= n_ranks:
                raise MapError(
                    f"map names rank {max(self.procs)} but the world has {n_ranks} ranks; "
                    f"start it with at least {max(self.procs) + 1}"
                )
            return self
        rest = prod(g for g in self.grid if g != -1)
        grid = tuple(max(1, n_ranks // rest) if g == -1 else g for g in self.grid)
        if prod(grid) > n_ranks:
            raise MapError(
                f"grid {self.grid} needs {prod(grid)} ranks but the world has {n_ranks}; use a "
                "smaller grid, -1 for one of its entries, or start more ranks"
            )
        made = _made_again(grid, self.axes, tuple(range(prod(grid))), self.order)
        made._check()
        return made

    # -- what it answers ------------------------------------------------------------------

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
        place = self._rank_of.get(rank)
        return None if place is None else _unravel(place, self.grid)

    def rank_at(self, coords: Sequence[int]) -> int:
        """The rank at lattice coordinates."""
        place = 0
        for c, g in zip(coords, self.grid, strict=True):
            place = place * g + c
        return self.procs[place]

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
        at = tuple(fixed.get(g, slice(None)) for g in range(len(self.grid)))
        return self._lattice[at].ravel().tolist()

    # -- maps made from it -------------------------------------------------------------------

    def with_axes(self, axes: Sequence[AxisMap]) -> "Map":
        """The same lattice under other array axes."""
        made = Map.__new__(Map)
        made._set(self.grid, tuple(axes), self.procs, self.order, self._lattice, self._rank_of)
        return made

    def fixed(self, grid_axis: int, coord: int) -> "Map":
        """The sub-lattice at one coordinate of a grid axis, which is dropped."""
        procs = np.take(self._lattice, coord, axis=grid_axis).ravel()
        grid = self.grid[:grid_axis] + self.grid[grid_axis + 1 :]
        axes = [
            a
            if a.grid_axis is None or a.grid_axis < grid_axis
            else replace(a, grid_axis=a.grid_axis - 1)
            for a in self.axes
            if a.grid_axis != grid_axis
        ]
        return Map.lattice(grid, tuple(axes), tuple(procs.tolist()))

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
        return isinstance(other, Map) and (self.grid, self.axes, self.procs, self.order) == (
            other.grid,
            other.axes,
            other.procs,
            other.order,
        )

    def __hash__(self) -> int:
        """Hash by value."""
        if self._hash is None:
            object.__setattr__(self, "_hash", hash((self.grid, self.axes, self.procs, self.order)))
        return self._hash

    def __reduce__(self) -> tuple:
        """Made again from its parts, in this or another process."""
        return _made_again, (self.grid, self.axes, self.procs, self.order)

    def __setattr__(self, name: str, value: object) -> None:
        """Maps are frozen."""
        raise AttributeError(f"a Map is immutable; make another to change its {name}")

    def __repr__(self) -> str:
        """How the map is written."""
        words = ", ".join(axis_words(a) for a in self.axes)
        procs = "all" if self.procs is None else _abridged(self.procs)
        halo = f", overlap={list(self.overlap)}" if any(self.overlap) else ""
        return f"Map(grid={list(self.grid)}, dist=[{words}], procs={procs}{halo})"


def _made_again(grid: Shape, axes: tuple, procs: tuple | None, order: str) -> Map:
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


def _one_per_axis(values: list, n: int, name: str) -> list:
    """One value per axis, from one for all or one for each."""
    if len(values) == 1:
        return values * n
    if len(values) != n:
        raise MapError(f"{name} has {len(values)} entries for a grid of {n} axes; give 1 or {n}")
    return values


def _unravel(place: int, grid: Shape) -> tuple[int, ...]:
    coords = []
    for g in reversed(grid):
        place, c = divmod(place, g)
        coords.append(c)
    return tuple(reversed(coords))


def _abridged(procs: tuple[int, ...]) -> str:
    if len(procs) <= 8:
        return str(list(procs))
    return f"[{', '.join(map(str, procs[:4]))}, ... {procs[-1]}]"

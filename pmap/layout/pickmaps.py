"""Maps of what index arrays and masks pick, and who serves whom (pure).

An index array frees the axes that it picks: the grid axes that cut them are free for the axes of
the result that come instead. The ranks that agree in all other coordinates are a **fibre**: what
one of them wants is held by the fibre.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np

from .axismaps import AxisMap
from .maps import Map, Shape
from .splits import Split


def freed_by(held: Map, axes: Sequence[int]) -> tuple[int, ...]:
    """The grid axes that cut some axes of an array, in the order of these axes."""
    return tuple([held.axes[a].grid_axis for a in axes if held.axes[a].grid_axis is not None])


class Fibres(NamedTuple):
    """The ranks of a map by their coordinates along freed grid axes.

    ``table[i, f]`` is the rank at coordinate f (flattened) of fibre i; fibres are numbered by the
    coordinates along the other grid axes, whose lengths are ``others``.
    """

    table: np.ndarray
    others: Shape

    def of(self, rank: int) -> np.ndarray:
        """The ranks that serve a rank: its own fibre, or one by turn for a rank outside."""
        inside = np.argwhere(self.table == rank)
        return self.table[inside[0][0] if len(inside) else rank % len(self.table)]


@lru_cache(maxsize=64)
def fibres(held: Map, freed: tuple[int, ...]) -> Fibres:
    """The fibres of a map along some grid axes."""
    kept = [g for g in range(len(held.grid)) if g not in freed]
    ranks = np.reshape(held.procs, held.grid).transpose([*kept, *freed])
    others = tuple(held.grid[g] for g in kept)
    return Fibres(ranks.reshape(prod(others), -1), others)


@lru_cache(maxsize=64)
def merged(held: Map, freed: tuple[int, ...], grid: Shape) -> tuple[Map, int]:
    """The lattice with its freed grid axes laid out anew, and the first of these.

    Parameters
    ----------
    held : Map
        Its axes on freed grid axes must be replaced by the caller.
    freed : tuple of int
        Grid axes, put together in this order.
    grid : tuple of int
        Their new layout; its product may be smaller than theirs, then the last ranks are left out.
    """
    found = fibres(held, freed)
    kept = [g for g in range(len(held.grid)) if g not in freed]
    axes = [
        AxisMap()
        if axis.grid_axis is None or axis.grid_axis in freed
        else axis.__class__(
            kept.index(axis.grid_axis), axis.split, axis.extent, axis.offset, axis.step
        )
        for axis in held.axes
    ]
    procs = tuple(found.table[:, : prod(grid)].ravel().tolist())
    return Map.lattice((*found.others, *grid), tuple(axes), procs), len(kept)


def replaced(lattice: Map, place: int, count: int, axes: Sequence[AxisMap]) -> Map:
    """The map with ``count`` axes from ``place`` on replaced by others."""
    held = lattice.axes
    return lattice.with_axes([*held[:place], *axes, *held[place + count :]])


@lru_cache(maxsize=64)
def picked_map(held: Map, place: int, count: int, shape: Shape, listed: tuple[Map, ...]) -> Map:
    """The map of what index arrays pick.

    Parameters
    ----------
    held : Map
        Of the array, without overlap; its axes from ``place`` on are picked, ``count`` of them.
    shape : tuple of int
        The arrays' common shape, which replaces these axes.
    listed : tuple of Map
        Maps of the index arrays that are distributed and have this shape.

    Returns
    -------
    Map
        The other axes stay as they are. Where none of them is cut, the new axes follow the first
        distributed index array. Else they take over the rules and the grid axes of the picked ones
        (explicit edges become balanced blocks): one by one if there are as many, together on the
        first axis that is long enough if there are not.
    """
    picked = range(place, place + count)
    kept_cut = any(held.pieces_along(a) > 1 for a in range(held.ndim) if a not in picked)
    if listed and not kept_cut:
        axes = [AxisMap()] * held.ndim
        axes[place : place + count] = listed[0].without_overlap().axes
        return listed[0].with_axes(axes)
    freed = freed_by(held, picked)
    if len(shape) == count:
        return replaced(held, place, count, [_rule(held.axes[a]) for a in picked])
    if not freed:
        return replaced(held, place, count, [AxisMap()] * len(shape))
    pieces = prod(held.grid[g] for g in freed)
    lattice, at = merged(held, freed, (pieces,))
    rule = next(_rule(held.axes[a]) for a in picked if held.axes[a].grid_axis is not None)
    axes = [AxisMap()] * len(shape)
    axes[_long_axis(shape, pieces)] = AxisMap(at, rule.split)
    return replaced(lattice, place, count, axes)


def _rule(axis: AxisMap) -> AxisMap:
    """How an axis is cut, for an axis of another length."""
    split = Split("b") if axis.split.kind == "x" else axis.split
    return AxisMap() if axis.grid_axis is None else AxisMap(axis.grid_axis, split)


def _long_axis(shape: Shape, pieces: int) -> int:
    """The first axis with an index for every piece, else the longest."""
    return next((a for a, n in enumerate(shape) if n >= pieces), int(np.argmax(shape)))


@lru_cache(maxsize=256)
def in_order(held: Map, shape: Shape, axes: range) -> bool:
    """Whether the pieces of some axes follow each other in C order, as their coordinates do."""
    long_before = False
    for a in axes:
        axis, n, pieces = held.axes[a], shape[a], held.pieces_along(a)
        if pieces > 1:
            blocks = axis.split.kind in ("b", "ceil", "x") and axis.step > 0
            if long_before or not blocks:
                return False
            long_before = any(len(held.piece(shape, a, c)) > 1 for c in range(pieces))
        else:
            long_before |= n > 1
    return True


def row_grid(shape: Shape, pieces: int) -> Shape:
    """A grid of at most ``pieces`` blocks that follow each other in C order, one entry per axis.

    Examples
    --------
    >>> row_grid((2, 9, 4), 6), row_grid((9, 4), 6)
    ((2, 3, 1), (6, 1))
    """
    grid = []
    for n in shape:
        grid.append(max(1, min(n, pieces)))
        pieces = pieces // grid[-1] if n <= pieces else 1
    return tuple(grid)

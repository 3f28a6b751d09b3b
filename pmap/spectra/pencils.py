"""Which map makes axes whole for a transform along them, for few bytes moved (pure).

A transform along an axis needs it whole on each rank. The grid axes that cut it are given to
other array axes meanwhile: slabs and pencils. Of all ways the one is taken that moves and holds
least for the axes it makes whole; the choice rests on shapes and maps alone, so that every rank
makes the same one.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, product
from math import prod

import numpy as np

from ..layout.axismaps import AxisMap
from ..layout.maps import Map, Shape
from ..layout.splits import Split, intersect

UNEVEN = 2.0
"""A map that gives some rank more than so many times its share is not used for large arrays."""


def is_whole(held: Map, axis: int) -> bool:
    """Whether each rank of the map has all of an axis."""
    return held.pieces_along(axis) == 1


def resized(held: Map, axis: int, old: int, new: int) -> Map:
    """The map after an axis has another length: it keeps the kind of its split.

    Explicit edges do not fit another length, and balanced blocks take their place.

    Examples
    --------
    >>> resized(Map([2, 1], procs=[0, 1]), 0, 6, 9).local_shape((9, 3), 0)
    (5, 3)
    """
    own = held.axes[axis]
    if old == new or own.grid_axis is None:
        return held
    split = Split() if own.split.kind == "x" else own.split
    axes = list(held.axes)
    axes[axis] = AxisMap(own.grid_axis, split)
    return held.with_axes(axes)


@lru_cache(maxsize=512)
def whole_along(
    held: Map, shape: Shape, wanted: tuple[int, ...], must: int | None = None
) -> tuple[Map, float] | None:
    """The cheapest map in which some of the wanted axes are whole.

    Parameters
    ----------
    held : Map
        Bound, without overlap.
    shape : tuple of int
        Global shape.
    wanted : tuple of int
        Axes that are cut and are to be whole; those not made whole now are so in a later step.
    must : int, optional
        One of them that has to be whole now.

    Returns
    -------
    (Map, float) or None
        The map, and the largest part of a rank as a multiple of its fair share; None where no
        axis can take the cuts.

    Examples
    --------
    >>> rows = Map([4, 1], procs=range(4))
    >>> whole_along(rows, (8, 8), (0,))[0].local_shape((8, 8), 0)
    (8, 2)
    """
    best = None
    for count in range(1, len(wanted) + 1):
        for chosen in combinations(wanted, count):
            if must is not None and must not in chosen:
                continue
            for candidate in _candidates(held, shape, chosen):
                cost = _cost(held, candidate, shape) / count
                if best is None or cost < best[0]:
                    best = (cost, candidate)
    if best is None:
        return None
    return best[1], unevenness(best[1], shape)


def unevenness(held: Map, shape: Shape) -> float:
    """The largest part of a rank as a multiple of its fair share."""
    pieces = prod(held.pieces_along(a) for a in range(held.ndim))
    return _largest(held, shape) * pieces / max(1, prod(shape))


def _candidates(held: Map, shape: Shape, chosen: tuple[int, ...]) -> Iterator[Map]:
    """Maps in which the chosen axes are whole and other axes take their grid axes."""
    freed = [held.axes[a].grid_axis for a in chosen]
    takers = [a for a in range(held.ndim) if a not in chosen]
    for to in product(takers, repeat=len(freed)):
        yield _handed_over(held, chosen, dict(zip(freed, to, strict=True)))


def _handed_over(held: Map, chosen: Sequence[int], to: dict[int, int]) -> Map:
    """The map after grid axes were handed to array axes; a taker that was cut is cut finer."""
    groups = [[g] for g in range(len(held.grid)) if g not in to]
    axes = [AxisMap() if a in chosen else axis for a, axis in enumerate(held.axes)]
    for grid_axis, taker in to.items():
        own = axes[taker].grid_axis
        group = next((g for g in groups if own is not None and own == g[0]), None)
        if group is None:
            group = [grid_axis]
            groups.append(group)
        else:  # neighbours in the old cut stay neighbours: few elements change their rank
            group.append(grid_axis)
        axes[taker] = AxisMap(group[0], Split())
    order = [g for group in groups for g in group]
    lattice = np.reshape(held.procs, held.grid).transpose(order)
    grid = tuple(prod(held.grid[g] for g in group) for group in groups)
    place = {group[0]: at for at, group in enumerate(groups)}
    axes = [a if a.grid_axis is None else _on(a, place[a.grid_axis]) for a in axes]
    return Map.lattice(grid, tuple(axes), tuple(lattice.ravel().tolist()))


def _on(axis: AxisMap, grid_axis: int) -> AxisMap:
    return AxisMap(grid_axis, axis.split, axis.extent, axis.offset, axis.step)


def _cost(source: Map, target: Map, shape: Shape) -> float:
    """Elements that the first and the last rank receive, and the largest part of a rank."""
    moved = 0
    for rank in (source.procs[0], source.procs[-1]):
        mine, wanted = source.owned(shape, rank), target.owned(shape, rank)
        kept = prod(
            sum(s.length * s.count for s in intersect(a, b))
            for a, b in zip(mine, wanted, strict=True)
        )
        moved = max(moved, prod(map(len, wanted)) - kept)
    return moved + _largest(target, shape)


def _largest(held: Map, shape: Shape) -> int:
    """Elements of the largest part: per axis the longest piece."""
    return prod(
        max(len(held.piece(shape, a, c)) for c in range(held.pieces_along(a)))
        for a in range(held.ndim)
    )

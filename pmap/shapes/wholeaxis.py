"""Functions along one axis: where the axis is cut, the array is brought to lines that are whole."""

from collections.abc import Callable, Iterator
from itertools import product
from math import prod

import numpy as np

from ..arrays.distarray import DistArray
from ..layout.grids import auto_grid
from ..layout.maps import AxisMap, Map, Shape
from ..layout.splits import Split


def is_whole(x: DistArray, axes: tuple[int, ...]) -> bool:
    """Whether no rank has only a part of a line along the axes. LOCAL."""
    return all(x.map.pieces_along(a) == 1 for a in axes)


def pencils(shape: Shape, axes: tuple[int, ...], size: int) -> Map | None:
    """A block map that leaves axes whole and gives every rank something; None where it cannot.

    Examples
    --------
    >>> pencils((8, 5), (0,), 4).grid
    (1, 4)
    """
    kept = [a for a in range(len(shape)) if a not in axes]
    if prod(shape[a] for a in kept) < size and prod(shape):
        return None
    over = auto_grid(tuple(shape[a] for a in kept), size)
    grid = [1] * len(shape)
    for a, pieces in zip(kept, over, strict=True):
        grid[a] = pieces
    made = tuple(AxisMap(a, Split("b")) if a in kept else AxisMap() for a in range(len(shape)))
    return Map.lattice(tuple(grid), made, tuple(range(size)))


def with_whole(x: DistArray, axes: tuple[int, ...], what: str) -> DistArray | None:
    """The array under a map that leaves axes whole; None where few lines are long. COLLECTIVE."""
    if is_whole(x, axes):
        return x
    target = pencils(x.shape, axes, x.world.size)
    if target is None:
        return None
    return DistArray(x.block_under(target, what), x.shape, target, x.world)


def lines_along(shape: Shape, axis: int) -> Iterator[tuple]:
    """An index for each line along an axis.

    Examples
    --------
    >>> list(lines_along((2, 3), 1))
    [(0, slice(None, None, None)), (1, slice(None, None, None))]
    """
    return product(*((slice(None),) if a == axis else range(n) for a, n in enumerate(shape)))


def along_axis(
    x: DistArray,
    axis: int,
    by_block: Callable[[np.ndarray, int], np.ndarray],
    by_line: Callable[[DistArray], DistArray],
    what: str,
) -> DistArray:
    """A function that turns each line along an axis into one of the same length.

    Parameters
    ----------
    x : DistArray
    axis : int
        From the front.
    by_block : callable
        ``by_block(block, axis)`` for blocks that have the axis whole.
    by_line : callable
        The same for one 1-D DistArray, where there are fewer lines than ranks.
    what : str
        The operation's name.

    Returns
    -------
    DistArray
        Under the map of x. COLLECTIVE where the axis is cut.
    """
    held = x.map.without_overlap()
    if x.ndim == 1 and not is_whole(x, (0,)):
        return by_line(x)
    whole = with_whole(x, (axis,), what)
    if whole is not None:
        local = np.asarray(by_block(whole.block, axis))
        result = DistArray(local, x.shape, whole.map.without_overlap(), x.world)
        return result if whole is x else _under(result, held, what)
    result = None
    for index in lines_along(x.shape, axis):
        line = by_line(x[index])
        if result is None:
            local = np.empty(held.local_shape(x.shape, x.world.rank), line.dtype)
            result = DistArray(local, x.shape, held, x.world)
        result[index] = line
    return result


def _under(x: DistArray, held: Map, what: str) -> DistArray:
    return DistArray(x.block_under(held, what), x.shape, held, x.world)

"""Parts of all ranks brought together: what every reduction over a cut axis ends with."""

from math import prod
from typing import NamedTuple

import numpy as np

from ..layout.maps import AxisMap, Map, Shape
from ..layout.splits import Split
from ..ranks.comm import World
from ..ranks.moving import everywhere, moved

# So many elements of all ranks' parts go to every rank that needs the result, in one exchange;
# of more, each rank puts a share together first.
STACK_SIZE = 1 << 19


class Blocks(NamedTuple):
    """A distributed array as reductions see it: a block, and where it belongs."""

    local: np.ndarray
    shape: Shape
    map: Map
    world: World

    def with_local(self, local: np.ndarray) -> "Blocks":
        """The same layout under other values."""
        return self._replace(local=local)


def grid_axes(held: Map, axes: tuple[int, ...]) -> list[int]:
    """Grid axes that cut the reduced axes."""
    return [held.axes[a].grid_axis for a in axes if held.pieces_along(a) > 1]


def gather_parts(
    part: np.ndarray, x: Blocks, axes: tuple[int, ...], what: str, whole: int = 0
) -> Blocks:
    """Every rank's part, stacked along one new axis per grid axis that was reduced over.

    The stack is a distributed array itself, one part per coordinate; bringing it to a map that
    holds those axes whole is an ordinary redistribution. Where it is large, the ranks share a
    kept axis out (not the first ``whole`` ones), so that none holds the parts of all.
    """
    over = grid_axes(x.map, axes)
    kept = [a for a in range(len(x.shape)) if a not in axes]
    kept_axes = tuple(x.map.axes[a] for a in kept)
    kept_shape = tuple(x.shape[a] for a in kept)
    stack_axes = tuple(AxisMap(g, Split("b")) for g in over)
    shape = tuple(x.map.grid[g] for g in over) + kept_shape
    source = x.map.with_axes(stack_axes + kept_axes)
    shared = _shared_out(kept_axes, shape, source, whole)
    target = x.map.with_axes((AxisMap(),) * len(over) + shared)
    if len(kept) <= whole:
        target = everywhere(len(shape), x.world)
    inside = x.map.coords(x.world.rank) is not None
    local = part.reshape((1,) * len(over) + part.shape)
    if not inside:
        local = np.empty((0,) * len(shape), part.dtype)
    return Blocks(moved(local, shape, source, target, x.world, what), shape, target, x.world)


def _shared_out(
    kept_axes: tuple[AxisMap, ...], shape: Shape, source: Map, whole: int
) -> tuple[AxisMap, ...]:
    """The kept axes, the longest of the whole ones cut where a stack of parts is large."""
    stacked = len(shape) - len(kept_axes)
    pieces = [source.pieces_along(a) for a in range(len(shape))]
    size = prod(shape) // prod(pieces[stacked:])
    free = [a for a in range(whole, len(kept_axes)) if pieces[stacked + a] == 1]
    if not stacked or not free or size <= STACK_SIZE:
        return kept_axes
    longest = max(free, key=lambda a: shape[stacked + a])
    over = max(range(stacked), key=lambda a: pieces[a])
    cut = AxisMap(source.axes[over].grid_axis, Split("b"))
    return (*kept_axes[:longest], cut, *kept_axes[longest + 1 :])


def under_kept_splits(found: Blocks, x: Blocks, axes: tuple[int, ...]) -> Blocks:
    """A result whose kept axes are cut as those of the reduced array. COLLECTIVE."""
    if not found.shape:
        return found
    target = x.map.with_axes([axis for a, axis in enumerate(x.map.axes) if a not in axes])
    local = moved(found.local, found.shape, found.map, target, x.world, "reduction")
    return Blocks(local, found.shape, target, x.world)


def combined(
    local: np.ndarray, stacked: Blocks, count: int, x: Blocks, axes: tuple[int, ...]
) -> Blocks:
    """What was made of the first ``count`` axes of a stack, as the result for x. COLLECTIVE."""
    held = dropped(stacked.map, count)
    found = Blocks(np.asarray(local), stacked.shape[count:], held, x.world)
    return under_kept_splits(found, x, axes)


def dropped(held: Map, count: int) -> Map:
    """The map without its first array axes."""
    return held.with_axes(held.axes[count:])


def at_every_rank(x: Blocks) -> Blocks:
    """A total of shape () on every rank of the world. COLLECTIVE where some lack it."""
    if x.shape or len(x.map.procs) == x.world.size:
        return x
    target = everywhere(0, x.world)
    return Blocks(moved(x.local, (), x.map, target, x.world, "sum"), (), target, x.world)

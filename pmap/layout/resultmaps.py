"""The maps of results whose axes are not their operand's (docs/reference/maps.md; pure)."""

from collections.abc import Sequence
from math import prod

from .grids import auto_grid
from .maps import AxisMap, Map, Shape
from .splits import Split

LONG_RUN = 1 << 10
MANY_RUNS = 10_000
"""Elements of a run, and how many shorter ones are too many to plan."""


def auto_over(procs: tuple[int, ...], shape: Shape) -> Map:
    """The automatic map of a shape over given ranks."""
    if not shape:
        return Map.lattice((len(procs),), (), procs)
    return Map(auto_grid(shape, len(procs)), procs=procs).bind(max(procs) + 1)


def resized(axis: AxisMap) -> AxisMap:
    """An axis of another length cut by the same rule; explicit edges become balanced blocks."""
    if axis.grid_axis is None:
        return AxisMap()
    return AxisMap(axis.grid_axis, Split() if axis.split.kind == "x" else axis.split)


def with_length(held: Map, axis: int) -> Map:
    """The map after one axis took another length."""
    held = held.without_overlap()
    return held.with_axes([resized(a) if b == axis else a for b, a in enumerate(held.axes)])


def contiguous(held: Map, axis: int) -> Map:
    """The map with one axis in balanced blocks where it is not in blocks that ascend."""
    held = held.without_overlap()
    cut = held.axes[axis]
    scattered = cut.split.kind in ("c", "bc") or cut.step < 0
    if not scattered or held.pieces_along(axis) == 1:
        return held
    blocks = AxisMap(cut.grid_axis)
    return held.with_axes([blocks if b == axis else a for b, a in enumerate(held.axes)])


def in_long_runs(held: Map, shape: Shape, groups: Sequence[tuple[range, range]]) -> Map:
    """The map with those axes in blocks that would cut groups of axes into very many short runs.

    An axis that stays counts as a group of its own and is left as it is.
    """
    held = held.without_overlap()
    for before, after in groups:
        if len(before) == len(after) == 1:
            continue
        size = prod(shape[a] for a in before)
        for a in before:
            length = held.axes[a].split.k * prod(shape[a + 1 : before.stop])
            if length < LONG_RUN and size > MANY_RUNS * length:
                held = contiguous(held, a)
    return held


def freed(held: Map, shape: Shape, axis: int) -> Map:
    """A map under which one axis is whole: the map itself where it is, else `auto` of the rest."""
    held = held.without_overlap()
    if held.pieces_along(axis) == 1:
        return held
    rest = tuple(1 if a == axis else n for a, n in enumerate(shape))
    grid = auto_grid(rest, len(held.procs)) if prod(rest) > 1 else (1,) * len(shape)
    if grid[axis] > 1:  # fewer lines than ranks: some ranks stay empty
        longest = max((n, -a) for a, n in enumerate(rest))[1] * -1
        grid = tuple(len(held.procs) if a == longest else 1 for a in range(len(shape)))
        if longest == axis:
            grid = (1,) * len(shape)
    procs = held.procs[: prod(grid)]
    found = Map(grid, procs=procs).bind(max(procs) + 1)
    axes = [AxisMap() if a == axis else cut for a, cut in enumerate(found.axes)]
    return found.with_axes(axes)


def after_reshape(held: Map, shape: Shape, new: Shape, groups: list) -> Map:
    """The map of a reshaped array.

    An axis that stays keeps its split; axes that are merged or cut up keep the split of the first
    of them as blocks, if no other of them was cut. Where that leaves a lattice axis unused, or
    pieces without elements, it is `auto` over the ranks.

    Parameters
    ----------
    held : Map
        The map of the array.
    shape, new : tuple of int
        Shapes before and after.
    groups : list of (axes before, axes after)
        Ranges of axes that hold the same elements, in order.
    """
    held = held.without_overlap()
    axes: list[AxisMap] = [AxisMap()] * len(new)
    for before, after in groups:
        cut = [a for a in before if held.pieces_along(a) > 1 and shape[a] != 1]
        if not cut:
            continue
        long = [a for a in after if new[a] != 1]
        first = next(a for a in before if shape[a] != 1)
        if [shape[a] for a in before if shape[a] != 1] == [new[a] for a in long]:
            for a, b in zip([a for a in before if shape[a] != 1], long, strict=True):
                axes[b] = held.axes[a] if held.pieces_along(a) > 1 else AxisMap()
        elif cut == [first] and long and held.axes[first].split.kind in ("b", "ceil", "x"):
            if new[long[0]] >= held.pieces_along(first):
                axes[long[0]] = AxisMap(held.axes[first].grid_axis)
    used = {a.grid_axis for a in axes}
    free = prod(g for a, g in enumerate(held.grid) if a not in used)
    if free > held.copies:
        return auto_over(held.procs, new)
    return held.with_axes(axes)

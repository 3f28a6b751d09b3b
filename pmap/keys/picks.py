"""What integer arrays pick: which part of the index each rank has, and whom it concerns.

A rank that needs elements is a **needer**; the ranks that have what it may need are its fibre.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from ..arrays.elementwise import cut, operand_map
from ..arrays.reductions import Blocks
from ..layout.locating import owners, positions, within
from ..layout.maps import Map, Shape
from ..layout.pickmaps import fibres, freed_by, picked_map
from ..ranks.comm import World
from ..ranks.moving import everywhere, moved
from ..ranks.ragged import swap
from ..settings import options

FEW_PIECES = 8
"""Up to so many groups are found by one comparison each, more by sorting."""


@dataclass(frozen=True)
class Pick:
    """What index arrays pick.

    Attributes
    ----------
    x : Blocks
        The array; its picked axes stand side by side from ``place`` on.
    index : tuple of ndarray or Blocks
        One for each picked axis: whole numbers in range, counted from the front. Blocks are
        under the map of the result's part that they meet.
    shape : tuple of int
        The arrays' common shape.
    map : Map
        Of the result, in which this shape stands for the picked axes.
    """

    x: Blocks
    place: int
    index: tuple
    shape: Shape
    map: Map

    @property
    def picked(self) -> range:
        """The picked axes."""
        return range(self.place, self.place + len(self.index))

    @property
    def result_shape(self) -> Shape:
        """Shape of the result."""
        whole = self.x.shape
        return (*whole[: self.place], *self.shape, *whole[self.picked.stop :])

    @property
    def known(self) -> bool:
        """Whether every rank has the whole index."""
        return not any(isinstance(i, Blocks) for i in self.index)

    @property
    def map_of_index(self) -> Map:
        """The map of the common shape alone."""
        return self.map.with_axes(self.map.axes[self.place : self.place + len(self.shape)])

    @property
    def freed(self) -> tuple[int, ...]:
        """Grid axes of x that cut the picked axes."""
        return freed_by(self.x.map, self.picked)

    def key(self, at: Sequence) -> tuple:
        """An index of a block that has ``at`` on the picked axes."""
        return (*[slice(None)] * self.place, *at)

    def part(self, rank: int) -> list[np.ndarray]:
        """A rank's part of the index, one flat array for each picked axis."""
        owned = self.map_of_index.owned(self.shape, rank)
        if owned is None:
            return [np.zeros(0, np.int64) for _ in self.index]
        parts = [
            i.local if isinstance(i, Blocks) else cut(i, self.shape, owned) for i in self.index
        ]
        lengths = [len(o) for o in owned]
        return [np.broadcast_to(p, lengths).reshape(-1) for p in parts]

    def owners(self, part: list[np.ndarray]) -> np.ndarray | None:
        """Which member of the fibre has each element; None where it has one member."""
        held, found = self.x.map, None
        for a, i in zip(self.picked, part, strict=True):
            pieces = held.pieces_along(a)
            if pieces > 1:
                own = owners(held.axes[a], self.x.shape[a], pieces, i)
                found = own if found is None else found.astype(np.int64) * pieces + own
        return found

    def positions(self, part: list[np.ndarray]) -> list[np.ndarray]:
        """Local positions of elements that this rank has."""
        owned = self.x.map.owned(self.x.shape, self.x.world.rank)
        return [positions(owned[a], i) for a, i in zip(self.picked, part, strict=True)]

    def mine(self, part: list[np.ndarray]) -> np.ndarray | slice:
        """Where an index meets this rank's block."""
        owned = self.x.map.owned(self.x.shape, self.x.world.rank)
        if owned is None:
            return np.zeros(0, np.int64)
        found = None
        for a, i in zip(self.picked, part, strict=True):
            if self.x.map.pieces_along(a) > 1:
                inside = within(owned[a], i)
                found = inside if found is None else found & inside
        return slice(None) if found is None else np.flatnonzero(found)


def pick(
    x: Blocks,
    axes: Sequence[int],
    index: Sequence[np.ndarray | Blocks],
    place: int,
    names: Sequence[int],
    writing: bool = False,
) -> Pick:
    """Check index arrays and lay out what they pick. COLLECTIVE where one is distributed.

    Parameters
    ----------
    x : Blocks
        The array, without overlap.
    axes : sequence of int
        The axis that each array indexes, in order.
    index : sequence of ndarray or Blocks
        Whole numbers; negative ones count from the end.
    place : int
        Where their common shape goes among the axes that stay.
    names : sequence of int
        What to call the axes in messages.
    writing : bool
        Whether the elements are assigned to.

    Raises
    ------
    IndexError
        On all ranks: the arrays do not broadcast, or a number is out of range.
    """
    try:
        shape = np.broadcast_shapes(*(i.shape for i in index))
    except ValueError:
        shapes = " ".join(str(i.shape) for i in index)
        raise IndexError(
            "shape mismatch: indexing arrays could not be broadcast together with shapes " + shapes
        ) from None
    rest = [a for a in range(len(x.shape)) if a not in axes]
    order = (*rest[:place], *axes, *rest[place:])
    if order != tuple(range(len(order))):
        x = transposed(x, order)
    dims = x.shape[place : place + len(axes)]
    if not prod(shape):  # NumPy does not look at numbers that pick nothing
        index = [np.zeros(shape, np.int64) for _ in index]
    index = _in_range(index, dims, names, x.world)
    listed = [i.map for i in index if isinstance(i, Blocks) and i.shape == shape]
    if writing:  # one writer for each element of each copy of x
        listed = [] if x.map.replicated else [m for m in listed if not m.replicated]
    elif listed:
        x = _near(x, shape, listed[0])
    held = picked_map(x.map, place, len(axes), shape, tuple(listed))
    made = Pick(x, place, (), shape, held)
    ready = tuple(
        _under(i, operand_map(i.shape, shape, made.map_of_index)) if isinstance(i, Blocks) else i
        for i in index
    )
    return replace(made, index=ready)


def _near(x: Blocks, shape: Shape, index: Map) -> Blocks:
    """A table that is no larger than a rank's part of a distributed index is brought to all."""
    bytes_of_index = 8 * prod(shape) // len(index.procs)
    if prod(x.shape) * x.local.itemsize > min(bytes_of_index, options.gather_limit):
        return x
    return _under(x, everywhere(len(x.shape), x.world))


def transposed(x: Blocks, order: Sequence[int]) -> Blocks:
    """The array with its axes in another order; the block stays a view."""
    held = x.map.with_axes([x.map.axes[a] for a in order])
    return Blocks(x.local.transpose(order), tuple(x.shape[a] for a in order), held, x.world)


def _under(i: Blocks, target: Map) -> Blocks:
    local = moved(i.local, i.shape, i.map, target, i.world, "A[index]")
    return Blocks(local, i.shape, target, i.world)


def _in_range(index: Sequence, dims: Shape, names: Sequence[int], world: World) -> list:
    """The arrays with negative numbers counted from the front; IndexError on all ranks."""
    found, wrong = [], None
    for i, n, name in zip(index, dims, names, strict=True):
        values = np.asarray(i.local if isinstance(i, Blocks) else i)
        bad = None
        if values.size:
            low, high = values.min(), values.max()
            bad = int(high) if high >= n else int(low) if low < -n else None
            values = values.astype(np.int64, copy=False)
            if low < 0 and bad is None:
                values = np.where(values < 0, values + n, values)
        if bad is not None:
            wrong = wrong or f"index {bad} is out of bounds for axis {name} with size {n}"
        values = values.astype(np.int64, copy=False)
        found.append(i.with_local(values) if isinstance(i, Blocks) else values)
    if any(isinstance(i, Blocks) for i in index):
        wrong = next((w for w in world.allgather(wrong) if w), None)
    if wrong:
        raise IndexError(wrong)
    return found


def all_here(p: Pick) -> bool:
    """Whether every rank that needs something has it. The same on all ranks."""
    uncut = all(p.x.map.pieces_along(a) == 1 for a in p.picked)
    return uncut and (p.map.procs is p.x.map.procs or set(p.map.procs) <= set(p.x.map.procs))


def flat_shape(p: Pick, local_shape: Shape) -> Shape:
    """A local shape with the axes of the index as one."""
    end = p.place + len(p.shape)
    return (*local_shape[: p.place], prod(local_shape[p.place : end]), *local_shape[end:])


def grouped(which: np.ndarray | None, n: int, groups: int) -> list:
    """For each group the places of its members, in order; ``which`` None means one group."""
    if which is None:
        return [slice(None)]
    if groups <= FEW_PIECES:
        return [np.flatnonzero(which == g) for g in range(groups)]
    small = which.astype(np.uint16) if groups <= 1 << 16 else which  # NumPy sorts these by radix
    order = np.argsort(small, kind="stable")
    return np.split(order, np.cumsum(np.bincount(which, minlength=groups))[:-1])


def count_of(group: object, n: int) -> int:
    """Members of a group out of n."""
    return n if isinstance(group, slice) else len(group)


def asked_of(p: Pick, part: list, groups: list, servers: np.ndarray, what: str) -> list:
    """What each rank wants of this one: index arrays, or None."""
    world = p.x.world
    asked: list = [None] * world.size
    if p.known:
        for needer in needers(p).tolist():
            theirs = part if needer == world.rank else p.part(needer)
            here = p.mine(theirs)
            asked[needer] = [i[here] for i in theirs] if count_of(here, len(theirs[0])) else None
        return asked
    flat = raveled(part, [p.x.shape[a] for a in p.picked])
    if prod(p.x.shape[a] for a in p.picked) <= 1 << 31:
        flat = flat.astype(np.int32)
    requests = [flat[:0]] * world.size
    for server, group in zip(servers.tolist(), groups, strict=True):
        requests[server] = flat[group]
    dims = [p.x.shape[a] for a in p.picked]
    came = swap(requests, world, what)
    return [unraveled(c, dims) if len(c) else None for c in came]


def needers(p: Pick) -> np.ndarray:
    """The ranks that this one may serve, in the order of their parts of the index."""
    held = p.map_of_index
    return fibres(held, freed_by(held, range(held.ndim))).of(p.x.world.rank)


def raveled(part: list[np.ndarray], dims: list[int]) -> np.ndarray:
    """Indices of several axes as one number each, in C order."""
    flat = part[0]
    for i, n in zip(part[1:], dims[1:], strict=True):
        flat = flat * n + i
    return flat


def unraveled(flat: np.ndarray, dims: list[int]) -> list[np.ndarray]:
    """Numbers as indices of several axes: the inverse of :func:`raveled`."""
    part = []
    for n in dims[:0:-1]:
        flat, i = np.divmod(flat, n)
        part.append(i)
    return [flat, *part[::-1]]

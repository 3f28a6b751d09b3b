"""Boolean masks as indices: what is selected lies in global C order, near its owners.

Where the pieces of the masked axes follow each other in C order (rows, say), every rank keeps what
it selects, and only counts are told. Else the mask is brought to blocks of rows, whose ranks take
the selected values over in C order; no positions travel.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np

from ..arrays.elementwise import cut, operand_map
from ..arrays.reductions import Blocks
from ..errors import ShapeError
from ..layout.axismaps import AxisMap
from ..layout.locating import owners
from ..layout.maps import Map, Shape
from ..layout.pickmaps import Fibres, fibres, freed_by, in_order, merged, replaced, row_grid
from ..layout.splits import Split
from ..ranks.moving import moved
from ..ranks.ragged import swap
from .picks import grouped, transposed


@dataclass(frozen=True)
class Selection:
    """What a mask selects.

    Attributes
    ----------
    x : Blocks
        The array; the masked axes stand side by side from ``place`` on.
    here : ndarray of bool
        The mask under the map of x: this rank's part.
    rows : ndarray of bool
        The mask in pieces that follow each other in C order: this rank's part.
    order : Map
        The map of ``rows``.
    count : int
        Selected elements of the mask.
    map : Map
        Of the result: one explicit axis stands for the masked ones.
    """

    x: Blocks
    place: int
    mask_shape: Shape
    here: np.ndarray
    rows: np.ndarray
    order: Map
    count: int
    map: Map

    @property
    def axes(self) -> range:
        """The masked axes."""
        return range(self.place, self.place + len(self.mask_shape))

    @property
    def depth(self) -> int:
        """Axes of the mask."""
        return len(self.mask_shape)

    @property
    def stays(self) -> bool:
        """Whether what is selected is where it belongs."""
        return in_order(self.x.map, self.x.shape, self.axes)

    @property
    def shape(self) -> Shape:
        """Shape of the result."""
        return (*self.x.shape[: self.place], self.count, *self.x.shape[self.axes.stop :])

    def key(self, *at: object) -> tuple:
        """An index of a block that has ``at`` on the masked axes."""
        return (*[slice(None)] * self.place, *at)

    def fibre(self) -> np.ndarray:
        """The ranks that hold the masked axes for this one, in the order of their coordinates."""
        return _fibres(self.x.map, self.axes).of(self.x.world.rank)

    def row_ranks(self) -> np.ndarray:
        """The ranks that have pieces of ``rows`` for this one, in C order."""
        return self.fibre()[: prod(self.order.grid[g] for g in self.row_axes())]

    def row_axes(self) -> tuple[int, ...]:
        """The grid axes that cut ``rows``."""
        return freed_by(self.order, range(len(self.mask_shape)))


def selection(x: Blocks, axis: int, mask: np.ndarray | Blocks, place: int, what: str) -> Selection:
    """Bring a mask to where it is needed and count what it selects. COLLECTIVE.

    LOCAL where the mask is an ndarray, equal on all ranks.

    Parameters
    ----------
    x : Blocks
        The array, without overlap.
    axis : int
        First of the masked axes; the mask has their shape.
    place : int
        Where the selected elements' axis goes among the axes that stay.
    """
    x, own = _arranged(x, axis, mask, place)
    k = len(mask.shape)
    in_rows = own if in_order(own, mask.shape, range(k)) else _row_map(own, mask.shape)
    here = _part(mask, own, x, what)
    rows = here if in_rows is own else _part(mask, in_rows, x, what)
    counts = _counts(mask, rows, in_rows, x)
    held = _selected_map(x.map, place, k, in_rows, counts)
    return Selection(x, place, mask.shape, here, rows, in_rows, sum(counts), held)


def _arranged(x: Blocks, axis: int, mask: np.ndarray | Blocks, place: int) -> tuple[Blocks, Map]:
    """The array with its masked axes from ``place`` on, and the map of these axes alone."""
    k = len(mask.shape)
    rest = [a for a in range(len(x.shape)) if not axis <= a < axis + k]
    order = (*rest[:place], *range(axis, axis + k), *rest[place:])
    if order != tuple(range(len(order))):
        x = transposed(x, order)
    return x, x.map.with_axes(x.map.axes[place : place + k])


def fill(x: Blocks, axis: int, mask: np.ndarray | Blocks, value: object, what: str) -> None:
    """``A[mask] = scalar``: every rank its own elements. COLLECTIVE where maps differ."""
    x, own = _arranged(x, axis, mask, axis)
    here = _part(mask, own, x, what)
    if x.map.coords(x.world.rank) is not None:
        x.local[(*[slice(None)] * axis, here)] = value


def _fibres(held: Map, axes: range) -> Fibres:
    return fibres(held, freed_by(held, axes))


@lru_cache(maxsize=64)
def _row_map(own: Map, shape: Shape) -> Map:
    """Blocks that follow each other in C order, over the ranks that have the masked axes."""
    freed = freed_by(own, range(len(shape)))
    grid = row_grid(shape, prod(own.grid[g] for g in freed))
    lattice, at = merged(own, freed, grid)
    return lattice.with_axes([AxisMap(at + a) for a in range(len(shape))])


def _part(mask: np.ndarray | Blocks, target: Map, x: Blocks, what: str) -> np.ndarray:
    """This rank's part of the mask under a map."""
    if isinstance(mask, Blocks):
        return moved(mask.local, mask.shape, mask.map, target, mask.world, what)
    return cut(mask, mask.shape, target.owned(mask.shape, x.world.rank))


def _counts(mask: object, rows: np.ndarray, in_rows: Map, x: Blocks) -> list[int]:
    """Selected elements of each piece of the mask's rows, in C order."""
    table = _fibres(in_rows, range(in_rows.ndim)).table
    if not isinstance(mask, Blocks):
        parts = (cut(mask, mask.shape, in_rows.owned(mask.shape, r)) for r in table[0].tolist())
        return [int(np.count_nonzero(part)) for part in parts]
    mine = int(np.count_nonzero(rows))
    if table.shape == (x.world.size, 1):  # everybody has all of it
        return [mine]
    told = x.world.allgather(mine)
    return [told[r] for r in table[0].tolist()]


def _selected_map(held: Map, place: int, k: int, in_rows: Map, counts: list[int]) -> Map:
    """The map of the result: the selected elements lie where the mask's rows do."""
    freed = freed_by(held, range(place, place + k))
    pieces = len(counts)
    edges = (0, *np.cumsum(counts, dtype=np.int64).tolist())
    if prod(held.grid[g] for g in freed) == pieces and len(freed) <= 1:
        lattice, at = held, freed[0] if freed else None
    else:
        lattice, at = merged(held, freed, (pieces,))
    axis = AxisMap() if at is None else AxisMap(at, Split("x", bounds=edges))
    return replaced(lattice, place, k, [axis])


def select(s: Selection, what: str = "A[mask]") -> Blocks:
    """The selected elements in C order. COLLECTIVE unless they lie in order already."""
    x, world = s.x, s.x.world
    held, shape = s.map, s.shape
    local_shape = held.local_shape(shape, world.rank)
    if held.coords(world.rank) is None and s.stays:
        return Blocks(np.empty(local_shape, x.local.dtype), shape, held, world)
    if s.stays:
        return Blocks(_compressed(x.local, s.here, s), shape, held, world)
    parts = [np.empty(0, x.local.dtype)] * world.size
    for rank, at in _row_boxes(s):
        parts[rank] = _compressed(x.local[s.key(*at)], s.here[at], s).reshape(-1)
    out = np.empty(local_shape, x.local.dtype)
    sources = _sources(s)
    each = prod(local_shape[: s.place]) * prod(local_shape[s.place + 1 :])
    coming = [0] * world.size
    for rank, group in sources:
        coming[rank] = len(group) * each
    came = swap(parts, world, what, coming)
    for rank, group in sources:
        if len(group):
            lengths = (*local_shape[: s.place], len(group), *local_shape[s.place + 1 :])
            out[s.key(group)] = came[rank].reshape(lengths)
    return Blocks(out, shape, held, world)


def _compressed(block: np.ndarray, mask: np.ndarray, s: Selection) -> np.ndarray:
    return block[s.key(mask)]


def _row_boxes(s: Selection) -> list[tuple[int, tuple[slice, ...]]]:
    """Where each rank's piece of the mask's rows meets this rank's block: local slices."""
    x = s.x
    owned = x.map.owned(x.shape, x.world.rank)
    if owned is None:
        return []
    found = []
    for rank in s.row_ranks().tolist():
        theirs = s.order.owned(s.mask_shape, rank)
        at = tuple(
            slice(owned[a].position(t.lo), owned[a].position(t.hi))
            for a, t in zip(s.axes, theirs, strict=True)
        )
        found.append((rank, at))
    return found


def _sources(s: Selection) -> list[tuple[int, np.ndarray]]:
    """Which of the selected elements of this rank's rows each rank holds."""
    x = s.x
    owned = s.order.owned(s.mask_shape, x.world.rank)
    if owned is None:
        return []
    which: np.ndarray = np.zeros((1,) * s.depth, np.int64)
    for d, (a, o) in enumerate(zip(s.axes, owned, strict=True)):
        pieces = x.map.pieces_along(a)
        if pieces > 1:
            coords = owners(x.map.axes[a], x.shape[a], pieces, o.indices()).astype(np.int64)
            which = which * pieces + coords.reshape([-1 if d == b else 1 for b in range(s.depth)])
    fibre = s.fibre()
    small = which.astype(np.uint8 if len(fibre) < 256 else np.int64)
    which = np.broadcast_to(small, s.rows.shape)[s.rows]
    return list(zip(fibre.tolist(), grouped(which, len(which), len(fibre)), strict=True))


def assign(s: Selection, values: np.ndarray | Blocks, what: str = "A[mask] = x") -> None:
    """Write the selected elements in C order. LOCAL for a scalar.

    Parameters
    ----------
    values : ndarray or Blocks
        Broadcastable to the result's shape; ndarrays are equal on all ranks.

    Raises
    ------
    ShapeError
        On all ranks: there are more or fewer values than selected elements.
    """
    x, shape, rank = s.x, s.shape, s.x.world.rank
    lead = len(shape) - len(values.shape)
    if lead < 0 or any(n not in (1, shape[lead + a]) for a, n in enumerate(values.shape)):
        raise ShapeError(
            f"shape mismatch: value array of shape {values.shape} could not be broadcast to "
            f"indexing result of shape {shape} ({s.count} elements where the mask is true)"
        )
    constant = s.place < lead or values.shape[s.place - lead] == 1
    if constant or s.stays:
        target = replaced(x.map, s.place, s.depth, [AxisMap()]) if constant else s.map
        part = _values_under(values, shape, target, x, what)
        if x.map.coords(rank) is not None:
            part = part.copy() if np.may_share_memory(part, x.local) else part
            x.local[s.key(s.here)] = part
        return
    part = _values_under(values, shape, s.map, x, what)
    parts = [np.empty(0, part.dtype)] * x.world.size
    if s.map.coords(rank) is not None:
        part = np.broadcast_to(part, s.map.local_shape(shape, rank))
        for source, group in _sources(s):
            parts[source] = part[s.key(group)].reshape(-1)
    boxes = _row_boxes(s)
    before, after = x.local.shape[: s.place], x.local.shape[s.axes.stop :]
    coming, counts = [0] * x.world.size, [0] * x.world.size
    for source, at in boxes:
        counts[source] = int(np.count_nonzero(s.here[at]))
        coming[source] = counts[source] * prod(before) * prod(after)
    came = swap(parts, x.world, what, coming)
    for source, at in boxes:
        if came[source].size:
            values = came[source].reshape(*before, counts[source], *after)
            x.local[s.key(*at)][s.key(s.here[at])] = values


def _values_under(
    values: np.ndarray | Blocks, shape: Shape, target: Map, x: Blocks, what: str
) -> np.ndarray:
    """This rank's part of values that are broadcast to a shape under a map."""
    if isinstance(values, Blocks):
        held = operand_map(values.shape, shape, target)
        return moved(values.local, values.shape, values.map, held, values.world, what)
    return cut(values, shape, target.owned(shape, x.world.rank))


def nonzero(x: Blocks, what: str = "nonzero") -> list[Blocks]:
    """The indices of what is not 0, in C order: one 1-D array per axis. COLLECTIVE."""
    s = selection(x, 0, x.with_local(x.local != 0), 0, what)
    held = s.map
    owned = s.order.owned(s.mask_shape, x.world.rank)
    if held.coords(x.world.rank) is None:
        found = [np.empty(0, np.int64) for _ in x.shape]
    else:
        found = [i + o.lo for i, o in zip(np.nonzero(s.rows), owned, strict=True)]
    return [Blocks(i, (s.count,), held, x.world) for i in found]

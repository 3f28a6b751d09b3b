"""Products in panels: the result's blocks stay, operands come a panel of the summed axis at a time.

Each rank has its own order of panels: first those that it holds, then the others, beginning after
its own, so that at each step the ranks ask different owners.
"""

from functools import lru_cache
from math import prod

import numpy as np

from ..arrays.elementwise import take
from ..layout.maps import Map, Shape
from ..layout.plans import box_plan
from ..layout.splits import Periodic
from ..ranks import exchange
from .kernels import multiplied
from .labelled import Labelled

PANEL_BYTES = 1 << 24
LEAST_WIDTH = 64

Panel = tuple[int, int]
Sets = tuple[Periodic, ...]


def by_panels(
    x: Labelled,
    y: Labelled,
    out: tuple,
    target: Map,
    shape: Shape,
    dtype: np.dtype,
    what: str,
) -> np.ndarray:
    """This rank's block of the product under the target map. COLLECTIVE.

    Parameters
    ----------
    x, y : Labelled
        The operands.
    out : tuple
        Labels of the result.
    target, shape : Map, tuple of int
        The result's map and global shape.
    dtype : dtype
        Of the result.
    what : str
        The operation's name, for messages.
    """
    world = x.array.world
    c = np.zeros(target.local_shape(shape, world.rank), dtype)
    label, n = _panel_label(x, y, out)
    operands = tuple((z.array.map, z.array.shape, z.labels) for z in (x, y))
    width = _width(operands, out, target, shape, label, dtype.itemsize)
    steps = schedule(operands, out, target, shape, label, n, width)
    count = max(len(mine) for mine in steps)

    def brought(step: int) -> list["Panels"]:
        panels = tuple(mine[step] if step < len(mine) else None for mine in steps)
        panels += (None,) * (world.size - len(panels))
        return [
            Panels(z, _wanted(operand, out, target, shape, label, panels), what)
            for z, operand in zip((x, y), operands, strict=True)
        ]

    coming, started = brought(0) if count else [], False
    for step in range(count):
        come = [panel.values() for panel in coming]
        coming = brought(step + 1) if step + 1 < count else []  # travels while this is multiplied
        if come[0] is not None and c.size:
            multiplied(c, out, come[0], x.labels, come[1], y.labels, add=started)
            started = True
    return c


def _panel_label(x: Labelled, y: Labelled, out: tuple) -> tuple[object, int]:
    """The summed label whose panels come one after the other: the most cut, then the longest."""
    summed = [(k, n) for k, n in x.lengths().items() if k in y.labels and k not in out]
    if not summed:
        return None, 1
    return max(summed, key=lambda kn: (max(x.pieces(kn[0]), y.pieces(kn[0])) > 1, kn[1]))


def _width(
    operands: tuple, out: tuple, target: Map, shape: Shape, label: object, itemsize: int
) -> int:
    """Indices per panel, so that the panel of each operand has about PANEL_BYTES."""
    pieces = {
        k: -(-n // target.pieces_along(i)) for i, (k, n) in enumerate(zip(out, shape, strict=True))
    }
    widest = 1
    for _, own, labels in operands:
        sizes = [pieces.get(k, n) for k, n in zip(labels, own, strict=True) if k != label]
        widest = max(widest, prod(sizes))
    return max(LEAST_WIDTH, PANEL_BYTES // (itemsize * widest))


@lru_cache(maxsize=64)
def schedule(
    operands: tuple, out: tuple, target: Map, shape: Shape, label: object, n: int, width: int
) -> list[list[Panel]]:
    """For each rank of the world the panels (start, stop) of the summed axis, in its order (pure).

    Parameters
    ----------
    operands : tuple
        For both operands (map, shape, labels).
    out, target, shape
        Labels, map and shape of the result.
    label, n : hashable, int
        The summed label and its length.
    width : int
        Longest panel of what has to travel.
    """
    size = 1 + max(max(held.procs) for held in (target, *(o[0] for o in operands)))
    pieces = _pieces(operands, label, n)
    plans = []
    for rank in range(size):
        if 0 in target.local_shape(shape, rank) or target.coords(rank) is None:
            plans.append([])
            continue
        local, rest, after = [], [], 0
        for panel in pieces:
            sets = [_sets(o, out, target, shape, label, rank, panel) for o in operands]
            if all(_holds(o, s, rank) for o, s in zip(operands, sets, strict=True)):
                local.append(panel)
                after = len(rest)
            else:
                rest.append(panel)
        if not local and rest:
            after = target.procs.index(rank) * len(rest) // len(target.procs)
        rest = [p for piece in rest[after:] + rest[:after] for p in _cut(piece, width)]
        plans.append(_merged(local) + rest)
    return plans


def _pieces(operands: tuple, label: object, n: int) -> list[Panel]:
    """The summed axis, cut where an operand's owner changes; whole where owners alternate."""
    edges = {0, n}
    for held, own, labels in operands:
        if label in labels:
            a = labels.index(label)
            spans = [held.piece(own, a, c) for c in range(held.pieces_along(a))]
            if all(s.contiguous for s in spans):
                edges |= {e for s in spans if len(s) for e in (s.lo, s.hi)}
    ordered = sorted(edges)
    return list(zip(ordered, ordered[1:], strict=False)) or [(0, n)]


def _merged(panels: list[Panel]) -> list[Panel]:
    """Neighbours as one."""
    merged: list[Panel] = []
    for start, stop in panels:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], stop)
        else:
            merged.append((start, stop))
    return merged


def _cut(panel: Panel, width: int) -> list[Panel]:
    """A panel in equal parts of at most ``width``."""
    start, stop = panel
    parts = max(1, -(-(stop - start) // width))
    edges = [start + (stop - start) * i // parts for i in range(parts + 1)]
    return list(zip(edges, edges[1:], strict=False))


def _sets(
    operand: tuple, out: tuple, target: Map, shape: Shape, label: object, rank: int, panel: Panel
) -> Sets:
    """What a rank needs of an operand for one panel: one set per axis."""
    _, own, labels = operand
    owned = dict(zip(out, target.owned(shape, rank), strict=True))
    owned[label] = Periodic(*panel)
    return tuple(owned.get(k, Periodic(0, n)) for k, n in zip(labels, own, strict=True))


def _holds(operand: tuple, sets: Sets, rank: int) -> bool:
    """Whether a rank can take these sets out of its own block."""
    held, own, _ = operand
    owned = held.owned(own, rank)
    return owned is not None and all(
        want == have or (have.contiguous and have.lo <= want.lo and want.hi <= have.hi)
        for want, have in zip(sets, owned, strict=True)
    )


def _wanted(
    operand: tuple, out: tuple, target: Map, shape: Shape, label: object, panels: tuple
) -> list[Sets | None]:
    """For each rank the sets that it needs; None where it has nothing to do."""
    return [
        None if panel is None else _sets(operand, out, target, shape, label, rank, panel)
        for rank, panel in enumerate(panels)
    ]


class Panels:
    """One operand's panels of one step, on their way: each rank its own. COLLECTIVE."""

    def __init__(self, z: Labelled, wanted: list[Sets | None], what: str) -> None:
        """Begin to bring what the ranks want and do not hold."""
        world = z.array.world
        self._z, self._sets = z, wanted[world.rank]
        operand = (z.array.map, z.array.shape, z.labels)
        table = tuple(
            () if sets is None or _holds(operand, sets, rank) else (sets,)
            for rank, sets in enumerate(wanted)
        )
        self._mine = [np.empty([len(s) for s in sets], z.array.dtype) for sets in table[world.rank]]
        self._exchange = None
        if any(table):
            plan = box_plan(z.array.map, z.array.shape, table, world.rank, False)
            self._exchange = exchange.start(
                plan, [z.array.block], self._mine, world, what, z.array.dtype
            )

    def values(self) -> np.ndarray | None:
        """This rank's panel when it has come: a view where the rank holds it. COLLECTIVE."""
        if self._exchange is not None:
            self._exchange.finish()
        if self._mine or self._sets is None:
            return self._mine[0] if self._mine else None
        return _held(self._z, self._sets)


def _held(z: Labelled, sets: Sets) -> np.ndarray:
    """What a rank holds of its panel: a view, or a copy where its indices are no slice."""
    block = z.array.block
    for a, (want, have) in enumerate(
        zip(sets, z.array.map.owned(z.array.shape, z.array.world.rank), strict=True)
    ):
        if want == have:
            continue
        if want.contiguous:
            inside = slice(want.lo - have.lo, want.hi - have.lo)
            block = block[(slice(None),) * a + (inside,)]
        elif have.lo == 0:
            block = take(block, a, want)
        else:
            block = np.take(block, want.indices() - have.lo, axis=a)
    return block

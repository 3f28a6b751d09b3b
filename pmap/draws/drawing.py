"""Arrays of random numbers under any map: which spans of the flat index a rank draws.

A rank draws the spans that hold its part and keeps what it owns; where its part is scattered so
thinly that most would be thrown away, the numbers are drawn in blocks of the flat index and moved.
Which of the two is decided by shape and map alone, so that all ranks do the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..allocation import allocate
from ..arrays.distarray import DistArray
from ..arrays.elementwise import cut
from ..layout.axismaps import AxisMap
from ..layout.maps import Map, Shape
from ..layout.splits import Periodic, intersect
from ..ranks import comm
from ..ranks.moving import moved
from .philox import Leaves, Words

CHUNK = 1 << 16
"""Elements drawn at a time into memory that is not the result's."""
CALL = 400
"""What starting a span costs, in elements."""
SMALL = 1 << 16
"""Arrays of so many elements are not moved: the messages would take longer than the drawing."""

Filler = Words | Leaves


@dataclass(frozen=True)
class _Way:
    """How a part is drawn: spans along ``axis``, whose runs or whole range are taken."""

    axis: int
    by_runs: bool
    cost: float


def drawn(
    filler: Filler, shape: Shape, dtype: np.dtype, held: Map | None, item: Shape = ()
) -> DistArray | np.ndarray:
    """An array of random numbers. COLLECTIVE where they have to be moved.

    Parameters
    ----------
    filler : Words or Leaves
        Gives elements by their flat index in ``shape``.
    shape : tuple of int
    dtype : dtype
    held : Map or None
        Bound map of ``shape + item``; None for a plain ndarray.
    item : tuple of int
        Shape of an element, where that is a row or a matrix.
    """
    if held is None:
        local = np.empty((*shape, *item), dtype)
        if local.size:
            filler.fill(0, local.reshape(prod(shape), *item))
        return local
    whole = (*shape, *item)
    made = allocate(whole, dtype, held)
    target = held.without_overlap()
    source = _drawing_map(target, shape, filler)
    if source is None:
        _fill(filler, shape, target, made.block, whole)
        return made
    world = comm.world()
    part = np.empty(source.local_shape(whole, world.rank), dtype)
    _fill(filler, shape, source, part, whole)
    made.put_block(moved(part, whole, source, target, world, "random"))
    return made


def _fill(filler: Filler, shape: Shape, held: Map, block: np.ndarray, whole: Shape) -> None:
    """Draw this rank's part of a map into its block."""
    owned = held.owned(whole, comm.world().rank)
    if owned is None or not block.size:
        return
    way = _way(owned, shape, filler.leaf)
    item, behind = whole[len(shape) :], shape[way.axis + 1 :]
    rest = owned[way.axis + 1 :]
    straight = way.by_runs and _all_whole(rest, (*behind, *item))
    for start, stop, at, inside in _spans(way, owned, shape, straight):
        target = block[at]
        if straight and target.flags.c_contiguous:
            filler.fill(start, target.reshape(stop - start, *item))
            continue
        values = np.empty((stop - start, *item), block.dtype)
        filler.fill(start, values)
        values = values.reshape((stop - start) // max(1, prod(behind)), *behind, *item)
        if inside is None:
            target[...] = cut(values[0], item, rest)
        else:
            _keep(inside, cut(values, values.shape, (Periodic(0, len(values)), *rest)), target)


def _keep(inside: Periodic, values: np.ndarray, target: np.ndarray) -> None:
    """Copy the members of a set, counted along the first axis, to where they follow each other."""
    for s in intersect(inside, Periodic(0, len(values))):
        at = inside.position(s.start)
        there = _repeated(target[at:], s.length, inside.local_stride(s.stride), s.count)
        there[...] = _repeated(values[s.start :], s.length, s.stride, s.count)


def _repeated(x: np.ndarray, length: int, stride: int, count: int) -> np.ndarray:
    """``count`` runs of ``length``, ``stride`` apart along the first axis, as two axes."""
    apart = x.strides[0]
    shape = (count, length, *x.shape[1:])
    return as_strided(x, shape, (stride * apart, apart, *x.strides[1:]))


def _all_whole(owned: tuple[Periodic, ...], lengths: Shape) -> bool:
    return all(len(o) == n for o, n in zip(owned, lengths, strict=True))


def _spans(way: _Way, owned: tuple, shape: Shape, straight: bool) -> Iterator[tuple]:
    """(start, stop, index into the block, owned set of the axis inside the span)."""
    if not shape:
        yield 0, 1, (Ellipsis,), None
        return
    d = way.axis
    inner, along = prod(shape[d + 1 :]), owned[d]
    runs = along.runs_within(along.lo, along.hi) if way.by_runs else [(along.lo, along.hi)]
    outer = [list(enumerate(o.indices().tolist())) for o in owned[:d]]
    for places in product(*outer):
        base = 0
        for (_, i), n in zip(places, shape, strict=False):
            base = base * n + i
        base *= shape[d]
        lead = tuple(at for at, _ in places)
        for lo, hi in runs:
            rows = hi - lo if straight else max(1, CHUNK // max(1, inner))
            rows -= rows % along.period if rows > along.period else 0
            for a in range(lo, hi, rows):
                b = min(a + rows, hi)
                at = (*lead, slice(along.position(a), along.position(b)))
                yield (base + a) * inner, (base + b) * inner, at, _shifted(along, a, b)


def _shifted(along: Periodic, lo: int, hi: int) -> Periodic:
    """The members in ``[lo, hi)``, counted from lo."""
    if along.contiguous:
        return Periodic(max(along.lo, lo) - lo, min(along.hi, hi) - lo)
    period = along.period
    runs = []
    for start, stop in along.runs:
        a, b = (start - lo) % period, (start - lo) % period + stop - start
        runs += [(a, b)] if b <= period else [(0, b - period), (a, period)]
    return Periodic(max(along.lo, lo) - lo, min(along.hi, hi) - lo, period, tuple(sorted(runs)))


def _way(owned: tuple, shape: Shape, leaf: int) -> _Way:
    """The cheapest way to draw a part."""
    best = _Way(min(0, len(shape) - 1), True, 1.0)  # without axes: before those of the item
    found = None
    for d in range(len(shape)):
        inner = prod(shape[d + 1 :])
        whole = _all_whole(owned[d + 1 : len(shape)], shape[d + 1 :])
        if not whole and inner > 4 * CHUNK:
            continue
        along = owned[d]
        outer = prod(map(len, owned[:d]))
        period = max(1, along.period)
        n_runs = 1 if along.contiguous else -(-(along.hi - along.lo) // period) * len(along.runs)
        ways = [(True, n_runs, len(along) * inner)]
        if n_runs > 1:
            ways.append((False, 1, (along.hi - along.lo) * inner))
        for by_runs, spans, elements in ways:
            count = outer * spans
            reach = _reach(owned, shape)
            leaves = min(outer * elements + count * leaf * (leaf > 1), max(reach, leaf))
            cost = max(leaves, outer * elements) + CALL * (count - 1)
            if found is None or cost < found:
                best, found = _Way(d, by_runs, cost), cost
    return best


def _reach(owned: tuple, shape: Shape) -> int:
    """Elements of the flat index from the first that can be owned to the last."""
    low = high = 0
    for o, n in zip(owned, shape, strict=False):
        low, high = low * n + o.lo, high * n + o.hi - 1
    return high - low + 1


def _drawing_map(held: Map, shape: Shape, filler: Filler) -> Map | None:
    """The map to draw under where the array's own would throw too much away; else None."""
    size = len(held.procs)
    if prod(shape) <= SMALL or size == 1:
        return None
    own = _waste(held, shape, filler.leaf)
    if own <= 1 + filler.move:
        return None
    best = None
    for d in range(len(shape)):
        axes = [AxisMap(0) if a == d else AxisMap() for a in range(held.ndim)]
        candidate = Map.lattice((size,), tuple(axes), held.procs)
        uneven = -(-shape[d] // size) * size / shape[d]
        waste = _waste(candidate, shape, filler.leaf) * uneven
        if best is None or waste < best[0]:
            best = waste, candidate
    return best[1] if best[0] + filler.move < own else None


def _waste(held: Map, shape: Shape, leaf: int) -> float:
    """Elements drawn per element kept, of the largest of some ranks."""
    procs, worst = held.procs, 1.0
    for rank in {procs[0], procs[len(procs) // 2], procs[-1]}:
        whole = (*shape, *[1] * (held.ndim - len(shape)))
        owned = held.owned(whole, rank)[: len(shape)]
        kept = prod(map(len, owned))
        if kept:
            worst = max(worst, (_way(owned, shape, leaf).cost - CALL) / kept)
    return worst

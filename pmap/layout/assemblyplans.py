"""Arrays put together of stretches of others: the plan of one exchange (pure).

What concatenation, rolling, padding and tiling have in common: along each axis the result is a row
of stretches of a source's axis, read forwards, backwards, or one index again and again. A rank
reads each element that it needs once, whatever the number of sources; what it needs twice it
copies from itself.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from .maps import Map, Shape
from .plans import RankPlan, box_plan
from .splits import Periodic, align


class Stretch(NamedTuple):
    """Indices ``[start, start + length)`` of the result's axis, read of a source's axis.

    Index ``start + k`` is the source's ``source + step * k``; step is 1, -1 or 0.
    """

    start: int
    length: int
    source: int
    step: int = 1


class Cycle(NamedTuple):
    """Index i of the result's axis is the source's ``i % n``, up to ``total``."""

    n: int
    total: int


Rule = tuple[Stretch, ...] | Cycle


class Part(NamedTuple):
    """One source: its map and shape, and a rule for each axis."""

    map: Map
    shape: Shape
    rules: tuple[Rule, ...]


class Fetch(NamedTuple):
    """A set of a source's indices, ascending, and where they go in the block's axis."""

    wanted: Periodic
    at: slice


class Fill(NamedTuple):
    """A part of a block's axis that repeats another part of it."""

    at: slice
    of: slice


@dataclass(frozen=True)
class Assembly:
    """One rank's part: the exchange, the views of its block that are filled, the repetitions."""

    plan: RankPlan
    views: tuple[tuple[slice, ...], ...]
    fills: tuple[tuple[int, Fill], ...]


def whole(n: int) -> Rule:
    """The rule of an axis that stays as it is."""
    return (Stretch(0, n, 0),)


@lru_cache(maxsize=256)
def assembly(
    parts: tuple[Part, ...], shape: Shape, target: Map, rank: int, n_ranks: int
) -> Assembly:
    """The plan of one rank.

    Parameters
    ----------
    parts : tuple of Part
        The sources. Repetitions are made only where there is one.
    shape, target : tuple of int, Map
        Global shape and map of the result.
    rank, n_ranks : int
        The rank whose part is made, and the size of the world.

    Examples
    --------
    >>> rows = Map([2]).bind(2)
    >>> left = Part(rows, (6,), ((Stretch(0, 5, 1), Stretch(5, 1, 0)),))   # A rolled by -1
    >>> assembly((left,), (6,), rows, 0, 2).plan.bytes_sent(1)
    1
    """
    plans, views, fills = [], [], []
    for number, part in enumerate(parts):
        table = [_boxes(part, shape, target, r) for r in range(n_ranks)]
        boxes = tuple(tuple(tuple(f.wanted for f in box) for box in mine) for mine in table)
        plans.append((number, len(views), box_plan(part.map, part.shape, boxes, rank, False)))
        views += [tuple(f.at for f in box) for box in table[rank]]
        fills += _repetitions(part, shape, target, rank)
    return Assembly(_merged(plans), tuple(views), tuple(fills))


def _boxes(part: Part, shape: Shape, target: Map, rank: int) -> list[tuple[Fetch, ...]]:
    """What a rank reads of a source."""
    owned = target.owned(shape, rank)
    if owned is None:
        return []
    per_axis = [
        stretched(rule, o, n)[0] for rule, o, n in zip(part.rules, owned, part.shape, strict=True)
    ]
    return list(product(*per_axis))


def _repetitions(part: Part, shape: Shape, target: Map, rank: int) -> list[tuple[int, Fill]]:
    owned = target.owned(shape, rank)
    if owned is None:
        return []
    return [
        (axis, fill)
        for axis, (rule, o, n) in enumerate(zip(part.rules, owned, part.shape, strict=True))
        for fill in stretched(rule, o, n)[1]
    ]


def stays(part: Part, shape: Shape, target: Map) -> bool:
    """Whether every rank has what it needs of a source, as the maps alone show."""
    held = part.map
    if held.copies == len(held.procs) and set(target.procs) <= set(held.procs):
        return True
    if (held.grid, held.procs) != (target.grid, target.procs):
        return False
    return all(
        held.axes[a] == target.axes[a]
        and n == shape[a]
        and rule == whole(n)
        or held.pieces_along(a) == target.pieces_along(a) == 1
        for a, (rule, n) in enumerate(zip(part.rules, part.shape, strict=True))
    )


def _merged(plans: list[tuple[int, int, RankPlan]]) -> RankPlan:
    """One plan of several: one message per pair of ranks."""
    sends: dict[int, list] = {}
    receives: dict[int, list] = {}
    kept = []
    for source, first, plan in plans:

        def numbered(pieces: tuple, source: int = source, first: int = first) -> list:
            return [
                p._replace(source_part=source, target_part=first + p.target_part) for p in pieces
            ]

        for rank, pieces in plan.sends:
            sends.setdefault(rank, []).extend(numbered(pieces))
        for rank, pieces in plan.receives:
            receives.setdefault(rank, []).extend(numbered(pieces))
        kept += numbered(plan.kept)
    return RankPlan(
        tuple((r, tuple(p)) for r, p in sorted(sends.items())),
        tuple((r, tuple(p)) for r, p in sorted(receives.items())),
        tuple(kept),
    )


@lru_cache(maxsize=1 << 13)
def stretched(rule: Rule, owned: Periodic, n: int) -> tuple[tuple[Fetch, ...], tuple[Fill, ...]]:
    """What a rank reads along one axis of a source of length n, and what it repeats.

    Examples
    --------
    >>> stretched(Cycle(3, 12), Periodic(4, 12), 3)[0]     # source indices 1, 2 then 0
    (Fetch(wanted=Periodic(lo=1, hi=3, period=1, runs=((0, 1),)), at=slice(0, 2, None)), \
Fetch(wanted=Periodic(lo=0, hi=1, period=1, runs=((0, 1),)), at=slice(2, 3, None)))
    """
    if isinstance(rule, Cycle):
        if owned.contiguous:
            return _cycled(rule.n, owned)
        rule = tuple(Stretch(k, rule.n, 0) for k in range(0, rule.total, rule.n))
    fetches: list[Fetch] = []
    fills: list[Fill] = []
    for stretch in rule:
        lo, hi = max(owned.lo, stretch.start), min(owned.hi, stretch.start + stretch.length)
        first, last = owned.position(lo), owned.position(max(lo, hi))
        if first >= last:
            continue
        at = slice(first, last)
        if stretch.step == 0:
            at = slice(first, first + 1)
            wanted = Periodic(stretch.source, stretch.source + 1)
            if last > first + 1:
                fills.append(Fill(slice(first + 1, last), at))
        else:
            inside = Periodic(lo, hi, owned.period, owned.runs)
            begin = stretch.start - stretch.step * stretch.source
            wanted = align(inside, begin, stretch.step, n)
            at = at if stretch.step > 0 else _backwards(at)
        new, again = _once(Fetch(wanted, at), fetches)
        fetches += new
        fills = [*again, *fills] if stretch.step == 0 else [*fills, *again]
    return tuple(fetches), tuple(fills)


def _cycled(n: int, owned: Periodic) -> tuple[tuple[Fetch, ...], tuple[Fill, ...]]:
    """A block of a repeated axis: once round, then copies of twice the length each time."""
    length = len(owned)
    once = min(length, n)
    if not once:
        return (), ()
    begin = owned.lo % n
    head = min(once, n - begin)
    fetches = [Fetch(Periodic(begin, begin + head), slice(0, head))]
    if once > head:
        fetches.append(Fetch(Periodic(0, once - head), slice(head, once)))
    fills, done = [], once
    while done < length:
        more = min(done, length - done)
        fills.append(Fill(slice(done, done + more), slice(0, more)))
        done += more
    return tuple(fetches), tuple(fills)


def _once(new: Fetch, have: list[Fetch]) -> tuple[list[Fetch], list[Fill]]:
    """A fetch without what was fetched before, and copies for that."""
    left, fills = [new], []
    for old in have:
        rest = []
        for fetch in left:
            outside, common = _apart(fetch, old)
            rest += outside
            fills += common
        left = rest
    return left, fills


def _apart(new: Fetch, old: Fetch) -> tuple[list[Fetch], list[Fill]]:
    if not (new.wanted.contiguous and old.wanted.contiguous):
        if new.wanted == old.wanted:
            return [], [Fill(new.at, old.at)]
        return [new], []
    a, b = new.wanted.lo, new.wanted.hi
    lo, hi = max(a, old.wanted.lo), min(b, old.wanted.hi)
    if lo >= hi:
        return [new], []
    fills = [Fill(_places(new, lo, hi), _places(old, lo, hi))]
    edges = [(x, y) for x, y in ((a, lo), (hi, b)) if x < y]
    return [Fetch(Periodic(x, y), _places(new, x, y)) for x, y in edges], fills


def _places(fetch: Fetch, lo: int, hi: int) -> slice:
    """Where the source's indices ``[lo, hi)`` of a contiguous fetch go."""
    skip = lo - fetch.wanted.lo
    if fetch.at.step == -1:
        top = fetch.at.start - skip
        return _backwards(slice(top - (hi - lo) + 1, top + 1))
    return slice(fetch.at.start + skip, fetch.at.start + skip + hi - lo)


def _backwards(at: slice) -> slice:
    return slice(at.stop - 1, at.start - 1 if at.start else None, -1)

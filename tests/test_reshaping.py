"""Plans of reshapes and of arrays put together, for many ranks in one process (pure)."""

from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmap.layout.assemblyplans import Cycle, Part, Stretch, assembly, stretched, whole
from pmap.layout.flatplans import axis_groups, flat_runs, groups_stay, reshape_plan, segments
from pmap.layout.maps import Map
from pmap.layout.resultmaps import after_reshape, auto_over, freed
from pmap.layout.splits import Periodic, Split

WORDS = st.sampled_from(["b", "c", "ceil", ("bc", 2), ("bc", 3)])


@st.composite
def mapped(draw, shape, n_ranks=5):
    """A map of a shape over some of the ranks, in any order."""
    grid, room = [], n_ranks
    for _ in shape:
        grid.append(draw(st.integers(1, room)))
        room //= grid[-1]
    procs = draw(st.permutations(range(n_ranks)))[: prod(grid)]
    return Map(grid, [draw(WORDS) for _ in shape], procs).bind(n_ranks)


def blocks(values, held, ranks=5):
    """Every rank's block of an array."""
    found = []
    for rank in range(ranks):
        owned = held.owned(values.shape, rank)
        inside = np.ix_(*[o.indices() for o in owned]) if owned else None
        found.append(values[inside].copy() if owned else np.empty((0,) * values.ndim, int))
    return found


def taken(buffer, axes):
    """The elements of a piece, by definition: index by index."""
    index = [
        [s.start + k * s.stride + i for s in axis for k in range(s.count) for i in range(s.length)]
        for axis in axes
    ]
    return np.ix_(*index)


def carried_out(plans, sources, targets):
    """All ranks' plans run in one process; how many elements each rank got."""
    came = [0] * len(plans)
    for rank, plan in enumerate(plans):
        incoming = [p for _, pieces in plan.receives for p in pieces] + list(plan.kept)
        for piece in incoming:
            here = sources[piece.source]
            values = here[taken(here, piece.source_segments)]
            there = targets[rank]
            at = taken(there, piece.target_segments)
            there[at] = values.reshape(there[at].shape)
            came[rank] += piece.size
    return came


def consistent(plans):
    """What a rank sends is what the other one receives, in the same order."""
    for rank, plan in enumerate(plans):
        for other, pieces in plan.sends:
            theirs = dict(plans[other].receives)[rank]
            assert [p._replace(target_part=0) for p in theirs] == [
                p._replace(target_part=0)
                for p in pieces  # each side numbers its own targets
            ]
        assert len({other for other, _ in plan.sends}) == len(plan.sends)


SHAPES = [((4, 6), (6, 4)), ((4, 6), (24,)), ((12,), (3, 2, 2)), ((2, 3, 4), (6, 4))]
SHAPES += [((2, 3, 4), (2, 12)), ((5, 1, 7), (1, 35)), ((6, 6), (4, 9)), ((2, 9, 2), (3, 12))]


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_reshape_brings_each_element_once(data):
    shape, new = data.draw(st.sampled_from(SHAPES))
    shape, new = (shape, new) if data.draw(st.booleans()) else (new, shape)
    source, target = data.draw(mapped(shape)), data.draw(mapped(new))
    values = np.arange(prod(shape)).reshape(shape)
    groups = axis_groups(shape, new)
    plans = [reshape_plan(source, shape, target, new, rank) for rank in range(5)]
    consistent(plans)

    def grouped(block, side):
        return block.reshape([prod(block.shape[a] for a in g[side]) for g in groups])

    expected = blocks(values.reshape(new), target)
    sources = [grouped(b, 0) for b in blocks(values, source)]
    targets = [grouped(np.full_like(b, -1), 1) for b in expected]
    came = carried_out(plans, sources, targets)
    for rank in range(5):
        assert np.array_equal(targets[rank].reshape(expected[rank].shape), expected[rank])
        assert came[rank] == expected[rank].size
    if groups_stay(source, shape, target, new):
        assert not any(plan.sends for plan in plans)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_stretches_are_what_they_say(data):
    n, total = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 40))
    kind = data.draw(st.sampled_from(["cycle", "zigzag", "edge", "turned"]))
    if kind == "cycle":
        rule, index = Cycle(n, total), np.arange(total) % n
    elif kind == "zigzag":
        parts = [Stretch(k, min(n, total - k), 0) for k in range(0, total, n)]
        parts = [
            p if i % 2 == 0 else Stretch(p.start, p.length, n - 1, -1) for i, p in enumerate(parts)
        ]
        rule = tuple(parts)
        index = np.concatenate([p.source + p.step * np.arange(p.length) for p in parts])
    elif kind == "edge":
        rule = (Stretch(3, n, 0), Stretch(0, 3, 0, 0), Stretch(3 + n, 4, n - 1, 0))
        index = np.clip(np.arange(n + 7) - 3, 0, n - 1)
    else:
        rule, index = (Stretch(0, n, n - 1, -1),), np.arange(n)[::-1]
    owned = Split(*data.draw(st.sampled_from([("b",), ("c",), ("bc", 2)]))).piece(len(index), 3, 1)
    line = np.full(len(owned), -1)
    fetches, fills = stretched(rule, owned, n)
    for fetch in fetches:
        line[fetch.at] = fetch.wanted.indices()
    for fill in fills:
        line[fill.at] = line[fill.of]
    assert line.tolist() == index[owned.indices()].tolist()
    if owned.contiguous:
        read = np.concatenate([f.wanted.indices() for f in fetches] or [[]])
        assert len(set(read.tolist())) == len(read)


def test_several_sources_in_one_message():
    rows, columns = Map([3, 1]).bind(3), Map([1, 3]).bind(3)
    parts = tuple(
        Part(held, (4, 6), ((Stretch(4 * k, 4, 0),), whole(6)))
        for k, held in enumerate([rows, columns])
    )
    plans = [assembly(parts, (8, 6), rows, rank, 3).plan for rank in range(3)]
    consistent(plans)
    assert any(len(pieces) > 1 for plan in plans for _, pieces in plan.sends)
    got = sum(p.size for plan in plans for _, ps in (*plan.receives, (0, plan.kept)) for p in ps)
    assert got == 48


def test_a_reshape_of_rows_is_planned_by_a_few_runs():
    rows, line = Map([100, 1]).bind(100), Map([100]).bind(100)
    plan = reshape_plan(rows, (12345, 678), line, (12345 * 678,), 37)
    pieces = [p for _, ps in (*plan.sends, *plan.receives) for p in ps]
    assert len(pieces) <= 4
    assert all(len(axis) == 1 for p in (*pieces, *plan.kept) for axis in p.source_segments)


def test_columns_are_runs_repeated_with_a_stride():
    columns, line = Map([1, 4]).bind(4), Map([4]).bind(4)
    plan = reshape_plan(columns, (8000, 4000), line, (32000000,), 0)
    assert [len(p.source_segments[0]) for p in plan.kept] == [1]


@pytest.mark.parametrize(
    ("sets", "dims"),
    [
        ((Periodic(0, 3), Periodic(2, 5)), (4, 6)),
        ((Periodic(0, 7, 2, ((1, 2),)), Periodic(0, 4)), (7, 4)),
        ((Periodic(1, 2), Periodic(0, 9, 3, ((0, 2),)), Periodic(0, 2)), (3, 9, 2)),
        ((Periodic(3, 3), Periodic(0, 4)), (5, 4)),
    ],
)
def test_runs_are_the_flat_indices_of_a_product(sets, dims):
    starts, lengths = flat_runs(sets, dims)
    pairs = zip(starts, lengths, strict=True)
    found = [i for a, n in pairs for i in range(a, a + n)]
    whole_array = np.arange(prod(dims)).reshape(dims)
    assert found == whole_array[np.ix_(*[s.indices() for s in sets])].ravel().tolist()


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2), st.integers(0, 2)), max_size=12))
def test_segments_keep_every_run(runs):
    here, there, lengths, a, b = [], [], [], 0, 0
    for length, gap, other_gap in runs:
        a, b = a + gap, b + other_gap
        here.append(a)
        there.append(b)
        lengths.append(length)
        a, b = a + length, b + length
    first, second = segments(*(np.array(x, int) for x in (here, there, lengths)))

    def listed(found):
        return [
            s.start + k * s.stride + i
            for s in found
            for k in range(s.count)
            for i in range(s.length)
        ]

    pairs = list(zip(here, there, lengths, strict=True))
    assert listed(first) == [h + i for h, _, n in pairs for i in range(n)]
    assert listed(second) == [t + i for _, t, n in pairs for i in range(n)]
    assert [(s.length, s.count) for s in first] == [(s.length, s.count) for s in second]


def test_maps_of_reshaped_arrays():
    def after(held, shape, new):
        return after_reshape(held, shape, new, axis_groups(shape, new))

    rows = Map([4, 1, 1]).bind(4)
    assert after(rows, (8, 3, 5), (8, 15)).axes[0] == rows.axes[0]
    assert after(rows, (8, 3, 5), (24, 5)).local_shape((24, 5), 1) == (6, 5)
    assert after(rows, (8, 3, 5), (2, 4, 15)) == auto_over((0, 1, 2, 3), (2, 4, 15))
    cyclic = Map([1, 4], ["b", "c"]).bind(4)
    assert after(cyclic, (6, 8), (2, 3, 8)).axes[2] == cyclic.axes[1]
    assert after(cyclic, (6, 8), (48,)) == auto_over((0, 1, 2, 3), (48,))


def test_an_axis_is_freed():
    grid = Map([2, 2]).bind(4)
    assert freed(grid, (8, 6), 1).pieces_along(1) == 1
    assert freed(grid, (8, 6), 1).local_shape((8, 6), 3) == (2, 6)
    assert freed(Map([4, 1]).bind(4), (8, 6), 1) == Map([4, 1]).bind(4)
    assert freed(Map([4]).bind(4), (9,), 0).local_shape((9,), 0) == (9,)

"""Splits: owners are counted by definition, index by index (contract C4)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmap.errors import MapError
from pmap.layout.splits import Periodic, Split, align, intersect, parse_split

SPLITS = [Split("b"), Split("ceil"), Split("c"), Split("bc", 2), Split("bc", 3), Split("bc", 7)]


def owner_by_definition(split, i, n, pieces):
    """The owner of index i from the words of the rule alone."""
    if split.kind == "b":
        return next(p for p, part in enumerate(np.array_split(np.arange(n), pieces)) if i in part)
    if split.kind == "ceil":
        return i // -(-n // pieces)
    return (i // split.k) % pieces


@pytest.mark.parametrize("split", SPLITS, ids=str)
def test_every_index_has_one_owner(split):
    for n in range(30):
        for pieces in range(1, 6):
            members = [split.piece(n, pieces, p).indices().tolist() for p in range(pieces)]
            for p, owned in enumerate(members):
                assert len(split.piece(n, pieces, p)) == len(owned)
                for i in owned:
                    assert owner_by_definition(split, i, n, pieces) == p
                    assert split.owner(i, n, pieces) == p
            assert sorted(sum(members, [])) == list(range(n))


@pytest.mark.parametrize(
    ("n", "sizes"), [(13, [4, 4, 4, 1]), (9, [3, 3, 3, 0]), (5, [2, 2, 1, 0]), (3, [1, 1, 1, 0])]
)
def test_ceil_is_pmatlabs_block_rule(n, sizes):
    assert [len(Split("ceil").piece(n, 4, p)) for p in range(4)] == sizes


def test_explicit_bounds_with_empty_pieces():
    split = parse_split(("x", [0, 0, 5, 7]))
    assert [len(split.piece(7, 3, p)) for p in range(3)] == [0, 5, 2]
    assert [split.owner(i, 7, 3) for i in range(7)] == [1, 1, 1, 1, 1, 2, 2]


@pytest.mark.parametrize("word", ["q", ("bc", 0), ("bc", 1.5), ("x", [1, 2]), ("x", [0, 3, 2]), 3])
def test_unknown_words_are_refused(word):
    with pytest.raises(MapError):
        parse_split(word)


sets = st.builds(
    lambda lo, size, period, start, length: Periodic(
        lo, lo + size, period, ((min(start, period - 1), min(start + length, period)),)
    ),
    st.integers(0, 20),
    st.integers(0, 60),
    st.integers(1, 12),
    st.integers(0, 11),
    st.integers(1, 6),
)


@given(sets, sets)
def test_intersection_is_the_common_members(a, b):
    found = [
        s.start + m * s.stride + j
        for s in intersect(a, b)
        for m in range(s.count)
        for j in range(s.length)
    ]
    assert sorted(found) == sorted(set(a.indices()) & set(b.indices()))
    assert len(found) == len(set(found))


@given(sets, st.integers(0, 80), st.integers(-5, 5).filter(bool), st.integers(0, 30))
def test_alignment_is_by_definition(owned, offset, step, n):
    if step < 0:
        offset = max(offset, -step * max(n - 1, 0))  # a slice stays inside its axis
    members = set(owned.indices().tolist())
    expected = [i for i in range(n) if offset + step * i in members]
    aligned = align(owned, offset, step, n)
    assert aligned.indices().tolist() == expected
    assert [aligned.position(i) for i in expected] == list(range(len(expected)))
    assert all((i in aligned) == (i in expected) for i in range(n))


def members(segments):
    return [
        s.start + m * s.stride + j
        for s in segments
        for m in range(s.count)
        for j in range(s.length)
    ]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 12), st.integers(1, 12), st.data())
def test_sets_of_long_periods_meet_where_they_should(blocks_a, blocks_b, k_a, k_b, data):
    """Block-cyclic pieces, cut to ranges, intersected in either order."""
    found = []
    for blocks, k in ((blocks_a, k_a), (blocks_b, k_b)):
        p = data.draw(st.integers(0, blocks - 1))
        lo, size = data.draw(st.integers(0, 300)), data.draw(st.integers(0, 2000))
        found.append(Periodic(lo, lo + size, k * blocks, ((p * k, (p + 1) * k),)))
    a, b = found
    both = np.intersect1d(a.indices(), b.indices())
    common = intersect(a, b)
    assert sorted(members(common)) == both.tolist()
    assert intersect(b, a) == common


def test_edges_are_reckoned_not_listed():
    for split in (Split("b"), Split("ceil"), Split("x", bounds=(0, 0, 5, 7))):
        for n in (7,):
            edges = split.block_bounds(n, 3)
            for p in range(3):
                piece = split.piece(n, 3, p)
                assert (piece.lo, piece.hi) == (edges[p], edges[p + 1])

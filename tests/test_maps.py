"""Maps answer for every rank; what they say is counted index by index."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmap.errors import MapError
from pmap.layout.grids import auto_grid
from pmap.layout.indexing import normalise
from pmap.layout.lattices import Lattice
from pmap.layout.maps import Map
from pmap.layout.splits import Periodic
from pmap.layout.views import view_layout

WORDS = ["b", "c", "ceil", ("bc", 2), ("bc", 3)]


def holders_by_definition(array_map, shape):
    """Index -> the ranks whose owned sets have it."""
    found = {index: [] for index in itertools.product(*[range(n) for n in shape])}
    for rank in array_map.procs:
        owned = array_map.owned(shape, rank)
        for index in itertools.product(*[o.indices().tolist() for o in owned]):
            found[index].append(rank)
    return found


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.lists(st.sampled_from(WORDS), min_size=3, max_size=3),
    st.lists(st.integers(0, 7), min_size=3, max_size=3),
    st.sampled_from("CF"),
    st.randoms(use_true_random=False),
)
def test_every_element_has_one_owner(grid, words, lengths, order, rng):
    procs = rng.sample(range(40), int(np.prod(grid)))
    array_map = Map(grid, words[: len(grid)], procs, order=order)
    shape = tuple(lengths[: len(grid)])
    for index, holders in holders_by_definition(array_map, shape).items():
        assert len(holders) == 1
        assert array_map.holders(shape, index) == holders
    for rank in procs:
        sizes = [len(o) for o in array_map.owned(shape, rank)]
        assert array_map.local_shape(shape, rank) == tuple(sizes)


def test_procs_run_over_the_grid_in_either_order():
    by_rows = Map([2, 2], procs=[3, 1, 0, 2])
    assert [by_rows.coords(r) for r in (3, 1, 0, 2)] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    by_columns = Map([2, 2], procs=[3, 1, 0, 2], order="F")
    assert [by_columns.coords(r) for r in (3, 1, 0, 2)] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert by_columns == Map([2, 2], procs=[3, 0, 1, 2])
    assert by_rows.coords(7) is None
    assert by_rows.local_shape((5, 5), 7) == (0, 0)


def test_binding_names_the_ranks():
    assert Map([-1, 2]).bind(6).grid == (3, 2)
    assert Map([-1, 2]).bind(7).procs == tuple(range(6))
    assert Map([2, 1], order="F").bind(2) == Map([2, 1]).bind(2)
    with pytest.raises(MapError, match="needs 8 ranks but the world has 4"):
        Map([4, 2]).bind(4)
    with pytest.raises(MapError, match="names rank 5"):
        Map([1], procs=[5]).bind(2)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (([0, 1],), "pieces >= 1"),
        (([-1, -1],), "at most one"),
        (([2, 2], ["b"] * 3), "dist has 3 entries"),
        (([2, 1], "b", [0, 0]), "name each rank once"),
        (([2, 1], "b", [0]), "one rank per piece"),
        (([2, 1], "c", None, 1), "overlap needs a block rule"),
        (([2, 1], "b", None, -1), "negative"),
        (([3], [("x", (0, 4))]), "2 edges make 1 pieces"),
        (([2], "b", None, 0, "K"), "order 'K'"),
    ],
)
def test_what_cannot_be_a_map_is_refused(args, words):
    with pytest.raises(MapError, match=words):
        Map(*args)


def test_a_map_must_fit_its_array():
    with pytest.raises(MapError, match="2 axes cannot lie on an array of shape"):
        Map([1, 1]).check_shape((3,))
    with pytest.raises(MapError, match="edges end at 4"):
        Map([1], [("x", (0, 4))]).check_shape((5,))


def test_maps_are_values():
    a, b = Map([2, 1], "b", [0, 1]), Map([2, 1], "b", [0, 1])
    assert a == b and hash(a) == hash(b) and a != Map([2, 1], "c", [0, 1]) and a != 3
    with pytest.raises(AttributeError, match="immutable"):
        a.grid = (1, 2)


@given(
    st.sampled_from(WORDS),
    st.integers(1, 4),
    st.integers(0, 23),
    st.integers(-30, 30),
    st.integers(-30, 30),
    st.integers(-4, 4).filter(bool),
    st.integers(-30, 30),
    st.integers(1, 4),
)
def test_views_stay_with_their_owners(word, pieces, n, start, stop, step, start2, step2):
    """A slice of a slice is owned by whoever owns the elements that it picks."""
    array_map = Map([pieces, 2], [word, "b"], range(2 * pieces))
    shape = (n, 3)
    whole = np.arange(n * 3).reshape(shape)
    held, picked = array_map, whole
    for key in (slice(start, stop, step), slice(start2, None, step2)):
        entries = normalise((key,), picked.shape)
        _, held = view_layout(entries, picked.shape, held)
        picked = picked[key]
    owner = {v: array_map.holders(shape, np.unravel_index(v, shape)) for v in whole.ravel()}
    for index, holders in holders_by_definition(held, picked.shape).items():
        assert holders == owner[picked[index]]


def test_an_index_leaves_its_owners():
    array_map = Map([2, 3], ["c", "b"], [5, 4, 3, 2, 1, 0])
    shape, held = view_layout(normalise((3,), (7, 6)), (7, 6), array_map)
    assert shape == (6,)
    assert held.procs == (2, 1, 0)
    shape, held = view_layout(normalise((3, 5), (7, 6)), (7, 6), array_map)
    assert shape == () and held.procs == (0,)


def test_auto_grids_cut_the_smallest_surface():
    assert auto_grid((1000, 10), 4) == (4, 1)
    assert auto_grid((10, 1000), 4) == (1, 4)
    assert auto_grid((64, 64, 64), 8) == (2, 2, 2)
    assert auto_grid((1, 500), 3) == (1, 3)


@given(
    st.sampled_from(WORDS),
    st.integers(1, 6),
    st.integers(1, 40),
    st.integers(-3, 3).filter(bool),
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(1, 9),
)
def test_who_may_own_some_of_a_set(word, pieces, n, step, lo, hi, period):
    """Owners of a set along an axis, also of a slice: none is missing."""
    array_map = Map([pieces], word, range(pieces))
    shape, held = view_layout(normalise((slice(None, None, step),), (n,)), (n,), array_map)
    wanted = Periodic(min(lo, shape[0]), min(hi, shape[0]), period, ((0, 1),))
    owners = held.axes[0].owners(wanted, shape[0], pieces)
    asked = set(wanted.indices().tolist())
    for c in range(pieces):
        if asked & set(held.piece(shape, 0, c).indices().tolist()):
            assert c in owners
    assert list(owners) == sorted(set(owners))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(0, 5), st.booleans())
def test_lattices_answer_alike_for_a_range_and_a_table(grid, seed, in_order):
    size = int(np.prod(grid))
    procs = list(range(size)) if in_order else np.random.default_rng(seed).permutation(size)
    lattice, table = Lattice(tuple(grid), procs), np.reshape(procs, grid)
    for index in np.ndindex(*grid):
        rank = int(table[index])
        assert lattice.rank_at(index) == rank and lattice.coords(rank) == index
    axis = seed % len(grid)
    assert lattice.ranks_with({axis: 0}) == np.take(table, 0, axis).ravel().tolist()
    assert lattice.fixed(axis, 0).procs == tuple(np.take(table, 0, axis).ravel().tolist())
    assert lattice.ranks_with({}) == table.ravel().tolist()
    assert lattice.coords(size) is None

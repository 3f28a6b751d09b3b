"""Indices taken apart, owners of many indices, and maps of what is picked: the pure parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pmap as pm
from pmap.layout.axismaps import AxisMap
from pmap.layout.indexing import Fresh, Picked, Ranged, element_of, normalise, parse
from pmap.layout.locating import owners, positions, within
from pmap.layout.maps import Map
from pmap.layout.pickmaps import fibres, in_order, merged, picked_map, row_grid
from pmap.layout.splits import Split

SHAPE = (5, 3, 4)
A = np.arange(60).reshape(SHAPE)


def result_shape(key):
    """The shape that NumPy gives, from the parts of a key."""
    found = parse(key, SHAPE)
    kept, dropped = [], set()
    for listed in found.arrays:
        dropped |= set(range(listed.axis, listed.axis + (listed.array.ndim if listed.mask else 1)))
    view = [1 if isinstance(e, Fresh) else e.n for e in found.entries if not isinstance(e, Picked)]
    kept = [n for axis, n in enumerate(view) if axis not in dropped]
    arrays = []
    for listed in found.arrays:
        arrays += [*np.nonzero(listed.array)] if listed.mask else [listed.array]
    common = np.broadcast_shapes(*(a.shape for a in arrays)) if arrays else ()
    return (*kept[: found.place], *common, *kept[found.place :])


KEYS = [
    np.s_[:, [0, 1], ..., [0, 1]],
    np.s_[:, [0, 1], [0, 1], ...],
    np.s_[0, :, [1, 2]],
    np.s_[:, 0, [1, 2]],
    np.s_[..., [[1], [2]]],
    np.s_[True],
    np.s_[False],
    np.s_[:, True, [1, 2]],
    np.s_[[0, 1], None, [1, 2]],
    np.s_[None, [0, 1], [1, 2]],
    np.s_[A[:, :, 0] > 20],
    np.s_[A[:, :, 0] > 20, 3],
    np.s_[:, A[0, :, 0] > 3, 1],
    np.s_[A > 30],
    np.s_[[], 0],
    np.s_[(1, 2), :],
    np.s_[1:4, [True, False, True]],
    np.s_[np.array(2), [1, 2]],
    np.s_[::-2, np.uint8(1)],
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_the_parts_of_a_key_give_numpys_shape(key):
    assert result_shape(key) == A[key].shape


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (np.s_[5], "index 5 is out of bounds for axis 0 with size 5"),
        (np.s_[:, -4], "index -4 is out of bounds for axis 1 with size 3"),
        (np.s_[0, 0, 0, 0], "too many indices"),
        (np.s_[..., ...], "single ellipsis"),
        (np.s_[1.0], "only integers"),
        (np.s_["x"], "only integers"),
        (np.s_[[0.5]], "only integers"),
        (np.ones(4, bool), "axis 0; size of axis is 5 but size of corresponding boolean axis is 4"),
        (np.s_[:, np.ones((3, 3), bool)], "axis 2; size of axis is 4"),
    ],
)
def test_wrong_keys_are_told_as_numpy_does(key, words):
    with pytest.raises(IndexError):
        A[key]
    with pytest.raises(IndexError, match=words):
        parse(key, SHAPE)


def test_basic_keys():
    assert normalise((slice(None, None, -2), -1), (5, 4)) == [Ranged(0, 4, -2, 3), Picked(1, 3)]
    assert element_of((1, -1), (5, 4)) == [1, 3]
    assert element_of((1, slice(2)), (5, 4)) is None
    assert element_of(True, (5,)) is None
    with pytest.raises(IndexError, match="no arrays"):
        normalise([1], (5,))


@st.composite
def cut_axes(draw):
    """An axis, sliced or not, its length and its number of pieces."""
    extent, pieces = draw(st.integers(1, 40)), draw(st.integers(1, 15))
    kind = draw(st.sampled_from(["b", "ceil", "c", "bc", "x"]))
    inner = sorted(draw(st.lists(st.integers(0, extent), min_size=pieces - 1, max_size=pieces - 1)))
    split = Split(kind, draw(st.integers(1, 4)) if kind == "bc" else 1, (0, *inner, extent))
    if kind != "x":
        split = Split(kind, split.k)
    axis, n = AxisMap(0, split), extent
    if draw(st.booleans()):
        start, stop, step = slice(
            draw(st.integers(-extent, extent)), None, draw(st.sampled_from([-3, -1, 1, 2]))
        ).indices(extent)
        n, axis = len(range(start, stop, step)), axis.sliced(extent, start, step)
    return axis, n, pieces


@given(cut_axes())
@settings(max_examples=200, deadline=None)
def test_owners_and_positions_are_those_of_the_pieces(drawn):
    axis, n, pieces = drawn
    i = np.random.default_rng(n).integers(0, n, 30) if n else np.zeros(0, int)
    found = owners(axis, n, pieces, i)
    assert found.tolist() == [axis.owner(int(j), n, pieces) for j in i]
    for p in range(pieces):
        piece = axis.piece(n, pieces, p)
        inside = within(piece, i)
        assert inside.tolist() == (found == p).tolist()
        assert positions(piece, i[inside]).tolist() == [piece.position(int(j)) for j in i[inside]]


def test_fibres_are_the_ranks_that_agree_elsewhere():
    held = Map([2, 3], procs=[5, 4, 3, 2, 1, 0])
    rows = fibres(held, (0,))
    assert rows.table.tolist() == [[5, 2], [4, 1], [3, 0]]
    assert rows.of(4).tolist() == [4, 1]
    assert fibres(held, (1, 0)).table.tolist() == [[5, 2, 4, 1, 3, 0]]
    lattice, at = merged(held, (0, 1), (4,))  # two ranks are left out
    assert (lattice.grid, lattice.procs, at) == ((4,), (5, 4, 3, 2), 0)


def ordered_by_definition(held, shape):
    """Whether the ranks' elements, rank after rank, are in C order."""
    places = np.arange(np.prod(shape)).reshape(shape)
    found = []
    for rank in held.procs:
        owned = held.owned(shape, rank)
        found += places[np.ix_(*[o.indices() for o in owned])].ravel().tolist()
    return found == sorted(found)


@pytest.mark.parametrize("shape", [(6, 4), (2, 9), (1, 7), (3, 1), (1, 1), (2, 1)])
@pytest.mark.parametrize("grid", [(3, 1), (1, 3), (2, 2), (1, 1)])
@pytest.mark.parametrize("word", ["b", "c", ("bc", 2), "ceil"])
def test_pieces_in_order(shape, grid, word):
    held = Map(grid, word).bind(4)
    found = in_order(held, shape, (0, 1))
    assert not found or ordered_by_definition(held, shape)
    if grid[1] == 1 and word in ("b", "ceil"):
        assert found


@given(st.lists(st.integers(0, 9), min_size=1, max_size=4), st.integers(1, 40))
def test_a_grid_of_rows_is_in_order_and_uses_the_ranks(shape, pieces):
    grid = row_grid(tuple(shape), pieces)
    assert np.prod(grid) <= pieces
    held = Map(grid).bind(pieces)
    assert ordered_by_definition(held, tuple(shape))
    if shape[0] >= pieces:
        assert np.prod(grid) == pieces


def test_maps_of_what_is_picked():
    held = Map([2, 2], ["c", "b"]).bind(4)
    one = picked_map(held, 0, 1, (9,), ())
    assert one == held  # the picked axis goes on by its rule, the other stays
    both = picked_map(held, 0, 2, (9,), ())
    assert both == Map([4], "c").bind(4)
    grid = picked_map(held, 0, 2, (9, 8), ())
    assert grid == held
    explicit = Map([2, 1], [("x", (0, 1, 5)), "b"]).bind(2)
    assert picked_map(explicit, 0, 1, (9,), ()).axes[0].split == Split("b")
    labels = Map([1, 2, 2]).bind(4)
    assert picked_map(Map([4]).bind(4), 0, 1, (2, 3, 4), (labels,)) == labels
    kept = picked_map(held, 0, 1, (2, 3, 4), (labels,))  # another axis is cut: the array's own
    assert kept.axes[3].split == held.axes[1].split and kept.axes[0].split == Split("c")


def test_plain_arrays_are_numpys_own():
    a = np.arange(12).reshape(3, 4)
    assert type(pm.take(a, [1], axis=0)) is np.ndarray
    assert np.array_equal(pm.nonzero(a)[0], np.nonzero(a)[0])

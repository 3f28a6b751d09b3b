"""Indexing as NumPy's, for reading and for assignment, at every map (contracts C2, C3)."""

from operator import getitem, setitem

import numpy as np
import pytest
from indexing_cases import RandomKey, agree, mapped, outcome, random_shape, said, viewed

import pmap as pm
from pmap.ranks.comm import world

SEEDS = 40
STEPS = 10


@pytest.mark.parametrize("seed", range(SEEDS))
def test_reading_by_random_indices(seed):
    rng = np.random.default_rng(seed)
    for _ in range(STEPS):
        a = rng.integers(0, 1000, random_shape(rng))
        A = mapped(rng, a)
        index = RandomKey(rng, a.shape)
        note = f"seed {seed} {a.shape} {A.map}[{said(index.key)}]"
        agree(outcome(getitem, A, index.key), outcome(getitem, a, index.plain), note)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_assigning_to_random_indices(seed):
    rng = np.random.default_rng(1000 + seed)
    for step in range(STEPS):
        a = rng.integers(0, 1000, random_shape(rng)).astype(rng.choice(["i8", "f4", "u1", "?"]))
        A = mapped(rng, a)
        index = RandomKey(rng, a.shape)
        target = outcome(getitem, a, index.plain)
        shape = np.shape(target) if not isinstance(target, Exception) else (2,)
        v, V = values_for(rng, shape)
        note = f"seed {seed} step {step} {a.shape} {A.map}[{said(index.key)}] = {said(V)} {v.shape}"
        before = a.copy()

        wrong = outcome(setitem, a, index.plain, v)
        found = outcome(setitem, A, index.key, V)
        if isinstance(wrong, Exception):  # of two mistakes either may be told
            assert isinstance(found, IndexError | ValueError | TypeError), f"{note}\n{wrong!r}"
            a = before
        else:
            assert found is None, f"{note}\n{found!r}"
        agree(A, a, note + f"\nbefore {before.tolist()}")


def values_for(rng, shape):
    """Values that broadcast to a shape (mostly): a scalar, an ndarray or a DistArray."""
    if rng.random() < 0.5:
        shape = tuple(1 if rng.random() < 0.3 else n for n in shape)
    if rng.random() < 0.2:
        shape = shape[1:]
    if rng.random() < 0.05 and np.prod(shape):  # NumPy takes any empty values for an empty part
        shape = (2, *shape)
    v = rng.integers(0, 200, shape).astype(rng.choice(["i8", "f8", "u1"]))
    if rng.random() < 0.2:
        v = v.reshape(-1)[:1].sum()
        return v, v
    return (v, mapped(rng, v)) if v.ndim and rng.random() < 0.6 else (v, v)


@pytest.mark.parametrize("seed", range(12))
def test_views_are_indexed_and_written_through(seed):
    rng = np.random.default_rng(2000 + seed)
    for _ in range(STEPS):
        values = rng.integers(0, 1000, random_shape(rng, most=3))
        whole, parent, a, A = viewed(rng, values)
        index = RandomKey(rng, a.shape)
        note = f"seed {seed} {a.shape} {A.map}[{said(index.key)}]"
        expected = outcome(getitem, a, index.plain)
        agree(outcome(getitem, A, index.key), expected, note)
        if not isinstance(expected, Exception):
            v, V = values_for(rng, np.shape(expected))
            errors = outcome(setitem, a, index.plain, v), outcome(setitem, A, index.key, V)
            assert [isinstance(e, Exception) for e in errors] in ([False] * 2, [True] * 2), note
            if errors[0] is None:
                agree(parent, whole, note + f" = {said(V)}")


@pytest.mark.parametrize("seed", range(12))
def test_part_of_an_array_assigned_to_itself(seed):
    """As if the right side were copied first; `+=` too."""
    rng = np.random.default_rng(3000 + seed)
    for _ in range(4):
        a = rng.integers(0, 1000, random_shape(rng, most=3))
        A = mapped(rng, a)
        index = rng.integers(0, len(a), len(a)) if len(a) else np.zeros(0, int)
        mask = rng.random(a.shape) < 0.5
        J, M = mapped(rng, index), mapped(rng, mask)
        a[index] = a.copy()
        A[J] = A
        agree(A, a, f"{A.map} {J.map}")
        a[index] = a[::-1].copy()
        A[index] = A[::-1]
        agree(A, a, f"{A.map}")
        a[mask] += a[mask][::-1]
        A[M] += A[M][::-1]
        agree(A, a, f"{A.map} {M.map}")
        a[index] += 1  # once, however often a number is named
        A[J] += 1
        agree(A, a, f"{A.map} {J.map}")


def test_rows_by_a_list_come_in_its_order():
    """Not grouped by owner, as another library gave them."""
    a = np.arange(24).reshape(12, 2)
    for A in (pm.asarray(a, map=pm.Map([-1, 1])), pm.asarray(a, map=pm.Map([-1, 1], "c"))):
        assert np.array_equal(np.asarray(A[[5, 1, 9, 1]]), a[[5, 1, 9, 1]])
        assert np.array_equal(np.asarray(A[A[:, 0] > 7][1:4]), a[a[:, 0] > 7][1:4])


def test_a_mask_of_rows_moves_no_elements():
    """C5: what stays on its rank is not sent; the counts alone travel."""
    a = np.arange(4000.0).reshape(400, 10)
    A = pm.asarray(a, map=pm.Map([-1, 1]))
    mask = A % 3 == 0
    before = world().sent_bytes
    found = A[mask]
    A[mask] = 0.0
    A[mask] = found
    assert world().sent_bytes - before < 1000
    assert np.array_equal(np.asarray(found), a[a % 3 == 0])


def test_a_list_of_indices_sends_each_element_once():
    """C5: no questions for an index that all ranks have."""
    n, p = 1000, world().size
    A = pm.arange(n, map=pm.Map([-1])) * 1.0
    order = np.random.default_rng(0).permutation(n)
    lengths = [len(part) for part in np.array_split(order, p)]
    needs = np.repeat(np.arange(p), lengths)
    owns = np.searchsorted(np.cumsum(lengths), order, side="right")
    must = 8 * int(((owns == world().rank) & (needs != world().rank)).sum())
    before = world().sent_bytes
    A[order]
    assert world().sent_bytes - before == must


@pytest.mark.parametrize("held", [pm.Map([-1, 1]), pm.Map([1, -1]), pm.Map([-1, 1], "c")], ids=str)
def test_results_stay_where_the_maps_page_says(held):
    a = np.arange(130).reshape(13, 10)
    A = pm.asarray(a, map=held)
    rows = A[[3, 5, 5]]
    assert rows.map.axes[1] == A.map.axes[1]
    assert A[:, [3, 5, 5]].map.axes[0] == A.map.axes[0]
    assert A[np.ix_([1, 2, 3], [4, 5])].map == A.map
    assert A[A > 5].map.dist[0][0] == "x" or world().size == 1


@pytest.mark.parametrize(
    "dtype", ["f2", "c16", "M8[s]", "m8[D]", "S3", "U2", "?", ">i4", [("id", "i4"), ("x", "f8")]]
)
def test_every_dtype_is_picked_and_written(dtype):
    rng = np.random.default_rng(1)
    a = np.zeros((7, 4), dtype)
    raw = rng.integers(0, 9, a.shape)
    if a.dtype.names:
        a["id"], a["x"] = raw, raw / 2
    else:
        a = raw.astype(str).astype(dtype) if a.dtype.kind in "SU" else raw.astype(dtype)
    index, mask = np.array([5, 0, 0, 3]), raw > 4
    for _ in range(4):
        A, M, J = mapped(rng, a), mapped(rng, mask), mapped(rng, index)
        b = a.copy()
        agree(A[M], a[mask], A.map)
        agree(A[J], a[index], A.map)
        agree(A[:, J % 4], a[:, index % 4], A.map)
        assert A[3, 2] == a[3, 2] and type(A[3, 2]) is type(a[3, 2])
        A[J], b[index] = A[::-1][:4], b[::-1][:4].copy()
        A[M], b[mask] = A[M][::-1], b[mask][::-1]
        agree(A, b, A.map)


def test_arrays_without_axes_or_elements():
    for a in (np.array(5), np.zeros((0, 3)), np.zeros((2, 0)), np.ones(1)):
        A = pm.asarray(a, map="auto")
        for key in (np.s_[()], np.s_[...], np.s_[None], np.s_[True], np.s_[False], np.s_[[]]):
            expected = outcome(getitem, a, key)
            agree(outcome(getitem, A, key), expected, f"{a.shape}[{key}]")
        agree(A[A == 0], a[a == 0], a.shape)
        A[A == 0] = 7
        a[a == 0] = 7
        A[...], a[...] = 3, 3
        agree(A, a, a.shape)
    assert type(pm.asarray(np.array(5), map="auto")[()]) is np.int64
    A = pm.arange(6, map=pm.Map([-1]))
    i = (A * 1).min()  # a number of shape ()
    assert A[i] == 0 and A[pm.asarray(np.array(4), map="auto")] == 4
    agree(A[pm.asarray(np.array(False), map="auto")], np.arange(6)[False], "0-d mask")

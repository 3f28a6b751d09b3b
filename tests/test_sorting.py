"""The pure parts of sorting and statistics: runs of boxes, parting, places of quantiles, leaves."""

import threading
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmap.ordering.binsums import counted, leaf_length
from pmap.ordering.cuts import cut_runs, elements_at
from pmap.ordering.orderstats import METHODS, quantiles
from pmap.ordering.samplesort import part_by
from pmap.ordering.sorting import sort
from pmap.ordering.uniqueruns import first_of_each
from pmap.shapes.flattening import boxes_of_run, even_edges
from pmap.shapes.wholeaxis import pencils


class FakeWorld:
    """One of several ranks that are threads: enough of a world for what gathers small arrays."""

    def __init__(self, rank, size, shared):
        self.rank, self.size, self._shared = rank, size, shared

    def allgather_array(self, a):
        slots, barrier = self._shared
        slots[self.rank] = a.copy()
        barrier.wait()
        found = [s.copy() for s in slots]
        barrier.wait()
        return found


def on_ranks(work, size):
    """What ``work(world)`` gives on each of so many ranks."""
    shared, results = ([None] * size, threading.Barrier(size, timeout=20)), [None] * size

    def run(rank):
        results[rank] = work(FakeWorld(rank, size, shared))

    threads = [threading.Thread(target=run, args=(r,)) for r in range(size)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=4), st.integers(0, 600), st.integers(0, 600)
)
def test_boxes_of_a_run_are_its_elements_in_order(shape, a, b):
    a, b = sorted((a % (prod(shape) + 1), b % (prod(shape) + 1)))
    x = np.arange(prod(shape)).reshape(shape)
    boxes = boxes_of_run(tuple(shape), a, b)
    assert [i for box in boxes for i in x[box].reshape(-1).tolist()] == list(range(a, b))
    assert len(boxes) <= 2 * len(shape) - 1


@given(st.integers(0, 1000), st.integers(1, 9), st.integers(1, 50))
def test_even_edges(n, pieces, unit):
    edges = even_edges(n, pieces, unit)
    assert edges[0] == 0
    assert edges[-1] == n
    assert len(edges) == pieces + 1
    assert list(edges) == sorted(edges)
    assert all(e % unit == 0 or e == n for e in edges)
    assert max(np.diff(edges)) <= unit * -(-n // (unit * pieces)) if n else True


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 5),
    st.sampled_from([0, 3, 400, 5000]),
    st.sampled_from([1, 7, 10**6]),
    st.integers(0, 99),
)
def test_cuts_are_exact_and_stable(size, n, different, seed):
    rng = np.random.default_rng(seed)
    runs = [np.sort(rng.integers(0, different, rng.integers(0, n + 1))) for _ in range(size)]
    whole = np.concatenate(runs)
    owner = np.repeat(np.arange(size), [len(r) for r in runs])
    owner = owner[np.argsort(whole, kind="stable")]
    places = np.sort(rng.integers(0, len(whole) + 1, 3))
    found = on_ranks(lambda w: cut_runs(runs[w.rank], places, w), size)
    for j, place in enumerate(places):
        want = np.bincount(owner[:place], minlength=size)
        assert all((f[:, j] == want).all() for f in found)
    inside = places[places < len(whole)]
    elements = on_ranks(lambda w: elements_at(runs[w.rank], inside, w), size)
    assert all((e == np.sort(whole)[inside]).all() for e in elements)


@given(st.integers(0, 99), st.sampled_from([0, 10, 70_000]), st.sampled_from([3, 10**6]))
@settings(max_examples=20, deadline=None)
def test_values_are_parted_at_exact_places(seed, n, different):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, different, n).astype("f4")
    run = np.sort(x)
    places = np.sort(rng.integers(0, n + 1, 2))
    pivots = [run[p] if p < n else np.inf for p in places]
    ties = np.array(
        [p - np.searchsorted(run, v, "left") for p, v in zip(places, pivots, strict=True)]
    )
    parts = [np.empty(k, x.dtype) for k in np.diff([0, *places, n])]
    part_by(x, pivots, ties, parts)
    assert np.concatenate([np.sort(p) for p in parts]).tolist() == run.tolist()


@pytest.mark.parametrize("method", METHODS)
@given(n=st.integers(1, 40), q=st.floats(0, 1), seed=st.integers(0, 99))
def test_quantiles_are_numpys_to_the_bit(method, n, q, seed):
    x = np.random.default_rng(seed).standard_normal(n)
    for values in (x, x.astype("f4")):
        run = np.sort(values)
        got = quantiles(run.__getitem__, n, np.asanyarray(q), method, weak=True)
        want = np.quantile(values, q, method=method)
        assert got.dtype == want.dtype
        assert got.tobytes() == want.tobytes()


def test_first_of_each():
    nan = np.nan
    assert first_of_each(np.array([1, 1, 2, nan, nan]), True).tolist() == [1, 0, 1, 1, 0]
    assert first_of_each(np.array([1, 1, 2, nan, nan]), False).tolist() == [1, 0, 1, 1, 1]
    assert first_of_each(np.empty(0), True).tolist() == []


@given(st.lists(st.integers(1, 40), min_size=2, max_size=4), st.integers(1, 12))
def test_pencils_leave_the_axis_whole_and_give_every_rank_something(shape, size):
    for axis in range(len(shape)):
        held = pencils(tuple(shape), (axis,), size)
        if held is None:
            assert prod(shape) // shape[axis] < size
            continue
        assert held.pieces_along(axis) == 1
        assert sum(prod(held.local_shape(tuple(shape), r)) for r in range(size)) == prod(shape)


def test_counted_and_leaves():
    for number in (10, 10**7):
        bins, counts = counted(np.array([3, 9, 3]), number)
        assert bins.tolist() == [3, 9]
        assert counts.tolist() == [2, 1]
    assert leaf_length(10) == leaf_length(0) == 1 << 16
    assert leaf_length((1 << 20) + 1) == 1 << 21


def test_plain_arrays_are_sorted_by_numpy():
    x = np.array([[3, 1], [0, 2]])
    assert sort(x, axis=0, descending=True).tolist() == [[3, 2], [0, 1]]
    assert sort(x, axis=None).tolist() == [0, 1, 2, 3]

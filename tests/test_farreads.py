"""Reading another process's memory, tried on this one: any strides, any chunk, any cast."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pmap import PmapError
from pmap.ranks import farreads
from pmap.ranks.farreads import Far, fetch, is_easily_read
from pmap.ranks.nodes import read_runs

ME = os.getpid()


def may_read() -> bool:
    a, b = np.arange(2.0), np.zeros(2)
    here, there = (np.array([[x.ctypes.data, 16]]) for x in (b, a))
    return read_runs(ME, here.ctypes.data, 1, there.ctypes.data, 1) == 16


pytestmark = pytest.mark.skipif(not may_read(), reason="process_vm_readv is not allowed here")


def far(view: np.ndarray) -> Far:
    return Far(view.__array_interface__["data"][0], view.shape, view.strides)


@st.composite
def views(draw, shape):
    """A view of the shape in a larger array: permuted axes, steps, gaps, backwards."""
    order = draw(st.permutations(range(len(shape))))
    steps = [draw(st.sampled_from([1, 1, 1, 2, 3, -1, -2])) for _ in shape]
    before = [draw(st.integers(0, 2)) for _ in shape]
    whole = [b + n * abs(s) for b, n, s in zip(before, shape, steps, strict=True)]
    base = np.zeros([whole[a] for a in order])
    view = base.transpose(np.argsort(order))
    at = []
    for b, n, s in zip(before, shape, steps, strict=True):
        places = list(range(b, b + n * abs(s), abs(s)))[:: 1 if s > 0 else -1]
        stop = places[-1] + s if places else b
        at.append(slice(places[0] if places else b, stop if stop >= 0 else None, s))
    return view[(*at, Ellipsis)]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_view_is_read_into_any_view(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 9), max_size=4)))
    source, target = data.draw(views(shape)), data.draw(views(shape))
    source[...] = np.arange(source.size).reshape(shape) + 1
    dtype = data.draw(st.sampled_from(["f8", "f8", "f4", "c16"]))
    target = target if dtype == "f8" else np.zeros(shape, dtype)
    chunk, direct = data.draw(st.sampled_from([(8, 1), (64, 16), (100, 1000), (1 << 18, 1 << 10)]))
    kept = farreads.CHUNK_BYTES, farreads.DIRECT_BYTES, farreads.MOST_RUNS
    farreads.CHUNK_BYTES, farreads.DIRECT_BYTES, farreads.MOST_RUNS = chunk, direct, 3
    farreads._kept.clear()
    try:
        fetch(ME, far(source), target, source.dtype)
    finally:
        farreads.CHUNK_BYTES, farreads.DIRECT_BYTES, farreads.MOST_RUNS = kept
        farreads._kept.clear()
    np.testing.assert_array_equal(target, source.astype(dtype))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (np.s_[:], np.s_[:]),
        (np.s_[::2], np.s_[1::2]),
        (np.s_[::2, :500], np.s_[::2, 500:]),
        (np.s_[:, ::2], np.s_[:, 1::2]),
        (np.s_[::-1, ::-3], np.s_[:, ::3]),
        (np.s_[:, :1], np.s_[:, 5:6]),
    ],
)
@pytest.mark.parametrize("dtype", ["u2", "f8", "c16", "S5", "M8[s]", "f4,i2"])
def test_large_views_of_any_type(source, target, dtype):
    rng = np.random.default_rng(1)
    n = 1000
    a = rng.integers(0, 250, (n, n * np.dtype(dtype).itemsize), np.uint8).view(dtype)
    b = np.zeros((n, n), dtype)
    expected = b.copy()
    fetch(ME, far(a[source]), b[target], a.dtype)
    expected[target] = a[source]
    assert b.tobytes() == expected.tobytes()


def test_values_may_be_combined_with_what_is_there():
    a, b = np.arange(10000.0), np.ones(20000)[::2]

    def add(target, values):
        np.add(target, values, out=target)

    fetch(ME, far(a), b, a.dtype, add)
    np.testing.assert_array_equal(b, np.arange(10000.0) + 1)


def test_memory_that_is_not_there_is_an_error():
    with pytest.raises(PmapError, match="could be read"):
        fetch(ME, Far(8, (10,), (8,)), np.zeros(10), np.dtype(float))
    with pytest.raises(PmapError, match="could be read"):
        fetch(2**22 + 5, Far(8, (10,), (16,)), np.zeros(10), np.dtype(float))


def test_runs_past_one_call_arrive_whole(monkeypatch):
    monkeypatch.setattr(farreads, "MOST_BYTES", 10_000)
    a, b = np.arange(12_345.0), np.zeros(12_345)
    fetch(ME, far(a), b, a.dtype)
    np.testing.assert_array_equal(a, b)
    a, b = np.arange(90_000.0).reshape(30, 3000), np.zeros((30, 1500))
    fetch(ME, far(a[:, :1500]), b, a.dtype)
    np.testing.assert_array_equal(a[:, :1500], b)


def test_what_has_long_gaps_or_repeats_is_packed_by_its_owner():
    a = np.zeros((1000, 1000))
    for view, easy in [
        (a, True),
        (a[::2], True),
        (a[:, ::2], False),
        (a.T[::-1], True),
        (a[:, :900], True),
        (a.reshape(-1, 100)[:, :80], True),
        (a[:, :3], False),
        (a[:, ::50], False),
        (np.broadcast_to(a[:1], (9, 1000)), False),
    ]:
        assert is_easily_read(view.shape, view.strides, 8) is easy

"""Every way on which elements travel gives the same arrays, and is told by the same counts."""

import numpy as np
import pytest
from fuzzing import random_map, random_shape

import pmap as pm
from pmap.layout.plans import box_plan, redistribution
from pmap.ranks import exchange, farreads, ragged, transport
from pmap.ranks.comm import world

WAYS = ["as it comes", "in place", "by small chunks", "packed", "messages", "may not read"]


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """Force one way on all ranks alike."""
    me = world()
    pm.barrier()  # the node is known now
    if request.param in ("in place", "by small chunks", "packed"):
        monkeypatch.setattr(transport, "SHORT_BYTES", 0)
        direct = 1 << 40 if request.param == "packed" else 1
        monkeypatch.setattr(farreads, "DIRECT_BYTES", direct)
    if request.param == "by small chunks":
        monkeypatch.setattr(farreads, "_has_runs", lambda *given: False)
        monkeypatch.setattr(farreads, "CHUNK_BYTES", 1000)
        monkeypatch.setattr(farreads, "_kept", [])
    if request.param == "messages":
        monkeypatch.setattr(me, "node", None)
    if request.param == "may not read" and me.node is not None:
        monkeypatch.setattr(transport, "SHORT_BYTES", 64)
        monkeypatch.setattr(me.node, "pids", [])
    return request.param


def numbers(rng, shape, dtype):
    if np.dtype(dtype).kind in "SM":
        return rng.integers(0, 10**6, shape).astype(dtype)
    return rng.integers(0, 100, shape).astype(dtype)


@pytest.mark.parametrize("seed", range(4))
def test_any_maps_shapes_and_types(way, seed):
    rng = np.random.default_rng([seed, world().size])
    shape = random_shape(rng) if seed % 2 else (37, 53)
    for dtype in ("f8", "u1", "c16", "S7", "M8[s]"):
        whole = numbers(rng, shape, dtype)
        here, there = (random_map(rng, shape).without_overlap() for _ in "ab")
        A, B = pm.asarray(whole, map=here), pm.zeros(shape, dtype, map=there)
        before = world().sent_bytes, world().sent_messages
        B[:] = A
        plan = redistribution(here, there, shape, world().rank)
        n_bytes = plan.bytes_sent(whole.itemsize)
        assert world().sent_bytes - before[0] == n_bytes
        assert world().sent_messages - before[1] == plan.messages
        np.testing.assert_array_equal(np.asarray(B), whole)


@pytest.mark.parametrize("seed", range(2))
def test_parts_with_steps_and_backwards(way, seed):
    rng = np.random.default_rng([seed, 5])
    shape = (41, 30)
    whole = numbers(rng, shape, "f4")
    A = pm.asarray(whole, map=random_map(rng, shape))
    found = np.zeros((20, 10))
    B = pm.zeros(found.shape, map=random_map(rng, found.shape))
    for key in (np.s_[::2, ::3], np.s_[40:0:-2, 29::-3], np.s_[1:21, 5:15]):
        B[...] = A[key][:20]  # float32 to float64
        found[...] = whole[key][:20]
        np.testing.assert_array_equal(np.asarray(B), found)
        B[::-1, 3:7] = A[key][:20, ::-1][:, :4]
        found[::-1, 3:7] = whole[key][:20, ::-1][:, :4]
        np.testing.assert_array_equal(np.asarray(B), found)
    row = np.broadcast_to(A[3:4, :10], (20, 10))
    B[...] = row
    np.testing.assert_array_equal(np.asarray(B), np.broadcast_to(whole[3:4, :10], (20, 10)))


@pytest.mark.parametrize("op", ["copy", "sum", "max"])
def test_halos(way, op):
    size = world().size
    A = pm.zeros((40, 12), map=pm.Map([size, 1], overlap=[3, 0]))
    A.local_with_halo()[...] = np.random.default_rng(world().rank).random()
    expected = {}
    for name in ("this way", "messages"):
        B = pm.zeros(A.shape, map=A.map)
        B.local_with_halo()[...] = A.local_with_halo()
        node = world().node
        if name == "messages":
            world().node = None
        pm.synch(B, op)
        world().node = node
        expected[name] = B.local_with_halo().copy()
    assert expected["this way"].tobytes() == expected["messages"].tobytes()


def test_pieces_of_any_length_and_gathered_arrays(way):
    me = world()
    for n in (0, 1, 700, 5000):
        parts = [np.full((n * (r + 1) // (me.rank + 1), 2), me.rank, "u2") for r in range(me.size)]
        for r, came in enumerate(ragged.swap(parts, me, "test")):
            assert came.shape == (n * (me.rank + 1) // (r + 1), 2) and (came == r).all()
        for r, came in enumerate(me.allgather_array(np.full((n, me.rank), me.rank, "f4"))):
            assert came.shape == (n, r) and (came == r).all()


def test_large_messages(way):
    shape = (700, 400)
    whole = np.random.default_rng(0).random(shape)
    maps = [pm.Map([-1, 1]), pm.Map([1, -1]), pm.Map([-1, 1], "c"), pm.Map([1, -1], ("bc", 16))]
    for here in maps:
        A = pm.asarray(whole, map=here)
        for there in maps:
            np.testing.assert_array_equal(np.asarray(pm.remap(A, there)), whole)
    flat = pm.asarray(whole.ravel(), map=pm.Map([-1]))
    for there in (pm.Map([-1], "c"), pm.Map([-1], ("bc", 8)), pm.Map([-1], ("bc", 64))):
        other = pm.remap(flat, there)
        np.testing.assert_array_equal(np.asarray(other), whole.ravel())
        flat[:] = 0
        flat[:] = other
        np.testing.assert_array_equal(np.asarray(flat), whole.ravel())


def test_an_exchange_may_be_finished_later(way):
    """What stays is in place at once; one that was left open is finished by the next."""
    me = world()
    shape = (4 * me.size, 300)
    whole = np.arange(np.prod(shape), dtype=float).reshape(shape)
    A = pm.asarray(whole, map=pm.Map([-1, 1]))
    held = A.map.without_overlap()
    rows = [((max(4 * r - 2, 0), min(4 * r + 6, shape[0])), (0, 300)) for r in range(me.size)]
    plan = box_plan(held, shape, tuple((box,) for box in rows), me.rank, False)
    (lo, hi), _ = rows[me.rank]
    targets = [np.zeros((hi - lo, 300)) for _ in range(3)]
    started = [exchange.start(plan, [A.block], [t], me, "test", A.dtype) for t in targets]
    inner = slice(4 * me.rank - lo, 4 * me.rank - lo + 4)
    np.testing.assert_array_equal(targets[2][inner], A.local)
    np.testing.assert_array_equal(targets[0], whole[lo:hi])  # finished by the second
    for handle in reversed(started):
        handle.finish()
        handle.finish()
    for target in targets:
        np.testing.assert_array_equal(target, whole[lo:hi])
    target = np.zeros((hi - lo, 300))
    handle = exchange.start(plan, [A.block], [target], me, "test", A.dtype)
    came = me.allgather_array(np.full(9000, me.rank, "f4"))
    assert [int(c[-1]) for c in came] == list(range(me.size))
    np.testing.assert_array_equal(target, whole[lo:hi])
    handle.finish()


def test_short_data_of_all_ranks_in_a_row():
    """A rank that is ahead never overwrites what another has not read."""
    me = world()
    rng = np.random.default_rng(7)
    for k in range(300):
        root = int(rng.integers(me.size))
        kind = rng.integers(4)
        if kind == 0:
            assert me.bcast((k, me.rank), root) == (k, root)
        elif kind == 1:
            assert me.gather_small(bytes([k % 256, me.rank])) == [
                bytes([k % 256, r]) for r in range(me.size)
            ]
        elif kind == 2:
            assert me.allgather("x" * (k * 30 * (me.rank + 1))) == [
                "x" * (k * 30 * (r + 1)) for r in range(me.size)
            ]
        else:
            for _ in range(5):
                assert me.bcast(k, root) == k


def test_an_error_while_placing_leaves_nothing_behind(way):
    """It is raised on the ranks that it concerns, and the next exchange is right."""
    size = world().size
    A = pm.zeros((4 * size, 300), map=pm.Map([size, 1], overlap=[1, 0]))
    for _ in range(3):
        A.local_with_halo()[...] = 1.5e308
        failed = False
        with np.errstate(over="raise"):
            try:
                pm.synch(A, "sum")
            except FloatingPointError:
                failed = True
        assert failed == (size > 1)
        C = pm.asarray(np.arange(20000.0).reshape(200, 100), map=pm.Map([-1, 1]))
        np.testing.assert_array_equal(
            np.asarray(pm.remap(C, pm.Map([1, -1]))), np.arange(20000.0).reshape(200, 100)
        )

"""Redistribution between every pair of maps: exact, dtype kept, bytes as the plan says (C3-C5)."""

import numpy as np
import pytest
from map_zoo import bytes_by_definition, every_map, held

import pmap as pm
from pmap.layout.plans import redistribution
from pmap.ranks.comm import world


@pytest.mark.parametrize("shape", [(13, 11), (7, 5, 3)])
def test_all_ordered_pairs(shape):
    me = world()
    whole = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    maps = every_map(shape)
    for here, source in maps.items():
        A = pm.asarray(whole, map=source)
        assert A.dtype == np.uint16
        for there, target in maps.items():
            B = pm.zeros(shape, np.uint16, map=target)
            before = me.sent_bytes, me.sent_messages
            B[:] = A
            plan = redistribution(source, target, shape, me.rank)
            sent = me.sent_bytes - before[0]
            assert sent == plan.bytes_sent(2), (here, there)
            assert me.sent_messages - before[1] == plan.messages <= me.size - 1
            mine = target.owned(shape, me.rank)
            expected = whole[np.ix_(*[o.indices() for o in mine])] if mine else whole[:0, :0]
            assert B.dtype == np.uint16
            assert np.array_equal(B.local.ravel(), expected.ravel()), (here, there)
            if me.size > 1 and there in ("b rows", "c columns", "bc3 grid", "explicit replicated"):
                total = sum(me.allgather(sent))
                assert total == bytes_by_definition(source, target, shape, 2), (here, there)


def test_every_element_has_one_owner_or_is_replicated_by_declaration():
    shape = (13, 11)
    for name, array_map in every_map(shape).items():
        counts = sum(held(array_map, shape, r).astype(int) for r in range(world().size))
        assert (counts == array_map.copies).all(), name
        for index in [(0, 0), (12, 10), (5, 7)]:
            holders = [r for r in range(world().size) if held(array_map, shape, r)[index]]
            assert sorted(array_map.holders(shape, index)) == holders, name


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 7])
def test_sizes_around_the_rank_count(n):
    whole = np.arange(n * 3, dtype=np.float32).reshape(n, 3)
    maps = every_map((n, 3))
    for source in list(maps.values())[::5]:
        for target in list(maps.values())[::4]:
            B = pm.zeros((n, 3), np.float32, map=target)
            B[:] = pm.asarray(whole, map=source)
            assert np.array_equal(np.asarray(B), whole)


def test_regions_between_maps():
    whole = np.arange(13 * 11).reshape(13, 11)
    maps = every_map(whole.shape)
    names = list(maps)
    for k, name in enumerate(names):
        source, target = maps[name], maps[names[(7 * k + 3) % len(names)]]
        A, B = pm.asarray(whole, map=source), pm.zeros((13, 11), int, map=target)
        expected = np.zeros((13, 11), int)
        B[1:9, 2:6] = A[4:12, 7:11]
        expected[1:9, 2:6] = whole[4:12, 7:11]
        B[10:, ::2] = A[2::-1, 5:11]
        expected[10:, ::2] = whole[2::-1, 5:11]
        B[9, :] = A[:11, 3]
        expected[9, :] = whole[:11, 3]
        assert np.array_equal(np.asarray(B), expected), (name, target)


def test_overlapping_source_and_destination():
    for array_map in list(every_map((13, 11)).values())[::3]:
        whole = np.arange(13 * 11).reshape(13, 11)
        A = pm.asarray(whole, map=array_map)
        A[1:] = A[:-1]
        A[:, ::-1] = A
        expected = whole.copy()
        expected[1:] = whole[:-1]
        expected = expected[:, ::-1]
        assert np.array_equal(np.asarray(A), expected), array_map


def test_assignment_casts_as_numpy_does():
    A = pm.asarray(np.linspace(0, 9, 10), map=pm.Map([-1]))
    B = pm.zeros(10, np.uint8, map=pm.Map([-1], "c"))
    B[:] = A
    assert B.dtype == np.uint8
    assert np.array_equal(np.asarray(B), np.linspace(0, 9, 10).astype(np.uint8))


def test_periodic_maps_move_runs_not_elements():
    """A plan of a large periodic exchange stays a handful of strided pieces."""
    source = pm.Map([4], ("bc", 64), range(4))
    target = pm.Map([4], ("bc", 48), range(4))
    plan = redistribution(source, target, (10**9,), 0)
    segments = sum(len(p.source_segments[0]) for _, pieces in plan.sends for p in pieces)
    assert segments < 40

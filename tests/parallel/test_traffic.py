"""Bytes on the wire: what the definition says, and no hidden gathers (C5, C6)."""

import numpy as np
import pytest
from fuzzing import random_map
from map_zoo import bytes_by_definition

import pmap as pm
from pmap import functions  # noqa: F401  fills FUNCTIONS
from pmap.ranks.comm import world
from pmap.ranks.moving import everywhere
from pmap.registry import FUNCTIONS

SHAPE = (64, 256)


def traffic(call):
    """Bytes and messages that each rank sent during a call, and its result."""
    me = world()
    before = me.sent_bytes, me.sent_messages
    result = call()
    sent = me.sent_bytes - before[0], me.sent_messages - before[1]
    return me.allgather(sent), result


def two_arrays(seed):
    rng = np.random.default_rng(seed)
    return [pm.asarray(np.ones((13, 11), "u2"), map=random_map(rng, (13, 11))) for _ in "ab"]


@pytest.mark.parametrize("seed", range(12))
def test_assignment_and_operators_move_what_the_definition_says(seed):
    A, B = two_arrays(seed)
    here, there = A.map.without_overlap(), B.map.without_overlap()
    for call in (lambda: A.__setitem__(np.s_[:], B), lambda: A + B, lambda: np.where(A > 0, A, B)):
        sent, _ = traffic(call)
        assert sum(s for s, _ in sent) == bytes_by_definition(there, here, (13, 11), 2)
        assert max(m for _, m in sent) <= world().size - 1
    for call in (lambda: A + A, lambda: A * 2, lambda: A[2:, ::3], lambda: A.T, lambda: A.copy()):
        assert traffic(call)[0] == [(0, 0)] * world().size
    sent, _ = traffic(lambda: pm.zeros((9, 9), map="auto") + np.ones(9))
    assert sent == [(0, 0)] * world().size


@pytest.mark.parametrize("seed", range(6))
def test_gathers_bring_each_rank_what_it_lacks(seed):
    A, _ = two_arrays(seed)
    here = A.map.without_overlap()
    one = pm.Map([1, 1], procs=[0])
    sent, _ = traffic(lambda: pm.agg(A))
    assert sum(s for s, _ in sent) == bytes_by_definition(here, one, (13, 11), 2)
    for call in (lambda: pm.agg_all(A), lambda: np.asarray(A)):
        sent, _ = traffic(call)
        assert sum(s for s, _ in sent) == bytes_by_definition(
            here, everywhere(2, world()), (13, 11), 2
        )


@pytest.mark.parametrize("grid", ["rows", "columns"])
def test_halos_cost_their_own_size(grid):
    size = world().size
    A = pm.zeros((12, 12), "u2", map=pm.Map([size, 1] if grid == "rows" else [1, size], overlap=1))
    halo = sum(world().allgather(A.local_with_halo().size - A.local.size))
    sent, _ = traffic(lambda: pm.synch(A))
    assert sum(s for s, _ in sent) == 2 * halo
    sent, _ = traffic(lambda: pm.synch(A, "max"))
    assert sum(s for s, _ in sent) == 4 * halo


CALLS = {
    np.where: lambda A: np.where(A > 1, A, 0),
    np.clip: lambda A: np.clip(A, 0, 1),
    np.broadcast_to: lambda A: np.broadcast_to(A, (2, *A.shape)),
    np.expand_dims: lambda A: np.expand_dims(A, 0),
    np.full_like: lambda A: np.full_like(A, 2),
    np.isclose: lambda A: np.isclose(A, A),
    np.allclose: lambda A: np.allclose(A, A),
    np.array_equal: lambda A: np.array_equal(A, A),
}
WITH_AXIS = {"sum", "prod", "mean", "min", "max", "any", "all", "argmin", "argmax"}
WITH_AXIS |= {"var", "std", "ptp", "count_nonzero"}


ELEMENTWISE_AND_REDUCTIONS = [f for f, m in FUNCTIONS.items() if m.__module__ == "pmap.functions"]


@pytest.mark.parametrize("function", sorted(ELEMENTWISE_AND_REDUCTIONS, key=lambda f: f.__name__))
def test_no_function_gathers(function):
    """On blocks of rows or columns a rank sends a few rows, never its block."""
    A = pm.asarray(np.random.default_rng(0).normal(size=SHAPE), map=pm.Map([-1, 1]))
    call = CALLS.get(function, function)
    few_rows = 10 * world().size * SHAPE[1] * A.itemsize
    assert few_rows < A.nbytes
    for array in (A, A.T):
        calls = [lambda x: call(x)]
        if function.__name__ in WITH_AXIS:
            calls += [lambda x: function(x, axis=0), lambda x: function(x, axis=1)]
        for with_axis in calls:
            sent, _ = traffic(lambda: with_axis(array))  # noqa: B023
            assert max(s for s, _ in sent) <= few_rows


@pytest.mark.parametrize("name", ["sum", "max", "argmin"])
def test_large_projections_are_shared_out(name):
    """A rank receives its share of everybody's parts, then the others' results: no stack of all."""
    a = np.random.default_rng(1).integers(0, 99, (8, 600, 500)).astype("i4")
    A = pm.asarray(a, map=pm.Map([-1, 1, 1]))
    sent, found = traffic(lambda: getattr(A, name)(0))
    assert np.array_equal(np.asarray(found), getattr(a, name)(0))
    assert found.map.axes == A.map.axes[1:]
    assert max(m for _, m in sent) <= 4 * (world().size - 1)
    itemsize = {"sum": 16, "max": 8, "argmin": 4 + 8 + 8}[name]
    assert max(s for s, _ in sent) <= itemsize * 600 * 500
    F = pm.asarray(a.astype(float), map=pm.Map([-1, 1, 1]))
    assert np.array_equal(np.asarray(F.sum(0)), a.sum(0))
    assert np.array_equal(np.asarray(F.T.mean(2)), a.T.mean(2))

"""Plans played in one process: every rank's part fits every other's, also for many ranks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmap.layout.maps import Map
from pmap.layout.plancache import PlanCache
from pmap.layout.plans import box_plan, edges_of, redistribution
from pmap.settings import options

WORDS = ["b", "c", "ceil", ("bc", 2), ("bc", 3)]


def positions(segments):
    """The elements that segments name, in the order in which a message holds them."""
    return [
        s.start + m * s.stride + j
        for s in segments
        for m in range(s.count)
        for j in range(s.length)
    ]


def play(source, target, whole, n_ranks):
    """Carry out all ranks' plans with plain loops; return every rank's block."""
    shape = whole.shape
    blocks = [
        whole[np.ix_(*[o.indices() for o in source.owned(shape, r)])]
        if source.owned(shape, r)
        else None
        for r in range(n_ranks)
    ]
    made = [np.full(target.local_shape(shape, r), -1) for r in range(n_ranks)]
    plans = [redistribution(source, target, shape, r) for r in range(n_ranks)]
    for r, plan in enumerate(plans):
        for piece in plan.kept:
            place(piece, blocks[r], made[r])
        for sender, pieces in plan.receives:
            theirs = dict(plans[sender].sends)[r]
            assert pieces == theirs
            for piece in pieces:
                place(piece, blocks[sender], made[r])
        assert {r2 for r2, _ in plan.sends} == {
            r2 for r2, p in enumerate(plans) if r in dict(p.receives)
        }
    return made


def place(piece, source, target):
    here = np.ix_(*[positions(s) for s in piece.source_segments])
    there = np.ix_(*[positions(s) for s in piece.target_segments])
    target[there] = source[here]


maps = st.builds(
    lambda grid, words, seed: Map(
        grid, words, np.random.default_rng(seed).permutation(9)[: grid[0] * grid[1]]
    ),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS)).map(list),
    st.integers(0, 99),
)


@given(maps, maps, st.tuples(st.integers(0, 13), st.integers(0, 11)))
def test_any_map_to_any_map(source, target, shape):
    whole = np.arange(shape[0] * shape[1]).reshape(shape)
    for r, block in enumerate(play(source, target, whole, 9)):
        owned = target.owned(shape, r)
        if owned is not None:
            assert np.array_equal(block, whole[np.ix_(*[o.indices() for o in owned])])


def test_what_stays_is_not_sent():
    rows = Map([4, 1], procs=range(4))
    assert all(redistribution(rows, rows, (9, 5), r).sends == () for r in range(4))
    columns = Map([1, 4], procs=range(4))
    sent = [redistribution(rows, columns, (16, 16), r).bytes_sent(8) for r in range(4)]
    assert sent == [4 * 12 * 8] * 4


def test_replicas_share_the_sending():
    """With two holders of every row, each serves half of the ranks that need it."""
    full = Map([2, 2], procs=range(4))
    source = full.with_axes((full.axes[0], full.axes[1].__class__()))
    target = Map([1, 1], procs=[6])
    senders = [r for r in range(7) if redistribution(source, target, (8, 3), r).sends]
    assert len(senders) == 2
    everyone = Map([6, 1], procs=range(6)).with_axes((full.axes[1].__class__(),) * 2)
    received = [redistribution(source, everyone, (8, 3), r).receives for r in range(6)]
    assert all(sum(p.size for _, ps in got for p in ps) <= 24 for got in received)


@pytest.mark.parametrize("storing", [False, True])
def test_boxes(storing):
    held = Map([2, 2], ["c", ("bc", 2)], [3, 1, 0, 2])
    boxes = ((), ((slice(1, 6), slice(2, 7)),), ((slice(0, 7), slice(0, 1)),), ())
    table = tuple(tuple(edges_of(b) for b in own) for own in boxes)
    for rank in range(4):
        plan = box_plan(held, (7, 8), table, rank, storing)
        ends = [r for r, _ in (plan.receives if storing else plan.sends)]
        assert set(ends) <= {1, 2}
        elements = sum(p.size for _, ps in plan.sends + plan.receives for p in ps)
        elements += sum(p.size for p in plan.kept)
        assert elements > 0


def test_ten_thousand_ranks():
    """One rank's part names its partners only."""
    rows = Map([10_000, 1], procs=range(10_000))
    grid = Map([100, 100], procs=range(10_000))
    plan = redistribution(rows, grid, (100_000, 100_000), 1234)
    assert plan.messages == 99  # rank 1234 is one of the hundred that share its rows
    assert plan.bytes_sent(1) == 10 * (100_000 - 1_000)


def test_ten_thousand_ranks_block_cyclic():
    """Partners are those whose blocks meet, found without a walk over all ranks."""
    shape = (100_000, 100_000)
    source, target = (Map([100, 100], [("bc", k)] * 2).bind(10_000) for k in (64, 48))
    plan = redistribution(source, target, shape, 4_321)
    assert 20 < plan.messages < 100
    kept = sum(p.size for p in plan.kept)
    owned = np.prod(source.local_shape(shape, 4_321))
    assert plan.bytes_sent(1) + kept == owned
    received = sum(p.size for _, pieces in plan.receives for p in pieces)
    assert received + kept == np.prod(target.local_shape(shape, 4_321))


def test_plans_are_kept_up_to_a_number_of_bytes():
    cache = PlanCache()
    for k in range(10):
        cache.put(k, f"plan {k}", int(options.plan_cache_mb * 2**20) // 4)
    assert len(cache) == 4 and cache.get(5) is None and cache.get(6) == "plan 6"
    cache.put("next", "plan", int(options.plan_cache_mb * 2**20) // 4)
    assert cache.get(6) == "plan 6" and cache.get(7) is None
    cache.put("huge", "plan", 1 << 40)
    assert len(cache) == 0 and cache.n_bytes == 0

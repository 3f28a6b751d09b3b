"""The same random numbers at any rank count and map: the oracle is the plain ndarray."""

import numpy as np
import pytest
from map_zoo import every_map

import pmap as pm
from pmap.draws import drawing, philox, shuffles
from pmap.ranks.comm import world

SHAPE = (7, 5)

DRAWS = {
    "random": lambda r, m: r.random(SHAPE, map=m),
    "random float32": lambda r, m: r.random(SHAPE, "f", map=m),
    "uniform": lambda r, m: r.uniform(-1, 3, SHAPE, map=m),
    "uniform by column": lambda r, m: r.uniform(np.arange(5), 9, SHAPE, map=m),
    "integers": lambda r, m: r.integers(0, 100, SHAPE, "u1", map=m),
    "integers by row": lambda r, m: r.integers(np.arange(7)[:, None], 9, SHAPE, map=m),
    "normal": lambda r, m: r.normal(3, 2, SHAPE, map=m),
    "standard_normal float32": lambda r, m: r.standard_normal(SHAPE, "f", map=m),
    "gamma": lambda r, m: r.gamma(0.5, 2, SHAPE, map=m),
    "poisson by element": lambda r, m: r.poisson(np.arange(35).reshape(SHAPE), map=m),
    "choice": lambda r, m: r.choice([2.5, 3.5], SHAPE, p=[0.3, 0.7], map=m),
    "choice of rows": lambda r, m: r.choice(np.eye(4), SHAPE, map=pm.Map(m.grid) if m else m),
    "choice without": lambda r, m: r.choice(50, SHAPE, replace=False, map=m),
    "choice without, weights": lambda r, m: r.choice(
        50, SHAPE, replace=False, p=np.arange(50) / 1225, map=m
    ),
    "multinomial": lambda r, m: r.multinomial(9, [0.1, 0.2, 0.3, 0.1, 0.3], 7, map=m),
    "dirichlet": lambda r, m: r.dirichlet(np.ones(5), 7, map=m),
    "multivariate_normal": lambda r, m: r.multivariate_normal(
        np.arange(5), np.eye(5) + 0.5, 7, map=m
    ),
}


def held_by(found, whole):
    """This rank's part of a whole array, held against what it has."""
    assert isinstance(found, pm.DistArray)
    assert (found.shape, found.dtype) == (whole.shape, whole.dtype)
    owned = found.map.owned(found.shape, world().rank)
    if owned is not None:
        np.testing.assert_array_equal(found.local, whole[np.ix_(*[o.indices() for o in owned])])


@pytest.fixture(params=[1e9, -1], ids=["drawn in place", "moved"])
def way(request, monkeypatch):
    """Both ways to draw a scattered part."""
    monkeypatch.setattr(drawing, "SMALL", 0)
    for filler in (philox.Words, philox.Leaves):
        monkeypatch.setattr(filler, "move", request.param)


@pytest.mark.parametrize("name", DRAWS)
def test_every_map(name, way):
    if name == "choice of rows":
        maps = {"2-D grid": pm.Map([1, -1]).bind(world().size)}
    else:
        maps = every_map(SHAPE)
    whole = DRAWS[name](pm.random.default_rng(1), None)
    for held in maps.values():
        held_by(DRAWS[name](pm.random.default_rng(1), held), whole)


@pytest.mark.parametrize("shape", [(9001,), (3, 4100), (4100, 3), (2, 3, 1500), (0, 4), (1, 1)])
def test_many_leaves(shape, monkeypatch):
    monkeypatch.setattr(drawing, "SMALL", 1000)
    size = world().size
    grids = [[1] * a + [size] + [1] * (len(shape) - 1 - a) for a in range(len(shape))]
    for grid in grids:
        for dist in ("b", "c", ("bc", 700)):
            held = pm.Map(grid, dist)
            for call in (
                lambda r, m: r.normal(size=shape, map=m),
                lambda r, m: r.random(shape, map=m),
                lambda r, m: r.random(shape, "f", map=m),
            ):
                found = call(pm.random.default_rng(2), held)
                held_by(found, call(pm.random.default_rng(2), None))


def test_scattered_parts_are_moved():
    """Large and thinly scattered: each element is drawn once and crosses at most once (C5)."""
    held, n = pm.Map([-1], "c"), 1 << 18
    before = world().sent_bytes
    pm.random.default_rng(1).normal(size=n, map=held)
    sent = world().sent_bytes - before
    assert (sent > 0) == (world().size > 2)
    assert sent <= 8 * (n // world().size + 1)


def test_small_chunks(monkeypatch):
    monkeypatch.setattr(drawing, "CHUNK", 16)
    whole = pm.random.default_rng(3).normal(size=(40, 6))
    for held in every_map(whole.shape).values():
        held_by(pm.random.default_rng(3).normal(size=(40, 6), map=held), whole)


def test_calls_differ_and_count():
    """Each call has its own numbers, whatever map the call before had."""
    one, two = pm.random.default_rng(4), pm.random.default_rng(4)
    a = one.random(8, map=pm.Map([-1], "c"))
    one.normal()
    b = one.random(8, map=pm.Map([-1]))
    np.testing.assert_array_equal(pm.agg_all(a), two.random(8))
    two.normal()
    np.testing.assert_array_equal(pm.agg_all(b), two.random(8))
    assert not np.array_equal(pm.agg_all(a), pm.agg_all(b))


def test_entropy_is_equal_on_all_ranks():
    for rng in (pm.random.default_rng(), pm.random):
        found = world().allgather(rng.random())
        assert len(set(found)) == 1
    pm.random.seed()
    assert len(set(world().allgather(pm.random.normal()))) == 1


def test_parameters_that_are_mapped():
    for held in (pm.Map([-1, 1]), pm.Map([1, -1], "c")):
        loc = np.arange(35.0).reshape(SHAPE)
        A = pm.asarray(loc, map=held)
        z = pm.random.default_rng(5).standard_normal(SHAPE)
        held_by(pm.random.default_rng(5).normal(A, 2.0), z * 2.0 + loc)
        found = pm.random.default_rng(5).normal(A, A + 1, map=pm.Map([1, -1]))
        held_by(found, z * (loc + 1) + loc)
        u = pm.random.default_rng(5).random(SHAPE)
        held_by(pm.random.default_rng(5).uniform(A, A + 2), loc + ((loc + 2) - loc) * u)
        found = pm.random.default_rng(5).uniform(A[0], 9.0, SHAPE)
        held_by(found, loc[0] + (9 - loc[0]) * u)
        assert found.map.pieces_along(1) == A.map.pieces_along(1)
        found = pm.random.default_rng(5).uniform(0, A + 2, map=pm.Map([1, -1]))
        assert found.map == pm.Map([1, -1]).bind(world().size)
        with pytest.raises(ValueError):
            pm.random.default_rng(5).normal(0, A - 9)
        with pytest.raises(pm.UnsupportedError, match="poisson"):
            pm.random.default_rng(5).poisson(A)


@pytest.mark.parametrize("exact", [0, 1000])
def test_permutations(exact, monkeypatch):
    monkeypatch.setattr(shuffles.Permutation.__init__, "__defaults__", (exact,))
    whole = np.arange(77.0).reshape(11, 7)
    oracle = pm.random.default_rng(6)
    rows, columns = oracle.permutation(whole), oracle.permutation(whole, axis=1)
    order, lines = oracle.permutation(40), oracle.permuted(whole, axis=0)
    for held in (pm.Map([-1, 1]), pm.Map([1, -1], "c"), pm.Map([-1, 1], ("bc", 2))):
        rng = pm.random.default_rng(6)
        A = pm.asarray(whole, map=held)
        for found, wanted in [
            (rng.permutation(A), rows),
            (rng.permutation(A, axis=1), columns),
            (rng.permutation(40, map=pm.Map([-1], "c")), order),
            (rng.permuted(A, axis=0), lines),
        ]:
            held_by(found, wanted)
        assert rng.permutation(A).map == A.map
        B = A.copy()
        pm.random.default_rng(6).shuffle(B)
        held_by(B, rows)
        np.testing.assert_array_equal(np.sort(pm.agg_all(rng.permuted(A)).ravel()), whole.ravel())


def test_choice_of_a_mapped_array():
    A = pm.asarray(np.arange(20.0) * 3, map=pm.Map([-1], "c"))
    wanted = pm.random.default_rng(7).choice(np.arange(20.0) * 3, 12)
    found = pm.random.default_rng(7).choice(A, 12, map=pm.Map([-1]))
    np.testing.assert_array_equal(pm.agg_all(found), wanted)
    assert pm.random.default_rng(7).choice(A) in np.arange(20) * 3


def test_refused_on_all_ranks():
    """Also by ranks that own nothing."""
    held = pm.Map([1, 1])
    rng = pm.random.default_rng(8)
    for call in (
        lambda: rng.poisson(-1, SHAPE, map=held),
        lambda: rng.poisson(-np.arange(35.0).reshape(SHAPE), map=held),
        lambda: rng.choice(3, 4, replace=False, map=pm.Map([1])),
        lambda: rng.normal(size=SHAPE, map=pm.Map([1])),
        lambda: rng.normal(size=SHAPE, map="rows"),
    ):
        with pytest.raises(ValueError):
            call()


def test_default_map():
    pm.default_map("auto")
    try:
        found = pm.random.default_rng(9).normal(size=SHAPE)
    finally:
        pm.default_map(None)
    held_by(found, pm.random.default_rng(9).normal(size=SHAPE))


def test_no_axes():
    held = pm.Map.lattice((world().size,), (), tuple(range(world().size)))
    held_by(
        pm.random.default_rng(9).normal(size=(), map=held), np.array(_first(lambda r: r.normal()))
    )
    rows = pm.random.default_rng(9).dirichlet(np.ones(3), (), map=pm.Map([-1]))
    held_by(rows, _first(lambda r: r.dirichlet(np.ones(3))))


def _first(call):
    return call(pm.random.default_rng(9))


def test_overlap():
    held = pm.Map([-1, 1], overlap=[1, 0])
    found = pm.random.default_rng(9).normal(size=SHAPE, map=held)
    assert found.map.overlap == (1, 0)
    held_by(found, pm.random.default_rng(9).normal(size=SHAPE))

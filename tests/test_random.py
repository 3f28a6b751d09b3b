"""Random numbers: their distributions, their keys, permutations. Fixed seeds: no test is chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import pmap as pm
from pmap.draws.drawing import drawn
from pmap.draws.philox import LEAF, Leaves, Stream, Words
from pmap.draws.shuffles import Permutation
from pmap.random import _METHODS

N = 20_000

CONTINUOUS = {
    "random": ((), stats.uniform()),
    "uniform": ((-2.0, 5.0), stats.uniform(-2, 7)),
    "standard_normal": ((), stats.norm()),
    "normal": ((3.0, 2.0), stats.norm(3, 2)),
    "standard_exponential": ((), stats.expon()),
    "exponential": ((2.5,), stats.expon(scale=2.5)),
    "standard_gamma": ((0.7,), stats.gamma(0.7)),
    "gamma": ((3.0, 2.0), stats.gamma(3, scale=2)),
    "beta": ((0.5, 2.0), stats.beta(0.5, 2)),
    "chisquare": ((3.0,), stats.chi2(3)),
    "noncentral_chisquare": ((3.0, 1.5), stats.ncx2(3, 1.5)),
    "f": ((5.0, 9.0), stats.f(5, 9)),
    "noncentral_f": ((5.0, 9.0, 1.0), stats.ncf(5, 9, 1)),
    "standard_t": ((4.0,), stats.t(4)),
    "standard_cauchy": ((), stats.cauchy()),
    "laplace": ((1.0, 2.0), stats.laplace(1, 2)),
    "logistic": ((1.0, 2.0), stats.logistic(1, 2)),
    "gumbel": ((1.0, 2.0), stats.gumbel_r(1, 2)),
    "lognormal": ((0.5, 0.8), stats.lognorm(0.8, scale=np.exp(0.5))),
    "pareto": ((3.0,), stats.lomax(3)),
    "weibull": ((1.7,), stats.weibull_min(1.7)),
    "power": ((2.5,), stats.powerlaw(2.5)),
    "rayleigh": ((2.0,), stats.rayleigh(scale=2)),
    "triangular": ((-1.0, 0.0, 3.0), stats.triang(0.25, -1, 4)),
    "vonmises": ((0.0, 2.0), stats.vonmises(2)),
    "wald": ((2.0, 3.0), stats.invgauss(2 / 3, scale=3)),
}
DISCRETE = {
    "integers": ((3, 11), stats.randint(3, 11)),
    "binomial": ((12, 0.3), stats.binom(12, 0.3)),
    "negative_binomial": ((4, 0.4), stats.nbinom(4, 0.4)),
    "poisson": ((4.0,), stats.poisson(4)),
    "geometric": ((0.3,), stats.geom(0.3)),
    "hypergeometric": ((9, 7, 5), stats.hypergeom(16, 9, 5)),
    "logseries": ((0.6,), stats.logser(0.6)),
    "zipf": ((2.5,), stats.zipf(2.5)),
}
OTHERS = {
    "bytes",
    "choice",
    "dirichlet",
    "multinomial",
    "multivariate_hypergeometric",
    "multivariate_normal",
    "permutation",
    "permuted",
    "shuffle",
}


def test_every_method_is_tested():
    assert _METHODS == {*CONTINUOUS, *DISCRETE, *OTHERS}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous(name):
    args, law = CONTINUOUS[name]
    values = getattr(pm.random.default_rng(20), name)(*args, size=N)
    assert values.shape == (N,)
    assert stats.kstest(values, law.cdf).pvalue > 0.003


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete(name):
    args, law = DISCRETE[name]
    values = getattr(pm.random.default_rng(21), name)(*args, size=N)
    assert values.dtype == np.int64
    seen = np.arange(law.ppf(0.001), law.ppf(0.99) + 1)
    expected = law.pmf(seen) * N
    seen, expected = seen[expected > 5], expected[expected > 5]
    counts = np.array([(values == k).sum() for k in seen])
    rest, counted = N - expected.sum(), N - counts.sum()
    if rest > 5:
        counts, expected = np.append(counts, counted), np.append(expected, rest)
    assert ((counts - expected) ** 2 / expected).sum() < stats.chi2(len(counts) - 1).ppf(0.997)


def test_rows():
    rng = pm.random.default_rng(22)
    found = rng.multinomial(10, [0.2, 0.3, 0.5], N)
    assert found.shape == (N, 3)
    assert (found.sum(1) == 10).all()
    np.testing.assert_allclose(found.mean(0), [2, 3, 5], atol=0.06)
    found = rng.dirichlet([1.0, 2.0, 3.0], (N // 4, 4))
    np.testing.assert_allclose(found.sum(-1), 1)
    np.testing.assert_allclose(found.mean((0, 1)), [1 / 6, 2 / 6, 3 / 6], atol=0.01)
    found = rng.multivariate_hypergeometric([4, 6], 5, N)
    np.testing.assert_allclose(found.mean(0), [2, 3], atol=0.05)
    cov = np.array([[2.0, -0.8], [-0.8, 1.0]])
    for method in ("svd", "eigh", "cholesky"):
        found = rng.multivariate_normal([1, -1], cov, N, method=method)
        np.testing.assert_allclose(found.mean(0), [1, -1], atol=0.05)
        np.testing.assert_allclose(np.cov(found.T), cov, atol=0.08)
    assert rng.multivariate_normal([1, -1], cov).shape == (2,)


def test_leaves_and_calls_are_independent():
    rng = pm.random.default_rng(23)
    first, second = rng.normal(size=(2 * LEAF,)), rng.normal(size=(2 * LEAF,))
    pairs = [(first[:LEAF], first[LEAF:]), (first, second), (first[:-1], first[1:])]
    child, other = rng.spawn(2)
    pairs.append((child.normal(size=LEAF), other.normal(size=LEAF)))
    pairs.append((child.random(LEAF), child.random(LEAF)))
    for a, b in pairs:
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(len(a))
    assert len(np.unique(np.concatenate([first, second]))) == 4 * LEAF


def test_the_same_seed_gives_the_same_and_others_not():
    draw = lambda seed: pm.random.default_rng(seed).random(5).tolist()  # noqa: E731
    assert draw(1) == draw(1) == draw(np.random.SeedSequence(1))
    assert draw(1) != draw(2)
    assert draw([1, 2]) == draw([1, 2]) != draw([2, 1])
    rng = pm.random.default_rng(1)
    assert pm.random.default_rng(rng) is rng
    assert draw(None) != draw(None)
    with pytest.raises(TypeError, match="PCG64"):
        pm.random.default_rng(np.random.PCG64(1))


def test_the_numbers_stay_the_same_from_version_to_version():
    """Written down once: a change of these is a change for everyone who gave a seed."""
    rng = pm.random.default_rng(2024)
    reference = np.random.Philox(np.random.SeedSequence(2024), counter=[0, 0, 0, 1])
    wanted = np.random.Generator(reference).random(3)
    np.testing.assert_array_equal(rng.random(3), wanted)
    reference = np.random.Philox(np.random.SeedSequence(2024), counter=[0, 1, 1, 2])
    wanted = np.random.Generator(reference).standard_normal(3)
    np.testing.assert_array_equal(rng.standard_normal(LEAF + 3)[LEAF:], wanted)


@given(st.integers(0, 70), st.integers(0, 30), st.sampled_from(["d", "f"]))
def test_words_start_anywhere(start, count, dtype):
    per_word = 2 if dtype == "f" else 1
    words = Words(Stream((3, 4), 5), lambda g, out, at: g.random(out=out, dtype=dtype), per_word)
    whole, part = np.empty(100, dtype), np.empty(count, dtype)
    words.fill(0, whole)
    words.fill(start, part)
    np.testing.assert_array_equal(part, whole[start : start + count])


@given(st.integers(0, 99), st.integers(0, 99), st.integers(1, 40))
def test_leaves_start_anywhere(start, stop, leaf):
    start, stop = min(start, stop), max(start, stop)
    leaves = Leaves(Stream((3, 4), 5), lambda g, out, at: g.standard_gamma(2, out=out), 99, leaf)
    whole, part = np.empty(99), np.empty(stop - start)
    leaves.fill(0, whole)
    leaves.fill(start, part)
    np.testing.assert_array_equal(part, whole[start:stop])


@given(st.integers(0, 300), st.integers(0, 1 << 60))
def test_a_permutation_is_one(n, key):
    for exact in (0, 1000):
        order = Permutation(Stream((key, 1), 2), n, exact).at(np.arange(n))
        np.testing.assert_array_equal(np.sort(order), np.arange(n))


@pytest.mark.parametrize("n", [5, 16, 33])
def test_permutations_are_even(n):
    """Where each index goes, and where pairs go, over many keys."""
    draws = 2000
    orders = np.array(
        [Permutation(Stream((k, 9), 1), n, exact=0).at(np.arange(n)) for k in range(draws)]
    )
    for a in (0, n - 1):
        counts = np.bincount(orders[:, a], minlength=n)
        assert stats.chisquare(counts).pvalue > 0.003
    pairs = np.bincount((orders[:, 0] * n + orders[:, 1]), minlength=n * n)
    pairs = pairs.reshape(n, n)[~np.eye(n, dtype=bool)]
    assert stats.chisquare(pairs).pvalue > 0.003
    fixed = (orders == np.arange(n)).sum(1)
    assert abs(fixed.mean() - 1) < 4 / np.sqrt(draws)


def test_a_long_permutation_has_no_pattern():
    n = 1 << 17
    order = Permutation(Stream((1, 2), 3), n, exact=0).at(np.arange(n))
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 4 / np.sqrt(n)
    assert stats.kstest(order[: n // 8] / n, "uniform").pvalue > 0.003
    low = np.bincount(order[::2] % 8, minlength=8)
    assert stats.chisquare(low).pvalue > 0.003


def test_choice():
    rng = pm.random.default_rng(24)
    assert set(rng.choice(["a", "b"], 50)) == {"a", "b"}
    assert sorted(rng.choice(6, 6, replace=False)) == list(range(6))
    weights = [0.1, 0.2, 0.3, 0.4]
    counts = np.bincount(rng.choice(4, N, p=weights), minlength=4)
    assert stats.chisquare(counts, np.array(weights) * N).pvalue > 0.003
    firsts = [rng.choice(4, 2, replace=False, p=weights)[0] for _ in range(2000)]
    assert stats.chisquare(np.bincount(firsts), np.array(weights) * 2000).pvalue > 0.003
    assert rng.choice(np.arange(12).reshape(3, 4), 2, axis=1).shape == (3, 2)
    assert rng.choice(5) in range(5)
    for bad in [
        lambda: rng.choice(3, 4, replace=False),
        lambda: rng.choice(0, 1),
        lambda: rng.choice(3, p=[0.5, 0.5]),
        lambda: rng.choice(2, p=[0.5, 0.6]),
        lambda: rng.choice(2, p=[-0.5, 1.5]),
        lambda: rng.choice(2, p=[np.nan, 1.0]),
    ]:
        with pytest.raises(ValueError):
            bad()


def test_shuffles():
    rng = pm.random.default_rng(25)
    x = np.arange(20).reshape(5, 4)
    found = rng.permutation(x)
    assert sorted(map(tuple, found)) == sorted(map(tuple, x))
    found = rng.permuted(x, axis=1)
    np.testing.assert_array_equal(np.sort(found, 1), x)
    assert sorted(rng.permuted(x).ravel()) == list(range(20))
    words = list("abcdef")
    rng.shuffle(words)
    assert sorted(words) == list("abcdef")
    y = x.copy()
    rng.shuffle(y, axis=1)
    assert sorted(map(tuple, y.T)) == sorted(map(tuple, x.T))
    with pytest.raises(TypeError, match="tuple"):
        rng.shuffle((1, 2))


def test_parameters_by_element():
    rng = pm.random.default_rng(26)
    lam = np.repeat([1.0, 50.0], 3000)
    found = rng.poisson(lam)
    assert found.shape == lam.shape
    assert abs(found[:3000].mean() - 1) < 0.1 < abs(found[3000:].mean() - 50) + 0.1
    assert abs(found[3000:].mean() - 50) < 1
    found = rng.uniform([0, 10], [1, 20], (1000, 2))
    assert found[:, 0].max() < 1 <= 10 <= found[:, 1].min()
    assert rng.integers([1, 5], [2, 6], (3, 2)).tolist() == [[1, 5]] * 3
    with pytest.raises(ValueError, match="fit"):
        rng.normal([1, 2, 3], size=2)


def test_scalars_are_numpys():
    rng, theirs = pm.random.default_rng(27), np.random.default_rng(27)
    for call in (
        lambda g: g.random(),
        lambda g: g.integers(5),
        lambda g: g.normal(),
        lambda g: g.poisson(3),
        lambda g: g.uniform(1, 2),
    ):
        assert type(call(rng)) is type(call(theirs))
    assert len(rng.bytes(7)) == 7


def test_refused():
    rng = pm.random.default_rng(28)
    for call, error in [
        (lambda: rng.poisson(-1, 3), ValueError),
        (lambda: rng.integers(3, 3, 3), ValueError),
        (lambda: rng.multinomial(3, [0.9, 0.5, 0.1], 3), ValueError),
        (lambda: rng.normal(scale=-1, size=0), ValueError),
        (lambda: rng.random(3, "i4"), TypeError),
        (lambda: rng.random(-3), ValueError),
        (lambda: rng.poisson(pm.ones(3, map=pm.Map([1])), 3), pm.UnsupportedError),
        (lambda: rng.poisson(lam=1, sise=3), TypeError),
    ]:
        with pytest.raises(error):
            call()


def test_the_functions_of_the_module():
    pm.random.seed(5)
    first = [pm.random.rand(2, 3), pm.random.randn(2), pm.random.randint(5, size=3)]
    first.append(pm.random.normal(size=3))
    pm.random.seed(5)
    rng = pm.random.default_rng(5)
    again = [rng.random((2, 3)), rng.standard_normal(2), rng.integers(5, size=3)]
    again.append(rng.normal(size=3))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert isinstance(pm.random.random(), float)
    with pytest.raises(AttributeError):
        pm.random.nothing


def test_inside_a_task():
    """A generator that all ranks share would give other numbers by the order of tasks."""
    rng = pm.random.default_rng(6)
    with pytest.raises(pm.PmapError, match="default_rng"):
        pm.foreach([1], lambda i: rng.random())
    assert pm.foreach([1], lambda i: pm.random.default_rng(i).random()) == [
        pm.random.default_rng(1).random()
    ]


def test_drawing_nothing():
    leaves = Leaves(Stream((0, 0), 0), lambda g, out, at: g.standard_normal(out=out), 0)
    assert drawn(leaves, (0, 3), np.dtype(float), None).shape == (0, 3)

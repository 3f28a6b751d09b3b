"""The pure parts of products and linear algebra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import pmap as pm
from pmap.algebra.chain import cheapest
from pmap.algebra.einstein import parse, spelled
from pmap.algebra.kernels import multiplied
from pmap.algebra.panels import schedule
from pmap.algebra.tallskinny import householder_signs, rows_qr


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "i2", "?", "f2"])
@pytest.mark.parametrize(
    "subscripts",
    [
        "ik,kj->ij",
        "ik,kj->ji",
        "ki,jk->ij",
        "bik,bkj->bij",
        "ikl,klj->ij",
        "i,j->ij",
        "aik,kbj->biaj",
    ],
)
def test_blocks_are_multiplied_and_added(subscripts, dtype):
    rng = np.random.default_rng(0)
    first, second, out = (tuple(p) for p in subscripts.replace("->", ",").split(","))
    size = dict(zip("abijkl", (2, 3, 4, 5, 6, 2), strict=True))
    a, b = (rng.integers(-3, 4, [size[k] for k in part]).astype(dtype) for part in (first, second))
    expected = np.einsum(subscripts, a, b)
    c = np.empty_like(expected, order="C")
    multiplied(c, out, a, first, b, second)
    np.testing.assert_allclose(c, expected, 1e-3)
    multiplied(c, out, a, first, b, second, add=True)
    np.testing.assert_allclose(c, expected + expected, 1e-3)
    strided = np.zeros((*c.shape, 2), dtype)[..., 0]
    multiplied(strided, out, a[::1], first, b, second, add=True)
    np.testing.assert_allclose(strided, expected, 1e-3)


@given(
    st.integers(1, 6), st.integers(0, 40), st.integers(1, 9), st.sampled_from(["b", "c", "ceil"])
)
def test_every_rank_meets_each_index_of_the_sum_once(ranks, n, width, word):
    rows = pm.Map([ranks, 1], word, procs=range(ranks)).bind(ranks)
    operands = ((rows, (12, n), ("i", "k")), (rows, (n, 5), ("k", "j")))
    steps = schedule.__wrapped__(operands, ("i", "j"), rows, (12, 5), "k", n, width)
    for rank, panels in enumerate(steps):
        if 0 in rows.local_shape((12, 5), rank):
            assert panels == []
            continue
        covered = sorted(i for start, stop in panels for i in range(start, stop))
        assert covered == list(range(n))
        own = rows.owned((n, 5), rank)[0]
        remote = [p for p in panels if not (own.contiguous and own.lo <= p[0] and p[1] <= own.hi)]
        assert all(stop - start <= width for start, stop in remote)


def test_ranks_begin_with_their_own_panels():
    rows = pm.Map([4, 1], procs=range(4)).bind(4)
    operands = ((rows, (8, 8), ("i", "k")), (rows, (8, 8), ("k", "j")))
    steps = schedule.__wrapped__(operands, ("i", "j"), rows, (8, 8), "k", 8, 8)
    assert [panels[0] for panels in steps] == [(0, 2), (2, 4), (4, 6), (6, 8)]
    for step in zip(*steps, strict=True):
        assert len(set(step)) == 4


def cost(lengths):
    """The least number of multiplications, by trying every way."""
    if len(lengths) == 2:
        return 0
    return min(
        cost(lengths[: i + 1]) + cost(lengths[i:]) + lengths[0] * lengths[i] * lengths[-1]
        for i in range(1, len(lengths) - 1)
    )


@given(st.lists(st.integers(0, 30), min_size=2, max_size=7))
def test_the_cheapest_chain(lengths):
    assert cheapest(tuple(lengths))[0] == cost(lengths)


@given(st.integers(1, 12), st.integers(0, 8), st.booleans(), st.integers(0, 2**32))
def test_signs_are_those_of_householders_method(n, more, is_complex, seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n + 1 + more, n))
    a = a + 1j * rng.normal(size=a.shape) if is_complex else a
    q, r = np.linalg.qr(a)
    phase = np.diagonal(r) / np.abs(np.diagonal(r))
    found = householder_signs((q * phase)[:n].copy())
    np.testing.assert_allclose(found, phase.conj(), atol=1e-9)


@given(arrays(np.float64, (1500, 2), elements=st.floats(-5, 5, width=16)))
def test_rows_in_chunks(a):
    q, r = rows_qr(a)
    np.testing.assert_allclose(q @ r, a, atol=1e-10)
    np.testing.assert_allclose(q.T @ q, np.eye(2), atol=1e-10)
    assert np.array_equal(r, np.triu(r))


def test_subscripts():
    assert parse(("i...j , j", 0, 0))[0] == [["i", ..., "j"], ["j"]]
    labels, out, _ = parse(("ba", 0))
    assert spelled(labels, out, [2]) == ([["b", "a"]], ["a", "b"])
    with pytest.raises(ValueError, match="2 operands, but 1"):
        parse(("i,j", 0))
    with pytest.raises(ValueError, match="operand of 3 axes"):
        spelled([["i"]], None, [3])


def test_plain_arrays_stay_plain():
    a = np.arange(9.0).reshape(3, 3) + np.eye(3)
    for found in (
        pm.matmul(a, a),
        pm.einsum("ij->ji", a),
        pm.linalg.inv(a),
        pm.cov(a),
        pm.dot(a, a),
    ):
        assert type(found) is np.ndarray
    assert type(pm.linalg.qr(a)).__module__.startswith("numpy")

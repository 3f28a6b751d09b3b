"""Products of arrays on any maps against NumPy's on the whole arrays, and what they cost."""

import numpy as np
import pytest
from fuzzing import random_map
from map_zoo import every_map

import pmap as pm
from pmap.algebra import panels
from pmap.ranks.comm import world

LETTERS = "abcdijklm"


def made(rng, shape, dtype="f8"):
    a = rng.normal(size=shape) * 4
    return (a + 1j * rng.normal(size=shape) if dtype in ("c8", "c16") else a).astype(dtype)


def spread(rng, a):
    return pm.asarray(a, map=random_map(rng, a.shape))


def close(found, expected, what=""):
    expected = np.asarray(expected)
    assert np.shape(found) == expected.shape, what
    assert np.result_type(found) == expected.dtype, what
    single = expected.dtype.char in "fF"
    rtol = (1e-4 if single else 1e-12) * (expected.dtype.kind in "fc")
    scale = np.abs(expected).max(initial=0) if rtol else 0
    np.testing.assert_allclose(np.asarray(found), expected, rtol, rtol * scale, err_msg=str(what))


SIZES = [(5, 7, 3), (8, 8, 8), (1, 13, 2), (0, 3, 2), (3, 0, 2), (13, 1, 4)]


@pytest.mark.parametrize(
    ("m", "k", "n", "dtype"),
    [(*size, "f8") for size in SIZES] + [(5, 7, 3, t) for t in ("f4", "c16", "i2", "?")],
)
def test_matmul_on_every_map(m, k, n, dtype):
    rng = np.random.default_rng(m + k)
    a, b = made(rng, (m, k), dtype), made(rng, (k, n), dtype)
    left, right = list(every_map((m, k)).values()), list(every_map((k, n)).values())
    others = rng.permutation(len(right))
    for i, held in enumerate(left):
        for j in {i, int(others[i])}:
            close(pm.asarray(a, map=held) @ pm.asarray(b, map=right[j]), a @ b, (held, right[j]))


@pytest.mark.parametrize("dtype", ["f8", "c8", "i4", "?"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 4)),
        ((5, 2, 3), (3, 4)),
        ((5, 1, 2, 3), (4, 3, 2)),
        ((3,), (5, 3, 2)),
        ((5, 2, 3), (3,)),
        ((1, 2, 3), (6, 3, 1)),
        ((4, 6, 7), (4, 7, 2)),
        ((0, 2, 3), (3, 2)),
    ],
)
def test_stacks_and_vectors(first, second, dtype):
    rng = np.random.default_rng(len(first))
    a, b = made(rng, first, dtype), made(rng, second, dtype)
    A, B = spread(rng, a), spread(rng, b)
    for x, y in ((A, B), (A, b), (a, B)):
        close(np.matmul(x, y), a @ b)
        close(np.dot(x, y), np.dot(a, b)) if a.shape[-1] == b.shape[-2:][0] else None
    if len(first) == 2 and len(second) == 1:
        close(np.matvec(A, B), np.matvec(a, b))
    if len(first) == 1 and len(second) == 2:
        close(np.vecmat(A, B), np.vecmat(a, b))
    if first[-1] == second[-1]:
        close(np.inner(A, B), np.inner(a, b))
        close(np.vecdot(A, B), np.vecdot(a, b)) if a.shape == b.shape else None


def test_out_dtype_and_casting():
    rng = np.random.default_rng(1)
    a, b = made(rng, (5, 4), "i4"), made(rng, (4, 3), "i4")
    A, B = spread(rng, a), spread(rng, b)
    C = pm.zeros((5, 3), map=random_map(rng, (5, 3)))
    assert np.matmul(A, B, out=C) is C
    close(C, (a @ b).astype(float))
    close(np.matmul(A, B, dtype="f4"), np.matmul(a, b, dtype="f4"))
    with pytest.raises(TypeError, match="cast"):
        np.matmul(A * 1.5, B, out=pm.zeros((5, 3), "i4", map=pm.Map([1, 1])))
    with pytest.raises(ValueError, match=r"out has shape \(3, 5\)"):
        np.matmul(A, B, out=pm.zeros((3, 5), map=pm.Map([1, 1])))
    with pytest.raises(TypeError, match="axes is not there"):
        np.matmul(A, B, axes=[(0, 1), (0, 1), (0, 1)])


def test_shapes_that_do_not_go_together():
    A = pm.zeros((3, 4), map=pm.Map([-1, 1]))
    with pytest.raises(ValueError, match=r"size 3 is different from 4.*\(3, 4\) and \(3, 4\)"):
        A @ A
    with pytest.raises(ValueError, match="enough dimensions"):
        np.matmul(A, 2)
    with pytest.raises(ValueError, match="broadcast"):
        np.zeros((2, 4, 5)) @ pm.zeros((3, 5, 1), map=pm.Map([-1, 1, 1]))
    with pytest.raises(ValueError, match="shape-mismatch"):
        np.tensordot(A, A, 1)
    with pytest.raises(ValueError, match="lengths 4 and 3"):
        np.einsum("ij,ji", A, A)


def test_the_result_has_the_maps_of_rows_and_columns():
    size = world().size
    rows, columns = pm.Map([size, 1]).bind(size), pm.Map([1, size]).bind(size)
    a = np.arange(144.0).reshape(12, 12)
    R, K = pm.asarray(a, map=rows), pm.asarray(a, map=columns)
    assert (R @ R).map == rows
    assert (K @ K).map == columns
    assert (R @ K).map.pieces_along(0) == size
    assert (R @ K).map.pieces_along(1) == 1
    assert (K @ R).map.copies == 1
    if size == 4:
        grid = pm.Map([2, 2]).bind(size)
        G = pm.asarray(a, map=grid)
        assert (G @ G).map == grid


EINSUMS = """ij,jk ij,jk->ki ij->ji ij,kj->ik ij,jk,kl->il ij,ij ij,ij->i ij,ij->ij i,j->ij
...j,j->... ij...,jk...->ik... ijk,jl,km->ilm ij,j-> i,i-> abc,abd->cd ab,bc,ca-> ij-> ij->j
ijk->kj ii->i ii iij,j->i ...i,...i->... ab,ab,ab->b ij,jk,kl,lm->im""".split()


@pytest.mark.parametrize("subscripts", EINSUMS)
def test_einsum(subscripts):
    rng = np.random.default_rng(len(subscripts))
    for turn, dtype in enumerate(["f8", "i8", "c16"]):
        lengths = dict(zip(LETTERS, map(int, rng.integers(1, 8, 9)), strict=True))
        operands = []
        for part in subscripts.partition("->")[0].split(","):
            shape = [lengths[c] for c in part.replace("...", "")]
            shape = [3, *shape] if part.startswith("...") else shape
            shape = [*shape, 3] if part.endswith("...") else shape
            operands.append(made(rng, shape, dtype))
        arrays = [spread(rng, x) for x in operands]
        arrays[-1] = operands[-1] if turn == 1 and len(arrays) > 1 else arrays[-1]
        expected = np.einsum(subscripts, *operands)
        close(np.einsum(subscripts, *arrays), expected, subscripts)
        if "..." not in subscripts:
            close(np.einsum(subscripts, *arrays, optimize="optimal"), expected, subscripts)


def test_einsum_of_lists_axes_of_one_and_types():
    rng = np.random.default_rng(2)
    a, b = made(rng, (4, 1), "f4"), made(rng, (4, 5), "f4")
    A, B = spread(rng, a), spread(rng, b)
    close(np.einsum(A, [0, 1], B, [0, 1], [1]), np.einsum(a, [0, 1], b, [0, 1], [1]))
    close(np.einsum("ij,ij->i", A, B, dtype="f8"), np.einsum("ij,ij->i", a, b, dtype="f8"))
    assert np.einsum_path("ij,ik->jk", A, B)[0] == np.einsum_path("ij,ik->jk", a, b)[0]
    for wrong in ("ij,jk->il", "ij->ii", "i!", "ijk"):
        with pytest.raises(ValueError, match="einsum"):
            np.einsum(wrong, *[A] * (1 + wrong.count(",")))
    with pytest.raises(TypeError, match="cannot cast"):
        np.einsum("ij->j", A, dtype="i4")


@pytest.mark.parametrize("axes", [0, 1, 2, ([0, 1], [1, 0]), (0, 1), ([-1], [0]), 3])
def test_tensordot(axes):
    rng = np.random.default_rng(3)
    a, b = made(rng, (4, 4, 4)), made(rng, (4, 4, 4))
    for _ in range(3):
        close(np.tensordot(spread(rng, a), spread(rng, b), axes), np.tensordot(a, b, axes))


def test_outer_kron_and_vdot():
    rng = np.random.default_rng(4)
    for first, second in [((3,), (7,)), ((2, 3), (5, 1)), ((4,), (2, 3)), ((3, 2, 2), (2,))]:
        for dtype in ("f8", "i4"):
            a, b = made(rng, first, dtype), made(rng, second, dtype)
            for A, B in ((spread(rng, a), spread(rng, b)), (a, spread(rng, b))):
                assert np.array_equal(np.asarray(np.kron(A, B)), np.kron(a, b))
                assert np.array_equal(np.asarray(np.outer(A, B)), np.outer(a, b))
    a, b = made(rng, (4, 6), "c16"), made(rng, (4, 6), "c16")
    close(np.vdot(spread(rng, a), spread(rng, b)), np.vdot(a, b))
    close(np.vdot(spread(rng, a), spread(rng, b.reshape(8, 3))), np.vdot(a, b.reshape(8, 3)))


@pytest.mark.parametrize("n", [0, 1, 7, 1000])
def test_dots_have_the_same_bits_on_any_map(n):
    rng = np.random.default_rng(n)
    a, b = made(rng, (n,)), made(rng, (n,))
    alone = [pm.asarray(x, map=pm.Map([1], procs=[0])) for x in (a, b)]
    for _ in range(4):
        A, B = spread(rng, a), spread(rng, b)
        for f in (np.dot, np.vdot, np.vecdot, np.matmul, np.inner):
            assert f(A, B) == f(*alone)
        assert np.einsum("i,i", A, B) == np.einsum("i,i", *alone)
        assert np.tensordot(A, B, 1) == np.tensordot(*alone, 1)


def test_cov_and_corrcoef():
    rng = np.random.default_rng(5)
    a, y = made(rng, (5, 40)), made(rng, (2, 40))
    repeats, weights = rng.integers(1, 4, 40), rng.random(40)
    for _ in range(3):
        A, Y = spread(rng, a), spread(rng, y)
        close(np.cov(A), np.cov(a))
        close(np.cov(A.T, rowvar=False), np.cov(a))
        close(np.cov(A, Y, bias=True), np.cov(a, y, bias=True))
        close(np.cov(A[0]), np.cov(a[0]))
        for kw in ({"fweights": repeats}, {"aweights": weights}, {"ddof": 0, "aweights": weights}):
            close(np.cov(A, **kw), np.cov(a, **kw), kw)
        both = {"fweights": repeats, "aweights": weights}
        close(np.cov(A, **both), np.cov(a, **both))
        close(np.corrcoef(A), np.corrcoef(a))
        close(np.corrcoef(A, Y), np.corrcoef(a, y))
    with pytest.raises(RuntimeError, match="incompatible"):
        np.cov(A, aweights=weights[:3])
    with pytest.raises(ValueError, match="negative"):
        np.cov(A, aweights=-weights)


def test_operands_come_in_panels(monkeypatch):
    monkeypatch.setattr(panels, "PANEL_BYTES", 1 << 10)
    monkeypatch.setattr(panels, "LEAST_WIDTH", 3)
    panels.schedule.cache_clear()
    rng = np.random.default_rng(6)
    a, b = made(rng, (90, 101)), made(rng, (101, 97))
    for first in ("b", "c", ("bc", 4)):
        for grid in ([-1, 1], [1, -1]):
            A, B = pm.asarray(a, map=pm.Map(grid, first)), pm.asarray(b, map=pm.Map(grid, first))
            close(A @ B, a @ b)
    panels.schedule.cache_clear()


def test_an_operand_crosses_once():
    size = world().size
    rows = pm.Map([-1, 1])
    A, B = pm.ones((64, 64), map=rows), pm.ones((64, 128), map=rows)
    before = world().sent_bytes
    C = A @ B
    sent = sum(world().allgather(world().sent_bytes - before))
    assert C.map.pieces_along(0) == size
    assert sent == (size - 1) * B.nbytes


def test_a_small_result_of_a_long_sum_moves_no_operand():
    size = world().size
    A = pm.ones((5000, 4), map=pm.Map([-1, 1]))
    before = world().sent_bytes
    C = A.T @ A
    sent = sum(world().allgather(world().sent_bytes - before))
    assert np.array_equal(np.asarray(C), np.full((4, 4), 5000.0))
    assert sent <= size * size * 16 * 8 * 2


def resident_mb():
    """Most memory that this process has had since the last reset, MB."""
    with open("/proc/self/status") as status:
        return next(int(x.split()[1]) for x in status if x.startswith("VmHWM")) / 1024


def test_memory_is_bounded_by_panels(monkeypatch):
    monkeypatch.setattr(panels, "PANEL_BYTES", 1 << 20)
    panels.schedule.cache_clear()
    A, B = (pm.ones((2000, 2000), map=pm.Map([-1, 1])) for _ in range(2))
    A @ B  # what is loaded and kept at the first use
    try:
        with open("/proc/self/clear_refs", "w") as peak:
            peak.write("5")
    except OSError:
        pytest.skip("the peak of memory cannot be reset here")
    before = resident_mb()
    C = A @ B
    ours = sum(x.block.nbytes for x in (A, B, C)) / 2**20
    assert resident_mb() - before <= C.block.nbytes / 2**20 + 0.5 * ours
    panels.schedule.cache_clear()

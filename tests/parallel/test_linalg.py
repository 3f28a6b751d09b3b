"""Linear algebra against NumPy's on the whole matrix, at any map.

Matrices here are small: what is shared by ranks above a size is made to be shared at any, with
narrow panels, and both ways are tested.
"""

import numpy as np
import pytest
from fuzzing import random_map
from map_zoo import every_map
from numpy.linalg import LinAlgError

import pmap as pm
from pmap.algebra import columns, matrices
from pmap.ranks.comm import world

DTYPES = ["f8", "c16", "f4"]


@pytest.fixture(params=["shared", "whole"], autouse=True)
def way(request, monkeypatch):
    """Matrices that are shared by their ranks, and small ones that each takes whole."""
    if request.param == "shared":
        monkeypatch.setattr(matrices, "SMALL", 0)
        monkeypatch.setattr(columns, "PANEL", 4)
    return request.param


def made(rng, shape, dtype="f8"):
    a = rng.normal(size=shape)
    return (a + 1j * rng.normal(size=shape) if dtype[0] == "c" else a).astype(dtype)


def maps(rng, shape, n=3):
    found = list(every_map(shape).values())
    return [found[i] for i in rng.choice(len(found), n, replace=False)]


def spread(rng, a):
    return pm.asarray(a, map=random_map(rng, a.shape))


def near(found, expected, what=""):
    expected = np.asarray(expected)
    found = np.asarray(found)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what
    tol = 2e-3 if expected.dtype.char in "fF" else 1e-9
    scale = max(1, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(found / scale, expected / scale, tol, tol, err_msg=str(what))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 5, 13])
def test_square_matrices(n, dtype):
    rng = np.random.default_rng(n)
    a = made(rng, (n, n), dtype) + (n * np.eye(n)).astype(dtype)
    spd, b, v = a @ a.conj().T, made(rng, (n, 3), dtype), made(rng, (n,), dtype)
    for held in maps(rng, (n, n)):
        A, S, B, V = (
            pm.asarray(a, map=held),
            pm.asarray(spd, map=held),
            spread(rng, b),
            spread(rng, v),
        )
        near(np.linalg.cholesky(S), np.linalg.cholesky(spd), held)
        near(np.linalg.cholesky(S, upper=True), np.linalg.cholesky(spd, upper=True), held)
        assert np.linalg.cholesky(S).map == held.without_overlap()
        for x, plain in ((B, b), (V, v), (b, b), (v, v)):
            near(np.linalg.solve(A, x), np.linalg.solve(a, plain), held)
        near(np.linalg.solve(a, V), np.linalg.solve(a, v), held)
        near(np.linalg.inv(A), np.linalg.inv(a), held)
        near(np.linalg.det(A), np.linalg.det(a), held)
        for found, expected in zip(np.linalg.slogdet(A), np.linalg.slogdet(a), strict=True):
            near(found, expected, held)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_eigenvalues(dtype):
    rng = np.random.default_rng(3)
    a = made(rng, (7, 7), dtype)
    h = a + a.conj().T
    for held in maps(rng, (7, 7), 6):
        A, H = pm.asarray(a, map=held), pm.asarray(h, map=held)
        near(np.linalg.eigvals(A), np.linalg.eigvals(a))
        near(np.linalg.eigvalsh(H), np.linalg.eigvalsh(h))
        values, vectors = np.linalg.eig(A)
        near(A @ vectors, np.asarray(vectors) * np.asarray(values))
        found = np.linalg.eigh(H, UPLO="U")
        near(found.eigenvalues, np.linalg.eigh(h).eigenvalues)
        near(H @ found.eigenvectors, np.asarray(found.eigenvectors) * np.asarray(found.eigenvalues))


SHAPES = [(7, 3), (13, 13), (3, 8), (40, 3), (29, 7), (1, 1), (5, 1), (1, 6), (12, 4)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_qr_has_numpys_signs(shape, dtype):
    rng = np.random.default_rng(sum(shape))
    a = made(rng, shape, dtype)
    for held in maps(rng, shape):
        A = pm.asarray(a, map=held)
        for mode in ("reduced", "complete"):
            found, expected = np.linalg.qr(A, mode), np.linalg.qr(a, mode)
            near(found.R, expected.R, (mode, held))
            near(found.Q, expected.Q, (mode, held))
            assert found.Q.map.axes[0] == held.axes[0].__class__(
                held.axes[0].grid_axis, held.axes[0].split
            )
        near(np.linalg.qr(A, "r"), np.linalg.qr(a, "r"), held)


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values(shape, dtype):
    rng = np.random.default_rng(sum(shape))
    a, k = made(rng, shape, dtype), min(shape)
    for held in maps(rng, shape, 2):
        A = pm.asarray(a, map=held)
        near(np.linalg.svdvals(A), np.linalg.svdvals(a))
        for full in (True, False):
            u, s, vh = (np.asarray(x) for x in np.linalg.svd(A, full))
            expected = np.linalg.svd(a, full)
            near(s, expected.S)
            assert (u.shape, vh.shape) == (expected.U.shape, expected.Vh.shape)
            near(u[:, :k] * s @ vh[:k], a)
            near(u.conj().T @ u, np.eye(u.shape[1], dtype=dtype))
            near(vh @ vh.conj().T, np.eye(vh.shape[0], dtype=dtype))
        near(np.linalg.pinv(A), np.linalg.pinv(a), held)
        assert np.linalg.matrix_rank(A) == k
        assert np.isclose(np.linalg.cond(A), np.linalg.cond(a), 1e-2)


@pytest.mark.parametrize("shape", SHAPES)
def test_least_squares(shape):
    rng = np.random.default_rng(sum(shape))
    a = made(rng, shape)
    for right in (made(rng, (shape[0], 2)), made(rng, shape[:1])):
        for held in maps(rng, shape):
            found = np.linalg.lstsq(pm.asarray(a, map=held), spread(rng, right))
            expected = np.linalg.lstsq(a, right)
            for x, y in zip(found, expected, strict=True):
                near(x, np.asarray(y), held) if np.ndim(y) else None
            assert found[2] == expected[2]


def test_least_squares_of_a_deficient_matrix():
    rng = np.random.default_rng(8)
    a = made(rng, (30, 3)) @ made(rng, (3, 5))
    b = made(rng, (30,))
    found, expected = np.linalg.lstsq(spread(rng, a), b), np.linalg.lstsq(a, b)
    near(found[0], expected[0])
    assert (found[1].shape, found[2]) == ((0,), 3)


@pytest.mark.parametrize("shape", [(6, 4), (5, 5), (2, 9)])
def test_norms(shape):
    rng = np.random.default_rng(sum(shape))
    a = made(rng, shape, "c16")
    A = spread(rng, a)
    for order in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        for keep in (False, True):
            near(np.linalg.norm(A, order, keepdims=keep), np.linalg.norm(a, order, keepdims=keep))
        near(np.linalg.norm(A, order, axis=(1, 0)), np.linalg.norm(a, order, axis=(1, 0)))
    for order in (0, 1, 2, 3, 0.5, np.inf, -np.inf):
        near(np.linalg.norm(A, order, axis=0), np.linalg.norm(a, order, axis=0), order)
        for axis in (None, 1, (0, 1)):
            kw = {"ord": order, "axis": axis, "keepdims": True}
            near(np.linalg.vector_norm(A, **kw), np.linalg.vector_norm(a, **kw), order)
    near(np.linalg.matrix_norm(A, ord="nuc"), np.linalg.matrix_norm(a, ord="nuc"))
    with pytest.raises(ValueError, match="norm order"):
        np.linalg.norm(A, "wrong")


@pytest.mark.parametrize("shape", [(3, 4, 4), (2, 3, 5, 5), (0, 2, 2), (4, 0, 0)])
def test_stacks(shape):
    rng = np.random.default_rng(sum(shape))
    a = made(rng, shape) + 5 * np.eye(shape[-1])
    b = made(rng, (*shape[:-1], 2))
    for _ in range(3):
        A, B = spread(rng, a), spread(rng, b)
        for f in (np.linalg.inv, np.linalg.det, np.linalg.svdvals, np.linalg.eigvals):
            near(f(A), f(a))
        near(np.linalg.solve(A, B), np.linalg.solve(a, b))
        near(np.linalg.qr(A).R, np.linalg.qr(a).R)
        near(np.linalg.matrix_power(A, 2), np.linalg.matrix_power(a, 2))
        if shape[-1]:
            near(np.linalg.matrix_rank(A), np.linalg.matrix_rank(a))
            near(np.linalg.matrix_norm(A, ord=2), np.linalg.matrix_norm(a, ord=2))
            near(np.linalg.pinv(A), np.linalg.pinv(a))


def test_eigenvalues_of_a_stack_have_one_type():
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    a = np.stack([np.eye(2), np.eye(2), turn, np.eye(2)])
    near(np.linalg.eigvals(pm.asarray(a, map=pm.Map([-1, 1, 1]))), np.linalg.eigvals(a))
    near(np.linalg.eigvals(pm.asarray(a[:2], map=pm.Map([1, -1, 1]))), np.linalg.eigvals(a[:2]))


def test_chains_powers_and_tensors():
    rng = np.random.default_rng(9)
    chain = [made(rng, s) for s in ((5,), (5, 7), (7, 2), (2, 9), (9,))]
    for start, stop in ((0, 5), (1, 4), (0, 3), (2, 5)):
        found = np.linalg.multi_dot([spread(rng, x) for x in chain[start:stop]])
        near(found, np.linalg.multi_dot(chain[start:stop]))
    a = rng.integers(-3, 4, (4, 4))
    for n in (0, 1, 2, 5):
        found = np.linalg.matrix_power(spread(rng, a), n)
        assert np.array_equal(np.asarray(found), np.linalg.matrix_power(a, n))
    a = made(rng, (2, 3, 6))
    b = made(rng, (2, 3))
    near(np.linalg.tensorsolve(spread(rng, a), spread(rng, b)), np.linalg.tensorsolve(a, b))
    near(np.linalg.tensorinv(spread(rng, a), 2), np.linalg.tensorinv(a, 2))


def test_the_standards_names():
    rng = np.random.default_rng(10)
    a, b = made(rng, (5, 3)), made(rng, (5, 3))
    A, B = spread(rng, a), spread(rng, b)
    near(pm.linalg.matrix_transpose(A), a.T)
    near(pm.linalg.matmul(A, B.T), a @ b.T)
    near(pm.linalg.vecdot(A, B), np.linalg.vecdot(a, b))
    near(pm.linalg.tensordot(A, B), np.tensordot(a, b))
    near(pm.linalg.outer(A[0], B[1]), np.outer(a[0], b[1]))
    near(pm.linalg.trace(A), np.trace(a))
    near(pm.linalg.diagonal(A, offset=-1), np.linalg.diagonal(a, offset=-1))
    near(pm.linalg.cross(A, B), np.linalg.cross(a, b))
    with pytest.raises(ValueError, match="one-dimensional"):
        pm.linalg.outer(A, B)
    assert type(pm.linalg.qr(a)).__name__ == "QRResult"


def test_what_cannot_be_factorised_raises_on_all_ranks():
    rng = np.random.default_rng(11)
    for held in maps(rng, (9, 9), 6):
        Z = pm.zeros((9, 9), map=held)
        S = pm.asarray(-np.eye(9), map=held)
        for f in (np.linalg.inv, lambda x: np.linalg.solve(x, np.ones(9))):
            with pytest.raises(LinAlgError, match="Singular"):
                f(Z)
        with pytest.raises(LinAlgError, match="positive definite"):
            np.linalg.cholesky(S)
        assert np.linalg.det(Z) == 0
        assert tuple(np.linalg.slogdet(Z)) == (0, -np.inf)


def test_wrong_shapes_types_and_arguments():
    A = pm.zeros((3, 4), map=pm.Map([-1, 1]))
    for f in (np.linalg.inv, np.linalg.det, np.linalg.cholesky, np.linalg.eig, np.linalg.eigvalsh):
        with pytest.raises(LinAlgError, match=r"square, not \(3, 4\)"):
            f(A)
        with pytest.raises(LinAlgError, match="two-dimensional"):
            f(A[0])
    with pytest.raises(TypeError, match="float16"):
        np.linalg.inv(A[:, :3].astype("f2"))
    with pytest.raises(ValueError, match="go together"):
        np.linalg.solve(A[:, :3], np.ones(4))
    with pytest.raises(LinAlgError, match="Incompatible"):
        np.linalg.lstsq(A, np.ones(4))
    with pytest.raises(ValueError, match="raw"):
        np.linalg.qr(A, "raw")


def test_no_hidden_gather(monkeypatch):
    A = pm.eye(8, map=pm.Map([-1, 1]))
    monkeypatch.setattr(pm.options, "gather_limit", 100)
    if world().size > 1:
        with pytest.raises(MemoryError, match="gather_limit"):
            np.linalg.eigvals(A)
    else:
        assert np.linalg.eigvals(A).shape == (8,)

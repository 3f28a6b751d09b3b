"""Bad input raises NumPy's type on all ranks, and the ranks go on (C7, C11).

Each line is run twice: on whole ndarrays with NumPy, and on DistArrays of the same values. What
is raised must be of NumPy's built-in type on all ranks, and a collective must still work after it.
"""

import builtins
from contextlib import nullcontext

import numpy as np
import pytest

import pmap as pm
from pmap.ranks.comm import world

LINES = {
    "creation": """
        xp.zeros(-1)
        xp.zeros((2, -3))
        xp.zeros(2.5)
        xp.zeros("a")
        xp.ones((2, 3), dtype="nothing")
        xp.empty([3, None])
        xp.full((2, 2), 300, dtype="u1")
        xp.full((2, 2), "a", dtype=float)
        xp.full((2, 2), [1, 2, 3])
        xp.arange(0, 5, 0)
        xp.arange()
        xp.linspace(0, 1, -2)
        xp.linspace(0, 1, 2.5)
        xp.eye(-1)
        xp.eye(2.5)
        xp.asarray([[1, 2], [3]])
        xp.asarray(["a"], dtype=float)
        xp.tril(I[0])
        xp.meshgrid(A, I, indexing="zz")
        np.zeros_like(A, shape=(2, -1))
        np.full_like(U, 300)
        np.ones_like(A, dtype="nothing")
    """,
    "indexing": """
        A[6]
        A[-7]
        A[0, 4]
        A[0, 0, 0]
        A[1.0]
        A["a"]
        A[None, 6]
        A[..., ...]
        A[::0]
        A[[0, 6]]
        A[[0, -7], :2]
        A[[0, 1], [0, 1, 2]]
        A[:, [4]]
        A[np.array([0.5])]
        A[M[:3]]
        A[:, np.ones(6, bool)]
        A[I]
        A[K]
        A[M, 4]
        A[1:2, "b"]
        A.__setitem__(6, 1)
        A.__setitem__(0, "a")
        A.__setitem__(np.s_[:], np.ones(3))
        A.__setitem__(np.s_[:], np.ones((2, 6, 4)))
        A.__setitem__(np.s_[:2], A[:3])
        A.__setitem__([0, 6], 1)
        A.__setitem__(K, 1)
        A.__setitem__(A > 5, [1, 2])
        A.__setitem__(M, np.ones((9, 4)))
        U.__setitem__(0, 300)
        U.__setitem__(0, -1)
        I.__setitem__(0, 1j)
        I.__setitem__(0, float("nan"))
        I.__setitem__([0, 1], [1j, 2])
        np.take(A, 6, axis=0)
        np.take(A, [0, 99])
        np.take(A, K, axis=0)
        np.take(A, 0, axis=2)
        np.take(A, 0, mode="zz")
        np.take(Z, [0], axis=0)
        np.take_along_axis(A, K, 0)
        np.take_along_axis(A, I[:, None], 0)
        np.take_along_axis(A, np.full((1, 4), 9), 0)
        np.put_along_axis(A, np.full((1, 4), 9), 0, 0)
        np.put(A, [99], 1)
        np.put(A, K, 1)
        np.compress([True] * 9, A, axis=0)
        np.compress(M, A, axis=3)
        np.choose(K, [A[:, 0], A[:, 0]])
        np.select([A > 1], [A, A])
        np.nonzero(A[0, 0])
        np.unravel_index(99, (3, 4))
        np.unravel_index(K, (3, 4))
        np.ravel_multi_index((I, I), (3, 4))
        np.delete(A, 6, axis=0)
        np.delete(A, [0, 9], axis=1)
        np.delete(A, 0, axis=2)
        np.insert(A, 9, 0, axis=0)
        np.insert(A, 0, np.ones(3), axis=0)
        np.insert(A, 0, 0, axis=3)
        np.copyto(I, 1.5)
        np.copyto(A, np.ones(3))
        np.copyto(A, 1, where=np.ones(3, bool))
        np.place(A, A > 0, [])
        np.putmask(A, np.ones(3, bool), 1)
        np.diagonal(I)
        np.diagonal(A, axis1=0, axis2=0)
        np.diag(T)
        np.trace(I)
        np.fill_diagonal(I, 1)
        np.fill_diagonal(T, 1)
    """,
    "elements": """
        A + np.ones(5)
        A + A.T
        A @ A
        A < np.ones((4, 6))
        np.add(A, A, out=A[:3])
        np.add(A, 1.5, out=A.astype("i8"))
        np.add(A, 1, where=np.ones(3, bool))
        np.add(A, 1, dtype="i8")
        np.add(A, "a")
        np.add(A)
        np.sqrt(A, casting="zz")
        np.bitwise_and(A, 1)
        np.invert(A)
        A.__iadd__(1j)
        I.__itruediv__(2)
        U.__iadd__(300)
        U.__iadd__(I[0])
        I ** -1
        np.where(A > 0, A, np.ones(5))
        np.where(A > 0, A)
        np.clip(A, np.ones(5), None)
        np.broadcast_to(A, (6, 5))
        np.broadcast_to(A, (4,))
        np.broadcast_arrays(A, I)
        A.astype("nothing")
        A.astype("i8", casting="safe")
        np.isclose(A, np.ones(5))
        np.allclose(A, np.ones(5))
        np.add.reduce(A, axis=2)
        np.add.accumulate(A, axis=2)
        np.sqrt.reduce(A)
        np.add.at(I, [0, 99], 1)
        np.interp(A, I, I[:3])
        np.interp(A, [], [])
        np.cross(A, A)
        np.cross(T, T, axis=7)
        np.round(A, 1.5)
        np.polyval(A, "a")
        np.nan_to_num(A, nan="a")
    """,
    "shapes": """
        np.reshape(A, (5, 5))
        np.reshape(A, (-1, -1))
        np.reshape(A, (-1, 5))
        np.reshape(A, "a")
        np.reshape(A, (2.0, 12))
        np.reshape(A, 24, order="Z")
        A.reshape(7)
        np.ravel(A, order="Z")
        np.transpose(A, (0, 2))
        np.transpose(A, (0,))
        np.transpose(A, (0, 0))
        np.swapaxes(A, 0, 2)
        np.moveaxis(A, 0, 2)
        np.moveaxis(A, [0, 1], [0])
        np.rollaxis(A, 3)
        np.expand_dims(A, 5)
        np.expand_dims(A, "a")
        np.squeeze(A, 0)
        np.squeeze(A, 7)
        np.flip(A, 2)
        np.flip(A, "a")
        np.fliplr(I)
        np.rot90(I)
        np.rot90(A, axes=(0, 0))
        np.rot90(A, axes=(0, 3))
        np.concatenate([A, A[:, :2]])
        np.concatenate([A, I])
        np.concatenate([A, A], axis=2)
        np.concatenate([])
        np.concatenate([A, A], axis="a")
        np.concatenate([A, A], dtype="i8")
        np.stack([A, A[:3]])
        np.stack([A, A], axis=4)
        np.vstack([A, T])
        np.hstack([A, A[:3]])
        np.dstack([A, A[:3]])
        np.column_stack([A, I])
        np.append(A, I, axis=0)
        np.block([[A], [I]])
        np.split(A, 4)
        np.split(A, 2, axis=2)
        np.array_split(A, 0)
        np.hsplit(A[0, 0], 2)
        np.vsplit(I, 7)
        np.dsplit(A, 2)
        np.tile(A, -1)
        np.tile(A, "a")
        np.repeat(A, -1, axis=0)
        np.repeat(A, [1, 2], axis=0)
        np.repeat(A, 2, axis=2)
        np.repeat(A, K, axis=0)
        np.resize(A, (-1, 2))
        np.roll(A, 1, axis=2)
        np.roll(A, (1, 2, 3), axis=(0, 1))
        np.pad(A, -1)
        np.pad(A, ((1, 2), (1, 2), (1, 2)))
        np.pad(A, 1, mode="zz")
        np.pad(A, 1.5)
        np.pad(Z, 1, mode="edge")
        np.pad(A, 1, mode="edge", constant_values=1)
        np.apply_along_axis(np.sum, 2, A)
        np.apply_over_axes(np.sum, A, [0, 3])
        np.piecewise(A, [A > 0], [1, 2, 3])
        np.vander(A)
        np.trim_zeros(I, "zz")
    """,
    "statistics": """
        np.sum(A, axis=2)
        np.sum(A, axis="a")
        np.sum(A, axis=(0, 0))
        np.sum(A, axis=1.0)
        np.sum(A, dtype="nothing")
        np.sum(A, out=A)
        np.sum(A, where=np.ones(3, bool))
        np.mean(A, axis=-3)
        np.var(A, axis=2)
        np.min(Z)
        np.min(Z, axis=0)
        np.max(A, axis=2)
        np.argmin(Z, axis=0)
        np.argmax(A, axis=2)
        np.argmax(A, axis=(0, 1))
        np.nanmin(Z)
        np.nanargmin(N, axis=1)
        np.nanargmax(N * np.nan)
        np.ptp(Z)
        np.average(A, weights=np.ones(3))
        np.average(A, axis=0, weights=np.ones(3))
        np.average(A, axis=0, weights=np.zeros(6))
        np.cumsum(A, axis=2)
        np.cumprod(A, axis="a")
        np.cumsum(A, axis=0, out=I)
        np.cumulative_sum(A)
        np.diff(A, n=-1)
        np.diff(A, axis=2)
        np.diff(A[0, 0])
        np.trapezoid(A, axis=3)
        np.trapezoid(A, x=np.ones(3))
        np.gradient(A[:1])
        np.gradient(A, 1, 2, 3)
        np.gradient(A, axis=3)
        np.gradient(A, edge_order=5)
        np.unwrap(A, axis=2)
        np.convolve(A, A)
        np.convolve(I, Z[:, 0])
        np.convolve(I, I, mode="zz")
        np.correlate(I, I[:0])
        np.lib.stride_tricks.sliding_window_view(A, 9, 0)
        np.lib.stride_tricks.sliding_window_view(A, 2)
        np.median(A, axis=2)
        np.percentile(A, 101)
        np.percentile(A, [-1, 5])
        np.percentile(A, 5, axis=2)
        np.quantile(A, 1.5)
        np.quantile(A, 0.5, method="zz")
        np.quantile(A > 0, 0.5)
        np.quantile(A * 1j, 0.5)
        np.histogram(A, bins=0)
        np.histogram(A, bins=-2)
        np.histogram(A, bins=[2, 1])
        np.histogram(A, bins="zz")
        np.histogram(A, range=(2, 1))
        np.histogram(A, range=(0, np.nan))
        np.histogram(N)
        np.histogram(A, weights=np.ones(3))
        np.histogram2d(I, I[:3])
        np.histogramdd(A, bins=[2, 2])
        np.bincount(A[0])
        np.bincount(I - 3)
        np.bincount(A)
        np.bincount(I, weights=np.ones(3))
        np.bincount(I, minlength=-1)
        np.cov(T)
        np.cov(A, ddof=1.5)
        np.cov(A, aweights=-np.ones(4))
        np.corrcoef(T)
    """,
    "sorting": """
        np.sort(A, axis=2)
        np.sort(A, axis="a")
        np.sort(A, kind="zz")
        np.sort(A[0, 0])
        np.sort(A, order="x")
        np.sort(A, kind="stable", stable=True)
        np.argsort(A, axis=-3)
        A.sort(axis=2)
        np.partition(A, 9)
        np.partition(A, 1.5)
        np.partition(A, 1, axis=2)
        np.argpartition(A, -9)
        np.lexsort((I, I[:3]))
        np.lexsort((A, A), axis=2)
        np.searchsorted(A, 1)
        np.searchsorted(I, 1, side="zz")
        np.searchsorted(I, 1, sorter=[0, 1])
        np.digitize(A, [1, 3, 2])
        np.digitize(A, np.ones((2, 2)))
        np.digitize(A * 1j, [1, 2])
        np.unique(A, axis=2)
        np.isin(A, I, kind="zz")
        np.isin(A, I, kind="table")
    """,
    "linalg": """
        np.matmul(A, A)
        np.matmul(A, 2)
        np.dot(A, A)
        np.vdot(A, I)
        np.inner(A, I)
        np.tensordot(A, A, axes=1)
        np.tensordot(A, A, axes=([0], [0, 1]))
        np.tensordot(A, A, axes=3)
        np.einsum("ij,jk", A, A)
        np.einsum("ij->ik", A)
        np.einsum("ijk", A)
        np.einsum("ij,", A)
        np.einsum("i&", A)
        np.linalg.inv(A)
        np.linalg.inv(S * 0)
        np.linalg.inv(I)
        np.linalg.solve(S, np.ones(3))
        np.linalg.solve(S * 0, np.ones(4))
        np.linalg.solve(A, A)
        np.linalg.det(A)
        np.linalg.slogdet(I)
        np.linalg.cholesky(A)
        np.linalg.cholesky(-S)
        np.linalg.cholesky(N[:4])
        np.linalg.eigh(A)
        np.linalg.eigh(S, UPLO="Z")
        np.linalg.eigvals(A)
        np.linalg.eigvals(N[:4])
        np.linalg.svd(I)
        np.linalg.svd(N)
        np.linalg.qr(A, mode="zz")
        np.linalg.qr(I)
        np.linalg.lstsq(A, np.ones(3))
        np.linalg.lstsq(I, I)
        np.linalg.pinv(I)
        np.linalg.norm(A, ord="zz")
        np.linalg.norm(A, axis=2)
        np.linalg.norm(T, ord=2)
        np.linalg.norm(A, ord=3)
        np.linalg.norm(A, axis=(0, 0))
        np.linalg.vector_norm(A, axis=3)
        np.linalg.matrix_norm(I)
        np.linalg.cond(I)
        np.linalg.matrix_power(A, 2)
        np.linalg.matrix_power(S, 1.5)
        np.linalg.matrix_power(S * 0, -1)
        np.linalg.multi_dot([A])
        np.linalg.multi_dot([A, A, A])
        np.linalg.matrix_rank(N)
        np.linalg.tensorinv(A)
        np.linalg.matrix_transpose(I)
        np.linalg.inv(S.astype("f2"))
    """,
    "fft": """
        np.fft.fft(A, axis=2)
        np.fft.fft(A, n=0)
        np.fft.fft(A, n=-1)
        np.fft.fft(A, n=2.5)
        np.fft.fft(A, norm="zz")
        np.fft.fft(A[0, 0])
        np.fft.fft(Z, axis=0)
        np.fft.rfft(A * 1j)
        np.fft.irfft(A, n=0)
        np.fft.fftn(A, axes=(0, 3))
        np.fft.fftn(A, s=(2, 2, 2))
        np.fft.fftn(A, s=(0, 2), axes=(0, 1))
        np.fft.fftn(A, s=(2,), axes=(0, 1))
        np.fft.fft2(I)
        np.fft.irfftn(A, axes=(5,))
        np.fft.fftshift(A, axes=2)
        np.fft.hfft(A, n=-2)
    """,
    "random": """
        rng.random(-1)
        rng.random((2, -3))
        rng.random(2.5)
        rng.random("a")
        rng.random(3, dtype="i8")
        rng.normal(0, -1, 3)
        rng.normal([1, 2], 1, 3)
        rng.uniform(0, np.inf, 3)
        rng.integers(5, 5, 3)
        rng.integers(5, 2, 3)
        rng.integers(0, 300, 3, dtype="u1")
        rng.integers(0, 3, 3, dtype=float)
        rng.poisson(-1, 3)
        rng.exponential(-1, 3)
        rng.binomial(3, 1.5, 3)
        rng.binomial(-3, 0.5, 3)
        rng.gamma(-1, 1, 3)
        rng.beta(0, -1, 3)
        rng.choice(5, 9, replace=False)
        rng.choice(0, 2)
        rng.choice(3, 2, p=[0.5, 0.5])
        rng.choice(2, 2, p=[0.5, 0.6])
        rng.permutation("a")
        rng.shuffle(3)
        rng.permuted(A, axis=2)
    """,
    "one value": """
        I ** J
        np.power(I, J)
        I.__ipow__(J)
        np.power.at(I, [6, 0], -1)
        np.power.at(I, [0, 6], [2, -1])
        np.power.at(I, I, J)
        np.power(I, J, out=I)
        np.power(I, J, where=J < 0)
        np.power.outer(I, J)
        np.float_power(I, "a")
        np.power([1, 2, 3, 4, 5, 6, 7], J)
        np.power(I, [1, 1, -1, 1, 1, 1, 1])
        np.strings.add(A, "a")
        np.copyto(U, -1)
        np.copyto(U, 1.5)
        np.copyto(A, 1j)
        np.array_split(I, J)[0].nothing
        A.__setitem__(np.s_[:], np.array([["1", "1", "1", "x"]]))
        A.__setitem__([0, 1], np.array([["1", "1", "1", "x"]]))
        A.__setitem__(A > 20, np.array(["1", "1", "x"]))
        A.__setitem__(A > 20, np.array("x"))
        A.__setitem__(np.s_[:], np.array([[1, 2, 3, "x"]], object))
        xp.asarray(["1", "2", "x", "4"]).astype(float)
        np.repeat(I, J)
        np.repeat(A, J[1:], axis=0)
        np.take(I, J - 20)
        np.take_along_axis(I, J - 20, 0)
        np.put_along_axis(I, J - 20, 1, 0)
        np.put(I, J - 20, 1)
        np.choose(J, [I, I])
        I[J * 99]
        I[np.abs(J) * 9]
        I.__setitem__(np.abs(J) * 9, 1)
        I.__setitem__(np.abs(J) * 9, I)
        np.add.at(I, np.abs(J) * 9, 1)
        np.add.at(I, np.abs(J) * 9, I)
        A[np.abs(J) * 9, 0]
        A[0, np.abs(J) * 9]
        A[np.abs(J)[:6, None] * 9, np.abs(J)]
        np.delete(I, np.abs(J) * 9)
        np.insert(I, np.abs(J) * 9, 1)
        np.split(I, J)[0].nothing
        np.bincount(J)
        np.bincount(np.abs(J), weights=J * 1j)
        np.bincount(np.abs(J), weights=I[:3])
        np.unravel_index(J, (7, 7))
        np.ravel_multi_index((J, I), (9, 9))
        np.searchsorted(I, 3, sorter=np.abs(J) * 9)
        np.digitize(A, J)
        np.percentile(A, J)
        np.histogram(N, bins=3)
        np.histogram(N * np.inf, bins="auto")
        np.average(A, axis=1, weights=np.array([1, -1, 1, -1]))
        np.average(A, axis=0, weights=W)
        np.cov(S, aweights=W[:4, 1] - 1)
        np.linalg.inv(B)
        np.linalg.solve(B, np.ones((5, 3, 1)))
        np.linalg.cholesky(B)
        np.linalg.matrix_power(B, -2)
        np.linalg.tensorinv(B[0] * 0, ind=1)
        np.linalg.cholesky(S - 99 * np.diag(np.array([0, 0, 0, 1.0])))
        np.linalg.eigvals(B * np.inf)
        np.linalg.eig(B * np.nan)
        np.linalg.eigh(B * np.nan)
        np.linalg.svd(B * np.nan)
        np.linalg.svd(N)
        np.linalg.pinv(N)
        np.linalg.lstsq(N, np.ones(6))
        np.nanargmax(N, axis=1)
        np.nanargmin(N.T, axis=0)
        np.put(A, 24, 0)
        np.place(I, J < 0, [])
        rng.normal(0, J, 7)
        rng.choice(I, 99, replace=False)
        np.resize(I, J)
        np.pad(I, J)
        np.tile(I, J)
        np.transpose(A, J)
        np.gradient(I, J[:3])
        np.interp(I, J, J[:3])
        np.trapezoid(I, J[:3])
        np.linspace(0, 1, J[3])
        xp.zeros(J[3])
        int(J)
        J.item(7)
        range(A)
        [1, 2][A]
        J[0.0]
        "a" + I
        A[A]
        A[A > 0, 0]
    """,
    "methods": """
        A.sum(axis=2)
        A.reshape(5, 5)
        A.transpose(0, 2)
        A.take([99])
        A.repeat(-1)
        A.item(99)
        A.item()
        A.argmax(axis=4)
        A.cumsum(axis=3)
        A.squeeze(0)
        A.swapaxes(0, 4)
        A.dot(A)
        A.clip(np.ones(5), 9)
        A.std(axis=3)
        A.compress([True] * 9, axis=0)
        A.nothing
        A.sum(nothing=1)
        float(A)
        bool(A)
        int(Z)
        len(A[0, 0])
        hash(A)
        A.__index__()
        iter(A[0, 0]).__next__()
    """,
}
CASES = [
    (area, line.strip())
    for area, text in LINES.items()
    for line in text.split("\n")
    if line.strip()
]
MAPS = {
    "rows": lambda n: pm.Map([-1] + [1] * (n - 1)),
    "cyclic columns": lambda n: pm.Map([1] * (n - 1) + [-1], "c", procs=None),
}


def arrays():
    """Whole arrays by the names that the lines use."""
    S = np.arange(16.0).reshape(4, 4) + 20 * np.eye(4)
    N = np.arange(24.0).reshape(6, 4)
    N[3] = np.nan
    return {
        "A": np.arange(24.0).reshape(6, 4),
        "B": np.eye(3) * np.array([1, 2, 3, 0, 5.0])[:, None, None],
        "I": np.arange(7),
        "J": np.array([1, 1, 1, -1, 1, 1, 1]),
        "K": np.array([0, 1, 2, -1, 1, 99]),
        "M": np.array([True, False, True, False, True, False]),
        "N": N,
        "S": S + S.T,
        "T": np.arange(24.0).reshape(2, 3, 4),
        "U": np.arange(7, dtype="u1"),
        "W": np.array([[1.0, 0, 1, 1]] * 6),
        "Z": np.zeros((0, 3)),
    }


def raised(line, names):
    """What a line raises; None where it does not."""
    try:
        with np.errstate(all="ignore"):
            eval(line, names)
    except Exception as error:
        return error
    return None


def builtin_types(error):
    """The built-in exceptions that an exception is, the nearest ones."""
    found = [t for t in type(error).__mro__ if t.__module__ == builtins.__name__]
    return [
        t
        for t in found
        if t not in (BaseException, Exception, object)
        and not any(issubclass(o, t) and o is not t for o in found)
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", MAPS)
@pytest.mark.parametrize(("area", "line"), CASES, ids=[line for _, line in CASES])
def test_bad_input_raises_numpys_type_on_all_ranks(area, line, kind):
    plain = arrays()
    expected = raised(line, {"np": np, "xp": np, "rng": np.random.default_rng(1), **plain})
    assert expected is not None, "NumPy takes this line"
    held = {name: pm.asarray(a, map=MAPS[kind](a.ndim)) for name, a in plain.items()}
    before = pm.default_map()
    pm.default_map("auto")
    try:
        found = raised(line, {"np": np, "xp": pm, "rng": pm.random.default_rng(1), **held})
    finally:
        pm.default_map(before)
    kinds = world().allgather(None if found is None else type(found).__name__)
    assert len(set(kinds)) == 1, f"ranks differ: {kinds}"
    assert found is not None, f"nothing raised; NumPy raises {expected!r}"
    wanted = builtin_types(expected)
    assert all(isinstance(found, t) for t in wanted), f"{found!r}, NumPy raises {expected!r}"
    assert str(found), "an error without a message"
    assert int(held["I"].sum()) == int(np.sum(held["I"])) and len(set(world().allgather(1))) == 1


OWN = """
    MapError pm.agg(A, root=99)
    MapError pm.scatter(A, pm.Map([-1]), root=99)
    MapError pm.scatter(A, pm.Map([-1]), root=-1)
    MapError pm.scatter(np.ones((2, 3)), pm.Map([-1]))
    MapError pm.remap(A, pm.Map([-1]))
    MapError pm.remap(A, pm.Map([99, 1]))
    MapError pm.remap(A, "zz")
    MapError pm.remap(A, 3)
    MapError pm.zeros((4, 4), map=pm.Map([-1, 1, 1]))
    MapError pm.zeros(4, map=pm.Map([1], procs=[50]))
    MapError pm.zeros(7, map=pm.Map([1], ("x", (0, 5))))
    MapError pm.Map([0])
    MapError pm.Map([-1, -1])
    MapError pm.Map([1.5])
    MapError pm.Map(["a"])
    MapError pm.Map([2], "zz")
    MapError pm.Map([2], ("bc", 0))
    MapError pm.Map([2], ("x", (0, 5, 3)))
    MapError pm.Map([2], procs=[0])
    MapError pm.Map([2], procs=[0, 0])
    MapError pm.Map([1], procs=[0.5])
    MapError pm.Map([2], overlap=-1)
    MapError pm.Map([2], overlap=0.5)
    MapError pm.Map([2], order="Z")
    MapError pm.random.normal(size=(2, 2), map=pm.Map([-1]))
    ValueError pm.synch(A, op="zz")
    InputError pm.SendMsg(99, 1, 2)
    InputError pm.RecvMsg(99, 1)
    InputError pm.BcastMsg(99, 1)
    UnsupportedError pm.fuse(lambda a: a.sum())(A)
    ShapeError pm.fuse(lambda a, b: a + b)(A, np.ones(5))
    InputError setattr(pm.options, "gather_limit", "a")
    InputError setattr(pm.options, "pool_mb", -1)
    ShapeError np.add(A, A, out=pm.zeros((9, 9), map=A.map))
    ShapeError np.matmul(A, A.T, out=pm.zeros((9, 9), map=A.map))
    ShapeError np.fft.fft(A, out=pm.zeros((9, 9), complex, map=A.map))
    UnsupportedError np.busday_count(A, A)
    InputError pm.io.open("/nonexistent/file.tif")
"""


@pytest.mark.parametrize("case", [c.strip() for c in OWN.strip().split("\n")])
def test_bad_input_of_pmaps_own_words_raises_on_all_ranks(case):
    kind, line = case.split(" ", 1)
    found = raised(line, {"np": np, "pm": pm, "A": pm.zeros((6, 4), map=pm.Map([-1, 1]))})
    kinds = world().allgather(type(found).__name__)
    assert len(set(kinds)) == 1, f"ranks differ: {kinds}"
    expected = getattr(pm, kind, None) or getattr(builtins, kind)
    assert isinstance(found, expected), f"{found!r} is no {kind}"


LIMITED = {
    "np.asarray": lambda A, rng: np.asarray(A),
    "np.delete": lambda A, rng: np.delete(A.ravel(), 3),
    "np.insert": lambda A, rng: np.insert(A.ravel(), 3, 0),
    "np.repeat": lambda A, rng: np.repeat(A.ravel(), A.ravel()),
    "np.convolve": lambda A, rng: np.convolve(A.ravel(), A.ravel()),
    "np.linalg.eigh": lambda A, rng: np.linalg.eigh(pm.zeros((300, 300), map=A.map) + 1.0),
}


@pytest.mark.parametrize("name", LIMITED)
def test_what_every_rank_would_hold_whole_is_bounded(name, monkeypatch):
    """C6: above the limit an error that names a remedy, on all ranks, and nothing is stuck."""
    A = pm.zeros((40, 30), "i8", map=pm.Map([-1, 1]))
    monkeypatch.setattr(pm.options, "gather_limit", 100)
    if name == "np.linalg.eigh" and world().size == 1:
        pytest.skip("one rank holds the whole matrix already")
    with pytest.raises(pm.GatherError, match="gather_limit"):
        LIMITED[name](A, None)
    assert world().allgather(1) == [1] * world().size


def test_a_line_is_permuted_where_it_lies(monkeypatch):
    """C6, C2: no rank gets a whole line; the order is that of one rank."""
    monkeypatch.setattr(pm.options, "gather_limit", 100)
    whole = np.arange(1000)
    rng, plain = pm.random.default_rng(5), pm.random.default_rng(5)
    found = rng.permuted(pm.asarray(whole, map=pm.Map([-1])), axis=0)
    expected = plain.permuted(whole, axis=0)
    assert sorted(expected) == whole.tolist()
    np.testing.assert_array_equal(pm.agg_all(found), expected)
    with pytest.raises(pm.GatherError, match="permuted") if world().size > 1 else nullcontext():
        rng.permuted(pm.zeros((1, 1000), map=pm.Map([1, -1])), axis=1)


def test_a_new_array_like_another_takes_numpys_arguments():
    """A shape that is given is not left aside."""
    A = pm.zeros((4, 6), "f4", map=pm.Map([-1, 1]))
    made = np.full_like(A, 7, shape=(2, 3, 5))
    assert (made.shape, made.dtype) == ((2, 3, 5), A.dtype)
    np.testing.assert_array_equal(pm.agg_all(made), np.full((2, 3, 5), 7, "f4"))
    assert np.zeros_like(A).map == A.map
    with pytest.raises(TypeError, match="foo"):
        np.ones_like(A, foo=1)


def test_power_0_of_a_large_matrix_is_made_in_parts():
    """Each rank its part of the identity, stacks too."""
    for shape, grid in (((5, 5), [1, -1]), ((2, 3, 3), [1, -1, 1])):
        A = pm.zeros(shape, map=pm.Map(grid, "c"))
        found = np.linalg.matrix_power(A, 0)
        np.testing.assert_array_equal(pm.agg_all(found), np.broadcast_to(np.eye(shape[-1]), shape))


@pytest.mark.parametrize("place", [0, -1])
def test_one_bad_parameter_among_very_many_raises_on_all_ranks(place, monkeypatch):
    """Also where only one rank would draw with it."""
    monkeypatch.setattr("pmap.draws.distributions.CHECKED", 10)
    scale = np.ones(100)
    scale[place] = -1
    rng = pm.random.default_rng(1)
    with pytest.raises(ValueError, match="< 0"):
        rng.poisson(scale, map=pm.Map([-1]))
    assert world().allgather(1) == [1] * world().size
    assert rng.poisson(abs(scale), map=pm.Map([-1])).shape == (100,)

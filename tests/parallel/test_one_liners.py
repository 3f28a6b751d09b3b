"""A hundred lines of NumPy, run as they stand on arrays under random maps.

Each line is what somebody would write who never heard of ranks. Its result must be NumPy's on the
whole array, and bit for bit what the same line gives on one rank (C2).
"""

import numpy as np
import pytest
from fuzzing import random_map

import pmap as pm
from pmap.ranks.comm import world

LINES = """
A + B * 2 - 1
-A / (B + 1)
A ** 2 + abs(B - A)
(A > B) & ~(A == 3)
I // 3 % 5 ^ I
U * 3 + U
U / 7
np.sqrt(A) + np.exp(-B)
np.arctan2(A, B)
np.hypot(A, B) > np.pi
np.where(A > B, A, -B)
np.clip(A, 1, 3)
np.maximum(A, B).min(axis=0)
np.round(A * 3.7, 1)
np.add.outer(v, w)
np.multiply.outer(v, I[0])
A.sum()
A.sum(axis=1)
A.mean(axis=0)
(A * B).mean()
np.var(A, axis=1, ddof=1)
np.std(A)
U.sum(axis=0)
I.prod(axis=1)
A.max() - A.min()
np.ptp(A, axis=0)
A.argmax()
np.argmin(A, axis=1)
np.any(A > 4, axis=0), np.all(A >= 0)
np.count_nonzero(A > B)
np.nansum(np.where(A > 2, np.nan, A), axis=0)
np.average(A, axis=1, weights=w)
np.cumsum(I, axis=0)
np.cumsum(A)
np.cumprod(I % 3 + 1, axis=1)
np.diff(A, axis=1)
np.maximum.accumulate(A, axis=0)
np.add.reduce(A, axis=(0, 1))
np.median(A)
np.median(A, axis=0)
np.percentile(A, [10, 50, 90])
np.quantile(A, 0.3, axis=1)
np.sort(A, axis=0)
np.sort(A, axis=None)
np.argsort(I, axis=1, kind="stable")
np.argsort(A[:, 2])
A[np.argsort(A[:, 0])]
np.unique(I)
np.unique(I, return_counts=True)
np.unique(U % 5, return_inverse=True)[1]
np.searchsorted(np.sort(v), w)
np.histogram(A, bins=5)
np.histogram(A, bins=[0, 1, 2, 5])[0]
np.bincount(I.ravel() % 7)
np.isin(I, [1, 4, 9])
np.intersect1d(I, I[0] + 1)
np.digitize(A, [1.0, 2.0, 3.0])
A[2]
A[-1, 3]
A[1:9:2, ::-1]
A[..., None] - w
A[[5, 1, 9, 1]]
A[:, [3, 0]]
A[np.array([0, 2]), np.array([1, 4])]
A[A > 2]
A[v > 0]
A[:, w > 1][0]
A[np.ix_([1, 3], [0, 2])]
np.take(A, [2, 2, 0], axis=1)
np.nonzero(A > 3)
np.argwhere(A > 4)
np.flatnonzero(v > 0)
np.concatenate([A, B], axis=1)
np.concatenate([v, w])
np.stack([A, B])
np.vstack([A, B, A])
np.hstack([v, w])
np.split(A, 2, axis=0)[1]
np.array_split(v, 3)
np.pad(A, ((1, 2), (0, 3)), mode="reflect")
np.roll(A, (3, -1), axis=(0, 1))
np.flip(A, axis=1)
np.rot90(A)
np.tile(v, 3)
np.repeat(I, 2, axis=0)
A.reshape(6, 20)
A.reshape(-1)
A.T.reshape(-1, 4)
np.moveaxis(A[None], 0, -1)
np.squeeze(A[:1])
np.tril(A), np.triu(A, 1)
np.diagonal(A)
np.trace(I)
np.meshgrid(v, w)
np.gradient(A, axis=0)
np.convolve(v, [1.0, 2.0, 1.0], mode="same")
np.interp(v, [-5.0, 0.0, 5.0], [1.0, 2.0, 7.0])
np.apply_along_axis(lambda r: r[::-1] * 2, 1, A)
np.isclose(A, B), np.allclose(A, A)
np.array_equal(A, A.copy())
(A - A.mean(axis=0)) / A.std(axis=0)
(A[1:] - A[:-1]) / 2
((A > 2) * I).sum(axis=1)
"""
ROUNDED = """
A @ B.T
v @ A
np.dot(A.T, A)
np.einsum("ij,kj->ik", A, B)
np.tensordot(A, B, axes=([0], [0]))
np.outer(v, w)
np.vdot(v, v)
np.cov(A, rowvar=False)
np.corrcoef(A)
np.linalg.norm(A), np.linalg.norm(A, axis=0)
np.linalg.svd(A, compute_uv=False)
np.linalg.solve(A.T @ A + np.eye(10), w)
np.linalg.lstsq(A, v, rcond=None)[0]
np.linalg.inv(A.T @ A + np.eye(10))
np.fft.fft(A, axis=0)
np.abs(np.fft.fft2(A))
np.fft.irfft(np.fft.rfft(v))
np.kron(A[:2, :2], B[:2, :2])
"""
WRITES = """
A[2:5] = 0
A[:, ::2] += B[:, 1::2]
A[A > 2] = -1
A[A > 2] *= 2
A[[3, 1]] = A[[1, 3]]
A[:, 2] = v
A[1:, 1:] = A[:-1, :-1]
A[np.arange(5), np.arange(5)] = w[:5]
A[v > 0] = B[v > 0]
np.add.at(A, ([0, 0, 3], [1, 1, 2]), [1.0, 2.0, 4.0])
A.T[0] -= 3
np.copyto(A, B, where=A > B)
A[...] = I
A /= 3
"""


def wholes():
    """The arrays by name, equal on all ranks."""
    rng = np.random.default_rng(5)
    return {
        "A": rng.integers(0, 97, (12, 10)) / 17.0,
        "B": rng.integers(0, 89, (12, 10)) / 19.0,
        "I": rng.integers(0, 12, (12, 10)),
        "U": rng.integers(0, 250, (12, 10)).astype(np.uint8),
        "v": rng.integers(-40, 40, 12) / 7.0,
        "w": np.linspace(0.5, 4, 10),
    }


def lines(text):
    return text.strip().splitlines()


def mapped(whole, seed):
    """The arrays under random maps."""
    rng = np.random.default_rng(seed)
    return {k: pm.asarray(x, map=random_map(rng, x.shape)) for k, x in whole.items()}


def on_one_rank(whole):
    return {k: pm.asarray(x, map=pm.Map([1] * x.ndim, procs=[0])) for k, x in whole.items()}


def parts(result):
    """What a line gives, as a list of whole arrays."""
    if isinstance(result, tuple | list):
        return [p for r in result for p in parts(r)]
    return [np.asarray(result)]


def evaluated(line, names):
    return parts(eval(line, {"np": np}, names))


def seeds(line):
    return [sum(map(ord, line)) + k for k in range(3)]


@pytest.mark.parametrize("line", lines(LINES))
def test_a_line_of_numpy(line):
    whole = wholes()
    expected = evaluated(line, dict(whole))
    one = evaluated(line, on_one_rank(whole))
    for seed in seeds(line):
        found = evaluated(line, mapped(whole, seed))
        assert len(found) == len(expected)
        for f, o, e in zip(found, one, expected, strict=True):
            assert f.dtype == e.dtype and f.shape == e.shape
            np.testing.assert_allclose(f, e, rtol=1e-12, atol=1e-12 if e.dtype.kind == "f" else 0)
            assert f.tobytes() == o.tobytes(), "other bits than on one rank"


@pytest.mark.parametrize("line", lines(ROUNDED))
def test_a_line_that_rounds(line):
    whole = wholes()
    expected = evaluated(line, dict(whole))
    for seed in seeds(line):
        found = evaluated(line, mapped(whole, seed))
        assert len(found) == len(expected)
        for f, e in zip(found, expected, strict=True):
            assert f.dtype == e.dtype and f.shape == e.shape
            np.testing.assert_allclose(f, e, rtol=1e-9, atol=1e-9 * abs(e).max())


@pytest.mark.parametrize("line", lines(WRITES))
def test_a_line_that_writes(line):
    whole = wholes()
    for seed in seeds(line):
        expected = {k: x.copy() for k, x in whole.items()}
        names = mapped(whole, seed)
        exec(line, {"np": np}, expected)
        exec(line, {"np": np}, names)
        for k in whole:
            assert np.asarray(names[k]).tobytes() == expected[k].tobytes(), k


def test_results_are_distributed_and_not_gathered():
    names = mapped(wholes(), 3)
    scalars = ("A.sum()", "A.max()", "np.count_nonzero", "A.argmax()", "np.std(A)", "A[-1, 3]")
    for line in [*lines(LINES), *lines(ROUNDED)]:
        if line.startswith(scalars) or "np.trace" in line or "allclose" in line:
            continue
        result = eval(line, {"np": np}, dict(names))
        first = result[0] if isinstance(result, tuple | list) else result
        plain = np.ndim(first) == 0 or isinstance(first, pm.DistArray)
        assert plain, f"{line} gave {type(first).__name__} on {world().size} ranks"

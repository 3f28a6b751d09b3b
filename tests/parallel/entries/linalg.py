"""Products, linear algebra, covariance."""

import numpy as np

import pmap as pm

from . import COLLECTIVE, LOCAL, Entry, matrix
from .shapes import three_columns


def square(held):
    """A positive definite matrix."""
    return pm.from_function(lambda i, j: np.where(i == j, 20.0, np.cos(i + j)), (12, 12), map=held)


def flat(held):
    """A vector over all ranks of the map."""
    line = pm.Map([len(held.procs)], procs=held.procs)
    return pm.from_function(lambda i: (i * 31 % 23) - 7.5, (23,), map=line)


def _of_square(name, result, memory="copy", note=""):
    def call(A):
        return getattr(pm.linalg, name)(A)

    return Entry(f"pm.linalg.{name}", call, COLLECTIVE, result, memory, square, note)


ROWS = "A's rows × B's columns where both fit one lattice, else A's rows"

ENTRIES = [
    Entry("pm.matmul", lambda A: pm.matmul(A, A.T), COLLECTIVE, "kept", note=ROWS),
    Entry("pm.vecdot", lambda A: pm.vecdot(A, A), COLLECTIVE, "axis 1 gone"),
    Entry("pm.matvec", lambda A: pm.matvec(A, np.arange(10.0)), COLLECTIVE, "kept"),
    Entry("pm.vecmat", lambda A: pm.vecmat(np.arange(12.0), A), COLLECTIVE, "kept"),
    Entry("pm.tensordot", lambda A: pm.tensordot(A, A), COLLECTIVE, "scalar", "-"),
    Entry("pm.dot", lambda A: pm.dot(A, A), COLLECTIVE, "scalar", "-", of=flat),
    Entry("pm.vdot", lambda A: pm.vdot(A, A), COLLECTIVE, "scalar", "-"),
    Entry("pm.inner", lambda A: pm.inner(A, A), COLLECTIVE, "kept"),
    Entry("pm.outer", lambda A: pm.outer(A, np.arange(3)), LOCAL, "kept", of=flat),
    Entry("pm.einsum", lambda A: pm.einsum("ij,kj->ik", A, A), COLLECTIVE, "kept", note=ROWS),
    Entry("pm.einsum_path", lambda A: pm.einsum_path("ij,kj", A, A), LOCAL, "other", "-"),
    Entry("pm.kron", lambda A: pm.kron(A, np.eye(2)), COLLECTIVE, "kept"),
    Entry("pm.cov", lambda A: pm.cov(A), COLLECTIVE, "kept"),
    Entry("pm.corrcoef", lambda A: pm.corrcoef(A), COLLECTIVE, "kept"),
    Entry(
        "pm.linalg.matrix_transpose",
        lambda A: pm.linalg.matrix_transpose(A),
        LOCAL,
        "transposed",
        "view",
    ),
    Entry("pm.linalg.outer", lambda A: pm.linalg.outer(A, np.arange(3)), LOCAL, "kept", of=flat),
    Entry("pm.linalg.cross", lambda A: pm.linalg.cross(A, A), COLLECTIVE, "kept", of=three_columns),
    Entry("pm.linalg.diagonal", lambda A: pm.linalg.diagonal(A), COLLECTIVE, "kept"),
    Entry("pm.linalg.trace", lambda A: pm.linalg.trace(A), COLLECTIVE, "scalar", "-"),
    Entry("pm.linalg.norm", lambda A: pm.linalg.norm(A), COLLECTIVE, "scalar", "-"),
    Entry("pm.linalg.vector_norm", lambda A: pm.linalg.vector_norm(A), COLLECTIVE, "scalar", "-"),
    Entry("pm.linalg.matrix_norm", lambda A: pm.linalg.matrix_norm(A), COLLECTIVE, "scalar", "-"),
    Entry("pm.linalg.qr", lambda A: pm.linalg.qr(A), COLLECTIVE, "kept"),
    Entry("pm.linalg.svd", lambda A: pm.linalg.svd(A), COLLECTIVE, "kept"),
    Entry("pm.linalg.svdvals", lambda A: pm.linalg.svdvals(A), COLLECTIVE, "kept"),
    Entry("pm.linalg.pinv", lambda A: pm.linalg.pinv(A), COLLECTIVE, "transposed"),
    Entry("pm.linalg.matrix_rank", lambda A: pm.linalg.matrix_rank(A), COLLECTIVE, "scalar", "-"),
    Entry("pm.linalg.lstsq", lambda A: pm.linalg.lstsq(A, np.ones(12)), COLLECTIVE, "kept"),
    Entry(
        "pm.linalg.solve",
        lambda A: pm.linalg.solve(A, np.ones(12)),
        COLLECTIVE,
        "kept",
        of=square,
        note="b's map",
    ),
    Entry(
        "pm.linalg.multi_dot",
        lambda A: pm.linalg.multi_dot([A, A.T, A]),
        COLLECTIVE,
        "kept",
        of=matrix,
    ),
    Entry(
        "pm.linalg.matrix_power",
        lambda A: pm.linalg.matrix_power(A, 3),
        COLLECTIVE,
        "kept",
        of=square,
    ),
    _of_square("cholesky", "same"),
    _of_square("inv", "same"),
    _of_square("det", "scalar", "-"),
    _of_square("slogdet", "scalar", "-"),
    _of_square("cond", "scalar", "-"),
    _of_square("eig", "kept"),
    _of_square("eigh", "kept"),
    _of_square("eigvals", "kept", note="on all ranks of A"),
    _of_square("eigvalsh", "kept", note="on all ranks of A"),
    Entry(
        "pm.linalg.tensorinv", lambda A: pm.linalg.tensorinv(A, 1), COLLECTIVE, "kept", of=square
    ),
    Entry(
        "pm.linalg.tensorsolve",
        lambda A: pm.linalg.tensorsolve(A, np.ones(12)),
        COLLECTIVE,
        "kept",
        of=square,
    ),
]

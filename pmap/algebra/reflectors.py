"""Householder QR of one matrix over its ranks, by block columns (as LAPACK's geqrf, and orgqr).

A panel's reflectors are I − V T Vᴴ (Schreiber and Van Loan, SIAM J. Sci. Stat. Comput. 10, 1989);
the owner sends V and tau, and each rank applies them to its own columns.
"""

import numpy as np
from scipy.linalg import lapack

from .columns import Columns, subtract


def reflect(x: Columns, what: str) -> dict[int, np.ndarray]:
    """QR in place: R in the upper triangle of x, the reflectors below it. COLLECTIVE.

    Returns
    -------
    dict of int to ndarray
        For each of this rank's panels, by its first column, the scalars tau.
    """
    m, n = x.shape
    geqrf = lapack.get_lapack_funcs("geqrf", (np.empty(1, x.local.dtype),))
    taus = {}
    for start, stop, owner in x.panels(min(m, n)):
        message = None
        if owner == x.like.world.rank:
            part = x.part(start, stop)
            found, tau, _, _ = geqrf(part[:, start:].T)
            part[:, start:] = found.T
            taus[start] = tau
            message = _message(part[:, start:], tau)
        panel = x.sent(message, (stop - start, m - start + 1), owner, what)
        if panel.size:
            rest = x.local[x.later(stop) :, start:]
            v, t = _block(panel)
            _apply(rest, v, t.conj())
    return taus


def orthogonal(x: Columns, taus: dict[int, np.ndarray], k: int, what: str) -> Columns:
    """The first k columns of Q, from what :func:`reflect` left. COLLECTIVE."""
    m, n = x.shape
    q = Columns.identity(m, k, x.like)
    for start, stop, owner in reversed(list(x.panels(min(m, n)))):
        message = None
        if owner == x.like.world.rank:
            message = _message(x.part(start, stop)[:, start:], taus[start])
        panel = x.sent(message, (stop - start, m - start + 1), owner, what)
        if panel.size:
            v, t = _block(panel)
            _apply(q.local[q.later(start) :, start:], v, t.T)
    return q


def _message(part: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """A panel after LAPACK, its tau behind each column."""
    return np.concatenate([part, tau[:, None]], axis=1)


def _block(panel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """V transposed (its rows are the reflectors) and the upper triangle T."""
    v, tau = np.triu(panel[:, :-1], 1), panel[:, -1]
    v[np.arange(len(tau)), np.arange(len(tau))] = 1
    overlap = v.conj() @ v.T
    t = np.zeros((len(tau), len(tau)), v.dtype)
    for i, scale in enumerate(tau):
        t[:i, i] = -scale * (t[:i, :i] @ overlap[:i, i])
        t[i, i] = scale
    return v, t


def _apply(rows: np.ndarray, v: np.ndarray, t: np.ndarray) -> None:
    """Apply reflectors to columns, which are kept as rows: x −= (x V̄) t Vᵀ."""
    if rows.shape[0]:
        subtract(rows, rows @ v.conj().T @ t, v)


def triangle(x: Columns, k: int) -> Columns:
    """R, shape (k, n): the upper triangle of the first k rows. LOCAL."""
    n = x.shape[1]
    held = x.map
    local = np.array(x.local[:, :k])
    for row, column in enumerate(x.mine()):
        local[row, column + 1 :] = 0
    return Columns(local, (k, n), held, x.like)

"""QR of a tall matrix whose rows are cut: TSQR.

Each rank factorises its rows, and the small R's are put together in pairs up a tree (Demmel,
Grigori, Hoemmen and Langou, SIAM J. Sci. Comput. 34, 2012, §3). Signs are those that Householder's
reflections of the whole matrix give, hence NumPy's (Ballard and others, IPDPS 2014, §IV: the signs
come out of an LU factorisation of the first rows of Q).
"""

import numpy as np
from scipy.linalg import solve_triangular

from ..arrays.distarray import DistArray
from ..layout.maps import AxisMap, Map
from ..layout.splits import Split
from ..ranks.moving import moved
from ..ranks.ragged import swap
from ..regions import fetch
from .matrices import flat, replicating

CHUNK_ROWS = 256
SIGN_PANEL = 32
WIDEST = 128
"""Columns of a matrix whose rows are factorised in chunks."""


def tall(x: DistArray) -> bool:
    """Whether each rank's share of the rows is no shorter than a row."""
    m, n = x.shape
    return m >= n * len(x.map.procs)


def skinny(x: DistArray) -> bool:
    """Whether one rank, too, is faster in chunks of rows: see :func:`rows_qr`."""
    m, n = x.shape
    return n <= WIDEST and m >= 2 * max(CHUNK_ROWS, 4 * n) and tall(x)


def row_map(x: DistArray) -> Map:
    """The map with whole rows: x's own where it cuts nothing else, else blocks over its ranks."""
    if x.map.pieces_along(1) == 1 and x.map.pieces_along(0) == len(x.map.procs):
        return x.map
    return flat(x, AxisMap(0, Split("b")), AxisMap())


def tsqr(x: DistArray, what: str) -> tuple[DistArray, np.ndarray]:
    """Q with its rows cut, and R on each rank of x's lattice. COLLECTIVE.

    Parameters
    ----------
    x : DistArray, shape (m, n), m >= n
    what : str
        The operation's name, for messages.

    Returns
    -------
    q : DistArray, shape (m, n)
        Rows as x's where x has whole rows.
    r : ndarray, shape (n, n)
        Upper triangular; empty on ranks outside the lattice.
    """
    held, world = row_map(x), x.world
    n = x.shape[1]
    inside = held.coords(world.rank) is not None
    block = x.block_under(held, what)
    q = np.empty((0, 0), x.dtype)
    r = np.empty((0, n), x.dtype)
    if inside:
        q, r = rows_qr(block)
    r, factors = _up(r, held, world, what)
    top = replicating(x, 2)
    source = Map.lattice((1,), (AxisMap(), AxisMap()), held.procs[:1])
    r = moved(r, (n, n), source, top, world, what)
    change = _down(n, factors, held, world, what, x.dtype)
    local = q @ change if inside else np.empty((0, 0), x.dtype)
    found = DistArray(local, (x.shape[0], n), held, world)
    signs = _signs(found, r, top)
    if inside:
        local *= signs
        r = signs.conj()[:, None] * r
    return found, r


def rows_qr(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """QR of one rank's rows; of many short ones in chunks that stay in the cache. LOCAL.

    LAPACK goes over a whole tall matrix once for each column; here each chunk is factorised by
    itself and the R's together, as those of ranks are.
    """
    m, n = a.shape
    rows = max(CHUNK_ROWS, 4 * n)
    chunks = m // rows
    if chunks < 2 or not 0 < n <= WIDEST:
        return np.linalg.qr(a)
    q, r = np.linalg.qr(a[: chunks * rows].reshape(chunks, rows, n))
    q_rest, r_rest = np.linalg.qr(a[chunks * rows :])
    top, r = rows_qr(np.concatenate([r.reshape(-1, n), r_rest]))
    found = np.empty_like(a, order="C")
    np.matmul(
        q, top[: chunks * n].reshape(chunks, n, n), out=found[: chunks * rows].reshape(q.shape)
    )
    np.matmul(q_rest, top[chunks * n :], out=found[chunks * rows :])
    return found, r


def _up(r: np.ndarray, held: Map, world: object, what: str) -> tuple[np.ndarray, list]:
    """The tree upwards: R at the first rank; at each rank the (Q, rows above) of its pairs."""
    place = held.procs.index(world.rank) if world.rank in held.procs else None
    factors, step = [], 1
    nothing = r[:0]
    while step < len(held.procs):
        parts = [nothing] * world.size
        sends = place is not None and place % (2 * step) == step
        if sends:
            parts[held.procs[place - step]] = r
        came = swap(parts, world, what)
        pairs = place is not None and place % (2 * step) == 0 and place + step < len(held.procs)
        if pairs:
            other = came[held.procs[place + step]]
            q, both = np.linalg.qr(np.concatenate([r, other]))
            factors.append((step, q, len(r)))
            r = both
        step *= 2
    first = place == 0
    return (r if first else np.empty((0, 0), r.dtype)), factors


def _down(
    n: int, factors: list, held: Map, world: object, what: str, dtype: np.dtype
) -> np.ndarray | None:
    """The tree downwards: by what each rank's own Q has to be multiplied."""
    place = held.procs.index(world.rank) if world.rank in held.procs else None
    change = np.eye(n, dtype=dtype) if place == 0 else np.empty((0, n), dtype)
    step = 1
    while step < len(held.procs):
        step *= 2
    while (step := step // 2) >= 1:
        parts = [change[:0]] * world.size
        if factors and factors[-1][0] == step:
            _, q, above = factors.pop()
            both = q @ change
            change = both[:above]
            parts[held.procs[place + step]] = both[above:]
            parts[world.rank] = change[:0]
        came = swap(parts, world, what)
        if place is not None and place % (2 * step) == step:
            change = came[held.procs[place - step]]
    return change


def _signs(q: DistArray, r: np.ndarray, top: Map) -> np.ndarray:
    """By what the columns of Q are multiplied so that they are those of Householder's method."""
    n = q.shape[1]
    box = (slice(0, n), slice(0, n))
    inside = [top.coords(rank) is not None for rank in range(q.world.size)]
    first = fetch(q, [[box] if here else [] for here in inside])
    if not first:
        return np.empty(0, q.dtype)
    diagonal = np.diagonal(r)
    size = np.abs(diagonal)
    phase = np.where(size > 0, diagonal / np.where(size > 0, size, 1), 1).astype(q.dtype)
    return phase * householder_signs(first[0] * phase)


def householder_signs(q: np.ndarray) -> np.ndarray:
    """Signs of the columns in Householder's method, from the first rows of Q (pure).

    Parameters
    ----------
    q : ndarray, shape (n, n)
        The first rows of orthonormal columns that belong to an R with a diagonal >= 0; destroyed.

    Examples
    --------
    >>> householder_signs(np.array([[0.6, 0.8], [0.0, 0.0]]))
    array([-1., -1.])
    """
    n = len(q)
    signs = np.ones(n, q.dtype)
    for start in range(0, n, SIGN_PANEL):
        stop = min(start + SIGN_PANEL, n)
        for i in range(start, stop):
            x = q[i, i].real
            kept = q.dtype.kind == "f" and abs(x) == 1  # nothing below it: nothing to reflect
            signs[i] = np.copysign(1, x) if kept else -np.copysign(1, x)
            pivot = q[i, i] - signs[i]
            q[i + 1 :, i] = q[i + 1 :, i] / pivot if pivot else 0
            q[i + 1 :, i + 1 : stop] -= np.outer(q[i + 1 :, i], q[i, i + 1 : stop])
        lower = q[start:stop, start:stop]
        q[start:stop, stop:] = solve_triangular(
            lower, q[start:stop, stop:], lower=True, unit_diagonal=True, check_finite=False
        )
        q[stop:, stop:] -= q[stop:, start:stop] @ q[start:stop, stop:]
    return signs

"""LU, Cholesky and QR of one matrix whose columns lie block-cyclically over its ranks.

Right-looking, a block column (panel) at a time: its owner factorises it by LAPACK, all rows being
there, sends it to the others, and each rank brings its own later columns up to date. So pivoting
needs no messages of its own, and a rank holds its columns and one panel. (Dongarra, Luszczek and
Petitet, The LINPACK benchmark, 2003, §3, on a grid of one row.)

Blocks are kept transposed: the rows of ``local`` are columns of the matrix.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.linalg import LinAlgError
from scipy.linalg import lapack, solve_triangular

from ..arrays.distarray import DistArray
from ..layout.maps import AxisMap, Map
from ..layout.splits import Split
from ..ranks.moving import moved
from .matrices import flat, replicating

PANEL = 96
UPDATE_BYTES = 1 << 20
"""Of a product that is subtracted at once: it should stay in the cache."""


@dataclass
class Columns:
    """This rank's columns of a matrix of shape (m, n), as rows of ``local``."""

    local: np.ndarray
    shape: tuple[int, int]
    map: Map
    like: DistArray

    @classmethod
    def of(cls, x: DistArray, what: str, like: DistArray | None = None) -> "Columns":
        """A copy of a DistArray's columns, over the ranks of ``like``. COLLECTIVE."""
        m, n = x.shape
        like = x if like is None else like
        held = flat(like, AxisMap(0, Split("bc", PANEL)), AxisMap())
        turned = x.T.block_under(held, what)
        turned = turned.copy() if np.may_share_memory(turned, x.block) else turned
        return cls(turned, (m, n), held, like)

    @classmethod
    def identity(cls, m: int, n: int, like: DistArray) -> "Columns":
        """Columns of the identity. LOCAL."""
        held = flat(like, AxisMap(0, Split("bc", PANEL)), AxisMap())
        local = np.zeros(held.local_shape((n, m), like.world.rank), like.dtype)
        made = cls(local, (m, n), held, like)
        for row, column in enumerate(made.mine()):
            local[row, column] = 1 if column < m else 0
        return made

    def mine(self) -> np.ndarray:
        """Global numbers of this rank's columns, ascending."""
        owned = self.map.owned(self.shape[::-1], self.like.world.rank)
        return np.empty(0, np.int64) if owned is None else owned[0].indices()

    def later(self, column: int) -> int:
        """Place of this rank's first column from ``column`` on."""
        owned = self.map.owned(self.shape[::-1], self.like.world.rank)
        return 0 if owned is None else owned[0].position(column)

    def panels(self, stop: int) -> Iterator[tuple[int, int, int]]:
        """(first column, end, owning rank) of each panel before column ``stop``."""
        procs = self.map.procs
        for i, start in enumerate(range(0, stop, PANEL)):
            yield start, min(start + PANEL, stop), procs[i % len(procs)]

    def part(self, start: int, stop: int) -> np.ndarray:
        """This rank's columns of a panel, a view."""
        return self.local[self.later(start) : self.later(stop)]

    def sent(self, panel: np.ndarray | None, shape: tuple, owner: int, what: str) -> np.ndarray:
        """A panel of its owner on all ranks of the lattice. COLLECTIVE."""
        world = self.like.world
        source = Map.lattice((1,), (AxisMap(), AxisMap()), (owner,))
        local = np.empty((0, 0), self.local.dtype) if panel is None else panel
        return moved(local, shape, source, replicating(self.like, 2), world, what)

    def array(self, target: Map, what: str) -> np.ndarray:
        """This rank's part of the matrix under another map. COLLECTIVE."""
        turned = target.with_axes(target.axes[::-1])
        m, n = self.shape
        return moved(self.local, (n, m), self.map, turned, self.like.world, what).T


def subtract(target: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Make target -= a b, with a product no larger than the cache at a time."""
    rows = max(16, UPDATE_BYTES // max(1, target.shape[1] * target.itemsize))
    for r in range(0, target.shape[0], rows):
        target[r : r + rows] -= a[r : r + rows] @ b


def eliminate(x: Columns, b: Columns | None, what: str) -> tuple[np.ndarray, int]:
    """LU with partial pivoting in place, its upper factor in x; b becomes L⁻¹ P b. COLLECTIVE.

    Returns
    -------
    diagonal : ndarray
        Of U, equal on all ranks of the lattice (zeros elsewhere).
    swaps : int
        How many rows were exchanged.
    """
    n = x.shape[1]
    inside = x.map.coords(x.like.world.rank) is not None
    getrf = lapack.get_lapack_funcs("getrf", (np.empty(1, x.local.dtype),))
    diagonal, swaps = np.zeros(n, x.local.dtype), 0
    for start, stop, owner in x.panels(n):
        mine = owner == x.like.world.rank
        message = _factorised(x.part(start, stop), start, getrf) if mine else None
        shape = (stop - start, n - start + 1)
        panel = x.sent(message, shape, owner, what)
        if not inside:
            continue
        order, exchanged = _order(panel[:, -1].real.astype(int), n - start)
        swaps += exchanged
        width = stop - start
        diagonal[start:stop] = np.diagonal(panel[:, :width])
        for y, first in ((x, x.later(stop)), (b, 0)):
            if y is not None:
                _forwards(y.local[first:, start:], panel[:, :-1], order)
    return diagonal, swaps


def _factorised(part: np.ndarray, start: int, getrf: object) -> np.ndarray:
    """The owner's panel after LAPACK: its rows from ``start`` on, and the pivots behind them."""
    lu, pivots, _ = getrf(part[:, start:].T)
    part[:, start:] = lu.T
    message = np.empty((part.shape[0], part.shape[1] - start + 1), part.dtype)
    message[:, :-1] = lu.T
    message[:, -1] = 0
    message[: len(pivots), -1] = pivots
    return message


def _order(pivots: np.ndarray, n: int) -> tuple[np.ndarray, int]:
    """Rows in their order after LAPACK's exchanges, as (changed places, what goes there)."""
    order = np.arange(n)
    exchanged = 0
    for i, p in enumerate(pivots):
        if p != i:
            order[[i, p]] = order[[p, i]]
            exchanged += 1
    places = np.flatnonzero(order != np.arange(n))
    return np.stack([places, order[places]]), exchanged


def _forwards(rest: np.ndarray, panel: np.ndarray, order: np.ndarray) -> None:
    """Exchange rows of later columns, solve with the panel's L and subtract its product."""
    if not rest.shape[0]:
        return
    width = panel.shape[0]
    rest[:, order[0]] = rest[:, order[1]]
    lower = panel[:, :width].T
    top = solve_triangular(
        lower, rest[:, :width].T, lower=True, unit_diagonal=True, check_finite=False
    ).T
    rest[:, :width] = top
    subtract(rest[:, width:], top, panel[:, width:])


def back_substitute(x: Columns, b: Columns, what: str) -> None:
    """Put U⁻¹ b in place of b, U being the upper triangle of x. COLLECTIVE."""
    n = x.shape[1]
    for start, stop, owner in reversed(list(x.panels(n))):
        mine = owner == x.like.world.rank
        part = np.ascontiguousarray(x.part(start, stop)[:, :stop]) if mine else None
        panel = x.sent(part, (stop - start, stop), owner, what)
        if not b.local.shape[0]:
            continue
        upper = panel[:, start:].T
        found = solve_triangular(upper, b.local[:, start:stop].T, check_finite=False).T
        b.local[:, start:stop] = found
        subtract(b.local[:, :start], found, panel[:, :start])


def cholesky_columns(x: Columns, what: str) -> None:
    """Lower Cholesky factor in place, from the lower triangle. COLLECTIVE.

    Raises
    ------
    LinAlgError
        Not positive definite. COLLECTIVE.
    """
    n = x.shape[1]
    inside = x.map.coords(x.like.world.rank) is not None
    for start, stop, owner in x.panels(n):
        width = stop - start
        mine = owner == x.like.world.rank
        message = _cholesky_panel(x.part(start, stop), start, width) if mine else None
        panel = x.sent(message, (width, n - start + 1), owner, what)
        failed = inside and bool(panel[0, -1].real)
        if len(x.map.procs) < x.like.world.size:  # the others have to know
            failed = any(x.like.world.allgather(failed))
        if failed:
            raise LinAlgError(
                f"{what}: Matrix is not positive definite: shape {x.shape}, the leading minor of "
                f"order {start + 1} to {stop}"
            )
        for first, end, holder in x.panels(n):
            if first >= stop and holder == x.like.world.rank:
                rows = panel[:, first - start : -1]
                subtract(x.part(first, end)[:, first:], rows[:, : end - first].conj().T, rows)


def _cholesky_panel(part: np.ndarray, start: int, width: int) -> np.ndarray:
    """The owner's panel of the factor, and behind it 1 where it has none."""
    message = np.zeros((width, part.shape[1] - start + 1), part.dtype)
    square = np.tril(part[:, start : start + width].T)
    try:
        lower = np.linalg.cholesky(square)
    except LinAlgError:
        message[0, -1] = 1
        return message
    below = part[:, start + width :]
    part[:, :start] = 0
    part[:, start : start + width] = lower.T
    if below.size:
        below[...] = solve_triangular(lower.conj(), below, lower=True, check_finite=False)
    message[:, :-1] = part[:, start:]
    return message

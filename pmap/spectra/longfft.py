"""The Fourier transform along one long axis that stays cut: four steps, and Bluestein's for primes.

Methods: D. H. Bailey, "FFTs in external or hierarchical memory", J. Supercomputing 4 (1990); L. I.
Bluestein, "A linear filtering approach to the computation of discrete Fourier transform", IEEE
Trans. Audio Electroacoust. 18 (1970).

With n = n1 * n2 and j = j1 * n2 + j2 the ranks take columns j2, transform over j1, multiply by
twiddles, turn the corner and transform over j2; the result's k = k2 * n1 + k1 then goes where the
map says. Three exchanges, and no rank ever has more than its share.
"""

from dataclasses import dataclass
from math import isqrt, sqrt

import numpy as np
import scipy.fft

from ..arrays.reductions import Blocks
from ..layout.axismaps import AxisMap
from ..layout.maps import Map, Shape
from ..layout.plans import box_plan
from ..layout.splits import Periodic, Split, align
from ..ranks import exchange, pool
from ..ranks.moving import moved
from .pencils import UNEVEN, resized

TWIDDLES = 1 << 16
"""So many twiddles are made at a time."""


def on_one_rank(held: Map) -> Map:
    """The map that gives the whole of a small array to the first rank."""
    return Map.lattice((1,), (AxisMap(),) * held.ndim, held.procs[:1])


def transform(x: Blocks, kind: str, axis: int, n: int, norm: str) -> Blocks:
    """Transform along an axis that the map cuts; the result keeps the map. COLLECTIVE.

    Parameters
    ----------
    x : Blocks
        Real or complex floats.
    kind : {"fft", "ifft", "rfft", "irfft"}
    axis : int
    n : int
        Length of the transform.
    norm : {"backward", "ortho", "forward"}

    Notes
    -----
    Real transforms are done as complex ones. Where n has no factors that share out evenly,
    Bluestein's method turns it into a convolution of a length that has.
    """
    inverse = kind in ("ifft", "irfft")
    wide = np.result_type(x.local.dtype, np.complex64)
    length = n // 2 + 1 if kind == "rfft" else n
    held = resized(x.map, axis, x.shape[axis], length)
    shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
    real = kind == "irfft"
    local = pool.empty(
        held.local_shape(shape, x.world.rank), wide.type(0).real.dtype if real else wide
    )
    made = Blocks(local, shape, held, x.world)
    factors = factorised(n, x.map.pieces_along(axis))
    bluestein = factors is None
    if bluestein:
        factors = factorised(convolution_length(n), x.map.pieces_along(axis))
    cut = _Cut(x, axis, *factors)
    columns = _mirrored(x, cut, n, wide) if real else _read(x, cut, n, wide)
    scale = _scale(norm, n, inverse)
    if bluestein:
        _by_convolution(columns, made, cut, n, inverse, scale)
    else:
        rows = cut.forward(columns, inverse)
        if scale != 1:
            rows *= scale
        cut.store_rows(rows, made)
    return made


def _scale(norm: str, n: int, inverse: bool) -> float:
    if norm == "ortho":
        return 1 / sqrt(n)
    return 1 / n if inverse == (norm == "backward") else 1.0


def factorised(n: int, pieces: int) -> tuple[int, int] | None:
    """Two factors of n, the nearest to its root, that share out evenly over the pieces.

    Examples
    --------
    >>> factorised(36, 2), factorised(101, 2)
    ((6, 6), None)
    """
    for small in range(isqrt(n), 1, -1):
        if n % small == 0 and -(-small // pieces) * pieces <= UNEVEN * small:
            return small, n // small
    return None


def convolution_length(n: int) -> int:
    """The least length from 2n - 1 on that is a power of 2, or 3, 5 or 9 times one.

    Examples
    --------
    >>> convolution_length(101)
    256
    """
    return min(f << max(0, (-(-(2 * n - 1) // f) - 1).bit_length()) for f in (1, 3, 5, 9))


@dataclass(frozen=True)
class _Cut:
    """How the ranks share an axis of length n1 * n2, by columns and by rows."""

    x: Blocks
    axis: int
    n1: int
    n2: int

    def share(self, length: int, rank: int) -> tuple[int, int]:
        """What a rank has of the rows (length n1) or of the columns (n2)."""
        held = self.x.map
        pieces = held.pieces_along(self.axis)
        coords = held.coords(rank)
        if coords is None:
            return 0, 0
        bounds = Split().block_bounds(length, pieces)
        at = held.coord_along(self.axis, coords)
        return bounds[at], bounds[at + 1]

    def indices(self, stop: int, period: int, rank: int) -> Periodic:
        """Of an axis cut at ``stop`` what a rank has by columns (n2) or interleaved rows (n1)."""
        lo, hi = self.share(period, rank)
        return Periodic(0, stop, period, ((lo, hi),)) if lo < hi else Periodic(0, 0)

    def table(self, held: Map, shape: Shape, sets: list[Periodic]) -> tuple:
        """The boxes of all ranks for a plan: the given set along the axis, else what they own."""
        a, boxes = self.axis, []
        for rank, along in enumerate(sets):
            owned = held.owned(shape, rank)
            boxes.append(() if owned is None else ((*owned[:a], along, *owned[a + 1 :]),))
        return tuple(boxes)

    def forward(self, columns: np.ndarray, inverse: bool) -> np.ndarray:
        """From columns (n1, share of n2) to the transform by rows (share of n1, n2)."""
        function = scipy.fft.ifft if inverse else scipy.fft.fft
        kw = {"norm": "forward" if inverse else "backward", "overwrite_x": True}
        if columns.size:
            columns = function(columns, axis=self.axis, **kw)
            _twiddle(columns, self.axis, 0, self.share(self.n2, self._rank)[0], self._n, inverse)
        rows = self._turned(columns, False)
        return function(rows, axis=self.axis + 1, **kw) if rows.size else rows

    def backward(self, rows: np.ndarray, inverse: bool) -> np.ndarray:
        """From rows to columns: the steps of :meth:`forward` in the other order."""
        function = scipy.fft.ifft if inverse else scipy.fft.fft
        kw = {"norm": "forward" if inverse else "backward", "overwrite_x": True}
        if rows.size:
            rows = function(rows, axis=self.axis + 1, **kw)
            _twiddle(rows, self.axis, self.share(self.n1, self._rank)[0], 0, self._n, inverse)
        columns = self._turned(rows, True)
        return function(columns, axis=self.axis, **kw) if columns.size else columns

    @property
    def _n(self) -> int:
        return self.n1 * self.n2

    @property
    def _rank(self) -> int:
        return self.x.world.rank

    def _turned(self, local: np.ndarray, back: bool) -> np.ndarray:
        """The corner turn between columns and rows of the (n1, n2) array."""
        a, held = self.axis, self.x.map
        own = AxisMap(held.axes[a].grid_axis, Split())
        columns = held.with_axes((*held.axes[:a], AxisMap(), own, *held.axes[a + 1 :]))
        rows = held.with_axes((*held.axes[:a], own, AxisMap(), *held.axes[a + 1 :]))
        shape = (*self.x.shape[:a], self.n1, self.n2, *self.x.shape[a + 1 :])
        source, target = (rows, columns) if back else (columns, rows)
        return moved(local, shape, source, target, self.x.world, "fft")

    def unfolded(self, columns: np.ndarray) -> np.ndarray:
        """Columns with their two axes as one, elements in order."""
        a = self.axis
        both = columns.shape[a] * columns.shape[a + 1]
        return columns.reshape(*columns.shape[:a], both, *columns.shape[a + 2 :])

    def store_rows(self, rows: np.ndarray, made: Blocks) -> None:
        """Element (k1, k2) becomes element k2 * n1 + k1 of the result."""
        turned = np.ascontiguousarray(rows.swapaxes(self.axis, self.axis + 1))
        self._store(self.unfolded(turned), made, self.n1)

    def store_columns(self, columns: np.ndarray, made: Blocks) -> None:
        """Element (k1, k2) becomes element k1 * n2 + k2 of the result."""
        self._store(self.unfolded(columns), made, self.n2)

    def _store(self, line: np.ndarray, made: Blocks, period: int) -> None:
        world, stop = made.world, made.shape[self.axis]
        sets = [self.indices(stop, period, rank) for rank in range(world.size)]
        line = _head(line, self.axis, len(sets[world.rank]))
        line = line if made.local.dtype.kind == "c" else line.real
        line = np.ascontiguousarray(line, made.local.dtype)
        table = self.table(made.map, made.shape, sets)
        plan = box_plan(made.map, made.shape, table, world.rank, True)
        sources = [line] if table[world.rank] else []
        exchange.run(plan, sources, [made.local], world, "fft", line.dtype)


def _head(line: np.ndarray, axis: int, stop: int) -> np.ndarray:
    """The first elements along an axis."""
    return line[(*[slice(None)] * axis, slice(0, stop))]


def _twiddle(local: np.ndarray, axis: int, row: int, column: int, n: int, inverse: bool) -> None:
    """Multiply element (j, k) of axes (axis, axis + 1) by exp(-+2 pi i j k / n), in place.

    The factors of some rows are those of the first of them times a table that is made once.
    """
    rows, columns = local.shape[axis : axis + 2]
    k = np.arange(column, column + columns)
    step = max(1, min(rows, TWIDDLES // max(1, columns)))
    table = _roots(np.arange(step)[:, None] * k % n, n, inverse)
    for start in range(0, rows, step):
        some = min(step, rows - start)
        factor = table[:some] * _roots((row + start) * k % n, n, inverse)
        factor = factor.astype(local.dtype, copy=False)
        at = (*[slice(None)] * axis, slice(start, start + some))
        local[at] *= factor.reshape(*factor.shape, *[1] * (local.ndim - axis - 2))


def _roots(power: np.ndarray, n: int, inverse: bool) -> np.ndarray:
    """Powers, 0 <= power < n, of the n-th root of unity."""
    return np.exp((2j if inverse else -2j) * np.pi / n * power)


def _fetch(x: Blocks, cut: _Cut, sets: list[Periodic], into: np.ndarray) -> None:
    """Read the sets' elements along the axis of x, each rank its own."""
    table = cut.table(x.map, x.shape, sets)
    plan = box_plan(x.map, x.shape, table, x.world.rank, False)
    targets = [into] if table[x.world.rank] else []
    exchange.run(plan, [x.local], targets, x.world, "fft", x.local.dtype)


def _read(x: Blocks, cut: _Cut, n: int, dtype: np.dtype) -> np.ndarray:
    """The first n elements along the axis by columns, zeros after them."""
    stop = min(n, x.shape[cut.axis])
    sets = [cut.indices(stop, cut.n2, rank) for rank in range(x.world.size)]
    lo, hi = cut.share(cut.n2, x.world.rank)
    a, outer = cut.axis, x.map.local_shape(x.shape, x.world.rank)
    columns = pool.empty((*outer[:a], cut.n1, hi - lo, *outer[a + 1 :]), dtype)
    if stop < cut.n1 * cut.n2:
        columns[...] = 0
    _fetch(x, cut, sets, _head(cut.unfolded(columns), a, len(sets[x.world.rank])))
    return columns


def _mirrored(x: Blocks, cut: _Cut, n: int, dtype: np.dtype) -> np.ndarray:
    """The whole of a spectrum of which x has the first half, by columns."""
    half, world, a = n // 2 + 1, x.world, cut.axis
    columns = _read(x, cut, half, dtype)
    everything = [cut.indices(n, cut.n2, rank) for rank in range(world.size)]
    stop = min((n - 1) // 2 + 1, x.shape[a])  # element n - i is the conjugate of element i
    sets = [_after(align(s, n, -1, stop), 1) for s in everything]
    shape = list(x.local.shape)
    shape[a] = len(sets[world.rank])
    ends = np.empty(shape, dtype)
    _fetch(x, cut, sets, ends)
    own = everything[world.rank]
    at = own.position(n - stop + 1)
    put = cut.unfolded(columns)[(*[slice(None)] * a, slice(at, at + shape[a]))]
    put[...] = np.flip(ends, a).conj()
    return columns


def _after(s: Periodic, lo: int) -> Periodic:
    return Periodic(max(s.lo, lo), s.hi, s.period, s.runs)


def _by_convolution(
    columns: np.ndarray, made: Blocks, cut: _Cut, n: int, inverse: bool, scale: float
) -> None:
    """Bluestein: j k = (j^2 + k^2 - (k - j)^2) / 2 makes the transform a convolution."""
    length, a = cut.n1 * cut.n2, cut.axis
    lo, hi = cut.share(cut.n2, cut.x.world.rank)
    j = np.arange(cut.n1)[:, None] * cut.n2 + np.arange(lo, hi)
    chirp = np.where(j < n, _chirp(j, n, inverse), 0)
    back = length - j
    kernel = np.where(j < n, _chirp(j, n, inverse), np.where(back < n, _chirp(back, n, inverse), 0))
    ones = [1] * (columns.ndim - a - 2)
    chirp = chirp.reshape(*chirp.shape, *ones).astype(columns.dtype)
    line = _Cut(_line(cut.x, a), 0, cut.n1, cut.n2)
    spectrum = line.forward(kernel.conj().astype(columns.dtype), False)
    columns *= chirp
    rows = cut.forward(columns, False)
    rows *= spectrum.reshape(*spectrum.shape, *ones)
    columns = cut.backward(rows, True)
    columns *= chirp * (scale / length)
    cut.store_columns(columns, made)


def _chirp(j: np.ndarray, n: int, inverse: bool) -> np.ndarray:
    """exp(-+i pi j^2 / n); squares are reduced exactly."""
    j = np.mod(j, 2 * n)
    return _roots(j * j % (2 * n), 2 * n, inverse)


def _line(x: Blocks, axis: int) -> Blocks:
    """The layout of one line along the axis: the kernel of a convolution is the same for all."""
    held = x.map.with_axes((x.map.axes[axis],))
    return Blocks(x.local, (x.shape[axis],), held, x.world)

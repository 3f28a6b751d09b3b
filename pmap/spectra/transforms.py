"""Fourier transforms of blocks along any axes: local where an axis is whole, then exchanged.

A transform is a list of :class:`Step`. Steps along axes that each rank has whole are done at once
by ``scipy.fft``; then other axes are made whole (``pencils``), until no step is left. The last
exchange brings the result into the map that the input had.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import scipy.fft

from ..arrays.reductions import Blocks
from ..layout.maps import Map, Shape
from ..layout.plans import redistribution
from ..ranks import exchange, pool
from . import longfft
from .pencils import UNEVEN, is_whole, resized, whole_along

SMALL_BYTES = 1 << 20
"""An array of so many bytes may lie unevenly, or on one rank, while it is transformed."""
LARGE_BYTES = 1 << 20
CACHE_BYTES = 1 << 19
"""Rows of so many bytes are copied and transformed before the next ones."""
LONG = 1024
"""Rows of so many elements NumPy transforms as quickly as scipy."""
PAGE_BYTES = 4096
LINE_BYTES = 64


@dataclass(frozen=True)
class Step:
    """One transform along one axis.

    ``kind`` is "fft", "ifft", "rfft" or "irfft"; ``n`` the length of the transform, as in NumPy.
    """

    kind: str
    axis: int
    n: int
    norm: str = "backward"

    @property
    def length(self) -> int:
        """Length of the axis in the result."""
        return self.n // 2 + 1 if self.kind == "rfft" else self.n

    @property
    def is_complex(self) -> bool:
        """Whether it commutes with the transforms along other axes."""
        return self.kind in ("fft", "ifft")


@dataclass
class _State:
    """An array between two steps; ``spare`` is memory of ours that is free again."""

    x: Blocks
    ours: bool = False
    spare: np.ndarray | None = None


def transform(x: Blocks, steps: Sequence[Step]) -> Blocks:
    """Apply the steps; the result has the map of x. COLLECTIVE where an axis is cut.

    Parameters
    ----------
    x : Blocks
        Elements of a type that ``scipy.fft`` takes; not changed.
    steps : sequence of Step
        A real-to-complex one stands first, a complex-to-real one last.

    Notes
    -----
    Memory per rank: two arrays of the size of its part, the result among them. One long axis that
    no other can relieve of its cut is transformed in four steps (see ``longfft``).
    """
    target, shape = x.map, list(x.shape)
    for step in steps:
        target = resized(target, step.axis, shape[step.axis], step.length)
        shape[step.axis] = step.length
    state, pending = _State(x), list(steps)
    while pending:
        pending = _along_whole_axes(state, pending)
        if pending:
            pending = _make_whole(state, pending)
    return _brought(state, target)


def _along_whole_axes(state: _State, pending: list[Step]) -> list[Step]:
    """Do the steps that need no exchange; those that are left."""
    left: list[Step] = []
    ready: list[Step] = []
    for step in pending:
        free = step.is_complex or not (left or (step.kind == "rfft" and ready))
        blocked = any(s.kind == "rfft" or s.axis == step.axis for s in left)
        (ready if free and not blocked and is_whole(state.x.map, step.axis) else left).append(step)
    while ready:
        together = _alike(ready)
        _run(state, together)
        ready = ready[len(together) :]
    return left


def _alike(steps: list[Step]) -> list[Step]:
    """The first steps that one call of scipy can do: complex, one kind, different axes."""
    first = steps[0]
    together = [first]
    for step in steps[1:]:
        alike = first.is_complex and (step.kind, step.norm) == (first.kind, first.norm)
        if not alike or step.axis in [s.axis for s in together]:
            break
        together.append(step)
    return together


def _run(state: _State, steps: list[Step]) -> None:
    """Transform this rank's block along whole axes."""
    x, first = state.x, steps[0]
    shape = list(x.shape)
    for step in steps:
        shape[step.axis] = step.length
    held, rank = x.map, x.world.rank
    for step in steps:
        held = resized(held, step.axis, x.shape[step.axis], step.length)
    local = x.local
    if local.size == 0 or prod(shape) == 0:
        real = first.kind == "irfft"
        kind = local.real.dtype if real else np.result_type(local.dtype, np.complex64)
        made = np.zeros(held.local_shape(tuple(shape), rank), kind)
    else:
        made = _transformed(local, steps, state.ours)
    state.x, state.ours = Blocks(made, tuple(shape), held, x.world), True


def _transformed(local: np.ndarray, steps: list[Step], ours: bool) -> np.ndarray:
    """The steps along whole axes of a block; in its own memory where that is ours.

    NumPy writes to memory that is given, which is worth more than scipy's quicker transforms of
    short rows; elsewhere some rows at a time are copied to such memory and transformed there.
    """
    first, axes = steps[0], [s.axis for s in steps]
    if first.kind == "irfft":
        local = local.astype(np.result_type(local.dtype, np.complex64), copy=False)
    if local.nbytes >= LARGE_BYTES and local.dtype.kind == "c" and not ours:
        same = all(s.n == local.shape[s.axis] for s in steps)
        if first.is_complex and same and min(axes) > 0 and first.n < LONG:
            return _by_rows(local, steps)
    alone = len(steps) == 1 and first.axis == local.ndim - 1 and first.n >= LONG
    if alone and local.nbytes >= LARGE_BYTES and _fits_numpy(first.kind, local.dtype, ours):
        shape = (*local.shape[:-1], first.length)
        dtype = local.real.dtype if first.kind == "irfft" else np.complex128
        out = pool.empty(shape, dtype)
        return getattr(np.fft, first.kind)(local, first.n, first.axis, first.norm, out)
    if first.is_complex:
        function = getattr(scipy.fft, first.kind + "n")
        return function(local, [s.n for s in steps], axes, first.norm, overwrite_x=ours)
    return getattr(scipy.fft, first.kind)(local, first.n, first.axis, first.norm)


def _fits_numpy(kind: str, dtype: np.dtype, ours: bool) -> bool:
    """Whether NumPy transforms rows of the type without a copy of another type."""
    if kind in ("fft", "ifft"):
        return dtype == np.complex128 and not ours
    return dtype == (np.float64 if kind == "rfft" else np.complex128)


def _by_rows(local: np.ndarray, steps: list[Step]) -> np.ndarray:
    """Complex steps along axes behind the first, as many rows at a time as fit a cache."""
    made = pool.empty(local.shape, local.dtype)
    rows = max(1, CACHE_BYTES * len(local) // local.nbytes)
    axes, function = [s.axis for s in steps], getattr(scipy.fft, steps[0].kind + "n")
    for start in range(0, len(local), rows):
        part = made[start : start + rows]
        part[...] = local[start : start + rows]
        found = function(part, axes=axes, norm=steps[0].norm, overwrite_x=True)
        if not np.may_share_memory(found, part):
            part[...] = found
    return made


def _make_whole(state: _State, pending: list[Step]) -> list[Step]:
    """Exchange so that steps can go on; or do one along an axis that stays cut."""
    x, first = state.x, pending[0]
    must = first.axis if first.kind == "rfft" else None
    cut = [s for s in pending if not is_whole(x.map, s.axis)]
    if len(cut) > 1 and cut[-1].kind == "irfft":
        cut = cut[:-1]
    wanted = tuple(dict.fromkeys(s.axis for s in cut))
    found = whole_along(x.map, x.shape, wanted, must)
    small = prod(x.shape) * x.local.itemsize <= SMALL_BYTES
    if found is not None and (small or found[1] <= UNEVEN):
        _exchange(state, found[0], _spaced)
        return pending
    if small:
        _exchange(state, longfft.on_one_rank(x.map), _spaced)
        return pending
    step = first if must is not None else cut[0]
    state.x = longfft.transform(x, step.kind, step.axis, step.n, step.norm)
    state.ours, state.spare = True, None
    return [s for s in pending if s is not step]


def _exchange(state: _State, target: Map, new: Callable) -> None:
    """Bring the array under another map, into memory that is free again where it fits."""
    x = state.x
    shape = target.local_shape(x.shape, x.world.rank)
    spare, state.spare = state.spare, x.local if state.ours else None
    fits = spare is not None and spare.flags.c_contiguous
    fits = fits and (spare.shape, spare.dtype) == (shape, x.local.dtype)
    block = spare if fits else new(shape, x.local.dtype)
    plan = redistribution(x.map, target, x.shape, x.world.rank)
    exchange.run(plan, [x.local], [block], x.world, "fft", x.local.dtype)
    state.x, state.ours = Blocks(block, x.shape, target, x.world), True


def _spaced(shape: Shape, dtype: np.dtype) -> np.ndarray:
    """Memory in which no two neighbours along an axis are whole pages apart.

    Such neighbours share few lines of a cache, and transforms along the axis are slow; so rows
    get a line more, planes a row more.
    """
    extents, bytes_apart = list(shape), dtype.itemsize
    for axis in range(len(shape) - 1, 0, -1):
        if bytes_apart * extents[axis] % PAGE_BYTES == 0 and extents[axis]:
            more = LINE_BYTES // dtype.itemsize if axis == len(shape) - 1 else 1
            extents[axis] += max(1, more)
        bytes_apart *= extents[axis]
    return pool.empty(tuple(extents), dtype)[tuple(slice(0, n) for n in shape)]


def _brought(state: _State, target: Map) -> Blocks:
    """The result under its map, in memory of its own."""
    if state.x.map != target:
        _exchange(state, target, pool.empty)
    if not state.ours or not state.x.local.flags.c_contiguous:
        return state.x.with_local(np.array(state.x.local, order="C"))
    return state.x

"""Reading the memory of another rank of the node: one copy, from its array into ours.

Linux copies lists of runs (process_vm_readv). Long runs that lie together on both sides are read
into place. Otherwise a chunk that fits the cache is read, with the gaps between short runs, and
NumPy takes from it what belongs to us: the memory of both ranks is passed over once.
"""

from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..errors import PmapError
from .nodes import MOST_BYTES, read_runs

Place = Callable[[np.ndarray, np.ndarray], None]

CHUNK_BYTES = 1 << 18
"""What is read at a time where it is not read into place: a part of a core's own cache."""
DIRECT_BYTES = 1 << 10
"""Runs from this length on are read into place; a shorter one costs less as part of a chunk."""
MOST_RUNS = 1024
"""Of one system call."""
DENSE = 0.75
"""With more gaps than this leaves, packing and reading what was packed is quicker: 10 ms for every
other element of 64 MB, and 17 ms to read it with its gaps."""
SPARSE = 4
"""Gaps are read as well while a chunk has at least this fraction of what is wanted."""


class Far(NamedTuple):
    """A view of memory of another process; the address of its first element, strides in bytes."""

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def overwrite(target: np.ndarray, values: np.ndarray) -> None:
    """Put the values in place of what was there."""
    target[...] = values


def is_easily_read(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> bool:
    """Whether a reader gets at a view quickly; if not, its owner had better pack it.

    Examples
    --------
    >>> is_easily_read((100, 4000), (64000, 8), 8)  # rows
    True
    >>> is_easily_read((4000, 1), (64000, 8), 8)  # a column: a system call's run for each element
    False
    """
    axes = sorted((abs(s), n) for s, n in zip(strides, shape, strict=True) if n > 1)
    useful = span = itemsize
    for stride, n in axes:
        wider = (n - 1) * stride + span
        if stride == 0:
            return False
        if n * useful < DENSE * wider:
            break
        useful, span = n * useful, wider
    return span >= DIRECT_BYTES


def fetch(
    pid: int, far: Far, target: np.ndarray, dtype: np.dtype, place: Place = overwrite
) -> None:
    """Read a view of another process into a view of ours.

    Parameters
    ----------
    pid : int
        The other process; it must not change what is read.
    far : Far
        No axis of it is repeated (stride 0).
    target : ndarray
        Of the same shape, any strides, any dtype to which the elements can be cast.
    dtype : dtype
        Of the other's elements.
    place : callable
        How values are put into a view of the target.
    """
    if not target.size or not dtype.itemsize:
        return
    far, target = _ordered(far, target, dtype.itemsize)
    simple = place is overwrite and target.dtype == dtype
    if simple and _has_runs(far, target, dtype.itemsize):
        _read_into_place(pid, far, target, dtype.itemsize)
    else:
        _read_by_chunks(pid, far, target, dtype, place)


def _ordered(far: Far, target: np.ndarray, itemsize: int) -> tuple[Far, np.ndarray]:
    """Both with the other's longest strides first, axes that can be one made one."""
    address = far.address
    axes = []
    for n, step, mine in zip(far.shape, far.strides, target.strides, strict=True):
        if n == 1:
            continue
        if step < 0:
            address += (n - 1) * step
        axes.append((abs(step), n, -mine if step < 0 else mine))
    back = tuple(slice(None, None, -1 if s < 0 else 1) for s in far.strides)
    corner = target[(*back, Ellipsis)]
    axes.sort(key=lambda axis: -axis[0])
    merged: list[tuple[int, int, int]] = []
    for step, n, mine in axes:
        if merged:
            outer_step, outer_n, outer_mine = merged[-1]
            if outer_step == n * step and outer_mine == n * mine:
                merged[-1] = (step, outer_n * n, mine)
                continue
        merged.append((step, n, mine))
    if not merged:
        merged = [(itemsize, 1, itemsize)]
    shape = tuple(n for _, n, _ in merged)
    strides = tuple(step for step, _, _ in merged)
    return Far(address, shape, strides), as_strided(corner, shape, [m for _, _, m in merged])


def _has_runs(far: Far, target: np.ndarray, itemsize: int) -> bool:
    """Whether runs of a good length lie together on both sides."""
    together = far.strides[-1] == itemsize == target.strides[-1]
    return together and (far.shape[-1] * itemsize >= DIRECT_BYTES or len(far.shape) == 1)


def _offsets(shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """Byte offsets of all elements, in C order."""
    found = np.zeros(1, np.int64)
    for n, step in zip(shape, strides, strict=True):
        found = np.add.outer(found, np.arange(n, dtype=np.int64) * step).reshape(-1)
    return found


def _read_into_place(pid: int, far: Far, target: np.ndarray, itemsize: int) -> None:
    run = far.shape[-1] * itemsize
    there = far.address + _offsets(far.shape[:-1], far.strides[:-1])
    here = target.ctypes.data + _offsets(target.shape[:-1], target.strides[:-1])
    if run > MOST_BYTES:
        pieces = np.arange(0, run, MOST_BYTES)
        lengths = np.tile(np.minimum(run - pieces, MOST_BYTES), len(there))
        there, here = (np.add.outer(x, pieces).reshape(-1) for x in (there, here))
    else:
        lengths = np.full(len(there), run)
    theirs, ours = np.stack([there, lengths], 1), np.stack([here, lengths], 1)
    count = min(MOST_RUNS, max(1, MOST_BYTES // min(run, MOST_BYTES)))
    for at in range(0, len(theirs), count):
        some = slice(at, at + count)
        _read(pid, ours[some], theirs[some], int(lengths[some].sum()))


def _read(pid: int, ours: np.ndarray, theirs: np.ndarray, n_bytes: int) -> None:
    """Read the runs of one system call; both lists are int64 arrays of (address, length)."""
    done = read_runs(pid, ours.ctypes.data, len(ours), theirs.ctypes.data, len(theirs))
    if done != n_bytes:
        raise PmapError(
            f"of {n_bytes} bytes of process {pid} on this node {done} could be read; it may have "
            "ended. PMAP_TRANSPORT=mpi does without reading other processes' memory"
        )


def _dense_axes(far: Far, itemsize: int) -> tuple[int, int]:
    """The first of the axes that are read with their gaps, and the bytes that one of them spans."""
    first, useful, span = len(far.shape), itemsize, itemsize
    for axis in reversed(range(len(far.shape))):
        n, step = far.shape[axis], far.strides[axis]
        wider = (n - 1) * step + span
        if n * useful * SPARSE < wider:
            break
        if wider > CHUNK_BYTES and step * 2 > CHUNK_BYTES and axis < len(far.shape) - 1:
            break
        first, useful, span = axis, n * useful, wider
    return first, span


def _read_by_chunks(pid: int, far: Far, target: np.ndarray, dtype: np.dtype, place: Place) -> None:
    """Read parts of at most a chunk, and place each."""
    first, span = _dense_axes(far, dtype.itemsize)
    if first == len(far.shape):
        for values, part in _chunks(pid, far, target, first, dtype.itemsize, dtype):
            place(part, values)
        return
    n, step = far.shape[first], far.strides[first]
    inner = span - (n - 1) * step
    length = n if span <= CHUNK_BYTES else max(1, (CHUNK_BYTES - inner) // step + 1)
    for start in range(0, n, length):
        some = min(length, n - start)
        shape = (*far.shape[:first], some, *far.shape[first + 1 :])
        part = target[(slice(None),) * first + (slice(start, start + some),)]
        near = Far(far.address + start * step, shape, far.strides)
        for values, view in _chunks(pid, near, part, first, (some - 1) * step + inner, dtype):
            place(view, values)


def _chunks(
    pid: int, far: Far, target: np.ndarray, first: int, span: int, dtype: np.dtype
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Read units of `span` bytes, the axes from `first` on, as many at a time as fit a chunk.

    Yields the values and the part of the target where they belong.
    """
    outer, steps = far.shape[:first], far.strides[:first]
    most = max(1, min(MOST_RUNS, CHUNK_BYTES // span))
    axis = first  # the outer axes from here on are read whole
    while axis and prod(outer[axis - 1 :]) <= most:
        axis -= 1
    rest = prod(outer[axis:])
    group = 1 if axis == 0 else most // rest
    scratch = _scratch(group * rest * span)
    whole = [rest * span // prod(outer[axis : a + 1]) for a in range(axis, first)]
    shape = (group, *outer[axis:], *far.shape[first:])
    read = np.ndarray(shape, dtype, scratch, 0, (rest * span, *whole, *far.strides[first:]))
    theirs = np.empty((group * rest, 2), np.int64)
    theirs[:, 1] = span
    ours = np.array([[scratch.ctypes.data, 0]], np.int64)
    inside = _offsets((group, *outer[axis:]), (steps[axis - 1] if axis else 0, *steps[axis:]))
    lead = [range(n) for n in outer[: max(axis - 1, 0)]]
    last = outer[axis - 1] if axis else 1
    for at in product(*lead):
        base = far.address + sum(i * s for i, s in zip(at, steps, strict=False))
        for start in range(0, last, group):
            some = min(group, last - start)
            offset = base + (start * steps[axis - 1] if axis else 0)
            theirs[: some * rest, 0] = inside[: some * rest] + offset
            ours[0, 1] = some * rest * span
            _read(pid, ours, theirs[: some * rest], some * rest * span)
            if axis:
                yield read[:some], target[(*at, slice(start, start + some))]
            else:
                yield read[0], target


_kept: list[np.ndarray] = []


def _scratch(n_bytes: int) -> np.ndarray:
    """Memory for chunks, the same every time so that it stays in the cache."""
    if n_bytes > CHUNK_BYTES:
        return np.empty(n_bytes, np.uint8)
    if not _kept:
        _kept.append(np.empty(CHUNK_BYTES, np.uint8))
    return _kept[0]

"""What a basic index picks: its map, and where it lies in a rank's block (pure)."""

import numpy as np

from .indexing import Fresh, Picked, Ranged
from .maps import AxisMap, Map, Shape
from .splits import Periodic


def view_layout(entries: list, shape: Shape, held: Map) -> tuple[Shape, Map]:
    """Shape and map of what a basic index picks: it stays with its owners.

    A slice changes only the offset and step of its axis. An index drops its axis, and leaves the
    part of the lattice that owns it.
    """
    axes, picked_shape, fixed = [], [], {}
    for entry in entries:
        if isinstance(entry, Fresh):
            axes.append(AxisMap())
            picked_shape.append(1)
            continue
        axis, n = held.axes[entry.axis], shape[entry.axis]
        if isinstance(entry, Picked):
            if axis.grid_axis is not None:
                pieces = held.pieces_along(entry.axis)
                fixed[axis.grid_axis] = axis.owner(entry.at, n, pieces)
        else:
            whole = (entry.start, entry.step, entry.n) == (0, 1, n)
            axes.append(axis if whole else axis.sliced(n, entry.start, entry.step))
            picked_shape.append(entry.n)
    found = held.with_axes(axes)
    for grid_axis in sorted(fixed, reverse=True):
        found = found.fixed(grid_axis, fixed[grid_axis])
    return tuple(picked_shape), found


def local_key(
    entries: list, owned: tuple[Periodic, ...], picked: tuple[Periodic, ...]
) -> tuple[tuple, bool]:
    """The index into a rank's block that a basic index of the global array becomes.

    Parameters
    ----------
    entries : list of Picked, Ranged, Fresh
        The normalised index.
    owned : tuple of Periodic
        What the rank owns of the array, one set per axis.
    picked : tuple of Periodic
        What it owns of the result, one set per axis of the result.

    Returns
    -------
    key : tuple
        Slices and integers; integer arrays (for ``numpy.ix_`` indexing) where a step through a
        block-cyclic axis has no constant stride.
    regular : bool
        Whether the key makes a view.
    """
    key, result_axis, irregular = [], 0, False
    for entry in entries:
        if isinstance(entry, Fresh):
            key.append(None)
            result_axis += 1
        elif isinstance(entry, Picked):
            key.append(owned[entry.axis].position(entry.at))
        else:
            at = _local_slice(entry, owned[entry.axis], picked[result_axis])
            irregular |= not isinstance(at, slice)
            key.append(at)
            result_axis += 1
    return (tuple(key), True) if not irregular else (_outer(key, entries, owned), False)


def _local_slice(entry: Ranged, owned: Periodic, picked: Periodic) -> slice | np.ndarray:
    """The picked indices of one axis as positions in the block."""
    if not len(picked):
        return slice(0, 0)
    if owned.contiguous:
        first = owned.position(entry.start + entry.step * picked.lo)
        return _slice_of(first, entry.step, len(picked), len(owned))
    members = owned.indices()
    at = np.searchsorted(members, entry.start + entry.step * picked.indices())
    step = int(at[1] - at[0]) if len(at) > 1 else 1
    if np.all(np.diff(at) == step):
        return _slice_of(int(at[0]), step, len(at), len(owned))
    return at


def _slice_of(first: int, step: int, count: int, length: int) -> slice:
    if (first, step, count) == (0, 1, length):
        return slice(None)
    stop = first + step * (count - 1) + (1 if step > 0 else -1)
    return slice(first, None if stop < 0 else stop, step)


def _outer(key: list, entries: list, owned: tuple[Periodic, ...]) -> tuple:
    """A key with integer arrays on some axes, made to mean their outer product."""
    arrays = []
    for at, entry in zip(key, entries, strict=True):
        if isinstance(at, slice):
            at = np.arange(len(owned[entry.axis]))[at]
        arrays.append(at)
    wide = [a for a in arrays if isinstance(a, np.ndarray) or a is None]
    shaped, place = [], 0
    for at in arrays:
        if at is None:
            place += 1
        elif isinstance(at, np.ndarray):
            shaped.append(at.reshape([-1 if d == place else 1 for d in range(len(wide))]))
            place += 1
        else:
            shaped.append(at)
    return tuple(shaped)

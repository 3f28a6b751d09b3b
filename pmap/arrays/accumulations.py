"""Running sums, products, extrema of blocks along an axis, in the array's own map.

What is exact (whole numbers, extrema, logic) is accumulated by each rank and carried on by the
totals of those before it. Running float sums have an order that the global index fixes (C2): leaves
of :func:`pmap.arrays.summation.leaf_length` indices are accumulated one by one, the leaves' totals
the same way in turn, and each leaf gets the total of those before it. An axis shorter than a leaf
can be is accumulated by doubling (Hillis and Steele 1986, Data parallel algorithms, CACM 29):
element i gets that of i - 1, then of i - 2, of i - 4, ... Small arrays are NumPy's own.
"""

from functools import lru_cache

import numpy as np

from ..layout.maps import AxisMap
from ..layout.splits import Split
from ..ranks.moving import moved
from . import summation
from .canonical import in_blocks
from .reductions import ROUNDED, check_associative
from .smallarrays import is_small, whole_of
from .stacks import Blocks, gather_parts


@lru_cache(maxsize=512)
def result_dtype(ufunc: np.ufunc, of: np.dtype, dtype: np.dtype | None) -> np.dtype:
    """The dtype of an accumulation, as NumPy has it; its TypeError where there is none."""
    return ufunc.accumulate(np.zeros(2, of), dtype=dtype).dtype


def accumulate(ufunc: np.ufunc, x: Blocks, axis: int, dtype: np.dtype | None) -> Blocks:
    """What a ufunc's ``accumulate`` gives, under the same map. COLLECTIVE where the axis is cut.

    Parameters
    ----------
    ufunc : ufunc
        An associative one.
    x : Blocks
    axis : int
        From the front.
    dtype : dtype or None
        Type of the result, as NumPy has it.
    """
    check_associative(ufunc, "accumulate")
    made = result_dtype(ufunc, x.local.dtype, dtype)
    rounded = ufunc in ROUNDED and made.kind in "fc"
    if not rounded and x.map.pieces_along(axis) == 1:
        return x.with_local(ufunc.accumulate(x.local, axis=axis, dtype=dtype))
    if rounded and is_small(x.shape):
        whole = ufunc.accumulate(whole_of(x).reshape(x.shape), axis=axis, dtype=dtype)
        owned = x.map.owned(x.shape, x.world.rank)
        if owned is None:
            return x.with_local(x.local.astype(made))
        return x.with_local(whole[np.ix_(*(o.indices() for o in owned))])
    if not rounded:
        return _exact(ufunc, x, axis, dtype, made)
    wide = np.dtype(np.float32) if made == np.float16 else made
    found = _rounded(ufunc, x.with_local(x.local.astype(wide, order="C")), axis)
    return x.with_local(found.local.astype(made, copy=False))


def _back(found: Blocks, x: Blocks, what: str) -> Blocks:
    """Under the map of x again. COLLECTIVE where it is another."""
    return x.with_local(moved(found.local, x.shape, found.map, x.map, x.world, what))


def _exact(ufunc: np.ufunc, x: Blocks, axis: int, dtype: np.dtype | None, made: np.dtype) -> Blocks:
    """An accumulation that does not depend on the order."""
    y = in_blocks(x, axis, 1)
    local = ufunc.accumulate(y.local, axis=axis, dtype=dtype)
    n_pieces = y.map.pieces_along(axis)
    filled = [c for c in range(n_pieces) if len(y.map.piece(y.shape, axis, c))]
    last = (slice(None),) * axis + (-1,)
    kept = y.local.shape[:axis] + y.local.shape[axis + 1 :]
    total = local[last] if local.shape[axis] else np.zeros(kept, made)
    stacked = gather_parts(total, y, (axis,), f"{ufunc.__name__}.accumulate")
    before = _before(ufunc, stacked.local, filled)
    cut = AxisMap(y.map.axes[axis].grid_axis, Split("b"))
    rest = [a for b, a in enumerate(y.map.axes) if b != axis]
    back = y.map.with_axes([cut, *rest])
    mine = moved(before, stacked.shape, stacked.map, back, y.world, "accumulate")
    coords = y.map.coords(y.world.rank)
    if coords is not None and local.size and y.map.coord_along(axis, coords) != filled[0]:
        ufunc(np.expand_dims(mine[0], axis), local, out=local)
    return _back(y.with_local(local), x, "accumulate")


def _before(ufunc: np.ufunc, totals: np.ndarray, filled: list[int]) -> np.ndarray:
    """For each part along the first axis what those before it come to; empty ones left out."""
    found = np.zeros_like(totals)
    if totals.size:
        running = None
        for c in filled:
            if running is not None:
                found[c] = running
            running = totals[c] if running is None else ufunc(running, totals[c])
    return found


def _rounded(ufunc: np.ufunc, x: Blocks, axis: int) -> Blocks:
    """An accumulation of floats in canonical order; may write into ``x.local``."""
    n = x.shape[axis]
    leaf = summation.leaf_length(n, last=True)
    if leaf == 1:
        return _doubling(ufunc, x, axis)
    y = x if x.map.pieces_along(axis) == 1 else in_blocks(x, axis, leaf)
    local = np.ascontiguousarray(y.local)
    totals = _leaves(ufunc, local, axis, leaf)
    n_leaves = -(-n // leaf)
    shape = y.shape[:axis] + (n_leaves,) + y.shape[axis + 1 :]
    held = list(y.map.axes)
    if held[axis].grid_axis is not None and y.map.pieces_along(axis) > 1:
        spans = [y.map.piece(y.shape, axis, c) for c in range(y.map.pieces_along(axis))]
        edges = (0, *(-(-s.hi // leaf) for s in spans))
        held[axis] = AxisMap(held[axis].grid_axis, Split("x", bounds=edges))
    else:
        held[axis] = AxisMap()
    before = _shifted(ufunc, Blocks(totals, shape, y.map.with_axes(held), y.world), axis, 1)
    before = _rounded(ufunc, before, axis)
    _carry(ufunc, local, before.local, axis, leaf)
    return _back(y.with_local(local), x, "accumulate")


def _leaves(ufunc: np.ufunc, local: np.ndarray, axis: int, leaf: int) -> np.ndarray:
    """Accumulate each leaf of a contiguous block in place; the leaves' totals."""
    n = local.shape[axis]
    found = np.empty(local.shape[:axis] + (-(-n // leaf),) + local.shape[axis + 1 :], local.dtype)
    if not local.size:
        return found
    lead = (slice(None),) * axis
    for view, at in _leaf_views(local, axis, leaf):
        ufunc.accumulate(view, axis=axis + 1, out=view)
        found[(*lead, at)] = view[(*lead, slice(None), -1)]
    return found


def _leaf_views(local: np.ndarray, axis: int, leaf: int):
    """The whole leaves and the short one, as views with an axis more: (leaves, in the leaf)."""
    n, lead = local.shape[axis], (slice(None),) * axis
    whole = n // leaf
    for a, b, size in ((0, whole, leaf), (whole, whole + 1, n % leaf)):
        if b > a and size:
            part = local[(*lead, slice(a * leaf, a * leaf + (b - a) * size))]
            shape = local.shape[:axis] + (b - a, size) + local.shape[axis + 1 :]
            view = part.view()
            view.shape = shape  # a view, never a copy
            yield view, slice(a, b)


def _carry(ufunc: np.ufunc, local: np.ndarray, before: np.ndarray, axis: int, leaf: int) -> None:
    """Add what was before each leaf to its elements, in place."""
    lead = (slice(None),) * axis
    if local.size:
        for view, at in _leaf_views(local, axis, leaf):
            ufunc(before[(*lead, at, None)], view, out=view)


def _shifted(ufunc: np.ufunc, x: Blocks, axis: int, by: int) -> Blocks:
    """Index i gets the value of i - by, the first ones the identity. COLLECTIVE where cut."""
    n, rank = x.shape[axis], x.world.rank
    local = np.full(x.local.shape, ufunc.identity, x.local.dtype)
    if by >= n:
        return x.with_local(local)
    lead = (slice(None),) * axis
    shape = x.shape[:axis] + (n - by,) + x.shape[axis + 1 :]
    maps = []
    for start in (0, by):
        axes = list(x.map.axes)
        axes[axis] = axes[axis].sliced(n, start, 1)
        maps.append(x.map.with_axes(axes))
    values = x.local[(*lead, slice(0, maps[0].local_shape(shape, rank)[axis]))]
    came = moved(values, shape, *maps, x.world, "accumulate")
    if came.size:
        local[(*lead, slice(local.shape[axis] - came.shape[axis], None))] = came
    return x.with_local(local)


def _doubling(ufunc: np.ufunc, x: Blocks, axis: int) -> Blocks:
    """A short axis: element i gets the sum up to i - 1, up to i - 2, up to i - 4, ..."""
    by = 1
    while by < x.shape[axis]:
        x = x.with_local(ufunc(_shifted(ufunc, x, axis, by).local, x.local))
        by *= 2
    return x

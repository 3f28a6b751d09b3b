"""Joining arrays: concatenate, stack and their like, each in one exchange."""

from collections.abc import Sequence

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..doors import stands_for
from ..errors import ShapeError, UnsupportedError
from ..layout.assemblyplans import Stretch, whole
from ..layout.resultmaps import with_length
from .assembling import assembled
from .axisorder import atleast_1d, atleast_2d, atleast_3d, expand_dims
from .reshaping import ravel

Array = DistArray | np.ndarray


@stands_for(np.concatenate, np.concat)
def concat(
    arrays: Sequence,
    /,
    axis: int | None = 0,
    out: DistArray | None = None,
    *,
    dtype: object = None,
    casting: str = "same_kind",
) -> Array:
    """Join arrays along an axis, as ``numpy.concatenate``. COLLECTIVE.

    Parameters
    ----------
    arrays : sequence of DistArray or ndarray
        Of one shape but for the axis. ndarrays are taken as equal on all ranks.
    axis : int or None
        None joins the flattened arrays.
    out : DistArray, optional
        Where the result goes.
    dtype, casting
        Type of the result, and what may be cast to it.

    Returns
    -------
    DistArray
        A copy. The map is that of the first DistArray; the joined axis is cut by the same rule,
        explicit edges as balanced blocks.

    Raises
    ------
    ValueError
        The shapes do not fit.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.arange(3, map=pm.Map([1]))
    >>> pm.concat([A, A]).local
    array([0, 1, 2, 0, 1, 2])
    """
    arrays = [x if isinstance(x, DistArray) else np.asarray(x) for x in arrays]
    if out is not None and dtype is not None:
        raise TypeError("concatenate() only takes `out` or `dtype` as an argument, but both were")
    if not arrays:
        raise ShapeError("need at least one array to concatenate")
    if axis is None:
        arrays, axis = [ravel(x) for x in arrays], 0
    if any(x.ndim == 0 for x in arrays):
        raise ShapeError("zero-dimensional arrays cannot be concatenated")
    axis = axis_from_front(axis, arrays[0].ndim)
    _check_shapes(arrays, axis)
    kind = _kind(arrays, dtype if out is None else out.dtype, casting)
    return _joined(arrays, axis, kind, out)


concatenate = concat


def _check_shapes(arrays: list[Array], axis: int) -> None:
    """Raise where the shapes differ in other axes than the joined one."""
    first = arrays[0].shape
    for number, x in enumerate(arrays):
        if len(x.shape) != len(first):
            raise ShapeError(
                "all the input array dimensions except for the concatenation axis must match: "
                f"array 0 has {len(first)} axes and array {number} has {len(x.shape)}"
            )
        if any(n != m for a, (n, m) in enumerate(zip(x.shape, first, strict=True)) if a != axis):
            raise ShapeError(
                f"all the input array dimensions except for axis {axis} must match exactly: "
                f"array 0 has shape {first} and array {number} has shape {x.shape}"
            )


def _kind(arrays: list[Array], dtype: object, casting: str) -> np.dtype:
    """Type of the result, if the casting rule lets all be cast to it."""
    kind = np.result_type(*(x.dtype for x in arrays)) if dtype is None else np.dtype(dtype)
    for x in arrays:
        if not np.can_cast(x.dtype, kind, casting):
            raise UnsupportedError(
                f"Cannot cast array data from {x.dtype!r} to {kind!r} according to the rule "
                f"{casting!r}"
            )
    return kind


def _joined(arrays: list[Array], axis: int, kind: np.dtype, out: DistArray | None) -> DistArray:
    first = next((x for x in arrays if isinstance(x, DistArray)), out)
    length, sources = 0, []
    for x in arrays:
        rules = [whole(n) for n in x.shape]
        rules[axis] = (Stretch(length, x.shape[axis], 0),)
        if x.size:
            sources.append((x, tuple(rules)))
        length += x.shape[axis]
    shape = tuple(length if a == axis else n for a, n in enumerate(arrays[0].shape))
    if out is None:
        return assembled(sources, shape, with_length(first.map, axis), kind, "concatenate")
    _check_out(out, shape)
    made = assembled(sources, shape, out.map.without_overlap(), kind, "concatenate")
    out.put_block(made.block)
    return out


def _check_out(out: object, shape: tuple[int, ...]) -> None:
    if not isinstance(out, DistArray):
        raise UnsupportedError("concatenate: out= must be a DistArray where an operand is one")
    if out.shape != shape:
        raise ShapeError(f"Output array is the wrong shape: {out.shape}, but the result is {shape}")


@stands_for(np.stack)
def stack(
    arrays: Sequence,
    axis: int = 0,
    out: DistArray | None = None,
    *,
    dtype: object = None,
    casting: str = "same_kind",
) -> Array:
    """Join arrays of one shape along a new axis, which is whole. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.arange(2, map=pm.Map([1]))
    >>> pm.stack([A, A + 5], axis=1).local
    array([[0, 5],
           [1, 6]])
    """
    arrays = [x if isinstance(x, DistArray) else np.asarray(x) for x in arrays]
    if not arrays:
        raise ShapeError("need at least one array to stack")
    if len(shapes := {x.shape for x in arrays}) != 1:
        raise ShapeError(f"all input arrays must have the same shape; they have {sorted(shapes)}")
    axis = axis_from_front(axis, arrays[0].ndim + 1)
    wide = [expand_dims(x, axis) for x in arrays]
    return concat(wide, axis, out, dtype=dtype, casting=casting)


def _each(f: object, arrays: object) -> list[Array]:
    return [f(x) for x in arrays]


@stands_for(np.hstack)
def hstack(tup: Sequence, *, dtype: object = None, casting: str = "same_kind") -> Array:
    """Join along axis 1, or axis 0 of 1-D arrays. COLLECTIVE."""
    arrays = _each(atleast_1d, tup)
    axis = 0 if arrays and arrays[0].ndim == 1 else 1
    return concat(arrays, axis, dtype=dtype, casting=casting)


@stands_for(np.vstack)
def vstack(tup: Sequence, *, dtype: object = None, casting: str = "same_kind") -> Array:
    """Join along axis 0, 1-D arrays as rows. COLLECTIVE."""
    return concat(_each(atleast_2d, tup), 0, dtype=dtype, casting=casting)


@stands_for(np.dstack)
def dstack(tup: Sequence) -> Array:
    """Join along the third axis. COLLECTIVE."""
    return concat(_each(atleast_3d, tup), 2)


@stands_for(np.column_stack)
def column_stack(tup: Sequence) -> Array:
    """Join 1-D arrays as columns. COLLECTIVE."""
    arrays = [x if isinstance(x, DistArray) else np.asarray(x) for x in tup]
    return concat([atleast_2d(x).T if x.ndim < 2 else x for x in arrays], 1)


@stands_for(np.append)
def append(arr: Array, values: Array, axis: int | None = None) -> Array:
    """Values after the end of an array, flattened where no axis is given. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.append(pm.arange(2, map=pm.Map([1])), [7]).local
    array([0, 1, 7])
    """
    return concat([arr, values], axis)


@stands_for(np.block)
def block(arrays: object) -> Array:
    """An array of nested lists of blocks, the innermost joined along the last axis. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.ones((1, 2), map=pm.Map([1, 1]))
    >>> pm.block([[A, 2 * A], [3 * A, 4 * A]]).local
    array([[1., 1., 2., 2.],
           [3., 3., 4., 4.]])
    """
    depth = _depth(arrays)
    ndim = max(depth, *(np.ndim(x) for x in _leaves(arrays)))
    return _blocked(arrays, depth, ndim)


def _depth(arrays: object) -> int:
    """Depth of the lists, the same everywhere."""
    if isinstance(arrays, tuple):
        raise TypeError("block: only lists can hold blocks, not tuples")
    if not isinstance(arrays, list):
        return 0
    if not arrays:
        raise ShapeError("block: lists cannot be empty")
    depths = {_depth(x) for x in arrays}
    if len(depths) > 1:
        raise ShapeError(f"block: list depths are mismatched: {sorted(depths)}")
    return 1 + depths.pop()


def _leaves(arrays: object) -> list:
    return [leaf for x in arrays for leaf in _leaves(x)] if isinstance(arrays, list) else [arrays]


def _blocked(arrays: object, depth: int, ndim: int) -> Array:
    if depth == 0:
        x = arrays if isinstance(arrays, DistArray) else np.asarray(arrays)
        return expand_dims(x, tuple(range(ndim - x.ndim))) if x.ndim < ndim else x[...]
    return concat([_blocked(x, depth - 1, ndim) for x in arrays], -depth)

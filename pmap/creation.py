"""Making arrays: zeros, full, from_function and their like, each with ``map=``.

``map`` omitted: what :func:`default_map` set (at first nothing: a plain ndarray); ``map=None`` or
``1``: always a plain ndarray, as in pMATLAB. ``device`` is the standard's: None or ``"cpu"``.
Creating an array sends nothing.
"""

from collections.abc import Callable, Sequence

import numpy as np

from .allocation import UNSET, allocate, as_shape, check_device, chosen_map
from .arrays.distarray import DistArray
from .errors import ShapeError
from .layout.maps import Map
from .layout.splits import Periodic
from .ranks import comm


def empty(
    shape: int | Sequence[int],
    dtype: object = None,
    *,
    device: str | None = None,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """An array whose elements are not set. LOCAL.

    Parameters
    ----------
    shape : int or sequence of int
        Global shape.
    dtype : dtype
        Type of the elements; float64 where it is not given.
    map : Map, "auto", None or 1
        See the module.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.empty((3, 2), map=pm.Map([1, 1])).shape
    (3, 2)
    """
    return _made(shape, None, dtype, device, map)


def full(
    shape: int | Sequence[int],
    fill_value: object,
    dtype: object = None,
    *,
    device: str | None = None,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """An array filled with a value, or with values that broadcast to its shape. LOCAL.

    COLLECTIVE where the values are a DistArray.

    Examples
    --------
    >>> import pmap as pm
    >>> int(pm.full((2, 3), 7, map=pm.Map([1, 1])).sum())
    42
    """
    value = fill_value if isinstance(fill_value, DistArray) else np.asarray(fill_value)
    dtype = value.dtype if dtype is None else dtype
    if not value.ndim and not isinstance(fill_value, DistArray):
        return _made(shape, fill_value, dtype, device, map)
    made = _made(shape, None, dtype, device, map)
    made[...] = value
    return made


def zeros(
    shape: int | Sequence[int],
    dtype: object = None,
    *,
    device: str | None = None,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """An array of zeros. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.zeros((2, 3), "uint16", map=pm.Map([1, 1])).dtype
    dtype('uint16')
    """
    return _made(shape, np.zeros((), dtype)[()], dtype, device, map)


def ones(
    shape: int | Sequence[int],
    dtype: object = None,
    *,
    device: str | None = None,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """An array of ones. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.ones((2, 3), map=pm.Map([1, 1])).sum())
    6.0
    """
    return _made(shape, np.ones((), dtype)[()], dtype, device, map)


def _made(
    shape: int | Sequence[int], fill: object, dtype: object, device: object, held: object
) -> DistArray | np.ndarray:
    """An array of one value, not set where that is None."""
    check_device(device)
    shape, dtype = as_shape(shape), np.dtype(dtype)
    held = chosen_map(held, shape)
    if held is not None:
        return allocate(shape, dtype, held, fill)
    return np.empty(shape, dtype) if fill is None else np.full(shape, fill, dtype)


def from_function(
    function: Callable, shape: int | Sequence[int], *, map: object = UNSET, dtype: object = None
) -> DistArray | np.ndarray:
    """An array computed from its indices, each rank its own part. LOCAL.

    Parameters
    ----------
    function : callable
        Takes one int64 array of global indices per axis (broadcastable against each other) and
        gives the elements at them; must work elementwise.
    shape : int or sequence of int
        Global shape.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.from_function(lambda i, j: 10 * i + j, (2, 3), map=pm.Map([1, 1])).local
    array([[ 0,  1,  2],
           [10, 11, 12]])
    """
    shape = as_shape(shape)
    held = chosen_map(map, shape)
    world = comm.world()
    owned = [Periodic(0, n) for n in shape] if held is None else held.owned(shape, world.rank)
    if owned is None:
        owned = [Periodic(0, 0)] * len(shape)
    indices = [
        o.indices().reshape([-1 if a == b else 1 for b in range(len(shape))])
        for a, o in enumerate(owned)
    ]
    values = np.asarray(function(*indices))
    values = values if dtype is None else values.astype(dtype, copy=False)
    values = np.broadcast_to(values, [len(o) for o in owned])
    if held is None:
        return np.array(values)
    made = allocate(shape, values.dtype, held)
    made.block[...] = values
    return made


def from_local(local: np.ndarray, shape: int | Sequence[int], *, map: Map) -> DistArray:
    """A DistArray of blocks that the ranks have already; ``local`` is kept, not copied. LOCAL.

    Raises
    ------
    ShapeError
        The block has not the shape that the map gives this rank.
    """
    shape = as_shape(shape)
    held = chosen_map(map, shape)
    if held is None:
        return np.asarray(local)
    world = comm.world()
    wanted = held.local_shape(shape, world.rank)
    local = np.asarray(local)
    if local.shape != wanted:
        raise ShapeError(
            f"rank {world.rank}: the block has shape {local.shape}, but {held} gives this rank "
            f"{wanted} of {shape}"
        )
    if any(held.overlap):
        made = allocate(shape, local.dtype, held)
        made.block[...] = local
        return made
    return DistArray(local, shape, held, world)


def zeros_like(
    x: object, /, dtype: object = None, *, device: str | None = None, map: object = UNSET
) -> DistArray | np.ndarray:
    """Zeros of the shape, type and map of another array. LOCAL."""
    return full_like(x, 0, dtype, device=device, map=map)


def ones_like(
    x: object, /, dtype: object = None, *, device: str | None = None, map: object = UNSET
) -> DistArray | np.ndarray:
    """Ones of the shape, type and map of another array. LOCAL."""
    return full_like(x, 1, dtype, device=device, map=map)


def empty_like(
    x: object, /, dtype: object = None, *, device: str | None = None, map: object = UNSET
) -> DistArray | np.ndarray:
    """An array of the shape, type and map of another, not set. LOCAL."""
    shape, dtype, map = _pattern(x, dtype, map)
    return empty(shape, dtype, device=device, map=map)


def full_like(
    x: object,
    /,
    fill_value: object,
    dtype: object = None,
    *,
    device: str | None = None,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """A filled array of the shape, type and map of another. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.zeros(4, "uint8", map=pm.Map([1]))
    >>> pm.full_like(A, 3).dtype
    dtype('uint8')
    """
    shape, dtype, map = _pattern(x, dtype, map)
    return full(shape, fill_value, dtype, device=device, map=map)


def _pattern(x: object, dtype: object, held: object) -> tuple:
    """Shape, type and map that an array like another one has."""
    like = x if isinstance(x, DistArray) else np.asarray(x)
    if isinstance(held, type(UNSET)):
        held = x.map if isinstance(x, DistArray) else None
    return like.shape, like.dtype if dtype is None else dtype, held

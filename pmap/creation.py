"""Making arrays: zeros, arange, asarray, from_function and their like, each with ``map=``.

``map`` omitted: what :func:`default_map` set (at first nothing: a plain ndarray); ``map=None`` or
``1``: always a plain ndarray, as in pMATLAB. Creating an array sends nothing.
"""

from collections.abc import Callable, Sequence

import numpy as np

from . import comm
from .allocation import UNSET, allocate, as_shape, chosen_map
from .distarray import DistArray
from .elementwise import cut
from .errors import ShapeError
from .maps import Map
from .splits import Periodic


def empty(
    shape: int | Sequence[int], dtype: object = float, *, map: object = UNSET
) -> DistArray | np.ndarray:
    """An array whose elements are not set. LOCAL.

    Parameters
    ----------
    shape : int or sequence of int
        Global shape.
    dtype : dtype
        Type of the elements.
    map : Map, "auto", None or 1
        See the module.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.empty((3, 2), map=pm.Map([1, 1])).shape
    (3, 2)
    """
    return full(shape, None, dtype, map=map)


def full(
    shape: int | Sequence[int], fill_value: object, dtype: object = None, *, map: object = UNSET
) -> DistArray | np.ndarray:
    """An array filled with a value. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> int(pm.full((2, 3), 7, map=pm.Map([1, 1])).sum())
    42
    """
    shape = as_shape(shape)
    dtype = np.dtype(np.asarray(fill_value).dtype if dtype is None else dtype)
    held = chosen_map(map, shape)
    if held is None:
        return np.empty(shape, dtype) if fill_value is None else np.full(shape, fill_value, dtype)
    return allocate(shape, dtype, held, fill_value)


def zeros(
    shape: int | Sequence[int], dtype: object = float, *, map: object = UNSET
) -> DistArray | np.ndarray:
    """An array of zeros. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.zeros((2, 3), "uint16", map=pm.Map([1, 1])).dtype
    dtype('uint16')
    """
    return full(shape, np.zeros((), dtype)[()], dtype, map=map)


def ones(
    shape: int | Sequence[int], dtype: object = float, *, map: object = UNSET
) -> DistArray | np.ndarray:
    """An array of ones. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.ones((2, 3), map=pm.Map([1, 1])).sum())
    6.0
    """
    return full(shape, np.ones((), dtype)[()], dtype, map=map)


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


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1,
    dtype: object = None,
    *,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """Evenly spaced values in ``[start, stop)``, as ``numpy.arange``. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.arange(1, 7, 2, map=pm.Map([1])).local
    array([1, 3, 5])
    """
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ZeroDivisionError("arange: step must not be 0")
    if dtype is None:  # as NumPy: at least the default integer
        dtype = np.result_type(np.intp, *(np.asarray(x) for x in (start, stop, step)))
    dtype = np.dtype(dtype)
    n = max(0, int(np.ceil((stop - start) / step)))
    # NumPy's own rule: the first two values in the result's type, then their difference
    wide = np.dtype(np.float32) if dtype == np.float16 else dtype
    first, second = (np.asarray(v, dtype).astype(wide)[()] for v in (start, start + step))
    delta = second - first

    def value(i: np.ndarray) -> np.ndarray:
        return np.where(i == 1, second, first + i.astype(wide) * delta)

    return from_function(value, n, map=map, dtype=dtype)


def linspace(
    start: float,
    stop: float,
    num: int = 50,
    endpoint: bool = True,
    dtype: object = None,
    *,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """``num`` evenly spaced values from start to stop, as ``numpy.linspace``. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linspace(0, 1, 5, map=pm.Map([1])).local
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    spaces = num - 1 if endpoint else num
    kind = np.result_type(start, stop, float(num))
    delta = np.subtract(stop, start, dtype=kind)
    step = delta / spaces if spaces > 0 else delta

    def value(i: np.ndarray) -> np.ndarray:
        scaled = i * step if spaces < 1 or np.any(step != 0) else i / spaces * delta
        found = scaled + start
        return np.where(i == num - 1, stop, found) if endpoint and num > 1 else found

    made = from_function(value, num, map=map, dtype=kind)
    if dtype is None:
        return made
    whole = np.issubdtype(dtype, np.integer)
    return (np.floor(made) if whole else made).astype(dtype)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    k: int = 0,
    dtype: object = float,
    *,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """Ones on a diagonal, zeros elsewhere, as ``numpy.eye``. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.eye(3, map=pm.Map([1, 1])).sum())
    3.0
    """
    shape = (n_rows, n_rows if n_cols is None else n_cols)
    return from_function(lambda i, j: j - i == k, shape, map=map, dtype=dtype)


def asarray(x: object, dtype: object = None, *, map: object = UNSET) -> DistArray | np.ndarray:
    """A DistArray of values that all ranks have. COLLECTIVE only if ``x`` has another map.

    Parameters
    ----------
    x : array_like, DistArray or file opened by ``pm.io.open``
        An ndarray is taken as equal on all ranks: each keeps its own part and nothing is sent.
        Of a file each rank reads its own part. A DistArray is redistributed where the map differs.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.asarray([[1, 2], [3, 4]], map=pm.Map([1, 1])).sum(axis=0).local
    array([4, 6])
    """
    if isinstance(x, DistArray):
        held = x.map if map is UNSET else chosen_map(map, x.shape)
        if held is None:
            return np.asarray(x, dtype)
        if held == x.map:
            return x if dtype is None or x.dtype == dtype else x.astype(dtype)
        made = allocate(x.shape, x.dtype if dtype is None else dtype, held)
        made[...] = x
        return made
    if hasattr(x, "read") and hasattr(x, "shape"):
        return _from_file(x, dtype, map)
    x = np.asarray(x, dtype)
    held = chosen_map(map, x.shape)
    if held is None:
        return x
    made = allocate(x.shape, x.dtype, held)
    made.block[...] = cut(x, x.shape, held.owned(x.shape, comm.world().rank))
    return made


def _from_file(source: object, dtype: object, map: object) -> DistArray | np.ndarray:
    """Each rank's own part of a file; runs of a cyclic part are read one by one."""
    shape = as_shape(source.shape)
    held = chosen_map(map, shape)
    if held is None:
        return np.asarray(source.read(tuple(slice(0, n) for n in shape)), dtype)
    made = allocate(shape, source.dtype if dtype is None else dtype, held)
    owned = held.owned(shape, comm.world().rank)
    if owned is None or not made.block.size:
        return made
    spans = [slice(o.lo, o.hi) for o in owned]
    for start, stop in owned[0].runs_within(0, shape[0]):
        values = source.read((slice(start, stop), *spans[1:]))
        for a, o in enumerate(owned[1:], 1):
            if not o.contiguous:
                values = np.take(values, o.indices() - o.lo, axis=a)
        at = owned[0].position(start)
        made.block[at : at + stop - start] = values
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


def zeros_like(x: object, dtype: object = None, *, map: object = UNSET) -> DistArray | np.ndarray:
    """Zeros of the shape, type and map of another array. LOCAL."""
    return full_like(x, 0, dtype, map=map)


def ones_like(x: object, dtype: object = None, *, map: object = UNSET) -> DistArray | np.ndarray:
    """Ones of the shape, type and map of another array. LOCAL."""
    return full_like(x, 1, dtype, map=map)


def empty_like(x: object, dtype: object = None, *, map: object = UNSET) -> DistArray | np.ndarray:
    """An array of the shape, type and map of another, not set. LOCAL."""
    return full_like(x, None, dtype, map=map)


def full_like(
    x: object, fill_value: object, dtype: object = None, *, map: object = UNSET
) -> DistArray | np.ndarray:
    """A filled array of the shape, type and map of another. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.zeros(4, "uint8", map=pm.Map([1]))
    >>> pm.full_like(A, 3).dtype
    dtype('uint8')
    """
    x = x if isinstance(x, DistArray) else np.asarray(x)
    if map is UNSET:
        map = x.map if isinstance(x, DistArray) else None
    return full(x.shape, fill_value, x.dtype if dtype is None else dtype, map=map)

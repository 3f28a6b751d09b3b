"""Evenly spaced values, diagonals and grids of coordinates."""

from collections.abc import Callable
from operator import index

import numpy as np

from .allocation import UNSET, allocate, auto, check_device, chosen_map
from .arrays.distarray import DistArray, broadcast_to
from .arrays.ufuncs import elementwise
from .creation import from_function, zeros
from .layout.maps import AxisMap, Map, Shape
from .layout.splits import Periodic
from .registry import implements


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1,
    dtype: object = None,
    *,
    device: str | None = None,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """Evenly spaced values in ``[start, stop)``, as ``numpy.arange``. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.arange(1, 7, 2, map=pm.Map([1])).local
    array([1, 3, 5])
    """
    check_device(device)
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ZeroDivisionError("arange: step must not be 0")
    if dtype is None:  # as NumPy: at least the default integer
        dtype = np.result_type(np.intp, *(np.asarray(x) for x in (start, stop, step)))
    dtype = np.dtype(dtype)
    n = max(0, int(np.ceil((stop - start) / step)))
    if dtype.kind == "b" and n > 2:
        raise TypeError(f"arange: {n} values do not fit dtype bool, which has two")
    # NumPy's own rule: the first two values in the result's type, then their difference
    wide = {"e": np.dtype(np.float32), "?": np.dtype(np.int8)}.get(dtype.char, dtype)
    starts = (start, start + step) if n > 1 else (start, start)
    first, second = (np.asarray(v, dtype).astype(wide)[()] for v in starts)
    delta = second - first

    def value(i: np.ndarray) -> np.ndarray:
        values = i.astype(wide)
        values *= delta
        values += first
        at = int(np.searchsorted(i, 1))
        if at < len(i) and i[at] == 1:
            values[at] = second
        return values

    return _line(value, n, dtype, map)


CHUNK = 1 << 15
"""Elements computed at a time, so that what lies between fits the cache."""


def _line(
    function: Callable[[np.ndarray], np.ndarray], n: int, dtype: np.dtype, held: object
) -> DistArray | np.ndarray:
    """A 1-D array of a function of the index, computed piece by piece."""
    held = chosen_map(held, (n,))
    made = np.empty(n, dtype) if held is None else allocate((n,), dtype, held)
    block = made if held is None else made.block
    owned = (Periodic(0, n),) if held is None else held.owned((n,), made.world.rank)
    if owned is None:
        return made
    line = owned[0]
    indices = None if line.contiguous else line.indices()
    for at in range(0, len(block), CHUNK):
        end = min(at + CHUNK, len(block))
        i = np.arange(line.lo + at, line.lo + end) if indices is None else indices[at:end]
        block[at:end] = function(i)
    return made


def linspace(
    start: float,
    stop: float,
    num: int = 50,
    endpoint: bool = True,
    dtype: object = None,
    *,
    device: str | None = None,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """``num`` evenly spaced values from start to stop, as ``numpy.linspace``. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.linspace(0, 1, 5, map=pm.Map([1])).local
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    check_device(device)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    spaces = num - 1 if endpoint else num
    kind = np.result_type(start, stop, float(num))
    delta = np.subtract(stop, start, dtype=kind)
    step = delta / spaces if spaces > 0 else delta
    whole = dtype is not None and np.issubdtype(dtype, np.integer)

    def value(i: np.ndarray) -> np.ndarray:
        scaled = i * step if spaces < 1 or np.any(step != 0) else i / spaces * delta
        found = (scaled + start).astype(kind, copy=False)
        if endpoint and num > 1 and i[-1] == num - 1:
            found[-1] = stop
        return np.floor(found) if whole else found

    return _line(value, num, kind if dtype is None else np.dtype(dtype), map)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    k: int = 0,
    dtype: object = None,
    *,
    device: str | None = None,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """Ones on a diagonal, zeros elsewhere, as ``numpy.eye``. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.eye(3, map=pm.Map([1, 1])).sum())
    3.0
    """
    check_device(device)
    shape = (n_rows, n_rows if n_cols is None else n_cols)
    made = zeros(shape, dtype, map=map)
    plain = not isinstance(made, DistArray)
    owned = [Periodic(0, n) for n in shape] if plain else made.map.owned(shape, made.world.rank)
    if owned is not None and all(len(o) for o in owned):
        wanted = owned[0].indices() + _diagonal(k, shape)
        columns = owned[1].indices()
        at = np.minimum(np.searchsorted(columns, wanted), len(columns) - 1)
        rows = np.flatnonzero(columns[at] == wanted)
        (made if plain else made.block)[rows, at[rows]] = 1
    return made


def tri(
    n_rows: int,
    n_cols: int | None = None,
    k: int = 0,
    dtype: object = None,
    *,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """Ones on and below a diagonal, as ``numpy.tri``. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.tri(3, map=pm.Map([1, 1])).sum())
    6.0
    """
    shape = (n_rows, n_rows if n_cols is None else n_cols)
    k = _diagonal(k, shape)
    return from_function(lambda i, j: j - k <= i, shape, map=map, dtype=np.dtype(dtype))


def _diagonal(k: int, shape: Shape) -> int:
    """The number of a diagonal, at most that of the first one outside: numbers have no bounds."""
    return max(-shape[-2], min(index(k), shape[-1]))


@implements(np.tril)
def tril(m: DistArray, k: int = 0) -> DistArray | np.ndarray:
    """The elements on and below a diagonal of the last two axes, zeros elsewhere. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.tril(pm.ones((2, 2), map=pm.Map([1, 1]))).local
    array([[1., 0.],
           [1., 1.]])
    """
    return _triangle(m, k, np.less_equal) if isinstance(m, DistArray) else np.tril(m, k)


@implements(np.triu)
def triu(m: DistArray, k: int = 0) -> DistArray | np.ndarray:
    """The elements on and above a diagonal of the last two axes, zeros elsewhere. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.triu(pm.ones((2, 2), map=pm.Map([1, 1]))).local
    array([[1., 1.],
           [0., 1.]])
    """
    return _triangle(m, k, np.greater_equal) if isinstance(m, DistArray) else np.triu(m, k)


def _triangle(m: DistArray, k: int, kept: np.ufunc) -> DistArray:
    """Elements on one side of a diagonal; a 1-D array is a row, repeated."""
    if m.ndim < 2:
        m = broadcast_to(m, (m.shape[0], m.shape[0]))
    owned = m.map.owned(m.shape, m.world.rank)
    if owned is None:
        return m.copy()
    k = _diagonal(k, m.shape)
    mask = kept(owned[-1].indices() - k, owned[-2].indices()[:, None])
    return elementwise(lambda block: np.where(mask, block, block.dtype.type(0)), (m,), "tril")


@implements(np.meshgrid)
def meshgrid(
    *xi: object, indexing: str = "xy", sparse: bool = False, copy: bool = True, map: object = UNSET
) -> tuple:
    """Coordinates along each axis of a grid, from one vector for each, as ``numpy.meshgrid``.

    COLLECTIVE where maps differ. All results have one map: the one that is given, or that of the
    first DistArray along its axis where it is cut over all ranks, else ``auto(shape)``. So
    arithmetic between them sends nothing.

    Parameters
    ----------
    *xi : array_like
        Vectors, or scalars.
    indexing : "xy" or "ij"
        Whether the first vector runs along the second axis, as in a plot, or along the first.
    sparse : bool
        Leave the other axes at length 1.
    copy : bool
        False: read-only views.

    Examples
    --------
    >>> import pmap as pm
    >>> X, Y = pm.meshgrid(pm.arange(3, map=pm.Map([1])), [10, 20])
    >>> (X + Y).local
    array([[10, 11, 12],
           [20, 21, 22]])
    """
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    xi = [x if isinstance(x, DistArray) else np.asarray(x) for x in xi]
    xi = [x.reshape(-1) if x.ndim != 1 else x for x in xi]
    places = list(range(len(xi)))
    if indexing == "xy":
        places[:2] = places[1::-1]
    shape = tuple(xi[a].shape[0] for a in places)
    held = _grid_map(xi, places, shape, map)
    if held is None:
        return np.meshgrid(*xi, indexing=indexing, sparse=sparse, copy=copy)
    grids = (_along(x, place, shape, held, sparse) for x, place in zip(xi, places, strict=True))
    return tuple(g.copy() if copy else g for g in grids)


def _grid_map(xi: list, places: list[int], shape: tuple, chosen: object) -> Map | None:
    """The map that all grids of coordinates have; None where they are plain ndarrays."""
    if not isinstance(chosen, type(UNSET)):
        return chosen_map(chosen, shape)
    for x, place in zip(xi, places, strict=True):
        if isinstance(x, DistArray):
            held = x.map.without_overlap()
            if held.pieces_along(0) < x.world.size:
                return auto(shape)
            axes = [held.axes[0] if a == place else AxisMap() for a in range(len(shape))]
            return held.with_axes(axes)
    return None


def _along(x: object, place: int, shape: tuple, held: Map, sparse: bool) -> DistArray:
    """A vector along one axis, repeated along the others."""
    line = held.without_overlap().with_axes([held.axes[place]])
    vector = allocate(x.shape, x.dtype, line)
    vector[...] = x
    column = vector[tuple(slice(None) if a == place else None for a in range(len(shape)))]
    if sparse:
        return column
    block = np.broadcast_to(column.block, held.local_shape(shape, column.world.rank))
    return DistArray(block, shape, held.without_overlap(), column.world)

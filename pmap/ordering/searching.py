"""``pm.searchsorted`` and NumPy's searchsorted and digitize."""

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.elementwise import cut
from ..arrays.ufuncs import elementwise
from ..errors import ShapeError
from ..layout.resultmaps import auto_over
from ..registry import implements
from ..shapes.flattening import in_order
from .lookups import places_in


def searchsorted(
    x1: DistArray | np.ndarray,
    x2: object,
    /,
    *,
    side: str = "left",
    sorter: DistArray | np.ndarray | None = None,
) -> DistArray | np.ndarray | np.integer:
    """Where values belong in a sorted array, as ``numpy.searchsorted``. COLLECTIVE.

    Parameters
    ----------
    x1 : DistArray or ndarray, 1-D
        In ascending order, or put in it by ``sorter``.
    x2 : DistArray, ndarray or scalar
        The values.
    side : {"left", "right"}
        Before or after equal elements.
    sorter : DistArray or ndarray of int, optional
        The indices that sort x1.

    Returns
    -------
    DistArray of int64, or a scalar
        Under the map of x2; under ``auto`` where x2 is an ndarray. LOCAL where x1 is an ndarray.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.asarray([1, 3, 5], map=pm.Map([1]))
    >>> pm.searchsorted(A, pm.asarray([4, 0], map=pm.Map([1]))).local
    array([2, 0])
    """
    if side not in ("left", "right"):
        raise ValueError(f"search side must be 'left' or 'right' (got {side!r})")
    if np.ndim(x1) != 1:
        raise ShapeError(f"searchsorted: the sorted array has shape {np.shape(x1)}, not one axis")
    if sorter is not None:
        if np.shape(sorter) != np.shape(x1):
            raise ShapeError(f"sorter has shape {np.shape(sorter)}, the array {np.shape(x1)}")
        try:
            x1 = x1[sorter]
        except IndexError as error:
            raise ValueError(f"Sorter index out of range: {error}") from None
    if not isinstance(x1, DistArray):
        if not isinstance(x2, DistArray):
            return np.searchsorted(x1, x2, side)
        return elementwise(lambda block: np.searchsorted(x1, block, side), (x2,), "searchsorted")
    run, _ = in_order(x1)
    if isinstance(x2, DistArray):
        held = x2.map.without_overlap()
        needles = x2.block
    else:
        x2 = np.asarray(x2)
        held = auto_over(x1.map.procs, x2.shape)
        needles = cut(x2, x2.shape, held.owned(x2.shape, x1.world.rank)) if x2.ndim else x2
    if not x2.ndim and not isinstance(x2, DistArray):
        counts = x1.world.allgather_array(np.array([_below(run, x2, side)], np.intp))
        return np.concatenate(counts).sum()
    places, _ = places_in(run, np.ascontiguousarray(needles).reshape(-1), side, x1.world)
    places = places.reshape(needles.shape)
    if not x2.ndim:
        return DistArray(places, (), held, x1.world)[()]
    return DistArray(places, x2.shape, held, x1.world)


def _below(run: np.ndarray, value: np.ndarray, side: str) -> int:
    """Elements of a part of the sorted array that go before a value."""
    return int(np.searchsorted(run, value, side))


@implements(np.searchsorted)
def _np_searchsorted(
    a: object, v: object, side: str = "left", sorter: object = None
) -> DistArray | np.integer:
    a = a if isinstance(a, DistArray) else np.asarray(a)
    return searchsorted(a, v, side=side, sorter=sorter)


@implements(np.digitize)
def digitize(x: object, bins: object, right: bool = False) -> DistArray | np.ndarray:
    """The bin that each value lies in, as ``numpy.digitize``. COLLECTIVE for bins of a DistArray.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> np.digitize(pm.asarray([0.5, 2.5], map=pm.Map([1])), [0, 1, 2]).local
    array([1, 3])
    """
    if np.ndim(bins) != 1:
        raise ValueError(f"bins has shape {np.shape(bins)}; it must have one axis")
    if not isinstance(bins, DistArray):
        return elementwise(lambda block: np.digitize(block, bins, right), (x,), "digitize")
    x = x if isinstance(x, DistArray) else np.asarray(x)
    if x.dtype.kind == "c":
        raise TypeError("x may not be complex")
    rising, falling = bool((bins[1:] >= bins[:-1]).all()), bool((bins[1:] <= bins[:-1]).all())
    if not rising and not falling:
        raise ValueError("bins must be monotonically increasing or decreasing")
    side = "left" if right else "right"
    return (
        searchsorted(bins, x, side=side)
        if rising
        else bins.size - searchsorted(bins[::-1], x, side=side)
    )

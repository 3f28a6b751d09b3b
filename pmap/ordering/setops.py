"""Sets of values: NumPy's isin, intersect1d, union1d, setdiff1d, setxor1d."""

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.ufuncs import elementwise
from ..errors import UnsupportedError
from ..registry import implements
from ..shapes.flattening import in_order, once_each
from .lookups import places_in
from .uniqueruns import tagged_unique, unique_run
from .uniques import line_of


@implements(np.isin)
def isin(
    element: object,
    test_elements: object,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: str | None = None,
) -> DistArray | np.ndarray:
    """Whether each element is among the test elements, as ``numpy.isin``.

    COLLECTIVE where the test elements are a DistArray. The map is that of ``element``.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> np.isin(pm.arange(4, map=pm.Map([1])), [1, 2]).local
    array([False,  True,  True, False])
    """
    if kind not in (None, "sort", "table"):
        raise ValueError(f"Invalid kind: '{kind}'. Please use None, 'sort' or 'table'.")
    kinds = [(x if hasattr(x, "dtype") else np.asarray(x)).dtype for x in (element, test_elements)]
    if kind == "table" and any(k.kind not in "biu" for k in kinds):
        raise ValueError(
            f"isin: the 'table' method is only there for whole numbers and booleans, not {kinds}; "
            "use kind='sort' or None"
        )
    if not isinstance(test_elements, DistArray):
        if not isinstance(element, DistArray):
            return np.isin(element, test_elements, invert=invert)
        tests = np.asarray(test_elements)
        return elementwise(lambda block: np.isin(block, tests, invert=invert), (element,), "isin")
    run = unique_run(once_each(test_elements), test_elements.world, equal_nan=True)
    if isinstance(element, DistArray):
        found = _among(np.ascontiguousarray(element.block), run, element)
        held = element.map.without_overlap()
        local = (found ^ invert).reshape(element.block.shape)
        return DistArray(local, element.shape, held, element.world)
    values, world = np.asarray(element), test_elements.world  # equal on all ranks: shared out
    share = np.ascontiguousarray(values.reshape(-1)[world.rank :: world.size])
    found = np.empty(values.size, bool)
    for rank, part in enumerate(world.allgather_array(_among(share, run, test_elements))):
        found[rank :: world.size] = part
    return (found.reshape(values.shape) ^ invert)[()]


def _among(values: np.ndarray, run: np.ndarray, x: DistArray) -> np.ndarray:
    return places_in(run, values.reshape(-1), "left", x.world)[1]


def _one_of(*arrays: object) -> DistArray:
    return next(x for x in arrays if isinstance(x, DistArray))


def _values(x: object, like: DistArray) -> np.ndarray:
    """This rank's share of the values: of an ndarray, which all ranks have, every P-th one."""
    if isinstance(x, DistArray):
        return once_each(x)
    return np.asarray(x).reshape(-1)[like.world.rank :: like.world.size]


def _two_runs(ar1: object, ar2: object) -> tuple[np.ndarray, np.ndarray, DistArray]:
    """Unique values of both, in one dtype."""
    like = _one_of(ar1, ar2)
    first, second = _values(ar1, like), _values(ar2, like)
    common = np.result_type(first.dtype, second.dtype)
    runs = [unique_run(v.astype(common), like.world, equal_nan=True) for v in (first, second)]
    return (*runs, like)


@implements(np.union1d)
def union1d(ar1: object, ar2: object) -> DistArray:
    """Unique values that are in either array, 1-D explicit. COLLECTIVE."""
    like = _one_of(ar1, ar2)
    both = np.concatenate([_values(ar1, like), _values(ar2, like)])
    return line_of(unique_run(both, like.world, equal_nan=True), like)


@implements(np.setdiff1d)
def setdiff1d(ar1: object, ar2: object, assume_unique: bool = False) -> DistArray:
    """Unique values of the first array that are not in the second, 1-D explicit. COLLECTIVE."""
    kept = np.asarray(ar1).dtype if not isinstance(ar1, DistArray) else ar1.dtype
    first, second, like = _two_runs(ar1, ar2)
    return line_of(first[~_among(first, second, like)].astype(kept), like)


@implements(np.setxor1d)
def setxor1d(ar1: object, ar2: object, assume_unique: bool = False) -> DistArray:
    """Unique values that are in one of the arrays only, 1-D explicit. COLLECTIVE."""
    first, second, like = _two_runs(ar1, ar2)
    alone = [first[~_among(first, second, like)], second[~_among(second, first, like)]]
    return line_of(unique_run(np.concatenate(alone), like.world, equal_nan=False), like)


@implements(np.intersect1d)
def intersect1d(
    ar1: object, ar2: object, assume_unique: bool = False, return_indices: bool = False
) -> DistArray | tuple[DistArray, DistArray, DistArray]:
    """Unique values that are in both arrays, 1-D explicit. COLLECTIVE.

    With ``return_indices`` also the first position of each in either array.
    """
    if not return_indices:
        first, second, like = _two_runs(ar1, ar2)
        return line_of(first[_among(first, second, like)], like)
    like = _one_of(ar1, ar2)
    if not (isinstance(ar1, DistArray) and isinstance(ar2, DistArray)):
        raise UnsupportedError("np.intersect1d: return_indices= needs two DistArrays; use asarray")
    tagged = []
    for x in (ar1, ar2):
        values, edges = in_order(x)
        values = values.astype(np.result_type(ar1.dtype, ar2.dtype))
        tagged.append(tagged_unique(values, edges[x.world.rank], x.world, equal_nan=True))
    first, second = tagged
    here = _among(first.values, second.values, like)
    there = _among(second.values, first.values, like)
    found = [first.values[here], first.index[here], second.index[there]]
    return tuple(line_of(part, like) for part in found)

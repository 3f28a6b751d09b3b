"""A function of lines, of axes, or of what conditions choose."""

from collections.abc import Callable, Sequence

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..arrays.ufuncs import elementwise
from ..doors import stands_for
from ..errors import GatherError, ShapeError
from ..layout.resultmaps import freed
from ..settings import options


@stands_for(np.apply_along_axis)
def apply_along_axis(
    func1d: Callable, axis: int, arr: DistArray, *args: object, **kwargs: object
) -> DistArray:
    """A function of each line along an axis, as ``numpy.apply_along_axis``. COLLECTIVE.

    Parameters
    ----------
    func1d : callable
        Takes a 1-D ndarray, gives a scalar or an array of any shape, the same for all lines.
    axis : int
    arr : DistArray

    Returns
    -------
    DistArray
        The axes of the function's result stand in place of the axis. The array is brought to a map
        under which the axis is whole: its own, else ``auto`` over its other axes.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> A = pm.ones((2, 3), map=pm.Map([1, 1]))
    >>> pm.apply_along_axis(np.cumsum, 1, A).local
    array([[1., 2., 3.],
           [1., 2., 3.]])
    """
    axis = axis_from_front(axis, arr.ndim)
    others = arr.shape[:axis] + arr.shape[axis + 1 :]
    if 0 in others:
        raise ShapeError(
            f"Cannot apply_along_axis when any iteration dimensions are 0: {arr.shape}"
        )
    held, world = freed(arr.map, arr.shape, axis), arr.world
    if len(held.procs) == 1 < len(arr.map.procs) and arr.nbytes > options.gather_limit:
        raise GatherError(
            f"apply_along_axis: the only line of shape {arr.shape} needs {arr.nbytes} bytes on one "
            f"rank, over pm.options.gather_limit = {options.gather_limit}; raise the limit"
        )
    lines = np.moveaxis(arr.block_under(held, "apply_along_axis"), axis, -1)
    lines = np.ascontiguousarray(lines)  # the same bits at any map
    first = held.holders(arr.shape, (0,) * arr.ndim)[0] if arr.size else held.procs[0]
    made = None
    if first == world.rank:
        line = lines[(0,) * len(others)] if arr.size else np.empty(0, arr.dtype)
        made = np.asarray(func1d(line, *args, **kwargs))
    shape, kind = world.bcast(None if made is None else (made.shape, made.dtype), first)
    block = np.empty((*lines.shape[:-1], *shape), kind)
    if held.coords(world.rank) is not None:
        for at in np.ndindex(*lines.shape[:-1]):
            block[at] = func1d(lines[at], *args, **kwargs)
    return _in_place_of(axis, block, others, shape, arr, held)


def _in_place_of(
    axis: int, block: np.ndarray, others: tuple, shape: tuple, arr: DistArray, held: object
) -> DistArray:
    """The array whose new axes, last in the block, stand where the axis was."""
    axes = [a for b, a in enumerate(held.axes) if b != axis]
    whole = [type(held.axes[axis])()] * len(shape)
    ends = range(-len(shape), 0)
    block = np.moveaxis(block, list(ends), range(axis, axis + len(shape)))
    found = held.with_axes([*axes[:axis], *whole, *axes[axis:]])
    made = DistArray(
        np.ascontiguousarray(block) if block.ndim else block,
        (*others[:axis], *shape, *others[axis:]),
        found,
        arr.world,
    )
    if found.coords(arr.world.rank) is None:
        made = DistArray(np.empty((0,) * made.ndim, block.dtype), made.shape, found, arr.world)
    return made if made.ndim else made[...]


@stands_for(np.apply_over_axes)
def apply_over_axes(func: Callable, a: DistArray, axes: int | Sequence[int]) -> DistArray:
    """A function of array and axis, over several axes one after the other. COLLECTIVE.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> pm.apply_over_axes(np.sum, pm.ones((2, 3), map=pm.Map([1, 1])), (0, 1)).local
    array([[6.]])
    """
    found = a
    for axis in np.atleast_1d(axes).tolist():
        axis = axis_from_front(axis, a.ndim)
        result = func(found, axis)
        if np.ndim(result) != a.ndim:
            result = np.expand_dims(result, axis)
            if result.ndim != a.ndim:
                raise ShapeError(
                    "function is not returning an array of the correct shape: "
                    f"{result.ndim} axes for {a.ndim}"
                )
        found = result
    return found


@stands_for(np.piecewise)
def piecewise(
    x: DistArray, condlist: object, funclist: Sequence, *args: object, **kw: object
) -> DistArray:
    """Functions of the elements that conditions choose, as ``numpy.piecewise``.

    The functions must work elementwise: each rank calls them with its own elements. COLLECTIVE
    where maps differ.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.arange(-2, 2, map=pm.Map([1]))
    >>> pm.piecewise(A, [A < 0, A >= 0], [lambda a: -a, lambda a: 10 * a]).local
    array([ 2,  1,  0, 10])
    """
    several = isinstance(condlist, list | tuple) or np.ndim(condlist) > x.ndim
    conditions = list(condlist) if several else [condlist]
    if conditions and np.ndim(conditions[0]) == 0 and x.ndim:
        conditions = [np.asarray(conditions)]
    n, functions = len(conditions), len(funclist)
    if functions not in (n, n + 1):
        raise ShapeError(
            f"with {n} condition(s), either {n} or {n + 1} functions are expected, not {functions}"
        )
    for condition in conditions:
        if np.shape(condition) != x.shape:
            raise ShapeError(f"condition of shape {np.shape(condition)} for x of shape {x.shape}")

    def chosen(block: np.ndarray, *parts: np.ndarray) -> np.ndarray:
        return np.piecewise(block, list(parts), funclist, *args, **kw)

    return elementwise(chosen, (x, *conditions), "piecewise")

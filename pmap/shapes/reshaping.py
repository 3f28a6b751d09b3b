"""Reshape, ravel and flatten: the elements in global C order under another shape."""

from collections.abc import Sequence
from math import prod
from operator import index

import numpy as np

from ..arrays.distarray import DistArray
from ..doors import stands_for
from ..errors import InputError, ShapeError
from ..layout.flatplans import axis_groups, groups_stay, reshape_plan
from ..layout.maps import Map, Shape
from ..layout.resultmaps import after_reshape, in_long_runs
from ..ranks import exchange, pool

Array = DistArray | np.ndarray


@stands_for(np.reshape)
def reshape(
    x: DistArray,
    /,
    shape: int | Sequence[int],
    order: str = "C",
    *,
    copy: bool | None = None,
) -> DistArray:
    """The elements, in global C order, under another shape.

    COLLECTIVE, unless all cut axes stay, or only axes of length 1 come or go.

    Parameters
    ----------
    x : DistArray
    shape : int or sequence of int
        One entry may be -1: what is left.
    order : {"C", "F", "A"}
        "F": the first axis runs fastest, of both shapes. "A" is "C".
    copy : bool, optional
        False: only a view will do.

    Returns
    -------
    DistArray
        A copy; a view where only axes of length 1 come or go. An axis that stays keeps its split;
        merged or cut axes keep the split of the first of them, as blocks, if no other was cut;
        else the map is ``auto`` over the ranks.

    Raises
    ------
    ValueError
        The sizes differ, or ``copy=False`` where a copy is needed.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.reshape(pm.arange(6, map=pm.Map([1])), (2, -1)).local
    array([[0, 1, 2],
           [3, 4, 5]])
    """
    if order not in ("C", "F", "A"):
        raise InputError(f"order must be one of 'C', 'F', or 'A' (got {order!r})")
    new = _new_shape(x, shape)
    if order == "F":
        turned = reshape(x.transpose(), new[::-1], copy=copy)
        return turned.transpose()
    if _long(x.shape) == _long(new):
        view = x if x.shape == new else x[_key(x.shape, new)]
        return view.copy() if copy else view[...]
    if copy is False:
        raise InputError(
            f"reshape: shape {x.shape} becomes {new} only by a copy; leave copy=False out"
        )
    return reshaped(x, new)


def _new_shape(x: DistArray, shape: int | Sequence[int]) -> Shape:
    """The shape with its -1 replaced."""
    new = tuple(index(n) for n in (shape if np.iterable(shape) else (shape,)))
    if new.count(-1) > 1:
        raise ShapeError("can only specify one unknown dimension")
    rest = prod(n for n in new if n != -1)
    if -1 in new and rest > 0 and x.size % rest == 0:
        new = tuple(x.size // rest if n == -1 else n for n in new)
    if prod(new) != x.size or any(n < 0 for n in new):
        raise ShapeError(f"cannot reshape array of size {x.size} into shape {shape}: was {x.shape}")
    return new


def _long(shape: Shape) -> list[int]:
    return [n for n in shape if n != 1]


def _key(shape: Shape, new: Shape) -> tuple:
    """The index that drops and adds axes of length 1."""
    key, old = [], list(shape)
    for n in new:
        while n != 1 and old[0] == 1:
            key.append(0)
            old.pop(0)
        key.append(None if n == 1 else slice(None))
        if n != 1:
            old.pop(0)
    return (*key, *[0] * len(old), Ellipsis)


def reshaped(x: DistArray, new: Shape, target: Map | None = None) -> DistArray:
    """A copy under another shape of the same size. COLLECTIVE."""
    world, groups = x.world, axis_groups(x.shape, new)
    if target is None:
        target = after_reshape(x.map, x.shape, new, groups)
    source = in_long_runs(x.map, x.shape, groups)
    values = x.block_under(source, "reshape")
    plan = reshape_plan(source, x.shape, target, new, world.rank)
    block = pool.empty(target.local_shape(new, world.rank), x.dtype)
    before = _grouped(np.ascontiguousarray(values), [g for g, _ in groups])
    after = _grouped(block, [g for _, g in groups])
    if groups_stay(source, x.shape, target, new):
        exchange.keep(plan, [before], [after])
    else:
        exchange.run(plan, [before], [after], world, "reshape", x.dtype)
    return DistArray(block, new, target, world)


def _grouped(block: np.ndarray, groups: list[range]) -> np.ndarray:
    """A block with one axis per group."""
    return block.reshape([prod(block.shape[a] for a in g) for g in groups])


@stands_for(np.ravel)
def ravel(a: DistArray, order: str = "C") -> DistArray:
    """The elements in global C order, as a 1-D copy. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.ravel(pm.ones((2, 2), map=pm.Map([1, 1]))).shape
    (4,)
    """
    if order not in ("C", "F", "A", "K"):
        raise InputError(f"order must be one of 'C', 'F', 'A', or 'K' (got {order!r})")
    return reshape(a, -1 if a.size else 0, "F" if order == "F" else "C", copy=True)


def flatten(a: Array, order: str = "C") -> Array:
    """The elements in global C order, as a 1-D copy. COLLECTIVE."""
    return ravel(a, order) if isinstance(a, DistArray) else a.flatten(order)

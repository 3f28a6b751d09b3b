"""``A[key]`` and ``A[key] = value``: views of basic indices, copies of what arrays pick."""

from functools import lru_cache

import numpy as np

from ..arrays.arraymethods import ArrayMethods
from ..arrays.elementwise import as_numbers
from ..arrays.reductions import Blocks
from ..errors import UnsupportedError
from ..layout.indexing import Entry, Listed, Subscript, element_of, parse, takes_all
from ..layout.maps import Map, Shape
from ..layout.views import local_key, view_layout
from . import masking, picking, placing
from .picks import Pick, pick


class Subscripts:
    """NumPy's indexing of an array that is blocks under a map."""

    __slots__ = ()

    def __getitem__(self, key: object) -> object:
        """What NumPy's index picks.

        Integers, slices, ``...`` and ``None`` give a view (LOCAL), or a scalar equal on all ranks
        (COLLECTIVE). Masks and integer arrays give a copy (COLLECTIVE); docs/reference/maps.md
        says under which map.
        """
        index = element_of(key, self._shape)
        if index is not None:
            return self._element(index)
        found = parse(_concrete(key), self._shape)
        if found.element:
            return self._element([entry.at for entry in found.entries])
        view = self._view(found.entries)
        if not found.arrays:
            return view
        return _made(view, _read(view, found))

    def __setitem__(self, key: object, value: object) -> None:
        """Assign; of several values for one element the last in C order of the index remains.

        LOCAL for scalars and ndarrays at a basic index or a mask that needs no move; COLLECTIVE
        otherwise.
        """
        found = parse(_concrete(key), self._shape)
        view = self._view(found.entries)
        if not found.arrays:
            view.put_block(view.values_for(value))
            return
        block = view.block  # a copy where the view is none of memory; put_block() writes it back
        target = Blocks(block, view.shape, view.map.without_overlap(), view.world)
        if _is_selection(found) and not np.ndim(value):
            listed, scalar = found.arrays[0], values_for(value, view.dtype, 0)
            if isinstance(scalar, np.ndarray):
                mask = blocks_or_ndarray(listed.array)
                masking.fill(target, listed.axis, mask, scalar, "A[mask] = x")
                view.put_block(block)
                return
        if _is_selection(found):
            _check_flat(value, found, view)
            chosen = _selected(target, found, "A[mask] = x")
            masking.assign(chosen, values_for(value, view.dtype, len(chosen.shape)))
        else:
            chosen = picked(target, found, writing=True)
            placing.scatter(chosen, values_for(value, view.dtype, len(chosen.result_shape)))
        view.put_block(block)

    def apply_at(self, ufunc: np.ufunc, key: object, *operands: object) -> None:
        """``ufunc.at(A, key, operand)``: once for every number of the index, in its C order.

        The order fixes how floats are rounded, so the bits are the same at any map (C2).
        COLLECTIVE unless the index and the operand are plain ndarrays.
        """
        found = parse(_concrete(key), self._shape)
        view = self._view(found.entries)
        if not found.arrays:  # nothing is named twice
            view[...] = ufunc(view, *operands)
            return
        plain = [x for x in operands if isinstance(x, bool | int | float | complex)]
        kinds = [
            x
            if x in plain
            else np.zeros(0, np.asarray(x).dtype if not hasattr(x, "dtype") else x.dtype)
            for x in operands
        ]
        ufunc.at(np.zeros(1, self.dtype), np.zeros(0, np.intp), *kinds)  # told on all ranks
        block = view.block
        target = Blocks(block, view.shape, view.map.without_overlap(), view.world)
        chosen = picked(target, found, writing=True)
        if plain or not operands:
            placing.scatter(chosen, np.zeros(()), apply=lambda b, at, _: ufunc.at(b, at, *operands))
        else:
            values = np.asarray(operands[0]) if not hasattr(operands[0], "dtype") else operands[0]
            values = values_for(values, values.dtype, len(chosen.result_shape))
            placing.scatter(chosen, values, f"np.{ufunc.__name__}.at", ufunc.at)
        view.put_block(block)

    def _element(self, index: list[int]) -> object:
        """One element, equal on all ranks. COLLECTIVE unless all ranks hold it."""
        holders = self._map.holders(self._shape, index)
        world, value = self._world, None
        if world.rank in holders:
            owned = self._map.owned(self._shape, world.rank)
            at = [o.position(i) for o, i in zip(owned, index, strict=True)]
            value = self.block[(*at, Ellipsis)]
        if len(holders) == world.size:
            return value[()]
        root = holders[0]  # a few plain bytes: pickled NumPy scalars cost more than the message
        data = world.bcast(value.tobytes() if world.rank == root else None, root)
        return np.ndarray((), self.dtype, data)[()] if value is None else value[()]

    def _view(self, entries: list) -> "Subscripts":
        """The part that a basic index picks, sharing this array's memory."""
        made, world = type(self), self._world
        shape, held, at, regular = _layout(tuple(entries), self._shape, self._map, world.rank)
        if at is None:
            if regular:  # all of it
                return made(self._local, shape, held, world, self._buffer, self._parent)
            return made(np.zeros((0,) * len(shape), self.dtype), shape, held, world)
        local = self.block[at]
        parent = None if regular and self._parent is None else (self, at)
        return made(local, shape, held, world, parent=parent)


@lru_cache(maxsize=1 << 12)
def _layout(
    entries: tuple[Entry, ...], shape: Shape, held: Map, rank: int
) -> tuple[Shape, Map, tuple | None, bool]:
    """Shape and map of a view, the index of a rank's block that makes it, and if that is a view.

    There is no index where the view is the whole array ("regular"), or misses the rank.
    """
    picked, target = view_layout(entries, shape, held)
    if takes_all(entries, shape):
        return picked, target, None, True
    if target.coords(rank) is None:
        return picked, target.without_overlap(), None, False
    at, regular = local_key(entries, held.owned(shape, rank), target.owned(picked, rank))
    # an element stays an array of shape (), which can be written
    return picked, target.without_overlap(), (*at, Ellipsis), regular


def _concrete(key: object) -> object:
    """The key with its distributed numbers and truth values of shape () read. COLLECTIVE there."""
    if not isinstance(key, tuple):
        return _concrete((key,))[0] if isinstance(key, ArrayMethods) else key
    if not any(isinstance(k, ArrayMethods) and not k.shape for k in key):
        return key
    return tuple(k[()] if isinstance(k, ArrayMethods) and not k.shape else k for k in key)


def _is_selection(found: Subscript) -> bool:
    return len(found.arrays) == 1 and found.arrays[0].mask


def _read(view: ArrayMethods, found: Subscript) -> Blocks:
    """What the arrays of a key pick out of a view."""
    x = view.blocks()
    if _is_selection(found):
        return masking.select(_selected(x, found, "A[mask]"))
    return picking.gather(picked(x, found))


def _selected(x: Blocks, found: Subscript, what: str) -> masking.Selection:
    """What the only mask of a key selects."""
    listed = found.arrays[0]
    return masking.selection(x, listed.axis, blocks_or_ndarray(listed.array), found.place, what)


def _check_flat(value: object, found: Subscript, view: ArrayMethods) -> None:
    """NumPy's own rule for a mask of the whole array: its values are a scalar or 1-D."""
    whole = found.arrays[0].array.ndim == view.ndim == len(found.entries)
    if whole and np.ndim(value) > 1:
        raise UnsupportedError(
            "NumPy boolean array indexing assignment requires a 0 or 1-dimensional input, input "
            f"has {np.ndim(value)} dimensions; write A[mask] = values.ravel()"
        )


def picked(x: Blocks, found: Subscript, writing: bool = False) -> Pick:
    """What the integer arrays of a key pick; masks among them become such arrays."""
    axes, index, names = [], [], []
    for listed in found.arrays:
        arrays = [listed.array]
        if listed.mask:
            arrays = _positions(listed)
        for d, array in enumerate(arrays):
            axes.append(listed.axis + d)
            names.append(listed.source + d)
            index.append(blocks_or_ndarray(array))
    return pick(x, axes, index, found.place, names, writing)


def _positions(listed: Listed) -> list:
    """A mask as integer arrays, one per axis."""
    if isinstance(listed.array, ArrayMethods):
        return masking.nonzero(listed.array.blocks())
    return list(np.nonzero(listed.array))


def blocks_or_ndarray(array: object) -> Blocks | np.ndarray:
    """A DistArray as its blocks, an ndarray as it is."""
    return array.blocks() if isinstance(array, ArrayMethods) else array


def values_for(value: object, dtype: np.dtype, ndim: int) -> Blocks | np.ndarray:
    """What is assigned to ``ndim`` axes, as NumPy takes it for a dtype."""
    if not isinstance(value, ArrayMethods | np.ndarray | np.generic):
        # a Python number that the dtype cannot hold is refused, not wrapped
        value = np.asarray(value, dtype)
    value = as_numbers(value, dtype)
    if not np.can_cast(value.dtype, dtype, "unsafe"):
        raise UnsupportedError(f"cannot assign {value.dtype} values to an array of {dtype}")
    more = max(value.ndim - ndim, 0)
    if more and value.shape[:more] == (1,) * more:
        value = value[(0,) * more + (Ellipsis,)]
    return np.asarray(value) if isinstance(value, np.generic) else blocks_or_ndarray(value)


def _made(like: ArrayMethods, found: Blocks) -> ArrayMethods:
    return type(like)(found.local, found.shape, found.map, found.world)

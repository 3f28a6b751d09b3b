"""DistArray: a block of a global array, with the map that says where the other blocks are.

The class is a small record with NumPy's operators; the work is done in elementwise, reductions and
exchange. Functions on DistArrays live above it, in creation, access, functions and others.
"""

from collections.abc import Callable

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from . import comm, exchange, reductions
from .alignment import aligned, check_broadcast, share_layout
from .arraymethods import ArrayMethods
from .elementwise import cut
from .errors import GatherError, UnsupportedError
from .indexing import normalise
from .maps import AxisMap, Map, Shape
from .moving import everywhere, moved
from .plans import redistribution
from .reductions import Blocks
from .settings import options
from .views import local_key, view_layout

# NumPy functions that know DistArrays: filled by the modules above this one.
FUNCTIONS: dict[Callable, Callable] = {}


class DistArray(ArrayMethods, NDArrayOperatorsMixin):
    """A global array of which each rank holds the part that a map gives it.

    Made by :func:`pmap.zeros`, :func:`pmap.asarray` and the other creation functions. Operators,
    ufuncs and slices read as NumPy's; ``A[:] = B`` moves elements between any two maps.

    Attributes
    ----------
    shape, ndim, size, dtype : as NumPy's, of the global array
    map : Map
        Which rank owns what.
    local : ndarray
        This rank's owned part, a view; read-only where the map replicates. LOCAL.
    local_shape : tuple of int
        Its shape.

    Examples
    --------
    >>> import pmap as pm
    >>> A = pm.arange(6, map=pm.Map([-1]))
    >>> int((A * A).sum())
    55
    """

    __slots__ = ("__weakref__", "_buffer", "_local", "_map", "_parent", "_shape", "_world")

    def __init__(
        self,
        local: np.ndarray,
        shape: Shape,
        held: Map,
        world: comm.World,
        buffer: np.ndarray | None = None,
        parent: "tuple[DistArray, tuple] | None" = None,
    ) -> None:
        """For pmap's own use; ``held`` is bound and ``local`` has the shape that it gives."""
        self._local, self._shape, self._map, self._world = local, shape, held, world
        self._buffer = local if buffer is None else buffer
        self._parent = parent

    # -- what it is -----------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        """Global shape."""
        return self._shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._shape)

    @property
    def size(self) -> int:
        """Number of elements of the global array."""
        return int(np.prod(self._shape, dtype=np.int64))

    @property
    def dtype(self) -> np.dtype:
        """Type of the elements."""
        return self._local.dtype

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of the global array."""
        return self.size * self.itemsize

    @property
    def map(self) -> Map:
        """The map, its ranks named."""
        return self._map

    @property
    def block(self) -> np.ndarray:
        """This rank's owned part, writable; for code that keeps replicas equal itself. LOCAL."""
        if self._parent is not None:
            parent, at = self._parent
            return parent.block[at]
        return self._local

    @property
    def local(self) -> np.ndarray:
        """This rank's owned part; read-only where the map replicates. LOCAL."""
        block = self.block
        if self._map.replicated:
            block = block.view()
            block.flags.writeable = False
        return block

    @property
    def local_shape(self) -> Shape:
        """Shape of this rank's owned part."""
        return self._local.shape

    def local_with_halo(self) -> np.ndarray:
        """This rank's part with the overlap of its map, as :func:`pmap.synch` filled it. LOCAL."""
        return self._buffer

    @property
    def world(self) -> comm.World:
        """The ranks among which the array lives."""
        return self._world

    # -- operators ------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: object, **kw: object):
        """NumPy's ufuncs on blocks; COLLECTIVE where operands have different maps."""
        if method == "reduce":
            return self._ufunc_reduce(ufunc, *inputs, **kw)
        if method != "__call__" or ufunc.signature is not None:
            name = ufunc.__name__ + ("" if method == "__call__" else "." + method)
            raise UnsupportedError(f"np.{name} is not there for a DistArray; use it on agg_all(A)")
        out = kw.pop("out", None)
        if kw.pop("where", True) is not True:
            raise UnsupportedError(f"np.{ufunc.__name__}: where= is not there; use np.where")
        result = elementwise(lambda *blocks: ufunc(*blocks, **kw), inputs, ufunc.__name__)
        if out is None:
            return result
        results = result if isinstance(result, tuple) else (result,)
        for target, values in zip(out, results, strict=True):
            if not isinstance(target, DistArray):
                raise UnsupportedError(f"np.{ufunc.__name__}: out= must be a DistArray")
            target[...] = values
        return out if isinstance(result, tuple) else out[0]

    def _ufunc_reduce(self, ufunc: np.ufunc, x: "DistArray", *args: object, **kw: object):
        """``np.add.reduce`` and its like."""
        names = ("axis", "dtype", "out", "keepdims", "initial", "where")
        given = {**dict(zip(names, args, strict=False)), **kw}
        axis = given.pop("axis", 0)
        extra = {k: v for k, v in given.items() if k not in ("dtype", "keepdims") and v is not None}
        known = ("add", "multiply", "minimum", "maximum", "logical_and", "logical_or")
        if ufunc.__name__ not in known or extra:
            raise UnsupportedError(
                f"np.{ufunc.__name__}.reduce with {sorted(extra)} is not there; of the reductions "
                f"there are {', '.join(known)} with axis, dtype and keepdims"
            )
        return x.reduced(ufunc.__name__, axis, given.get("dtype"), bool(given.get("keepdims")))

    def __array_function__(self, func: Callable, types: tuple, args: tuple, kwargs: dict):
        """NumPy's functions on DistArrays; one that pmap lacks raises, it never gathers (C6)."""
        if func not in FUNCTIONS:
            name = getattr(func, "__name__", str(func))
            raise UnsupportedError(
                f"np.{name} is not there for a DistArray; apply it to agg_all(A), which brings the "
                "whole array to every rank, or to A.local, this rank's part"
            )
        return FUNCTIONS[func](*args, **kwargs)

    def reduced(
        self, name: str, axis: object, dtype: object = None, keepdims: bool = False
    ) -> object:
        """Reduce by a ufunc's name over axes. COLLECTIVE."""
        axes = reductions.normalise_axes(axis, self.ndim)
        dtype = None if dtype is None else np.dtype(dtype)
        return self._wrapped(reductions.reduce(name, self.blocks(), axes, dtype), axes, keepdims)

    def _wrapped(self, found: Blocks, axes: tuple[int, ...], keepdims: bool) -> object:
        """A reduction's result as a DistArray, or a scalar where no axis is left."""
        if keepdims:
            shape, held, local = found.shape, found.map, found.local
            for a in axes:
                shape = shape[:a] + (1,) + shape[a:]
                held = held.with_axes(held.axes[:a] + (AxisMap(),) + held.axes[a:])
            inside = held.coords(self._world.rank) is not None
            local = local.reshape(held.local_shape(shape, self._world.rank)) if inside else local
            if not inside:
                local = np.empty((0,) * len(shape), local.dtype)
            return DistArray(local, shape, held, self._world)
        if not found.shape:
            return found.local[()]
        return DistArray(found.local, found.shape, found.map, self._world)

    def blocks(self) -> Blocks:
        """The array as reductions see it."""
        return Blocks(self.block, self._shape, self._map.without_overlap(), self._world)

    # -- moving ---------------------------------------------------------------------------

    def block_under(self, target: Map, what: str) -> np.ndarray:
        """This rank's part under another map. COLLECTIVE unless the maps are equal."""
        held = self._map.without_overlap()
        return moved(self.block, self._shape, held, target.without_overlap(), self._world, what)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        """The GLOBAL array on every rank. COLLECTIVE.

        Raises
        ------
        GatherError
            The array is larger than ``pm.options.gather_limit``.
        """
        if copy is False:
            raise ValueError("a DistArray cannot become an ndarray without a copy")
        if self.nbytes > options.gather_limit:
            raise GatherError(
                f"np.asarray of a DistArray of shape {self._shape} needs {self.nbytes} bytes on "
                f"every rank, over pm.options.gather_limit = {options.gather_limit}; use "
                "pm.agg(A) to bring it to one rank, a slice of it, or raise the limit"
            )
        whole = self.block_under(everywhere(self.ndim, self._world), "np.asarray")
        return np.array(whole, dtype=dtype)

    def __getitem__(self, key: object) -> object:
        """Basic indexing: a view (LOCAL), or a scalar equal on all ranks (COLLECTIVE)."""
        entries = normalise(key, self._shape)
        view = self._view(entries)
        if view.ndim == 0:
            return view.block_under(everywhere(0, self._world), "A[i]")[()]
        return view

    def _view(self, entries: list) -> "DistArray":
        """The part that a basic index picks, sharing this array's memory."""
        shape, held = view_layout(entries, self._shape, self._map)
        return self._viewed(entries, shape, held)

    def _viewed(self, entries: list, shape: Shape, held: Map) -> "DistArray":
        if held.coords(self._world.rank) is None:
            local = np.empty((0,) * len(shape), self.dtype)
            return DistArray(local, shape, held.without_overlap(), self._world)
        owned = self._map.owned(self._shape, self._world.rank)
        at, regular = local_key(entries, owned, held.owned(shape, self._world.rank))
        if regular and all(isinstance(k, slice) and k == slice(None) for k in at):
            return DistArray(self._local, shape, held, self._world, self._buffer, self._parent)
        at = (*at, Ellipsis)  # an element stays an array of shape (), which can be written
        local = self.block[at]
        parent = None if regular and self._parent is None else (self, at)
        return DistArray(local, shape, held.without_overlap(), self._world, parent=parent)

    def __setitem__(self, key: object, value: object) -> None:
        """Assign; moves elements where ``value`` has another map. COLLECTIVE for a DistArray."""
        if isinstance(key, DistArray) and key.dtype == bool and key.shape == self._shape:
            self._set_masked(key, value)
            return
        view = self._view(normalise(key, self._shape))
        view.put(view.values_for(value))

    def values_for(self, value: object) -> np.ndarray:
        """What this rank's block is assigned from a scalar, an ndarray or a DistArray."""
        if isinstance(value, DistArray):
            if value.shape != self._shape:
                value = broadcast_to(value, self._shape)
            if value.map.without_overlap() == self._map.without_overlap():
                return value.block
            return self._redistributed(value)
        value = np.asarray(value)
        if value.ndim > self.ndim and value.shape[: value.ndim - self.ndim].count(1) == (
            value.ndim - self.ndim
        ):
            value = value.reshape(value.shape[value.ndim - self.ndim :])
        check_broadcast(value.shape, self._shape)
        return cut(value, self._shape, self._map.owned(self._shape, self._world.rank))

    def _redistributed(self, value: "DistArray") -> np.ndarray:
        """A DistArray's elements under this array's map, straight into place where that is safe."""
        source, target = value.map.without_overlap(), self._map.without_overlap()
        plan = redistribution(source, target, self._shape, self._world.rank)
        here = self.block
        direct = value.dtype == self.dtype and not np.may_share_memory(value._local, here)
        block = here if direct else np.empty(self.local_shape, value.dtype)
        world = self._world
        exchange.run(plan, [value.block], [block], world, "A[:] = B", value.dtype)
        return block

    def put(self, values: np.ndarray) -> None:
        """Write this rank's block, through views to the array they are of. LOCAL."""
        if self._parent is not None:
            parent, at = self._parent
            block = parent.block
            block[at] = values
            parent.put(block)
        elif values is not self._local:
            self._local[...] = values

    def _set_masked(self, mask: "DistArray", value: object) -> None:
        """``A[mask] = scalar``."""
        if np.ndim(value):
            raise UnsupportedError("A[mask] = values takes a scalar; use np.where for arrays")
        block = self.block
        block[mask.block_under(self._map, "A[mask] = x")] = value
        self.put(block)

    # -- the same layout, other values -------------------------------------------------------

    def _like(self, local: np.ndarray) -> "DistArray":
        held = self._map.without_overlap()
        return DistArray(local, self._shape, held, self._world)

    def transpose(self, *axes: int) -> "DistArray":
        """The array with its axes permuted: a view, nothing moves. LOCAL."""
        if len(axes) == 1 and not isinstance(axes[0], int):
            axes = tuple(axes[0]) if axes[0] is not None else ()
        order = tuple(a % self.ndim for a in axes) or tuple(range(self.ndim))[::-1]
        if sorted(order) != list(range(self.ndim)):
            raise ValueError(f"axes {axes} do not permute the {self.ndim} axes")
        held = self._map.without_overlap()
        held = held.with_axes([held.axes[a] for a in order])
        shape = tuple(self._shape[a] for a in order)
        return DistArray(self.block.transpose(order), shape, held, self._world)

    __hash__ = None

    def __repr__(self) -> str:
        """Shape, type, map and this rank's part; sends nothing. LOCAL."""
        part = np.array2string(self.block, threshold=20, edgeitems=2, prefix="  ")
        return (
            f"DistArray(shape={self._shape}, dtype={self.dtype}, {self._map}\n"
            f"  rank {self._world.rank} of {self._world.size} holds {self.local_shape}: {part})"
        )


def broadcast_to(x: DistArray, shape: Shape) -> DistArray:
    """The array with axes of length 1 repeated: a read-only view. LOCAL."""
    check_broadcast(x.shape, shape)
    lead = len(shape) - x.ndim
    held = x.map.without_overlap()
    axes = [AxisMap()] * lead
    block = x.block
    for a, (axis, n) in enumerate(zip(held.axes, x.shape, strict=True)):
        repeated = n != shape[lead + a]
        if repeated and axis.grid_axis is not None and held.pieces_along(a) > 1:
            whole = held.with_axes([AxisMap() if b == a else ax for b, ax in enumerate(held.axes)])
            return broadcast_to(
                DistArray(x.block_under(whole, "broadcast"), x.shape, whole, x.world), shape
            )
        axes.append(AxisMap() if repeated else axis)
    held = held.with_axes(axes)
    local = np.broadcast_to(block, held.local_shape(shape, x.world.rank))
    return DistArray(local, shape, held, x.world)


def elementwise(function: Callable, inputs: tuple, what: str) -> object:
    """Apply an elementwise function to blocks of operands brought under one map.

    Parameters
    ----------
    function : callable
        Takes the operands' blocks, gives the result's block or a tuple of them.
    inputs : tuple
        DistArrays, ndarrays (equal on all ranks) and scalars.
    what : str
        The function's name.

    Returns
    -------
    DistArray or tuple of DistArray
        Under the map that docs/reference/maps.md gives. COLLECTIVE where maps differ.
    """
    first = next(x for x in inputs if isinstance(x, DistArray))
    if share_layout(inputs, first):
        shape, target = first._shape, first._map.without_overlap()
        blocks = [x.block if isinstance(x, DistArray) else x for x in inputs]
    else:
        shape, target, blocks = aligned(inputs, what)
    result = function(*blocks)
    if isinstance(result, tuple):
        return tuple(DistArray(np.asarray(r), shape, target, first._world) for r in result)
    return DistArray(np.asarray(result), shape, target, first._world)

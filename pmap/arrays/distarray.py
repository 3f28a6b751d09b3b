"""DistArray: a block of a global array, with the map that says where the other blocks are.

The class is a small record with NumPy's operators; the work is done in elementwise, reductions and
exchange. Functions on DistArrays live above it, in creation, access, functions and others.
"""

from collections.abc import Callable

import numpy as np

from ..errors import GatherError, ShapeError, UnsupportedError
from ..keys.subscripts import Subscripts
from ..layout.maps import AxisMap, Map, Shape
from ..layout.plans import redistribution
from ..ranks import comm, exchange, pool
from ..ranks.moving import everywhere, moved
from ..settings import options
from . import reductions
from .alignment import check_broadcast
from .arraymethods import ArrayMethods
from .elementwise import as_numbers, cut
from .reductions import Blocks
from .ufuncs import NumpyProtocols


class DistArray(Subscripts, ArrayMethods, NumpyProtocols):
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
        parent: "tuple[DistArray, tuple | Callable] | None" = None,
    ) -> None:
        """For pmap's own use; ``held`` is bound and ``local`` has the shape that it gives.

        ``parent`` is set where the block is no view of memory: the array it was taken from, and
        the index or the function that takes it.
        """
        if local.dtype.hasobject:
            raise UnsupportedError(
                f"dtype {local.dtype} holds Python objects, which cannot be sent between ranks; "
                "use a numeric, boolean, datetime or fixed-length string dtype"
            )
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
            return at(parent.block) if callable(at) else parent.block[at]
        return self._local

    @property
    def local(self) -> np.ndarray:
        """This rank's owned part; read-only where the map replicates, or where it is a copy. LOCAL.

        It is a copy for a slice with a step of a block-cyclic axis: use :func:`pmap.put_local`.
        """
        block = self.block
        if self._map.replicated or self._parent is not None:
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

    # -- reducing ----------------------------------------------------------------------------

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

    def values_for(self, value: object) -> np.ndarray:
        """What this rank's block is assigned from a scalar, an ndarray or a DistArray."""
        if isinstance(value, DistArray):
            value = as_numbers(value, self.dtype)
            if value.shape != self._shape:
                value = broadcast_to(_without_ones(value, self.ndim), self._shape)
            if value.map.without_overlap() == self._map.without_overlap():
                return value.block
            return self._redistributed(value)
        # as NumPy does it, a Python number that the dtype cannot hold is refused, not wrapped
        value = value if isinstance(value, np.ndarray) else np.asarray(value, self.dtype)
        value = _without_ones(as_numbers(value, self.dtype), self.ndim)
        check_broadcast(value.shape, self._shape)
        return cut(value, self._shape, self._map.owned(self._shape, self._world.rank))

    def _redistributed(self, value: "DistArray") -> np.ndarray:
        """A DistArray's elements under this array's map, straight into place where that is safe."""
        source, target = value.map.without_overlap(), self._map.without_overlap()
        plan = redistribution(source, target, self._shape, self._world.rank)
        here = self.block
        direct = value.dtype == self.dtype and not np.may_share_memory(value._local, here)
        block = here if direct else pool.empty(self.local_shape, value.dtype)
        world = self._world
        exchange.run(plan, [value.block], [block], world, "A[:] = B", value.dtype)
        return block

    def put_block(self, values: np.ndarray) -> None:
        """Write this rank's block, through views to the array they are of. LOCAL."""
        if self._parent is not None:
            parent, at = self._parent
            block = parent.block
            if callable(at):
                at(block)[...] = values
            else:
                block[at] = values
            parent.put_block(block)
        elif values is not self._local:
            self._local[...] = values

    # -- the same layout, other values -------------------------------------------------------

    def _like(self, local: np.ndarray) -> "DistArray":
        held = self._map.without_overlap()
        return DistArray(local, self._shape, held, self._world)

    def _part(self, view: Callable, shape: Shape | None = None, held: Map | None = None):
        """A view of the block as an array, through which writes reach this one."""
        held = self._map.without_overlap() if held is None else held
        parent = None if self._parent is None else (self, view)
        shape = self._shape if shape is None else shape
        return DistArray(view(self.block), shape, held, self._world, parent=parent)

    def transpose(self, *axes: int) -> "DistArray":
        """The array with its axes permuted: a view, nothing moves. LOCAL."""
        if len(axes) == 1 and (axes[0] is None or np.iterable(axes[0])):
            axes = tuple(axes[0]) if axes[0] is not None else ()
        order = tuple(reductions.axis_from_front(a, self.ndim) for a in axes)
        order = order or tuple(range(self.ndim))[::-1]
        if sorted(order) != list(range(self.ndim)):
            raise ShapeError(f"axes {axes} do not permute the {self.ndim} axes")
        held = self._map.without_overlap()
        held = held.with_axes([held.axes[a] for a in order])
        shape = tuple(self._shape[a] for a in order)
        return self._part(lambda block: block.transpose(order), shape, held)

    __hash__ = None

    def __repr__(self) -> str:
        """Shape, type, map and this rank's part; sends nothing. LOCAL."""
        part = np.array2string(self.block, threshold=20, edgeitems=2, prefix="  ")
        return (
            f"DistArray(shape={self._shape}, dtype={self.dtype}, {self._map}\n"
            f"  rank {self._world.rank} of {self._world.size} holds {self.local_shape}: {part})"
        )


def _without_ones(value: np.ndarray | DistArray, ndim: int) -> np.ndarray | DistArray:
    """The values without leading axes of length 1 that a target of ndim axes has not."""
    more = max(value.ndim - ndim, 0)
    return value[(0,) * more + (Ellipsis,)] if value.shape[:more] == (1,) * more else value


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

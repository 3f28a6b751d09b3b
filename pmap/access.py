"""pMATLAB's words: local, put_local, agg, global_ind, remap, synch and their like.

Each takes a plain ndarray too (map None or 1) and then does nothing or what is plain, so that one
script runs serially and in parallel.
"""

import numpy as np

from .allocation import UNSET, allocate, chosen_map, halo_range
from .arrays.distarray import DistArray
from .conversion import asarray
from .errors import MapError, ShapeError
from .layout.maps import Map
from .layout.plans import box_plan
from .layout.splits import Periodic, Split
from .ranks import comm, exchange
from .ranks.moving import everywhere
from .regions import fetch

Array = DistArray | np.ndarray


def local(A: Array) -> np.ndarray:
    """This rank's owned part; the array itself if it is plain. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.local(pm.arange(3, map=pm.Map([1])))
    array([0, 1, 2])
    """
    return A.local if isinstance(A, DistArray) else np.asarray(A)


def put_local(A: Array, values: object) -> Array:
    """Replace this rank's owned part; the array is changed in place and given back. LOCAL.

    Raises
    ------
    ShapeError
        The values have not the shape of ``A.local`` (nor are one scalar).
    """
    values = np.asarray(values)
    shape = A.local_shape if isinstance(A, DistArray) else A.shape
    if values.ndim and values.shape != shape:
        raise ShapeError(
            f"rank {comm.world().rank}: put_local got shape {values.shape}, but this rank's part "
            f"of the array of shape {A.shape} has shape {shape}"
        )
    if isinstance(A, DistArray):
        block = A.block
        block[...] = values
        A.put_block(block)
    else:
        A[...] = values
    return A


def agg(A: Array, root: int = 0) -> np.ndarray | None:
    """The whole array on one rank, None on the others. COLLECTIVE.

    Parameters
    ----------
    A : DistArray or ndarray
        A plain ndarray is given back as it is, on every rank.
    root : int
        The rank that gets it; it need not be in the map.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.agg(pm.arange(3, map=pm.Map([1])))
    array([0, 1, 2])
    """
    if not isinstance(A, DistArray):
        return A
    _check_root(root)
    whole = tuple(slice(0, n) for n in A.shape)
    found = fetch(A, [[whole] if r == root else [] for r in range(A.world.size)])
    return found[0] if found else None


def _check_root(root: int) -> None:
    size = comm.world().size
    if not 0 <= root < size:
        raise MapError(f"root {root} is not a rank of the world of {size}")


def agg_all(A: Array) -> np.ndarray:
    """The whole array on every rank. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.agg_all(pm.arange(3, map=pm.Map([1])))
    array([0, 1, 2])
    """
    if not isinstance(A, DistArray):
        return A
    return np.array(A.block_under(everywhere(A.ndim, A.world), "agg_all"))


def scatter(A: np.ndarray | None, map: object = UNSET, root: int = 0) -> Array:
    """Distribute an ndarray that one rank has. COLLECTIVE.

    Parameters
    ----------
    A : ndarray on ``root``; ignored elsewhere
    map : Map
        Where it goes.
    root : int
        The rank that has it.
    """
    _check_root(root)
    world = comm.world()
    A = np.asarray(A) if world.rank == root else None
    shape, dtype = world.bcast((A.shape, A.dtype) if A is not None else None, root)
    source = Map.lattice((1,), everywhere(len(shape), world).axes, (root,))
    local = A if A is not None else np.empty((0,) * len(shape), dtype)
    return asarray(DistArray(local, shape, source, world), map=chosen_map(map, shape))


def remap(A: Array, map: object) -> Array:
    """A copy under another map, dtype kept. COLLECTIVE.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.remap(pm.zeros(4, "uint16", map=pm.Map([1])), pm.Map([1], "c")).dtype
    dtype('uint16')
    """
    if not isinstance(A, DistArray):
        return asarray(A, map=map)
    held = chosen_map(map, A.shape)
    if held is None:
        return agg_all(A)
    made = allocate(A.shape, A.dtype, held)
    made[...] = A
    return made


def transpose_grid(A: Array) -> Array:
    """A new array whose grid is that of A reversed: the corner turn of an FFT. COLLECTIVE.

    The rules of the cuts are reversed too; explicit edges, and those of a view, become blocks.
    """
    if not isinstance(A, DistArray):
        return A
    held = A.map
    pieces = [held.pieces_along(a) for a in range(A.ndim)][::-1]
    words = [
        Split() if axis.split.kind == "x" or axis.extent is not None else axis.split
        for axis in held.axes[::-1]
    ]
    used = {axis.grid_axis for axis in held.axes}
    first = {g: 0 for g in range(len(held.grid)) if g not in used}  # one of each set of copies
    return remap(A, Map(pieces, words, held.ranks_with(first), held.overlap[::-1]))


def synch(A: Array, op: str = "copy") -> Array:
    """Fill the halos of an array whose map has an overlap. COLLECTIVE.

    Parameters
    ----------
    A : DistArray
        Changed in place.
    op : {"copy", "sum", "max", "min"}
        ``"copy"`` refreshes the halos from their owners. The others first combine every halo's
        values into their owners, as partial results of neighbours are, and then refresh.

    Raises
    ------
    ValueError
        ``op`` is none of these.
    """
    combine = {"copy": None, "sum": np.add, "max": np.maximum, "min": np.minimum}
    if op not in combine:
        raise ValueError(f"synch op {op!r} is not known; write one of {', '.join(combine)}")
    if not isinstance(A, DistArray) or not any(A.map.overlap):
        return A
    world, held = A.world, A.map.without_overlap()
    halos = [_halo_boxes(A, rank) for rank in range(world.size)]
    table = tuple(tuple(box for box, _ in boxes) for boxes in halos)
    views = [A.local_with_halo()[at] for _, at in halos[world.rank]]
    if combine[op] is not None:
        plan = box_plan(held, A.shape, table, world.rank, True)

        def place(target: np.ndarray, values: np.ndarray) -> None:
            combine[op](target, values, out=target)

        exchange.run(plan, views, [A.block], world, f"synch {op}", A.dtype, place)
    plan = box_plan(held, A.shape, table, world.rank, False)
    exchange.run(plan, [A.block], views, world, "synch", A.dtype)
    return A


def _halo_boxes(A: DistArray, rank: int) -> list[tuple]:
    """A rank's halo as disjoint boxes: global indices, and the index into its buffer.

    An axis without overlap may be cyclic: the halo along the others has its owned indices.
    """
    owned = A.map.owned(A.shape, rank)
    if owned is None or not all(len(o) for o in owned):
        return []
    boxes = [((), ())]
    found = []
    for o, h, n in zip(owned, A.map.overlap, A.shape, strict=True):
        wide = halo_range(o, h, n)
        cuts = [(Periodic(wide.lo, o.lo), 0, True), (o, o.lo - wide.lo, False)]
        cuts.append((Periodic(o.hi, wide.hi), o.hi - wide.lo, True))
        boxes = [
            ((*edges, part), (*at, (slice(first, first + len(part)), halo)))
            for edges, at in boxes
            for part, first, halo in cuts
            if len(part)
        ]
    for edges, at in boxes:
        if any(halo for _, halo in at):
            found.append((edges, tuple(s for s, _ in at)))
    return found


def inmap(map: object, pid: int) -> bool:
    """Whether a rank is in a map. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.inmap(pm.Map([1, 2], procs=[5, 3]), 3)
    True
    """
    if map is None or isinstance(map, int):
        return True
    return pid in (map.procs or map.bind(comm.world().size).procs)


def grid(A: Array) -> np.ndarray:
    """The ranks of the array's lattice, an int array of the grid's shape. LOCAL."""
    if not isinstance(A, DistArray):
        return np.zeros((1,) * np.ndim(A), np.int64)
    return np.reshape(A.map.procs, A.map.grid)


def _owned(A: Array, rank: int) -> tuple | None:
    if isinstance(A, DistArray):
        return A.map.owned(A.shape, rank)
    return None if rank else everywhere(np.ndim(A), comm.world()).owned(np.shape(A), rank)


def global_ind(A: Array, axis: int | None = None) -> np.ndarray | list[np.ndarray]:
    """Global indices that this rank owns along an axis, or a list with one array per axis. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.global_ind(pm.zeros(4, map=pm.Map([1], "c")), 0)
    array([0, 1, 2, 3])
    """
    rank = A.world.rank if isinstance(A, DistArray) else 0
    owned = _owned(A, rank)
    found = [np.arange(0)] * np.ndim(A) if owned is None else [o.indices() for o in owned]
    return found if axis is None else found[axis]


def global_ranges(A: Array, axis: int) -> list[list[tuple[int, int]]]:
    """For each rank the half-open runs (start, stop) that it owns along an axis. LOCAL."""
    size = A.world.size if isinstance(A, DistArray) else 1
    n = np.shape(A)[axis]
    found = [_owned(A, rank) for rank in range(size)]
    return [[] if o is None else o[axis].runs_within(0, n) for o in found]


def global_range(A: Array, axis: int) -> list[tuple[int, int]]:
    """The half-open runs (start, stop) that this rank owns along an axis. LOCAL."""
    rank = A.world.rank if isinstance(A, DistArray) else 0
    return global_ranges(A, axis)[rank]


def global_block_ranges(A: Array, axis: int) -> list[tuple[int, int]]:
    """For each rank the owned block (start, stop) along an axis. LOCAL.

    Raises
    ------
    MapError
        The axis is not cut into blocks.
    """
    ranges = []
    for rank, runs in enumerate(global_ranges(A, axis)):
        if len(runs) > 1:
            raise MapError(
                f"axis {axis} is {A.map.dist[axis]!r}: rank {rank} owns {len(runs)} runs; use "
                "global_ranges or global_ind"
            )
        ranges.append(runs[0] if runs else (0, 0))
    return ranges


def global_block_range(A: Array, axis: int) -> tuple[int, int]:
    """This rank's owned block along an axis as (start, stop). LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.global_block_range(pm.zeros(4, map=pm.Map([1])), 0)
    (0, 4)
    """
    rank = A.world.rank if isinstance(A, DistArray) else 0
    return global_block_ranges(A, axis)[rank]

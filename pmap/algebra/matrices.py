"""What linear algebra shares: matrices checked, whole ones given to LAPACK, maps of factors."""

from collections.abc import Callable
from math import prod

import numpy as np
from numpy.linalg import LinAlgError

from ..arrays.distarray import DistArray
from ..arrays.elementwise import cut
from ..errors import GatherError
from ..layout.maps import AxisMap, Map, Shape
from ..layout.splits import Split
from ..ranks.comm import World
from ..ranks.moving import everywhere
from ..settings import options

SMALL = 1 << 16
"""Elements of a matrix that all its ranks take whole, rather than share the work on it."""


def matrix(x: DistArray, what: str, square: bool = False) -> DistArray:
    """The array as floats or complex numbers, its last two axes being matrices.

    Raises
    ------
    LinAlgError
        Fewer than two axes, or not square. COLLECTIVE.
    TypeError
        A type that LAPACK does not have.
    """
    if x.ndim < 2:
        raise LinAlgError(
            f"{what}: {x.ndim}-dimensional array given (shape {x.shape}). Array must be at least "
            "two-dimensional"
        )
    if square and x.shape[-1] != x.shape[-2]:
        raise LinAlgError(f"{what}: Last 2 dimensions of the array must be square, not {x.shape}")
    return inexact(x, what)


def inexact(x: DistArray, what: str) -> DistArray:
    """The array in a type that LAPACK has."""
    if x.dtype.kind in "biu":
        x = x.astype(np.float64)
    if x.dtype.char not in "fdFD":
        raise TypeError(f"{what}: array type {x.dtype} is unsupported in linalg; use float64")
    return DistArray(x.block, x.shape, x.map.without_overlap(), x.world)


def ranks_of(x: DistArray) -> int:
    """Ranks among which the array is cut."""
    return prod(x.map.pieces_along(a) for a in range(x.ndim))


def large(x: DistArray) -> bool:
    """Whether this is one matrix that pays to be worked on in parts."""
    return x.ndim == 2 and x.size > SMALL


def shared(x: DistArray) -> bool:
    """Whether the ranks share the work on one matrix, no rank having it whole."""
    return large(x) and ranks_of(x) > 1


def flat(x: DistArray, *axes: AxisMap) -> Map:
    """A map over all ranks of the array's lattice in one line."""
    return Map.lattice((len(x.map.procs),), axes, x.map.procs)


def replicating(x: DistArray, ndim: int) -> Map:
    """The map that gives each rank of the array's lattice everything."""
    return x.map.with_axes([AxisMap()] * ndim)


def whole_matrices(x: DistArray, what: str) -> Map:
    """The map with the last two axes whole, stacks shared out where nothing else is cut.

    Raises
    ------
    GatherError
        A single matrix that is cut and larger than ``pm.options.gather_limit``. COLLECTIVE.
    """
    stack = x.map.axes[:-2]
    if ranks_of(x) == 1:
        return x.map
    if x.ndim == 2 and x.nbytes > options.gather_limit:
        raise GatherError(
            f"linalg.{what} of a matrix of shape {x.shape} brings {x.nbytes} bytes to each of its "
            f"ranks, over pm.options.gather_limit = {options.gather_limit}; raise the limit, or "
            "use a factorisation that stays distributed: qr, cholesky, solve, svd of a tall matrix"
        )
    cut_stack = any(x.map.pieces_along(a) > 1 for a in range(x.ndim - 2))
    if x.ndim == 2 or cut_stack:
        return x.map.with_axes([*stack, AxisMap(), AxisMap()])
    longest = max(range(x.ndim - 2), key=lambda a: x.shape[a])
    axes = [AxisMap(0, Split("b")) if a == longest else AxisMap() for a in range(x.ndim)]
    return flat(x, *axes)


def factor_axes(x: DistArray, spec: str) -> list[AxisMap]:
    """Axes of a matrix made of x: r and c as x's rows and columns, R and C blocks over their ranks.

    ``-`` is whole. R and C stand for lengths that x has not: how many singular values there are.
    """
    rows, columns = x.map.axes[-2:]
    found = {"r": rows, "c": columns, "-": AxisMap()}
    for name, axis in (("R", rows), ("C", columns)):
        blocks = axis.grid_axis is not None
        found[name] = AxisMap(axis.grid_axis, Split("b")) if blocks else AxisMap()
    return [found[letter] for letter in spec]


def on_blocks(
    f: Callable, x: DistArray, specs: list[str], what: str, *others: DistArray
) -> list[object]:
    """NumPy's function on matrices that are brought whole to their ranks. COLLECTIVE.

    Parameters
    ----------
    f : callable
        Takes the blocks, gives a list of ndarrays: stacks of matrices, vectors or numbers.
    x : DistArray, shape (..., n, m)
        Stacks of matrices stay with the owners of the stack.
    specs : list of str
        For each result the axes after the stack's, as :func:`factor_axes` reads them.
    what : str
        The function's name.
    *others : DistArray
        Further operands, of the same stack.

    Raises
    ------
    LinAlgError
        Where f raised it on one of the ranks. COLLECTIVE.
    """
    held, world, lead = whole_matrices(x, what), x.world, x.ndim - 2
    blocks = [x.block_under(held, what)]
    for o in others:
        axes = [*held.axes[:lead], *[AxisMap()] * (o.ndim - lead)]
        blocks.append(o.block_under(held.with_axes(axes), what))
    inside = held.coords(world.rank) is not None
    made, told = [], None
    if inside:
        try:
            made = [np.asarray(v) for v in f(*blocks)]
            told = [(v.shape[lead:], v.dtype) for v in made]
        except LinAlgError as error:
            told = str(error)
    told = _agreed(told, held, world, what)
    results = []
    for i, (core, dtype) in enumerate(told):
        shape = x.shape[:lead] + core
        axes = list(held.axes[:lead]) if lead else factor_axes(x, specs[i])
        target = held.with_axes([*axes, *[AxisMap()] * (len(shape) - len(axes))])
        local = np.empty((0,) * len(shape), dtype)
        if inside:
            owned = target.owned(shape, world.rank)
            values = made[i].astype(dtype, copy=False)
            local = values if lead else np.array(cut(values, shape, owned), order="C")
        elif not shape:
            local = np.empty((), dtype)
        results.append(result(DistArray(local, shape, target, world)))
    return results


def _agreed(told: object, held: Map, world: World, what: str) -> list[tuple]:
    """Shapes and common types of the results; an error of any rank on all."""
    everyone = world.allgather(told)
    errors = [t for t in everyone if isinstance(t, str)]
    if errors:
        raise LinAlgError(f"{what}: {errors[0]}")
    inside = [everyone[rank] for rank in held.procs]
    return [
        (core, np.result_type(*(t[i][1] for t in inside))) for i, (core, _) in enumerate(inside[0])
    ]


def result(x: DistArray) -> object:
    """The array, or a NumPy scalar on all ranks where it has no axes. COLLECTIVE."""
    if x.ndim:
        return x
    return x.block_under(everywhere(0, x.world), "result")[()]


def replicated(values: np.ndarray, x: DistArray, shape: Shape, dtype: np.dtype) -> DistArray:
    """Values that each rank of x's lattice has, as a DistArray. LOCAL."""
    held = replicating(x, len(shape))
    if held.coords(x.world.rank) is None:
        values = np.empty((0,) * len(shape), dtype)
    return DistArray(np.array(values, dtype, order="C"), shape, held, x.world)

"""Sums of products over shared labels: the one way in which two arrays are multiplied.

Axes carry labels, as in einsum: a matrix product is ``ik, kj -> ij``. Labels of the result stay
where the result's map has them; the others are summed. Two ways, taken by what has to travel:

* the result stays in place and operands come in panels of the summed label (as in SUMMA, van de
  Geijn and Watts 1997), each rank beginning with what it holds;
* the operands stay in place, each rank sums over the part that it holds, and the parts are added:
  for small results of long sums.

No operand is ever whole on a rank that its map does not give it to.
"""

from collections.abc import Sequence
from math import prod

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import Blocks, reduce
from ..errors import ShapeError
from ..layout.maps import AxisMap, Map, Shape
from ..layout.splits import Split
from ..ranks.comm import World
from ..ranks.moving import everywhere, moved
from .kernels import multiplied
from .labelled import Labelled
from .panels import by_panels

SMALL_RESULT = 1 << 16
"""Elements of a partial result that a rank may always hold."""


def contract(
    a: DistArray, labels_a: Sequence, b: DistArray, labels_b: Sequence, out: Sequence, what: str
) -> DistArray:
    """Multiply and sum over the labels that are not in ``out``. COLLECTIVE.

    Parameters
    ----------
    a, b : DistArray
        No label twice in one of them; a label of both has one length. A label that is not in
        ``out`` must be in both.
    labels_a, labels_b, out : sequence of hashable
        Labels of the axes.
    what : str
        The operation's name, for messages.

    Returns
    -------
    DistArray
        Under the map of :func:`result_map`; of shape () with no label in ``out``.
    """
    x, y = Labelled(_plain(a), tuple(labels_a)), Labelled(_plain(b), tuple(labels_b))
    out = tuple(out)
    lengths = _lengths(x, y, what)
    shape = tuple(lengths[label] for label in out)
    target = result_map(x, y, out)
    dtype = np.result_type(a.dtype, b.dtype)
    if _in_place(x, out, target) and _in_place(y, out, target):
        local = np.zeros(target.local_shape(shape, a.world.rank), dtype)
        multiplied(local, out, x.array.block, x.labels, y.array.block, y.labels)
    elif (still := _stationary(x, y, out, target, lengths)) is None:
        local = by_panels(x, y, out, target, shape, dtype, what)
    else:
        local = _by_parts(*still, out, target, shape, dtype, what)
    return DistArray(local, shape, target, a.world)


def _plain(x: DistArray) -> DistArray:
    """The array without its overlap, which takes no part."""
    return DistArray(x.block, x.shape, x.map.without_overlap(), x.world)


def _lengths(x: Labelled, y: Labelled, what: str) -> dict:
    lengths = x.lengths()
    for label, n in y.lengths().items():
        if lengths.setdefault(label, n) != n:
            raise ShapeError(
                f"{what}: shapes {x.array.shape} and {y.array.shape} do not go together: "
                f"{lengths[label]} (axis {x.labels.index(label)} of the first) is not "
                f"{n} (axis {y.labels.index(label)} of the second)"
            )
    return lengths


def result_map(x: Labelled, y: Labelled, out: tuple) -> Map:
    """The map of a product: x's splits × y's where both fit one lattice of the same ranks.

    Where they do not fit, x's alone; y's alone where x has none of the result's axes cut. Where
    neither has, the longest axis of the result is cut in blocks over the ranks that share the
    sum, so that no rank holds a result that is larger than its operands.
    """
    if not out:
        return everywhere(0, x.array.world)
    for first, second in ((x, y), (y, x)):
        cut = [label for label in first.labels if label in out and first.pieces(label) > 1]
        if cut:
            return _joined(first, second, out)
    summed = [(z, k) for z in (x, y) for k in z.labels if z.pieces(k) > 1]
    if not summed:
        smaller = prod(x.array.map.grid) < prod(y.array.map.grid)
        return _joined(y, x, out) if smaller else _joined(x, y, out)
    holder, label = summed[0]
    lengths = {**x.lengths(), **y.lengths()}
    longest = max(range(len(out)), key=lambda i: lengths[out[i]])
    axes = [AxisMap()] * len(out)
    axes[longest] = AxisMap(holder.axis(label).grid_axis, Split("b"))
    return holder.array.map.with_axes(axes)


def _joined(first: Labelled, second: Labelled, out: tuple) -> Map:
    """The splits of the first operand, and those of the second that fit beside them."""
    held, other = first.array.map, second.array.map
    used = {first.axis(label).grid_axis for label in first.labels if label in out}
    fits = (held.grid, held.procs) == (other.grid, other.procs)
    axes = []
    for label in out:
        if label in first.labels:
            axes.append(first.axis(label))
        elif fits and second.axis(label).grid_axis not in used:
            axes.append(second.axis(label))
        else:
            axes.append(AxisMap())
    return held.with_axes(axes)


def _in_place(z: Labelled, out: tuple, target: Map) -> bool:
    """Whether each rank holds exactly what its block of the result needs of an operand."""
    held = z.array.map
    if held is not target and (held.grid, held.procs) != (target.grid, target.procs):
        return False
    for label in z.labels:
        at = out.index(label) if label in out else None
        pieces = 1 if at is None else target.pieces_along(at)
        if z.pieces(label) != pieces or (pieces > 1 and z.axis(label) != target.axes[at]):
            return False
    return True


def _stationary(x: Labelled, y: Labelled, out: tuple, target: Map, lengths: dict) -> tuple | None:
    """(operand that stays, the other), where adding partial results moves less; else None."""
    coming = sum(_coming(z, out, target, lengths) for z in (x, y))
    best = None
    for still, other in ((x, y), (y, x)):
        if not any(still.pieces(k) > 1 for k in still.labels if k not in out):
            continue
        partial = prod(-(-lengths[k] // still.pieces(k)) for k in out)
        beside = prod(-(-n // still.pieces(k)) for k, n in other.lengths().items())
        at_home = other.array.map == _beside(still, other)
        cost = 2 * partial + (0 if at_home else beside)
        held = sum(-(-z.array.size // max(1, prod(z.array.map.grid))) for z in (x, y))
        if partial <= max(SMALL_RESULT, 2 * held) and cost < coming:
            coming, best = cost, (still, other)
    return best


def _coming(z: Labelled, out: tuple, target: Map, lengths: dict) -> int:
    """Elements of an operand that a rank needs for its part of the result and may not hold."""
    pieces = {k: target.pieces_along(i) for i, k in enumerate(out)}
    whole = [k for k in z.labels if z.pieces(k) > 1 and pieces.get(k, 1) == 1]
    same = (z.array.map.grid, z.array.map.procs) == (target.grid, target.procs)
    if not whole and (same or all(z.pieces(k) == 1 for k in z.labels)):
        return 0
    return prod(-(-lengths[k] // pieces.get(k, 1)) for k in z.labels)


def _beside(still: Labelled, other: Labelled) -> Map:
    """The map under which the other operand meets the blocks of the one that stays."""
    held, own = still.array.map, other.array.map
    same = (held.grid, held.procs) == (own.grid, own.procs)
    axes = []
    for k in other.labels:
        if same and still.pieces(k) == other.pieces(k) == 1:
            axes.append(other.axis(k))  # whole either way; an equal map moves nothing
        else:
            axes.append(still.axis(k) if k in still.labels else AxisMap())
    return held.with_axes(axes)


def _by_parts(
    still: Labelled,
    other: Labelled,
    out: tuple,
    target: Map,
    shape: Shape,
    dtype: np.dtype,
    what: str,
) -> np.ndarray:
    """The result's block as the sum of what each rank makes of the part that it holds."""
    world: World = still.array.world
    held = still.array.map
    come = other.array.block_under(_beside(still, other), what)
    summed = [k for k in still.labels if k not in out and still.pieces(k) > 1]
    axes = [AxisMap(still.axis(k).grid_axis, Split("b")) for k in summed]
    kept = [still.axis(k) if k in still.labels else AxisMap() for k in out]
    sizes = tuple(still.pieces(k) for k in summed)
    stacked = held.with_axes(axes + kept)
    local = stacked.local_shape(sizes + shape, world.rank)
    part = np.zeros(local, dtype)
    if held.coords(world.rank) is not None:
        inner = part.reshape(part.shape[len(sizes) :])
        multiplied(inner, out, still.array.block, still.labels, come, other.labels)
    add = np.logical_or if dtype.kind == "b" else np.add
    found = reduce(
        add, Blocks(part, sizes + shape, stacked, world), tuple(range(len(sizes))), dtype
    )
    return moved(found.local, shape, found.map, target, world, what)

"""Operands of products: DistArrays and arrays beside them, checked and brought to one form."""

import numpy as np

from ..arrays.distarray import DistArray
from ..errors import ShapeError, UnsupportedError
from ..layout.maps import AxisMap


def distributed(*values: object) -> bool:
    """Whether one of the values, or of the members of a list, is a DistArray."""
    return any(
        isinstance(v, DistArray) or (isinstance(v, list | tuple) and distributed(*v))
        for v in values
    )


def arrays(*values: object) -> list[DistArray]:
    """All values as DistArrays; what is none, equal on all ranks, lies whole beside the first."""
    first = next(v for v in values if isinstance(v, DistArray))
    held = first.map.without_overlap()
    found = []
    for value in values:
        if not isinstance(value, DistArray):
            value = np.asarray(value)
            beside = held.with_axes([AxisMap()] * value.ndim)
            inside = beside.coords(first.world.rank) is not None
            local = value if inside or not value.ndim else np.empty((0,) * value.ndim, value.dtype)
            value = DistArray(local, value.shape, beside, first.world)
        found.append(value)
    return found


def refuse(what: str, given: dict, known: str) -> None:
    """Raise where arguments were given that are not there."""
    more = {k: v for k, v in given.items() if v is not None and v is not np._NoValue}
    if more:
        raise UnsupportedError(
            f"{what} of a DistArray: {', '.join(sorted(more))} is not there; "
            f"the arguments are {known}"
        )


def put_out(what: str, out: object, result: object, casting: str = "same_kind") -> object:
    """The result, or ``out`` filled with it, as far as NumPy's casting rule lets it."""
    if isinstance(out, tuple):
        out = out[0]
    if out is None:
        return result
    if not isinstance(out, DistArray):
        raise UnsupportedError(
            f"{what}: out= must be a DistArray where an operand is one; the result of "
            f"{what} without out= is an array that np.asarray brings to all ranks"
        )
    if out.shape != np.shape(result):
        raise ShapeError(f"{what}: out has shape {out.shape}; the result has {np.shape(result)}")
    if not np.can_cast(np.result_type(result), out.dtype, casting):
        raise UnsupportedError(
            f"{what}: cannot cast from {np.result_type(result)} to {out.dtype} with casting "
            f"rule {casting!r}"
        )
    out[...] = result
    return out


def last_axes(x: DistArray, *axes: int) -> DistArray:
    """The array with some axes moved to its end: a view. LOCAL."""
    kept = [a for a in range(x.ndim) if a not in axes]
    return x.transpose([*kept, *axes])


def scalar(x: DistArray) -> object:
    """An array of shape () that every rank holds, as a NumPy scalar. LOCAL."""
    return x.block[()]

"""Arrays taken apart along an axis: views, nothing is sent."""

from collections.abc import Sequence

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import axis_from_front
from ..doors import stands_for
from ..errors import ShapeError

Sections = int | Sequence[int]


@stands_for(np.array_split)
def array_split(ary: DistArray, indices_or_sections: Sections, axis: int = 0) -> list[DistArray]:
    """Parts of nearly one length, or cut at the indices: views. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> [len(part) for part in pm.array_split(pm.zeros(5, map=pm.Map([1])), 2)]
    [3, 2]
    """
    axis = axis_from_front(axis, ary.ndim)
    n = ary.shape[axis]
    if np.iterable(indices_or_sections):
        edges = [0, *(int(i) for i in indices_or_sections), n]
    else:
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ShapeError("number sections must be larger than 0.")
        size, more = divmod(n, sections)
        edges = [p * size + min(p, more) for p in range(sections + 1)]
    before = (slice(None),) * axis
    return [ary[(*before, slice(a, b))] for a, b in zip(edges[:-1], edges[1:], strict=True)]


@stands_for(np.split)
def split(ary: DistArray, indices_or_sections: Sections, axis: int = 0) -> list[DistArray]:
    """Parts of one length, or cut at the indices: views. LOCAL."""
    axis = axis_from_front(axis, ary.ndim)
    if not np.iterable(indices_or_sections) and ary.shape[axis] % indices_or_sections:
        raise ShapeError(
            "array split does not result in an equal division: axis "
            f"{axis} has length {ary.shape[axis]}, not a multiple of {indices_or_sections}"
        )
    return array_split(ary, indices_or_sections, axis)


@stands_for(np.hsplit)
def hsplit(ary: DistArray, indices_or_sections: Sections) -> list[DistArray]:
    """Parts along axis 1, or axis 0 of a 1-D array: views. LOCAL."""
    if ary.ndim == 0:
        raise ShapeError("hsplit only works on arrays of 1 or more dimensions")
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@stands_for(np.vsplit)
def vsplit(ary: DistArray, indices_or_sections: Sections) -> list[DistArray]:
    """Parts along axis 0: views. LOCAL."""
    if ary.ndim < 2:
        raise ShapeError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


@stands_for(np.dsplit)
def dsplit(ary: DistArray, indices_or_sections: Sections) -> list[DistArray]:
    """Parts along the third axis: views. LOCAL."""
    if ary.ndim < 3:
        raise ShapeError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)


@stands_for(np.unstack)
def unstack(x: DistArray, /, *, axis: int = 0) -> tuple[DistArray, ...]:
    """The parts along an axis, which goes: views. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> len(pm.unstack(pm.zeros((3, 2), map=pm.Map([1, 1])), axis=1))
    2
    """
    if x.ndim == 0:
        raise ShapeError("Input array must be at least 1-d.")
    axis = axis_from_front(axis, x.ndim)
    before = (slice(None),) * axis
    return tuple(x[(*before, i, ...)] for i in range(x.shape[axis]))

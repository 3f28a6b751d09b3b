"""Where blocks come from and go to: a DistArray, an ndarray or a file, seen alike.

A *source* has a shape and a dtype and gives boxes; a *sink* takes boxes. Which rank reads or
writes which boxes stands in a table that is the same on all ranks, ``boxes_by_rank[rank]``, since
boxes of a DistArray travel in an exchange that all ranks take part in. Work on ndarrays alone is
LOCAL: it sends nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .. import creation, regions
from ..arrays.distarray import DistArray
from ..errors import ShapeError
from ..io.filearray import FileArray
from ..io.scratchfile import scratch
from ..ranks import comm
from .tiling import Box, box_shape

BoxTable = Sequence[Sequence[Box]]


def as_source(x: Any) -> Any:
    """`x` itself if it is a DistArray or a file, else the ndarray that NumPy makes of it."""
    return x if isinstance(x, DistArray | FileArray) else np.asarray(x)


def is_array(x: Any) -> bool:
    """Whether `x` is one of the three kinds of array."""
    return isinstance(x, DistArray | FileArray | np.ndarray)


def is_local(*arrays: Any) -> bool:
    """Whether all of `arrays` are ndarrays (or None): their work needs no other rank."""
    return not any(isinstance(a, DistArray | FileArray) for a in arrays)


def team(*arrays: Any) -> tuple[int, int]:
    """(rank, number of ranks) that share the work on `arrays`: (0, 1) for ndarrays."""
    if is_local(*arrays):
        return 0, 1
    world = comm.world()
    return world.rank, world.size


def same_shape(*arrays: Any) -> tuple[int, ...]:
    """The shape that all of `arrays` have.

    Raises
    ------
    ShapeError
        If they differ.
    """
    shapes = [tuple(a.shape) for a in arrays if a is not None]
    if len(set(shapes)) != 1:
        raise ShapeError(f"arrays worked on block by block must have one shape; found {shapes}")
    return shapes[0]


def read(source: Any, boxes: BoxTable, rank: int) -> list[np.ndarray]:
    """Boxes of this rank of `source`, not to be written to. COLLECTIVE for a DistArray."""
    if isinstance(source, DistArray):
        if gives_own_blocks(source, boxes):
            return [source.block for _ in boxes[rank]]
        return regions.fetch(source, boxes)
    if isinstance(source, FileArray):
        return [source.read(box) for box in boxes[rank]]
    return [source[box] for box in boxes[rank]]


def gives_own_blocks(x: Any, boxes: BoxTable) -> bool:
    """Whether `read` gives each rank the very block of a DistArray that it owns."""
    owned = owned_boxes(x, len(boxes))
    return owned is not None and all(
        list(mine) == [box] or (not mine and (box is None or 0 in box_shape(box)))
        for mine, box in zip(boxes, owned, strict=True)
    )


def write(sink: Any, boxes: BoxTable, arrays: list[np.ndarray], rank: int) -> None:
    """Put this rank's `arrays` into its boxes of `sink`. COLLECTIVE unless `sink` is a file.

    An ndarray that several ranks write becomes whole on each of them: it was given as ``out=``.
    """
    arrays = [np.asarray(a, sink.dtype) for a in arrays]
    if isinstance(sink, DistArray):
        regions.store(sink, boxes, arrays)
    elif isinstance(sink, FileArray):
        for box, array in zip(boxes[rank], arrays, strict=True):
            sink.write(box, array)
    elif len(boxes) == 1:
        for box, array in zip(boxes[0], arrays, strict=True):
            sink[box] = array
    else:
        _write_everywhere(sink, boxes, arrays)


def _write_everywhere(sink: np.ndarray, boxes: BoxTable, arrays: list[np.ndarray]) -> None:
    """Bring the blocks of all ranks into each rank's copy of `sink`."""
    mine = np.concatenate([a.ravel() for a in arrays] or [np.empty(0, sink.dtype)])
    for theirs, flat in zip(boxes, comm.world().allgather_array(mine), strict=True):
        at = 0
        for box in theirs:
            shape = box_shape(box)
            sink[box] = flat[at : at + prod(shape)].reshape(shape)
            at += prod(shape)


def new_like(sources: Sequence[Any], dtype: Any) -> Any:
    """An empty sink: of the first DistArray's map, else a scratch file, else an ndarray.

    COLLECTIVE where it makes a file.
    """
    shape = same_shape(*sources)
    for source in sources:
        if isinstance(source, DistArray):
            return creation.empty(shape, dtype=dtype, map=source.map)
    if is_local(*sources):
        return np.empty(shape, dtype)
    return scratch(shape, dtype)


def overlaps(sink: Any, arrays: Sequence[Any]) -> bool:
    """Whether `sink` shares elements with one of `arrays`. COLLECTIVE for a DistArray."""
    if isinstance(sink, FileArray):
        return any(isinstance(a, FileArray) and a.path == sink.path for a in arrays)
    kind = type(sink)
    mine = [_memory(a) for a in arrays if isinstance(a, kind)]
    shared = any(np.may_share_memory(_memory(sink), m) for m in mine)
    return any(comm.world().allgather(shared)) if isinstance(sink, DistArray) else shared


def _memory(x: DistArray | np.ndarray) -> np.ndarray:
    """What a rank holds of an array."""
    return x.block if isinstance(x, DistArray) else x


def finish(sink: Any) -> Any:
    """`sink`, complete for all ranks: waits until every rank has written its part of a file."""
    if isinstance(sink, FileArray):
        comm.world().barrier()
    return sink


def owned_boxes(source: Any, n_ranks: int) -> list[Box | None] | None:
    """Each rank's part of a DistArray where the parts are boxes that tile it, else None."""
    if not isinstance(source, DistArray):
        return None
    boxes = [regions.owned_box(source, rank) for rank in range(n_ranks)]
    sizes = [prod(box_shape(b)) for b in boxes if b is not None]
    return boxes if sum(sizes) == prod(source.shape) else None

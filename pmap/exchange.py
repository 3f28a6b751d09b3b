"""Exchange: carry out a plan. The only sender of array elements.

Each rank packs the pieces for another rank into one message, posts all receives and sends, copies
what stays while they travel, and unpacks. Messages are raw bytes in the source's dtype; a target
of another dtype casts while it unpacks.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import as_strided

from . import comm
from .comm import World
from .errors import PmapError
from .plans import Piece, RankPlan, Segments
from .recording import note, recording
from .splits import Segment

Place = Callable[[np.ndarray, np.ndarray], None]


def overwrite(target: np.ndarray, values: np.ndarray) -> None:
    """Put the values in place of what was there."""
    target[...] = values


def run(
    plan: RankPlan,
    sources: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    world: World,
    what: str,
    dtype: np.dtype,
    place: Place = overwrite,
) -> None:
    """Move the pieces of a plan from source buffers to target buffers.

    Parameters
    ----------
    plan : RankPlan
        This rank's part.
    sources, targets : sequences of ndarray
        The buffers that the plan numbers, of the shapes it was made for.
    world : World
        The ranks that take part; all must call this. COLLECTIVE.
    what : str
        The operation's name, for messages about waiting ranks.
    dtype : dtype
        Type of the elements that travel, equal on all ranks.
    place : callable
        How values are put into a view of a target; :func:`overwrite` or an addition.
    """
    if world is not comm.world():
        raise PmapError(
            f"{what}: the array lives on {world.size} ranks, but here one rank works alone (inside "
            "foreach); bring what is needed with pm.agg_all before foreach"
        )
    start_s = time.perf_counter()
    tag = world.next_tag(what)
    received = [_post_receive(world, rank, pieces, dtype, tag) for rank, pieces in plan.receives]
    sent = [world.isend(_packed(pieces, sources, dtype), rank, tag) for rank, pieces in plan.sends]
    for piece in plan.kept:
        _copy_kept(piece, sources, targets, place)
    if received:
        world.wait([request for request, _ in received], what)
    for (_, pieces), (_, message) in zip(plan.receives, received, strict=True):
        _unpack(pieces, message.view(dtype), targets, place)
    if sent:
        world.wait(sent, what)
    if recording():
        note(plan.messages, plan.bytes_sent(dtype.itemsize), time.perf_counter() - start_s)


def _post_receive(
    world: World, rank: int, pieces: tuple[Piece, ...], dtype: np.dtype, tag: int
) -> tuple:
    """A posted receive and the buffer that it fills."""
    message = np.empty(sum(p.size for p in pieces) * dtype.itemsize, np.uint8)
    return world.irecv(message, rank, tag), message


def _packed(
    pieces: tuple[Piece, ...], sources: Sequence[np.ndarray], dtype: np.dtype
) -> np.ndarray:
    """The pieces as one run of bytes; without a copy where they are one already."""
    if len(pieces) == 1:
        views = list(_views(sources[pieces[0].source_part], pieces[0].source_segments))
        if len(views) == 1 and views[0].flags.c_contiguous:
            return views[0].reshape(-1).view(np.uint8)
    message = np.empty(sum(p.size for p in pieces), dtype)
    at = 0
    for piece in pieces:
        for view in _views(sources[piece.source_part], piece.source_segments):
            message[at : at + view.size].reshape(view.shape)[...] = view
            at += view.size
    return message.view(np.uint8)


def _unpack(
    pieces: tuple[Piece, ...], message: np.ndarray, targets: Sequence[np.ndarray], place: Place
) -> None:
    """Put a message's pieces where they belong."""
    at = 0
    for piece in pieces:
        for view in _views(targets[piece.target_part], piece.target_segments):
            place(view, message[at : at + view.size].reshape(view.shape))
            at += view.size


def _copy_kept(
    piece: Piece, sources: Sequence[np.ndarray], targets: Sequence[np.ndarray], place: Place
) -> None:
    """Copy a piece that stays on its rank."""
    here = _views(sources[piece.source_part], piece.source_segments)
    there = _views(targets[piece.target_part], piece.target_segments)
    for values, view in zip(here, there, strict=True):
        place(view, values)


def _views(buffer: np.ndarray, segments: Segments) -> Iterator[np.ndarray]:
    """The piece's parts as views of a buffer, in the order that both sides keep.

    A run repeated with a stride becomes two axes (repetition, run), so that a periodic piece is
    one strided copy and no list of elements.
    """
    for combination in product(*segments):
        yield _view(buffer, combination)


def _view(buffer: np.ndarray, combination: tuple[Segment, ...]) -> np.ndarray:
    corner = buffer[(*(slice(s.start, s.start + s.length) for s in combination), Ellipsis)]
    if all(s.count == 1 for s in combination):
        return corner
    ends = [s.start + (s.count - 1) * s.stride + s.length for s in combination]
    if any(end > n for end, n in zip(ends, buffer.shape, strict=False)):
        raise PmapError(f"a plan reaches {ends} in a buffer of shape {buffer.shape}")
    shape, strides = [], []
    for s, stride in zip(combination, buffer.strides, strict=True):
        shape += [s.count, s.length]
        strides += [s.stride * stride, stride]
    return as_strided(corner, shape, strides)

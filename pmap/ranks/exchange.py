"""Exchange: carry out a plan. The only sender of array elements.

Each rank offers the pieces for other ranks, copies what stays, and takes what it needs: out of
the memory of a rank of its node, or from a message of packed pieces (see transport). What travels
are raw bytes in the source's dtype; a target of another dtype casts while it unpacks.
"""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..errors import DivergenceError, PmapError
from ..layout.plans import Piece, RankPlan, Segments
from ..layout.splits import Segment
from . import comm, pool
from .comm import World
from .farreads import Far, Place, fetch, is_easily_read, overwrite
from .recording import note, recording
from .transport import Arrival, Transfer

__all__ = ["Place", "Started", "overwrite", "run", "start"]

MOST_VIEWS = 64
"""A message of more views is packed by its sender."""


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
        The buffers that the plan numbers, of the shapes it was made for; no target shares memory
        with a source.
    world : World
        The ranks that take part; all must call this. COLLECTIVE.
    what : str
        The operation's name, for messages about waiting ranks.
    dtype : dtype
        Type of the elements that travel, equal on all ranks.
    place : callable
        How values are put into a view of a target; :func:`overwrite` or an addition.
    """
    start(plan, sources, targets, world, what, dtype, place).finish()


def keep(plan: RankPlan, sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> None:
    """Copy the pieces of a plan by which no rank sends anything. LOCAL."""
    for piece in plan.kept:
        _copy_kept(piece, sources, targets, overwrite)


def start(
    plan: RankPlan,
    sources: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    world: World,
    what: str,
    dtype: np.dtype,
    place: Place = overwrite,
) -> "Started":
    """Begin an exchange: what stays on the rank is in place, what comes after `finish`. COLLECTIVE.

    Takes what :func:`run` takes. Until ``finish`` of the result, sources must not be changed, nor
    targets where pieces will come; another exchange that is started finishes this one first.
    """
    if world is not comm.world():
        raise PmapError(
            f"{what}: the array lives on {world.size} ranks, but here one rank works alone (inside "
            "foreach); bring what is needed with pm.agg_all before foreach"
        )
    return Started(plan, sources, targets, world, what, dtype, place)


class Started:
    """An exchange under way; see :func:`start`."""

    def __init__(
        self,
        plan: RankPlan,
        sources: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        world: World,
        what: str,
        dtype: np.dtype,
        place: Place,
    ) -> None:
        begin_s = time.perf_counter()
        self._plan, self._targets, self._place = plan, targets, place
        self._world, self._dtype = world, dtype
        self._transfer = Transfer(world, what)
        for rank, pieces in plan.receives:
            self._transfer.await_from(rank, _size(pieces) * dtype.itemsize)
        for rank, pieces in plan.sends:
            pack = partial(_packed, pieces, sources, dtype)
            parts = sources if _may_be_read(pieces, sources, dtype) else None
            self._transfer.send(rank, _size(pieces) * dtype.itemsize, pack, parts)
        for piece in plan.kept:
            _copy_kept(piece, sources, targets, place)
        self._is_open = True
        Transfer.unfinished = self.finish
        self._wait_s = time.perf_counter() - begin_s

    def finish(self) -> None:
        """Wait for the pieces from other ranks and put them into place. COLLECTIVE."""
        if not self._is_open:
            return
        self._is_open = False
        Transfer.unfinished = None
        begin_s = time.perf_counter()
        try:
            for rank, pieces in self._in_turn():
                self._put(pieces, self._transfer.take(rank))
                self._transfer.taken(rank)
        except DivergenceError:
            raise
        except Exception:  # of the placing, which a program may catch: what follows must go on
            self._transfer.leave_the_rest()
            raise
        self._transfer.end()
        if recording():
            wait_s = self._wait_s + time.perf_counter() - begin_s
            note(self._plan.messages, self._plan.bytes_sent(self._dtype.itemsize), wait_s)

    def _in_turn(self) -> list[tuple[int, tuple[Piece, ...]]]:
        """The messages to come: the next rank's first, so that not all read from the same one.

        What is combined with values that are there has one order, that of the ranks (C2).
        """
        receives = list(self._plan.receives)
        if self._place is overwrite:
            receives.sort(key=lambda entry: (entry[0] - self._world.rank) % self._world.size)
        return receives

    def _put(self, pieces: tuple[Piece, ...], arrival: Arrival) -> None:
        """Put a message's pieces into place."""
        if arrival.message is not None:
            _unpack(pieces, arrival.message.view(self._dtype), self._targets, self._place)
        else:
            self._fetch(pieces, arrival.parts, arrival.packed, arrival.pid)

    def _fetch(self, pieces: tuple[Piece, ...], parts: list[Far], packed: bool, pid: int) -> None:
        """Copy pieces out of the memory of another rank of this node."""
        at = parts[0].address
        itemsize = self._dtype.itemsize
        for piece in pieces:
            combinations = product(*piece.source_segments)
            views = _views(self._targets[piece.target_part], piece.target_segments)
            for combination, view in zip(combinations, views, strict=True):
                if packed:
                    far = Far(at, view.shape, _packed_strides(view.shape, itemsize))
                    at += view.size * itemsize
                else:
                    far = _far_view(parts[piece.source_part], combination)
                fetch(pid, far, view, self._dtype, self._place)


def _size(pieces: tuple[Piece, ...]) -> int:
    """Elements of a message."""
    return sum(p.size for p in pieces)


def _packed_strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Strides of an array without gaps."""
    strides = []
    for n in reversed(shape):
        strides.append(itemsize)
        itemsize *= n
    return tuple(reversed(strides))


def _far_view(part: Far, combination: tuple[Segment, ...]) -> Far:
    """As `_view`, of memory of another rank."""
    address, shape, strides = part.address, [], []
    repeated = any(s.count > 1 for s in combination)
    for s, n, stride in zip(combination, part.shape, part.strides, strict=True):
        if s.start + (s.count - 1) * s.stride + s.length > n:
            raise PmapError(f"a plan reaches {combination} in a buffer of shape {part.shape}")
        address += s.start * stride
        if repeated:
            shape.append(s.count)
            strides.append(s.stride * stride)
        shape.append(s.length)
        strides.append(stride)
    return Far(address, tuple(shape), tuple(strides))


def _may_be_read(pieces: tuple[Piece, ...], sources: Sequence[np.ndarray], dtype: np.dtype) -> bool:
    """Whether a rank of this node had better take the pieces itself than get them packed."""
    if any(sources[p.source_part].dtype != dtype for p in pieces):
        return False
    views = 0
    for piece in pieces:
        source = sources[piece.source_part]
        part = Far(0, source.shape, source.strides)
        for combination in product(*piece.source_segments):
            views += 1
            far = _far_view(part, combination)
            if views > MOST_VIEWS or not is_easily_read(far.shape, far.strides, dtype.itemsize):
                return False
    return True


def _packed(
    pieces: tuple[Piece, ...], sources: Sequence[np.ndarray], dtype: np.dtype
) -> np.ndarray:
    """The pieces as one run of bytes; without a copy where they are one already."""
    if len(pieces) == 1:
        views = list(_views(sources[pieces[0].source_part], pieces[0].source_segments))
        if len(views) == 1 and views[0].flags.c_contiguous:
            return views[0].reshape(-1).view(np.uint8)
    message = pool.empty((_size(pieces),), dtype)
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

"""The calls of a random generator: each has a number, the same on all ranks, and its own stream."""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from ..allocation import UNSET, as_shape, chosen_map
from ..arrays.distarray import DistArray
from ..arrays.elementwise import result_map
from ..errors import PmapError, ShapeError
from ..layout.maps import Shape
from ..ranks import comm
from .drawing import drawn
from .philox import LEAF, Draw, Leaves, Stream, Words

Size = int | Sequence[int] | None


class Calls:
    """A seed, and how often numbers were drawn with it."""

    def __init__(self, seeds: np.random.SeedSequence) -> None:
        """For pmap's own use: see :func:`pmap.random.default_rng`."""
        self._reseed(seeds)

    def _reseed(self, seeds: np.random.SeedSequence) -> None:
        self._seeds = seeds
        self._key = tuple(int(w) for w in seeds.generate_state(2, np.uint64))
        self._calls = 0
        self._world = comm.world()

    def stream(self, what: str) -> Stream:
        """The stream of the next call. LOCAL; all ranks call it in the same order."""
        if comm.world() is not self._world:
            raise PmapError(
                f"{what}: this generator belongs to all {self._world.size} ranks, but here one "
                "rank works alone (inside foreach), and the others would draw other numbers; make "
                "one inside the task: rng = pm.random.default_rng(number_of_the_task)"
            )
        self._calls += 1
        return Stream(self._key, self._calls)

    def by_words(
        self, what: str, size: Size, map: object, dtype: np.dtype, draw: Draw
    ) -> DistArray | np.ndarray:
        """An array whose elements take one random word each, or half of one (4 bytes)."""
        filler = Words(self.stream(what), draw, 2 if np.dtype(dtype).itemsize == 4 else 1)
        shape = as_shape(size)
        return drawn(filler, shape, dtype, chosen_map(map, shape))

    def by_leaves(
        self,
        what: str,
        size: Size,
        map: object,
        dtype: np.dtype,
        draw: Draw,
        item: Shape = (),
    ) -> DistArray | np.ndarray:
        """An array whose elements (of shape ``item``) take any number of random words."""
        shape = as_shape(size)
        leaf = max(1, LEAF // max(1, prod(item)))
        filler = Leaves(self.stream(what), draw, prod(shape), leaf)
        return drawn(filler, shape, dtype, chosen_map(map, (*shape, *item)), item)

    def scalar(self, what: str, draw: Callable[[np.random.Generator], object]) -> object:
        """One number, equal on all ranks."""
        return draw(self.stream(what).at_leaf(0))


def common_size(size: Size, parameters: Sequence[object], map: object) -> tuple[Size, object]:
    """Size and map of a result: as given, else as those of array parameters give them."""
    shapes = [np.shape(p) for p in parameters]
    if size is None:
        size = np.broadcast_shapes(*shapes) if any(shapes) else None
    else:
        size = as_shape(size)
        try:
            fits = np.broadcast_shapes(size, *shapes) == size
        except ValueError:
            fits = False
        if not fits:
            raise ShapeError(f"parameters of shapes {shapes} do not fit the size {size}")
    mapped = [(p.shape, p.map) for p in parameters if isinstance(p, DistArray)]
    if map is UNSET and mapped:
        map = result_map(size, mapped)
    return size, map


def at_places(parameters: Sequence[object], shape: Shape, start: int, stop: int) -> list:
    """Parameters of the elements ``[start, stop)`` of the flat index; numbers stay as they are."""
    return [
        p if np.ndim(p) == 0 else np.broadcast_to(p, shape).flat[start:stop] for p in parameters
    ]

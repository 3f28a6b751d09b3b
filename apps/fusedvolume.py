"""The fused frame: a volume made block by block from the tiles that lie in it.

Blocks are shared out over the ranks; each reads only what it needs from the files of the tiles and
writes into a scratch file, so memory is bounded by the block, and the result does not depend on
how many ranks there are.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

import pmap as pm

from .kernels.fusion import Piece, feather
from .mosaic import Mosaic, Tile

BLOCK_VOX = (32, 512, 512)
"""Block of the fused frame that one task holds; with its working copies some 250 MB."""

Places = Mapping[Tile, tuple[int, int, int]]
Box = tuple[slice, ...]


def frame_shape(mosaic: Mosaic, places: Places) -> tuple[int, int, int]:
    """Voxels of the frame that holds all tiles. LOCAL."""
    ends = np.max([np.add(place, mosaic.shape) for place in places.values()], axis=0)
    return tuple(int(n) for n in ends)


def write_volume(
    path: Path,
    shape: tuple[int, int, int],
    dtype: np.dtype,
    make: Callable[[Box], np.ndarray],
    *,
    dataset: str,
    voxel_um: tuple[float, ...],
    then: Callable[[Box, np.ndarray], object] | None = None,
) -> list:
    """Make a volume block by block and save it; return what `then` says. COLLECTIVE."""
    with pm.io.scratch(shape, dtype) as volume:

        def task(box: Box) -> object:
            block = make(box)
            volume.write(box, block)
            return then(box, block) if then else None

        said = pm.foreach(list(_blocks(shape)), task, stop_on_error=True)
        pm.barrier()  # every block is written before one rank reads them all
        pm.io.save(path, volume, dataset=dataset, attrs={"voxel_um": list(voxel_um)})
    return said


def _blocks(shape: tuple[int, ...]) -> Iterator[Box]:
    """Boxes that cover a frame; a matter of its shape alone."""
    starts = [range(0, n, b) for n, b in zip(shape, BLOCK_VOX, strict=True)]
    for corner in itertools.product(*starts):
        yield tuple(
            slice(s, min(s + b, n)) for s, b, n in zip(corner, BLOCK_VOX, shape, strict=True)
        )


def lengths(box: Box) -> tuple[int, ...]:
    """Voxels of a box along each axis. LOCAL."""
    return tuple(s.stop - s.start for s in box)


def tiles_in(mosaic: Mosaic, places: Places, box: Box) -> list[Tile]:
    """Tiles that show some of a box of the frame, in the order of rows and columns. LOCAL."""
    return [
        tile
        for tile in sorted(places)
        if all(
            p < s.stop and p + n > s.start
            for p, n, s in zip(places[tile], mosaic.shape, box, strict=True)
        )
    ]


def pieces(
    mosaic: Mosaic, places: Places, box: Box, open_tile: Callable[[Tile], pm.io.FileArray]
) -> list[tuple[Tile, Piece]]:
    """What each tile contributes to a box of the frame. LOCAL."""
    found = []
    for tile in tiles_in(mosaic, places, box):
        start = [max(s.start - p, 0) for s, p in zip(box, places[tile], strict=True)]
        stop = [min(s.stop - p, n) for s, p, n in zip(box, places[tile], mosaic.shape, strict=True)]
        own = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        at = tuple(p + a - s.start for p, a, s in zip(places[tile], start, box, strict=True))
        with open_tile(tile) as image:
            found.append((tile, Piece(at, image.read(own), feather(mosaic.shape, own))))
    return found

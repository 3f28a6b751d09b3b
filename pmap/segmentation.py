"""`pm.segmentation`: watershed of volumes of any size, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.ndimage as ndi

from .errors import InputError, UnsupportedError
from .images import chains, sources
from .images.flooding import Sides, core_parts, flood, flood_parts, open_sides, parts_box
from .images.tiling import Box, box_shape, even_halo, grown, inside
from .ranks import comm

__all__ = ["watershed"]

DEPTH_VOX = 16
"""Voxels around a block that are flooded with it."""

REGION_VOX = 1 << 23
"""A block's surroundings grow up to so many voxels to hold the parts of the mask whole."""


def watershed(
    image: Any,
    markers: Any,
    mask: Any = None,
    connectivity: int = 1,
    *,
    block_vox: int | Sequence[int] | None = None,
    depth: int | Sequence[int] = DEPTH_VOX,
    out: Any = None,
) -> Any:
    """Flood an image from markers. COLLECTIVE, or LOCAL for ndarrays alone.

    With a mask, each connected part of the mask is flooded whole by the rank whose block it
    touches (its surroundings grow until they hold it), so the labels are those of
    ``skimage.segmentation.watershed`` on the whole volume, for any ranks, maps and blocks. Two
    exceptions: where two markers of one part have voxels of equal value, scikit-image's order
    depends on all other markers of the volume, here on the part alone; and parts that do not fit
    into 2**23 voxels are flooded in the block with `depth` around it, as everything is without a
    mask. Then the labels depend on the blocks, never on the ranks. Markers carry global numbers,
    so nothing has to be joined: each block keeps its core.

    Parameters
    ----------
    image : DistArray, FileArray or ndarray
        Low values are flooded first.
    markers : as `image`, of int
        Seeds with the numbers of the result, from `pm.measure.label`; 0 is no seed.
    mask : as `image`, of bool, optional
        Where to flood.
    connectivity : int
        1 floods over faces, ndim over diagonals too.
    block_vox : int or sequence of int, voxels, optional
        Edges of the blocks; by default fixed by the shape.
    depth : int or sequence of int, voxels
        Least surroundings of a block.
    out : DistArray, FileArray or ndarray, optional
        Where the labels go.

    Returns
    -------
    DistArray, FileArray or ndarray
        Labels of the markers' dtype: of the first DistArray's map, else a scratch file, else an
        ndarray.

    Raises
    ------
    ShapeError, InputError
        If shapes differ, the markers are not integers, the depth is negative, or the image has
        NaN where it is to be flooded.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> height = np.array([3, 1, 2, 5, 2, 0, 1])
    >>> pm.segmentation.watershed(height, np.array([0, 1, 0, 0, 0, 2, 0]))
    array([1, 1, 1, 2, 2, 2, 2])
    """
    image, markers, mask = _checked(image, markers, mask, connectivity)
    arrays = [image, markers] if mask is None else [image, markers, mask]
    shape = sources.same_shape(*arrays, *([] if out is None else [out]))
    if np.any(np.asarray(depth) < 0):
        raise InputError(f"depth is {depth}; it must not be negative")
    halo = even_halo(np.broadcast_to(depth, len(shape)))
    if out is not None and sources.overlaps(out, arrays):
        aside = sources.new_like([out], out.dtype)
        options = {"block_vox": block_vox, "depth": depth, "out": aside}
        return chains.copied(watershed(image, markers, mask, connectivity, **options), out)
    rank, n_ranks = sources.team(*arrays, out)
    out = sources.new_like(arrays, markers.dtype) if out is None else out
    for table in chains.rounds(chains.fixed_boxes(arrays, n_ranks, block_vox), arrays, out):
        near = [[grown(box, halo, shape) for box in mine] for mine in table]
        if mask is None:
            regions = near
        else:
            regions = _whole_parts(mask, table, near, connectivity, rank, n_ranks)
        blocks = zip(*(sources.read(a, regions, rank) for a in arrays), strict=True)
        done = [
            _block_labels(parts, box, around, region, shape, connectivity)
            for parts, box, around, region in zip(
                blocks, table[rank], near[rank], regions[rank], strict=True
            )
        ]
        sources.write(out, table, done, rank)
    return sources.finish(out)


def _checked(image: Any, markers: Any, mask: Any, connectivity: int) -> tuple[Any, Any, Any]:
    """The arguments as sources, refused where they cannot be flooded."""
    if markers is None or np.ndim(markers) == 0 and not hasattr(markers, "shape"):
        raise UnsupportedError(
            f"markers={markers!r}: give a label image of the seeds, from pm.measure.label"
        )
    image, markers = sources.as_source(image), sources.as_source(markers)
    mask = None if mask is None else sources.as_source(mask)
    if markers.dtype.kind not in "iu":
        raise InputError(f"markers have dtype {markers.dtype}; give integers (pm.measure.label)")
    if not 1 <= connectivity <= len(image.shape):
        raise InputError(f"connectivity is {connectivity}; it must be 1 to {len(image.shape)}")
    return image, markers, mask


def _block_labels(
    parts: tuple[np.ndarray, ...],
    box: Box,
    near: Box,
    region: Box,
    shape: tuple[int, ...],
    connectivity: int,
) -> np.ndarray:
    """Labels of one block from its region of image, markers and mask."""
    image, markers, *mask = parts
    core = inside(box, region)
    wet = image[core] if not mask else image[core][mask[0][core].astype(bool)]
    if wet.dtype.kind == "f" and np.isnan(wet).any():
        raise InputError(f"the image has NaN inside {box}, where it is to be flooded")
    if not mask:
        return flood(image, markers, connectivity)[core]
    near = inside(_common(near, region), region)
    is_in = mask[0].astype(bool)
    return flood_parts(image, markers, is_in, core, near, _inner_faces(region, shape), connectivity)


def _common(a: Box, b: Box) -> Box:
    """Intersection of two boxes that meet."""
    return tuple(
        slice(max(s.start, t.start), min(s.stop, t.stop)) for s, t in zip(a, b, strict=True)
    )


def _inner_faces(region: Box, shape: tuple[int, ...]) -> Sides:
    """Which faces of a region are not the volume's own."""
    return tuple((s.start > 0, s.stop < n) for s, n in zip(region, shape, strict=True))


def _whole_parts(
    mask: Any,
    table: list[list[Box]],
    near: list[list[Box]],
    connectivity: int,
    rank: int,
    n_ranks: int,
) -> list[list[Box]]:
    """For each block the region that holds the mask's parts that touch it whole. COLLECTIVE.

    Regions grow towards the faces that a part reaches; only the mask is read while they do.
    """
    structure = ndi.generate_binary_structure(len(mask.shape), connectivity)
    wanted = [list(mine) for mine in near]
    final = list(near[rank])
    waiting = list(range(len(final)))
    while any(wanted):
        grow = []
        for i, block in zip(waiting, sources.read(mask, wanted, rank), strict=True):
            region = wanted[rank][len(grow)]
            final[i], larger = _settle(
                block, table[rank][i], near[rank][i], region, structure, mask
            )
            grow.append(larger)
        waiting = [i for i, larger in zip(waiting, grow, strict=True) if larger]
        mine = [larger for larger in grow if larger]
        wanted = _all_lists(mine, n_ranks)
    return _all_lists(final, n_ranks)


def _settle(
    block: np.ndarray, box: Box, near: Box, region: Box, structure: np.ndarray, mask: Any
) -> tuple[Box, Box | None]:
    """The region that is enough if it does not have to grow, and what it should grow to."""
    parts, chosen = core_parts(block.astype(bool), inside(box, region), structure)
    sides = open_sides(parts, chosen, _inner_faces(region, mask.shape))
    if any(map(any, sides)):
        larger = _larger(box, region, sides, mask.shape)
        if np.prod(box_shape(larger), dtype=float) <= REGION_VOX:
            return near, larger
    around = parts_box(parts, chosen)
    if around is None:
        return box, None
    found = [
        slice(a.start + s.start, a.stop + s.start) for a, s in zip(around, region, strict=True)
    ]
    keep = near if any(map(any, sides)) else box
    return tuple(
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(found, keep, strict=True)
    ), None


def _larger(box: Box, region: Box, sides: Sides, shape: tuple[int, ...]) -> Box:
    """The region with twice the halo on the open sides."""
    out = []
    for b, r, (low, high), n in zip(box, region, sides, shape, strict=True):
        below, above = max(b.start - r.start, 1), max(r.stop - b.stop, 1)
        out.append(
            slice(
                max(r.start - below, 0) if low else r.start,
                min(r.stop + above, n) if high else r.stop,
            )
        )
    return tuple(out)


def _all_lists(mine: list[Box], n_ranks: int) -> list[list[Box]]:
    """The lists of boxes of all ranks."""
    return [mine] if n_ranks == 1 else comm.world().allgather(mine)

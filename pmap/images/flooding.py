"""Watershed of the parts of a mask that touch a core, one connected part at a time (pure).

Water does not leave a connected part of the mask, so each part is flooded by itself: the answer
does not depend on what else lies in the block. A part with one marker needs no flooding.
"""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndi

from ..extras import scikit_image
from .components import components
from .tiling import Box

Sides = tuple[tuple[bool, bool], ...]


def flood(
    image: np.ndarray, markers: np.ndarray, connectivity: int, mask: np.ndarray | None = None
) -> np.ndarray:
    """Marker-controlled flooding: ``skimage.segmentation.watershed``.

    The algorithm is that of Beucher and Meyer (1993), "The morphological approach to segmentation",
    with a priority queue ordered by value, then by time of entry.
    """
    watershed = scikit_image("segmentation").watershed
    return watershed(image, markers, connectivity=connectivity, mask=mask)


def core_parts(mask: np.ndarray, core: Box, structure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Connected parts of a mask, and the sorted numbers of those that touch `core`.

    Examples
    --------
    >>> mask = np.array([1, 0, 1, 1], bool)
    >>> core_parts(mask, (slice(1, 3),), np.ones(3, bool))
    (array([1, 0, 2, 2], dtype=int32), array([2]))
    """
    parts, n = components(mask, structure)
    met = np.zeros(n + 1, bool)
    inner = parts[core]
    met[inner[inner > 0]] = True
    return parts, np.flatnonzero(met)


def open_sides(parts: np.ndarray, chosen: np.ndarray, inner: Sides) -> Sides:
    """Inner faces of a region that one of the chosen parts reaches: it may go on behind them.

    Parameters
    ----------
    parts : ndarray of int
        Numbered parts of the region's mask.
    chosen : ndarray of int
        Numbers that matter.
    inner : tuple of (bool, bool), one per axis
        Which faces are inside the volume; the global border ends a part.

    Examples
    --------
    >>> open_sides(np.array([1, 1, 0, 2]), np.array([1]), ((True, True),))
    ((True, False),)
    """
    out = []
    for axis, faces in enumerate(inner):
        out.append(
            tuple(
                bool(face and np.isin(np.take(parts, at, axis), chosen).any())
                for at, face in zip((0, -1), faces, strict=True)
            )
        )
    return tuple(out)


def parts_box(parts: np.ndarray, chosen: np.ndarray) -> Box | None:
    """The smallest box around the chosen parts, one voxel wider where the array allows it."""
    boxes = ndi.find_objects(parts)
    boxes = [boxes[i - 1] for i in chosen]
    if not boxes:
        return None
    return tuple(
        slice(max(min(b[a].start for b in boxes) - 1, 0), min(max(b[a].stop for b in boxes) + 1, n))
        for a, n in enumerate(parts.shape)
    )


def flood_parts(
    image: np.ndarray,
    markers: np.ndarray,
    mask: np.ndarray,
    core: Box,
    near: Box,
    inner: Sides,
    connectivity: int,
) -> np.ndarray:
    """Labels of `core` after flooding the parts of the mask that touch it.

    Parameters
    ----------
    image, markers, mask : ndarray of one shape
        A region that holds every part whole that could be had whole.
    core : Box
        Where the answer is wanted.
    near : Box
        The part of the region in which what is not whole is flooded.
    inner : tuple of (bool, bool), one per axis
        Which faces of the region lie inside the volume.
    connectivity : int
        Of parts and of flooding.

    Returns
    -------
    ndarray of the markers' dtype
        Labels of the core.
    """
    structure = ndi.generate_binary_structure(mask.ndim, connectivity)
    parts, chosen = core_parts(mask, core, structure)
    cut = np.intersect1d(chosen, _at_faces(parts, inner))
    out = _closed_labels(parts, markers, np.setdiff1d(chosen, cut), image, connectivity, core)
    if len(cut):
        open_mask = np.isin(parts[near], cut)
        part = np.zeros(mask.shape, markers.dtype)
        part[near] = flood(image[near], markers[near], connectivity, open_mask)
        out += part[core]
    return out


def _at_faces(parts: np.ndarray, inner: Sides) -> np.ndarray:
    """Numbers of the parts that reach an inner face."""
    faces = [
        np.unique(np.take(parts, at, axis))
        for axis, sides in enumerate(inner)
        for at, face in zip((0, -1), sides, strict=True)
        if face
    ]
    return np.unique(np.concatenate(faces)) if faces else np.empty(0, int)


def _closed_labels(
    parts: np.ndarray,
    markers: np.ndarray,
    chosen: np.ndarray,
    image: np.ndarray,
    connectivity: int,
    core: Box,
) -> np.ndarray:
    """Labels of the core from the chosen parts: one marker fills its part, several are flooded."""
    marked = np.flatnonzero(markers)
    part_of, marker = parts.ravel()[marked], markers.ravel()[marked]
    order = np.lexsort((marker, part_of))
    part_of, marker = part_of[order], marker[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(part_of) != 0) | (marker[1:] != marker[:-1])
    part_of, marker = part_of[new], marker[new]
    wanted = np.isin(part_of, chosen)
    part_of, marker = part_of[wanted], marker[wanted]
    n_markers = np.bincount(part_of, minlength=int(parts.max(initial=0)) + 1)
    fill = np.zeros(len(n_markers), markers.dtype)
    alone = n_markers[part_of] == 1
    fill[part_of[alone]] = marker[alone]
    several = np.flatnonzero(n_markers > 1)
    if not len(several):
        return fill[parts[core]]
    out = fill[parts]
    boxes = ndi.find_objects(parts)
    for number in several:
        box = boxes[number - 1]
        part = parts[box] == number
        out[box] += flood(image[box], markers[box], connectivity, part)
    return out[core]

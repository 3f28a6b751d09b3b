"""Register two neighbouring tiles that may be too large to read: coarse strips, then slabs.

Tiles are given as anything with a shape that answers `tile[slices]` with an ndarray: an array in
memory or a file opened for reading. What is read at once is bounded by `Search.most_vox`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .registration import (
    Peak,
    Shift,
    band_pass,
    block_mean,
    levelled,
    mean_difference_loss,
    ncc,
    ncc_map,
    overlap_boxes,
    peaks,
)

CANDIDATES = 5
SLABS = 3


@dataclass(frozen=True)
class Search:
    """How far and how finely to look for the shift between two neighbours.

    Parameters
    ----------
    axis : int
        Axis of (z, y, x) along which b follows a: 1 or 2.
    overlap_vox : int, voxels
        Nominal overlap along `axis`.
    voxel_um : tuple of float, um
        Decides which axes the coarse search shrinks first.
    widest : float
        The search goes to this fraction of the tile, or to three times the nominal overlap.
    cross : float
        Jitter looked for across the axis, as a fraction of the tile.
    most_vox : int, voxels
        Most voxels of one tile held at once.
    """

    axis: int
    overlap_vox: int
    voxel_um: tuple[float, float, float] = (1.0, 1.0, 1.0)
    widest: float = 0.3
    cross: float = 0.1
    most_vox: int = 4_000_000


class Registered(NamedTuple):
    """The shift of a pair: `score` is the NCC of the raw voxels that overlap there.

    `significance` counts the sigmas above chance, `runner_up` those of the best other place;
    `others` are the other places, each with its score, best first.
    """

    shift: Shift
    score: float
    significance: float
    runner_up: float
    others: tuple[tuple[Shift, float], ...] = ()


def search_window(shape: tuple[int, ...], search: Search) -> tuple[Shift, Shift]:
    """Return the lowest and the highest shift that the search covers, voxels, ends included.

    Examples
    --------
    >>> search_window((20, 200, 300), Search(axis=2, overlap_vox=30))
    ((-8, -20, 210), (8, 20, 296))
    """
    lowest, highest = [], []
    for axis, n in enumerate(shape):
        if axis == search.axis:
            most = min(n - 1, max(3 * search.overlap_vox, math.ceil(search.widest * n)))
            least = min(4, most)
            lowest.append(n - most)
            highest.append(n - least)
        else:
            floor = 8 if axis == 0 else 16
            reach = min(n // 2, max(floor, math.ceil(search.cross * n)))
            lowest.append(-reach)
            highest.append(reach)
    return tuple(lowest), tuple(highest)


def register(a: Any, b: Any, search: Search) -> Registered:
    """Return where tile b lies relative to tile a, searched in z, y and x jointly.

    Parameters
    ----------
    a, b : array-like (z, y, x) of one shape, sliceable
    search : Search

    Returns
    -------
    Registered

    Notes
    -----
    The strips that can overlap are averaged down to at most `search.most_vox` voxels and
    correlated over the whole window; the best few places are measured again at full resolution.
    """
    lowest, highest = search_window(tuple(a.shape), search)
    factors = coarse_factors(tuple(a.shape), lowest, search)
    found = _coarse_peaks(a, b, lowest, highest, factors, search)
    if any(f > 1 for f in factors):
        coarse_vox = 8.0 * max(factors[1:])
        prepare = functools.partial(band_pass, coarse_vox=coarse_vox)
        reach = tuple(f if f > 1 else 0 for f in factors)
        found = [_refined(a, b, peak, reach, prepare, search) for peak in found]
        found = sorted(found, key=lambda peak: -peak.significance)
    best = found[0]
    others = [p for p in found[1:] if _apart(p.shift, best.shift, factors)]
    runner_up = max((p.significance for p in others), default=0.0)
    shift = _polished(a, b, best.shift, search)
    score = raw_score(a, b, shift, search.most_vox)
    places = tuple((p.shift, raw_score(a, b, p.shift, search.most_vox)) for p in others)
    return Registered(shift, score, best.significance, runner_up, places)


def coarse_factors(shape: tuple[int, ...], lowest: Shift, search: Search) -> tuple[int, ...]:
    """Return by how much each axis is shrunk so that a strip fits `search.most_vox`.

    The axis with the smallest voxel is halved first, so that flat voxels become cubes.

    Examples
    --------
    >>> full = Search(axis=2, overlap_vox=192, voxel_um=(1.0, 0.227, 0.227))
    >>> coarse_factors((397, 1920, 1920), (-40, -192, 1344), full)
    (2, 8, 8)
    """
    strip = list(shape)
    strip[search.axis] = shape[search.axis] - lowest[search.axis]
    factors = [1] * len(shape)

    def size() -> int:
        return math.prod(n // f for n, f in zip(strip, factors, strict=True))

    while size() > search.most_vox:
        free = [i for i, n in enumerate(strip) if n // factors[i] >= 16]
        if not free:
            break
        spacing = {i: search.voxel_um[i] * factors[i] for i in free}
        finest = min(spacing.values())
        for i in free:
            if spacing[i] < 1.5 * finest:
                factors[i] *= 2
    return tuple(factors)


def _coarse_peaks(
    a: Any, b: Any, lowest: Shift, highest: Shift, factors: tuple[int, ...], search: Search
) -> list[Peak]:
    """Return the best places, in full-resolution voxels, from the shrunken strips."""
    n = a.shape[search.axis]
    width = n - lowest[search.axis]
    f = factors[search.axis]
    first = n - (width // f) * f
    strip_a = _shrunken(a, search.axis, first, n, factors, search)
    strip_b = _shrunken(b, search.axis, 0, (width // f) * f, factors, search)
    moved = [first if axis == search.axis else 0 for axis in range(len(factors))]
    low = tuple(-((m - lo) // f) for lo, m, f in zip(lowest, moved, factors, strict=True))
    high = tuple(-((m - hi) // f) for hi, m, f in zip(highest, moved, factors, strict=True))
    low = tuple(max(lo, 1 - n) for lo, n in zip(low, strip_b.shape, strict=True))
    high = tuple(min(hi, n - 1) for hi, n in zip(high, strip_a.shape, strict=True))
    scores, significance = ncc_map(band_pass(strip_a), band_pass(strip_b), low, high)
    return [
        Peak(
            tuple(s * f + m for s, f, m in zip(peak.shift, factors, moved, strict=True)),
            peak.ncc,
            peak.significance,
        )
        for peak in peaks(scores, significance, low, count=CANDIDATES, apart_vox=8)
    ]


def _shrunken(
    tile: Any, axis: int, start: int, stop: int, factors: tuple[int, ...], search: Search
) -> np.ndarray:
    """Return the block means of one strip, read a few planes at a time."""
    area = math.prod(n for i, n in enumerate(tile.shape) if i not in (0, axis)) * (stop - start)
    step = max(1, search.most_vox // max(area, 1) // factors[0]) * factors[0]
    parts = []
    for z in range(0, tile.shape[0] // factors[0] * factors[0], step):
        box = [slice(0, n) for n in tile.shape]
        box[0] = slice(z, min(z + step, tile.shape[0]))
        box[axis] = slice(start, stop)
        parts.append(block_mean(np.asarray(tile[tuple(box)]), factors))
    return np.concatenate(parts)


def _slabs(box: tuple[slice, ...], most_vox: int) -> list[tuple[slice, ...]]:
    """Return up to three slabs of planes spread over a box, together at most `most_vox`."""
    depth = box[0].stop - box[0].start
    area = max(1, math.prod(s.stop - s.start for s in box[1:]))
    if depth * area <= most_vox:
        return [box]
    thick = max(1, most_vox // SLABS // area)
    starts = np.linspace(box[0].start, box[0].stop - thick, SLABS).astype(int)
    return [(slice(int(z), int(z) + thick), *box[1:]) for z in np.unique(starts)]


def _local_map(
    a: Any, b: Any, shift: Shift, reach: Shift, prepare: Callable, search: Search
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return NCC and significance at full resolution within `reach` of a shift.

    None where the tiles do not overlap there.
    """
    in_a, _ = overlap_boxes(a.shape, b.shape, shift)
    total, mean, slabs = 0.0, 0.0, _slabs(in_a, search.most_vox)
    for box_a in slabs:
        box_b = tuple(
            slice(max(0, s.start - p - r), min(n, s.stop - p + r))
            for s, p, r, n in zip(box_a, shift, reach, b.shape, strict=True)
        )
        if any(s.stop <= s.start for s in (*box_a, *box_b)):
            return None
        local = [p + q.start - s.start for p, q, s in zip(shift, box_b, box_a, strict=True)]
        low = tuple(s - r for s, r in zip(local, reach, strict=True))
        high = tuple(s + r for s, r in zip(local, reach, strict=True))
        part_a, part_b = prepare(np.asarray(a[box_a])), prepare(np.asarray(b[box_b]))
        scores, significance = ncc_map(part_a, part_b, low, high)
        total, mean = total + significance, mean + scores
    return mean / len(slabs), total / math.sqrt(len(slabs))


def _refined(a: Any, b: Any, peak: Peak, reach: Shift, prepare: Callable, search: Search) -> Peak:
    """Return the peak measured at full resolution within one coarse voxel of where it was."""
    found = _local_map(a, b, peak.shift, reach, prepare, search)
    if found is None:
        return peak._replace(significance=0.0)
    corner = tuple(p - r for p, r in zip(peak.shift, reach, strict=True))
    return peaks(*found, corner, count=1)[0]


def _polished(a: Any, b: Any, shift: Shift, search: Search) -> Shift:
    """Return the best shift within two voxels by the images as they are."""
    reach = tuple(2 if n > 4 else 0 for n in a.shape)
    found = _local_map(a, b, shift, reach, levelled, search)
    if found is None:
        return shift
    best = np.unravel_index(int(np.argmax(found[0])), found[0].shape)
    return tuple(p - r + int(i) for p, r, i in zip(shift, reach, best, strict=True))


def _apart(p: Shift, q: Shift, factors: tuple[int, ...]) -> bool:
    """Tell whether two places are different ones, not one peak found twice."""
    return any(abs(i - j) > 2 * f for i, j, f in zip(p, q, factors, strict=True))


def raw_score(a: Any, b: Any, shift: Shift, most_vox: int) -> float:
    """Return the NCC of the raw voxels in the overlap, over slabs where it is large."""
    in_a, in_b = overlap_boxes(a.shape, b.shape, shift)
    if any(s.stop <= s.start for s in in_a):
        return 0.0
    down = in_b[0].start - in_a[0].start
    values_a, values_b = [], []
    for box in _slabs(in_a, most_vox):
        values_a.append(np.asarray(a[box]).ravel())
        beside = (slice(box[0].start + down, box[0].stop + down), *in_b[1:])
        values_b.append(np.asarray(b[beside]).ravel())
    return ncc(np.concatenate(values_a), np.concatenate(values_b))


def paper_rule(a: Any, b: Any, search: Search) -> Registered:
    """Return the shift that the paper's rule finds: least mean absolute difference, one axis.

    Overlaps of one voxel up to a tenth of the tile are tried along the axis; nothing is searched
    across it, and the rule has no measure of confidence (`significance` is 0).

    Notes
    -----
    Source: active-learning pipeline paper, section III.D.
    """
    n = a.shape[search.axis]
    most = max(1, n // 10)
    area = math.prod(a.shape) // n * most
    step = max(1, search.most_vox * a.shape[0] // max(area, 1))
    loss = np.zeros(most)
    for z in range(0, a.shape[0], step):
        planes = slice(z, min(z + step, a.shape[0]))
        box = [planes, slice(None), slice(None)]
        box[search.axis] = slice(n - most, n)
        part_a = np.asarray(a[tuple(box)])
        box[search.axis] = slice(0, most)
        part_b = np.asarray(b[tuple(box)])
        planes_read = planes.stop - planes.start
        loss += planes_read * mean_difference_loss(part_a, part_b, search.axis, most)
    shift = [0, 0, 0]
    shift[search.axis] = n - (int(np.argmin(loss)) + 1)
    score = raw_score(a, b, tuple(shift), search.most_vox)
    return Registered(tuple(shift), score, 0.0, 0.0)

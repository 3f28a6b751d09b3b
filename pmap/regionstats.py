"""Counts, boxes and moments of labelled regions within one box (NumPy in, NumPy out).

Sums run over a region's voxels in C order, one after the other (``numpy.bincount``), so they are
the same to the last bit whatever box the region was cut out with.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod

import numpy as np
import scipy.ndimage as ndi

_DENSE = 4
"""A table over the range of the labels is used while it is at most so many times the voxels."""


def positions(ids: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Place of each value in the sorted `ids`; -1 where it is not among them.

    Examples
    --------
    >>> positions(np.array([2, 5]), np.array([5, 2, 3])).tolist()
    [1, 0, -1]
    """
    if not len(ids) or not len(values):
        return np.full(len(values), -1)
    low, span = int(ids[0]), int(ids[-1]) - int(ids[0]) + 1
    if span <= _DENSE * len(values) + 1024:
        table = np.full(span + 1, -1)
        table[ids - ids.dtype.type(low)] = np.arange(len(ids))
        within = (values >= low) & (values <= ids[-1])
        return table[np.where(within, values.astype(np.int64) - low, span)]
    at = np.minimum(np.searchsorted(ids, values), len(ids) - 1)
    return np.where(ids[at] == values, at, -1)


def bounds(block: np.ndarray, start: Sequence[int]) -> np.ndarray:
    """Label, number of voxels and bounding box of each region of a block.

    Parameters
    ----------
    block : ndarray of int
        Labels; 0 is background.
    start : sequence of int
        Global position of the block.

    Returns
    -------
    ndarray of int64, shape (n, 2 + 2 * ndim)
        Columns label, voxels, start of the box per axis, stop of the box per axis; by label.

    Examples
    --------
    >>> bounds(np.array([[0, 7], [7, 7]]), (10, 0)).tolist()
    [[7, 3, 10, 0, 12, 2]]
    """
    inside = np.flatnonzero(block)
    values = block.ravel()[inside]
    ids, place = _unique(values)
    compact = np.zeros(block.shape, np.int32)
    compact.ravel()[inside] = place + 1
    out = np.empty((len(ids), 2 + 2 * block.ndim), np.int64)
    out[:, 0] = ids
    out[:, 1] = np.bincount(place, minlength=len(ids))
    for i, box in enumerate(ndi.find_objects(compact, len(ids))):
        out[i, 2:] = [s.start + a for s, a in zip(box, start, strict=True)] + [
            s.stop + a for s, a in zip(box, start, strict=True)
        ]
    return out


def _unique(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted distinct values and the place of each value; without sorting where that is cheap."""
    if values.size:
        low, high = int(values.min()), int(values.max())
        if high - low < _DENSE * values.size + 1024:
            shifted = values.astype(np.int64) - low
            ids = np.flatnonzero(np.bincount(shifted)) + low
            return ids, positions(ids, values)
    return np.unique(values, return_inverse=True)


def merged(parts: np.ndarray) -> np.ndarray:
    """Rows of `bounds` from several blocks, joined by label."""
    if not len(parts):
        return parts
    ndim = (parts.shape[1] - 2) // 2
    parts = parts[np.argsort(parts[:, 0], kind="stable")]
    first = np.flatnonzero(np.diff(parts[:, 0], prepend=parts[0, 0] - 1))
    return np.concatenate(
        [
            parts[first, :1],
            np.add.reduceat(parts[:, 1:2], first),
            np.minimum.reduceat(parts[:, 2 : 2 + ndim], first),
            np.maximum.reduceat(parts[:, 2 + ndim :], first),
        ],
        axis=1,
    )


class RegionStats:
    """Moments of chosen regions that lie whole in one block; each is computed when it is asked for.

    Parameters
    ----------
    block : ndarray of int
        Labels.
    intensity : ndarray of the same shape, or None
        Values of the voxels.
    table : ndarray of int64
        Rows of `bounds` of the chosen regions, sorted by label.
    start : sequence of int
        Global position of the block.
    spacing : sequence of float
        Length of a voxel along each axis.
    """

    def __init__(
        self,
        block: np.ndarray,
        intensity: np.ndarray | None,
        table: np.ndarray,
        start: Sequence[int],
        spacing: Sequence[float],
    ) -> None:
        """Find the voxels of the regions, in C order."""
        self.table, self.spacing, self.start = table, spacing, start
        self.n = len(table)
        inside = np.flatnonzero(block)
        place = positions(table[:, 0], block.ravel()[inside])
        self.voxels, self.place = inside[place >= 0], place[place >= 0]
        self.shape = block.shape
        self._intensity = intensity

    def column(self, name: str) -> np.ndarray:
        """Values of one column, float64, shape (n,) or (n, ndim)."""
        return getattr(self, name)

    def _sum(self, weights: np.ndarray) -> np.ndarray:
        return np.bincount(self.place, weights, self.n)

    @cached_property
    def values(self) -> np.ndarray:
        """Intensity of each voxel, in its own dtype."""
        return self._intensity.ravel()[self.voxels]

    @cached_property
    def count(self) -> np.ndarray:
        """Voxels per region."""
        return self.table[:, 1].astype(float)

    @cached_property
    def steps(self) -> list[np.ndarray]:
        """Voxels between each voxel and the start of its region's box, per axis."""
        low = self.table[:, 2 : 2 + len(self.shape)] - np.asarray(self.start)
        rest = self.voxels.astype(np.int32 if prod(self.shape) < 2**31 else np.int64)
        out = []
        for axis, n in reversed(list(enumerate(self.shape))):
            above = rest // rest.dtype.type(max(n, 1))  # by a scalar: far faster than unravel_index
            out.insert(0, (rest - above * rest.dtype.type(n)) - low[:, axis][self.place])
            rest = above
        return out

    @cached_property
    def centroid(self) -> np.ndarray:
        """Mean position, in units of `spacing`."""
        mean = np.stack([self._sum(s.astype(float)) / self.count for s in self.steps], axis=1)
        return (mean + self.table[:, 2 : 2 + len(self.shape)]) * self.spacing

    @cached_property
    def centroid_weighted(self) -> np.ndarray:
        """Mean position weighted by intensity, in units of `spacing`."""
        weights = self.values.astype(float)
        total = self._sum(weights)
        mean = np.stack([self._sum(s * weights) / total for s in self.steps], axis=1)
        return (mean + self.table[:, 2 : 2 + len(self.shape)]) * self.spacing

    @cached_property
    def intensity_mean(self) -> np.ndarray:
        """Mean intensity."""
        return self._sum(self.values.astype(float)) / self.count

    @cached_property
    def intensity_min(self) -> np.ndarray:
        """Smallest intensity."""
        return self._extreme(np.minimum, np.inf)

    @cached_property
    def intensity_max(self) -> np.ndarray:
        """Largest intensity."""
        return self._extreme(np.maximum, -np.inf)

    def _extreme(self, best: np.ufunc, worst: float) -> np.ndarray:
        found = np.full(self.n, worst)
        best.at(found, self.place, self.values.astype(float))
        return found

    @cached_property
    def _deviation(self) -> np.ndarray:
        return self.values - self.intensity_mean[self.place]

    @cached_property
    def _variance(self) -> np.ndarray:
        return self._sum(self._squares) / self.count

    @cached_property
    def intensity_std(self) -> np.ndarray:
        """Population standard deviation of the intensity."""
        return np.sqrt(self._variance)

    @cached_property
    def _squares(self) -> np.ndarray:
        return self._deviation * self._deviation

    def _standardised(self, weights: np.ndarray, power: int) -> np.ndarray:
        """Central moment over the standard deviation's power; NaN for constant regions."""
        constant = self._variance <= (1e-15 * self.intensity_mean) ** 2
        scale = np.where(constant, np.nan, self._variance) ** (power / 2)
        return self._sum(weights) / self.count / scale

    @cached_property
    def intensity_skew(self) -> np.ndarray:
        """Population skewness of the intensity, as scipy.stats.skew."""
        return self._standardised(self._squares * self._deviation, 3)

    @cached_property
    def intensity_kurtosis(self) -> np.ndarray:
        """Population excess kurtosis (Fisher) of the intensity, as scipy.stats.kurtosis."""
        return self._standardised(self._squares * self._squares, 4) - 3

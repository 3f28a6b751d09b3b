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


_START = {"low": np.inf, "high": -np.inf}
"""What the extremes start from; sums start from 0."""

_SUMS = {
    "centroid": (["step"], []),
    "centroid_weighted": (["value", "value step"], []),
    "intensity_mean": (["value"], []),
    "intensity_min": (["low"], []),
    "intensity_max": (["high"], []),
    "intensity_std": (["value"], ["power 2"]),
    "intensity_skew": (["value"], ["power 2", "power 3"]),
    "intensity_kurtosis": (["value"], ["power 2", "power 4"]),
}
"""Column -> the sums that it needs, and those that need the mean first."""


def sums_of(columns: Sequence[str], ndim: int) -> tuple[list[str], list[str]]:
    """Names of the sums that the columns need: without the mean, and with it.

    Examples
    --------
    >>> sums_of(["centroid", "intensity_std"], 2)
    (['step 0', 'step 1', 'value'], ['power 2'])
    """
    passes = []
    for i in (0, 1):
        names = [n for c in columns for n in _SUMS[c][i]]
        each = [[f"{n} {a}" for a in range(ndim)] if n.endswith("step") else [n] for n in names]
        passes.append(list(dict.fromkeys(n for group in each for n in group)))
    return passes[0], passes[1]


class Columns:
    """Columns of a table from the sums over each region's voxels.

    Attributes
    ----------
    table : ndarray of int64
        Rows of `bounds` of the regions.
    spacing : sequence of float
        Length of a voxel along each axis.
    """

    def __init__(self, table: np.ndarray, spacing: Sequence[float]) -> None:
        """Keep what is known without the voxels."""
        self.table, self.spacing = table, spacing
        self.ndim = (table.shape[1] - 2) // 2
        self.low = table[:, 2 : 2 + self.ndim]
        self.count = table[:, 1].astype(float)

    def total(self, name: str) -> np.ndarray:
        """Sum (or "low", "high": extreme) over each region's voxels; see `RegionVoxels.weights`."""
        raise NotImplementedError

    def column(self, name: str) -> np.ndarray:
        """Values of one column, float64, shape (n,) or (n, ndim)."""
        return getattr(self, name)()

    def centroid(self) -> np.ndarray:
        """Mean position, in units of `spacing`."""
        return self._position("step", self.count)

    def centroid_weighted(self) -> np.ndarray:
        """Mean position weighted by intensity, in units of `spacing`."""
        return self._position("value step", self.total("value"))

    def _position(self, name: str, weight: np.ndarray) -> np.ndarray:
        mean = np.stack([self.total(f"{name} {a}") / weight for a in range(self.ndim)], axis=1)
        return (mean + self.low) * self.spacing

    def intensity_mean(self) -> np.ndarray:
        """Mean intensity."""
        return self.total("value") / self.count

    def intensity_min(self) -> np.ndarray:
        """Smallest intensity."""
        return self.total("low")

    def intensity_max(self) -> np.ndarray:
        """Largest intensity."""
        return self.total("high")

    def intensity_std(self) -> np.ndarray:
        """Population standard deviation of the intensity."""
        return np.sqrt(self.total("power 2") / self.count)

    def intensity_skew(self) -> np.ndarray:
        """Population skewness of the intensity, as scipy.stats.skew."""
        return self._standardised(3)

    def intensity_kurtosis(self) -> np.ndarray:
        """Population excess kurtosis (Fisher) of the intensity, as scipy.stats.kurtosis."""
        return self._standardised(4) - 3

    def _standardised(self, power: int) -> np.ndarray:
        """Central moment over the standard deviation's power; NaN for constant regions."""
        variance = self.total("power 2") / self.count
        constant = variance <= (1e-15 * self.intensity_mean()) ** 2
        scale = np.where(constant, np.nan, variance) ** (power / 2)
        return self.total(f"power {power}") / self.count / scale


class RegionVoxels(Columns):
    """Regions whose voxels lie in one block: all of them, or the slab of a large region.

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
        super().__init__(table, spacing)
        inside = np.flatnonzero(block)
        place = positions(table[:, 0], block.ravel()[inside])
        self.voxels, self.place = inside[place >= 0], place[place >= 0]
        self._intensity, self._shape, self._start = intensity, block.shape, start
        self._totals: dict[str, np.ndarray] = {}

    def total(self, name: str) -> np.ndarray:
        """Sum over all voxels of each region."""
        if name not in self._totals:
            mean = self.intensity_mean()[self.place] if name.startswith("power") else None
            start = np.full(len(self.table), _START.get(name, 0.0))
            self._totals[name] = self.add(name, start, mean)
        return self._totals[name]

    def add(self, name: str, before: np.ndarray, mean: np.ndarray | float | None) -> np.ndarray:
        """The sum (or extreme) `before`, continued over these voxels one after the other."""
        if name in _START:
            found = before.copy()
            best = np.minimum if name == "low" else np.maximum
            best.at(found, self.place, self.values.astype(float))
            return found
        weights, place = self.weights(name, mean), self.place
        if before.any():
            weights = np.concatenate([before, weights])
            place = np.concatenate([np.arange(len(before)), place])
        return np.bincount(place, weights, len(before))

    def weights(self, name: str, mean: np.ndarray | float | None) -> np.ndarray:
        """What each voxel adds to a sum.

        "step a": its distance from the low corner of its region's box along axis a; "value": its
        intensity; "value step a": their product; "power k": k-th power of value - mean.
        """
        kind, _, last = name.rpartition(" ")
        if kind == "step":
            return self.steps[int(last)].astype(float)
        if kind == "value step":
            return self.steps[int(last)] * self.values.astype(float)
        if kind != "power":
            return self.values.astype(float)
        away = self.values - mean
        squares = away * away
        return {"2": squares, "3": squares * away, "4": squares * squares}[last]

    @cached_property
    def values(self) -> np.ndarray:
        """Intensity of each voxel, in its own dtype."""
        return self._intensity.ravel()[self.voxels]

    @cached_property
    def steps(self) -> list[np.ndarray]:
        """Voxels between each voxel and the low corner of its region's box, per axis."""
        low = self.low - np.asarray(self._start)
        rest = self.voxels.astype(np.int32 if prod(self._shape) < 2**31 else np.int64)
        out = []
        for axis, n in reversed(list(enumerate(self._shape))):
            above = rest // rest.dtype.type(max(n, 1))  # by a scalar: far faster than unravel_index
            out.insert(0, (rest - above * rest.dtype.type(n)) - low[:, axis][self.place])
            rest = above
        return out


class LargeRegion(Columns):
    """One region that is read slab by slab: its sums continue from slab to slab.

    Parameters
    ----------
    table : ndarray of int64, shape (1, 2 + 2 * ndim)
        Row of `bounds` of the region.
    spacing : sequence of float
        Length of a voxel along each axis.
    """

    def __init__(self, table: np.ndarray, spacing: Sequence[float]) -> None:
        """Begin with nothing."""
        super().__init__(table, spacing)
        self._totals: dict[str, np.ndarray] = {}

    def take(self, slab: RegionVoxels, names: Sequence[str]) -> None:
        """Add the voxels of the next slab, in C order, to the named sums."""
        for name in names:
            mean = self.intensity_mean()[0] if name.startswith("power") else None
            before = self._totals.get(name, np.array([_START.get(name, 0.0)]))
            self._totals[name] = slab.add(name, before, mean)

    def total(self, name: str) -> np.ndarray:
        """Sum over all slabs."""
        return self._totals[name]

"""Volumes at half the resolution: images by the mean, labels by the commonest value."""

from collections.abc import Sequence
from itertools import product

import numpy as np


def halve_image(
    a: np.ndarray, factor: Sequence[int], front: Sequence[int] = (0, 0, 0)
) -> np.ndarray:
    """Means over windows of `factor` (1 or 2 per axis); integers are rounded half up.

    `front` voxels of the first window of each axis lie before the array: windows lie on the grid of
    the whole volume. Windows cut by the border are means of what they hold.

    Examples
    --------
    >>> halve_image(np.array([[[1, 3, 5]]], np.uint8), (1, 1, 2))
    array([[[2, 5]]], dtype=uint8)
    """
    wide = np.float64 if a.dtype.kind == "f" else np.int64 if a.dtype.itemsize > 2 else np.int32
    windows = _windows(a, factor, front)
    total = np.zeros(windows[0].shape, wide)
    for window in windows:
        total += window
    if a.dtype.kind == "f":
        return (total / len(windows)).astype(a.dtype)
    return ((total + len(windows) // 2) // len(windows)).astype(a.dtype)


def halve_labels(
    a: np.ndarray, factor: Sequence[int], front: Sequence[int] = (0, 0, 0)
) -> np.ndarray:
    """Commonest value in each window; of equally common ones a label rather than 0, the first.

    Examples
    --------
    >>> halve_labels(np.array([[[0, 7, 7, 7]]], np.uint32), (1, 1, 2))
    array([[[7, 7]]], dtype=uint32)
    """
    windows = _windows(a, factor, front)
    best, votes = np.zeros(windows[0].shape, a.dtype), np.zeros(windows[0].shape, np.int8)
    for one in windows:
        count = 2 * sum((one == other).astype(np.int8) for other in windows) + (one != 0)
        better = count > votes
        best[better], votes[better] = one[better], count[better]
    return best


def outlines(labels: np.ndarray) -> np.ndarray:
    """Labels of the voxels that have another value beside them in their plane, 0 elsewhere."""
    edge = np.zeros(labels.shape, bool)
    for axis in (1, 2):
        a = np.moveaxis(labels, axis, 0)
        differs = a[1:] != a[:-1]
        there = np.moveaxis(edge, axis, 0)
        there[1:] |= differs
        there[:-1] |= differs
    return np.where(edge, labels, 0)


def _windows(a: np.ndarray, factor: Sequence[int], front: Sequence[int]) -> list[np.ndarray]:
    """For each place in a window, the voxels there: views of the array with its border repeated."""
    pad = [(p, -(n + p) % f) for n, f, p in zip(a.shape, factor, front, strict=True)]
    if any(p != (0, 0) for p in pad):
        a = np.pad(a, pad, mode="edge")
    return [
        a[tuple(slice(i, None, f) for i, f in zip(place, factor, strict=True))]
        for place in product(*(range(f) for f in factor))
    ]

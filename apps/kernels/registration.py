"""Where does one tile lie beside its neighbour? Normalised cross-correlation over all shifts.

A shift is always position(b) - position(a), in voxels, (z, y, x). Every function here is pure:
arrays in, numbers out.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import fft, ndimage

Shift = tuple[int, ...]

CLIMB_VOX = 2
"""Around the most significant shift, how far the best correlation is looked for."""


class Peak(NamedTuple):
    """One candidate shift: its correlation and how many sigmas above chance it stands."""

    shift: Shift
    ncc: float
    significance: float


def overlap_boxes(
    shape_a: tuple[int, ...], shape_b: tuple[int, ...], shift: Shift
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return the region that two arrays share, as seen by each of them.

    Parameters
    ----------
    shape_a, shape_b : tuple of int, voxels
    shift : tuple of int, voxels
        position(b) - position(a).

    Returns
    -------
    tuple of slice, tuple of slice
        Empty (start == stop) along an axis without overlap.

    Examples
    --------
    >>> overlap_boxes((4, 10), (4, 10), (1, 7))
    ((slice(1, 4, None), slice(7, 10, None)), (slice(0, 3, None), slice(0, 3, None)))
    """
    in_a, in_b = [], []
    for n_a, n_b, s in zip(shape_a, shape_b, shift, strict=True):
        start, stop = max(0, s), min(n_a, n_b + s)
        stop = max(start, stop)
        in_a.append(slice(start, stop))
        in_b.append(slice(start - s, stop - s))
    return tuple(in_a), tuple(in_b)


def ncc(a: np.ndarray, b: np.ndarray) -> float:
    """Return the normalised cross-correlation of two equal-shaped arrays, in [-1, 1].

    Flat or empty input has no correlation: 0.

    Examples
    --------
    >>> a = np.arange(6.0)
    >>> ncc(a, 3 * a + 1), ncc(a, np.ones(6))
    (1.0, 0.0)
    """
    if a.size < 2:
        return 0.0
    x = a.astype(np.float64).ravel()
    y = b.astype(np.float64).ravel()
    x -= x.mean()
    y -= y.mean()
    power = float(x @ x) * float(y @ y)
    if power <= 0.0:
        return 0.0
    return min(1.0, max(-1.0, float(x @ y) / math.sqrt(power)))


def band_pass(image: np.ndarray, fine_vox: float = 1.0, coarse_vox: float = 8.0) -> np.ndarray:
    """Keep what two tiles share, the cells; drop noise, gain, vignetting and plane-wise banding.

    The square root levels shot noise and keeps a few very bright cells from deciding alone; the
    filters act within planes, because brightness varies from plane to plane for reasons that
    both tiles share (light sheet, depth) and that say nothing about the shift.

    Parameters
    ----------
    image : ndarray (z, y, x), any real dtype
    fine_vox, coarse_vox : float, voxels
        Sigmas of the two Gaussians whose difference is taken.

    Returns
    -------
    ndarray of float32, the same shape
    """
    values = image.astype(np.float32)
    values = np.sqrt(values - values.min()) if values.size else values
    plane = (0.0, 1.0, 1.0)
    fine = ndimage.gaussian_filter(values, [fine_vox * p for p in plane], mode="nearest")
    fine -= ndimage.gaussian_filter(values, [coarse_vox * p for p in plane], mode="nearest")
    return fine


def levelled(image: np.ndarray, fine_vox: float = 1.0) -> np.ndarray:
    """Level shot noise and the brightness of planes, and nothing else.

    Unlike `band_pass` this does not bend what lies at the side of a tile, where its background is
    guessed from one side only; that moved the best place of few nuclei by a voxel.

    Parameters
    ----------
    image : ndarray (z, y, x), any real dtype
    fine_vox : float, voxels
        Sigma of the Gaussian that takes the noise off, within planes.

    Returns
    -------
    ndarray of float32, the same shape
    """
    values = image.astype(np.float32)
    values = np.sqrt(values - values.min()) if values.size else values
    values -= values.mean(axis=(1, 2), keepdims=True)
    return ndimage.gaussian_filter(values, (0.0, fine_vox, fine_vox), mode="nearest")


def block_mean(image: np.ndarray, factors: tuple[int, ...]) -> np.ndarray:
    """Return the means of whole blocks of `factors` voxels, float32; a rest at the end is cut.

    Examples
    --------
    >>> block_mean(np.arange(7).reshape(1, 7), (1, 3))
    array([[1., 4.]], dtype=float32)
    """
    if all(f == 1 for f in factors):
        return image.astype(np.float32)
    whole = image[tuple(slice(0, n // f * f) for n, f in zip(image.shape, factors, strict=True))]
    split: list[int] = []
    for n, f in zip(whole.shape, factors, strict=True):
        split += [n // f, f]
    within = tuple(range(1, 2 * image.ndim, 2))
    return whole.reshape(split).mean(axis=within, dtype=np.float32)


def ncc_map(
    a: np.ndarray, b: np.ndarray, lowest: Shift, highest: Shift
) -> tuple[np.ndarray, np.ndarray]:
    """Return the NCC over the overlap, and its significance, at every shift of a window.

    Each score is normalised by the mean and the variance of that shift's own overlap (not of the
    whole arrays), from running sums; the products come from one FFT over all axes jointly.
    The significance is Fisher's z over its standard error; the number of independent voxels
    follows from the two autocorrelations (Bartlett 1946), so smooth images claim no more than
    they know and small overlaps cannot win by chance.

    Parameters
    ----------
    a, b : ndarray, real, the same number of axes
    lowest, highest : tuple of int, voxels
        Window of shifts, both ends included.

    Returns
    -------
    ncc, significance : ndarray of float64, shape highest - lowest + 1
    """
    a = a.astype(np.float32) - np.float32(a.mean(dtype=np.float64))
    b = b.astype(np.float32) - np.float32(b.mean(dtype=np.float64))
    products, correlation_vox = _products(a, b, lowest, highest)
    bounds = [_overlap_bounds(*n) for n in zip(a.shape, b.shape, lowest, highest, strict=True)]
    starts_a, stops_a, starts_b, stops_b = (list(part) for part in zip(*bounds, strict=True))
    counts = np.ones((1,) * a.ndim)
    for axis, (start, stop) in enumerate(zip(starts_a, stops_a, strict=True)):
        line = [1] * a.ndim
        line[axis] = -1
        counts = counts * (stop - start).reshape(line)
    sums = [_box_sums(x, starts_a, stops_a) for x in (a, a * a)]
    sums += [_box_sums(x, starts_b, stops_b) for x in (b, b * b)]
    n = np.maximum(counts, 1)
    cross = products - sums[0] * sums[2] / n
    power = (sums[1] - sums[0] ** 2 / n) * (sums[3] - sums[2] ** 2 / n)
    floor = 1e-10 * max(float(sums[1].max()) * float(sums[3].max()), 1e-30)
    scores = np.zeros_like(cross)
    np.divide(cross, np.sqrt(np.maximum(power, floor)), out=scores, where=power > floor)
    scores = np.clip(scores, -1.0, 1.0)
    independent = np.maximum(counts / correlation_vox - 3.0, 0.0)
    return scores, np.arctanh(np.clip(scores, -0.999999, 0.999999)) * np.sqrt(independent)


def _overlap_bounds(n_a: int, n_b: int, low: int, high: int) -> tuple[np.ndarray, ...]:
    """Return where the overlap starts and stops in a and in b, for each shift along one axis."""
    shifts = np.arange(low, high + 1)
    start = np.clip(shifts, 0, n_a)
    stop = np.maximum(start, np.minimum(n_a, n_b + shifts))
    return start, stop, np.clip(start - shifts, 0, n_b), np.clip(stop - shifts, 0, n_b)


def _box_sums(values: np.ndarray, starts: list[np.ndarray], stops: list[np.ndarray]) -> np.ndarray:
    """Return the sums of `values` over all boxes of the product of intervals, axis by axis."""
    total = values.astype(np.float64)
    for axis, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        running = np.cumsum(total, axis=axis)
        zero = np.zeros_like(running.take([0], axis=axis))
        running = np.concatenate([zero, running], axis=axis)
        total = running.take(stop, axis=axis) - running.take(start, axis=axis)
    return total


def _products(
    a: np.ndarray, b: np.ndarray, lowest: Shift, highest: Shift
) -> tuple[np.ndarray, float]:
    """Return sum over v of a[v + s] b[v] for each shift s, and the correlation volume."""
    # The circle must be long enough that no shift of the window meets its own alias.
    lengths = [
        fft.next_fast_len(max(n_a - low, n_b + high, n_a, n_b), real=True)
        for n_a, n_b, low, high in zip(a.shape, b.shape, lowest, highest, strict=True)
    ]
    spectrum_a = fft.rfftn(a, lengths)
    spectrum_b = fft.rfftn(b, lengths)
    power_a = np.abs(spectrum_a).astype(np.float64) ** 2
    power_b = np.abs(spectrum_b).astype(np.float64) ** 2
    total = float(power_a.sum()) * float(power_b.sum())
    shared = float((power_a * power_b).sum())
    # Half of the spectrum is stored: both sums miss the same half, so the ratio needs a 2.
    volume = shared * math.prod(lengths) / total / 2.0 if total > 0.0 else 1.0
    circle = fft.irfftn(spectrum_a * spectrum_b.conj(), lengths)
    for axis, (low, high) in enumerate(zip(lowest, highest, strict=True)):
        circle = circle.take(np.arange(low, high + 1) % lengths[axis], axis=axis)
    return circle.astype(np.float64), max(1.0, volume)


def peaks(
    ncc_scores: np.ndarray,
    significance: np.ndarray,
    lowest: Shift,
    count: int = 3,
    apart_vox: int = 4,
) -> list[Peak]:
    """Return the most significant shifts, best first, each at least `apart_vox` from the others.

    Significance decides between places, since it does not take a small overlap for a good one.
    Within two voxels of a place the overlap is all but the same and the correlation decides:
    significance would lean towards the larger overlap.

    Examples
    --------
    >>> z = np.zeros((1, 20)); z[0, 3] = 5; z[0, 4] = 4; z[0, 15] = 2
    >>> [p.shift for p in peaks(z / 10, z, lowest=(0, 10), count=2)]
    [(0, 13), (0, 25)]
    """
    left = significance.copy()
    found = []
    for _ in range(count):
        index = np.unravel_index(int(np.argmax(left)), left.shape)
        if not np.isfinite(left[index]):
            break
        best = _highest_near(ncc_scores, index, CLIMB_VOX)
        shift = tuple(int(i) + low for i, low in zip(best, lowest, strict=True))
        found.append(Peak(shift, float(ncc_scores[best]), float(significance[best])))
        near = tuple(slice(max(0, i - apart_vox + 1), i + apart_vox) for i in index)
        left[near] = -np.inf
    return found


def _highest_near(scores: np.ndarray, index: tuple, reach: int) -> tuple[int, ...]:
    """Return the index of the highest score within `reach` of an index."""
    box = tuple(slice(max(0, int(i) - reach), int(i) + reach + 1) for i in index)
    near = np.unravel_index(int(np.argmax(scores[box])), scores[box].shape)
    return tuple(s.start + int(i) for s, i in zip(box, near, strict=True))


def mean_difference_loss(a: np.ndarray, b: np.ndarray, axis: int, most_vox: int) -> np.ndarray:
    """Return the paper's loss for every overlap of 1 .. `most_vox` voxels along `axis`.

    The two arrays are aligned with one voxel of overlap at the edges and stepped in by one voxel;
    the loss is the mean absolute difference over the overlap.

    Parameters
    ----------
    a, b : ndarray of one shape
    axis : int
        The axis along which b follows a.
    most_vox : int, voxels

    Returns
    -------
    sums : ndarray of float64, length `most_vox`
        Loss of the overlap of i + 1 voxels at index i.

    Notes
    -----
    Source: active-learning pipeline paper, section III.D.

    Examples
    --------
    >>> line = np.array([[5, 1, 7, 3, 9, 2]])
    >>> mean_difference_loss(line[:, :4], line[:, 2:], axis=1, most_vox=2).tolist()
    [4.0, 0.0]
    """
    a = np.moveaxis(a, axis, -1).astype(np.float64)
    b = np.moveaxis(b, axis, -1).astype(np.float64)
    width = a.shape[-1]
    return np.array(
        [np.abs(a[..., width - n :] - b[..., :n]).mean() for n in range(1, most_vox + 1)]
    )

"""`pm.filters`: histograms and automatic thresholds, with scikit-image's names and answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import InputError
from .extras import scikit_image
from .images import chains, sources
from .ranks import comm

__all__ = ["histogram", "threshold_isodata", "threshold_otsu", "threshold_yen"]


_MOST_BINS = 1 << 27
"""A histogram with more bins is a mistake: an image of labels, or of wide integers."""


def histogram(image: Any, nbins: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Histogram of all voxels. COLLECTIVE, or LOCAL for an ndarray.

    Parameters
    ----------
    image : DistArray, FileArray or ndarray
        Real numbers.
    nbins : int
        Bins between the smallest and the largest value; images of integers have one bin per value.

    Returns
    -------
    counts : ndarray of int64
        Voxels per bin, equal on all ranks.
    centers : ndarray
        Centre of each bin.

    Raises
    ------
    InputError
        If the image is empty, has NaN or infinite values, or is not of real numbers.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> counts, centers = pm.filters.histogram(np.array([3, 5, 3]))
    >>> counts.tolist(), centers.tolist()
    ([2, 0, 1], [3, 4, 5])
    """
    image, boxes = _prepared(image)
    return _histogram(image, boxes, *_extremes(image, boxes), nbins)


def threshold_otsu(image: Any, nbins: int = 256) -> Any:
    """Threshold that separates two classes best, by Otsu (1979). COLLECTIVE, LOCAL for an ndarray.

    The answer is ``skimage.filters.threshold_otsu`` of the whole image, equal on all ranks.

    Parameters
    ----------
    image : DistArray, FileArray or ndarray
        Real numbers.
    nbins : int
        Bins for images of floats.

    Returns
    -------
    scalar
        Voxels above it are foreground; the value itself where the image has only one.

    Raises
    ------
    InputError
        If the image is empty, has NaN or infinite values, or is not of real numbers.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> int(pm.filters.threshold_otsu(np.array([1, 1, 2, 8, 9, 9])))
    2
    """
    return _threshold("threshold_otsu", image, nbins)


def threshold_yen(image: Any, nbins: int = 256) -> Any:
    """Threshold by Yen, Chang, Chang (1995); otherwise as `threshold_otsu`. COLLECTIVE."""
    return _threshold("threshold_yen", image, nbins)


def threshold_isodata(image: Any, nbins: int = 256) -> Any:
    """Threshold by Ridler and Calvard (1978); otherwise as `threshold_otsu`. COLLECTIVE."""
    return _threshold("threshold_isodata", image, nbins)


def _threshold(name: str, image: Any, nbins: int) -> Any:
    """scikit-image's threshold of the histogram of all ranks' voxels."""
    image, boxes = _prepared(image)
    low, high = _extremes(image, boxes)
    if low == high:
        return low
    return getattr(scikit_image("filters"), name)(hist=_histogram(image, boxes, low, high, nbins))


def _prepared(image: Any) -> tuple[Any, list]:
    image = sources.as_source(image)
    if image.dtype.kind not in "iuf" or 0 in image.shape:
        raise InputError(
            f"a histogram needs an image of real numbers with voxels in it; found dtype "
            f"{image.dtype}, shape {image.shape}"
        )
    return image, chains.rank_boxes([image], sources.team(image)[1])


def _extremes(image: Any, boxes: list) -> tuple[Any, Any]:
    """Smallest and largest value, in the image's dtype."""
    found = [(block.min(), block.max()) for _, (block,) in chains.each([image], boxes)]
    if not sources.is_local(image):
        found = [pair for theirs in comm.world().allgather(found) for pair in theirs]
    if not np.isfinite(np.array(found)).all():
        raise InputError(
            "the image has NaN or infinite values, for which no histogram exists; replace them, "
            "as in pm.where(image == image, image, 0)"
        )
    return min(a for a, _ in found), max(b for _, b in found)


def _histogram(
    image: Any, boxes: list, low: Any, high: Any, nbins: int
) -> tuple[np.ndarray, np.ndarray]:
    """Counts of all ranks, and the centres that scikit-image gives its bins."""
    if image.dtype.kind in "iu":
        nbins = int(high) - int(low) + 1
    if nbins > _MOST_BINS:
        raise InputError(
            f"values from {low} to {high} make {nbins} bins; cast the image to float32 first, "
            "so that it is cut into 256"
        )
    counts = np.zeros(nbins, np.int64)
    for _, (block,) in chains.each([image], boxes):
        if image.dtype.kind in "iu":
            counts += np.bincount((block - low).ravel(), minlength=len(counts))
        else:
            counts += np.histogram(block, bins=nbins, range=(low, high))[0]
    if not sources.is_local(image):
        counts = np.sum(comm.world().allgather_array(counts), axis=0)
    if image.dtype.kind in "iu":
        return counts, np.arange(int(low), int(high) + 1)
    edges = np.histogram_bin_edges(np.array([low, high]), bins=nbins, range=(low, high))
    return counts, (edges[:-1] + edges[1:]) / 2.0

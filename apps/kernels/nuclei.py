"""Find nuclei in a stained volume: the local steps of the segmentation.

Difference of Gaussians, then a marker-controlled 3-D watershed, as in the active-learning
pipeline's batch layer (its section III.D), with two refinements. Seeds are peaks of the response,
less those that share a nucleus with a higher peak: close by, or with no dip on the line between.
Outlines lie at a fraction of each nucleus's own level above its own background, so that dim and
bright nuclei are measured alike; one threshold for all is what costs plain difference of Gaussians
most of its accuracy. What may be a seed at all is in significance.py.

Every function here looks no farther than a known number of voxels, and uses no running sums, so
that a block with its halo gives the very values of the whole image. Lengths are in voxels, per
axis.
"""

import numpy as np

_LINE = 16  # steps between two peaks; a power of two, so that positions are exact in any block
FEW = np.float32(1e-2)  # weight of bright voxels where a mean over dark ones is asked for


def difference_of_gaussians(
    image: np.ndarray, narrow_vox: tuple[float, ...], wide_vox: tuple[float, ...]
) -> np.ndarray:
    """Narrow minus wide Gaussian: bright where something of the narrow size stands out.

    LOCAL. Looks as far as :func:`reach` of the wide Gaussian.

    Parameters
    ----------
    image : ndarray, shape (z, y, x), any real dtype
        Nuclear stain.
    narrow_vox, wide_vox : tuple of float
        Standard deviations (z, y, x), voxels.

    Returns
    -------
    ndarray, float32

    Examples
    --------
    >>> flat = difference_of_gaussians(np.ones((4, 4, 4)), (1, 1, 1), (2, 2, 2))
    >>> bool(abs(flat).max() < 1e-6)
    True
    """
    return gaussian(image, narrow_vox) - gaussian(image, wide_vox)


def gaussian(image: np.ndarray, sigma_vox: tuple[float, ...]) -> np.ndarray:
    """Gaussian filter in float32, cut at 3 standard deviations.

    LOCAL. Looks as far as :func:`reach`.

    Examples
    --------
    >>> gaussian(np.ones((4, 4, 4), np.uint16), (1, 1, 1)).dtype.name
    'float32'
    """
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(np.asarray(image, np.float32), sigma_vox, radius=reach(sigma_vox))


def reach(sigma_vox: tuple[float, ...]) -> tuple[int, ...]:
    """Voxels that a Gaussian looks at on each side: 3 standard deviations.

    LOCAL.

    Examples
    --------
    >>> reach((1.0, 2.1, 2.1))
    (3, 7, 7)
    """
    return tuple(int(np.ceil(3 * s)) for s in sigma_vox)


def contrast(
    image: np.ndarray, foreground: np.ndarray, edge_vox: tuple[float, ...],
    around_vox: tuple[float, ...],
) -> np.ndarray:  # fmt: skip
    """Smoothed image above its local background, which is the mean of what is not foreground.

    LOCAL. Looks as far as :func:`reach` of `around_vox`.

    Parameters
    ----------
    image : ndarray, shape (z, y, x), any real dtype
        Nuclear stain.
    foreground : ndarray of bool
        Where nuclei are, generously.
    edge_vox, around_vox : tuple of float
        Standard deviations of the smoothing and of the background's neighbourhood, voxels.

    Returns
    -------
    ndarray, float32
        Never below 0.

    Examples
    --------
    >>> image = np.full((9, 9, 9), 5.0); image[4, 4, 4] = 90.0
    >>> contrast(image, image > 50, (0.1,) * 3, (2.0,) * 3)[4, 4, 4].round()
    np.float32(85.0)
    """
    image = np.asarray(image, np.float32)
    # Deep in dense tissue no background is in reach: the lesser evil is the neighbourhood's mean.
    weight = np.where(foreground, FEW, 1 + FEW)
    background = gaussian(image * weight, around_vox) / gaussian(weight, around_vox)
    return np.maximum(gaussian(image, edge_vox) - background, 0)


def window(radius_vox: tuple[float, ...]) -> tuple[int, ...]:
    """Half the window of a peak: the radius, rounded, at least 1 voxel.

    LOCAL.

    Examples
    --------
    >>> window((0.3, 1.8, 1.8))
    (1, 2, 2)
    """
    return tuple(max(1, round(r)) for r in radius_vox)


def peaks(
    response: np.ndarray, foreground: np.ndarray, window_vox: tuple[int, ...],
    voxel_um: tuple[float, ...], merge_um: tuple[float, float],
) -> np.ndarray:  # fmt: skip
    """Seeds: one peak of the response for each nucleus.

    LOCAL. Looks as far as `merge_um[1]` and the window. A peak gives way to a higher one when their
    distance is below ``merge_um[0] + (merge_um[1] - merge_um[0]) * r``, where r (0..1) is the
    lowest response on the line between them over the lower peak's.

    Parameters
    ----------
    response : ndarray, shape (z, y, x), float32
        Difference of Gaussians.
    foreground : ndarray of bool
        Where seeds may lie.
    window_vox : (int, int, int)
        Half the window in which a peak is the highest, voxels.
    voxel_um : (float, float, float)
        Voxel size (z, y, x), µm.
    merge_um : (float, float)
        Distance of two peaks of one nucleus at most: with a full dip between them, and with none,
        µm.

    Returns
    -------
    ndarray of bool
        True at the seeds.

    Examples
    --------
    >>> response = np.zeros((1, 1, 40), np.float32); response[0, 0, [5, 8, 30]] = 3, 2, 1
    >>> everywhere = np.ones(response.shape, bool)
    >>> np.flatnonzero(peaks(response, everywhere, (0, 0, 1), (1, 1, 1), (4.0, 6.0))).tolist()
    [5, 30]
    """
    from scipy.ndimage import map_coordinates, maximum_filter
    from scipy.spatial import cKDTree

    highest = maximum_filter(response, size=[2 * w + 1 for w in window_vox], mode="nearest")
    at = np.argwhere((response == highest) & foreground & (response > 0))
    seeds = np.zeros(response.shape, bool)
    seeds[tuple(at.T)] = True
    if len(at) < 2:
        return seeds
    position = at * np.asarray(voxel_um, float)
    pairs = cKDTree(position).query_pairs(merge_um[1], output_type="ndarray")
    if not len(pairs):
        return seeds
    height = response[tuple(at.T)]
    first = pairs.min(axis=1)
    second = pairs.max(axis=1)  # of two equal peaks the one first in C order stays
    lower = np.where(height[first] < height[second], first, second)
    steps = np.arange(_LINE + 1) / _LINE
    line = at[first][:, :, None] + (at[second] - at[first])[:, :, None] * steps
    dip = map_coordinates(response, line.transpose(1, 0, 2), order=1, mode="nearest").min(axis=1)
    ratio = np.clip(dip / height[lower], 0, 1)
    limit = merge_um[0] + (merge_um[1] - merge_um[0]) * ratio
    apart = np.sqrt(((at[first] - at[second]) ** 2 * np.asarray(voxel_um, float) ** 2).sum(axis=1))
    seeds[tuple(at[lower[apart < limit]].T)] = False
    return seeds


def near(seeds: np.ndarray, mask: np.ndarray, radius_vox: tuple[float, ...]) -> np.ndarray:
    """What of a mask lies in the box around a seed.

    LOCAL. Looks as far as the radius, rounded up.

    Examples
    --------
    >>> seeds = np.zeros((1, 1, 9), bool); seeds[0, 0, 2] = True
    >>> np.flatnonzero(near(seeds, np.ones(seeds.shape, bool), (1, 1, 1.5))).tolist()
    [0, 1, 2, 3, 4]
    """
    from scipy.ndimage import maximum_filter

    size = [2 * int(np.ceil(r)) + 1 for r in radius_vox]
    return mask & maximum_filter(seeds, size=size, mode="constant")


def inside_outline(
    basins: np.ndarray, above: np.ndarray, level: np.ndarray, fraction: float
) -> np.ndarray:
    """Voxels of each basin at or above a fraction of the basin's own level.

    LOCAL. Looks at one voxel at a time.

    Parameters
    ----------
    basins : ndarray, integer
        Watershed basins, 0 for background.
    above : ndarray, float32
        Contrast over the local background.
    level : ndarray, shape (n + 1,), float
        Level of each basin by its label; entry 0 is not used.
    fraction : float
        0.5 is the half maximum.

    Returns
    -------
    ndarray of bool

    Examples
    --------
    >>> inside_outline(np.array([0, 1, 1]), np.array([9.0, 3.0, 6.0]), np.array([0.0, 8.0]), 0.5)
    array([False, False,  True])
    """
    return (basins > 0) & (above >= (np.float32(fraction) * level.astype(np.float32))[basins])


def tidy(basins: np.ndarray, mask: np.ndarray, radius_vox: tuple[float, ...]) -> np.ndarray:
    """Round off outlines: in each basin, the majority within a small ellipsoid decides.

    LOCAL. Looks as far as the radius, rounded up.

    Parameters
    ----------
    basins : ndarray, integer
        Watershed basins, 0 for background.
    mask : ndarray of bool
        Inside of the outlines.
    radius_vox : tuple of float
        Half axes of the ellipsoid, voxels; below 1 along all axes nothing changes.

    Returns
    -------
    ndarray of `basins`' dtype
        The basins within the rounded outlines, 0 elsewhere.

    Examples
    --------
    >>> mask = np.zeros((5, 5, 5), bool); mask[1:4, 1:4, 1:4] = True; mask[2, 2, 2] = False
    >>> int(tidy(np.full(mask.shape, 7), mask, (1, 1, 1))[2, 2, 2])
    7
    """
    from scipy.ndimage import convolve

    ball = ellipsoid(radius_vox)
    votes = convolve(mask.astype(np.int16), ball.astype(np.int16), mode="nearest")
    return np.where(votes > int(ball.sum()) // 2, basins, 0).astype(basins.dtype)


def ellipsoid(radius_vox: tuple[float, ...]) -> np.ndarray:
    """Structuring element: an ellipsoid of the given half axes, voxels.

    LOCAL.

    Examples
    --------
    >>> int(ellipsoid((1, 1, 1)).sum())
    7
    """
    half = [int(r) for r in radius_vox]
    grid = np.ogrid[tuple(slice(-h, h + 1) for h in half)]
    scaled = ((g / max(r, 1e-9)) ** 2 for g, r in zip(grid, radius_vox, strict=True))
    return sum(scaled) <= 1.0 + 1e-9


def renumber(labels: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Replace each label by its entry in a table.

    LOCAL.

    Examples
    --------
    >>> renumber(np.array([0, 2, 1]), np.array([0, 0, 1])).tolist()
    [0, 1, 0]
    """
    return new.astype(np.uint32)[labels]

"""Spots of a marker channel: where it is brightest, at the scale of a nucleus."""

import numpy as np

import pmap as pm

SPOT_SIGMA = 0.2
"""Sigma of the finer Gaussian in diameters: it flattens texture and keeps neighbours apart."""

BACKGROUND_SIGMA = 0.8
"""Sigma of the coarser one: what is wider than a nucleus is background."""


def find_spots(image: object, diameter_um: float, voxel_um: tuple[float, ...]) -> np.ndarray:
    """Return where spots of about the given diameter are brightest. COLLECTIVE.

    Parameters
    ----------
    image : FileArray, DistArray or ndarray (z, y, x)
    diameter_um : float, um
    voxel_um : tuple of float, um

    Returns
    -------
    ndarray of float64, shape (spots, 3), voxels
        Sorted by z, y, x; no rows where nothing stands out.

    Notes
    -----
    Difference of Gaussians, Otsu's threshold, and its maxima within half a diameter.

    Examples
    --------
    >>> image = np.zeros((9, 40, 40)); image[4, 10:13, 10:13] = image[4, 28:31, 20:23] = 100
    >>> find_spots(image, 5.0, (1.0, 1.0, 1.0)).tolist()
    [[4.0, 11.0, 11.0], [4.0, 29.0, 21.0]]
    """
    voxel = np.array(voxel_um)
    fine = pm.ndimage.gaussian_filter(image, SPOT_SIGMA * diameter_um / voxel, output=np.float32)
    wide = pm.ndimage.gaussian_filter(
        image, BACKGROUND_SIGMA * diameter_um / voxel, output=np.float32
    )
    contrast = pm.map_blocks(np.subtract, fine, wide)
    least = max(float(pm.filters.threshold_otsu(contrast)), 0.0)
    size = [2 * max(1, round(diameter_um / 4 / v)) + 1 for v in voxel]
    highest = pm.ndimage.maximum_filter(contrast, size=size)

    def tops(values: np.ndarray, around: np.ndarray) -> np.ndarray:
        return (values == around) & (values > least)

    labels = pm.measure.label(pm.map_blocks(tops, contrast, highest, dtype=bool))
    found = pm.measure.regionprops_table(labels, properties=("label", "centroid"))
    return np.stack([found[f"centroid-{i}"] for i in range(3)], axis=1)

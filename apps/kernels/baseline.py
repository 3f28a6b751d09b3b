"""The comparator: nuclei by plain scikit-image, as a competent user would write it.

Difference of Gaussians, Otsu's threshold, distance transform, one seed per peak of the distance,
watershed, and a size filter. It looks at the whole image at once.
"""

import numpy as np


def plain_nuclei(
    image: np.ndarray, voxel_um: tuple[float, float, float], diameter_um: float
) -> np.ndarray:
    """Segment nuclei by difference of Gaussians, Otsu and watershed (scikit-image's usual recipe).

    LOCAL.

    Parameters
    ----------
    image : ndarray, shape (z, y, x), any real dtype
        Nuclear stain.
    voxel_um : (float, float, float)
        Voxel size (z, y, x), µm.
    diameter_um : float
        Typical diameter of a nucleus, µm.

    Returns
    -------
    ndarray, int32
        Labels, 0 for background.

    Examples
    --------
    >>> plain_nuclei(np.zeros((8, 8, 8)), (1.0, 1.0, 1.0), 4.0).max()
    np.int32(0)
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter
    from skimage.feature import peak_local_max
    from skimage.filters import threshold_otsu
    from skimage.measure import label
    from skimage.morphology import remove_small_objects
    from skimage.segmentation import watershed

    scale = diameter_um / np.asarray(voxel_um)
    source = image.astype(np.float32)
    response = gaussian_filter(source, 0.1 * scale) - gaussian_filter(source, 0.6 * scale)
    if np.ptp(response) == 0:
        return np.zeros(image.shape, np.int32)
    mask = response > threshold_otsu(response)
    smallest = 0.1 * np.pi / 6 * float(np.prod(scale))
    mask = remove_small_objects(mask, max_size=int(smallest))
    distance = gaussian_filter(
        distance_transform_edt(mask, sampling=voxel_um).astype(np.float32), 0.05 * scale
    )
    footprint = np.ones([max(3, 2 * int(0.25 * s) + 1) for s in scale], bool)
    peaks = peak_local_max(distance, footprint=footprint, labels=label(mask), exclude_border=False)
    markers = np.zeros(image.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-distance, markers, mask=mask)

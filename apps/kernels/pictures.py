"""Pictures of slices: grey image, coloured outlines, dots and a scale bar, as RGB arrays."""

import base64
import io

import numpy as np
from scipy import ndimage

COLOURS = {
    "neuron": (255, 74, 74),
    "glia": (72, 164, 255),
    "unclassified": (255, 208, 60),
}
"""Outline colour of each class, the same in every picture and chart."""

DARK_PERCENTILE = 1.0
BRIGHT_PERCENTILE = 99.7


def grey(image: np.ndarray) -> np.ndarray:
    """Stretch a slice to uint8 between its dark and bright percentiles.

    Parameters
    ----------
    image : ndarray, shape (y, x)

    Returns
    -------
    ndarray, shape (y, x), uint8

    Examples
    --------
    >>> grey(np.array([[0, 50], [50, 100]])).tolist()
    [[0, 126], [126, 255]]
    """
    low, high = np.percentile(image, [DARK_PERCENTILE, BRIGHT_PERCENTILE])
    if high <= low:
        return np.zeros(image.shape, np.uint8)
    scaled = (np.asarray(image, np.float64) - low) / (high - low)
    return (np.clip(scaled, 0, 1) * 255).astype(np.uint8)


def outlines(labels: np.ndarray, width_px: int = 1) -> np.ndarray:
    """Pixels of an object that lie at its border: next to another label or to background.

    Parameters
    ----------
    labels : ndarray of int, shape (y, x)
    width_px : int
        Width of the line, inwards.

    Returns
    -------
    ndarray of bool, shape (y, x)

    Examples
    --------
    >>> outlines(np.pad(np.ones((3, 3), int), 1)).astype(int)[2]
    array([0, 1, 0, 1, 0])
    """
    size = 2 * width_px + 1
    low = ndimage.minimum_filter(labels, size, mode="nearest")
    high = ndimage.maximum_filter(labels, size, mode="nearest")
    return (labels > 0) & (low != high)


def overlay(
    image: np.ndarray,
    labels: np.ndarray,
    class_of_label: dict[int, str],
    *,
    zoom: int = 1,
    width_px: int = 1,
) -> np.ndarray:
    """A grey slice with each object outlined in the colour of its class.

    Parameters
    ----------
    image : ndarray, shape (y, x)
    labels : ndarray of int, shape (y, x)
        0 is background.
    class_of_label : dict
        Label to class; a label that is missing counts as unclassified.
    zoom : int
        Pixels per voxel.
    width_px : int
        Width of the outlines after zooming.

    Returns
    -------
    ndarray, shape (y * zoom, x * zoom, 3), uint8
    """
    picture = np.repeat(enlarged(grey(image), zoom)[..., None], 3, axis=-1)
    found, compact = np.unique(labels, return_inverse=True)
    compact = smooth_labels(compact.reshape(labels.shape), zoom)
    line = outlines(compact, width_px) & (found[compact] != 0)
    palette = np.array(
        [COLOURS[class_of_label.get(int(v), "unclassified")] for v in found], np.uint8
    )
    picture[line] = palette[compact[line]]
    return picture


def enlarged(image: np.ndarray, zoom: int) -> np.ndarray:
    """A uint8 slice with `zoom` pixels per voxel, interpolated."""
    if zoom == 1:
        return image
    big = ndimage.zoom(image.astype(np.float32), zoom, order=1, grid_mode=True, mode="nearest")
    return np.clip(big, 0, 255).astype(np.uint8)


def smooth_labels(labels: np.ndarray, zoom: int) -> np.ndarray:
    """Labels with `zoom` pixels per voxel; their outer borders cut the corners of voxels."""
    if zoom == 1:
        return labels
    big = np.repeat(np.repeat(labels, zoom, axis=0), zoom, axis=1)
    inside = enlarged((labels > 0) * np.uint8(255), zoom) > 127
    spread = ndimage.maximum_filter(big, zoom + 1, mode="nearest")
    return np.where(inside, np.where(big > 0, big, spread), 0)


def dots(picture: np.ndarray, yx_px: np.ndarray, colours: np.ndarray, radius_px: float = 2) -> None:
    """Draw a filled circle with a dark rim at each position, in place.

    Parameters
    ----------
    picture : ndarray, shape (y, x, 3), uint8
    yx_px : ndarray, shape (n, 2)
        Centres, pixels.
    colours : ndarray, shape (n, 3), uint8
    radius_px : float
    """
    reach = int(np.ceil(radius_px + 1))
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(dy, dx)
    for inside, rim in ((distance <= radius_px + 1, True), (distance <= radius_px, False)):
        for (y, x), colour in zip(np.round(yx_px).astype(int), colours, strict=True):
            yy, xx = y + dy[inside], x + dx[inside]
            good = (yy >= 0) & (xx >= 0) & (yy < picture.shape[0]) & (xx < picture.shape[1])
            picture[yy[good], xx[good]] = (0, 0, 0) if rim else colour


def scale_bar(picture: np.ndarray, px_per_um: float) -> float:
    """Draw a white bar of a round length in the lower right corner, in place.

    Returns
    -------
    float
        Its length, microns: 1, 2 or 5 times a power of ten, about a fifth of the width.
    """
    length_um = round_length(0.2 * picture.shape[1] / px_per_um)
    n_px = max(1, round(length_um * px_per_um))
    height, margin = max(3, picture.shape[0] // 120), max(6, picture.shape[0] // 40)
    y, x = picture.shape[0] - margin, picture.shape[1] - margin
    picture[y - height - 1 : y + 1, max(0, x - n_px - 1) : x + 1] = 0
    picture[y - height : y, max(0, x - n_px) : x] = 255
    return length_um


def round_length(length: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above `length`.

    Examples
    --------
    >>> round_length(34.0), round_length(0.7)
    (20.0, 0.5)
    """
    power = 10.0 ** np.floor(np.log10(length))
    return float(next(k * power for k in (5, 2, 1) if k * power <= length * (1 + 1e-9)))


def densest_window(weights: np.ndarray, shape: tuple[int, int]) -> tuple[int, int]:
    """Corner (y, x) of the window of `shape` that holds most weight.

    Examples
    --------
    >>> weights = np.zeros((8, 8)); weights[5:7, 1:3] = 1
    >>> densest_window(weights, (2, 2))
    (5, 1)
    """
    size = tuple(min(n, m) for n, m in zip(shape, weights.shape, strict=True))
    total = np.pad(np.cumsum(np.cumsum(weights, 0, dtype=np.float64), 1), ((1, 0), (1, 0)))
    h, w = size
    sums = total[h:, w:] - total[:-h, w:] - total[h:, :-w] + total[:-h, :-w]
    return tuple(int(v) for v in np.unravel_index(np.argmax(sums), sums.shape))


def png(picture: np.ndarray) -> bytes:
    """A picture, uint8 grey or RGB, as the bytes of a PNG."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


def data_uri(picture: np.ndarray) -> str:
    """A picture as a data URI for an HTML page that stands alone."""
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode("ascii")

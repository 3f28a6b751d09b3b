"""Small volumes, and the filters that are compared with SciPy: name -> keyword arguments."""

import numpy as np

MODES = ("reflect", "nearest", "mirror", "constant", "wrap")

CROSS = np.zeros((3, 3, 3), bool)
CROSS[1, 1, :] = CROSS[1, :, 1] = CROSS[:, 1, 1] = True

FILTERS = {
    "gaussian_filter": {"sigma": (0.8, 1.5, 0.0)},
    "gaussian_filter1d": {"sigma": 1.2, "axis": 0, "order": 1},
    "gaussian_laplace": {"sigma": 1.1, "truncate": 2.0},
    "gaussian_gradient_magnitude": {"sigma": (1.0, 0.5, 0.7)},
    "uniform_filter": {"size": (3, 4, 5), "origin": (0, 1, -1)},
    "uniform_filter1d": {"size": 4, "axis": 0},
    "minimum_filter": {"size": (3, 1, 5)},
    "maximum_filter": {"footprint": CROSS},
    "minimum_filter1d": {"size": 5, "axis": -3, "origin": 1},
    "maximum_filter1d": {"size": 4, "axis": 1},
    "median_filter": {"size": 3},
    "percentile_filter": {"percentile": 30, "size": (3, 2, 3)},
    "rank_filter": {"rank": -2, "footprint": CROSS, "origin": (1, 0, 0)},
    "grey_erosion": {"size": (3, 4, 3), "origin": (0, -1, 1)},
    "grey_dilation": {"structure": CROSS * 2.0},
    "grey_opening": {"size": 3},
    "grey_closing": {"footprint": CROSS},
    "white_tophat": {"size": (5, 3, 3)},
    "black_tophat": {"size": 3},
    "morphological_gradient": {"size": 3},
    "morphological_laplace": {"size": 3},
    "convolve": {"weights": np.arange(18.0).reshape(3, 2, 3), "origin": (0, 0, 1)},
    "correlate": {"weights": np.arange(30.0).reshape(5, 2, 3)},
    "convolve1d": {"weights": [1, 2, 5, 1], "axis": 0},
    "correlate1d": {"weights": [1, 0, -1], "axis": 1},
    "sobel": {"axis": 0},
    "prewitt": {},
    "laplace": {},
    "generic_filter": {"function": np.ptp, "size": (3, 1, 2)},
}

BINARY = {
    "binary_erosion": {"iterations": 2, "border_value": 1},
    "binary_dilation": {"structure": np.ones((3, 3, 1), bool), "origin": (1, 0, 0)},
    "binary_opening": {"iterations": 2},
    "binary_closing": {"structure": np.ones((3, 3, 3), bool)},
}


def volume(shape, dtype=np.float32, seed=0):
    """Random voxels with everything that a dtype may hold in common images."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 100, shape).astype(dtype)
    return rng.integers(0, 200, shape).astype(dtype)


def cells(shape, seed=0, n=40, radius=(2.0, 4.5)):
    """Balls of light that touch each other: (image float32, mask, seeds of int32)."""
    rng = np.random.default_rng(seed)
    at = np.indices(shape).astype(np.float32)
    image, seeds = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
    for i in range(n):
        centre = [rng.integers(0, m) for m in shape]
        distance = sum((a - c) ** 2 for a, c in zip(at, centre, strict=True))
        image = np.maximum(image, np.exp(-distance / rng.uniform(*radius) ** 2))
        seeds[tuple(centre)] = i + 1
    image += rng.random(shape, np.float32) * np.float32(1e-3)
    return image.astype(np.float32), image > 0.3, seeds

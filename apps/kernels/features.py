"""The numbers that a classifier sees of a nucleus: the active-learning pipeline's six features.

Volume, diameter, and mean, standard deviation, skew and kurtosis of the intensity (its section
III.D). A tile has a gain and a background of its own, so mean and standard deviation are given
relative to the tile: minus the median over its nuclei, over their spread (median absolute
deviation).
"""

from collections.abc import Mapping

import numpy as np

FEATURES = ("volume_um3", "diameter_um", "mean", "std", "skew", "kurtosis")
PER_TILE = ("mean", "std")
FEWEST = 8
"""A tile with fewer nuclei is normalised by those of all tiles."""

_NORMAL = 1.4826  # standard deviation of a normal distribution over its median absolute deviation


def feature_matrix(table: Mapping[str, np.ndarray]) -> np.ndarray:
    """Features of all nuclei, one row each.

    LOCAL.

    Parameters
    ----------
    table : mapping of str -> ndarray, shape (n,)
        Columns of cells.csv: the six features and `tile`.

    Returns
    -------
    ndarray, shape (n, 6), float64
        Columns as in :data:`FEATURES`, finite: what is not defined (the skew of a flat nucleus) is
        0.

    Examples
    --------
    >>> columns = {name: np.arange(3.0) for name in FEATURES} | {"tile": np.array(["r0_c0"] * 3)}
    >>> feature_matrix(columns)[:, 2].round(2).tolist()
    [-0.67, 0.0, 0.67]
    """
    x = np.column_stack([np.asarray(table[name], float) for name in FEATURES])
    x[~np.isfinite(x)] = 0.0
    tile = np.asarray(table["tile"])
    for column in (FEATURES.index(name) for name in PER_TILE):
        x[:, column] = _relative(x[:, column], tile)
    return x


def _relative(values: np.ndarray, tile: np.ndarray) -> np.ndarray:
    """Values relative to the nuclei of their own tile."""
    out = np.empty_like(values)
    for name in np.unique(tile):
        mine = tile == name
        like = values[mine] if mine.sum() >= FEWEST else values
        middle = np.median(like)
        spread = _NORMAL * np.median(np.abs(like - middle))
        out[mine] = (values[mine] - middle) / (spread if spread > 0 else 1.0)
    return out

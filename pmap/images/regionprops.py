"""Properties of one object that scikit-image computes, from the object cut out whole."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError, UnsupportedError
from ..extras import scikit_image
from . import sources
from .tiling import Box


def check_name(name: str, arrays: list) -> None:
    """Refuse a property that scikit-image lacks, or that gives an array per object."""
    columns = scikit_image("measure._regionprops")
    known = columns.PROPS.get(name, name)
    if known not in columns.COL_DTYPES:
        raise InputError(
            f"property {name!r} is not known; use one of "
            f"{sorted({*columns.COL_DTYPES, 'intensity_skew', 'intensity_kurtosis'})}"
        )
    if columns.COL_DTYPES[known] is object and not sources.is_local(*arrays):
        raise UnsupportedError(
            f"property {name!r} is an array per object; ask for 'bbox' and read the box of the "
            "object, or give a reduction of it in extra_properties"
        )


def values_of(
    labels: np.ndarray,
    intensity: np.ndarray | None,
    row: np.ndarray,
    box: Box,
    spacing: np.ndarray,
    names: list[str],
    extra: tuple,
) -> list[Any]:
    """Values that scikit-image gives for one object, which is cut out with its bounding box."""
    ndim = labels.ndim
    start = [s.start for s in box]
    crop = tuple(
        slice(int(row[2 + a] - start[a]), int(row[2 + ndim + a] - start[a])) for a in range(ndim)
    )
    mask = (labels[crop] == row[0]).astype(np.uint8)
    values = None if intensity is None else intensity[crop]
    region = scikit_image("measure").regionprops(
        mask,
        values,
        extra_properties=extra or None,
        spacing=tuple(spacing),
        offset=tuple(int(i) for i in row[2 : 2 + ndim]),
    )[0]
    return [region[name] for name in names]


def kind_of(name: str) -> type | None:
    """Type of a column in scikit-image's tables: int, float, object; None for a user's function."""
    columns = scikit_image("measure._regionprops")
    return columns.COL_DTYPES.get(columns.PROPS.get(name, name))

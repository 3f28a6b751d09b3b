"""`pm.measure`: connected components and tables of regions, with scikit-image's names."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import scipy.ndimage as ndi

from .errors import InputError, ShapeError, UnsupportedError
from .extras import scikit_image
from .images import sources
from .images.components import components
from .images.labelling import label_boxes
from .images.regiontable import regionprops_table

__all__ = ["label", "regionprops_table"]


def label(
    label_image: Any,
    background: int | None = None,
    return_num: bool = False,
    connectivity: int | None = None,
    *,
    structure: Any = None,
    dtype: Any = None,
) -> Any:
    """Label connected components. COLLECTIVE, or LOCAL for an ndarray.

    The numbers are SciPy's for the whole array: components are counted in the C order of their
    first voxels, at any number of ranks, for any map and any blocks.

    Parameters
    ----------
    label_image : DistArray, FileArray or ndarray, bool or integer
        Voxels of equal nonzero value are connected (scikit-image's rule); with `structure`, any
        nonzero voxels of any type are (SciPy's rule). For masks the two are the same.
    background : int, optional
        Value of the background: 0.
    return_num : bool
        Also give the number of components.
    connectivity : int, optional
        Steps along axes to a neighbour: 1 is faces only, ndim (where omitted, as in
        scikit-image) is all neighbours, diagonals included.
    structure : array of bool, shape (3,) * ndim, optional
        Which neighbours are connected, in place of `connectivity`; symmetric about its centre.
    dtype : dtype, optional
        Type of the labels: int32, or int64 from 2**31 - 2 voxels on.

    Returns
    -------
    labels : DistArray, FileArray or ndarray
        As `label_image`: of the same map, a scratch file, or an ndarray.
    n : int
        Only with `return_num`.

    Raises
    ------
    ShapeError
        If `structure` has not 3 entries along each axis.
    InputError
        If `connectivity` is out of range, or a float image is given without `structure`.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> mask = np.array([[1, 0, 1], [0, 1, 0]], bool)
    >>> pm.measure.label(mask, connectivity=1)
    array([[1, 0, 2],
           [0, 3, 0]], dtype=int32)
    >>> pm.measure.label(mask, return_num=True)[1]
    1
    """
    image = sources.as_source(label_image)
    if background not in (None, 0):
        raise UnsupportedError(f"background={background}: label (image != {background}) instead")
    by_value = structure is None and image.dtype.kind in "iu"
    if structure is None and image.dtype.kind not in "biu":
        raise InputError(
            f"label: an image of dtype {image.dtype} has no regions of equal value; give a mask, "
            "as in label(image > threshold), or structure= for SciPy's rule"
        )
    structure = _structure(structure, connectivity, image.ndim)
    kind = np.dtype(dtype or (np.int32 if image.size < 2**31 - 2 else np.int64))
    kernel = partial(_by_value if by_value else components, structure=structure, dtype=kind)
    if sources.is_local(image):
        labels, n = kernel(image)
    else:
        labels, n = label_boxes(image, kernel, structure, kind, by_value)
    return (labels, n) if return_num else labels


def _structure(structure: Any, connectivity: int | None, ndim: int) -> np.ndarray:
    """The neighbourhood as an array of bool, checked."""
    if structure is None:
        c = ndim if connectivity is None else connectivity
        if not 1 <= c <= max(ndim, 1):
            raise InputError(f"connectivity is {c}; it must be between 1 and {ndim}")
        return ndi.generate_binary_structure(ndim, c)
    structure = np.asarray(structure, bool)
    if structure.shape != (3,) * ndim:
        raise ShapeError(f"structure has shape {structure.shape}; it must be {(3,) * ndim}")
    if not np.array_equal(structure, np.flip(structure)):
        raise InputError("structure must be symmetric about its centre")
    return structure


def _by_value(block: np.ndarray, structure: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, int]:
    """Components of equal value; a plain mask goes to SciPy, which is faster."""
    high = block.max(initial=0)
    if block.min(initial=0) >= 0 and high <= 1:
        return components(block, structure, dtype)
    label_values = scikit_image("measure").label
    connectivity = _steps(structure)
    labels, n = label_values(block, connectivity=connectivity, return_num=True, background=0)
    return labels.astype(dtype, copy=False), int(n)


def _steps(structure: np.ndarray) -> int:
    """The connectivity that a generated structure was made with."""
    away = np.abs(np.argwhere(structure) - 1).sum(axis=1)
    return int(away.max(initial=1))

"""Tables of regions: each object is measured once, whole, by one rank.

Pass 1 goes over the blocks and adds up voxels and bounding boxes: integers, known to all ranks
afterwards. In pass 2 the rank whose block holds the low corner of an object's bounding box reads
all of the object, with halo as far as its box goes, and measures it. So the numbers do not depend
on blocks, maps or ranks. An object much larger than a block is read by itself, slab by slab, its
sums going on from slab to slab (whole, if a column needs scikit-image).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

import numpy as np

from ..errors import InputError
from ..ranks import comm
from . import chains, sources
from .regionprops import check_name, kind_of, values_of
from .regionstats import Columns, LargeRegion, RegionVoxels, bounds, merged, sums_of
from .tiling import Box, box_shape

_FAST = {
    "centroid": True,
    "centroid_weighted": True,
    "intensity_mean": False,
    "intensity_min": False,
    "intensity_max": False,
    "intensity_std": False,
    "intensity_skew": False,
    "intensity_kurtosis": False,
}
"""Columns of `Columns` -> whether there is one per axis."""

_OLD_NAMES = {
    "mean_intensity": "intensity_mean",
    "min_intensity": "intensity_min",
    "max_intensity": "intensity_max",
    "weighted_centroid": "centroid_weighted",
}

_FROM_BOUNDS = (
    "label",
    "bbox",
    "area",
    "num_pixels",
    "area_bbox",
    "extent",
    "equivalent_diameter_area",
)

_LARGE_VOX = 1 << 22
"""Objects with a larger bounding box are read one by one, in slabs of about this size."""


def regionprops_table(
    label_image: Any,
    intensity_image: Any = None,
    properties: Sequence[str] = ("label", "bbox"),
    *,
    separator: str = "-",
    extra_properties: Iterable[Callable] | None = None,
    spacing: float | Sequence[float] | None = None,
) -> dict[str, np.ndarray]:
    """Properties of labelled regions as a table. COLLECTIVE, or LOCAL for ndarrays.

    The numbers are the same to the last bit at any number of ranks, for any map and any blocks.

    Parameters
    ----------
    label_image : DistArray, FileArray or ndarray of int
        Labels; 0 is background.
    intensity_image : DistArray, FileArray or ndarray of the same shape, optional
        Values of the voxels.
    properties : sequence of str
        scikit-image's names, and "intensity_skew", "intensity_kurtosis" (population moments,
        Fisher's kurtosis; NaN for a constant region). The sizes, centroids and intensity columns
        are vectorised; the others call scikit-image for each object.
    separator : str
        Between the name and the index of a column: "centroid-0".
    extra_properties : iterable of callable, optional
        ``f(mask)`` or ``f(mask, intensity)`` of one object, as in scikit-image.
    spacing : float or sequence of float, optional
        Length of a voxel along each axis; 1 where omitted.

    Returns
    -------
    dict of str -> ndarray
        One entry per column, sorted by label, equal on all ranks.

    Raises
    ------
    ShapeError, InputError, UnsupportedError
        If the shapes differ, a property needs an intensity image or is not known, or would give
        an array per object (such as "coords") from arrays in pieces.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> table = pm.measure.regionprops_table(np.array([[1, 1], [0, 2]]), properties=("area",))
    >>> table["area"].tolist()
    [2.0, 1.0]
    """
    labels = sources.as_source(label_image)
    arrays = [labels]
    if intensity_image is not None:
        arrays.append(sources.as_source(intensity_image))
    shape = sources.same_shape(*arrays)
    spacing = np.broadcast_to(1.0 if spacing is None else spacing, len(shape)).astype(float)
    extra = tuple(extra_properties or ())
    names = [*properties, *(f.__name__ for f in extra)]
    slow = _slow_names(names, extra, arrays)
    if labels.dtype.kind not in "iu":
        raise InputError(f"label_image has dtype {labels.dtype}; it must be of integers")
    rank, n_ranks = sources.team(*arrays)
    boxes = chains.rank_boxes(arrays, n_ranks)
    table = _all_bounds(labels, boxes)
    fast = [_OLD_NAMES.get(n, n) for n in names]
    fast = list(dict.fromkeys(n for n in fast if n in _FAST))
    columns = _from_bounds(table, spacing)
    if fast or slow:
        owners = _owners(table, boxes)
        columns.update(_measure(arrays, table, owners, rank, spacing, fast, slow, extra))
    return _as_table(names, columns, separator)


def _slow_names(names: list[str], extra: tuple, arrays: list) -> list[str]:
    """The columns that scikit-image itself computes, after checking all names."""
    new = {f.__name__ for f in extra}
    found = []
    for name in names:
        name = _OLD_NAMES.get(name, name)
        if name in new:
            found.append(name)
        elif name not in _FAST and name not in _FROM_BOUNDS:
            check_name(name, arrays)
            found.append(name)
        if len(arrays) == 1 and name not in new and _needs_intensity(name):
            raise InputError(f"property {name!r} needs an intensity_image; none was given")
    return list(dict.fromkeys(found))


def _needs_intensity(name: str) -> bool:
    return any(word in name for word in ("intensity", "weighted"))


def _all_bounds(labels: Any, boxes: list[list[Box]]) -> np.ndarray:
    """Rows of `bounds` of all regions, by label, on all ranks."""
    width = 2 + 2 * len(labels.shape)
    parts = [np.empty((0, width), np.int64)]
    for box, (block,) in chains.each([labels], boxes):
        parts.append(bounds(block, [s.start for s in box]))
    mine = merged(np.concatenate(parts))
    if len(boxes) == 1:
        every = mine
    else:
        flat = comm.world().allgather_array(mine.ravel())
        every = merged(np.concatenate(flat).reshape(-1, width))
    if len(every) and every[0, 0] < 0:
        raise InputError(f"label_image has negative labels, {every[0, 0]} among them")
    return every


def _owners(table: np.ndarray, boxes: list[list[Box]]) -> list[list[np.ndarray]]:
    """For each box of each rank the rows of the table whose low corner lies in it."""
    ndim = (table.shape[1] - 2) // 2
    starts = [np.unique([box[a].start for mine in boxes for box in mine]) for a in range(ndim)]
    cells = [len(s) for s in starts]

    def cell(corners: np.ndarray) -> np.ndarray:
        at = [np.searchsorted(starts[a], corners[:, a], "right") - 1 for a in range(ndim)]
        return np.ravel_multi_index(at, cells)

    cell_of = cell(table[:, 2 : 2 + ndim])
    order = np.argsort(cell_of, kind="stable")
    out = []
    for mine in boxes:
        keys = cell(np.array([[s.start for s in box] for box in mine]).reshape(-1, ndim))
        spans = np.searchsorted(cell_of[order], [keys, keys + 1]).T
        out.append([np.sort(order[a:b]) for a, b in spans])
    return out


def _box_around(table: np.ndarray, rows: np.ndarray) -> Box:
    """The smallest box around the objects in `rows`."""
    ndim = (table.shape[1] - 2) // 2
    start = table[rows, 2 : 2 + ndim].min(axis=0)
    stop = table[rows, 2 + ndim :].max(axis=0)
    return tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))


def _slabs(box: Box) -> list[Box]:
    """`box` cut along its first axis into slabs of about `_LARGE_VOX` voxels."""
    n, *others = box_shape(box)
    thick = max(1, _LARGE_VOX // prod(others))
    at = range(box[0].start, box[0].stop, thick)
    return [(slice(i, min(i + thick, box[0].stop)), *box[1:]) for i in at]


def _measure(
    arrays: list,
    table: np.ndarray,
    owners: list[list[np.ndarray]],
    rank: int,
    spacing: np.ndarray,
    fast: list[str],
    slow: list[str],
    extra: tuple,
) -> dict[str, np.ndarray]:
    """Measure this rank's objects and bring the columns of all ranks together."""
    if not len(table):
        return _empty_columns(fast, slow, extra, arrays)
    ndim = len(spacing)
    large = np.prod(table[:, 2 + ndim :] - table[:, 2 : 2 + ndim], axis=1, dtype=float) > _LARGE_VOX
    jobs = [[rows[~large[rows]] for rows in mine] for mine in owners]
    jobs = [[rows for rows in mine if len(rows)] for mine in jobs]
    alone = [[row for rows in mine for row in rows[large[rows]]] for mine in owners]
    if slow:  # scikit-image needs the object whole
        jobs = [a + [np.array([row]) for row in b] for a, b in zip(jobs, alone, strict=True)]
        alone = [[] for _ in alone]
    numbers, lists, done = [], [], []
    mine = iter(jobs[rank])
    for box, parts in chains.each(arrays, [[_box_around(table, r) for r in m] for m in jobs]):
        rows, intensity = next(mine), parts[1] if len(parts) > 1 else None
        done.append(rows)
        if fast:
            start = [s.start for s in box]
            voxels = RegionVoxels(parts[0], intensity, table[rows], start, spacing)
            numbers.append(_numbers(voxels, fast))
        for row in table[rows] if slow else ():
            lists.append(values_of(parts[0], intensity, row, box, spacing, slow, extra))
    for row, region in _stream(arrays, table, alone, rank, spacing, fast).items():
        done.append(np.array([row]))
        numbers.append(_numbers(region, fast))
    rows = np.concatenate([np.empty(0, np.int64), *done])
    width = sum(ndim if _FAST[n] else 1 for n in fast)
    columns = {}
    if fast:
        numbers = np.concatenate([np.empty((0, width)), *numbers])
        columns = _split_columns(_together(rows, numbers, len(jobs)), fast, ndim)
    columns.update(_slow_columns(rows, lists, slow, len(jobs)))
    return columns


def _numbers(regions: Columns, names: list[str]) -> np.ndarray:
    """Columns side by side, shape (regions, numbers)."""
    n = len(regions.table)
    return np.concatenate([regions.column(name).reshape(n, -1) for name in names], axis=1)


def _stream(
    arrays: list,
    table: np.ndarray,
    large: list[list[int]],
    rank: int,
    spacing: np.ndarray,
    names: list[str],
) -> dict[int, LargeRegion]:
    """Sums of this rank's large objects, read slab by slab. COLLECTIVE."""
    regions = {row: LargeRegion(table[[row]], spacing) for row in large[rank]}
    slabs = [
        [(row, slab) for row in mine for slab in _slabs(_box_around(table, np.array([row])))]
        for mine in large
    ]
    for sums in sums_of(names, len(spacing)):
        rows = iter([row for row, _ in slabs[rank]])
        if not sums:
            continue
        for box, parts in chains.each(arrays, [[slab for _, slab in mine] for mine in slabs]):
            row, start = next(rows), [s.start for s in box]
            intensity = parts[1] if len(parts) > 1 else None
            slab = RegionVoxels(parts[0], intensity, table[[row]], start, spacing)
            regions[row].take(slab, sums)
    return regions


def _together(rows: np.ndarray, numbers: np.ndarray, n_ranks: int) -> np.ndarray:
    """Numbers of all ranks' rows, in the order of the rows, on all ranks."""
    if n_ranks > 1:
        width = numbers.shape[1]
        rows = np.concatenate(comm.world().allgather_array(rows))
        flat = comm.world().allgather_array(np.ascontiguousarray(numbers).ravel())
        numbers = np.concatenate(flat).reshape(-1, width)
    out = np.empty_like(numbers)
    out[rows] = numbers
    return out


def _split_columns(numbers: np.ndarray, fast: list[str], ndim: int) -> dict[str, np.ndarray]:
    columns, at = {}, 0
    for name in fast:
        width = ndim if _FAST[name] else 1
        part = numbers[:, at : at + width]
        columns[name] = part if _FAST[name] else part[:, 0]
        at += width
    return columns


def _slow_columns(
    rows: np.ndarray, lists: list[list[Any]], names: list[str], n_ranks: int
) -> dict[str, np.ndarray]:
    """Columns of what scikit-image gave, one number per object or an array of a fixed shape."""
    columns = {}
    for i, name in enumerate(names):
        values = [v[i] for v in lists]
        if kind_of(name) is object:
            columns[name] = np.empty(len(values), object)
            for row, value in zip(rows, values, strict=True):
                columns[name][row] = value
            continue
        numbers = np.array(values, kind_of(name))
        kinds = [(numbers.dtype.str, numbers.shape[1:])] if values else []
        if n_ranks > 1:
            kinds = [k for theirs in comm.world().allgather(kinds) for k in theirs]
        kind, shape = np.result_type(*(k for k, _ in kinds)), kinds[0][1]
        flat = numbers.astype(kind).reshape(len(values), prod(shape))
        columns[name] = _together(rows, flat, n_ranks).reshape(-1, *shape)
    return columns


def _empty_columns(
    fast: list[str], slow: list[str], extra: tuple, arrays: list
) -> dict[str, np.ndarray]:
    """Columns of a table without objects."""
    ndim = len(arrays[0].shape)
    columns = {n: np.empty((0, ndim) if _FAST[n] else 0) for n in fast}
    own = {f.__name__ for f in extra}
    if slow:
        one = np.ones((2,) * ndim, np.uint8)
        values = one.astype(arrays[1].dtype) if len(arrays) > 1 else None
        row = np.array([1, 2**ndim, *[0] * ndim, *[2] * ndim])
        box = tuple(slice(0, 2) for _ in range(ndim))
        known = [n for n in slow if n not in own]
        found = values_of(one, values, row, box, np.ones(ndim), known, ())
        columns.update(
            {n: np.array([v], kind_of(n))[:0] for n, v in zip(known, found, strict=True)}
        )
        columns.update({n: np.empty(0) for n in own})
    return columns


def _from_bounds(table: np.ndarray, spacing: np.ndarray) -> dict[str, np.ndarray]:
    """Columns that follow from counts and bounding boxes."""
    ndim = len(spacing)
    voxel = float(np.prod(spacing))
    boxes = np.prod(table[:, 2 + ndim :] - table[:, 2 : 2 + ndim], axis=1)
    area = table[:, 1] * voxel
    return {
        "label": table[:, 0],
        "bbox": table[:, 2:],
        "num_pixels": table[:, 1],
        "area": area,
        "area_bbox": boxes * voxel,
        "extent": area / (boxes * voxel),
        "equivalent_diameter_area": (2 * ndim * area / np.pi) ** (1 / ndim),
    }


def _as_table(
    names: list[str], columns: dict[str, np.ndarray], separator: str
) -> dict[str, np.ndarray]:
    """Columns under the names that were asked for, one entry per index."""
    out = {}
    for name in names:
        values = columns[_OLD_NAMES.get(name, name)]
        if values.ndim == 1:
            out[name] = values.copy()
        else:
            for index in np.ndindex(values.shape[1:]):
                key = separator.join([name, *map(str, index)])
                out[key] = values[(slice(None), *index)].copy()
    return out

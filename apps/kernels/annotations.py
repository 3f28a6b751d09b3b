"""Points for Neuroglancer with a multi-level spatial index, as bytes in memory.

Source: google/neuroglancer, datasource/precomputed/annotations.md. The viewer loads coarse levels
first and finer ones where it looks closely, so millions of points stay fluent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .sharding import encode_shards, sharding_of

STORED = {"float32": "<f4", "uint32": "<u4", "uint16": "<u2", "uint8": "u1", "rgb": "(3,)u1"}


@dataclass(frozen=True)
class Property:
    """A value that each point has: its name, type, values and, for an enum, its labels."""

    id: str
    type: str
    values: np.ndarray
    enum_labels: tuple[str, ...] = ()

    @property
    def spec(self) -> dict:
        """As it stands in `info`."""
        spec: dict = {"id": self.id, "type": self.type}
        if self.enum_labels:
            spec["enum_values"] = list(range(len(self.enum_labels)))
            spec["enum_labels"] = list(self.enum_labels)
        return spec


@dataclass(frozen=True)
class Level:
    """One level of the spatial index: its grid, and which points each cell shows, all (x, y, z)."""

    grid: tuple[int, int, int]
    cells: dict[tuple[int, int, int], np.ndarray]


def encode_points(
    ids: np.ndarray,
    zyx_vox: np.ndarray,
    shape: Sequence[int],
    voxel_um: Sequence[float],
    properties: Sequence[Property],
    limit: int = 1000,
) -> dict[str, bytes | dict]:
    """Files of a collection of points: by name, bytes, and the dict of `info`.

    Parameters
    ----------
    ids : (n,) array of int
        Ids of the points; the segment that each belongs to has the same id.
    zyx_vox : (n, 3) array of float
        Centroids; voxel i covers [i - 0.5, i + 0.5), as in SciPy and scikit-image.
    shape : (z, y, x)
        Of the volume that they lie in, voxels.
    voxel_um : (z, y, x)
        Voxel size, microns.
    properties : sequence of Property
    limit : int
        Points that one cell of the index shows.
    """
    # Neuroglancer's voxel i covers [i, i + 1)
    points = (np.asarray(zyx_vox, np.float64).reshape(-1, 3) + 0.5)[:, ::-1]
    upper = np.maximum(np.asarray(shape, float)[::-1], np.floor(points.max(0, initial=0)) + 1)
    properties = sorted(properties, key=lambda p: -np.dtype(STORED[p.type]).base.itemsize)
    records = _records(points, properties)
    levels = spatial_levels(points, upper, tuple(voxel_um)[::-1], limit)
    ids = np.asarray(ids, "<u8")
    files: dict[str, bytes | dict] = {}
    for n, level in enumerate(levels):
        for cell, members in level.cells.items():
            name = "_".join(map(str, cell))
            files[f"spatial{n}/{name}"] = _list(records[members], ids[members])
    spec = sharding_of(len(ids))
    one = np.uint32(1).tobytes()
    by_id = {int(i): r.tobytes() + one + i.tobytes() for i, r in zip(ids, records, strict=True)}
    related = {int(i): _list(r[None], i[None]) for i, r in zip(ids, records, strict=True)}
    for folder, entries in (("by_id", by_id), ("by_segment", related)):
        for name, data in encode_shards(entries, spec).items():
            files[f"{folder}/{name}"] = data
    files["info"] = _info(upper, voxel_um, properties, levels, limit, spec)
    return files


def spatial_levels(
    points: np.ndarray, upper: np.ndarray, voxel: Sequence[float], limit: int, seed: int = 0
) -> list[Level]:
    """Levels of the index, coarse to fine; each point is in exactly one.

    At each level every point that is left is taken with the same probability,
    min(1, limit / points in the fullest cell); cells are halved along their longest sides.

    Parameters
    ----------
    points : (n, 3) array
        Positions (x, y, z), 0 <= position < `upper`.
    upper : (3,) array
        Size of the volume, voxels.
    voxel : (x, y, z)
        Voxel size: cells go towards cubes in space, not in voxels.
    limit : int
        Points that one cell shows, on average over the fullest.
    """
    rng = np.random.default_rng(seed)
    grid, left = np.ones(3, int), rng.permutation(len(points))
    levels = []
    while len(left) or not levels:
        cells = _by_cell(points, left, upper, grid)
        fullest = max((len(members) for members in cells.values()), default=0)
        cut = upper / grid > 1  # a cell of one voxel is not cut any further
        share = min(1.0, limit / max(fullest, 1)) if cut.any() else 1.0
        taken = rng.random(len(left)) < share
        levels.append(Level(tuple(grid.tolist()), _by_cell(points, left[taken], upper, grid)))
        left = left[~taken]
        size = np.where(cut, upper / grid * np.asarray(voxel, float), 0)
        grid = np.where(cut & (size > size.max() / 2**0.5), grid * 2, grid)
    return levels


def _by_cell(points: np.ndarray, chosen: np.ndarray, upper: np.ndarray, grid: np.ndarray) -> dict:
    """Numbers of the `chosen` points in each cell of the grid, in the order given."""
    cell = np.minimum(points[chosen] // (upper / grid), grid - 1).astype(int)
    keys, where = np.unique(cell, axis=0, return_inverse=True)
    where = where.ravel()
    order = np.argsort(where, kind="stable")
    ends = np.cumsum(np.bincount(where, minlength=len(keys)))
    members = np.split(chosen[order], ends[:-1]) if len(keys) else []
    return {tuple(k): m for k, m in zip(keys.tolist(), members, strict=True)}


def _records(points: np.ndarray, properties: Sequence[Property]) -> np.ndarray:
    """Position and properties of each point, largest types first, filled to 4 bytes."""
    fields = [("xyz", "<f4", (3,))]
    fields += [(p.id, np.dtype(STORED[p.type])) for p in properties]
    size = np.dtype(fields).itemsize
    fields.append(("fill", "u1", (-size % 4,)))
    records = np.zeros(len(points), np.dtype(fields))
    records["xyz"] = points
    for p in properties:
        records[p.id] = p.values
    return records


def _list(records: np.ndarray, ids: np.ndarray) -> bytes:
    return np.uint64(len(ids)).tobytes() + records.tobytes() + ids.astype("<u8").tobytes()


def _info(
    upper: np.ndarray,
    voxel_um: Sequence[float],
    properties: Sequence[Property],
    levels: Sequence[Level],
    limit: int,
    spec: Mapping,
) -> dict:
    names = zip("xyz", tuple(voxel_um)[::-1], strict=True)
    return {
        "@type": "neuroglancer_annotations_v1",
        "dimensions": {axis: [float(f"{um * 1e-6:.10g}"), "m"] for axis, um in names},
        "lower_bound": [0.0, 0.0, 0.0],
        "upper_bound": upper.tolist(),
        "annotation_type": "point",
        "properties": [p.spec for p in properties],
        "relationships": [{"id": "segment", "key": "by_segment", "sharding": dict(spec)}],
        "by_id": {"key": "by_id", "sharding": dict(spec)},
        "spatial": [
            {
                "key": f"spatial{n}",
                "grid_shape": list(level.grid),
                "chunk_size": (upper / level.grid).tolist(),
                "limit": limit,
            }
            for n, level in enumerate(levels)
        ],
    }

"""Merge what overlapping tiles each segmented for themselves: one id, one row for each nucleus.

The rules are those of :mod:`pmap.apps.kernels.merging`: a nucleus that several tiles show counts
once, with the outline of the tile that shows it whole. Nuclei that the outer border of the fused
frame cuts stay and count.
"""

import functools
import hashlib
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

import pmap as pm
from pmap import InputError

from . import runs, tables
from .fingerprints import digest, stats
from .fusedvolume import Box, Places, frame_shape, lengths, pieces, write_volume
from .kernels import merging
from .kernels.fusion import Piece, paint
from .mosaic import Mosaic, Tile

SLAB_VOX = 8_000_000
"""Most voxels of labels that are compared, or counted, at once."""


def fuse_labels(mosaic: Mosaic, places: Places, run: runs.Run) -> dict:
    """Write fused/labels.h5, cells.csv and cells.h5 with one id for each nucleus. COLLECTIVE.

    Reads labels/r{row}_c{col}.h5 and tables/r{row}_c{col}.csv of the run.
    """
    order = sorted(mosaic.tiles)
    labels_of = functools.partial(_tile_labels, mosaic, places, run)
    known = pm.foreach(order, labels_of, stop_on_error=True)
    if None in known:
        raise InputError(_mismatch(run, order[known.index(None)]))
    pairs = list(_overlapping(mosaic, places, order))
    contact_of = functools.partial(_contact, mosaic, places, run)
    contacts = pm.foreach(pairs, contact_of, stop_on_error=True)
    numbered = [(order.index(a), order.index(b)) for a, b in pairs]
    merged = merging.merge(known, [(*ab, c) for ab, c in zip(numbered, contacts, strict=True)])
    lookup = dict(zip(order, merged.lookup, strict=True))

    def fused(box: Box) -> np.ndarray:
        own = pieces(mosaic, places, box, functools.partial(_open_labels, run))
        ours = [(at, lookup[tile][labels], weights) for tile, (at, labels, weights) in own]
        return paint([Piece(*piece) for piece in ours], lengths(box))

    path = run.path("fused", "labels.h5")
    frame = frame_shape(mosaic, places)
    found = write_volume(
        path, frame, np.dtype(np.uint32), fused, dataset="labels", voxel_um=mosaic.voxel_um,
        then=functools.partial(_painted, set(merged.joined)),
    )  # fmt: skip
    cells = pm.once(_write_cells, mosaic, places, run, order, merged, found)
    return {"files": [path, run.path("cells.csv"), run.path("cells.h5")], "cells": cells}


def segmented(mosaic: Mosaic, run: runs.Run) -> bool:
    """Tell whether the run holds labels and tables, of all tiles, or of none."""
    files = [f(run, tile) for tile in mosaic.tiles for f in (_labels_path, _table_path)]
    missing = [path for path in files if not path.is_file()]
    if missing and len(missing) < len(files):
        raise InputError(
            f"{run.out} has labels of some tiles, but not {missing[0]}; run segment again: it "
            "resumes, and does only what is missing"
        )
    if not missing:
        for tile in mosaic.tiles:
            with _open_labels(run, tile) as labels:
                if labels.shape != mosaic.shape:
                    raise InputError(
                        f"{labels.path} has shape {labels.shape}, its tile {mosaic.shape}: these "
                        "labels are of another dataset"
                    )
    return not missing


def digest_of_labels(mosaic: Mosaic, run: runs.Run) -> str:
    """Which labels the tiles have, and what their tables say, in a few letters. LOCAL.

    Tables change without the labels: nuclei are classified anew after a review.
    """
    order = sorted(mosaic.tiles)
    said = [hashlib.blake2b(_table_path(run, t).read_bytes()).hexdigest() for t in order]
    return digest(stats((_labels_path(run, tile) for tile in order), run.out), said)


def _open_labels(run: runs.Run, tile: Tile) -> pm.io.FileArray:
    return pm.io.open(_labels_path(run, tile), dataset="labels")


def _labels_path(run: runs.Run, tile: Tile) -> Path:
    return run.out / "labels" / f"r{tile[0]}_c{tile[1]}.h5"


def _table_path(run: runs.Run, tile: Tile) -> Path:
    return run.out / "tables" / f"r{tile[0]}_c{tile[1]}.csv"


def _mismatch(run: runs.Run, tile: Tile) -> str:
    return (
        f"{_table_path(run, tile)} does not list the labels of {_labels_path(run, tile)}: one of "
        "the two is of another run; segment into a new folder"
    )


def _tile_labels(
    mosaic: Mosaic, places: Places, run: runs.Run, tile: Tile
) -> merging.TileLabels | None:
    """Sizes of one tile's labels, and how deep in their tile their centroids lie. LOCAL.

    None if its table lists others: all ranks raise that, once they know.
    """
    sizes = np.zeros(1, np.int64)
    with _open_labels(run, tile) as labels:
        whole = tuple(slice(0, n) for n in labels.shape)
        for slab in _slabs(whole):
            counts = np.bincount(labels.read(slab).ravel(), minlength=len(sizes))
            counts[: len(sizes)] += sizes
            sizes = counts
    sizes[0] = 0
    rows = tables.read_csv(_table_path(run, tile))
    ids = np.asarray(rows["id"], np.int64)
    if set(ids.tolist()) != set(np.flatnonzero(sizes).tolist()):
        return None
    points = np.zeros((len(sizes), 3))
    points[ids] = _positions(rows) / mosaic.voxel_um
    points += places[tile]
    others = [
        merging.side_depth(points, np.array(places[other]), mosaic.shape)
        for other in _around(mosaic, tile)
    ]
    return merging.TileLabels(
        sizes,
        merging.side_depth(points, np.array(places[tile]), mosaic.shape),
        np.max(others, axis=0) if others else np.full(len(sizes), -np.inf),
    )


def _positions(rows: Mapping[str, np.ndarray]) -> np.ndarray:
    columns = [np.asarray(rows[name], float) for name in ("z_um", "y_um", "x_um")]
    return np.stack(columns, axis=1).reshape(-1, 3)


def _around(mosaic: Mosaic, tile: Tile) -> list[Tile]:
    """Tiles near enough on the grid to overlap this one."""
    near = itertools.product(range(-2, 3), repeat=2)
    beside = [(tile[0] + r, tile[1] + c) for r, c in near if (r, c) != (0, 0)]
    return [other for other in beside if other in mosaic.nominal]


def _overlapping(mosaic: Mosaic, places: Places, order: list[Tile]) -> Iterator[tuple[Tile, Tile]]:
    """Pairs of tiles whose places overlap."""
    for a in order:
        for b in _around(mosaic, a):
            if a < b and all(lengths(_shared(mosaic, places, a, b))):
                yield a, b


def _shared(mosaic: Mosaic, places: Places, a: Tile, b: Tile) -> Box:
    """Box of the frame that two tiles share; of length 0 along an axis where they do not."""
    low = np.maximum(places[a], places[b])
    ends = [np.add(places[tile], mosaic.shape) for tile in (a, b)]
    high = np.maximum(np.minimum(*ends), low)
    return tuple(slice(int(s), int(t)) for s, t in zip(low, high, strict=True))


def _slabs(box: Box) -> list[Box]:
    """Slabs of planes of a box, each of at most SLAB_VOX."""
    z, y, x = box
    area = max((y.stop - y.start) * (x.stop - x.start), 1)
    step = max(SLAB_VOX // area, 1)
    return [(slice(s, min(s + step, z.stop)), y, x) for s in range(z.start, z.stop, step)]


def _contact(
    mosaic: Mosaic, places: Places, run: runs.Run, pair: tuple[Tile, Tile]
) -> merging.Contact:
    """Labels of two tiles that share voxels, and those that one of them cuts. LOCAL."""
    a, b = pair
    shared = _shared(mosaic, places, a, b)
    parts = []
    with _open_labels(run, a) as labels_a, _open_labels(run, b) as labels_b:
        for slab in _slabs(shared):
            values = [
                labels.read(
                    tuple(
                        slice(s.start - p, s.stop - p)
                        for s, p in zip(slab, places[tile], strict=True)
                    )
                )
                for labels, tile in ((labels_a, a), (labels_b, b))
            ]
            faces = _cut_faces(mosaic, places, slab, a, b), _cut_faces(mosaic, places, slab, b, a)
            parts.append(merging.contact(*values, *faces))
    return merging.joined_contact(parts)


def _cut_faces(
    mosaic: Mosaic, places: Places, box: Box, tile: Tile, other: Tile
) -> list[tuple[int, int]]:
    """Faces of a box where `tile` ends and `other` goes on."""
    faces = []
    for axis, (s, n) in enumerate(zip(box, mosaic.shape, strict=True)):
        mine, its = places[tile][axis], places[other][axis]
        if s.start == mine and its < mine:
            faces.append((axis, 0))
        if s.stop == mine + n and its + n > mine + n:
            faces.append((axis, -1))
    return faces


def _painted(joined: set[int], box: Box, block: np.ndarray) -> tuple:
    """Ids in a block; of those that were joined from parts also voxels and sums of positions."""
    ids = np.unique(block)
    ids = ids[ids != 0]
    sums = {}
    for label in joined.intersection(ids.tolist()):
        points = np.argwhere(block == label) + [s.start for s in box]
        sums[label] = (len(points), *points.sum(axis=0).tolist())
    return ids, sums


def _write_cells(
    mosaic: Mosaic, places: Places, run: runs.Run, order: list[Tile], merged: merging.Merged,
    found: list,
) -> int:  # fmt: skip
    """Write the merged table; return the number of cells. Runs on one rank."""
    columns = _gathered(mosaic, places, run, order, merged)
    columns["id"] = np.arange(1, len(merged.owners) + 1)
    for label in merged.joined:
        sums = np.sum([s[label] for _, s in found if label in s], axis=0)
        _remeasure(columns, label - 1, np.atleast_1d(sums), np.array(mosaic.voxel_um))
    painted = np.zeros(len(merged.owners) + 1, bool)
    for ids, _ in found:
        painted[ids] = True
    # A nucleus that others cover to the last voxel is not to be seen and does not count.
    columns = {name: np.asarray(column)[painted[1:]] for name, column in columns.items()}
    run.write_table("cells.csv", columns)
    run.write_table_h5("cells.h5", columns)
    return int(painted[1:].sum())


def _gathered(
    mosaic: Mosaic, places: Places, run: runs.Run, order: list[Tile], merged: merging.Merged
) -> dict[str, np.ndarray]:
    """Rows of the tiles' tables in the order of the new ids, at their places in the frame."""
    parts: list[dict[str, np.ndarray]] = []
    for number, tile in enumerate(order):
        rows = tables.read_csv(_table_path(run, tile))
        row_of = {int(label): i for i, label in enumerate(rows["id"])}
        take = [row_of[label] for t, label in merged.owners if t == number]
        part = {name: np.asarray(column)[take] for name, column in rows.items()}
        part["cfos"] = _flags(part["cfos"])
        offset = np.array(places[tile]) * mosaic.voxel_um
        for name, shift in zip(("z_um", "y_um", "x_um"), offset, strict=True):
            part[name] = part[name] + shift
        part["tile"] = np.full(len(take), f"r{tile[0]}_c{tile[1]}")
        parts.append(part)
    return {name: _joined([part[name] for part in parts]) for name in parts[0]}


def _joined(columns: list[np.ndarray]) -> np.ndarray:
    """One column; where it is text in one tile it is text in all."""
    if any(c.dtype.kind == "U" for c in columns):
        columns = [c.astype(str) for c in columns]
    return np.concatenate(columns)


def _flags(column: np.ndarray) -> np.ndarray:
    """A column of 1, 0 or nothing as text; a table with gaps reads back as floats."""
    if column.dtype.kind == "U":
        return column
    return np.array(["" if v != v else str(int(v)) for v in column.tolist()], dtype=str)


def _remeasure(columns: dict, row: int, sums: np.ndarray, voxel_um: np.ndarray) -> None:
    """Volume, diameter and place of a nucleus that was joined from parts."""
    if sums[0] == 0:
        return
    volume = float(sums[0] * voxel_um.prod())
    growth = volume / float(columns["volume_um3"][row])
    columns["volume_um3"][row] = volume
    columns["diameter_um"][row] *= growth ** (1 / 3)
    for name, total, size in zip(("z_um", "y_um", "x_um"), sums[1:], voxel_um, strict=True):
        columns[name][row] = total / sums[0] * size

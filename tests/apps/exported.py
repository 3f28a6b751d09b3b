"""A small specimen with exact labels and cells, on disk, to export."""

from pathlib import Path

import numpy as np

import pmap as pm
from pmap.apps import tables

VOXEL_UM = (1.0, 0.4, 0.4)
SHAPE = (50, 150, 170)


def specimen(folder: Path, shape=SHAPE, cells=60) -> tuple[np.ndarray, np.ndarray, dict]:
    """Write dapi.tif, cfos.h5, labels.h5 and cells.csv; give image, labels and columns."""
    rng = np.random.default_rng(1)
    grid = np.stack(np.mgrid[tuple(slice(0, n) for n in shape)]).astype(float)
    grid *= np.reshape(VOXEL_UM, (3, 1, 1, 1))
    size = np.multiply(shape, VOXEL_UM)
    labels, image, rows = np.zeros(shape, "uint32"), rng.normal(300, 30, shape), []
    for _ in range(cells):
        centre, radius = rng.uniform(5, size - 5), rng.uniform(3, 4.5, 3)
        inside = (((grid.T - centre) / radius) ** 2).sum(-1).T < 1
        if labels[inside].any():
            continue
        i = 7 * len(rows) + 2  # ids with gaps
        labels[inside] = i
        image[inside] += rng.uniform(800, 2000)
        kind = ("neuron", "glia", "neuron", "unclassified")[len(rows) % 4]
        cfos = "" if kind == "glia" else str(len(rows) // 2 % 2)
        zyx = np.argwhere(inside).mean(axis=0) * VOXEL_UM
        rows.append((i, "r0_c0", *zyx, inside.sum() * np.prod(VOXEL_UM), kind, 0.5, cfos))
    names = ("id", "tile", "z_um", "y_um", "x_um", "volume_um3", "class", "p_neuron", "cfos")
    columns = {n: np.array(v) for n, v in zip(names, zip(*rows, strict=True), strict=True)}
    image = image.clip(0, 65535).astype("uint16")
    pm.io.save(folder / "dapi.tif", image, attrs={"voxel_um": VOXEL_UM})
    pm.io.save(folder / "cfos.h5", image.astype("float32") / 2)
    pm.io.save(folder / "labels.h5", labels, dataset="labels")
    pm.once((folder / "cells.csv").write_text, tables.to_csv(columns))
    return image, labels, columns


def export_arguments(folder: Path, out: Path) -> list[str]:
    """Command line that exports all of the specimen."""
    files = [folder / name for name in ("dapi.tif", "cfos.h5")]
    more = ["--labels", folder / "labels.h5", "--cells", folder / "cells.csv", "--out", out]
    return [str(a) for a in (*files, *more)]

"""A dataset on disk cut from a known volume, and a run in which its tiles are segmented."""

import numpy as np
from scipy import ndimage

import pmap as pm
from pmap.apps import dataset, runs
from pmap.apps.tables import CELL_COLUMNS

VOXEL_UM = (1.0, 0.5, 0.5)


def write_dataset(folder, one, overlap=0.15, order="snake", start="top-left", names=None):
    """Write the tiles of a cut as TIFF files with their dataset.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = tuple(int(n) + 1 for n in np.max(list(one.tiles), axis=0))
    files = names or "dapi_r{row}_c{col}.tif"
    numbers = {tile: i for i, tile in enumerate(dataset.tile_order(grid, order, start))}
    for (row, col), tile in one.tiles.items():
        name = files.format(row=row, col=col, tile=numbers[row, col])
        pm.io.save(folder / name, tile)
    return dataset.save(
        folder / "dataset.toml", voxel_um=VOXEL_UM, grid=grid, overlap=(overlap, overlap),
        order=order, start=start, channels=[dataset.Channel("dapi", "nuclei", files)],
    )  # fmt: skip


def table_of(labels, tile, voxel_um=VOXEL_UM):
    """The table that a segmentation would write."""
    ids = np.unique(labels[labels > 0])
    centre = np.array(ndimage.center_of_mass(labels > 0, labels, ids)).reshape(-1, 3) * voxel_um
    volume = np.bincount(labels.ravel())[ids] * np.prod(voxel_um)
    columns = {name: np.zeros(len(ids)) for name in CELL_COLUMNS}
    columns |= {
        "id": ids, "tile": np.full(len(ids), f"r{tile[0]}_c{tile[1]}"),
        "z_um": centre[:, 0], "y_um": centre[:, 1], "x_um": centre[:, 2],
        "volume_um3": volume, "diameter_um": (6 * volume / np.pi) ** (1 / 3),
        "class": np.full(len(ids), "unclassified"), "p_neuron": np.full(len(ids), np.nan),
        "cfos": np.full(len(ids), ""),
    }  # fmt: skip
    return columns


def write_segmented(out, labels, settings=None):
    """Open a run and put labels and tables of all tiles into it, as segment would."""
    run = runs.open_run(out, "segment", settings or {"of": "the test"})
    for (row, col), own in labels.items():
        tile = f"r{row}_c{col}"
        pm.io.save(run.path("labels", f"{tile}.h5"), own.astype(np.uint32), dataset="labels")
        run.write_table(f"tables/{tile}.csv", table_of(own, (row, col)))
    return run

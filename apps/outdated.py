"""What a run holds from before: of tiles and channels that its dataset no longer has.

A run whose settings changed ends as a new one would: nothing of the old one is left in it. Each
step may be cut off and is then done again by the next one who opens the run.
"""

from collections.abc import Collection

import numpy as np

from . import celltables, tables, wholefiles
from .dataset import Dataset
from .runs import Run
from .stages import tile_name


def clear(dataset: Dataset, run: Run, stages: Collection[str]) -> None:
    """Remove what the dataset does not have and the stages do not make. LOCAL.

    Only for one who has the run alone.

    Parameters
    ----------
    dataset : Dataset
    run : Run
    stages : collection of str
        Names of the stages that the dataset goes through.
    """
    tiles = {tile_name(tile) for tile in dataset.tiles}
    for folder in ("tables", "coincidence", "labels"):
        for file in run.out.glob(f"{folder}/r*_c*.*"):
            if file.stem not in tiles:
                _forget_tile(run, file.stem)
                wholefiles.remove(file)
    known = {"labels", *(channel.name for channel in dataset.channels)}
    for file in run.out.glob("fused/*.h5"):
        if file.stem not in known:
            run.ledger.forget(f"fused {file.stem}")
            wholefiles.remove(file)
    if "evaluate" not in stages:
        wholefiles.remove(run.out / "scores.json")
    if "coincide" not in stages and (run.out / "coincidence").is_dir():
        _empty_cfos(run, tiles)
        wholefiles.remove(run.out / "coincidence")


def drop_cells(run: Run) -> None:
    """Remove the merged table, whose numbers are of labels that are about to change. LOCAL."""
    for name in ("cells.csv", "cells.h5"):
        wholefiles.remove(run.out / name)


def _forget_tile(run: Run, tile: str) -> None:
    celltables.forget(run.out, run.ledger, tile)
    for stage in ("segment", "coincide"):
        run.ledger.forget(f"{stage} {tile}")


def _empty_cfos(run: Run, tiles: Collection[str]) -> None:
    """Nobody asks any longer which nuclei the marker shows."""
    for tile in sorted(tiles):
        if celltables.is_whole(run.out, run.ledger, tile):
            table = tables.read_csv(celltables.table_path(run.out, tile))
            table["cfos"] = np.full(len(table["id"]), "")
            celltables.write_table(run.out, run.ledger, tile, table)

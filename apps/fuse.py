"""Fuse tiles whose places are known: one image per channel, and one id for each nucleus."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

import pmap as pm

from . import runs
from .dataset import Dataset
from .fingerprints import digest, stats
from .fusedvolume import Box, Places, frame_shape, lengths, pieces, write_volume
from .kernels.fusion import blend
from .merge import digest_of_labels, fuse_labels, segmented
from .mosaic import Mosaic, open_mosaic


def fuse_run(source: Dataset | Mosaic | str | Path, run: runs.Run, placements: dict) -> dict:
    """Write the fused channels and, if the tiles were segmented, labels and cells. COLLECTIVE.

    Parameters
    ----------
    source : Dataset, Mosaic or path
        The tiles.
    run : Run
        Reads labels/r{row}_c{col}.h5 and tables/r{row}_c{col}.csv of it, if they are there;
        writes fused/<channel>.h5, fused/labels.h5, cells.csv and cells.h5.
    placements : dict
        As returned by ``stitch_dataset``.

    Returns
    -------
    dict
        shape_vox of the fused frame, the channels, and the number of cells (None: no labels).
    """
    mosaic = source if isinstance(source, Mosaic) else open_mosaic(source)
    places = {(t["row"], t["col"]): tuple(t["zyx_vox"]) for t in placements["tiles"]}
    placed = [placements["tiles"], mosaic.voxel_um, mosaic.shape]
    for channel, files in mosaic.files.items():
        of = digest(placed, pm.once(stats, sorted({path for path, _ in files.values()})))
        _unless_done(run, f"fused {channel}", of, fuse_channel, mosaic, places, channel)
    cells = None
    if pm.once(segmented, mosaic, run):
        of = digest(placed, pm.once(digest_of_labels, mosaic, run))
        _unless_done(run, "fused labels", of, fuse_labels, mosaic, places)
        cells = run.facts("fused labels").get("cells")
    shape = frame_shape(mosaic, places)
    return {"shape_vox": list(shape), "channels": list(mosaic.files), "cells": cells}


def fuse_channel(mosaic: Mosaic, places: Places, channel: str, run: runs.Run) -> dict:
    """Write fused/<channel>.h5, blended over the overlaps; the dtype is kept. COLLECTIVE."""
    frame = frame_shape(mosaic, places)
    dtype = np.dtype(mosaic.dtypes[channel])

    def fused(box: Box) -> np.ndarray:
        own = pieces(mosaic, places, box, functools.partial(mosaic.open, channel))
        return blend([piece for _, piece in own], lengths(box), dtype)

    path = run.path("fused", f"{channel}.h5")
    write_volume(path, frame, dtype, fused, dataset="data", voxel_um=mosaic.voxel_um)
    return {"files": [path]}


def _unless_done(run: runs.Run, item: str, made_with: str, make: Callable, *args: object) -> None:
    """Make an item and mark it as finished, unless it is there and made with the same."""
    if run.done(item, made_with):
        return
    run.forget(item)
    facts = make(*args, run)
    run.finish(item, facts.pop("files"), made_with, **facts)

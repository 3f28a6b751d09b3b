"""What the stages of a dataset ask of a cluster: jobs, and for each ranks, memory and time.

The figures are for a start, and generous: whoever submits may know better. Memory and time follow
from the voxels of a tile, the number of tiles and channels, and the bytes of a voxel, with what the
stages took on one rank of a 2.0 GHz server core for tiles of 2, 17 and 50 Mvox of uint16 in two
channels (docs/reference/command-line.md tells where they stand).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pmap as pm

from .dataset import Dataset
from .stages import Stage

Shape = tuple[int, int, int]

JOBS = {
    "tiles": ("segment",),
    "stitch": ("classify", "coincide", "stitch", "fuse"),
    "export": ("export", "evaluate", "report"),
}
"""Stages that are submitted together, in their order."""

CPU_S_PER_MVOX = {"tiles": 2.5, "stitch": 0.5, "export": 2.0}
TIMES = 10
"""The time limit is so many times what was measured: cores, disks and images differ."""

LEAST_MIN, LEAST_GB = 10, 1.0
MVOX_PER_RANK, MOST_RANKS = 200.0, 16


@dataclass(frozen=True)
class Load:
    """What there is to do.

    Attributes
    ----------
    tile_mvox : float
        Voxels of a tile, millions.
    voxel_bytes : int
        Of the image with the largest voxels.
    tiles, channels : int
    """

    tile_mvox: float
    voxel_bytes: int
    tiles: int
    channels: int


def describe(dataset: Dataset, stages: Sequence[Stage], tile_vox: Shape) -> dict:
    """Stages, their tasks, and the jobs that do them, as a launcher wants to know them. LOCAL.

    Parameters
    ----------
    dataset : Dataset
    stages : sequence of Stage
        Those that the dataset goes through.
    tile_vox : (int, int, int)
        Shape of a tile, voxels.

    Returns
    -------
    dict
        `dataset` (its name), `stages` (name, does, tasks), and `jobs`, each to be started when the
        one before has ended well: name, stages, tasks, args (for `pipeline`), array (whether each
        task is a job by itself, with ``--task K``), ranks, memory_gb (of a rank), time_min.
    """
    first = dataset.tiles[0]
    sizes = []
    for channel in dataset.channels:
        with pm.io.open(dataset.file(channel, *first)) as image:
            sizes.append(image.dtype.itemsize)
    load = Load(math.prod(tile_vox) / 1e6, max(sizes), len(dataset.tiles), len(dataset.channels))
    listed = [{"name": s.name, "does": s.does, "tasks": s.tasks} for s in stages]
    jobs = [_job(name, [s for s in stages if s.name in JOBS[name]], load) for name in JOBS]
    return {"dataset": dataset.name, "stages": listed, "jobs": jobs}


def _job(name: str, stages: Sequence[Stage], load: Load) -> dict:
    names = [stage.name for stage in stages]
    per_tile = all(stage.tiles for stage in stages)
    ranks = 1 if per_tile else ranks_of(load)
    return {
        "name": name,
        "stages": names,
        "tasks": stages[0].tasks if per_tile else [name],
        "args": ["--only", ",".join(names)],
        "array": per_tile,
        "ranks": ranks,
        "memory_gb": memory_gb(name, load),
        "time_min": time_min(name, load, ranks),
    }


def ranks_of(load: Load) -> int:
    """Ranks for a stage of all tiles: one for each 200 Mvox, 16 at most, and no idle ones. LOCAL.

    Examples
    --------
    >>> ranks_of(Load(1463.0, 2, 25, 2)), ranks_of(Load(0.05, 2, 25, 2))
    (16, 1)
    """
    wanted = math.ceil(load.tile_mvox * load.tiles / MVOX_PER_RANK)
    return max(1, min(wanted, load.tiles, MOST_RANKS))


def memory_gb(job: str, load: Load) -> float:
    """Memory of one rank, GB. LOCAL."""
    return LEAST_GB


def time_min(job: str, load: Load, ranks: int) -> int:
    """Time limit of a job, minutes: ten times what was measured, and 10 at least. LOCAL.

    The CPU seconds per Mvox of one channel are `CPU_S_PER_MVOX`.
    """
    mvox = load.tile_mvox * (1 if job == "tiles" else load.tiles * load.channels)
    return max(LEAST_MIN, math.ceil(TIMES * CPU_S_PER_MVOX[job] * mvox / ranks / 60))

"""What the stages of a dataset ask of a cluster: jobs, and for each ranks, memory and time.

The figures are a start, and generous: whoever submits may know better. They follow from the voxels
of a tile, the bytes of a voxel, the number of tiles and channels, and from what the stages took
when they were measured: on one rank, simulated tiles of 2, 17 and 50 Mvox of uint16 in two
channels, on a busy machine. Memory of a rank, and CPU time:

========  ==============================================  ======================================
job       peak memory measured, MB, at 2, 17, 50 Mvox     CPU seconds measured
========  ==============================================  ======================================
tiles     175, 388, 490                                   2.3, 2.8, 3.7 for each Mvox of a tile
stitch    330, 590, 450 (the last without labels)         0.8 for each Mvox of a tile and channel
export    330, 590, - (with truth: 330, 1250, -)          0.3; with truth 1.7
========  ==============================================  ======================================
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

CPU_S_PER_MVOX = {"tiles": 3.7, "stitch": 0.8, "export": 0.3}
CPU_S_PER_MVOX_OF_TRUTH = 1.7
"""Of the export job too, where evaluate runs: it segments each tile once more, to compare."""

TIMES = 10
"""The time limit is so many times what was measured: cores, disks and images differ."""

BASE_GB = {"tiles": 0.35, "stitch": 0.6, "export": 0.6}
GB_PER_MVOX = {"tiles": 0.0035, "stitch": 0.0, "export": 0.0}
GB_PER_MVOX_OF_TRUTH = {"tiles": 0.0, "stitch": 0.024, "export": 0.055}
"""Where the truth is known a tile and its truth are compared as wholes."""

BLOCK_MVOX = 8.0
"""Of an image that a rank holds at once as it was read: a block with its surroundings."""

SPARE = 1.5
"""Memory asked for, as a multiple of what was measured."""

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
    has_truth : bool
        Whether the result is compared with the truth.
    """

    tile_mvox: float
    voxel_bytes: int
    tiles: int
    channels: int
    has_truth: bool = False


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
    load = Load(
        math.prod(tile_vox) / 1e6, _voxel_bytes(dataset), len(dataset.tiles),
        len(dataset.channels), dataset.truth_dir is not None,
    )  # fmt: skip
    listed = [{"name": s.name, "does": s.does, "tasks": s.tasks} for s in stages]
    jobs = [_job(name, [s for s in stages if s.name in JOBS[name]], load) for name in JOBS]
    return {"dataset": dataset.name, "stages": listed, "jobs": jobs}


def _voxel_bytes(dataset: Dataset) -> int:
    """Of the largest voxels, as the files of the first tile say."""
    sizes = []
    for channel in dataset.channels:
        with pm.io.open(dataset.file(channel, *dataset.tiles[0])) as image:
            sizes.append(image.dtype.itemsize)
    return max(sizes)


def _job(name: str, stages: Sequence[Stage], load: Load) -> dict:
    names = [stage.name for stage in stages]
    per_tile = all(stage.tiles for stage in stages)
    ranks = ranks_of_tile(load) if per_tile else ranks_of(load)
    return {
        "name": name,
        "stages": names,
        "tasks": stages[0].tasks if per_tile else [name],
        "args": ["--only", ",".join(names)],
        "array": per_tile,
        "ranks": ranks,
        "memory_gb": memory_gb(name, load, ranks),
        "time_min": time_min(name, load, ranks),
    }


def ranks_of_tile(load: Load) -> int:
    """Ranks that share a tile: one for each 200 Mvox, so that a tile takes minutes. LOCAL.

    Examples
    --------
    >>> ranks_of_tile(Load(1463.0, 2, 25, 2)), ranks_of_tile(Load(0.05, 2, 25, 2))
    (8, 1)
    """
    return max(1, min(math.ceil(load.tile_mvox / MVOX_PER_RANK), MOST_RANKS))


def ranks_of(load: Load) -> int:
    """Ranks for a stage of all tiles: one for each 200 Mvox, 16 at most, and no idle ones. LOCAL.

    Examples
    --------
    >>> ranks_of(Load(1463.0, 2, 25, 2)), ranks_of(Load(0.05, 2, 25, 2))
    (16, 1)
    """
    wanted = math.ceil(load.tile_mvox * load.tiles / MVOX_PER_RANK)
    return max(1, min(wanted, load.tiles, MOST_RANKS))


def memory_gb(job: str, load: Load, ranks: int) -> float:
    """Memory of one rank, GB: what was measured, half as much again, and 1 GB at least. LOCAL.

    The measured part is `BASE_GB`, which a block and its working copies need, a block as it was
    read, of `BLOCK_MVOX` voxels, and `GB_PER_MVOX` of a tile, of which each of the tile's ranks
    holds its share.

    Examples
    --------
    >>> load = Load(1463.0, 2, 25, 2)
    >>> memory_gb("tiles", load, 1), memory_gb("tiles", load, 8)
    (8.3, 1.6)
    """
    share = 1 / ranks if job == "tiles" else 1.0
    per_mvox = GB_PER_MVOX[job] * share
    per_mvox += GB_PER_MVOX_OF_TRUTH[job] if load.has_truth else 0.0
    block_gb = min(load.tile_mvox, BLOCK_MVOX) * load.voxel_bytes / 1e3
    measured = BASE_GB[job] + per_mvox * load.tile_mvox + block_gb
    return max(LEAST_GB, math.ceil(SPARE * measured * 10) / 10)


def time_min(job: str, load: Load, ranks: int) -> int:
    """Time limit of a job, minutes: ten times what was measured, and 10 at least. LOCAL.

    The tiles' job does one tile of one channel; the others all tiles and channels, on `ranks`.

    Examples
    --------
    >>> time_min("tiles", Load(1463.0, 2, 25, 2), 8), time_min("tiles", Load(0.05, 2, 25, 2), 1)
    (113, 10)
    """
    mvox = load.tile_mvox * (1 if job == "tiles" else load.tiles * load.channels)
    cpu_s = CPU_S_PER_MVOX[job] * mvox
    if job == "export" and load.has_truth:
        cpu_s += CPU_S_PER_MVOX_OF_TRUTH * load.tile_mvox * load.tiles
    return max(LEAST_MIN, math.ceil(TIMES * cpu_s / ranks / 60))

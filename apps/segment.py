"""segment: the nuclei of one volume, as a label image and a table.

Difference of Gaussians and a marker-controlled 3-D watershed, after the active-learning pipeline's
batch layer (its section III.D); the steps are in kernels/nuclei.py. Every step is a filter that
looks a known distance around, an exact global label or threshold, or a measure of one object, so
the result is the same at any number of ranks and for any blocks, and the volume may be larger than
memory. (One limit: a clump of touching nuclei that does not fit into 2**23 voxels with its
surroundings is flooded block by block; then its inner borders depend on the blocks, though never on
the ranks.)

    python -m pmap.apps.segment brain/dapi_r0_c0.tif --voxel-um 1 0.5 0.5 --diameter-um 9 --out
    found

writes found/labels.h5 (dataset `labels`, uint32, numbered in the order of the objects' first
voxels) and found/cells.csv. For a run of many tiles, `segment_file(path, settings, run, tile=(row,
col))` writes labels/r{row}_c{col}.h5 and tables/r{row}_c{col}.csv in the run's folder.
"""

import dataclasses
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import pmap as pm
from pmap import InputError

from . import commands, inputs, runs, tables
from .kernels import nuclei, significance

SMALLEST_DIAMETER_VOX = 3
"""Nuclei narrower than this along y or x cannot be told from noise."""

# Lengths as shares of the nucleus's diameter.
EDGE, NARROW, WIDE, SURROUND, AROUND = 0.06, 0.18, 0.36, 0.5, 0.6
WINDOW, TIDY, MERGE = 0.1, 0.08, (0.5, 0.85)
LOCAL = 1.0  # standard deviation of the neighbourhood whose texture a seed is held against
SURE = (15.0, 25.0)  # times the white noise: needed for a seed, and enough whatever the texture
REST = 0.2  # what the rest of a nucleus needs, as a share of what its seed needs
SIDES, PARALLEL = 0.6, 0.7  # neighbourhood, and coherence of its slopes that no nucleus reaches
FARTHEST = 1.2  # a nucleus ends within this of its seed
PROPERTIES = (
    "label", "area", "centroid",
    "intensity_mean", "intensity_std", "intensity_skew", "intensity_kurtosis",
)  # fmt: skip


@dataclass(frozen=True)
class SegmentSettings:
    """How to look for nuclei; all lengths in µm.

    Attributes
    ----------
    voxel_um : (float, float, float)
        Voxel size (z, y, x), µm.
    diameter_um : float
        Typical diameter of a nucleus, µm.
    sensitivity : float
        Share of Otsu's threshold from which on something may be a nucleus: lower finds dimmer ones.
    outline : float
        Where a nucleus ends, as a share of its own level above its background.
    smallest : float
        Share of the typical volume below which an object is dropped.
    block_vox : (int, int, int)
        Voxels (z, y, x) that a rank works on at a time: what sets its memory.
    """

    voxel_um: tuple[float, float, float]
    diameter_um: float
    sensitivity: float = 0.25
    outline: float = 0.45
    smallest: float = 0.08
    block_vox: tuple[int, int, int] = (64, 256, 256)

    def check(self) -> None:
        """Raise InputError for settings that cannot work."""
        if len(self.voxel_um) != 3 or not all(math.isfinite(v) and v > 0 for v in self.voxel_um):
            raise InputError(f"voxel size must be 3 positive um (z, y, x); found {self.voxel_um}")
        if not (math.isfinite(self.diameter_um) and self.diameter_um > 0):
            raise InputError(f"diameter must be positive um; found {self.diameter_um}")
        if self.diameter_um < SMALLEST_DIAMETER_VOX * max(self.voxel_um[1:]):
            raise InputError(
                f"nuclei of {self.diameter_um} um are less than {SMALLEST_DIAMETER_VOX} voxels of "
                f"{self.voxel_um} um wide; check --diameter-um and --voxel-um"
            )
        for name in ("sensitivity", "outline", "smallest"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name} must lie between 0 and 1; found {getattr(self, name)}")
        if len(self.block_vox) != 3 or min(self.block_vox) < 1:
            raise InputError(f"blocks need 3 edges of 1 voxel or more; found {self.block_vox}")

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise InputError where no nucleus of this diameter fits into an image of `shape`."""
        width_um = max(n * v for n, v in zip(shape[1:], self.voxel_um[1:], strict=True))
        if self.diameter_um > width_um:
            raise InputError(
                f"a nucleus of {self.diameter_um:g} um is wider than the image of "
                f"{' x '.join(map(str, shape))} voxels of {self.voxel_um} um; check the diameter "
                "and the voxel size, both in um"
            )

    def vox(self, share: float) -> tuple[float, ...]:
        """A share of the nucleus's diameter in voxels along each axis."""
        return tuple(share * self.diameter_um / v for v in self.voxel_um)

    def count_blocks(self, shape: tuple[int, int, int]) -> int:
        """Blocks that a volume of this shape is worked on in."""
        return math.prod(-(-n // b) for n, b in zip(shape, self.block_vox, strict=True))

    @property
    def smallest_vox(self) -> float:
        """Voxels of the smallest object that is kept."""
        return self.smallest * math.pi / 6 * math.prod(self.vox(1.0))


def find_nuclei(image: Any, s: SegmentSettings) -> tuple[Any, dict[str, np.ndarray]]:
    """Label the nuclei of a volume and measure them. COLLECTIVE, or LOCAL for an ndarray.

    Parameters
    ----------
    image : ndarray, DistArray or FileArray, shape (z, y, x), any real dtype
        Nuclear stain, without NaN.
    s : SegmentSettings
        Sizes and thresholds.

    Returns
    -------
    labels : as `image`, uint32
        0 is background; 1..n in the order of the objects' first voxels.
    cells : dict of str -> ndarray, shape (n,)
        Columns `label`, `area` (voxels), `centroid-0..2` (voxels), `intensity_mean` and so on.

    Examples
    --------
    >>> z, y, x = np.ogrid[:16, :16, :32]
    >>> image = 100.0 * (((z - 8) ** 2 + (y - 8) ** 2 + (x % 16 - 8) ** 2) < 16)
    >>> labels, cells = find_nuclei(image, SegmentSettings((1.0, 1.0, 1.0), 8.0))
    >>> cells["label"].tolist()
    [1, 2]
    """
    around = partial(pm.map_overlap, boundary="none", block_vox=s.block_vox)
    each = partial(pm.map_blocks, block_vox=s.block_vox)
    # Filter: what has the size of a nucleus, what stands out from its surroundings.
    sizes = partial(nuclei.difference_of_gaussians, narrow_vox=s.vox(NARROW), wide_vox=s.vox(WIDE))
    response = around(sizes, image, depth=nuclei.reach(s.vox(WIDE)))
    bumps = partial(
        nuclei.difference_of_gaussians, narrow_vox=s.vox(NARROW), wide_vox=s.vox(SURROUND)
    )
    relief = around(bumps, image, depth=nuclei.reach(s.vox(SURROUND)))
    bright = each(lambda r: r > 0, relief, dtype=bool)
    needed = stands_out(image, relief, bright, s)
    # Threshold: generous, since outlines are found later; seeds must be sure.
    low = s.sensitivity * max(float(pm.filters.threshold_otsu(relief)), 0.0)
    foreground = each(
        lambda r, d, n: (r > low) & (r > REST * n) & (d > 0), relief, response, needed, dtype=bool
    )
    seeds = find_seeds(response, relief, foreground, needed, s)
    # Watershed: one basin for each seed. Its blocks are its own: where nuclei touch all through
    # the volume they would show in the basins.
    near, depth = partial(nuclei.near, radius_vox=s.vox(FARTHEST)), np.ceil(s.vox(FARTHEST))
    near = around(near, seeds, foreground, depth=depth.astype(int), dtype=bool)
    valleys = each(np.negative, response)
    basins = pm.segmentation.watershed(valleys, pm.measure.label(seeds), mask=near)
    # Measure: the connected pieces that hold a seed, numbered anew without those too small.
    pieces = pm.measure.label(outlined(image, bright, basins, s), connectivity=1)
    size = pm.measure.regionprops_table(pieces, seeds, ("label", "area", "intensity_max"))
    labels = each(partial(nuclei.renumber, new=kept(size, s.smallest_vox)), pieces, dtype=np.uint32)
    return labels, pm.measure.regionprops_table(labels, image, PROPERTIES)


def stands_out(image: Any, relief: Any, bright: Any, s: SegmentSettings) -> Any:
    """Relief from which on a peak is no chance of noise, stripes or texture. COLLECTIVE."""
    around = partial(pm.map_overlap, boundary="none", block_vox=s.block_vox)
    grain = partial(significance.grain, narrow_vox=s.vox(NARROW), around_vox=s.vox(AROUND))
    depth = np.add(nuclei.reach(s.vox(AROUND)), (0, 3, 3))
    grain = around(grain, image, bright, depth=depth)
    texture = partial(significance.texture, around_vox=s.vox(LOCAL))
    texture = around(texture, relief, depth=nuclei.reach(s.vox(LOCAL)))
    chance = significance.chance(image.shape, s.vox(1.0))
    needed = partial(significance.needed, grains=SURE, textures=chance)
    return pm.map_blocks(needed, grain, texture, block_vox=s.block_vox, dtype=np.float32)


def find_seeds(response: Any, relief: Any, foreground: Any, needed: Any, s: SegmentSettings) -> Any:
    """One voxel of each nucleus: peaks of the response that stand out on all sides. COLLECTIVE."""
    around = partial(pm.map_overlap, boundary="none", block_vox=s.block_vox, dtype=bool)
    each = partial(pm.map_blocks, block_vox=s.block_vox, dtype=bool)
    sure = each(lambda f, r, n: f & (r > n), foreground, relief, needed)
    window, merge = nuclei.window(s.vox(WINDOW)), tuple(m * s.diameter_um for m in MERGE)
    peaks = partial(nuclei.peaks, window_vox=window, voxel_um=s.voxel_um, merge_um=merge)
    depth = np.add(np.ceil(np.add(s.vox(MERGE[1]), 1)).astype(int), window)
    seeds = around(peaks, response, sure, depth=depth)
    compact = partial(significance.compact, around_vox=s.vox(SIDES), limit=PARALLEL)
    return around(compact, seeds, relief, depth=np.ceil(s.vox(2 * SIDES)).astype(int))


def outlined(image: Any, bright: Any, basins: Any, s: SegmentSettings) -> Any:
    """The basins within the nuclei's outlines: at a share of each one's level. COLLECTIVE."""
    around = partial(pm.map_overlap, boundary="none", block_vox=s.block_vox)
    each = partial(pm.map_blocks, block_vox=s.block_vox)
    above = partial(nuclei.contrast, edge_vox=s.vox(EDGE), around_vox=s.vox(AROUND))
    above = around(above, image, bright, depth=nuclei.reach(s.vox(AROUND)))
    level = own_level(basins, above, each)
    inside = partial(nuclei.inside_outline, level=level, fraction=s.outline)
    inside = each(inside, basins, above, dtype=bool)
    tidy = partial(nuclei.tidy, radius_vox=s.vox(TIDY))
    return around(tidy, basins, inside, depth=np.ceil(s.vox(TIDY)).astype(int))


def own_level(basins: Any, above: Any, each: partial) -> np.ndarray:
    """Level of each basin: its mean contrast, each voxel weighing by its own. COLLECTIVE."""
    mean = pm.measure.regionprops_table(basins, above, ("label", "intensity_mean"))
    power = pm.measure.regionprops_table(
        basins, each(np.square, above), ("label", "intensity_mean")
    )
    level = np.zeros(int(mean["label"].max(initial=0)) + 1)
    level[mean["label"]] = power["intensity_mean"] / np.maximum(mean["intensity_mean"], 1e-30)
    return level


def kept(size: dict[str, np.ndarray], smallest_vox: float) -> np.ndarray:
    """New number of each piece by its old one, 0 for those too small or without a seed. LOCAL.

    Examples
    --------
    >>> size = {"label": [1, 2, 3, 4], "area": [9, 1, 8, 7], "intensity_max": [1, 1, 0, 1]}
    >>> kept({name: np.array(column) for name, column in size.items()}, 5.0).tolist()
    [0, 1, 0, 0, 2]
    """
    new = np.zeros(int(size["label"].max(initial=0)) + 1, np.uint32)
    good = size["label"][(size["area"] >= smallest_vox) & (size["intensity_max"] > 0)]
    new[good] = np.arange(1, len(good) + 1)
    return new


def segment_file(
    path: str | Path,
    settings: SegmentSettings,
    run: runs.Run,
    tile: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Segment one file into a run's folder. COLLECTIVE.

    Parameters
    ----------
    path : path
        Volume (z, y, x): whatever ``pm.io.open`` reads.
    settings : SegmentSettings
        Sizes and thresholds.
    run : Run
        Where the results go.
    tile : (int, int), optional
        Row and column: labels/r{row}_c{col}.h5 and tables/r{row}_c{col}.csv are written. Without
        it: labels.h5 and cells.csv.

    Returns
    -------
    dict
        `cells` (their number), `labels` and `table` (the files).

    Raises
    ------
    InputError
        Before any work, where settings or image make no sense.
    """
    settings.check()
    name = "r{}_c{}".format(*tile or (0, 0))
    files = (f"labels/{name}.h5", f"tables/{name}.csv") if tile else ("labels.h5", "cells.csv")
    with pm.io.open(path) as image:
        check_image(image, path)
        settings.check_shape(image.shape)
        labels, cells = find_nuclei(image, settings)
        attrs = {"voxel_um": list(settings.voxel_um), "diameter_um": settings.diameter_um}
        pm.io.save(run.path(files[0]), labels, dataset="labels", attrs=attrs)
        table = cell_table(cells, settings.voxel_um, name)
        run.write_tile_table(name, table) if tile else run.write_table(files[1], table)
    n = len(cells["label"])
    if n == 0:
        commands.say(f"{path}: no nuclei found; check --diameter-um, or lower sensitivity")
    return {"cells": n, "labels": run.path(files[0]), "table": run.path(files[1])}


def check_image(image: Any, path: str | Path) -> None:
    """Raise InputError for what is no volume of real, finite numbers. COLLECTIVE."""
    if image.ndim != 3:
        raise InputError(f"{path}: a volume (z, y, x) is needed; found shape {tuple(image.shape)}")
    if image.dtype.kind not in "biuf" or 0 in image.shape:
        raise InputError(
            f"{path}: real numbers are needed; found {image.dtype}, shape {tuple(image.shape)}"
        )
    if image.dtype.kind == "f":
        try:
            pm.filters.histogram(image, nbins=2)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def cell_table(
    cells: dict[str, np.ndarray], voxel_um: tuple[float, float, float], tile: str
) -> dict[str, np.ndarray]:
    """Columns of cells.csv; what later apps fill in is empty. LOCAL."""
    n = len(cells["label"])
    volume = cells["area"] * math.prod(voxel_um)
    centre = (cells[f"centroid-{axis}"] * v for axis, v in enumerate(voxel_um))
    values = (
        cells["label"], np.full(n, tile), *centre, volume, np.cbrt(volume * 6 / math.pi),
        *(cells[f"intensity_{name}"] for name in ("mean", "std", "skew", "kurtosis")),
        np.full(n, "unclassified"), np.full(n, np.nan), np.full(n, np.nan),
    )  # fmt: skip
    return dict(zip(tables.CELL_COLUMNS, values, strict=True))


def main(argv: list[str] | None = None) -> int:
    """Command line of `segment`."""
    parser = commands.Parser(
        prog="segment",
        description="Find nuclei in a volume: labels.h5 and cells.csv.",
        epilog="example: pRUN segment dapi.tif --voxel-um 1 0.5 0.5 --diameter-um 9 --out found",
    )
    add = parser.add_argument
    add("image", metavar="IMAGE", type=Path, help="volume (z, y, x): TIFF, HDF5, CZI")
    add("--voxel-um", nargs=3, type=float, required=True, metavar=("Z", "Y", "X"))
    add("--diameter-um", type=float, required=True, help="typical diameter of a nucleus")
    add("--sensitivity", type=float, default=SegmentSettings.sensitivity,
        help="share of Otsu's threshold; lower finds dimmer nuclei (%(default)s)")  # fmt: skip
    add("--block-vox", nargs=3, type=int, default=SegmentSettings.block_vox,
        metavar=("Z", "Y", "X"), help="voxels worked on at a time (%(default)s)")  # fmt: skip
    add("--out", type=Path, required=True, help="new folder, or one where this was cut off")
    a = parser.parse_args(argv)
    settings = SegmentSettings(
        tuple(a.voxel_um), a.diameter_um, a.sensitivity, block_vox=tuple(a.block_vox)
    )

    def work() -> None:
        settings.check()
        said = dataclasses.asdict(settings) | {"image": str(a.image.absolute())}
        del said["block_vox"]  # the result does not depend on it
        with pm.io.open(a.image) as image:
            check_image(image, a.image)
            if problem := pm.once(inputs.constant_problem, image):
                raise InputError(f"{a.image}: {problem}")
            settings.check_shape(image.shape)
            n_blocks = settings.count_blocks(image.shape)
        run = runs.open_run(a.out, "segment", said)
        if run.done("segment") and pm.once((run.out / "cells.csv").is_file):
            commands.say(f"{run.facts('segment')['cells']} nuclei, found before: {run.out}")
            return
        commands.say_idle(n_blocks, "block(s)")
        with run.stage("segment"):
            found = segment_file(a.image, settings, run)
        # the table is not listed: classify and coincide fill in its columns
        run.finish("segment", [found["labels"]], cells=found["cells"])
        commands.say(f"{found['cells']} nuclei: {found['labels']}, {found['table']}")

    return commands.guarded(work)


if __name__ == "__main__":
    raise SystemExit(main())

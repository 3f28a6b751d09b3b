"""simulate: a grid of overlapping tiles of brain tissue, with exact truth.

One continuous specimen is planted (kernels/simulation.py), tiles are cut from it at jittered
places, and a microscope looks at each of them (kernels/optics.py): blur, vignetting, a gain of its
own, noise. Two channels: `dapi` shows all nuclei, `cfos` the active neurons. The folder that is
written holds a dataset.toml for the other apps, and in truth/ the labels of every tile, all cells,
and the places of the tiles. Nuclei that a tile's border cuts are labelled there as far as they
reach into it.

    python -m pmap.apps.simulate --grid 2 2 --out brain
"""

import argparse
import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import pmap as pm
from pmap import InputError

from . import commands, dataset, runs, tables
from .kernels import optics, simulation

CHANNELS = (
    dataset.Channel("dapi", "nuclei", "dapi_r{row}_c{col}.tif"),
    dataset.Channel("cfos", "marker", "cfos_r{row}_c{col}.tif"),
)
LENS = optics.Optics()
MARKER_E, MARKER_BACKGROUND_E, BLEED = 90.0, 25.0, 0.3  # c-Fos channel; BLEED: of the nuclear stain
HAZE_UM = 25.0  # length over which the unspecific background changes
GAIN_SPREAD = 0.1
FILL = 0.15  # share of the tissue that nuclei fill unless a density is given
MOST_FILL = 0.3
SMALLEST_DIAMETER_VOX = 4


@dataclass(frozen=True)
class SimulateSettings:
    """What to simulate; the defaults make a demonstration that fits any laptop.

    Attributes
    ----------
    grid : (int, int)
        Rows and columns of tiles.
    tile_vox : (int, int, int)
        Voxels of one tile (z, y, x).
    voxel_um : (float, float, float)
        Voxel size (z, y, x), µm.
    diameter_um : float
        Mean diameter of a nucleus, µm.
    density_per_mm3 : float or None
        Nuclei in a cubic millimetre; None: nuclei fill 15 % of the tissue.
    overlap : float
        Share of a tile that it has in common with its neighbour, along y and x.
    seed : int
        The same seed and settings give the same files.
    """

    grid: tuple[int, int] = (2, 2)
    tile_vox: tuple[int, int, int] = (48, 192, 192)
    voxel_um: tuple[float, float, float] = (1.0, 0.5, 0.5)
    diameter_um: float = 9.0
    density_per_mm3: float | None = None
    overlap: float = 0.15
    seed: int = 0

    @property
    def density(self) -> float:
        """Nuclei in a cubic millimetre."""
        return self.density_per_mm3 or FILL / self._nucleus_mm3

    @property
    def _nucleus_mm3(self) -> float:
        return math.pi / 6 * (self.diameter_um * 1e-3) ** 3

    def check(self) -> None:
        """Raise InputError for what cannot be simulated."""
        for name in ("grid", "tile_vox", "voxel_um", "diameter_um", "density_per_mm3"):
            value = getattr(self, name)
            if value is not None and not all(math.isfinite(v) and v > 0 for v in np.ravel(value)):
                raise InputError(f"{name} must be above 0; found {value}")
        if self.seed < 0:
            raise InputError(f"--seed must be 0 or more; found {self.seed}")
        if not 0 < self.overlap <= 0.5:
            raise InputError(f"--overlap must lie in (0, 0.5], as 0.1 for 10 %; not {self.overlap}")
        if self.diameter_um / max(self.voxel_um) < SMALLEST_DIAMETER_VOX:
            raise InputError(
                f"a nucleus of {self.diameter_um} um is less than {SMALLEST_DIAMETER_VOX} voxels "
                f"of {max(self.voxel_um)} um wide; give smaller voxels or larger nuclei"
            )
        if self.density * self._nucleus_mm3 > MOST_FILL:
            raise InputError(
                f"{self.density:g} nuclei per mm3 of {self.diameter_um} um would fill more than "
                f"{MOST_FILL:.0%} of the tissue; at most {MOST_FILL / self._nucleus_mm3:.0f} fit"
            )
        width_um = max(n * v for n, v in zip(self.tile_vox[1:], self.voxel_um[1:], strict=True))
        if self.diameter_um > width_um:
            raise InputError(
                f"a nucleus of {self.diameter_um:g} um is wider than a tile of {width_um:g} um; "
                "give larger tiles or smaller nuclei"
            )
        if min(self.tile_vox) < SMALLEST_DIAMETER_VOX:
            raise InputError(f"a tile of {self.tile_vox} voxels is too small to hold a nucleus")


def simulate(settings: SimulateSettings, out: str | Path) -> Path:
    """Write a simulated dataset; tiles are shared out over the ranks. COLLECTIVE.

    Parameters
    ----------
    settings : SimulateSettings
        What to simulate.
    out : path
        A new folder, or one where the same simulation was cut off.

    Returns
    -------
    Path
        The dataset.toml.

    Raises
    ------
    InputError
        For settings that make no sense, or a folder that holds something else.
    """
    settings.check()
    run = runs.open_run(out, "simulate", dataclasses.asdict(settings))
    places = place_tiles(settings)
    frame = np.add(list(places.values()), settings.tile_vox).max(axis=0)
    tissue = simulation.plant(
        tuple(frame * settings.voxel_um), settings.diameter_um, settings.density, settings.seed
    )
    tiles = list(places)

    def make(tile: tuple[int, int]) -> dict:
        name = f"tile r{tile[0]}_c{tile[1]}"
        if not run.done(name):
            files, cells = write_tile(settings, tissue, places, tile, run)
            run.finish(name, files, cells=cells)
        return run.facts(name)["cells"]

    pieces = pm.foreach(tiles, make, stop_on_error=True)
    run.write_table("truth/cells.csv", truth_table(settings, tissue, tiles, pieces))
    run.write_json("truth/placements.json", placements(settings, places))
    return pm.once(
        dataset.save, run.path("dataset.toml"), voxel_um=settings.voxel_um, channels=CHANNELS,
        grid=settings.grid, overlap=(settings.overlap, settings.overlap), name="simulated",
        segment={"diameter_um": settings.diameter_um}, truth_dir="truth",
    )  # fmt: skip


def place_tiles(settings: SimulateSettings) -> dict[tuple[int, int], tuple[int, int, int]]:
    """Position (z, y, x) of each tile's first voxel in a frame whose minimum is 0. LOCAL.

    The stage hits its target by a few voxels only, along all axes: at most a fifth of the overlap.

    Examples
    --------
    >>> place_tiles(SimulateSettings(grid=(1, 1)))
    {(0, 0): (0, 0, 0)}
    """
    rng = np.random.default_rng([settings.seed, 5])
    size = np.array(settings.tile_vox)
    step = np.rint(size[1:] * (1 - settings.overlap)).astype(int)
    jitter = np.minimum([2, 4, 4], [size[0] // 16, *((size[1:] - step) // 5)])
    tiles = list(np.ndindex(*settings.grid))
    exact = np.array([(0, row * step[0], col * step[1]) for row, col in tiles])
    found = exact + rng.integers(-jitter, jitter, exact.shape, endpoint=True)
    found -= found.min(axis=0)
    return {tile: tuple(int(v) for v in at) for tile, at in zip(tiles, found, strict=True)}


def write_tile(
    settings: SimulateSettings, tissue: simulation.Specimen, places: dict, tile: tuple[int, int],
    run: runs.Run,
) -> tuple[list[Path], dict[str, list]]:  # fmt: skip
    """Render and write one tile; return its files, and the voxel sums of its cells. LOCAL."""
    at, voxel, seed = np.array(places[tile]), settings.voxel_um, settings.seed
    halo = optics.halo_vox(LENS.psf_um, voxel)
    around = tuple(n + 2 * h for n, h in zip(settings.tile_vox, halo, strict=True))
    labels, stain, marker = simulation.render(tissue, tuple(at - halo), around, voxel)
    labels = labels[tuple(slice(h, -h) for h in halo)]
    stain, marker = (optics.blur(light, LENS.psf_um, voxel) for light in (stain, marker))
    tissue_glow, unspecific = (
        optics.haze(at * voxel, settings.tile_vox, voxel, HAZE_UM, [seed, kind]) for kind in (2, 3)
    )
    light = {
        "dapi": LENS.signal_e * stain + LENS.background_e * tissue_glow,
        "cfos": MARKER_E * marker + MARKER_BACKGROUND_E * unspecific * (1 + BLEED * stain),
    }
    row, col = tile
    gain = math.exp(np.random.default_rng([seed, 6, row, col]).normal(0.0, GAIN_SPREAD))
    attrs = {"voxel_um": list(voxel)}
    files = [run.path("truth", f"labels_r{row}_c{col}.tif")]
    pm.io.save(files[0], labels, attrs=attrs)
    for kind, channel in enumerate(CHANNELS):
        image = optics.expose(light[channel.name], LENS, gain, [seed, 7, kind, row, col])
        files.append(run.path(channel.files.format(row=row, col=col)))
        pm.io.save(files[-1], image, attrs=attrs)
    return files, _voxel_sums(labels, at, _seen_before(settings, places, tile))


def _seen_before(settings: SimulateSettings, places: dict, tile: tuple[int, int]) -> np.ndarray:
    """Voxels of this tile that an earlier tile shows too: the frame counts them once."""
    seen = np.zeros(settings.tile_vox, bool)
    for other, at in places.items():
        if other == tile:
            return seen
        start = np.subtract(at, places[tile])
        box = [slice(max(s, 0), max(s + n, 0)) for s, n in zip(start, seen.shape, strict=True)]
        seen[tuple(box)] = True
    return seen


def _voxel_sums(labels: np.ndarray, at: np.ndarray, seen: np.ndarray) -> dict[str, list]:
    """Ids in a tile, and of the voxels not seen before: their number and sum of positions."""
    inside = np.nonzero(labels)
    ids, row = np.unique(labels[inside], return_inverse=True)
    new = ~seen[inside]
    count = np.bincount(row, weights=new, minlength=len(ids))
    sums = [
        np.bincount(row, weights=new * (axis + float(o)), minlength=len(ids))
        for axis, o in zip(inside, at, strict=True)
    ]
    return {"id": ids.tolist(), "voxels": count.tolist(), "sums": np.array(sums).tolist()}


def truth_table(
    settings: SimulateSettings, tissue: simulation.Specimen, tiles: list, pieces: list[dict]
) -> dict[str, np.ndarray]:
    """Columns of truth/cells.csv: every nucleus that some tile shows. LOCAL.

    Positions are centres of mass of what lies in the frame; `tile` is the first that shows it.
    """
    n = len(tissue)
    voxels, sums = np.zeros(n + 1), np.zeros((3, n + 1))
    tile_of = np.full(n + 1, "", dtype=object)
    for (row, col), piece in zip(reversed(tiles), reversed(pieces), strict=True):
        ids = np.array(piece["id"], dtype=int)
        voxels[ids] += piece["voxels"]
        sums[:, ids] += np.array(piece["sums"]).reshape(3, len(ids))
        tile_of[ids] = f"r{row}_c{col}"
    ids = np.flatnonzero(voxels)
    centre = sums[:, ids] / voxels[ids] * np.array(settings.voxel_um)[:, None]
    neuron = tissue.neuron[ids - 1]
    return {
        "id": ids,
        "tile": tile_of[ids].astype(str),
        **dict(zip(("z_um", "y_um", "x_um"), centre, strict=True)),
        "class": np.where(neuron, "neuron", "glia"),
        "cfos": (tissue.cfos[ids - 1] > 0).astype(int),
    }


def placements(settings: SimulateSettings, places: dict) -> dict:
    """Return the content of truth/placements.json. LOCAL."""
    links = []
    for row, col in places:
        for other in ((row, col + 1), (row + 1, col)):
            if other in places:
                shift = np.subtract(places[other], places[row, col]).tolist()
                links.append(
                    {"a": [row, col], "b": list(other), "shift_zyx_vox": shift, "score": 1.0}
                )
    tiles = [{"row": r, "col": c, "zyx_vox": list(at)} for (r, c), at in places.items()]
    return {"tiles": tiles, "links": links}


def main(argv: list[str] | None = None) -> int:
    """Command line of `simulate`."""
    settings, out = _parse(argv)

    def work() -> None:
        path = simulate(settings, out)
        cells = pm.once(tables.read_csv, path.parent / "truth" / "cells.csv")
        neurons = int((cells["class"] == "neuron").sum())
        commands.say(
            json.dumps({
                "dataset": str(path), "cells": len(cells["id"]), "neurons": neurons,
                "glia": len(cells["id"]) - neurons, "cfos": int(cells["cfos"].sum()),
            })
        )  # fmt: skip

    return commands.guarded(work)


def _parse(argv: list[str] | None) -> tuple[SimulateSettings, Path]:
    usual = SimulateSettings()
    parser = commands.Parser(
        prog="simulate", description="Simulate a grid of brain-tissue tiles with exact truth.",
        epilog="example: pRUN simulate --grid 2 2 --out brain",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("--grid", nargs=2, type=int, default=usual.grid, metavar=("ROWS", "COLS"), help="tiles")
    add("--tile", nargs=3, type=int, default=usual.tile_vox, metavar=("Z", "Y", "X"), help="voxels")
    add("--voxel-um", nargs=3, type=float, default=usual.voxel_um, metavar=("Z", "Y", "X"),
        help="voxel size in um")  # fmt: skip
    add("--diameter-um", type=float, default=usual.diameter_um, help="mean diameter of a nucleus")
    add("--density-per-mm3", type=float, help="nuclei; if omitted they fill 15 percent")
    add("--overlap", type=float, default=usual.overlap, help="share of a tile, in y and x")
    add("--seed", type=int, default=usual.seed, help="equal seeds give equal files")
    add("--out", type=Path, required=True, help="new folder for the dataset")
    a = parser.parse_args(argv)
    settings = SimulateSettings(
        grid=tuple(a.grid),
        tile_vox=tuple(a.tile),
        voxel_um=tuple(a.voxel_um),
        diameter_um=a.diameter_um,
        density_per_mm3=a.density_per_mm3,
        overlap=a.overlap,
        seed=a.seed,
    )
    return settings, a.out


if __name__ == "__main__":
    raise SystemExit(main())

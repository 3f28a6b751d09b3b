"""Tiles on a grid, wherever they come from: a dataset file, or one CZI file that holds a mosaic."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pmap as pm
from pmap import InputError

from . import dataset as datasets

Tile = tuple[int, int]
Part = tuple[int | None, int | None, int] | None

LEAST_OVERLAP_VOX = 4
"""With fewer voxels in common no correlation can tell one place from another."""


@dataclass(frozen=True)
class Mosaic:
    """A grid of overlapping tiles of one shape.

    Attributes
    ----------
    name : str
        What errors call it.
    tiles : tuple of (row, col)
        In the order of acquisition.
    files : mapping of channel to mapping of (row, col) to (path, part)
        Part is None where a file is one tile, else (scene, channel, number) in a CZI file.
    shape : tuple of int
        Voxels of a tile (z, y, x).
    dtypes : mapping of channel to dtype name
    voxel_um : tuple of float
    nominal : mapping of (row, col) to tuple of int, voxels
        Where the stage put the tiles.
    """

    name: str
    tiles: tuple[Tile, ...]
    files: Mapping[str, Mapping[Tile, tuple[Path, Part]]]
    shape: tuple[int, int, int]
    dtypes: Mapping[str, str]
    voxel_um: tuple[float, float, float]
    nominal: Mapping[Tile, tuple[int, int, int]]

    def open(self, channel: str, tile: Tile) -> pm.io.FileArray:
        """The image of one tile, to be read box by box. LOCAL."""
        return _open(*self.files[channel][tile])

    def neighbours(self) -> list[tuple[Tile, Tile, int, int]]:
        """All (tile, tile below or to the right, axis, nominal overlap in voxels)."""
        pairs = []
        for row, col in sorted(self.tiles):
            for axis, beside in ((1, (row + 1, col)), (2, (row, col + 1))):
                if beside in self.nominal:
                    step = self.nominal[beside][axis] - self.nominal[row, col][axis]
                    pairs.append(((row, col), beside, axis, self.shape[axis] - step))
        return pairs


def open_mosaic(source: datasets.Dataset | str | Path, scene: int | None = None) -> Mosaic:
    """A dataset, its TOML file, or a CZI file as a checked mosaic. COLLECTIVE.

    Parameters
    ----------
    source : Dataset or path
    scene : int, optional
        Which scene of a CZI file to take; needed where it has several.

    Returns
    -------
    Mosaic

    Raises
    ------
    InputError
        If tiles differ in shape or dtype, overlap too little, or the CZI file holds no mosaic.
    """
    if isinstance(source, datasets.Dataset):
        return pm.once(_of_dataset, source)
    path = Path(source)
    if path.suffix.lower() == ".czi":
        return pm.once(_of_czi, path, scene)
    return pm.once(_of_dataset, pm.once(datasets.load, path))


def _of_dataset(dataset: datasets.Dataset) -> Mosaic:
    tiles = tuple(dataset.tiles)
    files = {
        c.name: {tile: (dataset.file(c, *tile), None) for tile in tiles} for c in dataset.channels
    }
    shape, dtypes = _common(files)
    step = [n - math.floor(n * f + 0.5) for n, f in zip(shape[1:], dataset.overlap, strict=True)]
    mosaic = Mosaic(
        str(dataset.path), tiles, files, shape, dtypes, dataset.voxel_um,
        {(row, col): (0, row * step[0], col * step[1]) for row, col in tiles},
    )  # fmt: skip
    return _checked(mosaic)


def _of_czi(path: Path, scene: int | None) -> Mosaic:
    if not path.is_file():
        raise InputError(f"no file {path}; give a dataset.toml or a CZI file with a mosaic")
    channels = _czi_channels(path, scene)
    parts = next(iter(channels.values()))
    if len(parts) < 2:
        raise InputError(
            f"{path} holds no mosaic: one tile of {parts[0][1].shape} voxels, nothing to stitch"
        )
    starts = [start for start, _ in parts]
    half = [n // 2 for n in parts[0][1].shape]
    rows = _lines([s[1] for s in starts], half[1])
    cols = _lines([s[2] for s in starts], half[2])
    tiles = tuple(zip(rows, cols, strict=True))
    if len(set(tiles)) < len(tiles):
        raise InputError(f"{path}: two tiles lie at the same place of the grid: {starts}")
    files = {
        path.stem + (f"_c{channel}" if len(channels) > 1 else ""): {
            tile: (path, (scene, channel, number)) for number, tile in enumerate(tiles)
        }
        for channel in channels
    }
    shape, dtypes = _common(files)
    voxel_um = tuple(float(v) for v in parts[0][1].attrs.get("voxel_um", (1.0, 1.0, 1.0)))
    nominal = dict(zip(tiles, starts, strict=True))
    return _checked(Mosaic(str(path), tiles, files, shape, dtypes, voxel_um, nominal))


def _czi_channels(path: Path, scene: int | None) -> dict[int | None, list]:
    """The tiles of each channel of a scene, by the channel's number."""
    try:
        return {None: pm.io.czi_tiles(path, scene=scene)}
    except InputError as error:
        if "scenes" in str(error):
            raise InputError(f"{error} (with --scene)") from error
        if "channels" not in str(error):
            raise
    found: dict[int | None, list] = {}
    for channel in itertools.count():
        try:
            found[channel] = pm.io.czi_tiles(path, scene=scene, channel=channel)
        except InputError:
            return found


def _open(path: Path, part: Part) -> pm.io.FileArray:
    if part is None:
        return pm.io.open(path)
    scene, channel, number = part
    try:
        return pm.io.czi_tiles(path, scene=scene, channel=channel)[number][1]
    except IndexError:
        raise InputError(f"{path}: channel {channel} has fewer tiles than the others") from None


def _lines(starts: list[int], apart: int) -> list[int]:
    """Number of the row (or column) of each start; starts within `apart` are of one."""
    lines: list[int] = []
    for start in sorted(starts):
        if not lines or start - lines[-1] > apart:
            lines.append(start)
    return [max(i for i, line in enumerate(lines) if line <= start) for start in starts]


def _common(files: Mapping) -> tuple[tuple[int, ...], dict[str, str]]:
    """Shape of all tiles and dtype of each channel, or an error that names the odd one."""
    shape, first, dtypes = None, None, {}
    for channel, tiles in files.items():
        for path, part in tiles.values():
            with _open(path, part) as image:
                found, dtype = image.shape, image.dtype.name
            if shape is None:
                shape, first = found, path
            if found != shape:
                raise InputError(
                    f"{path} has shape {found}, {first} has {shape}: all tiles of a dataset must "
                    "have one shape"
                )
            if dtypes.setdefault(channel, dtype) != dtype:
                raise InputError(
                    f"{path} is {dtype}, the other tiles of channel {channel!r} are "
                    f"{dtypes[channel]}: convert it"
                )
    if len(shape) != 3:
        raise InputError(f"{first} has axes {shape}; a tile has three, (z, y, x)")
    return shape, dtypes


def _checked(mosaic: Mosaic) -> Mosaic:
    for a, b, axis, overlap in mosaic.neighbours():
        if overlap < LEAST_OVERLAP_VOX:
            raise InputError(
                f"{mosaic.name}: tiles {a} and {b} overlap by {overlap} voxels of "
                f"{mosaic.shape[axis]} along {'zyx'[axis]}; at least {LEAST_OVERLAP_VOX} are "
                "needed to register them: check [dataset] overlap"
            )
    return mosaic

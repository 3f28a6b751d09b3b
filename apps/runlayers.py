"""What a run's folder holds that can be exported: channels, labels, cells, voxel size."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pmap import InputError

from . import dataset, tables

SUFFIXES = (".h5", ".hdf5", ".tif", ".tiff", ".czi")


@dataclass(frozen=True)
class Image:
    """A file to export as a channel, and the place of its first voxel in the frame (z, y, x)."""

    name: str
    path: Path
    start: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True)
class RunLayers:
    """Channels, labels and table of a run; the voxel size where the run tells it."""

    images: tuple[Image, ...]
    voxel_um: tuple[float, float, float] | None
    labels: Path | None
    cells: dict[str, np.ndarray] | None


def run_layers(run_dir: Path, voxel_um: Sequence[float] | None = None) -> RunLayers:
    """Find the layers of a run. LOCAL.

    Fused channels and labels come first; without them, the images that the run was made of, each
    tile at its place in placements.json.
    """
    path = run_dir / "run.json"
    if not path.is_file():
        raise InputError(f"{run_dir} is not a run's folder: it has no run.json")
    settings = json.loads(path.read_text(encoding="utf-8")).get("settings", {})
    voxel_um = voxel_um or _setting(settings, "voxel_um")
    data = _dataset_of(settings)
    if voxel_um is None and data is not None:
        voxel_um = data.voxel_um
    labels = [run_dir / "fused" / f"labels{s}" for s in SUFFIXES]
    labels += [run_dir / "labels.h5", *sorted((run_dir / "labels").glob("r*_c*.h5"))]
    labels = [p for p in labels if p.is_file()]
    if not (run_dir / "fused").is_dir() and len(labels) > 1:
        raise InputError(
            f"{run_dir} has {len(labels)} tiles that are not stitched: stitch it first"
        )
    fused = _fused(run_dir, data)
    if not labels and not fused:
        raise InputError(f"{run_dir} holds neither labels nor fused volumes yet: finish it first")
    cells = run_dir / "cells.csv"
    return RunLayers(
        tuple(fused or _original(run_dir, settings, data)),
        None if voxel_um is None else tuple(float(v) for v in voxel_um),
        labels[0] if labels else None,
        tables.read_csv(cells) if cells.is_file() else None,
    )


def _setting(settings: Mapping, name: str) -> object:
    """Value of a setting, wherever it stands in nested settings; None where it is not."""
    if name in settings:
        return settings[name]
    found = (_setting(v, name) for v in settings.values() if isinstance(v, Mapping))
    return next((v for v in found if v is not None), None)


def _dataset_of(settings: Mapping) -> dataset.Dataset | None:
    path = _setting(settings, "dataset") or _setting(settings, "source")
    return dataset.load(path) if str(path).endswith(".toml") else None


def _fused(run_dir: Path, data: dataset.Dataset | None) -> list[Image]:
    """Fused channels, in the dataset's order where it is known, else by name."""
    files = {p.stem: p for p in sorted((run_dir / "fused").glob("*")) if p.suffix in SUFFIXES}
    names = [c.name for c in data.channels if c.name in files] if data else []
    names += [name for name in files if name not in names and name != "labels"]
    return [Image(name, files[name]) for name in names]


def _original(run_dir: Path, settings: Mapping, data: dataset.Dataset | None) -> list[Image]:
    """Images that the run was made of."""
    if data is None:
        image = _setting(settings, "image")
        if not isinstance(image, str):
            return []
        if not Path(image).exists():
            raise InputError(
                f"the image of {run_dir}, {image}, is not there; if it was moved, export the image "
                f"itself with --labels {run_dir}/labels.h5 --cells {run_dir}/cells.csv"
            )
        return [Image(Path(image).name.split(".")[0], Path(image))]
    if len(data.tiles) == 1:
        return [Image(c.name, data.file(c, *data.tiles[0])) for c in data.channels]
    placements = run_dir / "placements.json"
    if not placements.is_file():
        raise InputError(f"{run_dir} has no placements.json: stitch it first")
    places = json.loads(placements.read_text(encoding="utf-8"))["tiles"]
    return [
        Image(
            f"{channel.name}_r{t['row']}_c{t['col']}",
            data.file(channel, t["row"], t["col"]),
            tuple(round(v) for v in t["zyx_vox"]),
        )
        for channel in data.channels
        for t in places
    ]

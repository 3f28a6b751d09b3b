"""The stages of the pipeline: what each does, and what its result depends on.

A stage depends on settings, on files that it reads (images, a model, the truth), and on the stages
that it needs. From these follows what has to be done again when one of them changes, and nothing
else (module standing).
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pmap as pm

from . import (
    classify,
    coincide,
    evaluate,
    export,
    report,
    segment,
    stitch,
    wholefiles,
)
from . import dataset as datasets
from .commands import say
from .dataset import Dataset
from .fuse import fuse_run
from .runs import Run

Tile = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Stage:
    """One step of the pipeline.

    Attributes
    ----------
    name, does : str
        What it is called, and what it is for.
    work : callable
        ``work(run)`` does it and returns the files that belong to it; ``work(run, tile)`` if it
        works tile by tile. COLLECTIVE.
    settings : mapping
        Those of the dataset and the command line that the result depends on.
    reads : callable
        ``reads()``, or ``reads(tile)``, lists the files outside the run that it reads; ``*`` stands
        for any text. LOCAL.
    needs : tuple of str
        Stages whose results it reads.
    tiles : tuple of (row, col)
        The tiles, if it works tile by tile.
    """

    name: str
    does: str
    work: Callable[..., list[Path]]
    settings: Mapping
    reads: Callable[..., list[Path]]
    needs: tuple[str, ...] = ()
    tiles: tuple[Tile, ...] = ()

    @property
    def tasks(self) -> list[str]:
        """What can be asked for by itself: each tile, or the stage."""
        return [tile_name(tile) for tile in self.tiles] or [self.name]

    @property
    def items(self) -> dict[str, Tile | None]:
        """What the ledger notes as finished, each with its tile."""
        if not self.tiles:
            return {self.name: None}
        return {f"{self.name} {tile_name(tile)}": tile for tile in self.tiles}


def tile_name(tile: Tile) -> str:
    """How a tile is called in names of files and on the command line. LOCAL.

    Examples
    --------
    >>> tile_name((0, 12))
    'r0_c12'
    """
    return f"r{tile[0]}_c{tile[1]}"


def stages_of(dataset: Dataset, *, rule: str = "ncc", layers: bool = True) -> list[Stage]:
    """List the stages that this dataset goes through, in their order. LOCAL.

    Parameters
    ----------
    dataset : Dataset
    rule : {"ncc", "paper"}
        How tiles are registered.
    layers : bool
        Whether layers for Neuroglancer are exported.
    """
    absent = set() if layers else {"export"}
    absent |= set() if dataset.truth_dir else {"evaluate"}
    absent |= set() if dataset.channel("marker") else {"coincide"}
    stages = [stage for stage in _all_stages(dataset, rule) if stage.name not in absent]
    return [
        dataclasses.replace(stage, needs=tuple(n for n in stage.needs if n not in absent))
        for stage in stages
    ]


def _all_stages(dataset: Dataset, rule: str) -> list[Stage]:
    voxel = {"voxel_um": dataset.voxel_um}
    layout = {"grid": dataset.grid, "order": [dataset.order, dataset.start]}
    nuclei = dataclasses.asdict(segment_settings(dataset))
    del nuclei["block_vox"]  # it sets the memory, not the result
    names = [channel.name for channel in dataset.channels]
    stain, marker = dataset.channel("nuclei"), dataset.channel("marker")
    with_dataset = functools.partial(functools.partial, dataset=dataset)
    images = functools.partial(_images, dataset)
    truth = functools.partial(_truth, dataset)
    every = {"name": dataset.name, **settings_of(dataset, rule)}
    return [
        Stage("segment", "find the nuclei of every tile", with_dataset(_segment), nuclei,
              lambda tile: [dataset.file(stain, *tile)], tiles=tuple(dataset.tiles)),
        Stage("classify", "tell neurons from glia", with_dataset(_classify), dataset.classify,
              functools.partial(_labelled, dataset), ("segment",)),
        Stage("coincide", "find which nuclei the marker shows", with_dataset(_coincide), voxel,
              lambda: images(marker), ("segment", "classify")),
        Stage("stitch", "place the tiles", with_dataset(_place, rule=rule),
              {"rule": rule, "overlap": dataset.overlap, **voxel, **layout},
              lambda: images(stain)),
        Stage("fuse", "fuse images and labels, merge cells", with_dataset(_fuse),
              {"channels": names, **voxel}, lambda: images(*dataset.channels),
              ("segment", "classify", "coincide", "stitch")),
        Stage("export", "write layers for Neuroglancer", _export, {"channels": names, **voxel},
              list, ("fuse",)),
        Stage("evaluate", "score against the truth", with_dataset(_evaluate), {}, truth, ("fuse",)),
        Stage("report", "write report.html", with_dataset(_report), every, list,
              ("fuse", "evaluate")),
    ]  # fmt: skip


def settings_of(dataset: Dataset, rule: str) -> dict:
    """Everything that the result depends on, beside the images. LOCAL."""
    datasets.check_keys(dataset.classify, CLASSIFY, f"{dataset.path} [classify]")
    nuclei = dataclasses.asdict(segment_settings(dataset))
    del nuclei["block_vox"]
    return {
        "dataset": str(dataset.path.resolve()),
        "voxel_um": dataset.voxel_um,
        "grid": dataset.grid,
        "order": [dataset.order, dataset.start],
        "overlap": dataset.overlap,
        "channels": {c.name: {"role": c.role, "files": c.files} for c in dataset.channels},
        "segment": nuclei,
        "classify": dataset.classify,
        "rule": rule,
    }


CLASSIFY = ("model", "train")
"""Keys of [classify]: a trained model, or labels to train one from."""


def segment_settings(dataset: Dataset) -> segment.SegmentSettings:
    """Settings of segment from the dataset file; an unknown key is named. LOCAL."""
    known = [f.name for f in dataclasses.fields(segment.SegmentSettings) if f.name != "voxel_um"]
    datasets.check_keys(dataset.segment, known, f"{dataset.path} [segment]")
    if "diameter_um" not in dataset.segment:
        raise pm.InputError(
            f"{dataset.path} [segment]: diameter_um is missing: the typical diameter of a nucleus"
        )
    where = f"{dataset.path} [segment]"
    given = {k: _number_setting(k, v, f"{where} {k}") for k, v in dataset.segment.items()}
    settings = segment.SegmentSettings(voxel_um=dataset.voxel_um, **given)
    try:
        settings.check()
    except pm.InputError as error:
        raise pm.InputError(f"{where}: {error}") from None
    return settings


def _number_setting(key: str, value: object, where: str) -> float | tuple[int, ...]:
    """A setting of segment with the type that it needs: block_vox has three edges."""
    if key != "block_vox":
        return datasets.numbers(value, 1, where)[0]
    edges = datasets.numbers(value, 3, where)
    if any(n != int(n) for n in edges):
        raise pm.InputError(f"{where}: whole numbers of voxels are needed, not {value!r}")
    return tuple(int(n) for n in edges)


# files outside the run that stages read


def _images(dataset: Dataset, *channels: datasets.Channel) -> list[Path]:
    return [dataset.file(channel, *tile) for channel in channels for tile in dataset.tiles]


def _truth(dataset: Dataset) -> list[Path]:
    labels = [dataset.truth_dir / f"labels_{tile_name(tile)}.tif" for tile in dataset.tiles]
    return [dataset.truth_dir / "cells.csv", dataset.truth_dir / "placements.json", *labels]


def _labelled(dataset: Dataset) -> list[Path]:
    """What classes are learned from: a model, labels, or else the truth."""
    given = [_source(dataset, key) for key in CLASSIFY if key in dataset.classify]
    files = [path / "*" if path.is_dir() else path for path in given]
    return files if files or not dataset.truth_dir else _truth(dataset)


def _source(dataset: Dataset, key: str) -> Path:
    return classify.beside(dataset.classify[key], {"dataset": dataset.path})


# what they do


def _segment(run: Run, tile: Tile, *, dataset: Dataset) -> list[Path]:
    image = dataset.file(dataset.channel("nuclei"), *tile)
    return [segment.segment_file(image, segment_settings(dataset), run, tile)["labels"]]


def _classify(run: Run, *, dataset: Dataset) -> list[Path]:
    found = classify.classify_run(run, **dataset.classify)
    say(f"classify: {found['said']}")
    model = run.out / "model"
    if found["scores"] is None:  # what an earlier training left is not of this run
        own = "model" in dataset.classify and _source(dataset, "model").resolve() == model.resolve()
        if not own:
            pm.once(wholefiles.remove, model)
    return [model] if pm.once(model.is_dir) else []


def _coincide(run: Run, *, dataset: Dataset) -> list[Path]:
    say(coincide.describe(coincide.coincide_run(run, dataset)))
    return [run.path("coincidence", "summary.json")]


def _place(run: Run, *, dataset: Dataset, rule: str) -> list[Path]:
    placements = stitch.stitch_dataset(dataset, run, rule)
    if len(dataset.tiles) > 1:
        say(stitch.describe(placements))
    return [run.path("placements.json")]


def _fuse(run: Run, *, dataset: Dataset) -> list[Path]:
    placements = json.loads(run.path("placements.json").read_text(encoding="utf-8"))
    fuse_run(dataset, run, placements)
    images = [run.path("fused", f"{channel.name}.h5") for channel in dataset.channels]
    return [*images, run.path("fused", "labels.h5"), run.path("cells.csv"), run.path("cells.h5")]


def _export(run: Run) -> list[Path]:
    layers = run.path("precomputed")
    pm.once(wholefiles.remove, layers)  # of channels that were, and chunks of another frame
    export.export_run(run.out)
    return [layers]


def _evaluate(run: Run, *, dataset: Dataset) -> list[Path]:
    evaluate.evaluate_run(run, dataset.truth_dir)
    return [run.path("scores.json")]


def _report(run: Run, *, dataset: Dataset) -> list[Path]:
    return [report.write_report(dataset, run)]

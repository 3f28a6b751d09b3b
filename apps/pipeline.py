"""The whole pipeline: tiles of a microscope in; labels, cells, layers and a report out.

    pRUN -n 2 pipeline dataset.toml --out run

The stages are the paper's steps: find the nuclei of every tile, tell neurons from glia, find the
active neurons, place the tiles, fuse them and merge what two tiles show, export layers for
Neuroglancer, score against the truth where it is known, and report. A stage that is finished is
not done again: the same command on its own folder goes on where it was cut off.
"""

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path

import pmap as pm

from . import (
    classify,
    coincide,
    evaluate,
    export,
    inputs,
    mosaic,
    progress,
    report,
    runs,
    segment,
    stitch,
)
from . import dataset as datasets
from .commands import Parser, guarded, say, say_idle
from .dataset import Dataset
from .fuse import fuse_run
from .runs import Run


@dataclasses.dataclass(frozen=True)
class Stage:
    """One step: `work(dataset, run)` does it and returns the files that belong to it."""

    name: str
    does: str
    work: Callable[[Dataset, Run], list[Path]]
    per_tile: bool = False


def run_pipeline(
    dataset: Dataset, out: str | Path, *, rule: str = "ncc", layers: bool = True
) -> Run:
    """Take a dataset through all stages, or through those that are not finished. COLLECTIVE.

    Parameters
    ----------
    dataset : Dataset
    out : str or Path
        Folder of the run: new, empty, or of the same pipeline with the same settings.
    rule : {"ncc", "paper"}
        How tiles are registered.
    layers : bool
        Whether layers for Neuroglancer are exported.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        Before any work starts, for what is wrong with the dataset, its files or the folder.
    """
    stages = stages_of(dataset, rule=rule, layers=layers)
    settings = settings_of(dataset, rule)
    pm.once(classify.check_sources, settings, **dataset.classify)
    if dataset.truth_dir:
        pm.once(evaluate.check_truth, dataset.truth_dir, dataset)
    tile_vox = inputs.check_images(dataset)
    segment_settings(dataset).check_shape(tile_vox)
    mosaic.open_mosaic(dataset)  # tiles overlap by enough to be registered
    run = runs.open_run(out, "pipeline", settings)
    n_blocks = segment_settings(dataset).count_blocks(tile_vox)
    say_idle(max(len(dataset.tiles), n_blocks), "tile(s) or block(s)")
    anew = False  # once a stage was done again, so are those that build on it
    for stage in stages:
        if anew or not _finished(stage, dataset, run):
            _do(stage, dataset, run)
            anew = True
        else:
            progress.skipped(stage.name)
    return run


def stages_of(dataset: Dataset, *, rule: str = "ncc", layers: bool = True) -> list[Stage]:
    """List the stages that this dataset goes through, in their order. LOCAL."""
    place = functools.partial(_place, rule=rule)
    stages = [
        Stage("segment", "find the nuclei of every tile", _segment, per_tile=True),
        Stage("classify", "tell neurons from glia", _classify),
        Stage("coincide", "find which nuclei the marker shows", _coincide),
        Stage("stitch", "place the tiles", place),
        Stage("fuse", "fuse images and labels, merge cells", _fuse),
        Stage("export", "write layers for Neuroglancer", _export),
        Stage("evaluate", "score against the truth", _evaluate),
        Stage("report", "write report.html", _report),
    ]
    absent = set() if layers else {"export"}
    absent |= set() if dataset.truth_dir else {"evaluate"}
    absent |= set() if dataset.channel("marker") else {"coincide"}
    return [stage for stage in stages if stage.name not in absent]


def settings_of(dataset: Dataset, rule: str) -> dict:
    """Everything that the result depends on, beside the images. LOCAL."""
    datasets.check_keys(dataset.classify, CLASSIFY, f"{dataset.path} [classify]")
    nuclei = dataclasses.asdict(segment_settings(dataset))
    del nuclei["block_vox"]  # it sets the memory, not the result
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


def _do(stage: Stage, dataset: Dataset, run: Run) -> None:
    """Do a stage, show it and record what it took."""
    total = len(dataset.tiles) if stage.per_tile else 1
    count = functools.partial(_count_tiles, run, stage.name)
    with progress.shown(stage.name, total, count), run.stage(stage.name):
        files = stage.work(dataset, run)
    run.finish(stage.name, files)


def _finished(stage: Stage, dataset: Dataset, run: Run) -> bool:
    """The stage has its marker, and so has each tile where it works tile by tile."""
    tiles = dataset.tiles if stage.per_tile else []
    return run.done(stage.name) and all(_tile_finished(stage.name, tile, run) for tile in tiles)


def _tile_finished(stage: str, tile: tuple[int, int], run: Run) -> bool:
    """The tile has its marker and its table, which is not in the marker: stages fill it in."""
    table = run.path("tables", _tile_name(tile) + ".csv")
    return run.done(_tile_item(stage, tile)) and pm.once(table.is_file)


def _tile_name(tile: tuple[int, int]) -> str:
    return f"r{tile[0]}_c{tile[1]}"


def _tile_item(stage: str, tile: tuple[int, int]) -> str:
    return f"{stage} {_tile_name(tile)}"


def _count_tiles(run: Run, stage: str) -> int:
    return len(list(run.out.glob(f"{runs.STATE}/done/{stage}%20r*.json")))


# the stages


def _segment(dataset: Dataset, run: Run) -> list[Path]:
    """Tiles side by side where there is one for every rank, else all ranks on each tile."""
    settings = segment_settings(dataset)
    nuclei = dataset.channel("nuclei")

    def one(tile: tuple[int, int]) -> None:
        if not _tile_finished("segment", tile, run):
            segment.segment_file(dataset.file(nuclei, *tile), settings, run, tile)
            run.finish(_tile_item("segment", tile), [run.path("labels", _tile_name(tile) + ".h5")])

    if len(dataset.tiles) >= len(pm.usage()):
        pm.foreach(dataset.tiles, one)
    else:
        for tile in dataset.tiles:
            one(tile)
    return []


def _classify(dataset: Dataset, run: Run) -> list[Path]:
    said = classify.classify_run(run, **dataset.classify)["said"]
    say(f"classify: {said}")
    return sorted(run.path("model").glob("*"))


def _coincide(dataset: Dataset, run: Run) -> list[Path]:
    summary = coincide.coincide_run(run, dataset)
    say(coincide.describe(summary))
    return []


def _place(dataset: Dataset, run: Run, *, rule: str) -> list[Path]:
    placements = stitch.stitch_dataset(dataset, run, rule)
    if len(dataset.tiles) > 1:
        say(stitch.describe(placements))
    return [run.path("placements.json")]


def _fuse(dataset: Dataset, run: Run) -> list[Path]:
    placements = json.loads(run.path("placements.json").read_text(encoding="utf-8"))
    fuse_run(dataset, run, placements)
    images = [run.path("fused", f"{channel.name}.h5") for channel in dataset.channels]
    tables = [run.path("cells.csv"), run.path("cells.h5")]
    return [run.path("fused", "labels.h5"), *tables, *(i for i in images if i.is_file())]


def _export(dataset: Dataset, run: Run) -> list[Path]:
    export.export_run(run.out)
    return [run.path("precomputed")]


def _evaluate(dataset: Dataset, run: Run) -> list[Path]:
    evaluate.evaluate_run(run.out, dataset.truth_dir)
    return [run.path("scores.json")]


def _report(dataset: Dataset, run: Run) -> list[Path]:
    return [report.write_report(dataset, run)]


# the command


def main(argv: list[str] | None = None) -> int:
    """Command line of `pipeline`."""
    args = _parser().parse_args(argv)

    def work() -> None:
        dataset = pm.once(datasets.load, args.dataset)
        if args.stages:
            say(json.dumps(describe(dataset), indent=1))
            return
        if args.out is None:
            raise pm.InputError("give the folder of the run with --out")
        run = run_pipeline(dataset, args.out, rule=args.rule, layers=not args.no_export)
        say(pm.once(summary, run))

    return guarded(work)


def describe(dataset: Dataset) -> dict:
    """Stages and their tasks, as a launcher wants to know them. LOCAL."""
    tiles = [_tile_name(tile) for tile in dataset.tiles]
    stages = [
        {"name": s.name, "does": s.does, "tasks": tiles if s.per_tile else [s.name]}
        for s in stages_of(dataset)
    ]
    return {"dataset": dataset.name, "stages": stages}


def summary(run: Run) -> str:
    """Scores beside what they are compared with, and where to look next. LOCAL."""
    lines = []
    scores = run.path("scores.json")
    if scores.is_file():
        lines += report.score_lines(json.loads(scores.read_text(encoding="utf-8")))
    lines.append(f"cells: {run.path('cells.csv')}")
    lines.append(f"report: {run.path('report.html')}")
    return "\n".join(lines)


def _parser() -> Parser:
    parser = Parser(
        prog="pipeline",
        description="Take a dataset through all stages; what is finished is not done again.",
        epilog="example: pRUN -n 2 pipeline dataset.toml --out run",
    )
    add = parser.add_argument
    add("dataset", metavar="DATASET.toml", help="tiles, channels and settings")
    add("--out", type=Path, help="folder of the run: a new one, or one to go on with")
    add("--rule", choices=sorted(stitch.RULES), default="ncc", help="how tiles are registered")
    add("--no-export", action="store_true", help="write no layers for Neuroglancer")
    add("--stages", action="store_true", help="print the stages as JSON and do nothing")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

"""The whole pipeline: tiles of a microscope in; labels, cells, layers and a report out.

    pRUN -n 2 pipeline dataset.toml --out run

The stages are the paper's steps: find the nuclei of every tile, tell neurons from glia, find the
active neurons, place the tiles, fuse them and merge what two tiles show, export layers for
Neuroglancer, score against the truth where it is known, and report. A stage that is finished is
not done again: the same command on its own folder goes on where it was cut off, and where settings
or images changed it does again what depends on them, and only that.
"""

import argparse
import difflib
import functools
import json
from collections.abc import Sequence
from pathlib import Path

import pmap as pm

from . import (
    classify,
    demands,
    evaluate,
    inputs,
    locks,
    mosaic,
    outdated,
    progress,
    report,
    runs,
    standing,
    stitch,
)
from . import dataset as datasets
from .commands import Parser, guarded, say, say_idle
from .dataset import Dataset
from .runs import Run
from .stages import Stage, Tile, segment_settings, settings_of, stages_of, tile_name

FIXED = ("dataset",)
"""Settings that a run keeps: another dataset needs another folder."""

MOST_NAMED = 3


def run_pipeline(
    dataset: Dataset,
    out: str | Path,
    *,
    rule: str = "ncc",
    layers: bool = True,
    only: Sequence[str] | None = None,
) -> Run:
    """Take a dataset through all stages, or through those that are not finished. COLLECTIVE.

    Parameters
    ----------
    dataset : Dataset
    out : str or Path
        Folder of the run: new, empty, or of the same dataset file.
    rule : {"ncc", "paper"}
        How tiles are registered.
    layers : bool
        Whether layers for Neuroglancer are exported.
    only : sequence of str, optional
        Do these stages alone.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        Before any work starts, for what is wrong with the dataset, its files or the folder, or
        where a stage of `only` needs one that is not finished.
    """
    stages = stages_of(dataset, rule=rule, layers=layers)
    wanted = [stage.name for stage in stages] if only is None else _known(only, stages)
    tile_vox = check(dataset, rule)
    run = runs.open_run(out, "pipeline", settings_of(dataset, rule), fixed=FIXED)
    pm.once(outdated.clear, dataset, run, [stage.name for stage in stages])
    begun = pm.once(_begun, stages, run)
    to_do = standing.to_do(stages, run)
    _check_needs(wanted, stages, to_do, run)
    n_blocks = segment_settings(dataset).count_blocks(tile_vox)
    say_idle(max(len(dataset.tiles), n_blocks), "tile(s) or block(s)")
    _say_changes(run, [s for s in wanted if to_do[s] and s in begun])
    for stage in stages:
        if stage.name in wanted:
            _do(stage, stages, run, to_do[stage.name])
        elif stage.tiles and not to_do[stage.name]:
            _close(stage, stages, run)
    return run


def run_task(dataset: Dataset, out: str | Path, stage: str, task: str, *, rule: str = "ncc") -> Run:
    """Do one tile of a stage, beside others that do other tiles of the same run. COLLECTIVE.

    Parameters
    ----------
    dataset : Dataset
        Loaded without a look at the files of the other tiles.
    out : str or Path
        Folder of the run: as for :func:`run_pipeline`; tasks may begin it together.
    stage : str
        A stage that works tile by tile.
    task : str
        The tile, as ``r0_c1``, or its place in the list of the stage's tasks.
    rule : {"ncc", "paper"}
        How tiles will be registered: one of the run's settings.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        As for :func:`run_pipeline`, and for a task that the stage does not have.
    """
    stages = stages_of(dataset, rule=rule)
    (name,) = _known([stage], stages)
    chosen = next(s for s in stages if s.name == name)
    tile = _tile_of(chosen, task)
    segment_settings(dataset).check_shape(inputs.check_images(dataset, [tile]))
    run = runs.open_run(out, "pipeline", settings_of(dataset, rule), fixed=FIXED, shared=True)
    lock = run.path(runs.STATE, locks.TASKS, tile_name(tile), locks.OWNER).parent
    pm.once(_own_tile, lock, tile)
    held = locks.hold(lock)  # noqa: F841  # until the tile is done
    if pm.once(standing.stands, chosen, run, {}, tile):
        say(f"{name} {tile_name(tile)} already finished")
        return run
    facts = _do_tile(chosen, {}, run, tile)
    say(f"{name} {tile_name(tile)} {facts['seconds']:.1f} s")
    return run


def check(dataset: Dataset, rule: str) -> tuple[int, int, int]:
    """Look at all that goes in, before any work; return the shape of a tile, voxels. COLLECTIVE."""
    settings = settings_of(dataset, rule)
    pm.once(classify.check_sources, settings, **dataset.classify)
    if dataset.truth_dir:
        pm.once(evaluate.check_truth, dataset.truth_dir, dataset)
    tile_vox = inputs.check_images(dataset)
    segment_settings(dataset).check_shape(tile_vox)
    mosaic.open_mosaic(dataset)  # tiles overlap by enough to be registered
    return tile_vox


def _known(names: Sequence[str], stages: Sequence[Stage]) -> list[str]:
    """The names, if they are of stages that the dataset goes through."""
    known = [stage.name for stage in stages]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise pm.InputError(f"no stage {name!r}; {hint}stages of this run: {', '.join(known)}")
    return list(names)


def _tile_of(stage: Stage, task: str) -> Tile:
    """The tile that a task names, or whose place in the list it tells."""
    if not stage.tiles:
        raise pm.InputError(f"{stage.name} is done at once, not task by task; leave --task out")
    if task in stage.tasks:
        return stage.tiles[stage.tasks.index(task)]
    if task.isdecimal() and int(task) < len(stage.tasks):
        return stage.tiles[int(task)]
    raise pm.InputError(
        f"{stage.name} has no task {task!r}: give 0 to {len(stage.tasks) - 1}, or a tile, "
        f"{stage.tasks[0]} to {stage.tasks[-1]}"
    )


def _own_tile(lock: Path, tile: Tile) -> None:
    """Take the tile; where another task has it, wait: it is finished then."""
    lock.mkdir(parents=True, exist_ok=True)
    waits = f"{tile_name(tile)} is being done by {{}}; waiting for it"
    locks.own(lock, waiting=lambda owner: print(waits.format(owner), flush=True))


def _begun(stages: Sequence[Stage], run: Run) -> set[str]:
    """Stages that were finished once."""
    return {s.name for s in stages if run.ledger.marker(s.name).exists()}


def _check_needs(
    wanted: Sequence[str], stages: Sequence[Stage], to_do: dict[str, list[str]], run: Run
) -> None:
    """What the wanted stages need is finished, or among them."""
    by_name = {stage.name: stage for stage in stages}
    for stage in (by_name[name] for name in wanted):
        for need in stage.needs:
            if need in wanted or not to_do[need]:
                continue
            left = to_do[need]
            tiles = by_name[need].tiles
            what = f": {len(left)} of {len(tiles)} tiles are not ({_listed(left)})" if tiles else ""
            raise pm.InputError(
                f"{stage.name} needs {need} to be finished in {run.out}{what}; first do: "
                f"pipeline DATASET.toml --out {run.out} --only {need}"
            )


def _listed(items: Sequence[str]) -> str:
    names = [item.rpartition(" ")[2] for item in items]
    return ", ".join(names[:MOST_NAMED]) + (" ..." if len(names) > MOST_NAMED else "")


def _say_changes(run: Run, again: Sequence[str]) -> None:
    """Say in one line what changed, and what is done again for it."""
    changes = [f"{c.key} was {c.then}, is {c.now}" for c in run.changes]
    if not changes and not again:
        return
    more = f" (and {len(changes) - MOST_NAMED} more)" if len(changes) > MOST_NAMED else ""
    why = "; ".join(changes[:MOST_NAMED]) + more or "images or results are not what they were"
    say(f"{why}; done again: {', '.join(again) or 'nothing'}")


def _do(stage: Stage, stages: Sequence[Stage], run: Run, items: Sequence[str]) -> None:
    """Do a stage, or what is missing of it; show it, record what it took, and mark it."""
    serials = pm.once(standing.serials_of, stages, stage.needs, run.ledger)
    if stage.tiles:
        _do_tiles(stage, stages, serials, run, items)
        return
    if not items:
        progress.skipped(stage.name)
        return
    made_with = pm.once(standing.made_with, stage, serials)
    run.forget(stage.name)
    with progress.shown(stage.name), run.stage(stage.name):
        files = stage.work(run)
    run.finish(stage.name, files, made_with)


def _do_tiles(
    stage: Stage, stages: Sequence[Stage], serials: dict, run: Run, items: Sequence[str]
) -> None:
    """Tiles side by side where there is one for every rank, else all ranks on each tile."""
    tiles = [stage.items[item] for item in items]
    do = functools.partial(_do_tile, stage, serials, run)
    took = None
    if tiles:
        run.forget(stage.name, *items)
        count = functools.partial(_count_tiles, run, stage.name)
        with progress.shown(stage.name, len(stage.tiles), count), runs.measured() as took:
            if len(tiles) >= len(pm.usage()):
                pm.foreach(tiles, do)
            else:
                for tile in tiles:
                    do(tile)
    else:
        progress.skipped(stage.name)
    _close(stage, stages, run, took)


def _close(stage: Stage, stages: Sequence[Stage], run: Run, took: dict | None = None) -> None:
    """Mark a stage whose tiles are all finished, and gather what they took: tasks cannot."""
    of = pm.once(standing.serials_of, stages, [stage.name], run.ledger)[stage.name]
    if not run.done(stage.name, of):
        each = pm.once(_facts_of_tiles, stage, run)
        run.record(stage.name, **(took or _sums(each)), tiles=each)
        run.finish(stage.name, [], of)


def _do_tile(stage: Stage, serials: dict, run: Run, tile: Tile) -> dict:
    """Do one tile of a stage, and mark it with what it took. COLLECTIVE, or alone in foreach."""
    (item,) = (name for name, at in stage.items.items() if at == tile)
    made_with = pm.once(standing.made_with, stage, serials, tile)
    run.forget(item)
    pm.once(outdated.drop_cells, run)
    with runs.measured() as took:
        files = stage.work(run, tile)
    run.finish(item, files, made_with, **took)
    return took


def _count_tiles(run: Run, stage: str) -> int:
    return len(list(run.out.glob(f"{runs.STATE}/done/{stage}%20r*.json")))


def _facts_of_tiles(stage: Stage, run: Run) -> dict[str, dict]:
    """What each tile took, from its marker: tasks wrote them at once, each its own."""
    return {tile_name(tile): run.ledger.value(item) for item, tile in stage.items.items()}


def _sums(each: dict[str, dict]) -> dict:
    """What the tasks of a stage took together."""
    facts = list(each.values())
    return {
        "seconds": round(sum(f["seconds"] for f in facts), 3),
        "ranks": max(f["ranks"] for f in facts),
        "cpu_s": [round(sum(sum(f["cpu_s"]) for f in facts), 3)],
        "peak_memory_mb": [max(max(f["peak_memory_mb"]) for f in facts)],
    }


# the command


def main(argv: list[str] | None = None) -> int:
    """Command line of `pipeline`."""
    args = _parser().parse_args(argv)
    return guarded(functools.partial(_work, args))


def _work(args: argparse.Namespace) -> None:
    only = None if args.only is None else [name.strip() for name in args.only.split(",")]
    if args.task is not None and (only is None or len(only) != 1):
        raise pm.InputError("--task goes with --only and one stage: --only segment --task 0")
    one_tile = args.task is not None and not args.stages
    dataset = pm.once(datasets.load, args.dataset, check_files=not one_tile)
    layers = not args.no_export
    if args.stages:
        tile_vox = check(dataset, args.rule)
        stages = stages_of(dataset, rule=args.rule, layers=layers)
        say(json.dumps(pm.once(demands.describe, dataset, stages, tile_vox), indent=1))
        return
    if args.out is None:
        raise pm.InputError("give the folder of the run with --out")
    if one_tile:
        run_task(dataset, args.out, only[0], args.task, rule=args.rule)
        return
    run = run_pipeline(dataset, args.out, rule=args.rule, layers=layers, only=only)
    if only is None or "report" in only:
        say(pm.once(summary, run))


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
    add("--only", metavar="STAGE[,STAGE...]", help="do these stages alone")
    add("--task", metavar="K", help="with --only: one tile alone, by its name or place in the list")
    add("--stages", action="store_true", help="print stages and jobs as JSON and do nothing")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

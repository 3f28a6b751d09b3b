"""What of a run stands: items that are finished, whole, and made with what they depend on now.

An item's marker notes a checksum over its settings, size and time of the files that it reads, and
the serials of what it was made from. A serial is new each time something is finished: so what was
built on a tile that had to be done again is done again too, even if the process was killed in
between.
"""

from collections.abc import Iterable, Mapping, Sequence

import pmap as pm

from . import celltables
from .fingerprints import digest, stats
from .runs import Run
from .stages import Stage, Tile, tile_name


def to_do(stages: Sequence[Stage], run: Run) -> dict[str, list[str]]:
    """Items of each stage that have to be done; files are checked by all ranks. COLLECTIVE.

    Returns
    -------
    dict of str to list of str
        By stage; where a stage has something to do, so has all that needs it.
    """
    items = {item: tile for stage in stages for item, tile in stage.items.items()}
    found = pm.foreach(list(items), lambda item: _is_whole(run, item, items[item]))
    whole = {item for item, good in zip(items, found, strict=True) if good}
    return pm.once(_to_do, stages, run, whole)


def _to_do(stages: Sequence[Stage], run: Run, whole: set[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for stage in stages:
        if any(found[name] for name in stage.needs):
            found[stage.name] = list(stage.items)
            continue
        serials = serials_of(stages, stage.needs, run.ledger)
        found[stage.name] = [
            item
            for item, tile in stage.items.items()
            if item not in whole or run.ledger.made_with(item) != made_with(stage, serials, tile)
        ]
    return found


def _is_whole(run: Run, item: str, tile: Tile | None) -> bool:
    """The item's files are as they were left, and so is the table of a tile."""
    if not run.ledger.done(item):
        return False
    return tile is None or celltables.is_whole(run.out, run.ledger, tile_name(tile))


def stands(stage: Stage, run: Run, serials: Mapping[str, str], tile: Tile) -> bool:
    """Whether one tile of a stage is finished, with what it depends on now. LOCAL."""
    (item,) = (name for name, at in stage.items.items() if at == tile)
    return _is_whole(run, item, tile) and (
        run.ledger.made_with(item) == made_with(stage, serials, tile)
    )


def made_with(stage: Stage, serials: Mapping[str, str], tile: Tile | None = None) -> str:
    """Checksum of all that a stage, or a tile of it, depends on. LOCAL.

    Parameters
    ----------
    stage : Stage
    serials : mapping of str to str
        Of the stages that it needs, from :func:`serials_of`.
    tile : (int, int), optional
        For a stage that works tile by tile.
    """
    files = stage.reads() if tile is None else stage.reads(tile)
    return digest(stage.settings, stats(files), {name: serials[name] for name in stage.needs})


def serials_of(stages: Iterable[Stage], names: Iterable[str], ledger: pm.Ledger) -> dict[str, str]:
    """One text for each stage, which is new when any of its items was done again. LOCAL."""
    by_name = {stage.name: stage for stage in stages}
    return {name: digest([ledger.serial(item) for item in by_name[name].items]) for name in names}

"""Which neurons are c-Fos positive: the marker channel against the segmented nuclei.

    pRUN -n 4 coincide run

``coincide_run(run, dataset=None, rule="intensity") -> summary`` fills the column ``cfos`` of
tables/r{row}_c{col}.csv: 1 or 0 for neurons and for nuclei that nobody has classified, empty for
glia. It also writes coincidence/: the measurements of every tile, and summary.json with the
threshold and the level that chance reaches.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import pmap as pm
from pmap import InputError

from . import commands, runs, tables
from . import dataset as datasets
from .fingerprints import digest, stats
from .kernels import coincidence
from .markerspots import find_spots

RULES = ("intensity", "distance")
BLOCK_VOX = (64, 512, 512)
"""A task measures the nuclei that begin in one such block of a tile."""

SHIFTS = ((0.5, 0.0), (0.0, 0.5), (0.5, 0.5), (0.25, 0.75))
"""Moves of the marker channel that show what chance does, as shares of the tile along (y, x)."""

Tile = tuple[int, int]
Box = tuple[slice, ...]


@dataclass(frozen=True)
class CoincideSettings:
    """What the answer depends on, beside images and labels.

    Attributes
    ----------
    rule : {"intensity", "distance"}
        Marker in the nuclear mask against a shell around it; or a marker spot near the centroid.
    gap_um, shell_um : float
        Where the shell begins outside a nucleus, beyond the blur, and how thick it is.
    distance_um : float or None
        Farthest spot that belongs to a nucleus; None: half the median diameter of the nuclei.
    """

    rule: str = "intensity"
    gap_um: float = 1.0
    shell_um: float = 3.0
    distance_um: float | None = None


def main(argv: list[str] | None = None) -> int:
    """Run from the command line; bad input is one line on stderr and exit code 2."""
    parser = commands.Parser(
        prog="coincide",
        description="Find the nuclei that carry the marker (c-Fos), with the level of chance.",
        epilog="example: pRUN -n 4 coincide run",
    )
    usual = CoincideSettings()
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="folder of a run whose tiles are segmented")
    add("--dataset", type=Path, help="dataset.toml, if the run does not know it")
    add("--rule", choices=RULES, default=usual.rule, help="how a nucleus is found positive")
    add("--gap-um", type=float, default=usual.gap_um, help="between nucleus and shell")
    add("--shell-um", type=float, default=usual.shell_um, help="thickness of the shell")
    add("--distance-um", type=float, help="farthest spot of a nucleus (rule distance)")
    args = parser.parse_args(argv)
    settings = CoincideSettings(args.rule, args.gap_um, args.shell_um, args.distance_um)

    def work() -> None:
        summary = coincide_run(args.run, args.dataset, settings=settings)
        commands.say(describe(summary))
        if pm.once((args.run / "fused" / "labels.h5").is_file):
            commands.say("coincide: stitch the run again to bring this into cells.csv")

    return commands.guarded(work)


def coincide_run(
    run: runs.Run | str | Path,
    dataset: datasets.Dataset | str | Path | None = None,
    rule: str = "intensity",
    *,
    settings: CoincideSettings | None = None,
) -> dict:
    """Fill the column cfos of the tables of all tiles. COLLECTIVE.

    Parameters
    ----------
    run : Run or path
        A run that holds labels/ and tables/ of the tiles, classified or not.
    dataset : Dataset or path, optional
        Where the marker channel is; if omitted, what the run was made of.
    rule : {"intensity", "distance"}
        See `CoincideSettings`, which gives all other settings.

    Returns
    -------
    dict
        rule, threshold and its method, tested, positive, chance level, what was unclassified;
        marker None where the dataset has no marker channel: then nothing is filled in.

    Raises
    ------
    InputError
        If the run holds no labels, or its dataset is not known.
    """
    settings = settings or CoincideSettings(rule)
    _check(settings)
    run = run if isinstance(run, runs.Run) else runs.find_run(run)
    dataset = _dataset_of(run, dataset)
    marker = dataset.channel("marker")
    if marker is None:
        return {"rule": settings.rule, "marker": None}
    pm.once(_check_tables, run, dataset)
    images = {tile: dataset.file(marker, *tile) for tile in dataset.tiles}
    measured = {
        tile: _measured(run, tile, images[tile], dataset.voxel_um, settings)
        for tile in sorted(dataset.tiles)
    }
    summary = pm.once(_decide, run, measured, settings)
    summary = {**summary, "marker": marker.name}
    run.write_json("coincidence/summary.json", summary)
    run.record("coincidence", **summary)
    return summary


def describe(summary: dict) -> str:
    """One line for the user, and one for each thing that must be known."""
    if summary["marker"] is None:
        return "coincide: the dataset has no marker channel; the column cfos stays empty"
    text = (
        f"coincide: {summary['positive']} of {summary['tested']} nuclei carry "
        f"{summary['marker']} ({summary['positive_fraction']:.1%}; by chance "
        f"{summary['chance_fraction']:.1%})"
    )
    if summary["unclassified"]:
        text += (
            f"\ncoincide: {summary['unclassified']} nuclei are not classified as neuron or glia; "
            "they were tested too"
        )
    if summary["method"] == "default":
        text += "\ncoincide: too few nuclei to learn a threshold from; the usual one was taken"
    return text


def _check(settings: CoincideSettings) -> None:
    if settings.rule not in RULES:
        raise InputError(f"rule must be one of {', '.join(RULES)}, not {settings.rule!r}")
    if not (settings.gap_um >= 0 and settings.shell_um > 0):
        raise InputError(
            f"the gap ({settings.gap_um} um) must not be negative, and the shell "
            f"({settings.shell_um} um) must have a thickness"
        )
    if settings.distance_um is not None and not settings.distance_um > 0:
        raise InputError(f"the distance must be above 0 um, not {settings.distance_um}")


def _dataset_of(run: runs.Run, dataset: datasets.Dataset | str | Path | None) -> datasets.Dataset:
    """The dataset that is given, or that the run was made of."""
    if isinstance(dataset, datasets.Dataset):
        return dataset
    path = dataset or runs.settings_of(run).get("dataset")
    if path is None:
        raise InputError(f"{run.out} does not say which dataset it was made of; give --dataset")
    return pm.once(datasets.load, path)


def _labels_path(run: runs.Run, tile: Tile) -> Path:
    return run.out / "labels" / f"r{tile[0]}_c{tile[1]}.h5"


def _table_name(tile: Tile) -> str:
    return f"tables/r{tile[0]}_c{tile[1]}.csv"


def _check_tables(run: runs.Run, dataset: datasets.Dataset) -> None:
    """Labels and tables of all tiles are there, and of the shape of the marker's images."""
    for tile in dataset.tiles:
        for path in (_labels_path(run, tile), run.out / _table_name(tile)):
            if not path.is_file():
                raise InputError(f"{run.out} has no {path.name} of tile {tile}; run segment first")
        image = dataset.file(dataset.channel("marker"), *tile)
        with pm.io.open(image) as marker, pm.io.open(_labels_path(run, tile)) as labels:
            if marker.shape != labels.shape:
                raise InputError(
                    f"{image} has shape {marker.shape}, the labels of its tile {labels.shape}"
                )


def _measured(
    run: runs.Run,
    tile: Tile,
    image: Path,
    voxel_um: tuple[float, ...],
    settings: CoincideSettings,
) -> Path:
    """Measure one tile, unless that was done; return the file that holds the measurements."""
    name = f"coincidence/r{tile[0]}_c{tile[1]}.csv"
    item = f"coincide r{tile[0]}_c{tile[1]}"
    made_with = pm.once(_made_of, run, tile, image.absolute(), voxel_um, settings)
    if run.done(item, made_with):
        return run.path(name)
    run.forget(item)
    with (
        pm.io.open(_labels_path(run, tile), dataset="labels") as labels,
        pm.io.open(image) as marker,
    ):
        if settings.rule == "intensity":
            ids, values = _contrasts(labels, marker, voxel_um, settings)
        else:
            ids, values = _near_spots(run, tile, marker, voxel_um, settings)
    columns = {"id": ids, "marker": values[0]}
    columns |= {f"control_{i}": row for i, row in enumerate(values[1:], 1)}
    path = run.write_table(name, columns)
    run.finish(item, [path], made_with)
    return path


def _made_of(
    run: runs.Run, tile: Tile, image: Path, voxel_um: tuple, settings: CoincideSettings
) -> str:
    """Checksum of what a tile's measurements depend on."""
    files = stats([image]), stats([_labels_path(run, tile)], within=run.out)
    return digest(asdict(settings), voxel_um, *files)


def _contrasts(
    labels: pm.io.FileArray,
    marker: pm.io.FileArray,
    voxel_um: tuple[float, ...],
    settings: CoincideSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """Labels of a tile, and their log ratios: of the marker as it is, and shifted."""
    regions = pm.measure.regionprops_table(labels, properties=("label", "bbox"))
    ids = regions["label"].astype(np.int64)
    low = np.stack([regions[f"bbox-{i}"] for i in range(3)], axis=1).astype(int)
    high = np.stack([regions[f"bbox-{i}"] for i in range(3, 6)], axis=1).astype(int)
    gap = _voxels(settings.gap_um, voxel_um, least=0)
    shell = _voxels(settings.shell_um, voxel_um, least=1)
    reach = np.add(gap, shell)
    steps = [(0, round(y * labels.shape[1]), round(x * labels.shape[2])) for y, x in SHIFTS]

    def measure(rows: np.ndarray) -> np.ndarray:
        start = np.maximum(low[rows].min(axis=0) - reach, 0)
        stop = np.minimum(high[rows].max(axis=0) + reach, labels.shape)
        box = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
        markers = [marker.read(box)] + [_read_shifted(marker, box, step) for step in steps]
        boxes = [
            tuple(slice(a, b) for a, b in zip(low[i] - start, high[i] - start, strict=True))
            for i in rows
        ]
        return coincidence.shell_contrast(labels.read(box), markers, ids[rows], boxes, gap, shell)

    tasks = list(_by_block(low))
    values = np.full((1 + len(SHIFTS), len(ids)), np.nan)
    parts = pm.foreach(tasks, measure, stop_on_error=True)
    for rows, part in zip(tasks, parts, strict=True):
        values[:, rows] = part
    return ids, values


def _voxels(size_um: float, voxel_um: Sequence[float], least: int) -> tuple[int, ...]:
    """A length along each axis in whole voxels. A single plane has no depth to look into."""
    return tuple(max(least, round(size_um / v)) for v in voxel_um)


def _by_block(corners: np.ndarray) -> Iterator[np.ndarray]:
    """Rows of the nuclei that begin in each block of a tile, block by block."""
    blocks = corners // BLOCK_VOX
    order = np.lexsort(blocks.T[::-1])
    changes = np.flatnonzero(np.diff(blocks[order], axis=0).any(axis=1)) + 1
    yield from (part for part in np.split(order, changes) if len(part))


def _read_shifted(image: pm.io.FileArray, box: Box, shift: tuple[int, ...]) -> np.ndarray:
    """A box of the image as if the image had been rolled by `shift`; reads that box alone."""
    pieces = []
    for s, by, n in zip(box, shift, image.shape, strict=True):
        start = (s.start - by) % n
        stop = start + s.stop - s.start
        pieces.append([slice(start, min(stop, n))] + ([slice(0, stop - n)] if stop > n else []))
    parts = np.empty([len(p) for p in pieces], dtype=object)
    for index in itertools.product(*(range(len(p)) for p in pieces)):
        parts[index] = image.read(tuple(p[i] for p, i in zip(pieces, index, strict=True)))
    return np.block(parts.tolist())


def _near_spots(
    run: runs.Run,
    tile: Tile,
    marker: pm.io.FileArray,
    voxel_um: tuple[float, ...],
    settings: CoincideSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """Labels of a tile, and 1 where a marker spot is theirs; again with the spots shifted."""
    cells = pm.once(tables.read_csv, run.out / _table_name(tile))
    ids = np.asarray(cells["id"], np.int64)
    if not len(ids):
        return ids, np.zeros((1 + len(SHIFTS), 0))
    nuclei = np.stack([np.asarray(cells[f"{a}_um"], float) for a in "zyx"], axis=1)
    diameter = float(np.median(cells["diameter_um"]))
    spots = find_spots(marker, diameter, voxel_um) * voxel_um
    most = settings.distance_um or diameter / 2
    size = np.array(marker.shape) * voxel_um
    moves = [(0.0, 0.0, 0.0)] + [(0.0, y * size[1], x * size[2]) for y, x in SHIFTS]
    found = [coincidence.near_pairs(nuclei, (spots + move) % size, most) for move in moves]
    return ids, np.array(found, dtype=float)


def _decide(run: runs.Run, measured: dict[Tile, Path], settings: CoincideSettings) -> dict:
    """Learn one threshold from all tiles, write the answers, and say what chance reaches."""
    cells = {tile: tables.read_csv(run.out / _table_name(tile)) for tile in measured}
    values = {tile: _values_of(path, cells[tile]["id"]) for tile, path in measured.items()}
    tested = {tile: np.asarray(c["class"]).astype(str) != "glia" for tile, c in cells.items()}
    every = np.concatenate([values[t][:, tested[t]] for t in measured], axis=1)
    if settings.rule == "intensity":
        threshold = coincidence.learn_threshold(every[0], every[1:])
    else:
        threshold = coincidence.Threshold(0.5, "spot")
    for tile, table in cells.items():
        positive = values[tile][0] > threshold.value
        table["cfos"] = np.where(tested[tile], np.where(positive, "1", "0"), "")
        run.write_tile_table(f"r{tile[0]}_c{tile[1]}", table)
    unclassified = sum(
        int(np.isin(c["class"].astype(str), ("neuron", "glia"), invert=True).sum())
        for c in cells.values()
    )
    return {
        "rule": settings.rule,
        "threshold": threshold.value,
        "method": threshold.method,
        "tested": int(every.shape[1]),
        "positive": int((every[0] > threshold.value).sum()),
        "unclassified": unclassified,
        **coincidence.chance_level(every[0], every[1:], threshold.value),
    }


def _values_of(path: Path, ids: np.ndarray) -> np.ndarray:
    """Measurements of a tile in the order of its table; NaN where there is none."""
    columns = tables.read_csv(path)
    row_of = {int(label): i for i, label in enumerate(columns["id"])}
    rows = [row_of.get(int(label), -1) for label in ids]
    names = ["marker", *(f"control_{i}" for i in range(1, len(SHIFTS) + 1))]
    padded = [np.append(np.asarray(columns[name], float), np.nan) for name in names]
    return np.array([column[rows] for column in padded]).reshape(len(names), len(ids))


if __name__ == "__main__":
    raise SystemExit(main())

"""report.html: what a run found, for people, in one file that needs nothing else.

It reads what the other stages wrote, and one plane of the volume: its memory does not grow with
the data. Figures stand beside what they are compared with; where the truth is not known it says so.
"""

import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from string import Template

import numpy as np

import pmap as pm

from . import tables
from .dataset import Dataset
from .kernels import charts, pictures
from .runs import Run

WINDOW_UM = 220.0
"""Side of the piece of a slice that is shown, within the next two limits."""

LEAST_VOX, MOST_VOX = 320, 1300

WIDE_PX = 1300
"""Pictures are enlarged up to about this width."""

CLASSES = ("neuron", "glia", "unclassified")
DISTRIBUTIONS = (
    ("volume_um3", "volume, µm³", None),
    ("diameter_um", "diameter, µm", None),
    ("mean", "mean intensity", None),
    ("p_neuron", "probability of neuron", (0.0, 1.0)),
)
SCORES = (
    ("nuclei", "f1_iou_0.5", "nuclei, F1 at IoU 0.5", "plain scikit-image"),
    ("nuclei", "f1_iou_0.7", "nuclei, F1 at IoU 0.7", "plain scikit-image"),
    ("classes", "auc", "neuron or glia, ROC AUC", "best single feature"),
    ("cfos", "f1", "c-Fos positive, F1", None),
    ("placements", "max_error_vox", "largest error of a tile's place, voxels", None),
)


def write_report(dataset: Dataset, run: Run) -> Path:
    """Write report.html into the run's folder. COLLECTIVE: one rank works.

    Parameters
    ----------
    dataset : Dataset
    run : Run
        With cells.csv, placements.json and fused/; scores.json where the truth is known.

    Returns
    -------
    Path
    """
    return pm.once(_write, dataset, run)


def _write(dataset: Dataset, run: Run) -> Path:
    cells = tables.read_csv(run.path("cells.csv"))
    scores = _json(run.path("scores.json"))
    placements = _json(run.path("placements.json"))
    record = _json(run.path("run.json")) or {"stages": {}, "versions": {}, "settings": {}}
    page = PAGE.substitute(
        name=escape(dataset.name),
        facts=escape(_facts(dataset, record)),
        cards=_cards(dataset, cells),
        pictures=_pictures(dataset, run, cells),
        distributions=_distributions(cells),
        placement=_placement(placements),
        scores=_scores(scores),
        stages=_stages(record["stages"]),
        settings=escape(json.dumps(record["settings"], indent=1, ensure_ascii=False)),
    )
    with run.writing("report.html") as part:
        part.write_text(page, encoding="utf-8")
    return run.path("report.html")


def _json(path: Path) -> dict | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _facts(dataset: Dataset, record: Mapping) -> str:
    voxel = " × ".join(f"{v:g}" for v in dataset.voxel_um)
    rows, cols = dataset.grid
    channels = ", ".join(f"{c.name} ({c.role})" for c in dataset.channels)
    version = record["versions"].get("pmap", pm.__version__)
    tiles = f"{rows} × {cols} tiles" if rows * cols > 1 else "one tile"
    return f"{tiles}; channels {channels}; voxel {voxel} µm (z, y, x); pmap {version}"


# headline


def _cards(dataset: Dataset, cells: Mapping) -> str:
    n = len(cells["id"])
    cards = [(f"{n:,}", "nuclei")]
    counts = {name: int(np.sum(cells["class"] == name)) for name in CLASSES}
    cards += [(f"{k:,}", name) for name, k in counts.items() if k]
    marker = dataset.channel("marker")
    if marker and _known(cells["cfos"]).any():
        positive = int(np.nansum(_number(cells["cfos"])))
        cards.append((f"{positive:,}", f"{escape(marker.name)} positive"))
    return "".join(
        f'<div class="card"><b class="{label.split()[0]}">{value}</b>{label}</div>'
        for value, label in cards
    )


def _number(column: np.ndarray) -> np.ndarray:
    """Numbers of a column that may hold empty cells."""
    if column.dtype.kind in "US":
        return np.array([float(v) if v else np.nan for v in column])
    return column.astype(np.float64)


def _known(column: np.ndarray) -> np.ndarray:
    return np.isfinite(_number(column))


# pictures


def _pictures(dataset: Dataset, run: Run, cells: Mapping) -> str:
    """The plane with most nuclei: nuclei by class, and the marker channel with the positives."""
    if not len(cells["id"]):
        return '<p class="none">No nuclei were found, so there is nothing to outline.</p>'
    labels = pm.io.open(run.path("fused", "labels.h5"), dataset="labels")
    z, window = _where(cells, dataset.voxel_um, labels.shape)
    plane = np.asarray(labels.read((slice(z, z + 1), *window)))[0]
    class_of = dict(zip(cells["id"].tolist(), cells["class"].tolist(), strict=True))
    figures = []
    nuclei = dataset.channel("nuclei")
    image = _plane(dataset, run, nuclei.name, z, window)
    figures.append(_figure(dataset, image, plane, class_of, cells, window, _legend(cells), z))
    marker = dataset.channel("marker")
    positive = _number(cells["cfos"]) == 1
    if marker and _known(cells["cfos"]).any():
        keep = np.isin(plane, cells["id"][positive])
        image = _plane(dataset, run, marker.name, z, window)
        text = f"{escape(marker.name)}: only nuclei that were found positive are outlined"
        shown = np.where(keep, plane, 0)
        figures.append(_figure(dataset, image, shown, class_of, cells, window, text, z))
    return "".join(figures)


def _where(cells: Mapping, voxel_um: tuple, shape: tuple) -> tuple[int, tuple[slice, slice]]:
    """The plane that most centroids are near, and the window of it that holds most of them."""
    zyx = np.stack([cells[f"{a}_um"] / v for a, v in zip("zyx", voxel_um, strict=True)], axis=1)
    zyx = np.clip(np.round(zyx).astype(int), 0, np.array(shape) - 1)
    near = np.convolve(np.bincount(zyx[:, 0], minlength=shape[0]), np.ones(5), "same")
    edge = shape[0] // 4  # nuclei that the border cuts have their centroids close to it
    z = edge + int(np.argmax(near[edge : shape[0] - edge]))
    wanted = np.clip(WINDOW_UM / np.array(voxel_um[1:]), LEAST_VOX, MOST_VOX).astype(int)
    size = tuple(int(n) for n in np.minimum(shape[1:], wanted))
    coarse = np.array([max(1, s // 32) for s in size])
    weights = np.zeros(-(-np.array(shape[1:]) // coarse))
    close = np.abs(zyx[:, 0] - z) <= 2
    np.add.at(weights, tuple((zyx[close, 1:] // coarse).T), 1)
    corner = pictures.densest_window(weights, tuple(-(-np.array(size) // coarse))) * coarse
    corner = np.minimum(corner, np.array(shape[1:]) - size)
    return z, tuple(slice(int(c), int(c) + s) for c, s in zip(corner, size, strict=True))


def _plane(dataset: Dataset, run: Run, channel: str, z: int, window: tuple) -> np.ndarray:
    """A window of one plane of a channel: of the fused volume, or of the only tile."""
    fused = run.path("fused", f"{channel}.h5")
    path = fused if fused.exists() else dataset.file(channel, 0, 0)
    source = pm.io.open(path)
    return np.asarray(source.read((slice(z, z + 1), *window)))[0]


def _figure(dataset, image, labels, class_of, cells, window, caption, z) -> str:
    """One picture with outlines, centroids of what is outlined, and a scale bar."""
    zoom = int(np.clip(WIDE_PX // image.shape[1], 1, 6))
    picture = pictures.overlay(image, labels, class_of, zoom=zoom, width_px=2 if zoom > 2 else 1)
    shown = np.isin(cells["id"], labels)
    yx = [
        (cells[f"{a}_um"][shown] / v - w.start + 0.5) * zoom - 0.5
        for a, v, w in zip("yx", dataset.voxel_um[1:], window, strict=True)
    ]
    colours = np.array([pictures.COLOURS[class_of[i]] for i in cells["id"][shown].tolist()])
    pictures.dots(picture, np.stack(yx, axis=1), colours.reshape(-1, 3), 1 + zoom / 3)
    bar_um = pictures.scale_bar(picture, zoom / dataset.voxel_um[2])
    text = f"{caption}. Plane z = {z * dataset.voxel_um[0]:g} µm; the bar is {bar_um:g} µm."
    return (
        f'<figure><img alt="slice with outlines" src="{pictures.data_uri(picture)}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _legend(cells: Mapping) -> str:
    present = [name for name in CLASSES if np.any(cells["class"] == name)]
    keys = [f'<i style="background:{charts.colour(name)}"></i>{name}' for name in present]
    return "Outlines and centroids: " + " ".join(keys)


# charts and tables


def _distributions(cells: Mapping) -> str:
    parts = []
    for name, title, limits in DISTRIBUTIONS:
        values = _number(cells[name])
        groups = {c: values[cells["class"] == c] for c in CLASSES}
        parts.append(f"<div>{charts.histogram(groups, title, limits)}</div>")
    return "".join(parts)


def _placement(placements: Mapping | None) -> str:
    if not placements or len(placements["tiles"]) < 2:
        return '<p class="none">One tile: nothing to place.</p>'
    shape = placements["tile_shape_vox"]
    figure = charts.placement_map(placements["tiles"], placements["links"], shape)
    return (
        f'<figure class="map">{figure}<figcaption>Tiles where they were found to lie, seen along '
        "z; on each seam the score of its link (1: perfect, below 0.3: little in common)."
        "</figcaption></figure>"
    )


def score_lines(scores: Mapping) -> list[str]:
    """Scores beside what they are compared with, as lines of text. LOCAL."""
    return [
        f"{title:<42} {value:>8}   {against}".rstrip()
        for title, value, against in _score_rows(scores)
    ]


def _score_rows(scores: Mapping) -> list[tuple[str, str, str]]:
    """Title, value, and what to compare it with."""
    rows = []
    for group, key, title, other in SCORES:
        if key not in scores.get(group, {}):
            continue
        plain = scores.get("baseline", {}).get(group, {})
        which = ": " + plain["feature"] if "feature" in plain else ""
        against = f"{_shown(plain[key])} ({other}{which})" if key in plain else ""
        rows.append((title, _shown(scores[group][key]), against))
    if count := scores.get("count"):
        title = "nuclei after merging, away from the border"
        rows.append((title, f"{count['merged']:,}", f"{count['truth']:,} (truth)"))
    return rows


def _scores(scores: Mapping | None) -> str:
    if not scores:
        return '<p class="none">No truth is known for this dataset: nothing here is scored.</p>'
    rows = [(title, f"<b>{value}</b>", other) for title, value, other in _score_rows(scores)]
    return _table(("against the exact truth", "this run", "to compare"), rows)


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.3f}"
    return f"{value:g}"


def _stages(stages: Mapping) -> str:
    rows = [
        (
            escape(name),
            f"{facts['seconds']:.1f}",
            f"{sum(facts['cpu_s']):.1f}",
            f"{max(facts['peak_memory_mb']):.0f}",
            str(facts["ranks"]),
        )
        for name, facts in stages.items()
        if "cpu_s" in facts
    ]
    head = ("stage", "seconds", "CPU seconds, all ranks", "peak memory of a rank, MiB", "ranks")
    return _table(head, rows)


def _table(head: Iterable[str], rows: Iterable[tuple]) -> str:
    first = "".join(f"<th>{cell}</th>" for cell in head)
    rest = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{first}</tr></thead><tbody>{rest}</tbody></table>"


PAGE = Template(
    """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$name: what pmap found</title>
<style>
:root { --ink:#1d2530; --soft:#5c6b7c; --line:#dfe5ec; --back:#f5f7fa; --accent:#2d6cdf }
* { box-sizing:border-box }
body { margin:0; background:var(--back); color:var(--ink);
  font:16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
main { max-width:1120px; margin:0 auto; padding:40px 24px 72px }
h1 { font-size:34px; line-height:1.15; margin:0 0 6px; letter-spacing:-.01em }
h2 { font-size:20px; margin:44px 0 14px }
p.facts, .none, figcaption { color:var(--soft) }
p.facts { margin:0 0 24px }
.cards { display:flex; flex-wrap:wrap; gap:12px }
.card { background:#fff; border:1px solid var(--line); border-radius:10px; padding:12px 20px 14px;
  color:var(--soft); font-size:14px; min-width:128px }
.card b { display:block; font-size:28px; line-height:1.25; color:var(--ink);
  font-variant-numeric:tabular-nums }
.card b.neuron { color:#d33 } .card b.glia { color:#1c7ad9 }
.card b.unclassified { color:#a87900 }
figure { margin:0 0 22px; background:#fff; border:1px solid var(--line); border-radius:10px;
  overflow:hidden }
figure img { display:block; width:100%; background:#000 }
figcaption { padding:10px 16px 12px; font-size:14px }
figcaption i { display:inline-block; width:11px; height:11px; border-radius:50%;
  margin:0 5px 0 10px }
.row { display:grid; grid-template-columns:repeat(auto-fit,minmax(430px,1fr)); gap:14px }
.row > div { background:#fff; border:1px solid var(--line); border-radius:10px; padding:10px }
.map svg { display:block; max-width:620px; margin:16px auto 4px }
svg { width:100%; height:auto; font:11px system-ui, "DejaVu Sans", sans-serif; fill:var(--soft) }
svg .axis { stroke:#9aa7b5 } svg .grid { stroke:#e8edf2 }
svg .title { font-size:12.5px; fill:var(--ink) }
svg .tile { fill:#2d6cdf; fill-opacity:.13; stroke:#2d6cdf; stroke-width:1.4 }
svg .tilename { font-size:15px; fill:#26466f } svg .score { fill:#fff; font-weight:600 }
table { border-collapse:collapse; width:100%; background:#fff; border:1px solid var(--line);
  border-radius:10px; overflow:hidden; font-variant-numeric:tabular-nums }
th { text-align:left; font-weight:600; font-size:13px; color:var(--soft); background:#fafbfd }
th, td { padding:8px 16px; border-top:1px solid var(--line) }
td:not(:first-child), th:not(:first-child) { text-align:right }
details pre { background:#fff; border:1px solid var(--line); border-radius:10px; padding:14px;
  overflow:auto; font-size:13px }
summary { cursor:pointer; color:var(--accent) }
</style>
<main>
<h1>$name</h1><p class="facts">$facts</p>
<div class="cards">$cards</div>
<h2>What it found</h2>$pictures
<h2>How good it is</h2>$scores
<h2>Where the tiles lie</h2>$placement
<h2>The nuclei in numbers</h2><div class="row">$distributions</div>
<h2>What it took</h2>$stages
<h2>Made with</h2><details><summary>settings</summary><pre>$settings</pre></details>
</main></html>
"""
)

"""evaluate: what was found against what is true.

    python -m pmap.apps.evaluate run brain/truth        a run against the truth of its dataset
    python -m pmap.apps.evaluate labels.h5 truth.tif    one label image against another

A run gets scores.json: F1 and AP of the nuclei over IoU 0.5 ... 0.9 (all tiles together), ROC AUC
of the classes (out-of-fold, since that is what classify leaves in p_neuron), F1 of c-Fos, the
largest error of a tile's place, the number of nuclei after merging, and how far off the centres
are. Beside them stands the baseline: plain scikit-image on the same tiles, and the best single
feature.

Border rules, the same for ours, truth and baseline. In a tile, an object that touches a face is
neither hit nor miss. In the merged frame, a nucleus counts whose centre lies at least half a
diameter from every face. Each tile is compared in memory.

``evaluate_run(run, truth_dir=None) -> scores`` writes scores.json and returns what is in it.
"""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

import pmap as pm
from pmap import InputError

from . import commands, runs, tables
from . import dataset as datasets
from .kernels import matching
from .kernels.baseline import plain_nuclei
from .kernels.classifier import roc_auc
from .kernels.features import FEATURES, feature_matrix

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
PAIRED = 0.5
"""IoU from which on a nucleus and a true one are the same, for class and c-Fos."""


@dataclass(frozen=True)
class EvaluateSettings:
    """What is compared beside the run itself.

    Attributes
    ----------
    baseline : bool
        Whether plain scikit-image segments the tiles too, for comparison.
    """

    baseline: bool = True


def evaluate_run(
    run: runs.Run | str | Path,
    truth_dir: str | Path | None = None,
    settings: EvaluateSettings | None = None,
) -> dict:
    """Score a run against the truth; write scores.json. COLLECTIVE.

    Parameters
    ----------
    run : Run or path
        A run whose tiles are segmented; what is not done yet (classes, places) is not scored.
    truth_dir : path, optional
        Folder with labels_r{row}_c{col}.tif, cells.csv and placements.json; by default what the
        run's dataset names.
    settings : EvaluateSettings, optional
        What to compare with.

    Returns
    -------
    dict
        The content of scores.json.

    Raises
    ------
    InputError
        Where run and truth do not belong together.
    """
    settings = settings or EvaluateSettings()
    run = run if isinstance(run, runs.Run) else runs.find_run(run)
    known = runs.settings_of(run)
    if "dataset" not in known:
        raise InputError(f"{run.out} is a run of one image; evaluate its labels.h5 against a file")
    data = pm.once(datasets.load, known["dataset"], check_files=False)
    truth = Path(truth_dir) if truth_dir is not None else data.truth_dir
    if truth is None:
        raise InputError(f"{data.path} names no truth; give its folder: evaluate RUN TRUTH")
    pm.once(_check, run.out, truth, data)
    score = partial(_score_tile, run.out, truth, data, settings)
    pieces = pm.foreach(data.tiles, score, stop_on_error=True)
    scores = pm.once(_scores, run.out, truth, data, pieces)
    run.write_json("scores.json", scores)
    return scores


def compare_labels(pred: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """F1 and AP of one label image against another, over IoU 0.5 ... 0.9. LOCAL.

    Parameters
    ----------
    pred, truth : ndarray of one shape, integer
        Label images.

    Returns
    -------
    dict
        `f1_iou_0.5`, `ap_iou_0.5` and so on, `precision`, `recall`, `mean_iou` at IoU 0.5, and
        `found`, `truth`: objects that do not touch the border.

    Examples
    --------
    >>> image = np.zeros((5, 5, 5), int); image[1:4, 1:4, 1:4] = 1
    >>> compare_labels(image, image)["f1_iou_0.9"]
    1.0
    """
    return _nuclei_scores([_counts(pred, truth)[0]])


def check_truth(truth: Path, data: datasets.Dataset) -> None:
    """Raise InputError where the truth is not whole, or of another grid than the dataset. LOCAL."""
    names = [f"r{row}_c{col}" for row, col in data.tiles]
    _need([truth / "cells.csv", *(truth / f"labels_{name}.tif" for name in names)])
    places = truth / "placements.json"
    if places.is_file() and (other := sorted(set(_places(places)) ^ set(data.tiles))):
        row, col = other[0]
        raise InputError(
            f"{places} does not fit {data.path}: tile r{row}_c{col} is in one of them alone; "
            f"correct [dataset] grid = {list(data.grid)}, or take [truth] out"
        )


def _check(out: Path, truth: Path, data: datasets.Dataset) -> None:
    """Every tile has labels and a table, and a truth."""
    check_truth(truth, data)
    names = [f"r{row}_c{col}" for row, col in data.tiles]
    _need([out / "labels" / f"{name}.h5" for name in names])
    _need([out / "tables" / f"{name}.csv" for name in names])


def _need(files: list[Path]) -> None:
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise InputError(f"nothing to compare: {missing[0]} is missing ({len(missing)} files)")


def _read(file: Path, dataset: str | None = None) -> np.ndarray:
    with pm.io.open(file, dataset=dataset) as source:
        return source[:]


def _counts(pred: np.ndarray, truth: np.ndarray) -> tuple[dict, matching.Overlap, set, set]:
    """Hits, false detections and misses at each IoU, and which objects touch the border."""
    if pred.shape != truth.shape:
        raise InputError(f"label images of one shape are needed; found {pred.shape}, {truth.shape}")
    found = matching.overlap(truth, pred)
    truth_border, pred_border = matching.border_ids(truth), matching.border_ids(pred)
    counts = {
        "at": [
            list(matching.count_matches(found, t, truth_border, pred_border)) for t in THRESHOLDS
        ],
        "found": len(found.pred_ids) - len(pred_border),
        "truth": len(found.truth_ids) - len(truth_border),
    }
    return counts, found, set(truth_border.tolist()), set(pred_border.tolist())


def _score_tile(
    out: Path, truth_dir: Path, data: datasets.Dataset, settings: EvaluateSettings, tile: tuple
) -> dict:
    """Everything that one tile tells, in small numbers."""
    name = f"r{tile[0]}_c{tile[1]}"
    truth = _read(truth_dir / f"labels_{name}.tif")
    counts, found, truth_border, pred_border = _counts(
        _read(out / "labels" / f"{name}.h5", "labels"), truth
    )
    truth_rows, rows = matching.match(found, PAIRED)
    piece = {
        "name": name, "shape": list(truth.shape), "ours": counts,
        "pairs": (found.pred_ids[rows].tolist(), found.truth_ids[truth_rows].tolist()),
        "inner_truth": [i for i in found.truth_ids.tolist() if i not in truth_border],
        "inner": [i for i in found.pred_ids.tolist() if i not in pred_border],
    }  # fmt: skip
    if settings.baseline:
        image = _read(data.file(data.channel("nuclei"), *tile))
        plain = plain_nuclei(image, data.voxel_um, data.segment["diameter_um"])
        piece["baseline"] = _counts(plain, truth)[0]
    return piece


def _scores(out: Path, truth_dir: Path, data: datasets.Dataset, pieces: list[dict]) -> dict:
    """scores.json from what the tiles tell."""
    truth = tables.read_csv(truth_dir / "cells.csv")
    scores: dict = {"nuclei": _nuclei_scores([piece["ours"] for piece in pieces])}
    baseline: dict = {}
    if all("baseline" in piece for piece in pieces):
        baseline["nuclei"] = _nuclei_scores([piece["baseline"] for piece in pieces])
    paired = _paired_cells(out, truth, pieces)
    if np.isfinite(paired["p_neuron"]).any():
        scores["classes"] = {"auc": _auc(paired["is_neuron"], paired["p_neuron"])}
        single = [_auc(paired["is_neuron"], paired["x"][:, k]) for k in range(len(FEATURES))]
        either = {f: max(a, 1 - a) for f, a in zip(FEATURES, single, strict=True) if a is not None}
        if either:
            best = max(either, key=either.get)
            baseline["classes"] = {"auc": either[best], "feature": best}
    if paired["measured"]:
        scores["cfos"] = _marker_scores(paired)
    scores |= _frame_scores(out, truth_dir, truth, data, pieces[0]["shape"])
    return {**scores, "baseline": baseline} if baseline else scores


def _nuclei_scores(parts: list[dict]) -> dict[str, float]:
    """F1 and AP at each IoU, all tiles together."""
    scores: dict[str, float] = {}
    for k, threshold in enumerate(THRESHOLDS):
        hits, false, misses, iou = (sum(part["at"][k][j] for part in parts) for j in range(4))
        found = matching.summarise(hits, false, misses)
        scores |= {f"f1_iou_{threshold}": found["f1"], f"ap_iou_{threshold}": found["ap"]}
        if threshold == PAIRED:
            first = {"precision": found["precision"], "recall": found["recall"]}
            first["mean_iou"] = iou / hits if hits else float("nan")
    total = {name: sum(part[name] for part in parts) for name in ("found", "truth")}
    return {**scores, **first, **total}


def _paired_cells(out: Path, truth: dict, pieces: list[dict]) -> dict:
    """Nuclei paired with true ones, tile by tile: features, classes, c-Fos; and all that count."""
    row_of = {int(i): row for row, i in enumerate(truth["id"])}
    cells: dict[str, list] = {"p_neuron": [], "is_neuron": [], "x": []}
    marker = {"hits": 0, "false": 0, "misses": 0}
    measured = False
    for piece in pieces:
        table = tables.read_csv(out / "tables" / f"{piece['name']}.csv")
        place = {int(i): row for row, i in enumerate(table["id"])}
        inner, inner_truth = set(piece["inner"]), set(piece["inner_truth"])
        whole = [
            (place[p], row_of[t])
            for p, t in zip(*piece["pairs"], strict=True)
            if p in inner and t in inner_truth
        ]
        rows, true_rows = np.array(whole, int).reshape(-1, 2).T
        if len(rows):
            cells["p_neuron"].append(np.asarray(table["p_neuron"], float)[rows])
            cells["x"].append(feature_matrix(table)[rows])
            cells["is_neuron"].append(np.asarray(truth["class"])[true_rows] == "neuron")
        if not len(table["id"]):
            continue
        value = np.asarray(table["cfos"], float)
        measured |= bool(np.isfinite(value).any())
        _count_marker(marker, piece, value == 1, place, truth["cfos"] == 1, row_of)
    joined = {
        name: np.concatenate(parts) if parts else np.empty(0) for name, parts in cells.items()
    }
    joined["is_neuron"] = joined["is_neuron"].astype(bool)
    return {**joined, "marker": marker, "measured": measured}


def _count_marker(
    marker: dict, piece: dict, positive: np.ndarray, place: dict, active: np.ndarray, row_of: dict
) -> None:
    """Add a tile's hits, false detections and misses of the marker; nuclei not found are missed."""
    partner = dict(zip(*piece["pairs"], strict=True))
    back = {t: p for p, t in partner.items()}
    for t in piece["inner_truth"]:
        if active[row_of[t]]:
            hit = t in back and positive[place[back[t]]]
            marker["hits" if hit else "misses"] += 1
    inner_truth = set(piece["inner_truth"])
    for p in piece["inner"]:
        t = partner.get(p)
        if positive[place[p]] and (t is None or (t in inner_truth and not active[row_of[t]])):
            marker["false"] += 1


def _marker_scores(paired: dict) -> dict[str, float]:
    found = matching.summarise(**paired["marker"])
    return {name: found[name] for name in ("f1", "precision", "recall")}


def _auc(positive: np.ndarray, score: np.ndarray) -> float | None:
    known = np.isfinite(score)
    return roc_auc(positive[known], score[known])


def _frame_scores(
    out: Path, truth_dir: Path, truth: dict, data: datasets.Dataset, shape: list[int]
) -> dict:
    """Places of the tiles, and the merged nuclei in the common frame; what there is of it."""
    scores: dict = {}
    found, true = (folder / "placements.json" for folder in (out, truth_dir))
    if not (found.is_file() and true.is_file()):
        return scores
    mine, exact = (_places(file) for file in (found, true))
    tiles = sorted(exact)
    apart = np.array([np.subtract(mine[tile], exact[tile]) for tile in tiles])
    apart = apart - np.median(apart, axis=0)  # the frame's own origin does not matter
    scores["placements"] = {"max_error_vox": float(np.abs(apart).max())}
    if (out / "cells.csv").is_file():
        frame = np.max([np.add(exact[tile], shape) for tile in tiles], axis=0)
        margin = data.segment["diameter_um"] / 2
        inner = [
            _inner(table, (frame - 1) * np.array(data.voxel_um), margin)
            for table in (tables.read_csv(out / "cells.csv"), truth)
        ]
        scores["count"] = {"merged": len(inner[0]), "truth": len(inner[1])}
        rows, true_rows = matching.match_points(inner[0], inner[1], margin)
        if len(rows):
            way = np.linalg.norm(inner[0][rows] - inner[1][true_rows], axis=1)
            scores["centres"] = {
                "f1": 2 * len(rows) / (len(inner[0]) + len(inner[1])),
                "median_distance_um": float(np.median(way)),
            }
    return scores


def _places(file: Path) -> dict[tuple[int, int], list[float]]:
    try:
        tiles = json.loads(file.read_text(encoding="utf-8"))["tiles"]
        return {(tile["row"], tile["col"]): tile["zyx_vox"] for tile in tiles}
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"{file} holds no placements of tiles: {error!r}") from error


def _inner(table: dict, size_um: np.ndarray, margin_um: float) -> np.ndarray:
    """Centres that lie at least a margin from every face of the frame."""
    centre = np.column_stack([np.asarray(table[name], float) for name in ("z_um", "y_um", "x_um")])
    return centre[((centre >= margin_um) & (centre <= size_um - margin_um)).all(axis=1)]


def evaluate_files(pred: Path, truth: Path, *, mask: bool = False) -> dict[str, float]:
    """Scores of one label file against another. COLLECTIVE."""
    return pm.once(_compare_files, pred, truth, mask)


def _compare_files(pred: Path, truth: Path, mask: bool) -> dict[str, float]:
    labels = _read(pred, "labels" if pred.suffix in (".h5", ".hdf5") else None)
    true = _read(truth, "labels" if truth.suffix in (".h5", ".hdf5") else None)
    for file, array in ((pred, labels), (truth, true)):
        if array.dtype.kind not in "biu":
            raise InputError(f"{file}: labels are integers; found {array.dtype}")
    if mask:
        true = pm.measure.label(true != 0)
    return compare_labels(labels, true)


def main(argv: list[str] | None = None) -> int:
    """Command line of `evaluate`."""
    parser = commands.Parser(
        prog="evaluate",
        description="Score a run, or a label image, against the truth.",
        epilog="example: python -m pmap.apps.evaluate run brain/truth",
    )
    add = parser.add_argument
    add("prediction", metavar="PREDICTION", type=Path, help="folder of a run, or a label image")
    add("truth", metavar="TRUTH", type=Path, nargs="?", help="folder of the truth, or label image")
    add("--mask", action="store_true", help="TRUTH is a mask: its connected parts are the objects")
    add("--no-baseline", action="store_true", help="do not run plain scikit-image for comparison")
    a = parser.parse_args(argv)

    def work() -> None:
        if pm.once(a.prediction.is_dir):
            scores = evaluate_run(a.prediction, a.truth, EvaluateSettings(not a.no_baseline))
        elif a.truth is None:
            raise InputError("give the true label image too: evaluate PREDICTION TRUTH")
        else:
            scores = evaluate_files(a.prediction, a.truth, mask=a.mask)
        commands.say(tables.to_json(scores).rstrip())

    return commands.guarded(work)


if __name__ == "__main__":
    raise SystemExit(main())

"""classify: which nuclei are neurons, which are glia.

A support vector machine on volume, diameter, and mean, standard deviation, skew and kurtosis of the
intensity, as in the active-learning pipeline (its section III.D); mean and standard deviation are
taken relative to the nuclei of the same tile, so a tile's gain does not matter.

    pRUN classify run --train labels.csv     trains on reviewed nuclei (columns id, class)
    pRUN classify run --model other/model    uses a model trained elsewhere

Where the dataset knows the truth and neither is given, nuclei matched to it (IoU 0.5) are the
labels, and their p_neuron is out-of-fold: from machines that did not see the nucleus, in any tile.
Without model, labels or truth the class stays "unclassified". ``classify_run(run, model=None,
train=None)`` fills the columns `class` and `p_neuron` of tables/*.csv (and of cells.csv, where it
exists).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import pmap as pm
from pmap import InputError

from . import commands, modelfiles, runs, tables
from . import dataset as datasets
from .kernels import classifier, matching
from .kernels.features import FEATURES, feature_matrix

CLASSES = ("glia", "neuron")
TRUTH_IOU = 0.5
SEED = 0
MAX_NAMED = 5

Table = dict[str, np.ndarray]


@dataclass(frozen=True)
class Labelled:
    """Nuclei whose class is known: their features, classes, and what must share a fold.

    `place` says where their out-of-fold values go: (file, row) of each; empty for none.
    """

    x: np.ndarray
    is_neuron: np.ndarray
    group: np.ndarray
    place: tuple[tuple[Path, int], ...] = ()


def classify_run(
    run: runs.Run | str | Path, model: str | Path | None = None, train: str | Path | None = None
) -> dict:
    """Classify the nuclei of a run. COLLECTIVE.

    Parameters
    ----------
    run : Run or path
        A run whose tiles are segmented.
    model : path, optional
        Folder of a trained model.
    train : path, optional
        CSV with the columns id and class ("neuron", "glia"; other rows are not used): ids of
        cells.csv, or with a column `tile` those of the tile's table.

    Returns
    -------
    dict
        `source` ("model", "train", "truth" or None), `neurons`, `glia`, `unclassified`, `scores`
        of the training, and `said`: a line for the user.

    Raises
    ------
    InputError
        For a run without tables, or a model or labels that cannot be used.
    """
    run = run if isinstance(run, runs.Run) else runs.find_run(run)
    settings = runs.settings_of(run)
    pm.once(check_sources, settings, model, train)
    result = pm.once(_classify, run, settings, model, train)
    run.record("classification", **{k: v for k, v in result.items() if k != "said"})
    return result


def _classify(run: runs.Run, settings: dict, model: Path | None, train: Path | None) -> dict:
    """Do the work, on one rank: tables are small beside images."""
    files = table_files(run)
    columns = {file: tables.read_csv(file) for file in files}
    machine, labelled, source, scores, why = None, None, None, None, ""
    if model is not None:
        machine, source = modelfiles.load_model(beside(model, settings)), "model"
        if machine.features != FEATURES:
            raise InputError(f"{model} is for the features {machine.features}, not {FEATURES}")
    elif train is not None:
        labelled, source = _from_csv(beside(train, settings), columns), "train"
    else:
        labelled = _from_truth(run, settings, columns)
        source = "truth" if labelled is not None else None
    p = {file: np.full(len(table["id"]), np.nan) for file, table in columns.items()}
    if labelled is not None:
        if labelled.is_neuron.all() or not labelled.is_neuron.any():
            why = f"the labels hold {len(labelled.is_neuron)} nuclei and not both classes; "
            source = None
        else:
            machine, out_of_fold, scores = classifier.train(
                labelled.x, labelled.is_neuron, FEATURES, labelled.group, SEED
            )
            modelfiles.save_model(run.path("model"), machine, scores)
    if machine is not None:
        for file, table in columns.items():
            if len(table["id"]):
                p[file] = classifier.probabilities(machine, feature_matrix(table))
        if labelled is not None:
            for (file, row), value in zip(labelled.place, out_of_fold, strict=False):
                p[file][row] = value if np.isfinite(value) else p[file][row]
    for file, table in columns.items():
        _write(run, file, table, p[file])
    return _summary(p, files, source, scores, why)


def check_sources(settings: dict, model: str | None = None, train: str | None = None) -> None:
    """Raise InputError, before any work, for a model or labels that cannot be used. LOCAL.

    Parameters
    ----------
    settings : dict
        Of the run: `dataset` is the file that paths are relative to.
    model, train : str, optional
        As for :func:`classify_run`.
    """
    for name, path in (("model", model), ("train", train)):
        if not isinstance(path, str | Path | None):
            raise InputError(f"[classify] {name}: a path in quotes is needed, not {path!r}")
    if model is not None and train is not None:
        raise InputError("give a model or labels to train one, not both")
    if model is not None:
        modelfiles.load_model(beside(model, settings))
    if train is not None:
        _read_labels(beside(train, settings))


def table_files(run: runs.Run) -> list[Path]:
    """Tables of a run's nuclei: one for each tile, and cells.csv where it exists. LOCAL."""
    files = sorted((run.out / "tables").glob("r*_c*.csv"))
    cells = run.out / "cells.csv"
    files += [cells] if cells.is_file() else []
    if not files:
        raise InputError(f"{run.out} holds no table of nuclei; run segment first")
    return files


def beside(path: str | Path, settings: dict) -> Path:
    """A path as given, or relative to the dataset file that names it. LOCAL."""
    path = Path(path)
    home = settings.get("dataset")
    return path if path.exists() or home is None else Path(home).parent / path


def _from_csv(path: Path, columns: dict[Path, Table]) -> Labelled:
    """Labelled nuclei from a file that people made."""
    labels = _read_labels(path)
    of_class = np.asarray(labels["class"]).astype(str)
    rows = np.flatnonzero(np.isin(of_class, CLASSES))
    tile = np.asarray(labels["tile"]).astype(str) if "tile" in labels else None
    found = [_find(path, columns, int(labels["id"][i]), tile[i] if tile is not None else None)
             for i in rows]  # fmt: skip
    if len(set(found)) < len(found):
        twice = next(int(labels["id"][i]) for i, at in zip(rows, found, strict=True)
                     if found.count(at) > 1)  # fmt: skip
        raise InputError(f"{path}: nucleus {twice} is labelled twice; keep one row of it")
    x = {file: feature_matrix(table) for file, table in columns.items() if len(table["id"])}
    return Labelled(
        np.array([x[file][row] for file, row in found]).reshape(len(found), len(FEATURES)),
        of_class[rows] == "neuron",
        np.arange(len(found)),
        tuple(found),
    )


def _read_labels(path: Path) -> Table:
    """The columns of a file of labels, checked."""
    if not path.is_file():
        raise InputError(f"no file of labels {path}")
    labels = tables.read_csv(path)
    if not {"id", "class"} <= set(labels):
        raise InputError(f"{path}: columns id and class are needed; found {', '.join(labels)}")
    ids, of_class = np.asarray(labels["id"]), np.asarray(labels["class"]).astype(str)
    if len(ids) and ids.dtype.kind != "i":
        raise InputError(f"{path}: column id needs whole numbers; found {ids[0]!s} and so on")
    if len(ids) and not np.isin(of_class, CLASSES).any():
        raise InputError(
            f"{path}: no row has one of the classes {', '.join(CLASSES)}; found "
            f"{', '.join(np.unique(of_class)[:MAX_NAMED])}"
        )
    return labels


def _find(path: Path, columns: dict[Path, Table], cell: int, tile: str | None) -> tuple[Path, int]:
    """File and row of a labelled nucleus."""
    if tile is not None:
        name = f"{tile}.csv"
        where = [f for f in columns if f.name == name] or [f for f in columns if len(columns) == 1]
    else:
        where = [f for f in columns if f.name == "cells.csv"] or list(columns)
        if len(where) > 1:
            raise InputError(
                f"{path}: the run has no cells.csv yet, so ids are those of a tile: add a column "
                "tile (r0_c0), or stitch the run first"
            )
    hits = [(f, int(r)) for f in where for r in np.flatnonzero(columns[f]["id"] == cell)]
    if not hits:
        raise InputError(
            f"{path}: no nucleus {cell}{f' in tile {tile}' if tile else ''} in the run"
        )
    return hits[0]


def _from_truth(run: runs.Run, settings: dict, columns: dict[Path, Table]) -> Labelled | None:
    """Labelled nuclei from the dataset's truth, or None where it has none."""
    if "dataset" not in settings:
        return None
    dataset = datasets.load(settings["dataset"], check_files=False)
    if dataset.truth_dir is None:
        return None
    truth = tables.read_csv(dataset.truth_dir / "cells.csv")
    class_of = dict(zip(truth["id"].tolist(), truth["class"].tolist(), strict=True))
    x, is_neuron, group, place = [np.empty((0, len(FEATURES)))], [], [], []
    for file, table in columns.items():
        if file.parent.name != "tables" or not len(table["id"]):
            continue
        row_of = {int(cell): row for row, cell in enumerate(table["id"])}
        pairs = [
            (row_of[p], t)
            for p, t in match_tile(run.out, dataset.truth_dir, file.stem)
            if t in class_of and p in row_of
        ]
        x.append(feature_matrix(table)[[row for row, _ in pairs]])
        is_neuron += [class_of[t] == "neuron" for _, t in pairs]
        group += [t for _, t in pairs]
        place += [(file, row) for row, _ in pairs]
    return Labelled(
        np.concatenate(x), np.array(is_neuron, bool), np.array(group, int), tuple(place)
    )


def match_tile(out: Path, truth_dir: Path, name: str) -> list[tuple[int, int]]:
    """(label, truth id) of the nuclei of one tile that overlap by IoU 0.5 or more. LOCAL."""
    with pm.io.open(out / "labels" / f"{name}.h5", dataset="labels") as labels:
        mine = labels[:]
    with pm.io.open(truth_dir / f"labels_{name}.tif") as labels:
        found = matching.overlap(labels[:], mine)
    truth_rows, rows = matching.match(found, TRUTH_IOU)
    return list(
        zip(found.pred_ids[rows].tolist(), found.truth_ids[truth_rows].tolist(), strict=True)
    )


def _write(run: runs.Run, file: Path, table: Table, p: np.ndarray) -> None:
    table["p_neuron"] = p
    table["class"] = np.where(np.isnan(p), "unclassified", np.where(p >= 0.5, "neuron", "glia"))
    if file.parent.name == "tables":
        run.write_tile_table(file.stem, table)
        return
    run.write_table(file.relative_to(run.out), table)
    twin = file.with_suffix(".h5")
    if twin.is_file():
        run.write_table_h5(twin.relative_to(run.out), table)


def _summary(p: dict, files: list[Path], source: str | None, scores: dict | None, why: str) -> dict:
    """What was found, in numbers and in a line for the user."""
    shown = [f for f in files if f.name == "cells.csv"] or files
    values = np.concatenate([p[f] for f in shown])
    neurons, glia = int((values >= 0.5).sum()), int((values < 0.5).sum())
    rest = len(values) - neurons - glia
    said = f"{neurons} neurons, {glia} glia"
    if source is None:
        said = f'{why}{rest} nuclei stay "unclassified": give --model, or --train LABELS.csv'
    elif scores and scores["auc"] is not None:
        said += f"; ROC AUC {scores['auc']:.3f} ({scores['folds']}-fold, {source})"
    return {
        "source": source, "neurons": neurons, "glia": glia, "unclassified": rest,
        "scores": scores, "said": said,
    }  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Command line of `classify`."""
    parser = commands.Parser(
        prog="classify",
        description="Tell neurons from glia; fills class and p_neuron of a run's tables.",
        epilog="example: pRUN classify run --train labels.csv",
    )
    add = parser.add_argument
    add("run", metavar="RUN", type=Path, help="folder of a run that is segmented")
    add("--model", type=Path, help="folder of a trained model")
    add("--train", type=Path, metavar="LABELS.csv", help="columns id, class: trains a new model")
    add("--json", action="store_true", help="print the scores as JSON")
    args = parser.parse_args(argv)

    def work() -> None:
        found = classify_run(args.run, args.model, args.train)
        commands.say(json.dumps(found["scores"]) if args.json else f"classify: {found['said']}")

    return commands.guarded(work)


if __name__ == "__main__":
    raise SystemExit(main())

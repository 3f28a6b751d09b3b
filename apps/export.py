"""Export results as layers that Neuroglancer shows: images, labels, outlines, centroids.

    pRUN export RUN
    pRUN export dapi.tif cfos.tif --labels labels.h5 --cells cells.csv --voxel-um 1 0.227 0.227 \
--out layers
    python -m pmap.apps.export --serve layers

Each channel becomes a precomputed volume of its own; labels come with the properties of their
segments (class, c-Fos, volume ...) and with their outlines; centroids are annotations with a
multi-level index. `neuroglancer.json` is a viewer state that shows all of it: neurons red, glia
blue.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import pmap as pm
from pmap import InputError

from . import serving, tables, volumes
from .commands import Parser, guarded, say
from .dataset import voxel_size
from .kernels import annotations, properties, viewer
from .runlayers import Image, run_layers

STATE = "neuroglancer.json"
RESERVED = ("labels", "outlines", "centroids")
NUMBERS = ("volume_um3", "diameter_um", "mean", "p_neuron")


@dataclass(frozen=True)
class ExportSettings:
    """How layers are written.

    Attributes
    ----------
    url : str
        Where the folder will be served; it stands in the viewer state.
    gzip : bool
        Compress chunks: files become ``.gz``, and the server must know (ours does).
    sharded : bool
        Put many chunks into one file: few files, but the server must give byte ranges (ours does).
    limit : int
        Points that one cell of the index of centroids shows.
    """

    url: str = "http://127.0.0.1:8080"
    gzip: bool = False
    sharded: bool = False
    limit: int = 1000


def export_layers(
    out: Path,
    images: Sequence[Image],
    voxel_um: Sequence[float],
    *,
    labels: Path | None = None,
    cells: dict[str, np.ndarray] | None = None,
    settings: ExportSettings = ExportSettings(),
) -> dict:
    """Write all layers into folder `out`, and the viewer state that shows them. COLLECTIVE.

    Parameters
    ----------
    out : Path
        New, empty, or an earlier export, which is replaced.
    images : sequence of Image
        Channels.
    voxel_um : (z, y, x)
        Voxel size, microns.
    labels : Path, optional
        Labels in the frame of the images.
    cells : dict of columns, optional
        As in cells.csv: `id` is the label; `class` and `cfos` give colours.
    settings : ExportSettings, optional

    Returns
    -------
    dict
        The viewer state, also written to neuroglancer.json.
    """
    out, columns = Path(out), cells or {}
    voxel_um = voxel_size(voxel_um, "voxel size")
    opened = [(image, _open_volume(image.path)) for image in images]
    segments = None if labels is None else _open_volume(labels)
    shape = _check(opened, segments)
    _check_values(opened, labels, segments)
    pm.once(_claim, out)
    storage = volumes.Storage(settings.gzip, settings.sharded)
    layers = []
    for number, (image, source) in enumerate(opened):
        made = volumes.write_image(
            source, out / image.name, voxel_um, start=image.start, storage=storage
        )
        layers.append(viewer.image_layer(image.name, number, made.low, made.high))
    if segments is not None:
        folders = out / "labels", out / "outlines"
        described = "properties" if columns else None
        volumes.write_labels(segments, *folders, voxel_um, described, storage=storage)
        classes = _classes(columns)
        layers.append(viewer.labels_layer("labels", classes, 0.25))
        layers.append(viewer.labels_layer("outlines", {}, 1.0, linked="labels"))
    if columns:
        linked = "labels" if segments is not None else None
        pm.once(_write_cells, out, columns, shape, tuple(voxel_um), settings.limit, linked)
        layers.append(viewer.points_layer("centroids", linked))
    state = viewer.viewer_state(settings.url, voxel_um, shape, layers)
    pm.once(volumes.write_json, out / STATE, state)
    return state


def export_run(
    run_dir: str | Path,
    out: str | Path | None = None,
    settings: ExportSettings = ExportSettings(),
    voxel_um: Sequence[float] | None = None,
) -> dict:
    """Export what a run's folder holds, into its precomputed/ unless `out` is given. COLLECTIVE."""
    found = pm.once(run_layers, Path(run_dir), voxel_um)
    files = [*(image.path for image in found.images), *filter(None, [found.labels])]
    return export_layers(
        Path(run_dir) / "precomputed" if out is None else Path(out),
        found.images,
        found.voxel_um or _voxel_of(files),
        labels=found.labels,
        cells=found.cells,
        settings=settings,
    )


def _open_volume(path: Path):
    source = pm.io.open(path)
    if source.ndim != 3:
        raise InputError(
            f"{path}: a volume with axes (z, y, x) is wanted, not shape {source.shape}"
        )
    return source


def _check(opened: Sequence, labels) -> tuple[int, int, int]:
    """Shape of the frame; volumes that do not lie on each other are refused."""
    names = [image.name for image, _ in opened]
    for name in names:
        if name in RESERVED or names.count(name) > 1:
            raise InputError(f"two layers would be called {name!r}: rename one of the files")
    ends = {
        image.name: tuple(a + n for a, n in zip(image.start, source.shape, strict=True))
        for image, source in opened
    }
    if labels is not None:
        ends["labels"] = labels.shape
    if not ends:
        raise InputError("nothing to export: neither an image nor labels were found")
    placed = any(any(image.start) for image, _ in opened)
    if not placed and len(set(ends.values())) > 1:
        raise InputError(f"layers of one frame must have one shape (z, y, x); found {ends}")
    return tuple(max(n) for n in zip(*ends.values(), strict=True))


def _check_values(opened: Sequence, file: Path | None, labels) -> None:
    """Images are finite, labels whole numbers: told before anything is written. COLLECTIVE."""
    for image, source in opened:
        if source.dtype.kind == "f":
            try:
                pm.filters.histogram(source, nbins=2)
            except InputError as error:
                raise InputError(f"{image.path}: {error}") from None
    if labels is not None and labels.dtype.kind not in "iu":
        raise InputError(f"{file}: labels are whole numbers; found {labels.dtype}")


def _claim(out: Path) -> None:
    """Take a folder that is new, empty, or an earlier export."""
    marker = out / ".pmap" / "export"
    if out.exists() and not marker.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} holds other things than an export: give a new folder with --out")
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
        (out / STATE).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write in {out}: {error.strerror}; give another --out") from None


def _classes(cells: dict[str, np.ndarray]) -> dict[int, str]:
    """Class of each segment."""
    if "class" not in cells:
        return {}
    known = [c if c in viewer.CLASS_COLORS else "unclassified" for c in cells["class"].tolist()]
    return dict(zip(cells["id"].tolist(), known, strict=True))


def _write_cells(
    out: Path,
    cells: dict[str, np.ndarray],
    shape: Sequence[int],
    voxel_um: tuple,
    limit: int,
    labels: str | None,
) -> None:
    """Centroids, and properties of the segments in the folder of their labels."""
    ids, n = np.asarray(cells["id"]), len(cells["id"])
    order = np.argsort(ids, kind="stable")
    cells = {name: np.asarray(column)[order] for name, column in cells.items()}
    ids, kinds = ids[order], list(viewer.CLASS_COLORS)
    classes = list(_classes(cells).values()) or ["unclassified"] * n
    cfos = np.array([str(c) in ("1", "1.0", "True") for c in cells.get("cfos", [""] * n)], bool)
    tags = {kind: np.array([c == kind for c in classes], bool) for kind in kinds}
    numbers = {name: cells[name] for name in NUMBERS if name in cells and _is_number(cells[name])}
    names = [f"{c} {i}" for c, i in zip(classes, ids.tolist(), strict=True)]
    if labels is not None:
        info = properties.segment_properties(ids, names, {**tags, "cfos": cfos}, numbers)
        volumes.write_json(out / labels / "properties" / "info", info)
    colors = viewer.CLASS_COLORS.values()
    number = np.array([kinds.index(c) for c in classes], np.uint8)
    palette = np.array([[int(h[i : i + 2], 16) for i in (1, 3, 5)] for h in colors], np.uint8)
    given = [
        annotations.Property("class", "uint8", number, tuple(kinds)),
        annotations.Property("cfos", "uint8", cfos.astype(np.uint8), ("no", "yes")),
        annotations.Property("color", "rgb", palette[number].reshape(n, 3)),
        *(annotations.Property(k, "float32", np.nan_to_num(v)) for k, v in numbers.items()),
    ]
    axes = zip("zyx", voxel_um, strict=True)
    zyx = np.stack([cells[f"{axis}_um"] / v for axis, v in axes], axis=1)
    files = annotations.encode_points(ids, zyx, shape, voxel_um, given, limit)
    volumes.write_files(out / "centroids", files)


def _is_number(column: np.ndarray) -> bool:
    return np.asarray(column).dtype.kind in "iuf"


def main(argv: list[str] | None = None) -> int:
    """Command line of the app; returns the exit code."""
    args = _parser().parse_args(argv)

    def work() -> None:
        if args.serve is not None:
            pm.once(serving.serve, args.serve, args.host, args.port)
            return
        state, out = _export(args)
        say(f"{out}: {', '.join(layer['name'] for layer in state['layers'])}")
        say(f"look at it: python -m pmap.apps.export --serve {out}")

    return guarded(work)


def _export(args: argparse.Namespace) -> tuple[dict, Path]:
    """Do what the command line asks for."""
    settings = ExportSettings(args.url, args.gzip, args.sharded)
    runs = [path for path in args.source if (path / "run.json").is_file()]
    if runs and (len(args.source) > 1 or args.labels or args.cells):
        raise InputError(f"{runs[0]} is a run: export it alone, its labels and cells come with it")
    if runs:
        out = args.out or runs[0] / "precomputed"
        return export_run(runs[0], out, settings, args.voxel_um), out
    if args.out is None or not (args.source or args.labels):
        raise InputError("give a run's folder, or image files and --out DIR (see --help)")
    images = [Image(path.name.split(".")[0], path) for path in args.source]
    voxel_um = args.voxel_um or _voxel_of([*args.source, *filter(None, [args.labels])])
    cells = None if args.cells is None else pm.once(_read_cells, args.cells)
    state = export_layers(
        args.out, images, voxel_um, labels=args.labels, cells=cells, settings=settings
    )
    return state, args.out


def _read_cells(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    cells = tables.read_csv(path)
    if missing := [c for c in ("id", "z_um", "y_um", "x_um") if c not in cells]:
        raise InputError(f"{path} has no column {', '.join(missing)}; found {', '.join(cells)}")
    return cells


def _voxel_of(paths: Sequence[Path]) -> tuple[float, ...]:
    """Voxel size that one of the files tells."""
    for path in paths:
        found = pm.io.open(path).attrs.get("voxel_um")
        if found is not None:
            return tuple(float(v) for v in found)
    raise InputError(f"{paths[0]} does not tell its voxel size: give --voxel-um Z Y X")


def _parser() -> Parser:
    parser = Parser(
        prog="export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("source", nargs="*", type=Path, help="a run's folder, or image files (one per channel)")
    add("--out", type=Path, metavar="DIR", help="folder of the layers (a run's: precomputed/)")
    add("--voxel-um", nargs=3, type=float, metavar=("Z", "Y", "X"), help="voxel size, microns")
    add("--labels", type=Path, metavar="FILE", help="labels of the images")
    add("--cells", type=Path, metavar="CSV", help="table with the columns of cells.csv")
    add("--url", default=ExportSettings.url, help="where the layers will be served")
    add("--gzip", action="store_true", help="compress chunks (--serve gives them right)")
    add("--sharded", action="store_true", help="many chunks in one file, for large volumes")
    add("--serve", type=Path, metavar="DIR", help="serve exported layers, until interrupted")
    add("--host", default="127.0.0.1", help="address to serve on")
    add("--port", default=8080, type=int, help="port to serve on")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

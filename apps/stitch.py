"""Stitch a grid of tiles: find where each lies, fuse the images, merge the nuclei.

    pRUN -n 4 stitch dataset.toml --out run
    pRUN stitch mosaic.czi --out run --rule paper

Steps, each of which can be called alone:

- ``stitch_dataset(source, run, rule="ncc") -> placements`` measures every pair of neighbours,
  places all tiles by least squares and writes ``placements.json``;
- ``fuse_run(source, run, placements)`` writes ``fused/<channel>.h5`` and, where the tiles have been
  segmented, ``fused/labels.h5``, ``cells.csv`` and ``cells.h5`` (module :mod:`pmap.apps.fuse`).
"""

import functools
from dataclasses import asdict, dataclass
from pathlib import Path

import pmap as pm
from pmap import InputError

from . import commands, inputs, runs
from . import dataset as datasets
from .dataset import Dataset
from .fuse import fuse_run
from .kernels.pairs import Registered, Search, paper_rule, register
from .kernels.placement import Link, Placement, place
from .mosaic import Mosaic, Tile, open_mosaic

RULES = {"ncc": register, "paper": paper_rule}
"""How a pair of neighbours is registered, by the name that --rule takes."""

LEAST_SIGNIFICANCE = 6.0
"""Sigmas above chance: among a million shifts chance alone reaches about 5."""

MOST_AMBIGUITY = 0.85
"""A link whose second-best place comes closer to the best than this ratio is not trusted."""


@dataclass(frozen=True)
class StitchSettings:
    """What the result of stitching depends on, beside the images."""

    rule: str = "ncc"
    channel: str | None = None
    scene: int | None = None


def main(argv: list[str] | None = None) -> int:
    """Run from the command line; bad input is one line on stderr and exit code 2."""
    parser = commands.Parser(
        prog="stitch",
        description="Place overlapping tiles, fuse them, merge the nuclei segmented in them.",
        epilog="example: pRUN -n 4 stitch dataset.toml --out run",
    )
    parser.add_argument("source", help="dataset.toml, or a CZI file with a mosaic")
    parser.add_argument(
        "--rule",
        choices=sorted(RULES),
        default="ncc",
        help="ncc: all axes, with a confidence; paper: least difference, one axis",
    )
    parser.add_argument("--out", type=Path, default=Path("stitched"), help="folder of the run")
    parser.add_argument("--channel", help="channel to register by (default: the nuclei)")
    parser.add_argument("--scene", type=int, help="scene of a CZI file that has several")
    args = parser.parse_args(argv)  # fmt: skip
    settings = StitchSettings(args.rule, args.channel, args.scene)

    def work() -> None:
        if args.source.endswith(".toml"):
            inputs.check_images(pm.once(datasets.load, args.source))
        mosaic = open_mosaic(args.source, args.scene)
        run = _run_of(args.out, args.source, settings)
        alone = run.app == "stitch"  # what is added to another run is always done anew
        if alone and run.done("stitch"):
            commands.say(f"stitch: already finished in {run.out}")
            return
        with run.stage("stitch"):
            placements = stitch_dataset(mosaic, run, settings.rule, channel=settings.channel)
        commands.say(describe(placements))
        with run.stage("fuse"):
            fuse_run(mosaic, run, placements)
        if alone:
            images = [run.path("fused", f"{name}.h5") for name in mosaic.files]
            run.finish("stitch", [run.path("placements.json"), *images])

    return commands.guarded(work)


def stitch_dataset(
    source: Dataset | Mosaic | str | Path,
    run: runs.Run,
    rule: str = "ncc",
    *,
    channel: str | None = None,
) -> dict:
    """Find the place of every tile and write placements.json. COLLECTIVE.

    Parameters
    ----------
    source : Dataset, Mosaic or path
        A dataset, its TOML file, or a CZI file with a mosaic.
    run : Run
        Where placements.json goes.
    rule : {"ncc", "paper"}
        "ncc": normalised cross-correlation in z, y and x jointly, and links that are weak or that
        contradict the others are left out. "paper": the least mean absolute difference over
        overlaps of 1 voxel to 10 % along the one axis that two tiles share (section III.D of the
        active-learning pipeline paper); it has no measure of confidence.
    channel : str, optional
        The channel to register by; the nuclei, or the first one, if omitted.

    Returns
    -------
    dict
        tiles, links, and what was not used: rejected links with the reason, unlinked tiles.

    Raises
    ------
    InputError
        If tiles are missing, differ, or overlap too little.
    """
    mosaic = source if isinstance(source, Mosaic) else open_mosaic(source)
    if rule not in RULES:
        raise InputError(f"rule must be one of {', '.join(sorted(RULES))}, not {rule!r}")
    channel = _registration_channel(mosaic, source, channel)
    pairs = mosaic.neighbours()
    measure = functools.partial(_measure, mosaic, channel, rule)
    found = pm.foreach(pairs, measure, stop_on_error=True)
    links = [_link(a, b, pair, rule) for (a, b, _, _), pair in zip(pairs, found, strict=True)]
    tolerance = 1.5 if rule == "ncc" else float("inf")
    placement = place(mosaic.tiles, mosaic.nominal, links, tolerance)
    placements = _as_dict(placement, mosaic, rule)
    run.write_json("placements.json", placements)
    return placements


def describe(placements: dict) -> str:
    """One line on the links, and one for each thing that a user must know."""
    links, rejected = placements["links"], placements["rejected"]
    lowest = min((link["score"] for link in links), default=1.0)
    lines = [
        f"stitch: {len(placements['tiles'])} tiles, {len(links)} links used, {len(rejected)} "
        f"rejected, lowest score {lowest:.3f}"
    ]
    lines += [
        f"stitch: link {tuple(x['a'])} - {tuple(x['b'])} rejected: {x['reason']} "
        f"(score {x['score']:.3f})"
        for x in rejected
    ]
    lines += [
        f"stitch: tile {tuple(tile)} has no link to the others that can be trusted; it lies where "
        "the stage put it"
        for tile in placements["unlinked"]
    ]
    return "\n".join(lines)


def _run_of(out: Path, source: str, settings: StitchSettings) -> runs.Run:
    """The run whose tiles were segmented in `out`, to add to it, or a run of stitch alone."""
    if pm.once((out / "labels").is_dir):
        return runs.find_run(out)
    return runs.open_run(out, "stitch", {"source": Path(source).resolve(), **asdict(settings)})


def _registration_channel(mosaic: Mosaic, source: object, channel: str | None) -> str:
    """The named channel, else the nuclei, else the first."""
    if channel is None and isinstance(source, Dataset):
        channel = source.channel("nuclei").name
    channel = channel or next(iter(mosaic.files))
    if channel not in mosaic.files:
        raise InputError(f"{mosaic.name} has channels {', '.join(mosaic.files)}, not {channel!r}")
    return channel


def _measure(mosaic: Mosaic, channel: str, rule: str, pair: tuple) -> Registered:
    """One link, from the two files alone."""
    a, b, axis, overlap = pair
    search = Search(axis, overlap, mosaic.voxel_um)
    with mosaic.open(channel, a) as image_a, mosaic.open(channel, b) as image_b:
        return RULES[rule](image_a, image_b, search)


def _link(a: Tile, b: Tile, found: Registered, rule: str) -> Link:
    """The measured pair with the weight that it deserves."""
    if rule == "paper":
        return Link(a, b, found.shift, found.score)
    trusted = (
        found.significance >= LEAST_SIGNIFICANCE
        and found.runner_up <= MOST_AMBIGUITY * found.significance
    )
    weight = min(found.significance, 50.0) ** 2 if trusted else 0.0
    return Link(a, b, found.shift, found.score, weight, found.others)


def _as_dict(placement: Placement, mosaic: Mosaic, rule: str) -> dict:
    """The content of placements.json."""
    tiles = [
        {"row": row, "col": col, "zyx_vox": list(placement.positions[row, col])}
        for row, col in mosaic.tiles
    ]
    used = sorted(placement.used, key=lambda link: (link.a, link.b))
    return {
        "rule": rule,
        "voxel_um": list(mosaic.voxel_um),
        "tile_shape_vox": list(mosaic.shape),
        "tiles": tiles,
        "links": [_link_dict(link) for link in used],
        "rejected": [{**_link_dict(x), "reason": reason} for x, reason in placement.rejected],
        "unlinked": [list(tile) for tile in placement.unlinked],
    }


def _link_dict(link: Link) -> dict:
    return {
        "a": list(link.a),
        "b": list(link.b),
        "shift_zyx_vox": list(link.shift),
        "score": round(link.score, 6),
    }


if __name__ == "__main__":
    raise SystemExit(main())

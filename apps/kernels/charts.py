"""Charts as SVG text: histograms by class and a map of tiles. No files, no fonts to load."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from .pictures import COLOURS

WIDTH, HEIGHT = 340, 210
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 12, 36
MAX_BINS = 40


def colour(name: str) -> str:
    """CSS colour of a class.

    Examples
    --------
    >>> colour("glia")
    'rgb(72,164,255)'
    """
    return "rgb({},{},{})".format(*COLOURS.get(name, (150, 150, 150)))


def bin_edges(values: np.ndarray, limits: tuple[float, float] | None = None) -> np.ndarray:
    """Edges of equal bins over the values, at most :data:`MAX_BINS`; extremes of 0.5 % are cut.

    Examples
    --------
    >>> bin_edges(np.arange(5.0), limits=(0, 1)).size
    4
    """
    low, high = limits or np.percentile(values, [0.0, 99.5])
    if high <= low:
        low, high = low - 0.5, low + 0.5
    n_bins = int(np.clip(np.sqrt(values.size) * 1.5, 3, MAX_BINS))
    return np.linspace(low, high, n_bins + 1)


def histogram(
    groups: Mapping[str, np.ndarray], title: str, limits: tuple[float, float] | None = None
) -> str:
    """Histograms of several classes over each other.

    Parameters
    ----------
    groups : mapping of str to ndarray
        Values of each class; NaN is left out.
    title : str
        What is counted, with its unit.
    limits : tuple of float, optional
        Range of the axis; else that of the values.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    groups = {name: v[np.isfinite(v)] for name, v in groups.items()}
    groups = {name: v for name, v in groups.items() if v.size}
    if not groups:
        return f'<p class="none">{escape(title)}: no values</p>'
    edges = bin_edges(np.concatenate(list(groups.values())), limits)
    clipped = {name: np.clip(v, edges[0], edges[-1]) for name, v in groups.items()}
    counts = {name: np.histogram(v, edges)[0] for name, v in clipped.items()}
    top = max(int(c.max()) for c in counts.values())
    parts = [_axes(edges, top, title)]
    parts += [_steps(edges, c, top, colour(name)) for name, c in counts.items()]
    return _svg(WIDTH, HEIGHT, parts, title)


def _x(value: np.ndarray | float, edges: np.ndarray) -> np.ndarray | float:
    return LEFT + (value - edges[0]) / (edges[-1] - edges[0]) * (WIDTH - LEFT - RIGHT)


def _y(count: np.ndarray | float, top: int) -> np.ndarray | float:
    return HEIGHT - BOTTOM - count / max(top, 1) * (HEIGHT - BOTTOM - TOP)


def _steps(edges: np.ndarray, counts: np.ndarray, top: int, css: str) -> str:
    """One histogram as a filled outline."""
    x = np.repeat(_x(edges, edges), 2)
    y = np.concatenate([[_y(0, top)], np.repeat(_y(counts, top), 2), [_y(0, top)]])
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<polygon points="{points}" fill="{css}" fill-opacity="0.28" stroke="{css}" '
        'stroke-width="1.6" stroke-linejoin="round"/>'
    )


def _axes(edges: np.ndarray, top: int, title: str) -> str:
    base = HEIGHT - BOTTOM
    parts = [f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}"/>']
    for tick in ticks(edges[0], edges[-1]):
        x = _x(tick, edges)
        parts.append(f'<line class="axis" x1="{x:.1f}" y1="{base}" x2="{x:.1f}" y2="{base + 4}"/>')
        parts.append(f'<text x="{x:.1f}" y="{base + 15}" text-anchor="middle">{tick:g}</text>')
    for tick in ticks(0, top, 5):
        y = _y(tick, top)
        parts.append(
            f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        )
        parts.append(f'<text x="{LEFT - 5}" y="{y + 3:.1f}" text-anchor="end">{tick:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text class="title" x="{middle}" y="{HEIGHT - 5}" text-anchor="middle">'
        f"{escape(title)}</text>"
    )
    return "".join(parts)


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers from `low` to `high`, at most `most` of them.

    Examples
    --------
    >>> ticks(0, 100)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    """
    if high <= low:
        return [float(low)]
    power = 10.0 ** np.floor(np.log10((high - low) / most))
    for step in (power * k for k in (1, 2, 5, 10, 20)):
        first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
        if last - first < most:
            break
    return [round(float(i * step), 10) + 0.0 for i in np.arange(first, last + 1)]


def placement_map(
    tiles: Sequence[Mapping], links: Sequence[Mapping], tile_shape: Sequence[int]
) -> str:
    """Tiles where they lie in (y, x), and each link with its score.

    Parameters
    ----------
    tiles : sequence of mapping
        `row`, `col`, `zyx_vox` as in placements.json.
    links : sequence of mapping
        `a`, `b`, `score` as in placements.json.
    tile_shape : sequence of int
        (z, y, x) of a tile, voxels.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    corner = {(t["row"], t["col"]): np.array(t["zyx_vox"][1:], float) for t in tiles}
    size = np.array(tile_shape[1:], float)
    extent = np.max(list(corner.values()), axis=0) + size
    scale = 520 / max(extent)
    height, width = extent * scale + 20
    parts = []
    for (row, col), at in corner.items():
        (y, x), (h, w) = at * scale + 10, size * scale
        parts.append(
            f'<rect class="tile" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"/>'
        )
        label = f"r{row} c{col}"
        parts.append(
            f'<text class="tilename" x="{x + w / 2:.1f}" y="{y + h / 2:.1f}" '
            f'text-anchor="middle">{label}</text>'
        )
    for link in links:
        a, b = (corner[tuple(link[end])] * scale + size * scale / 2 + 10 for end in "ab")
        parts.append(_link(a, b, link["score"]))
    return _svg(float(width), float(height), parts, "placement of the tiles")


def _link(a: np.ndarray, b: np.ndarray, score: float | None) -> str:
    """A short line over the seam of two tiles, green for a sure link, red for a bad one."""
    score = 0.0 if score is None else float(score)
    a, b = a + 0.3 * (b - a), b - 0.3 * (b - a)
    y, x = (a + b) / 2
    css = f"hsl({120 * float(np.clip(score, 0, 1)):.0f},65%,42%)"
    return (
        f'<line x1="{a[1]:.1f}" y1="{a[0]:.1f}" x2="{b[1]:.1f}" y2="{b[0]:.1f}" '
        f'stroke="{css}" stroke-width="3" stroke-linecap="round"/>'
        f'<rect x="{x - 19:.1f}" y="{y - 10:.1f}" width="38" height="20" rx="10" fill="{css}"/>'
        f'<text class="score" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{score:.2f}</text>'
    )


def _svg(width: float, height: float, parts: list[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )

"""From pairwise shifts to one place for every tile: robust global least squares on the grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

Tile = tuple[int, int]
Shift = tuple[int, ...]


@dataclass(frozen=True)
class Link:
    """One measured pair of neighbours.

    Parameters
    ----------
    a, b : (row, col)
    shift : tuple of int, voxels
        position(b) - position(a).
    score : float
        NCC in the overlap, in [-1, 1].
    weight : float
        How much the link counts in the least squares; 0: too weak to be trusted.
    others : tuple of (shift, score)
        Further places at which this pair also correlates, best first.
    """

    a: Tile
    b: Tile
    shift: Shift
    score: float
    weight: float = 1.0
    others: tuple[tuple[Shift, float], ...] = ()


@dataclass(frozen=True)
class Placement:
    """Where the tiles lie: positions with minimum 0, and what became of every link."""

    positions: dict[Tile, Shift]
    used: list[Link]
    rejected: list[tuple[Link, str]]
    unlinked: list[Tile] = field(default_factory=list)


def place(
    tiles: Sequence[Tile],
    nominal: Mapping[Tile, Shift],
    links: Sequence[Link],
    tolerance_vox: float = 1.5,
) -> Placement:
    """Return integer positions of all tiles from the links, without the ones that disagree.

    Parameters
    ----------
    tiles : sequence of (row, col)
    nominal : mapping of (row, col) to tuple of int, voxels
        Where the stage put each tile; used for tiles that no trusted link holds.
    links : sequence of Link
    tolerance_vox : float, voxels
        A link whose residual is larger than this is exchanged for another of its shifts that
        fits the rest, or rejected, the worst first.

    Returns
    -------
    Placement

    Notes
    -----
    Weighted linear least squares per axis, as in Hörl et al. 2019 (BigStitcher), with removal of
    the worst link until all residuals are within tolerance. Tiles that remain without a link to
    the largest group keep the step of the stage, corrected by the median of the trusted links of
    the same direction.

    Examples
    --------
    >>> links = [Link((0, 0), (0, 1), (0, 1, 9), 0.9)]
    >>> place([(0, 0), (0, 1)], {(0, 0): (0, 0, 0), (0, 1): (0, 0, 8)}, links).positions
    {(0, 0): (0, 0, 0), (0, 1): (0, 1, 9)}
    """
    tiles = list(tiles)
    used = [link for link in links if link.weight > 0.0]
    rejected = [(link, "too weak") for link in links if link.weight <= 0.0]
    while True:
        solved = _solve(tiles, used)
        stretched = _stretched(solved, used, tolerance_vox)
        if not stretched:
            break
        moved = _moved(tiles, used, tolerance_vox)
        if moved is not None:
            used = moved
            continue
        rejected.append((stretched[0], "disagrees with the loops around it"))
        used.remove(stretched[0])
    positions, unlinked = _complete(tiles, nominal, used, solved)
    return Placement(_from_zero(positions), used, rejected, unlinked)


def groups(tiles: Sequence[Tile], links: Sequence[Link]) -> list[list[Tile]]:
    """Return the connected groups of tiles, the largest first, then by order of `tiles`.

    Examples
    --------
    >>> groups([(0, 0), (0, 1), (0, 2)], [Link((0, 1), (0, 2), (0, 0, 9), 0.9)])
    [[(0, 1), (0, 2)], [(0, 0)]]
    """
    leader = {tile: tile for tile in tiles}

    def find(tile: Tile) -> Tile:
        while leader[tile] != tile:
            tile = leader[tile]
        return tile

    for link in links:
        leader[find(link.b)] = find(link.a)
    members: dict[Tile, list[Tile]] = {}
    for tile in tiles:
        members.setdefault(find(tile), []).append(tile)
    return sorted(members.values(), key=lambda group: -len(group))


def _solve(tiles: Sequence[Tile], links: Sequence[Link]) -> dict[Tile, np.ndarray]:
    """Return real-valued positions; the first tile of each connected group is at 0."""
    solved: dict[Tile, np.ndarray] = {}
    for group in groups(tiles, links):
        index = {tile: i for i, tile in enumerate(group)}
        inside = [link for link in links if link.a in index]
        matrix = np.zeros((len(inside) + 1, len(group)))
        right = np.zeros((len(inside) + 1, 3))
        matrix[-1, 0] = 1.0
        for row, link in enumerate(inside):
            root = np.sqrt(link.weight)
            matrix[row, index[link.b]] = root
            matrix[row, index[link.a]] = -root
            right[row] = root * np.asarray(link.shift)
        answer = np.linalg.lstsq(matrix, right, rcond=None)[0]
        solved.update({tile: answer[i] - answer[0] for tile, i in index.items()})
    return solved


def _residual(solved: Mapping[Tile, np.ndarray], link: Link) -> float:
    """Return by how many voxels a link is stretched, on its worst axis."""
    return float(np.abs(solved[link.b] - solved[link.a] - link.shift).max())


def _stretched(
    solved: Mapping[Tile, np.ndarray], links: Sequence[Link], tolerance_vox: float
) -> list[Link]:
    """Return the links with a residual above the tolerance, the worst first."""
    residuals = [round(_residual(solved, link), 6) for link in links]
    order = sorted(range(len(links)), key=lambda i: -residuals[i])
    return [links[i] for i in order if residuals[i] > tolerance_vox]


def _moved(tiles: Sequence[Tile], links: Sequence[Link], tolerance_vox: float) -> list[Link] | None:
    """Return the links with one of them moved to another of its shifts, which fits all the rest.

    That two independent measures meet within a voxel or so by chance is far less likely than
    that one of two strong peaks was the wrong one.
    """
    for link in links:
        rest = [other for other in links if other is not link]
        if not any(link.a in group and link.b in group for group in groups(tiles, rest)):
            continue
        solved = _solve(tiles, rest)
        if _residual(solved, link) <= tolerance_vox:
            continue
        for number, (shift, score) in enumerate(link.others):
            moved = replace(link, shift=shift, score=score, others=link.others[number + 1 :])
            if _residual(solved, moved) <= tolerance_vox:
                return [*rest, moved]
    return None


def _complete(
    tiles: Sequence[Tile],
    nominal: Mapping[Tile, Shift],
    links: Sequence[Link],
    solved: Mapping[Tile, np.ndarray],
) -> tuple[dict[Tile, np.ndarray], list[Tile]]:
    """Return positions for all tiles: the largest group as solved, the others set beside it."""
    main, *others = groups(tiles, links)
    positions = {tile: solved[tile] for tile in main}
    unlinked = [tile for group in others for tile in group]
    waiting = list(others)
    while waiting:
        group, inside, beside = _nearest(waiting, positions)
        step = _step(inside, beside, nominal, links)
        origin = positions[inside] + step - solved[beside]
        positions.update({tile: solved[tile] + origin for tile in group})
        waiting.remove(group)
    return positions, [tile for tile in tiles if tile in unlinked]


def _nearest(
    waiting: Sequence[list[Tile]], placed: Mapping[Tile, np.ndarray]
) -> tuple[list[Tile], Tile, Tile]:
    """Return the group closest to the placed tiles, and the pair of tiles between the two."""
    return min(
        ((group, p, q) for group in waiting for q in group for p in placed),
        key=lambda item: (abs(item[1][0] - item[2][0]) + abs(item[1][1] - item[2][1]), item[1:]),
    )


def _step(p: Tile, q: Tile, nominal: Mapping[Tile, Shift], links: Sequence[Link]) -> np.ndarray:
    """Return position(q) - position(p) by the stage, corrected by what the links say of it."""
    step = np.subtract(nominal[q], nominal[p]).astype(float)
    for axis in (0, 1):
        moved = q[axis] - p[axis]
        same = [x for x in links if x.b[axis] != x.a[axis] and x.b[1 - axis] == x.a[1 - axis]]
        if moved and same:
            errors = [
                (x.b[axis] - x.a[axis])
                * np.subtract(x.shift, np.subtract(nominal[x.b], nominal[x.a]))
                for x in same
            ]
            step += moved * np.median(errors, axis=0)
    return step


def _from_zero(positions: Mapping[Tile, np.ndarray]) -> dict[Tile, Shift]:
    """Return integer positions whose minimum is 0 on every axis."""
    whole = {tile: np.rint(place_).astype(int) for tile, place_ in sorted(positions.items())}
    least = np.min(list(whole.values()), axis=0)
    return {tile: tuple(int(v) for v in place_ - least) for tile, place_ in whole.items()}

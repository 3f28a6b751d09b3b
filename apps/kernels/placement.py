"""From pairwise shifts to one place for every tile: robust global least squares on the grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

Tile = tuple[int, int]
Shift = tuple[int, ...]

FAR = 5
"""Tiles between two links beyond which one does not make the other look wrong."""
BRIDGE = 1e-9
"""Share of a step that other links hold, below which it hangs on one link alone."""


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
        fit = _Fit(tiles, used)
        stretched = _stretched(fit.solved, used, tolerance_vox)
        if not stretched:
            break
        moved = _moved(fit, used, tolerance_vox)
        if moved is not None:
            used = moved
            continue
        worst = _far_apart(stretched)
        rejected += [(link, "disagrees with the loops around it") for link in worst]
        gone = {id(link) for link in worst}
        used = [link for link in used if id(link) not in gone]
    positions, unlinked = _complete(tiles, nominal, used, fit.solved)
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


class _Fit:
    """The least squares of all links, group by group; sparse, so that a brain's tiles fit.

    Attributes
    ----------
    solved : dict of tile to ndarray, shape (3,)
        Real-valued positions; the first tile of each connected group is at 0.
    """

    def __init__(self, tiles: Sequence[Tile], links: Sequence[Link]) -> None:
        self.solved: dict[Tile, np.ndarray] = {}
        self._place: dict[Tile, tuple[int, int]] = {}
        self._factors = []
        members = groups(tiles, links)
        for number, group in enumerate(members):
            self._place.update({tile: (number, i) for i, tile in enumerate(group)})
        inside: list[list[Link]] = [[] for _ in members]
        for link in links:
            inside[self._place[link.a][0]].append(link)
        for group, own in zip(members, inside, strict=True):
            self._solve(group, own)

    def _solve(self, group: Sequence[Tile], links: Sequence[Link]) -> None:
        """The weighted graph's Laplacian without the first tile, and the positions."""
        n = len(group)
        answer = np.zeros((n, 3))
        factor = None
        if n > 1:
            ends = np.array([[self._place[t][1] for t in (link.a, link.b)] for link in links])
            weights = np.array([link.weight for link in links])
            pull = weights[:, None] * np.array([link.shift for link in links], float)
            right = np.zeros((n, 3))
            np.add.at(right, ends[:, 1], pull)
            np.subtract.at(right, ends[:, 0], pull)
            a, b = ends.T
            values = np.concatenate([weights, weights, -weights, -weights])
            at = np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
            laplacian = coo_array((values, at), shape=(n, n)).tocsc()
            factor = splu(laplacian[1:, 1:])
            answer[1:] = factor.solve(right[1:])
        self._factors.append(factor)
        self.solved.update(zip(group, answer, strict=True))

    def without(self, link: Link) -> np.ndarray | None:
        """Step from a to b that all other links agree on; None if no other joins the two.

        By the link's leverage (Cook and Weisberg, Residuals and Influence in Regression, 1982),
        not by another fit for each link.
        """
        number, a = self._place[link.a]
        b = self._place[link.b][1]
        unit = np.zeros(self._factors[number].shape[0] + 1)
        unit[b], unit[a] = 1.0, -1.0
        potential = np.concatenate([[0.0], self._factors[number].solve(unit[1:])])
        left = 1.0 - link.weight * (potential[b] - potential[a])
        if left < BRIDGE:
            return None
        step = self.solved[link.b] - self.solved[link.a]
        return link.shift + (step - link.shift) / left


def _stretched(
    solved: Mapping[Tile, np.ndarray], links: Sequence[Link], tolerance_vox: float
) -> list[Link]:
    """Return the links that are longer or shorter than measured, on any axis, the worst first."""
    if not links:
        return []
    steps = np.array([solved[x.b] for x in links]) - np.array([solved[x.a] for x in links])
    residuals = np.abs(steps - np.array([x.shift for x in links])).max(axis=1).round(6)
    order = np.argsort(-residuals, kind="stable")
    return [links[i] for i in order if residuals[i] > tolerance_vox]


def _far_apart(links: Sequence[Link]) -> list[Link]:
    """Return the first link, and of the next ones those too far away to be stretched by it."""
    taken: list[Link] = []
    rows: list[Tile] = []
    for link in links:
        away = np.abs(np.array(rows).reshape(-1, 2) - link.a).max(axis=1)
        if not rows or away.min() > FAR:
            taken.append(link)
            rows.append(link.a)
    return taken


def _moved(fit: _Fit, links: Sequence[Link], tolerance_vox: float) -> list[Link] | None:
    """Return the links with one of them moved to another of its shifts, which fits all the rest.

    That two independent measures meet within a voxel or so by chance is far less likely than
    that one of two strong peaks was the wrong one.
    """
    for link in links:
        step = fit.without(link) if link.others else None
        if step is None or np.abs(step - link.shift).max() <= tolerance_vox:
            continue
        for number, (shift, score) in enumerate(link.others):
            if np.abs(step - shift).max() <= tolerance_vox:
                moved = replace(link, shift=shift, score=score, others=link.others[number + 1 :])
                return [*(other for other in links if other is not link), moved]
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

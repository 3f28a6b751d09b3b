"""One nucleus, one id: merge what overlapping tiles each segmented for themselves.

The rules, in order:

1. Two labels of two tiles are the same nucleus where their IoU within the overlap is at least
   0.3, or where they share half of the smaller one; best IoU first, one to one.
2. Of those, the tile that sees the nucleus whole (not cut by a side of the tile that lies inside
   another tile) gives the shape; of several, the one in which it lies deepest. Where all see it
   cut, their parts are joined.
3. A label without a partner that is cut belongs to the tile in which its centroid lies deepest:
   elsewhere it is a fragment and is dropped. One that is half covered by nuclei of other tiles
   is a split of theirs and is dropped. Anything else stays.

Nuclei that the outer border of the whole volume cuts are kept and count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_IOU = 0.3
LEAST_SHARE = 0.5

Node = tuple[int, int]
"""(number of the tile, label in that tile)"""


@dataclass(frozen=True)
class Contact:
    """Which labels of two tiles share voxels: `voxels[i]` of `a[i]` and `b[i]`; 0 is background.

    `cut_a` and `cut_b` list the labels that end at a side of their tile which lies inside the
    other tile.
    """

    a: np.ndarray
    b: np.ndarray
    voxels: np.ndarray
    cut_a: np.ndarray
    cut_b: np.ndarray


@dataclass(frozen=True)
class TileLabels:
    """What merging needs to know of one tile, by label (index 0 is background).

    Parameters
    ----------
    voxels : ndarray of int64
        Size of each label; 0: there is no such label.
    depth : ndarray of float64
        Distance of its centroid to the nearest side of its tile, in voxels.
    foreign_depth : ndarray of float64
        The same, at most, in another tile; -inf where no other tile holds the centroid.
    """

    voxels: np.ndarray
    depth: np.ndarray
    foreign_depth: np.ndarray


@dataclass(frozen=True)
class Merged:
    """The result: `owners[i]` gives the features of id i + 1; `lookup[t][label]` is its id or 0."""

    owners: list[Node]
    lookup: list[np.ndarray]
    joined: list[int]


def contact(
    a: np.ndarray, b: np.ndarray, cut_faces_a: Sequence[Node], cut_faces_b: Sequence[Node]
) -> Contact:
    """Return the labels that share voxels in one overlap, or in a slab of it.

    Parameters
    ----------
    a, b : ndarray of uint32, one shape
        The same region as each tile labelled it.
    cut_faces_a, cut_faces_b : sequence of (axis, 0 or -1)
        Faces of the region where that tile ends and the other goes on.

    Returns
    -------
    Contact

    Examples
    --------
    >>> a, b = np.array([[[1, 1, 2]]], np.uint32), np.array([[[0, 5, 5]]], np.uint32)
    >>> c = contact(a, b, [(2, -1)], [])
    >>> list(zip(c.a.tolist(), c.b.tolist(), c.voxels.tolist())), c.cut_a.tolist()
    ([(1, 0, 1), (1, 5, 1), (2, 5, 1)], [2])
    """
    keys = (a.astype(np.uint64) << np.uint64(32)) | b.astype(np.uint64)
    keys, voxels = np.unique(keys[keys != 0], return_counts=True)
    return Contact(
        (keys >> np.uint64(32)).astype(np.int64),
        (keys & np.uint64(0xFFFFFFFF)).astype(np.int64),
        voxels.astype(np.int64),
        _on_faces(a, cut_faces_a),
        _on_faces(b, cut_faces_b),
    )


def _on_faces(labels: np.ndarray, faces: Sequence[Node]) -> np.ndarray:
    """Return the labels on some faces of a region."""
    if not labels.size or not faces:
        return np.zeros(0, np.int64)
    found = [np.unique(labels.take(side, axis=axis)) for axis, side in faces]
    labels_found = np.unique(np.concatenate(found)).astype(np.int64)
    return labels_found[labels_found != 0]


def joined_contact(parts: Sequence[Contact]) -> Contact:
    """Return the contact of a whole overlap from those of its slabs.

    Examples
    --------
    >>> one = contact(np.ones((1, 1, 2), np.uint32), np.ones((1, 1, 2), np.uint32), [], [])
    >>> joined_contact([one, one]).voxels.tolist()
    [4]
    """
    pairs = np.stack([np.concatenate([p.a for p in parts]), np.concatenate([p.b for p in parts])])
    pairs, where = np.unique(pairs, axis=1, return_inverse=True)
    voxels = np.zeros(pairs.shape[1], np.int64)
    np.add.at(voxels, where.ravel(), np.concatenate([p.voxels for p in parts]))
    cut_a = np.unique(np.concatenate([p.cut_a for p in parts]))
    cut_b = np.unique(np.concatenate([p.cut_b for p in parts]))
    return Contact(pairs[0], pairs[1], voxels, cut_a, cut_b)


def side_depth(points_vox: np.ndarray, start: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the distance of points to the nearest y or x side of a tile; -inf outside it.

    Examples
    --------
    >>> points = np.array([[0.0, 2.0, 5.0], [0.0, 2.0, 50.0]])
    >>> side_depth(points, np.array([0, 0, 3]), (1, 9, 9)).tolist()
    [2.0, -inf]
    """
    local = points_vox - start
    last = np.asarray(shape) - 1
    inside = ((local >= -0.5) & (local <= last + 0.5)).all(axis=1)
    depth = np.minimum(local, last - local)[:, 1:].min(axis=1)
    return np.where(inside, depth, -np.inf)


def merge(tiles: Sequence[TileLabels], contacts: Sequence[tuple[int, int, Contact]]) -> Merged:
    """Return which labels of which tiles are one nucleus, and the ids 1, 2, … of all nuclei.

    Parameters
    ----------
    tiles : sequence of TileLabels
    contacts : sequence of (number of tile a, number of tile b, Contact)
        All pairs of tiles whose places overlap.

    Returns
    -------
    Merged
        Ids follow the order of the tiles and, within a tile, of its labels.
    """
    nodes = [(t, int(k)) for t, tile in enumerate(tiles) for k in np.flatnonzero(tile.voxels)]
    cut = _cut_nodes(contacts)
    groups = _groups(tiles, contacts)
    leaders = {node: group for group in groups for node in group}
    owner: dict[Node, Node] = {}
    for group in groups:
        best = min(group, key=lambda node: (node in cut, -tiles[node[0]].depth[node[1]], node))
        owner.update(dict.fromkeys(group, best))
    covers = _covers(contacts)
    alone = [node for node in nodes if node not in leaders]
    for node in sorted(alone, key=lambda node: (-int(tiles[node[0]].voxels[node[1]]), node)):
        if _stays(node, tiles, cut, covers.get(node, []), owner):
            owner[node] = node
    owners = sorted(set(owner.values()))
    number = {node: i + 1 for i, node in enumerate(owners)}
    lookup = [np.zeros(len(tile.voxels), np.uint32) for tile in tiles]
    joined = set()
    for node, best in owner.items():
        if node == best or best in cut:
            lookup[node[0]][node[1]] = number[best]
        if node != best and best in cut:
            joined.add(number[best])
    return Merged(owners, lookup, sorted(joined))


def _cut_nodes(contacts: Sequence[tuple[int, int, Contact]]) -> set[Node]:
    """Return the labels that end at a side of their tile inside another tile."""
    cut: set[Node] = set()
    for tile_a, tile_b, c in contacts:
        cut.update((tile_a, int(k)) for k in c.cut_a)
        cut.update((tile_b, int(k)) for k in c.cut_b)
    return cut


def _groups(
    tiles: Sequence[TileLabels], contacts: Sequence[tuple[int, int, Contact]]
) -> list[list[Node]]:
    """Return the sets of labels that are one nucleus, at most one label of each tile."""
    member: dict[Node, list[Node]] = {}
    for _, a, b in sorted(_matches(tiles, contacts)):
        group_a, group_b = member.get(a, [a]), member.get(b, [b])
        if {t for t, _ in group_a} & {t for t, _ in group_b}:
            continue
        union = group_a + group_b
        member.update(dict.fromkeys(union, union))
    unique = {id(group): group for group in member.values()}
    return sorted(sorted(group) for group in unique.values())


def _matches(
    tiles: Sequence[TileLabels], contacts: Sequence[tuple[int, int, Contact]]
) -> list[tuple[float, Node, Node]]:
    """Return the pairs of labels that may be one nucleus, with -IoU in the overlap."""
    found = []
    for tile_a, tile_b, c in contacts:
        size_a = np.zeros(len(tiles[tile_a].voxels), np.int64)
        size_b = np.zeros(len(tiles[tile_b].voxels), np.int64)
        np.add.at(size_a, c.a, c.voxels)
        np.add.at(size_b, c.b, c.voxels)
        both = (c.a > 0) & (c.b > 0)
        a, b, n = c.a[both], c.b[both], c.voxels[both]
        iou = n / (size_a[a] + size_b[b] - n)
        smaller = np.minimum(tiles[tile_a].voxels[a], tiles[tile_b].voxels[b])
        good = (iou >= LEAST_IOU) | (n >= LEAST_SHARE * smaller)
        found += [
            (-float(q), (tile_a, int(i)), (tile_b, int(j)))
            for q, i, j in zip(iou[good], a[good], b[good], strict=True)
        ]
    return found


def _covers(contacts: Sequence[tuple[int, int, Contact]]) -> dict[Node, list[tuple[Node, int]]]:
    """Return, for each label, the labels of other tiles that cover it and by how many voxels."""
    covers: dict[Node, list[tuple[Node, int]]] = {}
    for tile_a, tile_b, c in contacts:
        for i, j, n in zip(c.a.tolist(), c.b.tolist(), c.voxels.tolist(), strict=True):
            if i and j:
                covers.setdefault((tile_a, i), []).append(((tile_b, j), n))
                covers.setdefault((tile_b, j), []).append(((tile_a, i), n))
    return covers


def _stays(
    node: Node,
    tiles: Sequence[TileLabels],
    cut: set[Node],
    covers: Sequence[tuple[Node, int]],
    owner: dict[Node, Node],
) -> bool:
    """Tell whether a label without a partner is a nucleus of its own (rule 3)."""
    tile, label = node
    if node in cut and tiles[tile].foreign_depth[label] > tiles[tile].depth[label]:
        return False
    covered: dict[int, int] = {}
    for other, n in covers:
        if other in owner and owner[other][0] != tile:
            covered[other[0]] = covered.get(other[0], 0) + n
    return max(covered.values(), default=0) < LEAST_SHARE * int(tiles[tile].voxels[label])

"""Compare two label images, or two sets of points, object by object.

The work goes by the pairs of objects that share a voxel, so it takes one pass over the images
however many objects there are. Measures: intersection over union (IoU), precision, recall, F1, and
average precision in the sense AP = TP / (TP + FP + FN).

Border rule, the same for every method compared: an object that touches a face of the image is
neither a hit nor a miss, and what is matched to such a truth object is not counted as false.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Overlap:
    """Which objects of two label images share voxels.

    Parameters
    ----------
    truth_ids, pred_ids : ndarray, int64
        Ids in either image, ascending, without 0.
    truth_size, pred_size : ndarray, int64
        Voxels of each of them.
    pair_truth, pair_pred : ndarray, int64
        Rows (not ids) of the pairs that share a voxel.
    pair_size : ndarray, int64
        Voxels that each pair shares.
    """

    truth_ids: np.ndarray
    truth_size: np.ndarray
    pred_ids: np.ndarray
    pred_size: np.ndarray
    pair_truth: np.ndarray
    pair_pred: np.ndarray
    pair_size: np.ndarray

    def iou(self) -> np.ndarray:
        """Intersection over union of each pair."""
        total = self.truth_size[self.pair_truth] + self.pred_size[self.pair_pred]
        return self.pair_size / (total - self.pair_size)


def overlap(truth: np.ndarray, pred: np.ndarray) -> Overlap:
    """Count the voxels that objects of two label images share.

    LOCAL.

    Parameters
    ----------
    truth, pred : ndarray of one shape, integer
        Label images, 0 for background; ids need not be consecutive.

    Returns
    -------
    Overlap

    Raises
    ------
    ValueError
        Where the shapes differ.

    Examples
    --------
    >>> found = overlap(np.array([0, 1, 1, 2]), np.array([0, 7, 7, 7]))
    >>> found.iou().round(2).tolist()
    [0.67, 0.33]
    """
    if truth.shape != pred.shape:
        raise ValueError(f"label images of one shape are needed; found {truth.shape}, {pred.shape}")
    truth_ids, truth_size = np.unique(truth[truth != 0], return_counts=True)
    pred_ids, pred_size = np.unique(pred[pred != 0], return_counts=True)
    both = (truth != 0) & (pred != 0)
    rows = np.searchsorted(truth_ids, truth[both])
    columns = np.searchsorted(pred_ids, pred[both])
    width = max(len(pred_ids), 1)
    pairs, size = np.unique(rows * width + columns, return_counts=True)
    return Overlap(
        truth_ids.astype(np.int64), truth_size, pred_ids.astype(np.int64), pred_size,
        pairs // width, pairs % width, size,
    )  # fmt: skip


def match(found: Overlap, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Pair truth and prediction one to one, as many as can be, where IoU >= `threshold`.

    LOCAL.

    Parameters
    ----------
    found : Overlap
        Overlaps of the two images.
    threshold : float
        Smallest IoU of a pair, above 0.

    Returns
    -------
    truth_rows, pred_rows : ndarray, int64
        Rows of the pairs, by truth row.

    Examples
    --------
    >>> match(overlap(np.array([0, 1, 1, 2]), np.array([0, 7, 7, 7])), 0.5)
    (array([0]), array([0]))
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    good = found.iou() >= threshold
    shape = (len(found.truth_ids), len(found.pred_ids))
    if not good.any():
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rows, columns = found.pair_truth[good], found.pair_pred[good]
    partner = maximum_bipartite_matching(
        csr_array((np.ones(len(rows)), (rows, columns)), shape=shape), perm_type="column"
    )
    matched = np.flatnonzero(partner >= 0)
    return matched.astype(np.int64), partner[matched].astype(np.int64)


def border_ids(labels: np.ndarray) -> np.ndarray:
    """Ids of the objects that touch a face of the image.

    LOCAL.

    Examples
    --------
    >>> image = np.zeros((5, 5, 5), int); image[0, 2, 2] = 3; image[2, 2, 2] = 4
    >>> border_ids(image).tolist()
    [3]
    """
    faces = [np.take(labels, [0, -1], axis=axis).ravel() for axis in range(labels.ndim)]
    ids = np.unique(np.concatenate(faces))
    return ids[ids != 0]


def count_matches(
    found: Overlap, threshold: float, truth_border: np.ndarray, pred_border: np.ndarray
) -> tuple[int, int, int, float]:
    """Hits, false detections, misses by the border rule, and the sum of the hits' IoU.

    LOCAL.

    Parameters
    ----------
    found : Overlap
        Overlaps of the two images.
    threshold : float
        Smallest IoU of a hit.
    truth_border, pred_border : ndarray, integer
        Ids of the objects that touch the border (empty: every object counts).

    Returns
    -------
    (int, int, int, float)
        Hits (TP), false detections (FP), misses (FN), sum of the hits' IoU.

    Examples
    --------
    >>> none = np.empty(0, int)
    >>> count_matches(overlap(np.array([0, 1, 1, 2]), np.array([0, 7, 7, 7])), 0.5, none, none)[:3]
    (1, 0, 1)
    """
    truth_rows, pred_rows = match(found, threshold)
    truth_counts = ~np.isin(found.truth_ids, truth_border)
    pred_counts = ~np.isin(found.pred_ids, pred_border)
    hit = truth_counts[truth_rows]
    pred_counts[pred_rows] = False
    misses = int(truth_counts.sum()) - int(hit.sum())
    size = dict(zip(zip(found.pair_truth, found.pair_pred, strict=True), found.iou(), strict=True))
    pairs = zip(truth_rows[hit], pred_rows[hit], strict=True)
    return int(hit.sum()), int(pred_counts.sum()), misses, float(sum(size[p] for p in pairs))


def summarise(hits: int, false: int, misses: int) -> dict[str, float]:
    """Precision, recall, F1 and AP from counts; 1 where nothing was there and nothing was found.

    LOCAL.

    Examples
    --------
    >>> summarise(8, 2, 2)["f1"]
    0.8
    """
    total = hits + false + misses
    return {
        "f1": 2 * hits / (total + hits) if total else 1.0,
        "ap": hits / total if total else 1.0,
        "precision": hits / (hits + false) if hits + false else float(not misses),
        "recall": hits / (hits + misses) if hits + misses else 1.0,
    }


def match_points(a: np.ndarray, b: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Pair points one to one, nearest pairs first, no farther apart than `limit`.

    LOCAL.

    Parameters
    ----------
    a, b : ndarray, shape (n, d) and (m, d)
        Positions, µm.
    limit : float
        Largest distance of a pair, µm.

    Returns
    -------
    rows_a, rows_b : ndarray, int64
        Rows of the pairs, by row of `a`.

    Examples
    --------
    >>> match_points(np.array([[0.0], [5.0]]), np.array([[5.5], [90.0]]), 2.0)
    (array([1]), array([0]))
    """
    from scipy.spatial import cKDTree

    if not len(a) or not len(b):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    near = cKDTree(a).sparse_distance_matrix(cKDTree(b), limit, output_type="ndarray")
    free_a, free_b, pairs = np.ones(len(a), bool), np.ones(len(b), bool), []
    for i, j, _ in near[np.lexsort((near["j"], near["i"], near["v"]))]:
        if free_a[i] and free_b[j]:
            free_a[i] = free_b[j] = False
            pairs.append((i, j))
    rows = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]

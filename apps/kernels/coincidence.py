"""Does a nucleus carry the marker? Its mean in the mask against a shell of tissue around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

FEW = 20
"""With fewer nuclei than this a threshold cannot be learned from their distribution."""


SHELL_SAMPLES = 4000
"""Most voxels of a shell that its median is taken from, spread evenly over it."""


class Threshold(NamedTuple):
    """A cut of the log ratio and where it comes from: "mixture", "control" or "default"."""

    value: float
    method: str


def shell_contrast(
    labels: np.ndarray,
    markers: Sequence[np.ndarray],
    wanted: np.ndarray,
    boxes: Sequence[tuple[slice, ...]],
    gap_vox: Sequence[int],
    shell_vox: Sequence[int],
) -> np.ndarray:
    """Return log2 of the marker in each nucleus over that in the tissue around it.

    The shell begins `gap_vox` away from the nucleus, beyond what the point-spread function
    smears, is `shell_vox` thick and leaves out all other nuclei. Its median is the local
    background: a bright neighbour, a fibre or a vignette do not move it much.

    Parameters
    ----------
    labels : ndarray of integer (z, y, x)
    markers : sequence of ndarray of labels' shape
        The marker channel, and shifted copies of it.
    wanted : ndarray of int
        Labels to measure.
    boxes : sequence of tuple of slice
        Bounding box of each of them.
    gap_vox, shell_vox : (int, int, int), voxels

    Returns
    -------
    ndarray of float64, shape (markers, labels)
        NaN where a nucleus has no free tissue around it.

    Examples
    --------
    >>> labels = np.zeros((1, 9, 9), int); labels[0, 3:6, 3:6] = 5
    >>> marker = np.where(labels == 5, 400, 100)
    >>> box = (slice(0, 1), slice(3, 6), slice(3, 6))
    >>> shell_contrast(labels, [marker], np.array([5]), [box], (0, 0, 0), (0, 2, 2))
    array([[2.]])
    """
    contrast = np.full((len(markers), len(wanted)), np.nan)
    reach = [g + s for g, s in zip(gap_vox, shell_vox, strict=True)]
    for column, (label, box) in enumerate(zip(wanted, boxes, strict=True)):
        around = tuple(
            slice(max(0, s.start - r), min(n, s.stop + r))
            for s, r, n in zip(box, reach, labels.shape, strict=True)
        )
        here = labels[around]
        mask = here == label
        shell = _grown(mask, reach) & (here == 0)
        if any(gap_vox):
            shell &= ~_grown(mask, gap_vox)
        if not mask.any() or not shell.any():
            continue
        within, beside = np.flatnonzero(mask), np.flatnonzero(shell)
        beside = beside[:: -(-len(beside) // SHELL_SAMPLES)]
        for row, marker in enumerate(markers):
            values = marker[around].ravel()
            inside = float(values[within].mean(dtype=np.float64))
            outside = float(np.median(values[beside]))
            contrast[row, column] = log_ratio(inside, outside)
    return contrast


def log_ratio(inside: float, outside: float) -> float:
    """Return log2(inside / outside), with both at least one count.

    Examples
    --------
    >>> log_ratio(8.0, 2.0), log_ratio(0.0, 0.0)
    (2.0, 0.0)
    """
    return float(np.log2(max(inside, 1.0) / max(outside, 1.0)))


def _grown(mask: np.ndarray, by_vox: Sequence[int]) -> np.ndarray:
    """Return a mask grown by a box, with steps that triple: a thick shell costs little more."""
    grown = mask.copy()
    for axis, n in enumerate(by_vox):
        lines, reach = np.moveaxis(grown, axis, 0), 0
        while reach < n:
            step = min(2 * reach + 1, n - reach)
            before = lines.copy()
            lines[step:] |= before[:-step]
            lines[:-step] |= before[step:]
            reach += step
    return grown


def learn_threshold(contrast: np.ndarray, control: np.ndarray, default: float = 0.5) -> Threshold:
    """Return the cut between marked and unmarked nuclei that the data themselves show.

    Two Gaussians are fitted to the log ratios; the cut is where the upper one becomes the likelier.
    It holds only if the two are apart (Ashman's D > 2) and it lies above what the shifted control
    reaches by noise; otherwise the cut is the control's median + 4 robust sigmas.

    Parameters
    ----------
    contrast : ndarray of float
        log2 ratios of the nuclei; NaN is left out.
    control : ndarray of float
        The same with the marker channel shifted: what chance gives.
    default : float
        Taken where there are too few nuclei to learn from.

    Returns
    -------
    Threshold

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> nothing = rng.normal(0, 0.1, 300)
    >>> both = np.concatenate([nothing, rng.normal(2, 0.4, 80)])
    >>> cut = learn_threshold(both, nothing)
    >>> cut.method, 0.3 < cut.value < 1.2
    ('mixture', True)
    >>> learn_threshold(nothing, nothing).method
    'control'
    """
    values = contrast[np.isfinite(contrast)]
    chance = control[np.isfinite(control)]
    if len(values) < FEW or len(chance) < FEW:
        return Threshold(default, "default")
    centre = float(np.median(chance))
    spread = max(1.4826 * float(np.median(np.abs(chance - centre))), 1e-3)
    weights, means, sigmas = two_gaussians(values)
    apart = abs(means[1] - means[0]) / np.sqrt((sigmas[0] ** 2 + sigmas[1] ** 2) / 2)
    cut = _crossing(weights, means, sigmas)
    if apart > 2.0 and cut > centre + 2.0 * spread and weights.min() > 0.005:
        return Threshold(cut, "mixture")
    return Threshold(centre + 4.0 * spread, "control")


def two_gaussians(values: np.ndarray, steps: int = 200) -> tuple[np.ndarray, ...]:
    """Return weights, means and sigmas of two Gaussians fitted to values, the lower mean first.

    Expectation-maximisation from a fixed start (the split of least variance within), so the
    answer is always the same.

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> x = np.concatenate([rng.normal(0, 1, 3000), rng.normal(8, 1, 1300)])
    >>> [part.round(1).tolist() for part in two_gaussians(x)]
    [[0.7, 0.3], [-0.0, 8.0], [1.0, 1.0]]
    """
    x = np.sort(values.astype(np.float64))
    split = _least_variance_split(x)
    parts = [x[:split], x[split:]]
    floor = max(1e-3, 0.01 * float(x.std()))
    weights = np.array([len(p) / len(x) for p in parts])
    means = np.array([p.mean() for p in parts])
    sigmas = np.array([max(p.std(), floor) for p in parts])
    for _ in range(steps):
        likely = weights * np.exp(-0.5 * ((x[:, None] - means) / sigmas) ** 2) / sigmas
        share = likely / np.maximum(likely.sum(axis=1, keepdims=True), 1e-300)
        total = np.maximum(share.sum(axis=0), 1e-12)
        moved = (share * x[:, None]).sum(axis=0) / total
        sigmas = np.sqrt((share * (x[:, None] - moved) ** 2).sum(axis=0) / total)
        sigmas = np.maximum(sigmas, floor)
        weights = total / len(x)
        settled = np.abs(moved - means).max() < 1e-9
        means = moved
        if settled:
            break
    order = np.argsort(means, kind="stable")
    return weights[order], means[order], sigmas[order]


def _least_variance_split(ordered: np.ndarray) -> int:
    """Return where Otsu's criterion splits ordered values: index of the first upper one."""
    n = np.arange(1, len(ordered))
    below = np.cumsum(ordered)[:-1]
    above = ordered.sum() - below
    between = n * (len(ordered) - n) * (below / n - above / (len(ordered) - n)) ** 2
    return int(np.argmax(between)) + 1


def _crossing(weights: np.ndarray, means: np.ndarray, sigmas: np.ndarray) -> float:
    """Return the first value between the means at which the upper Gaussian is the likelier."""
    grid = np.linspace(means[0], means[1], 2001)[:, None]
    log_likely = np.log(weights / sigmas) - 0.5 * ((grid - means) / sigmas) ** 2
    upper = log_likely[:, 1] > log_likely[:, 0]
    return float(grid[int(np.argmax(upper)), 0]) if upper.any() else float(means[1])


def chance_level(contrast: np.ndarray, control: np.ndarray, threshold: float) -> dict[str, float]:
    """Return the share of nuclei over the threshold, and the share that chance puts there.

    Parameters
    ----------
    contrast : ndarray, shape (nuclei,)
    control : ndarray, shape (shifts, nuclei)
    threshold : float

    Returns
    -------
    dict
        positive_fraction, chance_fraction (mean over the shifts), chance_fraction_sd.

    Examples
    --------
    >>> chance_level(np.array([0.0, 3.0]), np.array([[0.0, 0.0], [0.0, 3.0]]), 1.0)
    {'positive_fraction': 0.5, 'chance_fraction': 0.25, 'chance_fraction_sd': 0.25}
    """
    return {
        "positive_fraction": _share_above(contrast, threshold),
        "chance_fraction": float(np.mean([_share_above(row, threshold) for row in control]))
        if len(control)
        else 0.0,
        "chance_fraction_sd": float(np.std([_share_above(row, threshold) for row in control]))
        if len(control)
        else 0.0,
    }


def _share_above(values: np.ndarray, threshold: float) -> float:
    """Return the share of the finite values above a threshold; 0 of nothing."""
    finite = values[np.isfinite(values)]
    return float((finite > threshold).mean()) if len(finite) else 0.0


def near_pairs(nuclei_um: np.ndarray, spots_um: np.ndarray, most_um: float) -> np.ndarray:
    """Tell for each nucleus whether a marker spot is its own: nearest pairs first, one to one.

    Parameters
    ----------
    nuclei_um, spots_um : ndarray (n, 3), um
    most_um : float, um
        A pair farther apart than this is none.

    Returns
    -------
    ndarray of bool, one per nucleus

    Examples
    --------
    >>> nuclei = np.array([[0.0, 0, 0], [0, 0, 3], [0, 0, 9]])
    >>> near_pairs(nuclei, np.array([[0.0, 0, 1]]), most_um=4.0).tolist()
    [True, False, False]
    """
    marked = np.zeros(len(nuclei_um), bool)
    if not len(nuclei_um) or not len(spots_um):
        return marked
    from scipy.spatial import cKDTree

    pairs = cKDTree(nuclei_um).sparse_distance_matrix(
        cKDTree(spots_um), most_um, output_type="ndarray"
    )
    taken = np.zeros(len(spots_um), bool)
    for i, j, _ in pairs[np.lexsort((pairs["j"], pairs["i"], pairs["v"]))]:
        if not marked[i] and not taken[j]:
            marked[i] = taken[j] = True
    return marked

"""Unique values of all ranks: each value is brought to one rank, in ascending order over the ranks.

Values go to ranks by splitters that a sample gives; equal ones always meet. A rank gets rid of its
own duplicates first where the sample has many, so that no rank is flooded.
"""

from dataclasses import dataclass

import numpy as np

from ..ranks.comm import World
from ..ranks.ragged import swap
from .samplesort import BLOCK, FEW, SMALL, VECTOR, part_by, sort_run

SAMPLES = 1 << 12


def first_of_each(run: np.ndarray, equal_nan: bool) -> np.ndarray:
    """Where a sorted run changes its value; shape of the run, bool."""
    new = np.empty(len(run), bool)
    new[:1] = True
    if run.dtype.kind == "V":  # records have no ufunc
        new[1:] = run[1:] != run[:-1]
    else:
        np.not_equal(run[1:], run[:-1], out=new[1:])
    if equal_nan and run.dtype.kind in "fcmM" and len(run) and np.isnan(run[-1]):
        new[len(run) - int(np.count_nonzero(np.isnan(run))) + 1 :] = False
    return new


def plain(values: np.ndarray) -> np.ndarray:
    """Complex values whose equal ones have equal bits: no zero of them is negative."""
    return values + values.dtype.type(0) if values.dtype.kind == "c" else values


def _plain_zero(values: np.ndarray) -> np.ndarray:
    """Sorted unique values with 0.0 and NaN, each written in one way."""
    if values.dtype.kind == "f":
        zero, nan = (
            values.dtype.type(0),
            values.dtype.type(np.nan),
        )  # not float64, nor a search in it
        values[np.searchsorted(values, zero, "left") : np.searchsorted(values, zero, "right")] = 0
        values[np.searchsorted(values, nan, "left") :] = nan
    return values


def _unique(values: np.ndarray, equal_nan: bool) -> np.ndarray:
    run = sort_run(values)
    return run[first_of_each(run, equal_nan)]


def unique_run(values: np.ndarray, world: World, equal_nan: bool) -> np.ndarray:
    """This rank's part of the sorted unique values of all ranks. COLLECTIVE.

    Parameters
    ----------
    values : ndarray, shape (n,)
        This rank's values in any order.
    world : World
    equal_nan : bool
        Whether NaN equals NaN.
    """
    values = plain(values)
    if world.size == 1:
        return _plain_zero(_unique(values, equal_nan))
    pivots, repeated, least = _pivots(values, world)
    quick = values.dtype in VECTOR and world.size <= FEW and not repeated
    if quick and least >= SMALL and not (pivots != pivots).any():
        parts = _parted(values, pivots)
    else:
        run = _unique(values, equal_nan)
        if repeated:
            pivots, _, _ = _pivots(run, world)
        ends = [0, *np.searchsorted(run, pivots, "left").tolist(), len(run)]
        parts = [run[a:b] for a, b in zip(ends, ends[1:], strict=False)]
    came = swap(_filled(parts, world), world, "unique")
    del parts
    joined = np.concatenate(came)
    del came
    joined.sort(kind=None if joined.dtype in VECTOR else "stable")
    return _plain_zero(joined[first_of_each(joined, equal_nan)])


def _filled(parts: list[np.ndarray], world: World) -> list[np.ndarray]:
    """One part for each rank, where there were too few values for that many splitters."""
    return parts + [parts[0][:0]] * (world.size - len(parts))


def _pivots(values: np.ndarray, world: World) -> tuple[np.ndarray, bool, int]:
    """Splitters between the ranks, whether many values are equal, the least length. COLLECTIVE."""
    lengths = np.concatenate(world.allgather_array(np.array([len(values)])))
    total = int(lengths.sum())
    step = max(1, total // SAMPLES)
    sample = np.concatenate(world.allgather_array(values[step // 2 :: step]))
    sample = np.sort(sample, kind="stable")
    new = first_of_each(sample, equal_nan=True)
    at = np.arange(1, world.size) * len(sample) // world.size
    repeated = int(np.count_nonzero(new)) < 0.9 * len(sample)
    pivots = sample[at] if len(sample) else sample
    if pivots.dtype.kind == "c":  # the lowest NaN: all that have a NaN go to one rank
        pivots[np.isnan(pivots)] = complex(-np.inf, np.nan)
    return pivots, repeated, int(lengths.min())


def _parted(values: np.ndarray, pivots: np.ndarray) -> list[np.ndarray]:
    """Unsorted values parted at pivots, which are the lowest of the parts above them."""
    below = np.zeros(len(pivots) + 2, np.int64)
    below[-1] = len(values)
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        for j, pivot in enumerate(pivots):
            below[j + 1] += np.count_nonzero(block < pivot)
    parts = [np.empty(n, values.dtype) for n in np.diff(below)]
    part_by(values, list(pivots), np.zeros(len(pivots), np.int64), parts)
    return parts


@dataclass
class Unique:
    """This rank's part of what :func:`tagged_unique` finds."""

    values: np.ndarray
    index: np.ndarray
    """Global position of the first occurrence of each value."""
    counts: np.ndarray
    inverse: np.ndarray
    """For each of the rank's elements the position of its value in the unique ones."""


def tagged_unique(values: np.ndarray, start: int, world: World, equal_nan: bool) -> Unique:
    """Unique values of all ranks, with where they are and how often. COLLECTIVE.

    Parameters
    ----------
    values : ndarray, shape (n,)
        This rank's run of the flattened array; the runs follow in rank order.
    start : int
        Global position of its first element.
    world : World
    equal_nan : bool
    """
    values = plain(values)
    order = np.argsort(values, kind="stable")
    run = values[order]
    new = first_of_each(run, equal_nan)
    firsts = np.flatnonzero(new)
    mine = run[new]
    group = np.empty(len(run), np.intp)
    group[order] = np.cumsum(new) - 1
    pivots, _, _ = _pivots(mine, world)
    ends = [0, *np.searchsorted(mine, pivots, "left").tolist(), len(mine)]

    def to_owners(a: np.ndarray) -> list[np.ndarray]:
        parts = [a[i:j] for i, j in zip(ends, ends[1:], strict=False)]
        return swap(_filled(parts, world), world, "unique")

    came = to_owners(mine)
    lengths = np.diff(np.append(firsts, len(run)))
    index, counts = np.concatenate(to_owners(np.stack([order[firsts] + start, lengths], 1))).T
    joined = np.concatenate(came)
    order = np.argsort(joined, kind="stable")
    joined = joined[order]
    new = first_of_each(joined, equal_nan)
    firsts = np.flatnonzero(new)
    lengths = np.concatenate(world.allgather_array(np.array([len(firsts)])))
    ids = np.empty(len(joined), np.intp)
    ids[order] = lengths[: world.rank].sum() + np.cumsum(new) - 1
    cuts = np.cumsum([len(c) for c in came])[:-1]
    answers = np.concatenate(swap(np.split(ids, cuts), world, "unique"))
    totals = np.add.reduceat(counts[order], firsts) if len(firsts) else counts[:0]
    return Unique(_plain_zero(joined[new]), index[order][firsts], totals, answers[group])

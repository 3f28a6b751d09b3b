"""Sorting, searching, sets, quantiles and histograms."""

import numpy as np

import pmap as pm

from . import COLLECTIVE, LOCAL, Entry, counts, vector

EXACT = "counts are exact; float weights have the same bits under any map"
WHOLE = "LOCAL where no rank has only a part of the axis"


def whole_numbers(held):
    """Small whole numbers in one axis."""
    return vector(held).astype(np.int64) + 8


def sorted_line(held):
    """A line in ascending order."""
    line = vector(held)
    return pm.from_function(lambda i: i * 0.5, line.shape, map=line.map)


ENTRIES = [
    Entry("pm.sort", lambda A: pm.sort(A, axis=0), COLLECTIVE, "same", note=WHOLE),
    Entry("pm.argsort", lambda A: pm.argsort(A, axis=0), COLLECTIVE, "same", note="stable"),
    Entry("np.sort", lambda A: np.sort(A), COLLECTIVE, "same", note="NaN last; stable"),
    Entry("np.argsort", lambda A: np.argsort(A), COLLECTIVE, "same", note="stable"),
    Entry("np.lexsort", lambda A: np.lexsort((A, A)), COLLECTIVE, "same", of=vector),
    Entry("np.partition", lambda A: np.partition(A, 3), COLLECTIVE, "same", note="a full sort"),
    Entry("np.argpartition", lambda A: np.argpartition(A, 3), COLLECTIVE, "same"),
    Entry("np.sort_complex", lambda A: np.sort_complex(A), COLLECTIVE, "same"),
    Entry("pm.searchsorted", lambda A: pm.searchsorted(A, A), COLLECTIVE, "same", of=sorted_line),
    Entry("np.searchsorted", lambda A: np.searchsorted([1.0, 2], A), LOCAL, "same"),
    Entry("np.digitize", lambda A: np.digitize(A, [0, 9]), LOCAL, "same"),
    Entry("pm.unique_values", lambda A: pm.unique_values(A), COLLECTIVE, "explicit", of=counts),
    Entry("pm.unique_counts", lambda A: pm.unique_counts(A), COLLECTIVE, "explicit", of=counts),
    Entry("pm.unique_all", lambda A: pm.unique_all(A), COLLECTIVE, "explicit", of=counts),
    Entry(
        "pm.unique_inverse",
        lambda A: pm.unique_inverse(A).inverse_indices,
        COLLECTIVE,
        "same",
        of=counts,
    ),
    Entry("np.unique", lambda A: np.unique(A), COLLECTIVE, "explicit", of=counts),
    Entry("pm.isin", lambda A: pm.isin(A, [3, 4]), LOCAL, "same", of=counts),
    Entry("np.isin", lambda A: np.isin(A, A), COLLECTIVE, "same", of=counts),
    Entry("np.union1d", lambda A: np.union1d(A, A), COLLECTIVE, "explicit"),
    Entry("np.intersect1d", lambda A: np.intersect1d(A, [1.5]), COLLECTIVE, "explicit"),
    Entry("np.setdiff1d", lambda A: np.setdiff1d(A, [1.5]), COLLECTIVE, "explicit"),
    Entry("np.setxor1d", lambda A: np.setxor1d(A, [1.5]), COLLECTIVE, "explicit"),
    Entry("np.median", lambda A: np.median(A), COLLECTIVE, "scalar", "-"),
    Entry("np.nanmedian", lambda A: np.nanmedian(A), COLLECTIVE, "scalar", "-"),
    Entry("np.quantile", lambda A: np.quantile(A, 0.3, axis=0), COLLECTIVE, "axis 0 gone"),
    Entry("np.nanquantile", lambda A: np.nanquantile(A, 0.3), COLLECTIVE, "scalar", "-"),
    Entry("np.percentile", lambda A: np.percentile(A, 3, axis=1), COLLECTIVE, "axis 1 gone"),
    Entry("np.nanpercentile", lambda A: np.nanpercentile(A, 3), COLLECTIVE, "scalar", "-"),
    Entry("np.histogram", lambda A: np.histogram(A), COLLECTIVE, "kept", note=EXACT),
    Entry(
        "np.histogram_bin_edges", lambda A: np.histogram_bin_edges(A), COLLECTIVE, "ndarray", "-"
    ),
    Entry("np.histogram2d", lambda A: np.histogram2d(A, A), COLLECTIVE, "kept", of=vector),
    Entry("np.histogramdd", lambda A: np.histogramdd(A[:, :2], 3), COLLECTIVE, "kept", note=EXACT),
    Entry("np.bincount", lambda A: np.bincount(A), COLLECTIVE, "kept", of=whole_numbers),
]

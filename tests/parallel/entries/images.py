"""Filters, labels, thresholds, and functions of blocks."""

import numpy as np

import pmap as pm

from . import COLLECTIVE, Entry

_ARGUMENTS = {
    "gaussian_filter1d": (1.0, 0),
    "percentile_filter": (50, 3),
    "rank_filter": (0, 3),
    "convolve": (np.ones((3, 3)),),
    "correlate": (np.ones((3, 3)),),
    "convolve1d": ([1.0, 2.0, 1.0], 0),
    "correlate1d": ([1.0, 2.0, 1.0], 0),
    "uniform_filter1d": (3, 0),
    "minimum_filter1d": (3, 0),
    "maximum_filter1d": (3, 0),
    "generic_filter": (np.ptp, 3),
    "sobel": (0,),
    "prewitt": (0,),
    "laplace": (),
}
_SIGMA = ("gaussian_filter", "gaussian_laplace", "gaussian_gradient_magnitude")
_BINARY = ("binary_erosion", "binary_dilation", "binary_opening", "binary_closing")
_SIZE = (
    "uniform_filter minimum_filter maximum_filter median_filter grey_erosion grey_dilation "
    "grey_opening grey_closing morphological_gradient morphological_laplace white_tophat "
    "black_tophat"
).split()
_ARGUMENTS |= (
    dict.fromkeys(_SIGMA, (1.0,)) | dict.fromkeys(_SIZE, (3,)) | dict.fromkeys(_BINARY, ())
)


def _filter(name, arguments):
    def call(A):
        return getattr(pm.ndimage, name)(A, *arguments)

    return Entry(f"pm.ndimage.{name}", call, COLLECTIVE, "same")


def _table(A):
    return pm.measure.regionprops_table((A > 0).astype(int), A, properties=("label", "area"))


def _watershed(A):
    return pm.segmentation.watershed(A, pm.measure.label(A > 60, connectivity=1))


ENTRIES = [
    *(_filter(name, arguments) for name, arguments in sorted(_ARGUMENTS.items())),
    Entry("pm.ndimage.label", lambda A: pm.ndimage.label(A > 0), COLLECTIVE, "same"),
    Entry("pm.measure.label", lambda A: pm.measure.label(A > 0), COLLECTIVE, "same"),
    Entry("pm.measure.regionprops_table", _table, COLLECTIVE, "other", "-"),
    Entry("pm.segmentation.watershed", _watershed, COLLECTIVE, "same"),
    Entry(
        "pm.filters.threshold_otsu",
        lambda A: pm.filters.threshold_otsu(A),
        COLLECTIVE,
        "scalar",
        "-",
    ),
    Entry(
        "pm.filters.threshold_yen", lambda A: pm.filters.threshold_yen(A), COLLECTIVE, "scalar", "-"
    ),
    Entry(
        "pm.filters.threshold_isodata",
        lambda A: pm.filters.threshold_isodata(A),
        COLLECTIVE,
        "scalar",
        "-",
    ),
    Entry("pm.filters.histogram", lambda A: pm.filters.histogram(A), COLLECTIVE, "ndarray", "-"),
    Entry("pm.map_blocks", lambda A: pm.map_blocks(lambda b: b * 2, A), COLLECTIVE, "same"),
    Entry(
        "pm.map_overlap", lambda A: pm.map_overlap(lambda b: b * 2, A, depth=1), COLLECTIVE, "same"
    ),
]

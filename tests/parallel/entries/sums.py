"""Sums, means, extrema and counts; running sums; differences and integrals."""

import numpy as np

import pmap as pm

from . import COLLECTIVE, Entry, counts, vector

CUT = "LOCAL where no rank has only a part of the axis"
ORDER = "floats in canonical order: the same bits at any rank count and map"


def line(held):
    """A vector of floats, some of them NaN."""
    x = vector(held)
    return pm.where(x > 9, np.nan, x)


def _total(name, call, note=""):
    return [
        Entry(f"pm.{name}", call, COLLECTIVE, "scalar", "-", note=note),
        Entry(f"A.{name}", lambda A: getattr(A, name)(), COLLECTIVE, "scalar", "-"),
    ]


TOTALS = ["sum", "prod", "mean", "var", "std", "min", "max", "any", "all", "argmin", "argmax"]
NAN = ["nansum", "nanprod", "nanmin", "nanmax", "nanmean", "nanvar", "nanstd"]
NAN += ["nanargmin", "nanargmax"]
FLOAT_SUMS = ("sum", "prod", "mean", "var", "std")

ENTRIES = [
    *[
        e
        for name in TOTALS
        for e in _total(
            name, lambda A, f=name: getattr(pm, f)(A), ORDER if name in FLOAT_SUMS else ""
        )
    ],
    Entry("np.sum(A, axis)", lambda A: np.sum(A, axis=0), COLLECTIVE, "axis 0 gone", note=CUT),
    Entry("np.max(A, axis)", lambda A: np.max(A, axis=1), COLLECTIVE, "axis 1 gone", note=CUT),
    Entry("np.mean(A, axis)", lambda A: np.mean(A, axis=0), COLLECTIVE, "axis 0 gone", note=CUT),
    Entry("np.add.reduce", lambda A: np.add.reduce(A), COLLECTIVE, "axis 0 gone", note=CUT),
    Entry("np.add.accumulate", lambda A: np.add.accumulate(A), COLLECTIVE, "same", note=CUT),
    Entry("pm.count_nonzero", lambda A: pm.count_nonzero(A), COLLECTIVE, "scalar", "-", counts),
    Entry("pm.ptp", lambda A: pm.ptp(A), COLLECTIVE, "scalar", "-"),
    Entry("pm.average", lambda A: pm.average(A, 0), COLLECTIVE, "axis 0 gone", note=ORDER),
    Entry("pm.cumsum", lambda A: pm.cumsum(A, axis=0), COLLECTIVE, "same", note=CUT),
    Entry("pm.cumprod", lambda A: pm.cumprod(A, axis=1), COLLECTIVE, "same", note=CUT),
    Entry("A.cumsum", lambda A: A.cumsum(1), COLLECTIVE, "same", note=CUT),
    Entry("A.cumprod", lambda A: A.cumprod(1), COLLECTIVE, "same", note=CUT),
    Entry("pm.cumulative_sum", lambda A: pm.cumulative_sum(A, axis=0), COLLECTIVE, "same"),
    Entry("pm.cumulative_prod", lambda A: pm.cumulative_prod(A, axis=1), COLLECTIVE, "same"),
    Entry("pm.diff", lambda A: pm.diff(A, axis=0), COLLECTIVE, "kept", note=CUT),
    Entry("pm.ediff1d", lambda A: pm.ediff1d(A), COLLECTIVE, "kept", of=vector),
    Entry("pm.trapezoid", lambda A: pm.trapezoid(A, axis=0), COLLECTIVE, "kept", note=ORDER),
    *[
        Entry(f"pm.{name}", lambda A, f=name: getattr(pm, f)(A), COLLECTIVE, "scalar", "-", line)
        for name in NAN
    ],
    Entry("pm.nancumsum", lambda A: pm.nancumsum(A), COLLECTIVE, "same", of=line),
    Entry("pm.nancumprod", lambda A: pm.nancumprod(A), COLLECTIVE, "same", of=line),
]

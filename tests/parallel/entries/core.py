"""Operators, reductions and conversions: what every array has."""

import numpy as np

import pmap as pm

from . import COLLECTIVE, LOCAL, MAPS, Entry

ENTRIES = [
    Entry("A.T", lambda A: A.T, LOCAL, "transposed", "view"),
    Entry("A.copy", lambda A: A.copy(), LOCAL, "same"),
    Entry("A.astype", lambda A: A.astype(np.float32), LOCAL, "same"),
    Entry("A.real", lambda A: A.real, LOCAL, "same", "view"),
    Entry("A.local", lambda A: A.local, LOCAL, "other", "-", note="this rank's part, a view"),
    Entry("np.asarray", np.asarray, COLLECTIVE, "ndarray", "-", note="up to the gather limit"),
    Entry("pm.where", lambda A, B: pm.where(A > B, A, B), MAPS, "same"),
    Entry("pm.agg_all", lambda A: pm.agg_all(A), COLLECTIVE, "ndarray", "-"),
    Entry("np.clip", lambda A: np.clip(A, 0, 9), LOCAL, "same"),
    Entry("np.allclose", lambda A: np.allclose(A, A), COLLECTIVE, "other", "-"),
]

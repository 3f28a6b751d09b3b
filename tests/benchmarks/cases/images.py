"""Filters and labels of a volume cut in slabs: halos and merges by hand beside pmap's."""

import numpy as np
import scipy.ndimage as ndi
import scipy.sparse as sparse
from mpi4py import MPI
from scipy.sparse.csgraph import connected_components

import pmap as pm

from . import Case

SHAPE = (256, 512, 512)
SIGMA, RADIUS = 2.0, 8
COMM = MPI.COMM_WORLD
SLABS = pm.Map([-1, 1, 1])


def scaled(scale):
    return tuple(max(32, int(n * scale ** (1 / 3)) // 8 * 8) for n in SHAPE)


def with_halo(part):
    """The slab with RADIUS planes of each neighbour, and how many lie below."""
    below = COMM.rank - 1 if COMM.rank else MPI.PROC_NULL
    above = COMM.rank + 1 if COMM.rank < COMM.size - 1 else MPI.PROC_NULL
    low = np.empty((RADIUS if COMM.rank else 0, *part.shape[1:]), part.dtype)
    high = np.empty((RADIUS if above != MPI.PROC_NULL else 0, *part.shape[1:]), part.dtype)
    requests = [COMM.Irecv(low, below, 1), COMM.Irecv(high, above, 2)]
    requests += [COMM.Isend(part[-RADIUS:], above, 1), COMM.Isend(part[:RADIUS], below, 2)]
    MPI.Request.Waitall(requests)
    return np.concatenate([low, part, high]), len(low)


def gaussian(scale):
    shape = scaled(scale)
    A = pm.from_function(lambda z, y, x: np.sin(z * y + x).astype(np.float32), shape, map=SLABS)
    part = A.local.copy()

    def by_hand():
        wide, low = with_halo(part)
        return ndi.gaussian_filter(wide, SIGMA)[low : low + len(part)]

    ways = {"pmap": lambda: pm.ndimage.gaussian_filter(A, SIGMA), "raw": by_hand}
    if COMM.size == 1:
        ways["numpy (SciPy)"] = lambda: ndi.gaussian_filter(part, SIGMA)
    return ways


def blobs(z, y, x):
    """A binary volume of some 50,000 objects of odd forms."""
    a = np.sin(z * 0.41 + np.sin(y * 0.05) * 2)
    b = np.sin(y * 0.37 + np.sin(x * 0.043) * 2)
    return (a * b * np.sin(x * 0.33 + np.sin(z * 0.061) * 2)).astype(np.float32) > 0.3


def labels(scale):
    A = pm.from_function(blobs, scaled(scale), map=SLABS)
    part = A.local.copy()
    ways = {"pmap": lambda: pm.measure.label(A, connectivity=1), "raw": lambda: merged(part)}
    if COMM.size == 1:
        ways["numpy (SciPy)"] = lambda: ndi.label(part)
    return ways


def merged(part):
    """SciPy's labels of the slab, joined over its lower face; some order of numbers."""
    found, n = ndi.label(part)
    counts = COMM.allgather(n)
    offset, total = sum(counts[: COMM.rank]), sum(counts)
    edges = np.concatenate(COMM.allgather(touching(found, offset)))
    graph = sparse.coo_matrix((np.ones(len(edges), np.int8), edges.T), shape=(total + 1, total + 1))
    count, of = connected_components(graph, directed=False)
    table = np.where(of == of[0], 0, np.where(of < of[0], of + 1, of)).astype(np.int32)
    own = np.concatenate([[0], table[offset + 1 : offset + n + 1]]).astype(np.int32)
    return own[found], count - 1


def touching(found, offset):
    """Pairs of labels that meet at the slab's lower face."""
    above = COMM.rank + 1 if COMM.rank < COMM.size - 1 else MPI.PROC_NULL
    below = COMM.rank - 1 if COMM.rank else MPI.PROC_NULL
    last = np.where(found[-1] > 0, found[-1] + offset, 0).astype(np.int32)
    under = np.zeros_like(last)
    COMM.Sendrecv(last, above, recvbuf=under, source=below)
    both = (found[0] > 0) & (under > 0)
    return np.unique(np.stack([under[both], found[0][both] + offset], 1), axis=0)


CASES = [
    Case("gaussian sigma 2, 256 x 512 x 512 float32", gaussian, {"pmap": ("raw", 1.0)}, repeats=3),
    Case("label, 256 x 512 x 512, 57 thousand objects", labels, {"pmap": ("raw", 0.65)}, repeats=3),
]

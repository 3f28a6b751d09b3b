"""Maps of every kind for a shape and a rank count, and the traffic that they must cause."""

from functools import cache

import numpy as np

import pmap as pm
from pmap.ranks.comm import world


def explicit_edges(n, pieces):
    """Uneven edges with an empty piece where there are several."""
    if pieces == 1:
        return ("x", (0, n))
    inner = [n // 3] * (pieces - 1)
    inner[-1] = n - n // 4
    return ("x", (0, *sorted(inner), n))


def words(n, pieces):
    return {
        "b": "b",
        "ceil": "ceil",
        "c": "c",
        "bc2": ("bc", 2),
        "bc3": ("bc", 3),
        "explicit": explicit_edges(n, pieces),
    }


def lattices(ndim, size):
    """Name -> (grid, procs): rows, columns, a 2-D grid, a rank subset, reversed, replicated."""
    ones = [1] * (ndim - 1)
    two = 2 if size % 2 == 0 else 1
    found = {
        "rows": ([size, *ones], range(size)),
        "columns": ([*ones, size], range(size)),
        "grid": ([two, size // two, *ones[1:]][:ndim], range(size if ndim > 1 else two)),
        "subset": ([max(1, size - 1), *ones], range(size - 1, 0, -1) if size > 1 else [0]),
        "reversed": ([*ones, size], range(size - 1, -1, -1)),
    }
    return {name: (grid, list(procs)) for name, (grid, procs) in found.items()}


def every_map(shape):
    """All maps of the redistribution contract for a shape: {name: bound Map}."""
    return dict(_maps(tuple(shape), world().size))


@cache  # maps cannot change, and hundreds of tests ask for those of the same shapes
def _maps(shape, size):
    found = {}
    for word in words(4, 2):
        for name, (grid, procs) in lattices(len(shape), size).items():
            dist = [words(n, g)[word] for n, g in zip(shape, grid, strict=True)]
            found[f"{word} {name}"] = pm.Map(grid, dist, procs).bind(size)
        found[f"{word} replicated"] = replicated(shape, word)
    return found


def replicated(shape, word):
    """Rows over half of the ranks, every row held by more than one where there are several."""
    size = world().size
    pieces = 2 if size % 2 == 0 and size > 2 else 1
    dist = words(shape[0], pieces)[word]
    full = pm.Map([pieces, size // pieces], [dist, "b"], range(size)).bind(size)
    axes = [full.axes[0]] + [pm.Map([1]).axes[0].__class__()] * (len(shape) - 1)
    return full.with_axes(axes)


def held(array_map, shape, rank):
    """Which elements a rank holds, a boolean array of the shape."""
    mask = np.zeros(shape, bool)
    owned = array_map.owned(shape, rank)
    if owned is not None:
        mask[np.ix_(*[o.indices() for o in owned])] = True
    return mask


def bytes_by_definition(source, target, shape, itemsize):
    """Bytes that must cross in all: what a rank needs and has not, once each (contract C5)."""
    return itemsize * sum(
        int((held(target, shape, r) & ~held(source, shape, r)).sum()) for r in range(world().size)
    )

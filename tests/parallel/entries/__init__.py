"""What the reference says of each public function: who talks, the result's map, view or copy.

Every module here gives a list ENTRIES. `test_reference.py` calls each entry on arrays under several
maps and holds what it says against the traffic counted, the map and the memory of the result;
`python docs/functions.py` makes the page docs/reference/functions.md of them.

    Entry("np.sort", lambda A: np.sort(A), COLLECTIVE, "same")
    Entry("np.add", lambda A, B: np.add(A, B), MAPS, "same")       # B: A's values, another map
    Entry("pm.zeros", lambda A: pm.zeros((5, 4), map=A.map), LOCAL, "given")
    Entry("np.ravel", lambda A: np.ravel(A), COLLECTIVE, "kept")
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

import pmap as pm

LOCAL = "LOCAL"
"""Sends nothing and waits for nobody, whatever the map."""
COLLECTIVE = "COLLECTIVE"
"""All ranks must call it together: it talks wherever the map cuts what it puts together."""
MAPS = "COLLECTIVE where maps differ"
"""LOCAL where all operands have one map."""

SHAPE = (12, 10)


def matrix(held: pm.Map) -> pm.DistArray:
    """The array that an entry is called with: floats, no two equal, not sorted."""
    return pm.from_function(lambda i, j: ((i * 10 + j) * 77 % 120) - 40.5, SHAPE, map=held)


def vector(held: pm.Map) -> pm.DistArray:
    """A 1-D array over the ranks of the map, cut like its first axis."""
    line = pm.Map([held.grid[0]], [held.dist[0]], procs=held.procs[: held.grid[0]])
    return pm.from_function(lambda i: (i * 31 % 23) - 7.5, (23,), map=line)


def counts(held: pm.Map) -> pm.DistArray:
    """Small whole numbers, some of them equal."""
    return pm.from_function(lambda i, j: (i * 10 + j) * 7 % 11, SHAPE, map=held)


@dataclass(frozen=True)
class Entry:
    """One line of the reference.

    Attributes
    ----------
    name : what users write, with "pm.", "np." or "A." in front
    call : takes the array A that `of` makes; with MAPS also B, equal to A under another map
    talk : LOCAL, COLLECTIVE or MAPS
    result : a word of RESULTS; for a tuple or list of results it is held against the first
    memory : "copy", "view" (writes go through), "in place" (A itself changes), "-" (no array)
    of : makes A from a map of two axes
    note : a few words for the page
    """

    name: str
    call: Callable
    talk: str
    result: str
    memory: str = "copy"
    of: Callable = matrix
    note: str = ""


def _same(A, R):
    return R.map == A.map.without_overlap()


def _without(axis):
    def check(A, R):
        kept = [a for b, a in enumerate(A.map.without_overlap().axes) if b != axis]
        return R.map == A.map.with_axes(kept)

    return check


def _explicit(A, R):
    spans = [R.map.owned(R.shape, r) for r in range(pm.Np)]
    spans = [s[0] for s in spans if s is not None and len(s[0])]
    ordered = all(a.hi == b.lo for a, b in zip(spans, spans[1:], strict=False))
    return R.ndim == 1 and all(s.contiguous for s in spans) and ordered


def _transposed(A, R):
    return R.map == A.map.without_overlap().with_axes(A.map.without_overlap().axes[::-1])


def _on_its_ranks(A, R):
    return set(R.map.procs) <= set(A.map.procs)


RESULTS = {
    "same": ("that of A", _same),
    "axis 0 gone": ("A's without axis 0", _without(0)),
    "axis 1 gone": ("A's without axis 1", _without(1)),
    "transposed": ("A's, axes reversed", _transposed),
    "explicit": ("1-D explicit, in global C order", _explicit),
    "kept": ("A's splits on the axes that stay, else `auto` over its ranks", _on_its_ranks),
    "given": ("as `map=` says", lambda A, R: isinstance(R, pm.DistArray)),
    "scalar": ("a NumPy scalar, equal on all ranks", lambda A, R: np.isscalar(R)),
    "ndarray": ("a plain ndarray, equal on all ranks", lambda A, R: type(R) is np.ndarray),
    "none": ("-", lambda A, R: R is None),
    "other": ("no array", lambda A, R: not isinstance(R, pm.DistArray)),
}


def all_entries() -> dict[str, list[Entry]]:
    """The entries of every module here, by area."""
    areas = sorted(p.stem for p in Path(__file__).parent.glob("[a-z]*.py"))
    return {area: import_module(f"entries.{area}").ENTRIES for area in areas}

"""Errors of pmap, each also the built-in that NumPy's users expect.

::

    PmapError
    ├── MapError         (ValueError)    a map that cannot be, or does not fit
    ├── ShapeError       (ValueError)    shapes that do not go together
    ├── InputError       (ValueError)    a file, key or option that a user gave wrongly
    ├── GatherError      (MemoryError)   a hidden gather above the limit
    ├── AllocationError  (MemoryError)   a block for which this rank has no memory
    ├── UnsupportedError (TypeError)     a NumPy function or argument that pmap lacks
    ├── DivergenceError  (RuntimeError)  ranks that disagree about the next collective
    ├── ForeachError     (RuntimeError)  items of `foreach` that failed
    └── LaunchError      (RuntimeError)  a world that could not be started as asked
"""


class PmapError(Exception):
    """Base of every error that pmap raises on purpose."""


class MapError(PmapError, ValueError):
    """A map that cannot be, or does not fit the array or the world."""


class ShapeError(PmapError, ValueError):
    """Shapes that do not go together."""


class InputError(PmapError, ValueError):
    """A file, key or option that was given wrongly; found before work starts."""


class GatherError(PmapError, MemoryError):
    """An implicit gather of an array larger than ``pm.options.gather_limit``."""


class AllocationError(PmapError, MemoryError):
    """A block of an array for which this rank has no memory left."""


class UnsupportedError(PmapError, TypeError):
    """A NumPy function, or an argument of it, that pmap does not have."""


class DivergenceError(PmapError, RuntimeError):
    """Ranks that disagree about the next collective operation."""


class ForeachError(PmapError, RuntimeError):
    """Items of `foreach` that failed, after the others were done.

    Attributes
    ----------
    failures : list of Failure
        In the order of the items: `index`, `item`, `rank`, `error` and `line` of each.
    results : dict
        Results of the items that did not fail, by index.
    """

    def __init__(self, message: str, failures: list | None = None, results: dict | None = None):
        super().__init__(message)
        self.failures, self.results = failures or [], results or {}


class LaunchError(PmapError, RuntimeError):
    """A world of ranks that could not be started as it was asked for."""

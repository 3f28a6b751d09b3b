"""One function behind two doors: ``pm.f`` for any array, ``np.f`` for DistArrays."""

from collections.abc import Callable
from functools import wraps

from .arrays.distarray import DistArray
from .registry import implements


def stands_for(*functions: Callable) -> Callable:
    """Make a function the meaning of NumPy's; called with no DistArray, it is NumPy's first one.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> pm.flip(np.array([1, 2, 3]))
    array([3, 2, 1])
    """

    def register(made: Callable) -> Callable:
        @wraps(made)
        def call(*args: object, **kw: object) -> object:
            chosen = made if holds_distarray((args, tuple(kw.values()))) else functions[0]
            return chosen(*args, **kw)

        return implements(*functions)(call)

    return register


def holds_distarray(value: object) -> bool:
    """Whether a value, or a list or tuple at any depth, holds a DistArray. LOCAL."""
    if isinstance(value, list | tuple):
        return any(map(holds_distarray, value))
    return isinstance(value, DistArray)

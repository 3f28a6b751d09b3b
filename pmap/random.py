"""Random numbers keyed by seed, call and global index: the same at any rank count and map.

``rng = pm.random.default_rng(seed)`` gives a generator with the methods of NumPy's, each with
``map=``; the functions here are those of one generator, made at their first use with fresh entropy
(equal on all ranks) or by :func:`seed`. All ranks must draw in the same order. How numbers are
keyed: docs/explanation/random.md.
"""

from collections.abc import Sequence

import numpy as np

from .allocation import UNSET
from .draws.sampling import Generator
from .errors import UnsupportedError
from .ranks import comm

Seed = int | Sequence[int] | np.random.SeedSequence | Generator | None

_shared: list[Generator] = []
_METHODS = frozenset(n for n in dir(Generator) if not n.startswith("_")) - {
    "by_words",
    "by_leaves",
    "scalar",
    "stream",
    "spawn",
}


def default_rng(seed: Seed = None) -> Generator:
    """A random generator. COLLECTIVE without a seed: rank 0's entropy goes to all.

    Parameters
    ----------
    seed : int, sequence of int, SeedSequence or Generator, optional
        Equal seeds give equal numbers; a Generator is given back as it is.

    Raises
    ------
    UnsupportedError
        The seed is one of NumPy's bit generators, which cannot start at any index.

    Examples
    --------
    >>> import pmap as pm
    >>> rng = pm.random.default_rng(1)
    >>> rng.integers(10, size=3, map=pm.Map([1])).shape
    (3,)
    """
    if isinstance(seed, Generator):
        return seed
    if isinstance(seed, np.random.BitGenerator | np.random.Generator | np.random.RandomState):
        raise UnsupportedError(
            f"default_rng: a {type(seed).__name__} of NumPy cannot start at any index; give a "
            "number, a sequence of numbers or a SeedSequence"
        )
    return Generator(_seeds(seed))


def _seeds(seed: Seed) -> np.random.SeedSequence:
    if isinstance(seed, np.random.SeedSequence):
        return seed
    if seed is None:
        world = comm.world()
        mine = np.random.SeedSequence().entropy if world.rank == 0 else None
        seed = world.bcast(mine)
    return np.random.SeedSequence(seed)


def seed(seed: int | Sequence[int] | None = None) -> None:
    """Seed the functions of this module. COLLECTIVE without a number.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.random.seed(4)
    >>> x = pm.random.random()
    >>> pm.random.seed(4)
    >>> pm.random.random() == x
    True
    """
    _shared[:] = [Generator(_seeds(seed))]


def rand(*shape: int, map: object = UNSET) -> object:
    """Uniform numbers in [0, 1). COLLECTIVE where the map scatters a part."""
    return _generator().random(shape or None, map=map)


def randn(*shape: int, map: object = UNSET) -> object:
    """Normal numbers of mean 0, variance 1. COLLECTIVE where the map scatters a part."""
    return _generator().standard_normal(shape or None, map=map)


def randint(
    low: object,
    high: object = None,
    size: object = None,
    dtype: object = int,
    *,
    map: object = UNSET,
) -> object:
    """Integers in [low, high), or [0, low). COLLECTIVE where the map scatters a part."""
    return _generator().integers(low, high, size, dtype, map=map)


def random_sample(size: object = None, *, map: object = UNSET) -> object:
    """Uniform numbers in [0, 1). COLLECTIVE where the map scatters a part."""
    return _generator().random(size, map=map)


def _generator() -> Generator:
    """The generator of the module's functions, made at its first use."""
    if not _shared:
        _shared.append(default_rng())
    return _shared[0]


def __getattr__(name: str) -> object:
    """The methods of the shared generator, as functions of the module."""
    if name not in _METHODS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def drawing(*args: object, **kwargs: object) -> object:
        return getattr(_generator(), name)(*args, **kwargs)

    method = getattr(Generator, name)
    drawing.__name__ = drawing.__qualname__ = name
    drawing.__doc__ = method.__doc__
    globals()[name] = drawing
    return drawing


def __dir__() -> list[str]:
    """Public names."""
    return sorted(_METHODS | {n for n in globals() if not n.startswith("_")})

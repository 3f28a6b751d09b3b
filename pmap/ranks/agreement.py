"""Work of one rank on its own block that the values in it can make fail: all ranks learn of it."""

from collections.abc import Callable

from .comm import World

WRONG = (ValueError, TypeError, ArithmeticError, LookupError)


def agreed(work: Callable[[], object], world: World) -> object:
    """What the work gives; where it fails on some rank, the error on all ranks. COLLECTIVE.

    Parameters
    ----------
    work : callable
        LOCAL; what it raises depends on this rank's values.
    """
    made, told = None, None
    try:
        made = work()
    except WRONG as error:
        told = error
    if world.size == 1:
        first = told
    else:
        base = next((t for t in WRONG if isinstance(told, t)), None)
        kinds = world.allgather(None if told is None else (type(told), base, str(told)))
        found = next((k for k in kinds if k is not None), None)
        first = told if found is None or told is not None else _same_error(*found)
    if first is not None:
        raise first
    return made


def _same_error(kind: type, base: type, message: str) -> Exception:
    """Another rank's error; of its plain kind where it needs more than a message."""
    try:
        return kind(message)
    except TypeError:
        return base(message)

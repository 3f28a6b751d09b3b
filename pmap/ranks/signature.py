"""What a rank is about to do, in a form that ranks can compare: the work of ``pRUN --check``.

Before each collective operation every rank tells its operation, its source line, and what it was
called with: shapes, types, maps and plain values. Of what all ranks, or several, must hold alike
(arrays that are no DistArrays, blocks that a map replicates) it tells a checksum.
"""

from types import CodeType, FrameType
from typing import Any, NamedTuple
from zlib import crc32

from .sourceline import NO_LINE, frames
from .watchdog import ranks

OWN_VALUES = {"from_local", "put_local", "scatter", "once", "BcastMsg", "store", "fetch", "agreed"}
"""Operations whose arguments are each rank's own, or those of one rank."""
WORLD = "MpiWorld."
"""What gathers and hands out values that are each rank's own."""
FILLED = "out"
"""An argument of which only the shape counts: it is filled."""
MOST_ELEMENTS = 8
"""Of a list or tuple that are told; of the rest the number."""
DEPTH = 3
_VARARGS, _VARKEYWORDS = 0x04, 0x08
"""Flags of a code object, as in the module `inspect`, which takes 20 ms to load."""
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))


class Signature(NamedTuple):
    """What a rank tells of the operation that it begins.

    Attributes
    ----------
    where : str
        Operation, kind of exchange and source line.
    given : tuple of str
        Its arguments in words.
    copies : tuple of (str, object, int)
        Name of an argument, which part of it, and the checksum of that part.
    """

    where: str
    given: tuple[str, ...] = ()
    copies: tuple[tuple[str, Any, int], ...] = ()


def signature(kind: str, rank: int) -> Signature:
    """Describe the call of pmap that is running on this rank. LOCAL."""
    outermost, user = frames()
    operation = outermost.f_code.co_qualname if outermost is not None else ""
    line = f"{user.f_code.co_filename}:{user.f_lineno}" if user is not None else NO_LINE
    where = f"{operation} ({kind}) at {line}"
    own = operation.startswith(WORLD) or operation.rpartition(".")[2] in OWN_VALUES
    if outermost is None or own:
        return Signature(where)
    given: list[str] = []
    copies: list[tuple[str, Any, int]] = []
    for name, value in _arguments(outermost):
        given.append(f"{name} = {_told(value, name, rank, copies, DEPTH)}")
    return Signature(where, tuple(given), tuple(copies))


def difference(everyone: list[Signature]) -> str:
    """What the ranks do not have in common, each rank's line named; empty if nothing."""
    places = [each.where for each in everyone]
    if len(set(places)) > 1:
        return (
            f"the ranks are not about to do the same:\n{_grouped(places)}\n"
            "All ranks must call the same operations in the same order."
        )
    given = [each.given for each in everyone]
    if len(set(given)) > 1:
        odd = [i for i, words in enumerate(zip(*given, strict=False)) if len(set(words)) > 1]
        words = ["; ".join(each[i] for i in odd) or f"{len(each)} arguments" for each in given]
        return (
            f"the ranks are all in {places[0]}, but not with the same arguments:\n"
            f"{_grouped(words)}\nShapes, maps and values must be equal on all ranks."
        )
    return _unequal_copies(everyone)


def _unequal_copies(everyone: list[Signature]) -> str:
    """Which argument has not the same elements where it must."""
    found: dict[tuple, dict[int, int]] = {}
    for rank, each in enumerate(everyone):
        for name, part, checksum in each.copies:
            found.setdefault((name, part), {})[rank] = checksum
    for (name, _), checksums in found.items():
        if len(set(checksums.values())) > 1:
            words = {rank: f"checksum {c:08x}" for rank, c in checksums.items()}
            return (
                f"the ranks are all in {everyone[0].where}, but {name} is not the same on ranks "
                f"that must have it alike:\n{_grouped(words)}\nArrays that are no DistArrays, and "
                "blocks that a map replicates, must be equal: bring one rank's with pm.once, or "
                "distribute it with pm.scatter."
            )
    return ""


def _grouped(words: list[str] | dict[int, str]) -> str:
    """One line for each text, with the ranks that tell it."""
    together: dict[str, list[int]] = {}
    for rank, text in words.items() if isinstance(words, dict) else enumerate(words):
        together.setdefault(text, []).append(rank)
    return "\n".join(f"  {ranks(who)}: {text}" for text, who in together.items())


def _arguments(frame: FrameType) -> list[tuple[str, Any]]:
    """Names and values of the arguments that a running function was called with."""
    code: CodeType = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & _VARARGS) + bool(code.co_flags & _VARKEYWORDS)
    values = frame.f_locals
    return [(name, values[name]) for name in code.co_varnames[:count] if name in values]


def _told(value: Any, name: str, rank: int, copies: list, depth: int) -> str:
    """An argument in words that are equal on all ranks if it is."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, type):  # a dtype, most often; it has the attributes of what it makes
        return value.__qualname__
    held, block = getattr(value, "map", None), getattr(value, "block", None)
    if held is not None and hasattr(block, "tobytes") and hasattr(held, "coords"):
        _add_copy(value, held, block, name, rank, copies)
        return f"array of shape {value.shape}, {value.dtype}, {held}"
    if hasattr(value, "__array_interface__") and hasattr(value, "tobytes"):
        if name != FILLED:
            copies.append((name, (), crc32(value.tobytes())))
        return f"ndarray of shape {value.shape}, {value.dtype}"
    if isinstance(value, slice):
        return f"slice({value.start}, {value.stop}, {value.step})"
    if isinstance(value, list | tuple) and depth:
        inner = (_told(v, f"{name}[{i}]", rank, copies, depth - 1) for i, v in
                 enumerate(value[:MOST_ELEMENTS]))  # fmt: skip
        return f"{type(value).__name__} of {len(value)}: {', '.join(inner)}"
    if isinstance(value, dict) and depth:
        pairs = ((k, _told(v, f"{name}[{k!r}]", rank, copies, depth - 1)) for k, v in value.items())
        return f"dict: {', '.join(f'{k!r}: {text}' for k, text in pairs)}"
    return getattr(value, "__qualname__", None) or type(value).__name__


def _add_copy(array: Any, held: Any, block: Any, name: str, rank: int, copies: list) -> None:
    """Checksum of a block that other ranks hold as well."""
    coords = held.coords(rank) if held.replicated and name != FILLED else None
    if coords is not None:
        part = tuple(held.coord_along(axis, coords) for axis in range(array.ndim))
        copies.append((name, part, crc32(block.tobytes())))

"""Where the user's program is: the call that led into pmap, for messages about ranks that wait."""

import os
import sys
from pathlib import Path
from types import FrameType, TracebackType

_PMAP = str(Path(__file__).resolve().parents[1]) + "/"
_PROGRAMS = (_PMAP + "apps/", _PMAP + "launch/")
"""Inside the installed package, but programs that use it: their lines are user's lines."""

NO_LINE = "(no line of a program)"
_STDLIB = os.path.dirname(os.__file__) + "/"
_BETWEEN = ("/numpy/", "/scipy/", "/functools.py", "/contextlib.py")


def place() -> tuple[str, str]:
    """Name the pmap operation that is running and the user's line that called it.

    Returns
    -------
    operation : str
        Name of the outermost pmap function on the stack, e.g. ``"DistArray.sum"``.
    line : str
        ``"file:line"`` of its caller: the first frame outside pmap, NumPy and SciPy.
    """
    outermost, user = frames()
    operation = outermost.f_code.co_qualname if outermost is not None else ""
    if user is None:
        return operation, NO_LINE
    return operation, f"{user.f_code.co_filename}:{user.f_lineno}"


def frames() -> tuple[FrameType | None, FrameType | None]:
    """Return the frame of the outermost pmap function on the stack, and that of its caller."""
    frame: FrameType | None = sys._getframe(1)
    outermost = None
    while frame is not None:
        name = frame.f_code.co_filename
        if _is_pmap(name):
            outermost = frame
        elif not _is_between(name):
            return outermost, frame
        frame = frame.f_back
    return outermost, None


def call() -> tuple[str, str, int]:
    """Name the pmap operation, the user's file and its line; quick, for every collective call."""
    frame: FrameType | None = sys._getframe(1)
    name = ""
    while frame is not None:
        filename = frame.f_code.co_filename
        if (ours := _seen.get(filename)) is None:
            ours = _seen[filename] = 2 if _is_pmap(filename) else int(_is_between(filename))
        if ours == 0:
            return name, filename, frame.f_lineno
        if ours == 2:
            name = frame.f_code.co_qualname
        frame = frame.f_back
    return name, "", 0


def line_of(frame: FrameType | None) -> str:
    """Name the innermost line of the user's program on a stack, that of another thread too.

    Parameters
    ----------
    frame : frame
        The innermost one, as ``sys._current_frames()`` gives it.

    Returns
    -------
    str
        ``"file:line"``; libraries that the program calls are passed over.
    """
    while frame is not None:
        name = frame.f_code.co_filename
        if not (_is_pmap(name) or _is_between(name) or _is_library(name)):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return NO_LINE


_seen: dict[str, int] = {}


def raised_at(trace: TracebackType | None) -> str:
    """Name the innermost line of the user's program in a traceback, as "file:line"."""
    found = NO_LINE
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not (_is_pmap(name) or _is_between(name) or _is_library(name)):
            found = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _is_pmap(filename: str) -> bool:
    return filename.startswith(_PMAP) and not filename.startswith(_PROGRAMS)


def _is_between(filename: str) -> bool:
    """True for code that calls back into pmap: NumPy's dispatch, context managers, wrappers."""
    if filename.startswith("<frozen"):
        return True
    return any(part in filename for part in _BETWEEN)


def _is_library(filename: str) -> bool:
    """True for code that a program did not bring itself."""
    if filename.startswith(_PROGRAMS):
        return False
    return filename.startswith(_STDLIB) or "/site-packages/" in filename

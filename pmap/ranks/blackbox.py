"""The last pmap call of this rank, kept where it outlives the rank.

The process that keeps a rank (see pmap.keeper) makes the box before it splits off the rank: pages
that both have mapped. The rank notes each of its calls there; whoever looks after its death knows
where it was, even after SIGKILL, which leaves no time to say anything.
"""

from mmap import mmap

SIZE = 1 << 16
_STATE, _NOW, _ENTRIES = 0, 1, 2
"""Words: how the rank left, the entry of its last call, and how many entries there are."""
_FIRST = 64
_ENTRY = 512
"""Bytes of an entry: text, ended by a zero."""
MOST = (SIZE - _FIRST) // _ENTRY
RUNNING, LEFT, GIVES_UP = 0, 1, 2


class Box:
    """Pages that a rank writes and its keeper reads.

    Examples
    --------
    >>> box = Box()
    >>> box.last
    ''
    >>> box.note(("DistArray.sum", "a.py", 3))
    >>> box.last
    'DistArray.sum at a.py:3'
    """

    def __init__(self) -> None:
        self._memory = mmap(-1, SIZE)  # anonymous and shared: a forked child has the same pages
        self._words = memoryview(self._memory).cast("q")
        self._known: dict[tuple, int] = {}

    def note(self, call: tuple[str, str, int]) -> None:
        """Keep (operation, file, line) as the last call. LOCAL."""
        entry = self._known.get(call)
        if entry is None:
            entry = self._write(call)
        self._words[_NOW] = entry

    def _write(self, call: tuple[str, str, int]) -> int:
        if len(self._known) == MOST:
            self._known.clear()
        entry = len(self._known) + 1
        operation, file, line = call
        where = f"{file}:{line}"
        text = f"{operation} at {where}" if operation else where
        data = text.encode()
        data = data if len(data) < _ENTRY else b"..." + data[4 - _ENTRY :]
        start = _FIRST + (entry - 1) * _ENTRY
        self._memory[start : start + len(data) + 1] = data + b"\0"
        self._known[call] = entry
        return entry

    def leave(self) -> None:
        """Note that the rank comes to its end in order. LOCAL."""
        if self._words[_STATE] == RUNNING:
            self._words[_STATE] = LEFT

    def give_up(self) -> None:
        """Note that the rank has said why it fails, and that its end must end the job. LOCAL."""
        self._words[_STATE] = GIVES_UP

    @property
    def state(self) -> int:
        """RUNNING, LEFT or GIVES_UP."""
        return self._words[_STATE]

    @property
    def last(self) -> str:
        """The last call in words; empty if there was none."""
        entry = self._words[_NOW]
        if not entry:
            return ""
        start = _FIRST + (entry - 1) * _ENTRY
        data = self._memory[start : start + _ENTRY]
        return data[: data.index(b"\0")].decode(errors="replace")


box: Box | None = None
"""The box of this rank, if somebody keeps it."""


def make() -> Box:
    """Make the box of the rank that will be split off. LOCAL."""
    global box
    box = Box()
    return box


def leave() -> None:
    """Note in the box, if there is one, that this rank ends in order. LOCAL."""
    if box is not None:
        box.leave()

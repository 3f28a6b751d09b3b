"""Independent tasks of uneven length, taken by the ranks as they come free."""

import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from .errors import ForeachError, InputError
from .ledger import Ledger
from .ranks.comm import World, alone, world
from .ranks.counter import Counter
from .ranks.sourceline import raised_at

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_NAMED, LONGEST_NAME = 10, 80
"""Failures in a message, and letters of an item's name."""
SHARE = 4
"""A rank that comes free takes its share of the rest, divided by this: ever smaller portions."""


@dataclass(frozen=True)
class Failure:
    """What became of one item of `foreach`.

    Attributes
    ----------
    index, item : int, str
        Where it stands among the items, and its key.
    rank : int
        Who worked on it.
    error, line : str
        The exception in one line, and the program's line that raised it.
    kind : str
        Name of the exception's class.
    """

    index: int
    item: str
    rank: int
    error: str
    line: str
    kind: str

    def __str__(self) -> str:
        """One line."""
        return f"item {self.index} ({self.item}) on rank {self.rank}: {self.error} at {self.line}"


def foreach(
    items: Iterable[Item],
    f: Callable[[Item], Result],
    *,
    ledger: Ledger | str | Path | None = None,
    key: Callable[[Item], str] = str,
    files: Callable[[Item], Iterable[str | Path]] | None = None,
    made_with: Callable[[Item], str] | str | None = None,
    stop_on_error: bool = False,
) -> list[Result]:
    """Call `f` once for each item, on whichever rank is free; return all results. COLLECTIVE.

    Parameters
    ----------
    items : iterable
        Equal on all ranks.
    f : callable
        Called as ``f(item)`` on one rank, in a world of one rank: what is COLLECTIVE elsewhere
        works on this rank alone inside it.
    ledger : Ledger or path, optional
        Where each result is noted when it is there. Items that are noted already are not done
        again, so a program that was cut off goes on where it was.
    key : callable, optional
        Text that names an item in the ledger and in messages; unlike for all items.
    files : callable, optional
        Files that an item leaves: an item counts as done while they are as they were.
    made_with : str or callable, optional
        What the results depend on beside the item, in a text: with another text they are not
        taken from the ledger.
    stop_on_error : bool, optional
        Begin no more items, on any rank, after one has failed.

    Returns
    -------
    list
        ``[f(item) for item in items]``, on all ranks; results should be small.

    Raises
    ------
    ForeachError
        On all ranks, after the last item, if any has failed: `failures` says which, where and why,
        `results` has those of the others.

    Notes
    -----
    Guided self-scheduling (Polychronopoulos and Kuck, IEEE Trans. Comput. C-36, 1987): portions of
    consecutive items that shrink with what is left. They are numbered, and a rank takes the next
    number from a counter that MPI keeps one-sidedly: no rank deals them out, all work.

    Examples
    --------
    >>> foreach([1, 2, 3], lambda x: x * x)
    [1, 4, 9]
    """
    items = list(items)
    here = world()
    book = None if ledger is None else _Book(ledger, list(map(key, items)), files, made_with)
    results = {} if book is None else book.found(here, items)
    left = [i for i in range(len(items)) if i not in results]
    turns = _Turns(here, len(left))
    mine, failures, every = {}, [], []
    for at in turns:
        i = left[at]
        try:
            with alone():
                value = f(items[i])
                if book is not None:
                    book.note(i, items[i], value)
            mine[i] = value
        except Exception as error:
            others = "" if stop_on_error or len(left) == 1 else "; the others go on"
            failures.append(_failure(i, _short(key(items[i])), here, error, others))
            if stop_on_error:
                turns.close()
    for part, failed in here.allgather((mine, failures)):
        results |= part
        every += failed
    if every:
        every.sort(key=lambda failure: failure.index)
        raise ForeachError(_summary(every, len(items)), every, results)
    return [results[i] for i in range(len(items))]


def _failure(index: int, name: str, here: World, error: Exception, others: str) -> Failure:
    """Show what went wrong at once: the others may go on for hours."""
    line = raised_at(error.__traceback__)
    kind = type(error).__name__
    failure = Failure(index, name, here.rank, f"{kind}: {error}", line, kind)
    if isinstance(error, InputError):
        said = f"{error}\n"
    else:
        trace = error.__traceback__
        said = "".join(traceback.format_exception(type(error), error, trace and trace.tb_next))
    sys.stderr.write(
        f"pmap: rank {here.rank} of {here.size}: item {index} ({name}) failed{others}:\n{said}"
    )
    return failure


def _short(name: str) -> str:
    """A name on one line, of a length for messages."""
    line = " ".join(name.split())
    return line if len(line) <= LONGEST_NAME else f"{line[: LONGEST_NAME - 3]}..."


def _summary(failures: list[Failure], count: int) -> str:
    lines = [f"{len(failures)} of {count} items failed"]
    lines += [f"  {failure}" for failure in failures[:MOST_NAMED]]
    if len(failures) > MOST_NAMED:
        lines.append(f"  ... and {len(failures) - MOST_NAMED} more")
    return "\n".join(lines)


class _Book:
    """The ledger of one call of `foreach`."""

    def __init__(
        self,
        ledger: Ledger | str | Path,
        names: list[str],
        files: Callable | None,
        made_with: Callable | str | None,
    ) -> None:
        self._ledger = ledger if isinstance(ledger, Ledger) else Ledger(ledger)
        self._names, self._files, self._made_with = names, files, made_with
        twice = next((n for n, seen in zip(names, _seen_before(names), strict=True) if seen), None)
        if twice is not None:
            raise InputError(
                f"two items have the key {twice!r}: the ledger could not tell them apart; give "
                "key= a function that names each item differently"
            )

    def found(self, here: World, items: list) -> dict[int, object]:
        """Results that are there already; each rank looks at its share of the items. COLLECTIVE."""
        mine = {
            i: self._ledger.value(self._names[i])
            for i in range(here.rank, len(items), here.size)
            if self._ledger.done(self._names[i], self._with(items[i]))
        }
        return {i: value for part in here.allgather(mine) for i, value in part.items()}

    def note(self, index: int, item: object, value: object) -> None:
        """Note an item that is finished. LOCAL."""
        files = () if self._files is None else self._files(item)
        self._ledger.finish(self._names[index], value, files, self._with(item))

    def _with(self, item: object) -> str | None:
        return self._made_with(item) if callable(self._made_with) else self._made_with


def _seen_before(names: list[str]) -> Iterator[bool]:
    seen: set[str] = set()
    for name in names:
        yield name in seen
        seen.add(name)


class _Turns:
    """Numbers of the tasks that this rank is to do, until none are left. COLLECTIVE."""

    def __init__(self, here: World, count: int) -> None:
        self._here, self._is_open = here, True
        self._portions = _portions(count, here.size)
        self._counter: Counter | None = None
        here.next_tag("tasks")

    def __iter__(self) -> Iterator[int]:
        """Until none are left, or `close`."""
        for portion in self._own():
            for task in portion:
                if not self._is_open:
                    return
                yield task

    def _own(self) -> Iterator[range]:
        """Every rank begins with the portion of its own number, then takes the next ones."""
        at, size = self._here.rank, self._here.size
        if size == 1:
            yield from self._portions
        elif len(self._portions) <= size:
            yield from self._portions[at : at + 1]
        else:
            with self._here.counting() as self._counter:
                while at < len(self._portions):
                    yield self._portions[at]
                    at = size + self._counter.add()

    def close(self) -> None:
        """Let no rank begin another portion, nor this one another task."""
        self._is_open = False
        if self._counter is not None:
            self._counter.close()


def _portions(count: int, size: int) -> list[range]:
    """Ranges of tasks, ever shorter; the first ones, of each rank its own, of one length.

    Examples
    --------
    >>> [len(p) for p in _portions(20, 2)]
    [2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    portions: list[range] = []
    start, first = 0, _length(count, size)
    while start < count:
        length = first if len(portions) < size else _length(count - start, size)
        portions.append(range(start, min(count, start + length)))
        start += length
    return portions


def _length(left: int, size: int) -> int:
    return max(1, left // (SHARE * size))

"""Ranks that wait for ever are told, and their job is ended: no MPI here, only what to say to whom.

A rank that waits longer than ``PMAP_WAIT_S`` asks all others where they are. A rank that waits, or
has finished, answers from its wait loop; for one that computes its sentry answers (see sentry.py).
If all answer twice and none computes or has moved in between, and what they wait for cannot come,
everyone's place is printed and the job is ended. A job in which a rank computes is never ended.
"""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from ..errors import InputError
from . import blackbox
from .sourceline import NO_LINE, call, line_of, place

LONG = 3
"""A transfer that matches but does not move for this many times ``PMAP_WAIT_S`` is dead."""
GAP, LOOK = 0.15, 0.1
"""Time between two rounds of questions, and between two looks of a sentry, as shares of
``PMAP_WAIT_S``."""
MOST_GAP_S = 3.0
"""A job that cannot go on ends within 4 s after the limit."""
STEPS = 64
"""Operations that are remembered: ranks that wait are seldom further apart."""


class Place(NamedTuple):
    """Where a rank is: what it answers when it is asked.

    Attributes
    ----------
    state : {"waiting", "finished", "computing"}
    ahead : int
        Number of collective operations that it has entered.
    moved : int
        Number of requests that have completed on it; unchanged = nothing moves.
    what : str
        Name of what it waits for.
    operation, line : str
        The public operation and the user's source line.
    role : {"collective", "message", "payload"}
        Whether the wait is part of a collective operation, or for a message from one rank, or for
        the payload of one that has come: slow, not stuck.
    steps : tuple of (int, str)
        Number and operation of the last collective operations that it has entered.
    for_s : float
        Seconds for which it has been there.
    """

    state: str
    ahead: int
    moved: int
    what: str = ""
    operation: str = ""
    line: str = ""
    role: str = "collective"
    steps: tuple = ()
    for_s: float = 0.0

    def __str__(self) -> str:
        """In words, without the time."""
        if self.state == "finished":
            return "finished"
        if self.state == "computing":
            return f"computes at {self.line}"
        if self.line == NO_LINE:  # the program is over, but not all that it sent has been received
            return f"waits for {self.what}"
        name = self.operation if self.what in ("", self.operation) else None
        return f"waits in {name or f'{self.operation} ({self.what})'} at {self.line}"


def stuck(places: Iterable[Place]) -> bool:
    """True if nothing that these ranks wait for can come; all of them are waiting or finished.

    Examples
    --------
    >>> waits = Place("waiting", ahead=3, moved=9, operation="agg", line="a.py:4")
    >>> stuck([waits, Place("finished", ahead=2, moved=9)])
    True
    >>> stuck([waits, waits])  # all in one operation: its data are on their way
    False
    """
    places = list(places)
    if any(p.role == "payload" for p in places):
        return False
    collective = [p for p in places if p.state == "waiting" and p.role == "collective"]
    if not collective:
        return True
    first = min(p.ahead for p in collective)
    if any(p.ahead < first for p in places):
        return True  # one that is needed has not come this far, and never will
    there = {p.operation for p in collective if p.ahead == first}
    there.update(name for p in places for number, name in p.steps if number == first)
    return len(there) > 1


class Post(Protocol):
    """What carries the watchdog's few bytes between ranks."""

    def send(self, dest: int, letter: tuple) -> None:
        """Send a small tuple; never waits."""

    def letters(self) -> Iterable[tuple[int, tuple]]:
        """Yield (source, letter) of what has arrived."""

    def abort(self, code: int) -> None:
        """End the job."""

    def is_open(self) -> bool:
        """Whether letters can still be sent and received."""


class Watchdog:
    """One per process; its `tick` is called from every wait loop."""

    def __init__(
        self,
        rank: int,
        size: int,
        post: Post,
        clock: Callable[[], float] = time.monotonic,
        wait_s: float | None = None,
    ) -> None:
        self.rank, self.size, self._post, self._clock = rank, size, post, clock
        self.wait_s = _limit_s() if wait_s is None else wait_s
        self.gap_s = min(max(0.2, GAP * self.wait_s), MOST_GAP_S)
        self.look_s = self.gap_s * LOOK / GAP
        self.patience = 1.0
        """Times that this rank's pauses are longer than where each has a core (see pauses.py)."""
        self.ahead = 0
        self.moved = 0
        self.exit_code = 0
        self.left_at = ""
        """Line that gave the exit code."""
        self._state, self._what, self._role = "computing", "", "collective"
        self._steps: deque[tuple[int, str]] = deque(maxlen=STEPS)
        self._since = self._next_round = self._next_words = clock()
        self._reading = threading.Lock()
        self._main = threading.get_ident()
        self.relieve: Callable[[], object] = lambda: None
        """Ends the sentry, if there is one."""
        self._asked = False
        self._owing: set[int] = set()
        self._answers: dict[int, Place] = {}
        self._before: dict[int, tuple] | None = None
        self._done: set[int] = set()
        self._released = size == 1

    def step(self) -> int:
        """Count a collective operation that begins; return its number."""
        self.ahead += 1
        told = call()
        self._steps.append((self.ahead, told[0]))
        if blackbox.box is not None:
            blackbox.box.note(told)
        return self.ahead

    def enter(self, what: str, role: str) -> None:
        """Begin to wait for `what`, in a "collective", for a "message" or for its "payload"."""
        self._state, self._what, self._role = "waiting", what, role
        now = self._since = self._clock()
        # ranks start one after the other, so that the lowest asks and the others only answer
        self._next_round = now + self.wait_s + min(0.02 * self.rank, self.gap_s)
        self._next_words = now + self.wait_s
        self._answers, self._before, self._asked = {}, None, False

    def leave(self) -> None:
        """End of the wait."""
        self._state = "computing"
        self._since = self._clock()
        self.moved += 1

    def place(self) -> Place:
        """Where this rank is."""
        for_s = self._clock() - self._since
        told = {"ahead": self.ahead, "moved": self.moved, "steps": tuple(self._steps)}
        told["for_s"] = for_s
        if self._state == "finished":
            return Place("finished", **told)
        if self._state == "computing":
            line = line_of(sys._current_frames().get(self._main))
            return Place("computing", line=line, **told)
        name, line = place()
        return Place("waiting", what=self._what, operation=name, line=line, role=self._role, **told)

    def stand_in(self) -> None:
        """Answer who asks while this rank computes; its sentry calls this from a thread."""
        if self._state == "computing" and self._post.is_open():
            self._read_letters()

    def _read_letters(self) -> None:
        with self._reading:
            for source, letter in self._post.letters():
                self._read(source, *letter)

    def tick(self) -> None:
        """Answer who asks; after a long wait ask, and judge the answers."""
        self._read_letters()
        if self._state != "waiting":
            return
        if self._asked and len(self._answers) == self.size - 1:
            self._asked = False
            self._judge()
        elif self._clock() >= self._next_round:
            if self._asked:
                self._judge()
            self._ask()

    def finish(self) -> bool:
        """Say once that this rank has finished; True when all ranks have."""
        if self._state != "finished":
            self._state = "finished"
            self._since = self._clock()
            if self.rank:
                self._post.send(0, ("done",))
            else:
                self._done.add(0)
        self.tick()
        if self.rank == 0 and len(self._done) == self.size and not self._released:
            self._released = True
            for dest in range(1, self.size):
                self._post.send(dest, ("go",))
        return self._released

    def part(self) -> None:
        """Leave MPI together with all ranks, no letter on its way; after `finish`."""
        self.relieve()
        self._post.part()

    def abort(self, code: int) -> None:
        """End the job with exit code `code`."""
        self._post.abort(code)

    def _read(self, source: int, kind: str, *values: object) -> None:
        if kind == "where":
            self._post.send(source, ("here", tuple(self.place())))
            if source < self.rank:
                self._next_round = max(self._next_round, self._clock() + 2.5 * self.gap_s)
                self._asked = False
        elif kind == "here":
            # a late answer counts, too: it says where the rank was when it answered
            self._owing.discard(source)
            self._answers[source] = Place(*values[0])
        elif kind == "done":
            self._done.add(source)
        elif kind == "go":
            self._released = True

    def _ask(self) -> None:
        self._asked, self._answers = True, {}
        self._next_round = self._clock() + self.gap_s
        for dest in range(self.size):
            if dest != self.rank and dest not in self._owing:
                self._owing.add(dest)
                self._post.send(dest, ("where",))

    def _judge(self) -> None:
        """Look at the answers of the round that ends now."""
        if not self._answers and self._clock() < self._next_words:
            return
        places = {**self._answers, self.rank: self.place()}
        if len(places) < self.size or any(p.state == "computing" for p in places.values()):
            self._before = None
            self._tell_slow(places)
            return
        now = {r: (p.state, p.ahead, p.moved) for r, p in places.items()}
        waited_s = self._clock() - self._since
        if now == self._before and (stuck(places.values()) or waited_s > LONG * self.wait_s):
            self._end(places, waited_s)
        self._before = now

    def _tell_slow(self, places: dict[int, Place]) -> None:
        """Say who is waited for; of those that wait, the lowest rank says it."""
        waiting = [r for r, p in places.items() if p.state == "waiting"]
        if self._clock() < self._next_words or min(waiting, default=self.rank) < self.rank:
            return
        waited_s = self._clock() - self._since
        self._next_words = self._since + 2 * waited_s
        busy = [r for r in range(self.size) if r not in places or places[r].state == "computing"]
        _say(f"pmap: rank {self.rank} has waited {waited_s:.0f} s; {ranks(busy)} still computing.")
        _say(describe(places))

    def _end(self, places: dict[int, Place], waited_s: float) -> None:
        _say(
            f"pmap: the job cannot go on and is ended after {waited_s:.0f} s of waiting: every "
            "rank has finished, or waits for what no other rank will send.\n"
            f"{describe(places)}\n"
            "  All ranks must call the same operations in the same order: look for a branch or a "
            "loop that depends on the rank; `pRUN --check` finds the first difference."
        )
        self.abort(1)


def describe(places: dict[int, Place]) -> str:
    """One line per place, ranks in the same place together, with the longest time there."""
    together: dict[str, list[int]] = {}
    for rank in sorted(places):
        together.setdefault(str(places[rank]), []).append(rank)
    lines = []
    for words, members in together.items():
        if words == "finished":
            words = "has finished" if len(members) == 1 else "have finished"
        elif len(members) > 1:
            words = words.replace("waits", "wait", 1).replace("computes", "compute", 1)
        for_s = max(places[rank].for_s for rank in members)
        lines.append(f"  {ranks(members)} {words}, for {for_s:.0f} s")
    return "\n".join(lines)


def ranks(members: list[int]) -> str:
    """Ranks in words.

    Examples
    --------
    >>> ranks([3]), ranks([0, 1, 2, 5])
    ('rank 3', 'ranks 0-2, 5')
    """
    runs: list[list[int]] = []
    for r in members:
        if runs and runs[-1][1] == r - 1:
            runs[-1][1] = r
        else:
            runs.append([r, r])
    text = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)
    return f"rank {text}" if len(members) == 1 else f"ranks {text}"


def _limit_s() -> float:
    text = os.environ.get("PMAP_WAIT_S") or "20"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if seconds > 0:
        return seconds
    raise InputError(f"PMAP_WAIT_S is {text!r}; it must be a number of seconds above 0")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()

"""What the command lines of the apps share: one line for a wrong input, one voice for all ranks."""

import sys
from collections.abc import Callable

import pmap as pm
from pmap import InputError


def guarded(work: Callable[[], object]) -> int:
    """Do the work; a wrong input is one line on stderr and exit code 2. COLLECTIVE.

    Inputs are checked where all ranks see the same, so all of them get here together.
    """
    try:
        work()
    except InputError as error:
        pm.once(print, f"error: {error}", file=sys.stderr)
        return 2
    return 0


def say(text: str) -> None:
    """Print one line, once for all ranks. COLLECTIVE."""
    pm.once(print, text, flush=True)


def say_idle(parts: int, what: str) -> None:
    """Say once that there are more ranks than parts to work on. COLLECTIVE."""
    n_ranks = len(pm.usage())
    if n_ranks > parts:
        say(f"{n_ranks} ranks, but only {parts} {what}: {n_ranks - parts} of them stay idle")

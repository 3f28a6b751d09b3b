"""What the command lines of the apps share: one line for a wrong input, one voice for all ranks."""

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import pmap as pm
from pmap import InputError

WRONG_INPUT = 2
"""Exit code of an app that was asked for what it cannot do."""
FAILED_ITEMS = 1
"""Exit code where some items failed; the others are finished and kept."""


class Parser(argparse.ArgumentParser):
    """A command line whose fault is one line, said once for all ranks. COLLECTIVE.

    A wrong option is named before anything else: what else is missing often follows from it.
    """

    def __init__(self, **named: Any) -> None:
        """Take what argparse takes; options are never guessed from their beginning."""
        super().__init__(allow_abbrev=False, **named)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        """Parse the words, and refuse an option that is not known, with the nearest right one."""
        words = list(sys.argv[1:] if args is None else args)
        known = [o for o in self._option_string_actions if o.startswith("--")]
        for word in words:
            name = word.partition("=")[0]
            if name.startswith("--") and name != "--" and name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}? " if near else ""
                self.error(f"no option {name}; {hint}Options: {', '.join(known)}")
        return super().parse_args(words, namespace)

    def print_help(self, file: Any = None) -> None:
        """Print the help, once for all ranks."""
        pm.once(super().print_help, file)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line and end with exit code 2."""
        pm.once(print, f"error: {message}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(WRONG_INPUT)


def guarded(work: Callable[[], object]) -> int:
    """Do the work; a wrong input is one line on stderr and exit code 2. COLLECTIVE.

    Inputs are checked where all ranks see the same, so all of them get here together.
    """
    try:
        work()
    except InputError as error:
        pm.once(print, f"error: {error}", file=sys.stderr)
        return WRONG_INPUT
    except pm.ForeachError as error:  # each failure has been shown where it happened
        pm.once(print, f"error: {error}", file=sys.stderr)
        if all(failure.kind == "InputError" for failure in error.failures):
            return WRONG_INPUT
        pm.once(print, "the same command does these again, and only these", file=sys.stderr)
        return FAILED_ITEMS
    return 0


def say(text: str) -> None:
    """Print one line, once for all ranks. COLLECTIVE."""
    pm.once(print, text, flush=True)


def say_idle(parts: int, what: str) -> None:
    """Say once that there are more ranks than parts to work on. COLLECTIVE."""
    n_ranks = len(pm.usage())
    if n_ranks > parts:
        say(f"{n_ranks} ranks, but only {parts} {what}: {n_ranks - parts} of them stay idle")

"""A job of several stages: an app that is run in parts says which, and what each needs."""

import json
import sys
from collections.abc import Callable, Sequence

from . import submit
from .arrays import array_of
from .choices import Said, Sources, job_of
from .errors import JobError
from .job import TASK
from .options import BY_KEY
from .records import Stage
from .submit import Answer
from .targets import near

APPS = ("pipeline",)
"""Apps that answer to ``--stages``."""
OUT = "--out"
NEEDED = ("name", "tasks", "args", "array")


def stages(
    sources: Sources, target: Sequence[str], args: Sequence[str]
) -> list[tuple[Stage, Said]]:
    """List the stages of a job, each after the one before it; most programs are one stage.

    Parameters
    ----------
    sources : Sources
        What everybody says about the options.
    target, args : sequences of str

    Returns
    -------
    list of (Stage, mapping)
        Each with the options that were chosen for it.

    Raises
    ------
    JobError
        If the app refuses its arguments, in its own words.
    """
    if not is_chain(target):
        chosen = sources.choose()
        if sources.stages():
            raise JobError(
                f"there are tables [stage.{min(sources.stages())}], but this program is one stage; "
                f"those with several: {', '.join(APPS)}"
            )
        return [(Stage(job_of(chosen, tuple(target), args)), chosen)]
    return read(listed(target, args), sources, target, args)


def is_chain(target: Sequence[str]) -> bool:
    """Whether the target is an app that is run in parts."""
    return target[0] == "-m" and target[1] in {f"pmap.apps.{name}" for name in APPS}


def listed(
    target: Sequence[str],
    args: Sequence[str],
    ask: Callable[[Sequence[str]], Answer] = submit.ask,
) -> list[dict]:
    """Ask the app for its stages: names, tasks, arguments, needs."""
    if not any(word == OUT or word.startswith(f"{OUT}=") for word in args):
        raise JobError(f"give the folder of the run with {OUT}: the stages find each other there")
    said = ask([sys.executable, *target, *args, "--stages"])
    if said.code:
        raise JobError(_own_words(said.words, target[1].split(".")[-1]))
    try:
        jobs = json.loads(said.out)["jobs"]
        whole = jobs and all(key in job for job in jobs for key in NEEDED)
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise JobError(f"{target[1]} --stages does not tell what can be submitted: {said.words}")
    return jobs


def _own_words(words: str, app: str) -> str:
    """What an app says, without what it begins its errors with."""
    for beginning in (f"{app}: ", "error: "):
        words = words.removeprefix(beginning)
    return words


def read(
    jobs: Sequence[dict], sources: Sources, target: Sequence[str], args: Sequence[str]
) -> list[tuple[Stage, Said]]:
    """Make stages of what the app has answered."""
    names = [each["name"] for each in jobs]
    for name in sorted(sources.stages()):
        if name not in names:
            raise JobError(f"there is no stage {name!r} for [stage.{name}]; {near(name, names)}")
    found: list[tuple[Stage, Said]] = []
    for each in jobs:
        suggested = {key: each[key] for key in BY_KEY if key in each and key != "array"}
        chosen = sources.choose(each["name"], {**suggested, "name": each["name"]})
        task = ["--task", TASK] if each["array"] else []
        array = array_of(list(range(len(each["tasks"]))), None) if each["array"] else None
        job = job_of(
            chosen, tuple(target), [*args, *each["args"], *task], name=each["name"], array=array
        )
        after = found[-1][0].name if found else ""
        found.append((Stage(job, after, tuple(each["tasks"]) if array else ()), chosen))
    return found

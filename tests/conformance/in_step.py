"""A pytest plugin: ranks run one suite in step, with the same examples and one outcome for each.

Hypothesis draws by a provider whose numbers follow from the test's name and the example's number
alone, so that every rank, every rank count and every array library sees the same examples. After
each example, and after each test, the ranks agree: what failed on one rank has failed on all. An
example that talks on one rank and is over on another is told by ``PMAP_CHECK=1``, which raises on
all ranks and never hangs. Outcomes go to the file named by ``IN_STEP_RESULTS``, one line each.
"""

import hashlib
import json
import os
import random
import time

import pytest
from hypothesis import HealthCheck, Phase, core, settings
from hypothesis.errors import StopTest, UnsatisfiedAssumption
from hypothesis.internal.conjecture import providers
from hypothesis.internal.conjecture.data import Status

from pmap.errors import DivergenceError
from pmap.ranks.comm import world

PROVIDER = "in-step"
TRIES = 1000
PASSED, INVALID, FAILED = "passed", "invalid", "failed"


class OtherRankError(AssertionError):
    """An example failed on another rank."""


class Draws:
    """Where the next example's numbers come from: the seed, the test, the example's number."""

    def __init__(self) -> None:
        self.test, self.example, self.seed = "", 0, os.environ.get("IN_STEP_SEED", "0")

    def start(self, test: str) -> None:
        self.test, self.example = test, 0

    def next(self) -> random.Random:
        self.example += 1
        return random.Random(f"{self.seed} {self.test} {self.example}")


draws = Draws()


class InStepProvider(providers.HypothesisProvider):
    """Hypothesis' own distributions, by numbers that follow from the test and the example."""

    def __init__(self, data: object, /) -> None:
        super().__init__(data)
        self._random = draws.next()


def agree(mine: tuple) -> list[tuple]:
    """What every rank says. A rank that still waits in the example is told so, and comes here."""
    for _ in range(TRIES):
        try:
            return world().allgather(mine)
        except DivergenceError:
            continue
    raise SystemExit("ranks cannot agree")


def judged(everyone: list[tuple]) -> str | None:
    """What a rank that saw no failure has to raise; None where all is well."""
    failed = [(rank, words) for rank, (outcome, _, words) in enumerate(everyone) if words]
    if failed:
        return f"rank {failed[0][0]}: {failed[0][1]}"
    if len({(outcome, drawn) for outcome, drawn, _ in everyone}) > 1:
        return f"the ranks drew or filtered differently: {everyone}"
    return None


def in_step(execute_once):
    """Hypothesis' run of one example, at whose end the ranks agree."""

    def run(self, data, **kwargs):
        error = None
        try:
            result = execute_once(self, data, **kwargs)
        except BaseException as found:
            error = found
        words = "" if error is None else _words(error, data)
        outcome = FAILED if words else INVALID if error is not None else PASSED
        drawn = hashlib.md5(repr(data.choices).encode()).hexdigest()[:8]
        verdict = judged(agree((outcome, drawn, words)))
        if error is not None and (words or verdict is None):
            raise error
        if verdict is not None:
            raise OtherRankError(verdict)
        return result

    return run


def _words(error: BaseException, data: object) -> str:
    """A failure in words; "" where the example was only filtered out."""
    filtered = isinstance(error, UnsatisfiedAssumption) or (
        isinstance(error, StopTest) and data.status is not Status.INTERESTING
    )
    return "" if filtered else f"{type(error).__name__}: {error}"[:500]


class Results:
    """One line per test in a file, written at once, so that a job that dies names its test."""

    def __init__(self, path: str | None) -> None:
        self.file = open(path, "a", encoding="utf-8") if path and world().rank == 0 else None

    def write(self, **line: object) -> None:
        if self.file:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()


class Plugin:
    """Hooks of one run."""

    def __init__(self, results: Results) -> None:
        self.results = results

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item, nextitem):
        draws.start(item.nodeid)
        random.seed(f"{draws.seed} {item.nodeid}")  # Hypothesis' `.example()` shuffles by it
        self.results.write(test=item.nodeid, outcome="started")
        self.outcome, self.words, self.start = None, "", time.monotonic()
        result = yield
        self.results.write(
            test=item.nodeid,
            outcome=self.outcome,
            words=self.words,
            seconds=round(time.monotonic() - self.start, 3),
        )
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        """A test without Hypothesis: the ranks agree at its end."""
        error = None
        try:
            result = yield
        except BaseException as found:
            error = found
        skipped = isinstance(error, pytest.skip.Exception)
        words = "" if error is None or skipped else f"{type(error).__name__}: {error}"[:500]
        verdict = judged(agree((str(skipped), "", words)))
        if error is not None:
            raise error
        if verdict is not None:
            raise OtherRankError(verdict)
        return result

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or (report.when == "setup" and not report.passed):
            self.outcome = report.outcome
            crash = getattr(report.longrepr, "reprcrash", None)
            self.words = crash.message[:500] if crash else ""


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    """After the suite's own profile: its number of examples, our draws, no shrinking."""
    providers.AVAILABLE_PROVIDERS[PROVIDER] = InStepProvider
    # constants found in the modules that a process holds would differ between the ranks
    providers._get_local_constants = providers.Constants
    settings.register_profile(
        PROVIDER,
        settings.get_profile("array-api-tests"),
        backend=PROVIDER,
        phases=(Phase.explicit, Phase.generate),
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile(PROVIDER)
    state = core.StateForActualGivenExecution
    state.execute_once = in_step(state.execute_once)
    config.pluginmanager.register(Plugin(Results(os.environ.get("IN_STEP_RESULTS"))))

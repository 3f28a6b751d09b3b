"""How a rank waits: it looks, sleeps a little longer each time, and looks again. No MPI here.

A waiting rank leaves its core to those that compute. Where ranks share cores it sleeps longer: its
turn comes late anyway, and what it burns by looking is taken from those that work.
"""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SPIN_S = 150e-6
"""Looking without a sleep: most waits are over by then."""
FIRST_PAUSE_S, GROWTH = 20e-6, 1.5
LONGEST_PAUSE_S, SHARE_OF_WAIT, LONGEST_OF_ALL_S = 1e-3, 0.01, 50e-3
"""A pause is a millisecond at most, or a hundredth of the time that the wait has taken already."""
MOST_PATIENCE = 5.0


def poll(test: Callable[[], T], tick: Callable[[], object], patience: float) -> T:
    """Look until `test` is true; return what it gave. LOCAL.

    Parameters
    ----------
    test, tick : callable
        `tick` is called before each look of a wait that takes longer: the watchdog's.
    patience : float
        Times that the pauses of a long wait are longer than where each rank has a core.
    """
    start = time.perf_counter()
    while time.perf_counter() < start + SPIN_S:
        if result := test():
            return result
        os.sched_yield()
    pause_s = FIRST_PAUSE_S
    while True:
        tick()
        if result := test():
            return result
        time.sleep(pause_s)
        share_s = SHARE_OF_WAIT * patience * (time.perf_counter() - start)
        longest_s = min(max(LONGEST_PAUSE_S, share_s), LONGEST_OF_ALL_S * patience)
        pause_s = min(GROWTH * pause_s, longest_s)


def patience(ranks: int, cores: int) -> float:
    """How many times longer the pauses are where so many ranks share the cores.

    Examples
    --------
    >>> patience(2, 2), patience(3, 2), patience(100, 2)
    (1.0, 1.5, 5.0)
    """
    return min(max(1.0, ranks / cores), MOST_PATIENCE)

"""A thread that answers for a rank that computes: where it is, and for how long.

It sleeps, looks for letters a few times per second, and costs nothing that can be measured. A rank
inside one long call that keeps Python's lock answers when the call is over.
"""

import threading

from .watchdog import Watchdog

LOOKS = 3
"""In the time that is given for an answer."""


class Sentry:
    """Looks for letters while the main thread computes; needs MPI's THREAD_MULTIPLE."""

    def __init__(self, watch: Watchdog) -> None:
        self._watch, self._end = watch, threading.Event()
        self._thread = threading.Thread(target=self._stand, name="pmap sentry", daemon=True)
        self._thread.start()

    def relieve(self) -> None:
        """Let the thread end, and wait for it. LOCAL; before MPI ends."""
        self._end.set()
        self._thread.join()

    def _stand(self) -> None:
        while not self._end.wait(self._watch.answer_s / LOOKS):
            self._watch.stand_in()

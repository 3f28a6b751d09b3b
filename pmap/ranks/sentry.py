"""A thread that answers for a rank that computes: where it is, and for how long.

It sleeps, looks for letters every two seconds (by default), and costs nothing that can be
measured. A rank inside one long call that keeps Python's lock answers when the call is over.
"""

import threading

from .watchdog import Watchdog

HURRY_S = 2e-3


class Sentry:
    """Looks for letters while the main thread computes; needs MPI's THREAD_MULTIPLE."""

    def __init__(self, watch: Watchdog) -> None:
        self._watch, self._wake, self._is_over = watch, threading.Event(), False
        self._pause_s = self._usual_s = watch.look_s
        self._thread = threading.Thread(target=self._stand, name="pmap sentry", daemon=True)
        self._thread.start()

    def hurry(self) -> None:
        """Look in often: others wait for what MPI does only in calls of this rank. LOCAL."""
        self._pause_s = min(self._usual_s, HURRY_S)
        self._wake.set()

    def calm(self) -> None:
        """Look in as usual. LOCAL."""
        self._pause_s = self._usual_s

    def relieve(self) -> None:
        """Let the thread end, and wait for it. LOCAL; before MPI ends."""
        self._is_over = True
        self._wake.set()
        self._thread.join()

    def _stand(self) -> None:
        while True:
            self._wake.wait(self._pause_s)
            self._wake.clear()
            if self._is_over:
                return
            self._watch.stand_in()

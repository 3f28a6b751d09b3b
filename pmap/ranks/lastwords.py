"""Last words: launchers drop what still stands in the pipes of a job when it ends."""

import array
import fcntl
import os
import stat
import termios
import time

DRAIN_S = 2.0


def wait_until_read() -> None:
    """Wait until the launcher has read what was printed, 2 s at most. LOCAL."""
    limit = time.monotonic() + DRAIN_S
    while time.monotonic() < limit and any(_unread(fd) for fd in (1, 2)):
        time.sleep(0.01)
    time.sleep(0.1)  # read by the proxy of this node; on its way to the terminal


def _unread(fd: int) -> int:
    """Bytes that wait in a pipe; 0 for files and terminals."""
    count = array.array("i", [0])
    try:
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            return 0
        fcntl.ioctl(fd, termios.FIONREAD, count)
    except OSError:
        return 0
    return count[0]

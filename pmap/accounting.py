"""What each rank has used so far: CPU seconds and peak memory."""

import resource
import time

from .ranks.comm import world

KIB_PER_MB = 1024


def usage() -> list[dict[str, float]]:
    """CPU seconds and peak memory of every rank since it started.

    COLLECTIVE; sends two numbers per rank.

    Returns
    -------
    list of dict
        One per rank, in order, equal on all ranks: `cpu_s` (seconds), `peak_memory_mb` (MiB
        resident).

    Examples
    --------
    >>> import pmap as pm
    >>> sorted(pm.usage()[0])
    ['cpu_s', 'peak_memory_mb']
    """
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MB
    return world().allgather({"cpu_s": time.process_time(), "peak_memory_mb": peak_mb})

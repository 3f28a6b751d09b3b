"""The tiles with pm.foreach, everything counted: waiting, the keepers of the ranks, messages.

pRUN -n N by_pmap.py TILES
"""

import json
import os
import sys
import time
from pathlib import Path

from kernel import work

import pmap as pm
from pmap.ranks.comm import world

load_s = time.process_time()


class Told:
    """Counts what a world's ranks tell each other beside arrays, and what the counter is asked."""

    def __init__(self, here) -> None:
        self.messages = self.bytes = 0
        self._tell = getattr(here, "_told", None)
        if self._tell is not None:
            here._told = self._count

    def _count(self, data: bytes, kind: str) -> list[bytes]:
        self.messages += 1
        self.bytes += len(data)
        return self._tell(data, kind)


def keeper_cpu_s() -> float:
    """CPU seconds of the process that keeps this rank."""
    if pm.Np == 1:
        return 0.0
    fields = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    here = world()
    told = Told(here)
    start = time.perf_counter()
    done = pm.foreach(range(int(sys.argv[1])), work)
    wall_s = time.perf_counter() - start
    messages, n_bytes = told.messages, told.bytes
    everyone = here.allgather((keeper_cpu_s(), messages, n_bytes, load_s))
    cpu_s = sum(u["cpu_s"] for u in pm.usage()) + sum(e[0] for e in everyone)
    facts = {"nuclei": [n for n, _ in done], "work_s": sum(s for _, s in done)}
    facts |= {"cpu_s": cpu_s, "load_s": sum(e[3] for e in everyone), "wall_s": wall_s}
    facts |= {"messages": max(e[1] for e in everyone), "bytes": max(e[2] for e in everyone)}
    if pm.Pid == 0:
        print(json.dumps(facts))


main()

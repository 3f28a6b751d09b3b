"""The tiles with mpi4py alone: dealt out by rank number, one gather. Prints JSON.

mpiexec -n N python -m mpi4py by_mpi4py.py TILES
"""

import json
import sys
import time

from kernel import work
from mpi4py import MPI

load_s = time.process_time()
comm = MPI.COMM_WORLD
tiles = int(sys.argv[1])
start = time.perf_counter()
found = {number: work(number) for number in range(comm.rank, tiles, comm.size)}
cpu_s = time.process_time()  # before the gather: what MPI burns while it waits does not count
parts = comm.gather((found, cpu_s, load_s))
if comm.rank == 0:
    done = [n for _, n in sorted((k, n) for part, _, _ in parts for k, n in part.items())]
    told = {"nuclei": [n for n, _ in done], "work_s": sum(s for _, s in done)}
    told |= {"cpu_s": sum(p[1] for p in parts), "load_s": sum(p[2] for p in parts)}
    print(json.dumps({**told, "wall_s": time.perf_counter() - start}))

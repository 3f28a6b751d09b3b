"""The tiles with mpi4py alone: dealt out by rank number, one gather. Prints JSON.

mpiexec -n N python -m mpi4py by_mpi4py.py TILES
"""

import json
import sys
import time

from kernel import work
from mpi4py import MPI

comm = MPI.COMM_WORLD
tiles = int(sys.argv[1])
start = time.perf_counter()
found = {number: work(number) for number in range(comm.rank, tiles, comm.size)}
cpu_s = time.process_time()  # before the gather: what MPI burns while it waits does not count
parts = comm.gather((found, cpu_s))
if comm.rank == 0:
    nuclei = [n for _, n in sorted((k, n) for part, _ in parts for k, n in part.items())]
    told = {"nuclei": nuclei, "cpu_s": sum(s for _, s in parts)}
    print(json.dumps({**told, "wall_s": time.perf_counter() - start}))

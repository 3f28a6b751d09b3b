"""Times of common steps at 1 and 2 ranks, as one table: `make bench`.

Figures are the best of three. At more ranks than cores wall time measures the operating system.
"""

import subprocess
import sys
import time

import numpy as np

import pmap as pm

N = 4000
CUBE = (64, 256, 256)
REPEATS = 3


def steps():
    rows, columns = pm.Map([-1, 1]), pm.Map([1, -1])
    A = pm.from_function(lambda i, j: np.sin(i) + j, (N, N), map=rows)
    B = pm.zeros((N, N), map=columns)
    volume = pm.from_function(lambda z, y, x: z + y * x % 7.0, CUBE, map=pm.Map([-1, 1, 1]))

    def redistribute():
        B[:] = A

    yield f"B[:] = A, rows to columns, {N} x {N}", redistribute
    yield f"A + 2 * A, {N} x {N}", lambda: A + 2 * A
    yield f"A.sum(), {N} x {N}", lambda: A.sum()
    yield f"gaussian_filter, sigma 2, {CUBE}", lambda: pm.ndimage.gaussian_filter(volume, 2)
    yield f"label(volume > 3), {CUBE}", lambda: pm.measure.label(volume > 3)


def measure() -> None:
    for name, step in steps():
        times = []
        for _ in range(REPEATS):
            pm.barrier()
            start = time.perf_counter()
            step()
            pm.barrier()
            times.append(time.perf_counter() - start)
        if pm.Pid == 0:
            print(f"{pm.Np:>5}  {min(times):>9.4f} s  {name}", flush=True)


def main() -> int:
    if "--measure" in sys.argv:
        measure()
        return 0
    print("ranks       seconds  step")
    for n in (1, 2):
        command = [sys.executable, "-m", "pmap.launch.prun", "-n", str(n), __file__, "--measure"]
        code = subprocess.run(command, timeout=600).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())

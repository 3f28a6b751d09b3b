"""The same work in other systems: `bench.py --peer heat=PYTHON`, PYTHON being one that has it.

    python tests/benchmarks/peers.py NAME RANKS --scale 1.0 --measure FILE [WORDS ...]

heat and mpi4py-fft run on MPI ranks; dask has RANKS threads; jax as many devices of the CPU. Each
way is one of the cases of the table, under that case's name; data lie in rows over the ranks.
"""

import argparse
import gc
import json
import os
import sys
import time

import numpy as np

TRIAD = "triad b + 3 c, 1e8 float64"
SUM = "sum of 1e8 float64, block map, fast mode"
FFT2 = "fft2 4096 x 4096 complex128"
MATMUL = "matmul 4000 x 4000 float64, rows x rows"
REDISTRIBUTE = "redistribute 8000 x 8000 float64, rows to columns, cold"
GAUSSIAN = "gaussian sigma 2, 256 x 512 x 512 float32"
SORT = "sort 1e8 float32"
UNIQUE = "unique 1e7 int64"
ADD = "10 x 10: A + B"
SMALL_SUM = "10 x 10: A.sum()"
LOOPS = 200
REPEATS = 3


def looped(work):
    def run():
        for _ in range(LOOPS):
            work()

    return run


def of_heat(ranks, scale):
    """Heat, one thread per rank."""
    import heat as ht
    import torch

    torch.set_num_threads(1)
    side = int(scale**0.5 * 4000)

    def rows(*shape, dtype=ht.float64):
        return ht.random.random(shape, dtype=dtype, split=0)

    def two(n):
        return rows(n), rows(n)

    def triad():
        b, c = two(int(1e8 * scale))
        return lambda: b + 3.0 * c

    def total():
        b = rows(int(1e8 * scale))
        return lambda: b.sum().item()

    def fft2():
        x = rows(side * 1024 // 1000, side * 1024 // 1000).astype(ht.complex128)
        return lambda: ht.fft.fft2(x)

    def matmul():
        a, b = rows(side, side), rows(side, side)
        return lambda: ht.matmul(a, b)

    def redistribute():
        a = rows(2 * side, 2 * side)
        return lambda: ht.resplit(a, 1)

    def sort():
        a = rows(int(1e8 * scale), dtype=ht.float32)
        return lambda: ht.sort(a)

    def unique():
        a = ht.random.randint(0, 1 << 40, (int(1e7 * scale),), dtype=ht.int64, split=0)
        return lambda: ht.unique(a, sorted=True)

    def add():
        a = rows(10, 10)
        return looped(lambda: a + a)

    def small_sum():
        a = rows(10, 10)
        return looped(lambda: a.sum().item())

    return {
        TRIAD: triad,
        SUM: total,
        FFT2: fft2,
        MATMUL: matmul,
        REDISTRIBUTE: redistribute,
        SORT: sort,
        UNIQUE: unique,
        ADD: add,
        SMALL_SUM: small_sum,
    }


def of_dask(ranks, scale):
    """dask.array on threads, one chunk each."""
    from concurrent.futures import ThreadPoolExecutor

    import dask
    import dask.array as da
    from scipy.ndimage import gaussian_filter

    dask.config.set(scheduler="threads", pool=ThreadPoolExecutor(ranks))
    side = int(scale**0.5 * 4000)

    def rows(*shape, dtype=float):
        chunks = (-(-shape[0] // ranks), *shape[1:])
        return da.random.default_rng(0).random(shape, chunks=chunks).astype(dtype).persist()

    def triad():
        b, c = rows(int(1e8 * scale)), rows(int(1e8 * scale))
        return lambda: (b + 3.0 * c).persist()

    def total():
        b = rows(int(1e8 * scale))
        return lambda: b.sum().compute()

    def fft2():
        n = side * 1024 // 1000
        x = rows(n, n, dtype=complex)

        def work():
            y = da.fft.fft(x, axis=1).rechunk((n, -(-n // ranks)))
            return da.fft.fft(y, axis=0).persist()

        return work

    def matmul():
        a, b = rows(side, side), rows(side, side)
        return lambda: (a @ b).persist()

    def redistribute():
        a = rows(2 * side, 2 * side)
        return lambda: a.rechunk((2 * side, -(-2 * side // ranks))).persist()

    def gaussian():
        shape = tuple(max(32, int(n * scale ** (1 / 3)) // 8 * 8) for n in (256, 512, 512))
        v = rows(*shape, dtype=np.float32)
        how = {"depth": (8, 0, 0), "boundary": "none", "sigma": 2, "dtype": np.float32}
        return lambda: v.map_overlap(gaussian_filter, **how).persist()

    def unique():
        a = da.random.default_rng(0).integers(0, 1 << 40, int(1e7 * scale)).persist()
        return lambda: da.unique(a).compute()

    def add():
        a = rows(10, 10)
        return looped(lambda: (a + a).persist())

    def small_sum():
        a = rows(10, 10)
        return looped(lambda: a.sum().compute())

    return {
        TRIAD: triad,
        SUM: total,
        FFT2: fft2,
        MATMUL: matmul,
        REDISTRIBUTE: redistribute,
        GAUSSIAN: gaussian,
        UNIQUE: unique,
        ADD: add,
        SMALL_SUM: small_sum,
    }


def of_jax(ranks, scale):
    """JAX with a sharding over devices of the CPU."""
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={ranks}"
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:ranks]), ("x",))
    spec = jax.sharding.PartitionSpec
    side = int(scale**0.5 * 4000) // ranks * ranks

    def on(*axes):
        return jax.sharding.NamedSharding(mesh, spec(*axes))

    def rows(*shape):
        return jax.device_put(np.random.default_rng(0).random(shape), on("x"))

    def ready(function, *arrays):
        compiled = jax.jit(function)
        return lambda: compiled(*arrays).block_until_ready()

    def triad():
        b, c = rows(int(1e8 * scale)), rows(int(1e8 * scale))
        return ready(lambda b, c: b + 3.0 * c, b, c)

    def total():
        return ready(jnp.sum, rows(int(1e8 * scale)))

    def matmul():
        return ready(jnp.matmul, rows(side, side), rows(side, side))

    def redistribute():
        a = rows(2 * side, 2 * side)
        return lambda: jax.device_put(a, on(None, "x")).block_until_ready()

    def add():
        a = rows(10, 10)
        return looped(lambda: (a + a).block_until_ready())

    return {TRIAD: triad, SUM: total, MATMUL: matmul, REDISTRIBUTE: redistribute, ADD: add}


def of_mpi4py_fft(ranks, scale):
    """mpi4py-fft: its arrays, its redistribution, its transforms."""
    from mpi4py import MPI
    from mpi4py_fft import PFFT, newDistArray

    def fft2():
        n = int(scale**0.5 * 4000) * 1024 // 1000
        plan = PFFT(MPI.COMM_WORLD, (n, n), axes=(0, 1), dtype=complex, grid=(-1,))
        x = newDistArray(plan, False)
        x[:] = 1.5
        return lambda: plan.forward(x, normalize=False)

    def redistribute():
        n = int(scale**0.5 * 8000)
        from mpi4py_fft import DistArray

        a = DistArray((n, n), dtype=float, alignment=1)
        a[:] = 1.5
        return lambda: a.redistribute(0)

    return {FFT2: fft2, REDISTRIBUTE: redistribute}


PEERS = {"heat": of_heat, "dask": of_dask, "jax": of_jax, "mpi4py-fft": of_mpi4py_fft}
WITH_MPI = ("heat", "mpi4py-fft")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("name", choices=PEERS)
    parser.add_argument("ranks", type=int)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--measure", required=True)
    args = parser.parse_args()
    wait, first = (lambda: None), True
    if args.name in WITH_MPI:
        from mpi4py import MPI

        wait, first = MPI.COMM_WORLD.Barrier, MPI.COMM_WORLD.rank == 0
    for case, build in PEERS[args.name](args.ranks, args.scale).items():
        if args.words and not any(word in case for word in args.words):
            continue
        seconds = fastest(build(), wait) / (LOOPS if case.startswith("10 x 10") else 1)
        if first:
            row = {"case": case, "np": args.ranks, "seconds": {args.name: seconds}, "limits": {}}
            with open(args.measure, "a", encoding="utf-8") as out:
                out.write(json.dumps(row) + "\n")
            print(f"np {args.ranks}  {case}  {args.name}", file=sys.stderr, flush=True)
    return 0


def fastest(work, wait) -> float:
    """The shortest of some turns, the first not counted."""
    times = []
    for _ in range(REPEATS + 1):
        gc.collect()
        wait()
        start_s = time.perf_counter()
        result = work()
        wait()
        times.append(time.perf_counter() - start_s)
        del result
    return min(times[1:])


if __name__ == "__main__":
    sys.exit(main())

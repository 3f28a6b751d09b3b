"""What exchanges cost over many ranks, by computing their plans: one rank's part at a time.

    python tests/benchmarks/plans.py [--ranks 10 100 1000 10000] [--samples 4]

Messages and bytes are the largest of the sampled ranks' (first, last and some between), seconds
the longest time to make one rank's part (processor time of this one process), memory what that
part keeps. All that is computed is what each rank computes for itself; nothing is sent. The arrays
are float64: 100,000 x 100,000, 1e10, and 4000^3 in tiles.
"""

import argparse
import gc
import sys
import time
import tracemalloc

from pmap.layout import splits
from pmap.layout.maps import Map
from pmap.layout.plancache import CACHE
from pmap.layout.plans import box_plan, redistribution

ITEMSIZE = 8
SQUARE, LINE, CUBE = (100_000, 100_000), (10**10,), (4000, 4000, 4000)
HALO = 8


def near_square(n):
    """Two factors of n as equal as can be."""
    a = next(a for a in range(int(n**0.5), 0, -1) if n % a == 0)
    return a, n // a


def near_cube(n):
    """Three factors of n as equal as can be."""
    a = next(a for a in range(round(n ** (1 / 3)), 0, -1) if n % a == 0)
    return (a, *near_square(n // a))


def exchanges(n):
    """Name -> a function of a rank that makes its part of the plan."""

    def between(source, target, shape):
        source, target = source.bind(n), target.bind(n)
        return lambda rank: redistribution(source, target, shape, rank)

    square = near_square(n)
    return {
        "rows -> columns": between(Map([n, 1]), Map([1, n]), SQUARE),
        "rows -> 2-D grid": between(Map([n, 1]), Map(square), SQUARE),
        "block -> cyclic": between(Map([n]), Map([n], "c"), LINE),
        "bc(64) -> bc(48), 2-D grid": between(
            Map(square, ("bc", 64)), Map(square, ("bc", 48)), SQUARE
        ),
        "tiles -> rows": between(Map(near_cube(n)), Map([n, 1, 1]), CUBE),
        f"halo {HALO}, tiles": halo(n),
    }


def halo(n):
    """A rank's neighbours' edges: its box grown by the halo, cut to its own and theirs."""
    tiles = Map(near_cube(n)).bind(n)

    def grown(rank):
        return tuple(
            (max(o.lo - HALO, 0), min(o.hi + HALO, length))
            for o, length in zip(tiles.owned(CUBE, rank), CUBE, strict=True)
        )

    def around(rank):
        """The ranks whose boxes meet this rank's, by its neighbours on the lattice."""
        at = tiles.coords(rank)
        steps = [
            [c for c in (x - 1, x, x + 1) if 0 <= c < g]
            for x, g in zip(at, tiles.grid, strict=True)
        ]
        return {tiles.rank_at((z, y, x)) for z in steps[0] for y in steps[1] for x in steps[2]}

    def part(rank):
        near = around(rank)
        boxes = tuple((grown(r),) if r in near else () for r in range(n))
        return box_plan(tiles, CUBE, boxes, rank, False)

    return part


def measured(part, rank):
    """A rank's part with the seconds it takes and the bytes it keeps."""
    CACHE.clear()
    splits.intersect.cache_clear()
    gc.collect()
    start = time.process_time()
    plan = part(rank)
    seconds = time.process_time() - start
    CACHE.clear()
    splits.intersect.cache_clear()
    tracemalloc.start()
    plan = part(rank)
    CACHE.clear()
    splits.intersect.cache_clear()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return plan, seconds, kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--ranks", nargs="+", type=int, default=[10, 100, 1000, 10_000])
    parser.add_argument("--samples", type=int, default=4)
    args = parser.parse_args()
    redistribution(Map([2]).bind(2), Map([2], "c").bind(2), (8,), 0)  # the first call imports
    print(
        f"{'exchange':<28}{'ranks':>7}{'messages':>10}{'sent, MB':>12}{'share sent':>12}"
        f"{'plan, ms':>10}{'plan, MB':>10}"
    )
    for n in args.ranks:
        start = time.process_time()
        made = exchanges(n)
        bind_ms = 1e3 * (time.process_time() - start)
        for name, part in made.items():
            sample = sorted({(n - 1) * k // max(1, args.samples - 1) for k in range(args.samples)})
            found = [measured(part, rank) for rank in sample]
            messages = max(p.messages for p, _, _ in found)
            sent = max(p.bytes_sent(ITEMSIZE) for p, _, _ in found)
            whole = sent + ITEMSIZE * max(sum(x.size for x in p.kept) for p, _, _ in found)
            ms = 1e3 * max(s for _, s, _ in found)
            mb = max(k for _, _, k in found) / 1e6
            share = f"{sent / whole:.1%}" if not name.startswith("halo") else "-"
            print(
                f"{name:<28}{n:>7,}{messages:>10,}{sent / 1e6:>12,.1f}{share:>12}"
                f"{ms:>10.2f}{mb:>10.3f}"
            )
        print(f"{'(all maps made and bound)':<28}{n:>7,}{'':>34}{bind_ms:>10.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

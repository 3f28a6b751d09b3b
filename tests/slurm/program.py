"""What every rank runs over several nodes: all redistributions between a sample of maps.

    program.py RANKS_PER_NODE...

The arguments say how many ranks share a node with rank 0, rank 1 ...; what is found is compared.
"""

import sys

import numpy as np

import pmap as pm
from pmap.ranks import ragged
from pmap.ranks.comm import world

SHAPES = [(7, 5), (120, 90), (400, 300)]


def maps(shape):
    size = world().size
    found = [pm.Map([-1, 1]), pm.Map([1, -1]), pm.Map([-1, 1], "c"), pm.Map([1, -1], ("bc", 4))]
    found.append(pm.Map([size, 1], "b", list(range(size))[::-1]))
    found.append(pm.Map([1, 1], "b", [size - 1]))
    if size % 2 == 0:
        found += [pm.Map([2, -1]), pm.Map([-1, 2], ["c", "b"]), pm.Map([2, 1], "b", [0, size - 1])]
    return found


def main(wanted):
    me = world()
    pm.barrier()
    shared = 1 if me.node is None else len(me.node.ranks)
    if shared != wanted[me.rank]:
        raise RuntimeError(f"rank {me.rank} shares its node with {shared}, not {wanted[me.rank]}")
    for shape in SHAPES:
        whole = np.random.default_rng(3).random(shape)
        for here in maps(shape):
            A = pm.asarray(whole, map=here)
            for there in maps(shape):
                before = me.sent_bytes
                B = pm.remap(A, there)
                sent = sum(me.allgather(me.sent_bytes - before))
                if not np.array_equal(np.asarray(B), whole) or sent > whole.nbytes * me.size:
                    raise RuntimeError(f"{here} -> {there}: wrong")
        halo = pm.asarray(whole, map=pm.Map([-1, 1], overlap=[2, 0]))
        pm.synch(halo)
        if float(halo.sum()) != float(pm.asarray(whole, map=pm.Map([1, -1])).sum()):
            raise RuntimeError("sums differ")
    parts = [np.full(900 * (r + 1), me.rank) for r in range(me.size)]
    for r, came in enumerate(ragged.swap(parts, me, "swap")):
        if len(came) != 900 * (me.rank + 1) or (came != r).any():
            raise RuntimeError(f"pieces of rank {r}")
    if me.gather_small(bytes([me.rank])) != [bytes([r]) for r in range(me.size)]:
        raise RuntimeError("short data")
    if me.rank == 0:
        print("right", me.size)


main([int(word) for word in sys.argv[1:]])

"""Integer arrays as indices: elements of any owners, in the arrays' order.

Index arrays that are plain ndarrays are equal on all ranks: every owner finds by itself what the
others want of it. Of distributed ones each rank knows its part and asks the owners. Either way one
exchange of values follows. Work and memory of a rank grow with its part of the result and, for
ndarrays, with the index.
"""

from math import prod

import numpy as np

from ..arrays.reductions import Blocks
from ..layout.pickmaps import fibres
from ..ranks.ragged import swap
from .picks import Pick, all_here, asked_of, count_of, flat_shape, grouped


def gather(p: Pick, what: str = "A[index]") -> Blocks:
    """The elements that index arrays pick. COLLECTIVE unless every rank has what it needs."""
    x, world = p.x, p.x.world
    shape = p.result_shape
    local_shape = p.map.local_shape(shape, world.rank)
    part = p.part(world.rank)
    if all_here(p):
        if p.map.coords(world.rank) is None:
            return Blocks(np.empty(local_shape, x.local.dtype), shape, p.map, world)
        local = _taken(p, p.positions(part)).reshape(local_shape)
        return Blocks(local, shape, p.map, world)
    servers = fibres(x.map, p.freed).of(world.rank)
    groups = grouped(p.owners(part), len(part[0]), len(servers))
    asked = asked_of(p, part, groups, servers, what)
    empty = np.empty(0, x.local.dtype)
    replies = [empty if a is None else _taken(p, p.positions(a)).reshape(-1) for a in asked]
    out = np.empty(flat_shape(p, local_shape), x.local.dtype)
    each = prod(out.shape[: p.place]) * prod(out.shape[p.place + 1 :])
    counts = {r: count_of(g, len(part[0])) for r, g in zip(servers.tolist(), groups, strict=True)}
    coming = [counts.get(r, 0) * each for r in range(world.size)]
    came = swap(replies, world, what, coming)
    for server, group in zip(servers.tolist(), groups, strict=True):
        n = count_of(group, len(part[0]))
        if n:
            values = came[server].reshape(*out.shape[: p.place], n, *out.shape[p.place + 1 :])
            out[p.key([group])] = values
    return Blocks(out.reshape(local_shape), shape, p.map, world)


def _taken(p: Pick, at: list[np.ndarray]) -> np.ndarray:
    """Elements of the block at local positions, in the place of the picked axes."""
    if len(at) == 1 and p.x.local.flags.c_contiguous:
        return np.take(p.x.local, at[0], axis=p.place)
    return p.x.local[p.key(at)]

"""Pieces of any length, sent to whom they belong: what sorting, masks and index arrays need.

A plan knows every length beforehand. Here a rank alone knows how much it has for each other, so
the lengths travel first, as one small redistribution.
"""

from collections.abc import Sequence

import numpy as np

from ..layout.maps import AxisMap, Map, Shape
from ..layout.splits import Split
from . import pool, transport
from .comm import World


def swap(
    parts: Sequence[np.ndarray], world: World, what: str, coming: Sequence[int] | None = None
) -> list[np.ndarray]:
    """Send ``parts[r]`` to rank r; what came from each rank, in rank order. COLLECTIVE.

    Parameters
    ----------
    parts : sequence of ndarray
        One for each rank of the world, of one dtype and one shape after the first axis on all
        ranks; lengths of the first axis are free. What is for this rank itself is not copied.
    world : World
    what : str
        The operation's name, for messages about waiting ranks.
    coming : sequence of int, optional
        Length of what comes from each rank, where all ranks know that already.
    """
    if world.size == 1:
        return [parts[0]]
    if coming is None:
        lengths = np.array([len(p) for p in parts], np.int64)
        told = world.gather_small(lengths.tobytes())
        coming = [np.frombuffer(words, np.int64)[world.rank] for words in told]
    here, like = world.rank, parts[world.rank]
    came = [
        like if r == here else pool.empty((int(n), *like.shape[1:]), like.dtype)
        for r, n in enumerate(coming)
    ]
    order = [(here + k) % world.size for k in range(1, world.size)]
    sent = [(r, np.ascontiguousarray(parts[r], like.dtype)) for r in order]
    transport.swap(sent, [(r, came[r]) for r in order], world, what)
    return came


def explicit_map(counts: Sequence[int], world: World) -> Map:
    """The 1-D map that gives rank r the next ``counts[r]`` elements. LOCAL."""
    edges = (0, *np.cumsum(counts, dtype=np.int64).tolist())
    axis = AxisMap(0, Split("x", bounds=edges))
    return Map.lattice((world.size,), (axis,), tuple(range(world.size)))


def from_parts(local: np.ndarray, world: World) -> tuple[np.ndarray, Shape, Map]:
    """The 1-D array of the ranks' pieces one after the other: block, shape and map. COLLECTIVE."""
    counts = world.allgather(len(local))
    return local, (sum(counts),), explicit_map(counts, world)

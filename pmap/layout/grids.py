"""Grids of ranks that fit a shape (pure)."""

from functools import lru_cache
from math import prod

from .maps import Shape


def auto_grid(shape: Shape, n_ranks: int) -> tuple[int, ...]:
    """A grid over ``n_ranks`` whose blocks have the smallest surface for this shape.

    Examples
    --------
    >>> auto_grid((100, 50), 4)
    (2, 2)
    >>> auto_grid((64, 64, 64), 8)
    (2, 2, 2)
    """
    if not shape:
        return ()
    best, found = None, None
    for grid in _grids(n_ranks, len(shape)):
        block = [max(1, -(-n // g)) for n, g in zip(shape, grid, strict=True)]
        idle = sum(max(0, g - max(n, 1)) for n, g in zip(shape, grid, strict=True))
        faces = [min(g - 1, 2) for g in grid]  # an inner block has neighbours on both sides
        surface = sum(f * prod(block) // b for b, f in zip(block, faces, strict=True))
        key = (idle, surface, [-g for g in grid])
        if best is None or key < best:
            best, found = key, grid
    return found


@lru_cache(maxsize=256)
def _grids(n: int, ndim: int) -> list[tuple[int, ...]]:
    """All ways to write n as a product of ``ndim`` factors."""
    if ndim == 1:
        return [(n,)]
    return [(d, *rest) for d in range(1, n + 1) if n % d == 0 for rest in _grids(n // d, ndim - 1)]

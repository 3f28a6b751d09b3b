"""Pictures of who owns what, in plain characters."""

import sys

import numpy as np

from .arrays.distarray import DistArray
from .ranks import comm

MAX_ROWS, MAX_COLUMNS = 24, 64


def ownership(A: DistArray) -> str:
    """Ranks that own the elements of the last two axes (the first index of the others). LOCAL.

    A large array is shown at evenly spaced indices. A replicated element shows its first holder
    and a ``+``.

    Examples
    --------
    >>> import pmap as pm
    >>> print(pm.ownership(pm.zeros((2, 4), map=pm.Map([1, 1]))))
    (2, 4) float64, Map(grid=[1, 1], dist=['b', 'b'], procs=[0])
    0 0 0 0
    0 0 0 0
    """
    shape = A.shape
    tail = shape[-2:] if A.ndim > 1 else (1, *shape)
    if 0 in shape:
        return f"{shape} {A.dtype}, {A.map}\n(no elements)"
    rows, columns = (_sampled(n, m) for n, m in zip(tail, (MAX_ROWS, MAX_COLUMNS), strict=True))
    width = len(str(max(A.map.procs))) + A.map.replicated
    lines = [f"{shape} {A.dtype}, {A.map}"]
    for i in rows:
        index = [(*(0,) * (A.ndim - 2), i, j)[-A.ndim :] for j in columns]
        lines.append(" ".join(_holder(A, at).rjust(width) for at in index))
    return "\n".join(lines)


def _sampled(n: int, most: int) -> list[int]:
    """Up to ``most`` evenly spaced indices of an axis."""
    return sorted(set(np.linspace(0, n - 1, min(n, most)).round().astype(int).tolist()))


def _holder(A: DistArray, index: tuple[int, ...]) -> str:
    holders = A.map.holders(A.shape, index)
    return f"{holders[0]}{'+' if len(holders) > 1 else ''}"


def show(A: DistArray | np.ndarray, values: bool = False) -> None:
    """Print once who owns what, or the global values. COLLECTIVE with ``values``.

    Parameters
    ----------
    A : DistArray or ndarray
    values : bool
        Print the elements of the global array instead of their owners; up to
        ``pm.options.gather_limit``.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.show(pm.arange(3, map=pm.Map([1])), values=True)
    [0 1 2]
    """
    distributed = isinstance(A, DistArray)
    text = str(np.asarray(A)) if values or not distributed else ownership(A)
    if comm.world().rank == 0:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

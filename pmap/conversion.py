"""Arrays made of other arrays, of sequences, of files and of what speaks DLPack."""

import numpy as np

from .allocation import UNSET, allocate, as_shape, check_device, chosen_map
from .arrays.distarray import DistArray
from .arrays.elementwise import cut
from .ranks import comm


def asarray(
    x: object,
    /,
    dtype: object = None,
    *,
    device: str | None = None,
    copy: bool | None = None,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """A DistArray of values that all ranks have. COLLECTIVE only if ``x`` has another map.

    Parameters
    ----------
    x : array_like, DistArray or file opened by ``pm.io.open``
        An ndarray is taken as equal on all ranks: each keeps its own part and nothing is sent.
        Of a file each rank reads its own part. A DistArray is redistributed where the map differs.
    dtype : dtype, optional
        Type of the elements, else that of ``x``.
    copy : bool, optional
        True: never share memory with ``x``; False: raise where it cannot be shared; None: share
        where that can be.
    map : Map, "auto", None or 1
        As in :func:`zeros`; of a DistArray its own map where it is omitted.

    Raises
    ------
    ValueError
        ``copy=False``, and the type or the map differs, or ``x`` is no array.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.asarray([[1, 2], [3, 4]], map=pm.Map([1, 1])).sum(axis=0).local
    array([4, 6])
    """
    check_device(device)
    if isinstance(x, DistArray):
        return _from_distarray(x, dtype, copy, map)
    if hasattr(x, "read") and hasattr(x, "shape"):
        return _from_file(x, dtype, map)
    whole = np.asarray(x, dtype)
    held = chosen_map(map, whole.shape)
    if held is None:
        return np.array(x, dtype, copy=copy)
    if copy is False:
        raise ValueError(
            f"asarray(copy=False): an array of shape {whole.shape} under {held} needs memory of "
            "its own; leave copy out, or give map=None for a plain ndarray"
        )
    made = allocate(whole.shape, whole.dtype, held)
    made.block[...] = cut(whole, whole.shape, held.owned(whole.shape, comm.world().rank))
    return made


def _from_distarray(x: DistArray, dtype: object, copy: bool | None, held: object) -> object:
    """The array itself where type and map are those that it has."""
    held = x.map if isinstance(held, type(UNSET)) else chosen_map(held, x.shape)
    if held is None:
        return x.__array__(dtype, copy)
    other = dtype is not None and x.dtype != dtype
    if copy is False and (other or held != x.map):
        raise ValueError(
            f"asarray(copy=False): {x.dtype} under {x.map} cannot become {np.dtype(dtype)} "
            f"under {held} without a copy; leave copy out"
        )
    if held == x.map:
        return x.astype(dtype) if other else x.copy() if copy else x
    made = allocate(x.shape, x.dtype if dtype is None else dtype, held)
    made[...] = x
    return made


def from_dlpack(
    x: object,
    /,
    *,
    device: str | None = None,
    copy: bool | None = None,
    map: object = UNSET,
) -> DistArray | np.ndarray:
    """An array of what another library gives by DLPack, taken as equal on all ranks. LOCAL.

    Parameters
    ----------
    x : object
        With ``__dlpack__`` and ``__dlpack_device__``, on the CPU. A DistArray stays distributed.
    copy : bool, optional
        As in :func:`asarray`.
    map : Map, "auto", None or 1
        As in :func:`zeros`.

    Examples
    --------
    >>> import pmap as pm
    >>> import numpy as np
    >>> pm.from_dlpack(np.arange(3), map=pm.Map([1])).local
    array([0, 1, 2])
    """
    if isinstance(x, DistArray):
        return asarray(x, device=device, copy=copy, map=map)
    check_device(device)
    return asarray(np.from_dlpack(x), copy=copy, map=map)


def _from_file(source: object, dtype: object, map: object) -> DistArray | np.ndarray:
    """Each rank's own part of a file; runs of a cyclic part are read one by one."""
    shape = as_shape(source.shape)
    held = chosen_map(map, shape)
    if held is None:
        return np.asarray(source.read(tuple(slice(0, n) for n in shape)), dtype)
    made = allocate(shape, source.dtype if dtype is None else dtype, held)
    owned = held.owned(shape, comm.world().rank)
    if owned is None or not made.block.size:
        return made
    spans = [slice(o.lo, o.hi) for o in owned]
    for start, stop in owned[0].runs_within(0, shape[0]):
        values = source.read((slice(start, stop), *spans[1:]))
        for a, o in enumerate(owned[1:], 1):
            if not o.contiguous:
                values = np.take(values, o.indices() - o.lo, axis=a)
        at = owned[0].position(start)
        made.block[at : at + stop - start] = values
    return made

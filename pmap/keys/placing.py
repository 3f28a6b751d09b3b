"""Assignment to what integer arrays pick, in the C order of the index at any map."""

from collections.abc import Callable
from dataclasses import replace
from math import prod

import numpy as np

from ..arrays.elementwise import cut, operand_map
from ..arrays.reductions import Blocks
from ..errors import ShapeError
from ..layout.pickmaps import fibres, in_order
from ..ranks.moving import moved
from ..ranks.ragged import swap
from .picks import Pick, all_here, asked_of, flat_shape, grouped, needers, raveled, unraveled

Apply = Callable[[np.ndarray, tuple, np.ndarray], None]


def overwrite(block: np.ndarray, key: tuple, values: np.ndarray) -> None:
    """Assign, as ``A[index] = values``."""
    block[key] = values


def scatter(
    p: Pick, values: np.ndarray | Blocks, what: str = "A[index] = x", apply: Apply = overwrite
) -> None:
    """Assign to the elements that index arrays pick, in the C order of the index.

    COLLECTIVE unless the index and the values are plain ndarrays.

    Parameters
    ----------
    p : Pick
        Made with ``writing=True``.
    values : ndarray or Blocks
        Broadcastable to the result's shape; ndarrays are equal on all ranks.
    apply : callable
        Takes a block, a key and the values for it; :func:`overwrite` or a ufunc's ``at``.

    Notes
    -----
    Of several values for one element the last in C order of the index remains, at any map.
    """
    shape, lead = p.result_shape, len(p.result_shape) - len(values.shape)
    if lead < 0 or any(n not in (1, shape[lead + a]) for a, n in enumerate(values.shape)):
        raise ShapeError(
            f"shape mismatch: value array of shape {values.shape} could not be broadcast to "
            f"indexing result of shape {shape}"
        )
    if not prod(shape):
        return
    if any(np.may_share_memory(i, p.x.local) for i in p.index if isinstance(i, np.ndarray)):
        p = replace(p, index=tuple(i if isinstance(i, Blocks) else i.copy() for i in p.index))
    if p.known and isinstance(values, np.ndarray):
        _scatter_known(p, values, apply)
        return
    world = p.x.world
    part = p.part(world.rank)
    if all_here(p) and set(p.map.procs) == set(p.x.map.procs):  # each rank writes its own alone
        mine = _own_values(p, values, what)
        if p.map.coords(world.rank) is not None:
            apply(p.x.local, p.key(p.positions(part)), mine)
        return
    servers = fibres(p.x.map, p.freed).of(world.rank)
    groups = grouped(p.owners(part), len(part[0]), len(servers))
    constant = isinstance(values, np.ndarray) and values.size == 1
    sorted_already = constant or in_order(p.map_of_index, p.shape, range(len(p.shape)))
    if p.known and sorted_already:
        asked = asked_of(p, part, groups, servers, what)
        keys = None
    else:
        asked, keys = _told(p, part, groups, servers, what, not sorted_already)
    if constant:
        came = None
    else:
        came = _values_for(p, values, groups, servers, asked, what)
    _put(p, asked, keys, values if constant else came, apply)


def _scatter_known(p: Pick, values: np.ndarray, apply: Apply) -> None:
    """Every rank has everything: it takes its own."""
    owned = p.x.map.owned(p.x.shape, p.x.world.rank)
    if owned is None:
        return
    part = [np.broadcast_to(i, p.shape).reshape(-1) for i in p.index]
    here = p.mine(part)
    at = p.positions([i[here] for i in part])
    if values.size > 1:
        end = p.place + len(p.shape)
        wide = np.broadcast_to(values, p.result_shape)
        for a, o in enumerate([*owned[: p.place], *owned[p.picked.stop :]]):
            axis = a if a < p.place else a + len(p.shape)
            wide = wide if o.contiguous and len(o) == wide.shape[axis] else _along(wide, axis, o)
        if isinstance(here, slice):
            values = wide.reshape(*wide.shape[: p.place], prod(p.shape), *wide.shape[end:])
        else:
            values = wide[p.key(np.unravel_index(here, p.shape))]
    else:
        values = values.reshape(())
    values = values.copy() if np.may_share_memory(values, p.x.local) else values
    apply(p.x.local, p.key(at), values)


def _along(values: np.ndarray, axis: int, owned: object) -> np.ndarray:
    at: list = [slice(None)] * values.ndim
    at[axis] = slice(owned.lo, max(owned.lo, owned.hi)) if owned.contiguous else owned.indices()
    return values[tuple(at)]


def _told(p: Pick, part: list, groups: list, servers: np.ndarray, what: str, ordered: bool):
    """As asked_of where the index is distributed; with the places in its C order if wanted."""
    world = p.x.world
    dims = [p.x.shape[a] for a in p.picked]
    flat = raveled(part, dims)
    columns = [flat]
    if ordered:
        columns.append(_places(p))
    rows = np.stack(columns, axis=1)
    requests = [rows[:0]] * world.size
    for server, group in zip(servers.tolist(), groups, strict=True):
        requests[server] = rows[group]
    came = swap(requests, world, what)
    asked = [unraveled(c[:, 0], dims) if len(c) else None for c in came]
    return asked, [c[:, 1] for c in came] if ordered else None


def _places(p: Pick) -> np.ndarray:
    """The places of this rank's part of the index in its C order."""
    owned = p.map_of_index.owned(p.shape, p.x.world.rank)
    if owned is None:
        return np.zeros(0, np.int64)
    flat = np.zeros((1,) * len(owned), np.int64)
    for a, (o, n) in enumerate(zip(owned, p.shape, strict=True)):
        flat = flat * n + o.indices().reshape([-1 if a == b else 1 for b in range(len(owned))])
    return np.broadcast_to(flat, [len(o) for o in owned]).reshape(-1)


def _values_for(
    p: Pick, values: object, groups: list, servers: np.ndarray, asked: list, what: str
) -> list:
    """What each rank gives this one, one flat array per rank."""
    world = p.x.world
    wide = _own_values(p, values, what)
    given = [np.empty(0, wide.dtype)] * world.size
    if p.map.coords(world.rank) is not None:
        for server, group in zip(servers.tolist(), groups, strict=True):
            given[server] = wide[p.key([group])].reshape(-1)
    each = _each(p)
    return swap(given, world, what, [0 if a is None else len(a[0]) * each for a in asked])


def _own_values(p: Pick, values: np.ndarray | Blocks, what: str) -> np.ndarray:
    """The values that meet this rank's part of the index, the axes of the index as one."""
    world, shape = p.x.world, p.result_shape
    local_shape = p.map.local_shape(shape, world.rank)
    if isinstance(values, Blocks):
        target = operand_map(values.shape, shape, p.map)
        part = moved(values.local, values.shape, values.map, target, world, what)
    else:
        part = cut(values, shape, p.map.owned(shape, world.rank))
    if p.map.coords(world.rank) is None:
        return part
    part = part.copy() if np.may_share_memory(part, p.x.local) else part
    return np.broadcast_to(part, local_shape).reshape(flat_shape(p, local_shape))


def _each(p: Pick) -> int:
    """Elements of the block that one number of the index stands for."""
    local = p.x.local.shape
    return prod(local[: p.place]) * prod(local[p.picked.stop :])


def _put(p: Pick, asked: list, keys: list | None, values: object, apply: Apply) -> None:
    """Apply what came, in the C order of the index."""
    ranks = [r for r in needers(p).tolist() if asked[r] is not None]
    if not ranks:
        return
    before, after = p.x.local.shape[: p.place], p.x.local.shape[p.picked.stop :]
    part = [np.concatenate([asked[r][k] for r in ranks]) for k in range(len(p.index))]
    if not isinstance(values, np.ndarray):
        pieces = [values[r].reshape(*before, len(asked[r][0]), *after) for r in ranks]
        values = np.concatenate(pieces, axis=p.place)
        if keys is not None:
            order = np.argsort(np.concatenate([keys[r] for r in ranks]), kind="stable")
            part = [i[order] for i in part]
            values = values[p.key([order])]
    else:
        values = values.reshape(())
    apply(p.x.local, p.key(p.positions(part)), values)

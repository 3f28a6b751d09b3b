"""`map_blocks` and `map_overlap`: any function of blocks, on arrays in memory or in files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import InputError, ShapeError
from .images import sources
from .images.chains import copied, read_regions, rounds, share
from .images.tiling import Box, Halo, block_grid, even_halo, grown, inside
from .ranks import comm


def map_blocks(
    f: Callable[..., np.ndarray],
    *arrays: Any,
    block_vox: int | Sequence[int] | None = None,
    dtype: Any = None,
    out: Any = None,
    block_info: bool = False,
) -> Any:
    """Apply `f` to each block of the arrays. COLLECTIVE, or LOCAL for ndarrays alone.

    The blocks are fixed by the global shape and `block_vox`, so the result is the same at any
    number of ranks and for any map.

    Parameters
    ----------
    f : callable
        ``f(*blocks) -> ndarray`` of the blocks' shape; with `block_info`, also the keyword
        ``block_info={"index", "box", "shape"}``: number of the block, its box, the global shape.
    *arrays : DistArray, ndarray or FileArray
        Of one shape.
    block_vox : int or sequence of int, voxels, optional
        Edges of the blocks; see `block_shape`.
    dtype : dtype, optional
        Of the result; what `f` gives for the first blocks where omitted.
    out : DistArray, ndarray or FileArray, optional
        Where the result goes. By default as the arrays: a DistArray of the first DistArray's map,
        else a scratch file, else an ndarray.
    block_info : bool
        See `f`.

    Returns
    -------
    DistArray, FileArray or ndarray
        The result, or `out`.

    Raises
    ------
    ShapeError
        If shapes differ, or `f` changes the shape.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> pm.map_blocks(lambda b: b - b.min(), np.arange(6), block_vox=2)
    array([0, 1, 0, 1, 0, 1])
    """
    return map_overlap(
        f,
        *arrays,
        depth=0,
        boundary="none",
        block_vox=block_vox,
        dtype=dtype,
        out=out,
        block_info=block_info,
    )


_PAD = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "constant": "constant"}
"""SciPy's boundary modes in the words of numpy.pad."""


def map_overlap(
    f: Callable[..., np.ndarray],
    *arrays: Any,
    depth: int | Sequence[int],
    boundary: str | Sequence[str] = "reflect",
    cval: float = 0,
    block_vox: int | Sequence[int] | None = None,
    dtype: Any = None,
    out: Any = None,
    block_info: bool = False,
) -> Any:
    """Apply `f` to each block with `depth` voxels around it. COLLECTIVE, or LOCAL for ndarrays.

    `f` gets the block with its surroundings and gives an array of that shape; what lies around the
    block is cut off. `depth` may exceed a block.

    Parameters
    ----------
    f, *arrays, block_vox, dtype, out, block_info
        As for `map_blocks`.
    depth : int or sequence of int, voxels
        Voxels around the block, one number for all axes or one per axis.
    boundary : str or sequence of str
        What lies beyond the global border, per axis in SciPy's words: "reflect", "mirror",
        "nearest", "wrap", "constant" (with `cval`); "none": the block is cut there.
    cval : scalar
        Value for "constant".

    Returns
    -------
    DistArray, FileArray or ndarray
        The result, or `out`.

    Raises
    ------
    ShapeError, InputError
        If shapes differ, the depth is negative or a boundary is not known.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> left = lambda a: np.roll(a, 1)
    >>> pm.map_overlap(left, np.arange(5), depth=1, boundary="wrap", block_vox=2)
    array([4, 0, 1, 2, 3])
    """
    if not arrays:
        raise InputError("map_overlap and map_blocks need at least one array after the function")
    arrays = tuple(sources.as_source(a) for a in arrays)
    shape = sources.same_shape(*arrays, *(() if out is None else (out,)))
    if out is not None and sources.overlaps(out, arrays):
        aside = sources.new_like([out], out.dtype)
        more = {"boundary": boundary, "cval": cval, "block_vox": block_vox, "out": aside}
        return copied(map_overlap(f, *arrays, depth=depth, block_info=block_info, **more), out)
    modes, halo = _boundaries(boundary, len(shape)), _depths(depth, shape)
    wraps = [m == "wrap" for m in modes]
    rank, n_ranks = sources.team(*arrays, out)
    blocks = block_grid(shape, block_vox)
    number = {_corner(box): i for i, box in enumerate(blocks)}

    def one(box: Box, parts: list[np.ndarray]) -> np.ndarray:
        region = _around(box, halo, shape, modes)
        padded = [_padded(p, box, halo, shape, modes, cval) for p in parts]
        info = {"index": number[_corner(box)], "box": box, "shape": shape}
        result = f(*padded, **({"block_info": info} if block_info else {}))
        return _check_result(result, padded[0].shape, f)[inside(box, region)]

    for table in rounds(share(blocks, arrays, n_ranks), arrays, out):
        wanted = [[_grown(box, halo, shape, wraps) for box in mine] for mine in table]
        inputs = [read_regions(a, wanted, rank, shape) for a in arrays]
        done = [one(box, [np.array(a[i]) for a in inputs]) for i, box in enumerate(table[rank])]
        if out is None:
            kind = _result_dtype(done, arrays) if dtype is None else np.dtype(dtype)
            out = sources.new_like(arrays, kind)
        sources.write(out, table, done, rank)
    if out is None:
        out = sources.new_like(arrays, arrays[0].dtype if dtype is None else dtype)
    return sources.finish(out)


def _corner(box: Box) -> tuple[int, ...]:
    return tuple(s.start for s in box)


def _grown(box: Box, halo: Halo, shape: tuple[int, ...], wraps: Sequence[bool]) -> Box:
    """As `grown`, but wrapped axes are never cut: a plain kernel has no mode of its own."""
    clipped = grown(box, halo, shape)
    free = tuple(slice(s.start - a, s.stop + b) for s, (a, b) in zip(box, halo, strict=True))
    return tuple(f if w else c for f, c, w in zip(free, clipped, wraps, strict=True))


def _around(box: Box, halo: Halo, shape: tuple[int, ...], modes: Sequence[str]) -> Box:
    """The region that the kernel sees, padding included."""
    clipped = grown(box, halo, shape)
    free = tuple(slice(s.start - a, s.stop + b) for s, (a, b) in zip(box, halo, strict=True))
    return tuple(c if m == "none" else f for f, c, m in zip(free, clipped, modes, strict=True))


def _padded(
    part: np.ndarray,
    box: Box,
    halo: Halo,
    shape: tuple[int, ...],
    modes: Sequence[str],
    cval: float,
) -> np.ndarray:
    """`part` with the border's mode continued to the full depth, axis by axis."""
    for axis, mode in enumerate(modes):
        if mode in ("none", "wrap"):
            continue
        low = max(halo[axis][0] - box[axis].start, 0)
        high = max(box[axis].stop + halo[axis][1] - shape[axis], 0)
        if low or high:
            pad = [(low, high) if a == axis else (0, 0) for a in range(part.ndim)]
            more = {"constant_values": cval} if mode == "constant" else {}
            part = np.pad(part, pad, mode=_PAD[mode], **more)
    return part


def _boundaries(boundary: str | Sequence[str], ndim: int) -> list[str]:
    modes = [boundary] * ndim if isinstance(boundary, str) else list(boundary)
    for mode in modes:
        if mode not in (*_PAD, "wrap", "none"):
            raise InputError(
                f"boundary {mode!r} is not known; use one of {[*_PAD, 'wrap', 'none']}"
            )
    if len(modes) != ndim:
        raise ShapeError(f"{len(modes)} boundaries for {ndim} axes: {boundary}")
    return modes


def _depths(depth: int | Sequence[int], shape: tuple[int, ...]) -> Halo:
    depths = np.atleast_1d(depth)
    if depths.size not in (1, len(shape)):
        raise ShapeError(f"depth {depth} for an array of shape {shape}: give one, or one per axis")
    if np.any(depths < 0):
        raise InputError(f"depth is {depth}; it must not be negative")
    return even_halo(np.broadcast_to(depths, len(shape)))


def _check_result(result: Any, expected: tuple[int, ...], f: Callable) -> np.ndarray:
    result = np.asarray(result)
    if result.shape != expected:
        raise ShapeError(
            f"{getattr(f, '__name__', f)!r} gave shape {result.shape} for a block of shape "
            f"{expected}; a kernel must keep the shape of its block"
        )
    return result


def _result_dtype(first: list[np.ndarray], arrays: Sequence[Any]) -> np.dtype:
    """The dtype that the kernel's first results have, agreed on by all ranks."""
    found = [first[0].dtype.str] if first else []
    if not sources.is_local(*arrays):
        found = [d for theirs in comm.world().allgather(found) for d in theirs]
    return np.result_type(*found) if found else arrays[0].dtype

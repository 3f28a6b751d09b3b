"""Writing where a mask holds: copyto, place and putmask."""

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.ufuncs import elementwise
from ..creation import from_function
from ..doors import stands_for
from ..errors import ShapeError, UnsupportedError
from .taking import check_target, repeated, take

Array = DistArray | np.ndarray


@stands_for(np.copyto)
def copyto(dst: DistArray, src: object, casting: str = "same_kind", where: object = True) -> None:
    """Copy values, broadcast, to where a mask holds. COLLECTIVE where maps differ.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> A = pm.zeros(3, map=pm.Map([1]))
    >>> np.copyto(A, 7, where=[True, False, True])
    >>> A.local
    array([7., 0., 7.])
    """
    check_target(dst, "copyto")
    if isinstance(src, bool | int | float | complex):  # NumPy's own check of a Python number
        np.copyto(np.empty(1, dst.dtype), src, casting)
    if not isinstance(src, int | float | complex | str) or isinstance(src, np.generic):
        src = src if isinstance(src, DistArray) else np.asarray(src)
        if not np.can_cast(src.dtype, dst.dtype, casting):
            raise UnsupportedError(
                f"Cannot cast array data from {src.dtype!r} to {dst.dtype!r} according to the rule "
                f"{casting!r}"
            )
    if where is True:
        dst[...] = src
        return
    where = where if isinstance(where, DistArray) else np.asarray(where)
    if where.dtype != bool:
        raise UnsupportedError(f"copyto: where= is {where.dtype}, it must be bool")
    dtype = dst.dtype
    src = src if hasattr(src, "dtype") else np.asarray(src, dtype)
    _check_fits(src.shape, dst.shape)
    _check_fits(where.shape, dst.shape)
    if src.ndim == 0 and not isinstance(src, DistArray):
        dst[np.broadcast_to(where, dst.shape)] = src
        return
    old = dst.astype(dtype, copy=False)
    dst[...] = elementwise(
        lambda d, m, s: np.where(m, np.asarray(s).astype(dtype), d), (old, where, src), "copyto"
    )


def _check_fits(own: tuple[int, ...], shape: tuple[int, ...]) -> None:
    try:
        fits = np.broadcast_shapes(own, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"could not broadcast input array from shape {own} into shape {shape}")


def _same_size_mask(mask: object, arr: DistArray, name: str) -> Array:
    """The mask under the shape of the array; it must have as many elements."""
    mask = mask if isinstance(mask, DistArray) else np.asarray(mask)
    if np.size(mask) != arr.size:
        raise ShapeError(
            f"{name}: mask of shape {mask.shape} and array of shape {arr.shape} must be the same "
            "size"
        )
    return (mask if mask.shape == arr.shape else np.reshape(mask, arr.shape)) != 0


@stands_for(np.place)
def place(arr: DistArray, mask: Array, vals: object) -> None:
    """Write the first values, in C order and from the start again, where a mask holds. COLLECTIVE.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> A = pm.arange(5, map=pm.Map([1]))
    >>> np.place(A, A > 1, [8, 9])
    >>> A.local
    array([0, 1, 8, 9, 8])
    """
    check_target(arr, "place")
    mask = _same_size_mask(mask, arr, "place")
    count = int(np.count_nonzero(mask))
    if not np.size(vals):
        if count:
            raise ShapeError("Cannot insert from an empty array!")
        return
    arr[mask] = repeated(vals, count, arr)


@stands_for(np.putmask)
def putmask(a: DistArray, mask: Array, values: object) -> None:
    """Write where a mask holds the values of the same places, counted in C order. COLLECTIVE.

    Values that are fewer are repeated over the whole array.
    """
    check_target(a, "putmask")
    mask = _same_size_mask(mask, a, "putmask")
    values = values if isinstance(values, DistArray) else np.asarray(values)
    size = values.size
    if not size:
        return
    if size > 1 and values.shape != a.shape:
        strides = np.cumprod((1, *a.shape[:0:-1]))[::-1]

        def places(*index: np.ndarray) -> np.ndarray:
            return sum(i * s for i, s in zip(index, strides, strict=True)) % size

        values = take(values, from_function(places, a.shape, map=a.map.without_overlap()))
    elif size == 1:
        values = values.reshape(())
    copyto(a, values, "unsafe", mask)

"""What a call of a Fourier transform means: NumPy's rules for lengths, axes, norm, out, dtypes."""

import warnings
from collections.abc import Sequence
from operator import index

import numpy as np

from ..arrays.distarray import DistArray
from ..arrays.reductions import Blocks, axis_from_front
from ..errors import ShapeError, UnsupportedError
from .transforms import Step, transform

NORMS = ("backward", "ortho", "forward")
SWAPPED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


def is_mapped(a: object) -> bool:
    """Whether pmap has to transform it; all else is NumPy's."""
    return isinstance(a, DistArray)


def norm_of(norm: str | None) -> str:
    """The norm by its name."""
    norm = "backward" if norm is None else norm
    if norm not in NORMS:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return norm


def one_axis(
    kind: str, a: object, n: int | None, axis: int, norm: str | None, out: object
) -> DistArray | np.ndarray:
    """A transform of one kind along one axis. COLLECTIVE where it is cut."""
    if not is_mapped(a):
        return getattr(np.fft, kind)(a, n, axis, norm, out)
    axis = axis_from_front(axis, a.ndim)
    own = 2 * (a.shape[axis] - 1) if kind == "irfft" else a.shape[axis]
    step = Step(kind, axis, _length(own if n is None else n), norm_of(norm))
    return put(_transformed(a, [step]), out)


def several_axes(
    name: str,
    a: object,
    s: Sequence[int] | None,
    axes: Sequence[int] | None,
    norm: str | None,
    out: object,
) -> DistArray | np.ndarray:
    """A transform ("fftn", "ifftn", "rfftn", "irfftn") along axes. COLLECTIVE where cut."""
    if not is_mapped(a):
        return getattr(np.fft, name)(a, s, axes, norm, out)
    inner = name.removesuffix("n")
    lengths, axes = _lengths_and_axes(a, s, axes, inner == "irfft")
    norm = norm_of(norm)
    if not axes and inner in ("rfft", "irfft"):
        raise IndexError(f"{name}: at least one axis is needed")
    kinds = [{"rfft": "fft", "irfft": "ifft"}.get(inner, inner)] * len(axes)
    if inner in ("rfft", "irfft"):
        kinds[-1] = inner
    steps = [Step(k, d, n, norm) for k, d, n in zip(kinds, axes, lengths, strict=True)]
    return put(_transformed(a, steps if inner == "irfft" else steps[::-1]), out)


def _lengths_and_axes(
    a: DistArray, s: Sequence[int] | None, axes: Sequence[int] | None, halved: bool
) -> tuple[list[int], list[int]]:
    """NumPy's rules for ``s`` and ``axes``."""
    given = s is not None
    if axes is None:
        if given:
            warnings.warn(
                "`axes` should not be `None` if `s` is not `None` (Deprecated in NumPy 2.0)",
                DeprecationWarning,
                stacklevel=4,
            )
        axes = range(-len(s), 0) if given else range(a.ndim)
    axes = [axis_from_front(d, a.ndim) for d in axes]
    lengths = list(s) if given else [a.shape[d] for d in axes]
    if len(lengths) != len(axes):
        raise ShapeError("Shape and axes have different lengths.")
    if halved and not given and axes:
        lengths[-1] = 2 * (a.shape[axes[-1]] - 1)
    found = []
    for at, (n, d) in enumerate(zip(lengths, axes, strict=True)):
        own = 2 * (a.shape[d] - 1) if halved and n is None and at == len(axes) - 1 else a.shape[d]
        found.append(_length(own if n is None or n == -1 else n))
    return found, axes


def _length(n: int) -> int:
    n = index(n)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    return n


def _transformed(a: DistArray, steps: list[Step]) -> DistArray:
    """The steps done on the array's blocks, in the type that NumPy computes with."""
    kind = a.dtype
    if not steps:
        return a.copy()
    if kind.kind not in "biufc":
        raise UnsupportedError(f"the transform of an array of dtype {kind} is not there")
    if steps[0].kind == "rfft" and kind.kind == "c":
        raise UnsupportedError(
            f"rfft takes real elements, not {kind}; use fft, or A.real where the rest is 0"
        )
    if kind.kind in "biu":
        kind = np.dtype(np.float64)
    elif kind == np.float16:
        kind = np.dtype(np.float32)
    x = a.blocks()
    local = x.local.astype(kind.newbyteorder("="), copy=False)
    found = transform(Blocks(local, x.shape, x.map, x.world), steps)
    return DistArray(found.local, found.shape, found.map, found.world)


def put(found: DistArray, out: object) -> DistArray:
    """The result, in ``out`` where that is given."""
    if out is None:
        return found
    if not is_mapped(out):
        raise UnsupportedError("out= must be a DistArray where the input is one")
    if out.shape != found.shape:
        raise ShapeError(f"output array has wrong shape: {out.shape}, needed is {found.shape}")
    if not np.can_cast(found.dtype, out.dtype, "same_kind"):
        raise UnsupportedError(f"out= of dtype {out.dtype} cannot hold {found.dtype}")
    out[...] = found
    return out

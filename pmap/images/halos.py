"""How far each of SciPy's filters reads around a voxel, from the arguments of a call (pure)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.ndimage as ndi

from .chains import Step
from .linefilter import filtered
from .tiling import even_halo

Arguments = dict[str, Any]


def _axes(a: Arguments, ndim: int) -> list[int]:
    """The axes that a filter works along, none of them negative."""
    axes = range(ndim) if a.get("axes") is None else np.atleast_1d(a["axes"])
    return [int(axis) % ndim for axis in axes]


def _per_axis(value: Any, axes: list[int]) -> list[Any]:
    """`value` once for each axis."""
    if value is None or isinstance(value, str) or np.ndim(value) == 0:
        return [value] * len(axes)
    return list(value)


def _spread(reach: list[int], axes: list[int], ndim: int) -> list[int]:
    """Reach along every axis, 0 along those that are not worked on."""
    out = [0] * ndim
    for axis, r in zip(axes, reach, strict=False):
        out[axis] = int(r)
    return out


def gaussian_radius(sigma: float, truncate: float = 4.0, radius: int | None = None) -> int:
    """Radius in voxels of SciPy's Gaussian kernel.

    >>> gaussian_radius(2.0)
    8
    """
    return int(truncate * float(sigma) + 0.5) if radius is None else int(radius)


def _gaussian(a: Arguments, ndim: int) -> list[int]:
    axes = _axes(a, ndim)
    more = {**a, **a.get("kwargs", {})}
    reach = [
        gaussian_radius(s, more.get("truncate", 4.0), r)
        for s, r in zip(
            _per_axis(a["sigma"], axes), _per_axis(more.get("radius"), axes), strict=True
        )
    ]
    return _spread(reach, axes, ndim)


def _window(a: Arguments, ndim: int) -> list[int]:
    """Half of the window (size, footprint, structure or weights) and its shift, in voxels."""
    axes = _axes(a, ndim)
    shapes = [np.shape(a[k]) for k in ("footprint", "structure", "weights") if a.get(k) is not None]
    if not shapes:
        shapes = [_per_axis(1 if a.get("size") is None else a["size"], axes)]
    size = np.max(np.array(shapes, int), axis=0)
    shift = np.abs(np.array(_per_axis(a.get("origin", 0), axes), int))
    return _spread(list(size // 2 + shift), axes, ndim)


def _twice(a: Arguments, ndim: int) -> list[int]:
    return [2 * r for r in _window(a, ndim)]


def _iterated(a: Arguments, ndim: int, passes: int = 1) -> list[int]:
    axes = _axes(a, ndim)
    shape = [3] * len(axes) if a["structure"] is None else np.shape(a["structure"])
    shift = _per_axis(a["origin"], axes)
    reach = [
        passes * a["iterations"] * (n // 2 + abs(o)) for n, o in zip(shape, shift, strict=True)
    ]
    return _spread(reach, axes, ndim)


def _line(a: Arguments, ndim: int) -> list[int]:
    length = a["size"] if "size" in a else len(a["weights"])
    return _spread([int(length) // 2 + abs(a["origin"])], [a["axis"] % ndim], ndim)


def _one(a: Arguments, ndim: int) -> list[int]:
    return [1] * ndim


HALOS: dict[str, Callable[[Arguments, int], list[int]]] = {
    "gaussian_filter": _gaussian,
    "gaussian_laplace": _gaussian,
    "gaussian_gradient_magnitude": _gaussian,
    "gaussian_filter1d": lambda a, ndim: _gaussian({**a, "axes": [a["axis"]]}, ndim),
    **dict.fromkeys(
        "uniform_filter minimum_filter maximum_filter median_filter percentile_filter rank_filter "
        "grey_erosion grey_dilation morphological_gradient morphological_laplace convolve "
        "correlate generic_filter".split(),
        _window,
    ),
    **dict.fromkeys("grey_opening grey_closing white_tophat black_tophat".split(), _twice),
    **dict.fromkeys("binary_erosion binary_dilation".split(), _iterated),
    **dict.fromkeys("binary_opening binary_closing".split(), partial(_iterated, passes=2)),
    **dict.fromkeys(
        "convolve1d correlate1d uniform_filter1d minimum_filter1d maximum_filter1d".split(), _line
    ),
    **dict.fromkeys("sobel prewitt laplace".split(), _one),
}
"""Filter -> its reach along each axis, in voxels."""


def _separable(a: Arguments, ndim: int, kernels: list[tuple[int, Callable, int]]) -> list[Step]:
    """One step per axis, as SciPy does it: each result has the output's dtype."""
    modes = dict(zip(_axes(a, ndim), _per_axis(a["mode"], _axes(a, ndim)), strict=True))
    steps = []
    for axis, kernel, reach in kernels:
        line = partial(kernel, mode=modes[axis], cval=a["cval"])
        halo = even_halo(_spread([reach], [axis], ndim))
        steps.append(Step(partial(filtered, line, axis), halo, np.dtype(a["output"])))
    return steps or [Step(lambda block: block.astype(a["output"]), even_halo([0] * ndim))]


def _gaussian_steps(a: Arguments, ndim: int) -> list[Step]:
    axes = _axes(a, ndim)
    kernels = []
    for axis, sigma, order, radius in zip(
        axes, *(_per_axis(a[k], axes) for k in ("sigma", "order", "radius")), strict=True
    ):
        if sigma > 1e-15:
            line = partial(
                ndi.gaussian_filter1d,
                sigma=sigma,
                order=order,
                truncate=a["truncate"],
                radius=radius,
            )
            kernels.append((axis, line, gaussian_radius(sigma, a["truncate"], radius)))
    return _separable(a, ndim, kernels)


def _box_steps(line: Callable, a: Arguments, ndim: int) -> list[Step] | None:
    """One step per axis where the window is a full box, else None."""
    if a.get("footprint") is not None or a["size"] is None:
        return None
    axes = _axes(a, ndim)
    kernels = [
        (axis, partial(line, size=size, origin=origin), size // 2 + abs(origin))
        for axis, size, origin in zip(
            axes, _per_axis(a["size"], axes), _per_axis(a["origin"], axes), strict=True
        )
        if size > 1
    ]
    return _separable(a, ndim, kernels)


STEPS: dict[str, Callable[[Arguments, int], list[Step] | None]] = {
    "gaussian_filter": _gaussian_steps,
    "uniform_filter": partial(_box_steps, ndi.uniform_filter1d),
    "minimum_filter": partial(_box_steps, ndi.minimum_filter1d),
    "maximum_filter": partial(_box_steps, ndi.maximum_filter1d),
}
"""Filter -> SciPy's one-dimensional passes, each with its own halo: less is computed twice."""

"""SciPy's n-dimensional filters, `pm.ndimage.*`, on arrays of any map and on files.

Each takes SciPy's arguments and gives SciPy's answer for the whole array: every block is filtered
with the halo that it needs, and SciPy's own boundary mode acts where a block lies at the global
border. A DistArray gives a DistArray of its map, a file a scratch file, an ndarray goes straight to
SciPy. ``output`` is a dtype or an array of any of the three kinds.

Running sums (`uniform_filter`) of floats start at each block, so they differ from SciPy's by
rounding; their blocks are fixed by the global shape, so they do not depend on the ranks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.ndimage as ndi

from .errors import InputError, UnsupportedError
from .images import chains, sources
from .images.chains import Step
from .images.halos import HALOS, STEPS
from .images.tiling import even_halo
from .measure import label as _label

_MODES = "reflect constant nearest mirror wrap grid-constant grid-mirror grid-wrap".split()

_INSTEAD = {
    "distance_transform_edt": "map_overlap with a depth of the largest distance that matters",
    "binary_fill_holes": "measure.label of the inverted mask, whose largest part is the outside",
    "binary_propagation": "measure.label of the mask, and the labels that the markers touch",
    "fourier_gaussian": "gaussian_filter",
    "watershed_ift": "segmentation.watershed",
    "find_objects": "measure.regionprops_table with properties=('label', 'bbox')",
    "zoom": "io.save, and a resampling of the saved file",
}


def _run(name: str, bound: inspect.BoundArguments) -> Any:
    """Filter with the arguments of one call: SciPy itself for ndarrays, else block by block."""
    function, a = getattr(ndi, name), bound.arguments
    image = a["input"] = sources.as_source(a["input"])
    if a.get("mask") is not None:
        a["mask"] = sources.as_source(a["mask"])
        sources.same_shape(image, a["mask"])
    _check(name, a, image.ndim)
    out = a.get("output")
    into = out if sources.is_array(out) else None
    if sources.is_local(image, a.get("mask"), into):
        return function(*bound.args, **bound.kwargs)
    a["output"] = dtype = _dtype(name, function, bound, image, into)
    inputs = [image] if a.get("mask") is None else [image, a["mask"]]
    if into is None:
        sink = sources.new_like(inputs, dtype)
    else:
        aside = sources.overlaps(into, inputs)
        sink = sources.new_like([into], dtype) if aside else into
    chain = STEPS[name](a, image.ndim) if name in STEPS else None
    if chain is None:
        chain = [Step(_kernel(function, bound), even_halo(HALOS[name](a, image.ndim)))]
    _, n_ranks = sources.team(*inputs, sink)
    floats = {image.dtype.kind, sink.dtype.kind} & set("fc")
    running_sum = name.startswith("uniform_filter") and floats
    boxes = (chains.fixed_boxes if running_sum else chains.rank_boxes)(inputs, n_ranks)
    chains.run(chain, inputs, sink, boxes, _wraps(a, image.ndim))
    return sink if into is None or sink is into else chains.copied(sink, into)


def _kernel(function: Callable, bound: inspect.BoundArguments) -> Callable[..., np.ndarray]:
    """SciPy's function of one block (and its part of the mask), all else as it was called."""

    def kernel(block: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        bound.arguments["input"] = block
        if mask is not None:
            bound.arguments["mask"] = mask
        return function(*bound.args, **bound.kwargs)

    return kernel


def _dtype(
    name: str, function: Callable, bound: inspect.BoundArguments, image: Any, into: Any
) -> np.dtype:
    """The dtype that SciPy's function gives: asked from it on one voxel, which checks the rest."""
    if into is not None:
        return np.dtype(into.dtype)
    if name == "generic_filter":
        return np.dtype(bound.arguments["output"] or image.dtype)
    one = inspect.BoundArguments(bound.signature, dict(bound.arguments))
    one.arguments["input"] = np.zeros((1,) * image.ndim, image.dtype)
    if one.arguments.get("mask") is not None:
        one.arguments["mask"] = np.zeros((1,) * image.ndim, bool)
    return function(*one.args, **one.kwargs).dtype


def _check(name: str, a: dict[str, Any], ndim: int) -> None:
    """Refuse modes that SciPy does not have, and what needs the whole array."""
    modes = a.get("mode", "reflect")
    for mode in [modes] if isinstance(modes, str) else modes:
        if mode not in _MODES:
            raise InputError(f"{name}: mode {mode!r} is not known; use one of {_MODES}")
    if "iterations" in a and a["iterations"] < 1:
        raise UnsupportedError(
            f"{name}: iterations={a['iterations']} repeats until nothing changes, which needs the "
            "whole array; give a number, or use pm.measure.label of the mask"
        )


def _wraps(a: dict[str, Any], ndim: int) -> list[bool]:
    """Axes along which the mode joins the border to the opposite side."""
    modes = a.get("mode", "reflect")
    if isinstance(modes, str):
        return [modes.endswith("wrap")] * ndim
    axes = range(ndim) if a.get("axes") is None else np.atleast_1d(a["axes"])
    wraps = [False] * ndim
    for axis, mode in zip(axes, modes, strict=False):
        wraps[axis] = mode.endswith("wrap")
    return wraps


def _filter(name: str, example: str) -> Callable[..., Any]:
    """The blockwise twin of ``scipy.ndimage.<name>``, with its signature and an example."""
    signature = inspect.signature(getattr(ndi, name))

    def twin(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return _run(name, bound)

    summary = (inspect.getdoc(getattr(ndi, name)) or name).strip().splitlines()[0]
    twin.__name__ = twin.__qualname__ = name
    twin.__module__ = __name__
    twin.__signature__ = signature
    twin.__doc__ = f"""{summary}

    As ``scipy.ndimage.{name}{signature}`` on the whole array. COLLECTIVE, or LOCAL where `input`
    is an ndarray.

    Parameters
    ----------
    input : DistArray, FileArray or ndarray
        The image, any number of axes.
    output : dtype or array, optional
        Type of the result, or a DistArray, ndarray or FileArray to put it into.
    **others
        See SciPy; lengths are in voxels.

    Returns
    -------
    DistArray, FileArray or ndarray
        As `input`, or `output` where that is an array.

    Raises
    ------
    InputError
        If the mode is not one of SciPy's.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> pm.ndimage.{name}(np.eye(5){", " if example else ""}{example}).shape
    (5, 5)
    """
    return twin


gaussian_filter = _filter("gaussian_filter", "1.0")
gaussian_filter1d = _filter("gaussian_filter1d", "1.0")
gaussian_laplace = _filter("gaussian_laplace", "1.0")
gaussian_gradient_magnitude = _filter("gaussian_gradient_magnitude", "1.0")
uniform_filter = _filter("uniform_filter", "size=3")
uniform_filter1d = _filter("uniform_filter1d", "3")
minimum_filter = _filter("minimum_filter", "size=3")
maximum_filter = _filter("maximum_filter", "size=3")
minimum_filter1d = _filter("minimum_filter1d", "3")
maximum_filter1d = _filter("maximum_filter1d", "3")
median_filter = _filter("median_filter", "size=3")
percentile_filter = _filter("percentile_filter", "50, size=3")
rank_filter = _filter("rank_filter", "0, size=3")
grey_erosion = _filter("grey_erosion", "size=3")
grey_dilation = _filter("grey_dilation", "size=3")
grey_opening = _filter("grey_opening", "size=3")
grey_closing = _filter("grey_closing", "size=3")
morphological_gradient = _filter("morphological_gradient", "size=3")
morphological_laplace = _filter("morphological_laplace", "size=3")
white_tophat = _filter("white_tophat", "size=3")
black_tophat = _filter("black_tophat", "size=3")
binary_erosion = _filter("binary_erosion", "")
binary_dilation = _filter("binary_dilation", "")
binary_opening = _filter("binary_opening", "")
binary_closing = _filter("binary_closing", "")
convolve = _filter("convolve", "np.ones((3, 3))")
correlate = _filter("correlate", "np.ones((3, 3))")
convolve1d = _filter("convolve1d", "[1, 2, 1]")
correlate1d = _filter("correlate1d", "[1, 2, 1]")
sobel = _filter("sobel", "")
prewitt = _filter("prewitt", "")
laplace = _filter("laplace", "")
generic_filter = _filter("generic_filter", "np.ptp, size=3")


def label(input: Any, structure: Any = None, output: Any = None) -> tuple[Any, int]:  # noqa: A002
    """Label connected components; SciPy's form of `pm.measure.label`. COLLECTIVE.

    Parameters
    ----------
    input : DistArray, FileArray or ndarray
        Nonzero voxels are the components.
    structure : array of bool, shape (3,) * ndim, optional
        Which neighbours are connected; faces only where omitted.
    output : dtype, optional
        Type of the labels; int32 where omitted (int64 from 2**31 - 2 voxels on).

    Returns
    -------
    labels : DistArray, FileArray or ndarray
        As `input`, numbered as SciPy numbers the whole array.
    n : int
        Number of components.

    Examples
    --------
    >>> import numpy as np, pmap as pm
    >>> pm.ndimage.label(np.array([1, 1, 0, 1]))
    (array([1, 1, 0, 2], dtype=int32), 2)
    """
    image = sources.as_source(input)
    if structure is None:
        structure = ndi.generate_binary_structure(image.ndim, 1)
    return _label(image, structure=structure, return_num=True, dtype=output)


def __getattr__(name: str) -> Any:
    """Say what to use in place of a SciPy function that needs the whole array."""
    if name in _INSTEAD:
        raise AttributeError(
            f"pm.ndimage has no {name}, which needs the whole array; use pm.{_INSTEAD[name]}"
        )
    if name.startswith("_") or not hasattr(ndi, name):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise AttributeError(
        f"pm.ndimage has no {name}; use pm.map_overlap(scipy.ndimage.{name}, image, depth=...) "
        "if it needs only a neighbourhood, or scipy.ndimage on pm.agg(image)"
    )

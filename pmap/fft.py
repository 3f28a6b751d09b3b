"""Fourier transforms of global arrays: NumPy's names, the Array API standard's among them.

Any map, any axes; the result has the map of the input, and an axis whose length changes keeps its
kind of split. Plain ndarrays are given to NumPy.
"""

from collections.abc import Callable, Sequence
from operator import index

import numpy as np

from .allocation import UNSET
from .arrays.distarray import DistArray
from .arrays.reductions import normalise_axes
from .creation import empty_like, from_function
from .registry import implements
from .spectra.fftargs import SWAPPED, is_mapped, norm_of, one_axis, put, several_axes


@implements(np.fft.fft)
def fft(
    a: object, n: int | None = None, axis: int = -1, norm: str | None = None, out: object = None
) -> DistArray | np.ndarray:
    """The discrete Fourier transform along one axis. COLLECTIVE where the axis is cut.

    Parameters
    ----------
    a : DistArray or array_like
        Real or complex.
    n : int, optional
        Length of the transform: the axis is cut or filled up with zeros.
    axis : int
    norm : {"backward", "ortho", "forward"}, optional
    out : DistArray, optional
        Where the result is put.

    Returns
    -------
    DistArray
        complex64 of float32 and float16, else complex128; under the map of ``a``.

    Notes
    -----
    Memory per rank: twice its part. One long axis that no other can relieve of its cut is
    transformed by Bailey's four steps, of prime length by Bluestein's method.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.fft.fft(pm.ones(4, map=pm.Map([1]))).local.real
    array([4., 0., 0., 0.])
    """
    return one_axis("fft", a, n, axis, norm, out)


@implements(np.fft.ifft)
def ifft(
    a: object, n: int | None = None, axis: int = -1, norm: str | None = None, out: object = None
) -> DistArray | np.ndarray:
    """The inverse of :func:`fft`. COLLECTIVE where the axis is cut.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.fft.ifft(pm.ones(4, map=pm.Map([1]))).local.real
    array([1., 0., 0., 0.])
    """
    return one_axis("ifft", a, n, axis, norm, out)


@implements(np.fft.rfft)
def rfft(
    a: object, n: int | None = None, axis: int = -1, norm: str | None = None, out: object = None
) -> DistArray | np.ndarray:
    """The first ``n // 2 + 1`` terms of a real array's transform. COLLECTIVE where cut.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.fft.rfft(pm.ones(4, map=pm.Map([1]))).local.real
    array([4., 0., 0.])
    """
    return one_axis("rfft", a, n, axis, norm, out)


@implements(np.fft.irfft)
def irfft(
    a: object, n: int | None = None, axis: int = -1, norm: str | None = None, out: object = None
) -> DistArray | np.ndarray:
    """The inverse of :func:`rfft`, real, of length n (omitted: even). COLLECTIVE where cut.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.fft.irfft(pm.ones(3, map=pm.Map([1]))).local
    array([1., 0., 0., 0.])
    """
    return one_axis("irfft", a, n, axis, norm, out)


@implements(np.fft.hfft)
def hfft(
    a: object, n: int | None = None, axis: int = -1, norm: str | None = None, out: object = None
) -> DistArray | np.ndarray:
    """The transform of half of a Hermitian array: real, of length n. COLLECTIVE where cut.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.fft.hfft(pm.ones(3, map=pm.Map([1]))).local
    array([4., 0., 0., 0.])
    """
    if not is_mapped(a):
        return np.fft.hfft(a, n, axis, norm, out)
    return one_axis("irfft", a.conj(), n, axis, SWAPPED[norm_of(norm)], out)


@implements(np.fft.ihfft)
def ihfft(
    a: object, n: int | None = None, axis: int = -1, norm: str | None = None, out: object = None
) -> DistArray | np.ndarray:
    """The inverse of :func:`hfft`. COLLECTIVE where cut.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.fft.ihfft(pm.ones(4, map=pm.Map([1]))).local.real
    array([1., 0., 0.])
    """
    if not is_mapped(a):
        return np.fft.ihfft(a, n, axis, norm, out)
    found = one_axis("rfft", a, n, axis, SWAPPED[norm_of(norm)], None)
    return put(found.conj(), out)


@implements(np.fft.fftn)
def fftn(
    a: object,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
    out: object = None,
) -> DistArray | np.ndarray:
    """The transform along several axes (omitted: all). COLLECTIVE where one of them is cut.

    Parameters
    ----------
    a : DistArray or array_like
    s : sequence of int, optional
        Length of the transform along each of the axes; -1 is the array's own.
    axes : sequence of int, optional
    norm, out
        As :func:`fft`.

    Examples
    --------
    >>> import pmap as pm
    >>> float(pm.fft.fftn(pm.ones((2, 3), map=pm.Map([1, 1]))).real.sum())
    6.0
    """
    return several_axes("fftn", a, s, axes, norm, out)


@implements(np.fft.ifftn)
def ifftn(
    a: object,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
    out: object = None,
) -> DistArray | np.ndarray:
    """The inverse of :func:`fftn`. COLLECTIVE where one of the axes is cut."""
    return several_axes("ifftn", a, s, axes, norm, out)


@implements(np.fft.rfftn)
def rfftn(
    a: object,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
    out: object = None,
) -> DistArray | np.ndarray:
    """:func:`rfft` along the last of the axes, then :func:`fftn` along the others. COLLECTIVE."""
    return several_axes("rfftn", a, s, axes, norm, out)


@implements(np.fft.irfftn)
def irfftn(
    a: object,
    s: Sequence[int] | None = None,
    axes: Sequence[int] | None = None,
    norm: str | None = None,
    out: object = None,
) -> DistArray | np.ndarray:
    """The inverse of :func:`rfftn`: real. COLLECTIVE where one of the axes is cut."""
    return several_axes("irfftn", a, s, axes, norm, out)


@implements(np.fft.fft2)
def fft2(
    a: object,
    s: Sequence[int] | None = None,
    axes: Sequence[int] = (-2, -1),
    norm: str | None = None,
    out: object = None,
) -> DistArray | np.ndarray:
    """:func:`fftn` along two axes. COLLECTIVE where one of them is cut."""
    return several_axes("fftn", a, s, axes, norm, out)


@implements(np.fft.ifft2)
def ifft2(
    a: object,
    s: Sequence[int] | None = None,
    axes: Sequence[int] = (-2, -1),
    norm: str | None = None,
    out: object = None,
) -> DistArray | np.ndarray:
    """:func:`ifftn` along two axes. COLLECTIVE where one of them is cut."""
    return several_axes("ifftn", a, s, axes, norm, out)


@implements(np.fft.rfft2)
def rfft2(
    a: object,
    s: Sequence[int] | None = None,
    axes: Sequence[int] = (-2, -1),
    norm: str | None = None,
    out: object = None,
) -> DistArray | np.ndarray:
    """:func:`rfftn` along two axes. COLLECTIVE where one of them is cut."""
    return several_axes("rfftn", a, s, axes, norm, out)


@implements(np.fft.irfft2)
def irfft2(
    a: object,
    s: Sequence[int] | None = None,
    axes: Sequence[int] = (-2, -1),
    norm: str | None = None,
    out: object = None,
) -> DistArray | np.ndarray:
    """:func:`irfftn` along two axes. COLLECTIVE where one of them is cut."""
    return several_axes("irfftn", a, s, axes, norm, out)


def fftfreq(
    n: int, d: float = 1.0, *, dtype: object = None, device: object = None, map: object = UNSET
) -> DistArray | np.ndarray:
    """Frequencies of the terms of :func:`fft`, in cycles per unit of the spacing d. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.fft.fftfreq(4, 0.5, map=pm.Map([1])).local
    array([ 0. ,  0.5, -1. , -0.5])
    """
    n, unit = _frequencies("fftfreq", n, d, device)
    first = (n - 1) // 2 + 1
    return from_function(
        lambda i: np.where(i < first, i, i - n) * unit, n, map=map, dtype=dtype or np.float64
    )


def rfftfreq(
    n: int, d: float = 1.0, *, dtype: object = None, device: object = None, map: object = UNSET
) -> DistArray | np.ndarray:
    """Frequencies of the terms of :func:`rfft`, in cycles per unit of the spacing d. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.fft.rfftfreq(4, 0.5, map=pm.Map([1])).local
    array([0. , 0.5, 1. ])
    """
    n, unit = _frequencies("rfftfreq", n, d, device)
    return from_function(lambda i: i * unit, n // 2 + 1, map=map, dtype=dtype or np.float64)


def _frequencies(name: str, n: int, d: float, device: object) -> tuple[int, float]:
    if device not in (None, "cpu"):
        raise ValueError(f"{name}: device {device!r} is not known; arrays live on 'cpu'")
    n = index(n)
    return n, 1.0 / (n * d)


@implements(np.fft.fftshift)
def fftshift(x: object, axes: int | Sequence[int] | None = None) -> DistArray | np.ndarray:
    """The zero frequency moved to the middle of the axes (omitted: all). COLLECTIVE where cut.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.fft.fftshift(pm.fft.fftfreq(4, map=pm.Map([1]))).local
    array([-0.5 , -0.25,  0.  ,  0.25])
    """
    return np.fft.fftshift(x, axes) if not is_mapped(x) else _rolled(x, axes, lambda n: n // 2)


@implements(np.fft.ifftshift)
def ifftshift(x: object, axes: int | Sequence[int] | None = None) -> DistArray | np.ndarray:
    """The inverse of :func:`fftshift`. COLLECTIVE where an axis is cut."""
    return np.fft.ifftshift(x, axes) if not is_mapped(x) else _rolled(x, axes, lambda n: n - n // 2)


def _rolled(x: DistArray, axes: int | Sequence[int] | None, shift: Callable) -> DistArray:
    """The array rolled by ``shift(n)`` along each axis of length n."""
    axes = tuple(axes) if np.iterable(axes) else axes
    for axis in normalise_axes(axes, x.ndim):
        lead, n = (slice(None),) * axis, x.shape[axis]
        by = shift(n) % max(n, 1)
        made = empty_like(x)
        made[(*lead, slice(by, n))] = x[(*lead, slice(0, n - by))]
        if by:
            made[(*lead, slice(0, by))] = x[(*lead, slice(n - by, n))]
        x = made
    return x.copy() if axes == () else x

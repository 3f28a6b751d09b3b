"""What a light-sheet microscope and its camera make of a specimen.

Blur (a Gaussian point-spread function, longer along z), vignetting, one gain per tile, a flicker of
the light sheet from plane to plane, photon noise and read noise.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Optics:
    """Settings of the simulated microscope; intensities in photo-electrons.

    Parameters
    ----------
    psf_um : (float, float, float)
        Standard deviation of the point-spread function (z, y, x), µm.
    signal_e : float
        Photo-electrons of a nucleus of typical stain.
    background_e : float
        Photo-electrons of the tissue between nuclei.
    read_e : float
        Standard deviation of the read noise, photo-electrons.
    counts_per_e, offset_counts : float
        Camera counts per photo-electron, and counts in the dark.
    vignetting : float
        Loss of light in the corner of a plane, 0..1.
    flicker : float
        Relative standard deviation of a plane's brightness.
    """

    psf_um: tuple[float, float, float] = (1.0, 0.32, 0.32)
    signal_e: float = 120.0
    background_e: float = 30.0
    read_e: float = 2.5
    counts_per_e: float = 8.0
    offset_counts: float = 100.0
    vignetting: float = 0.25
    flicker: float = 0.02


def halo_vox(psf_um: tuple[float, ...], voxel_um: tuple[float, ...]) -> tuple[int, ...]:
    """Voxels beyond a box whose light reaches into it (3 standard deviations).

    LOCAL.

    Examples
    --------
    >>> halo_vox((1.0, 0.3, 0.3), (1.0, 0.5, 0.5))
    (3, 2, 2)
    """
    return tuple(int(np.ceil(3 * s / v)) for s, v in zip(psf_um, voxel_um, strict=True))


def blur(image: np.ndarray, psf_um: tuple[float, ...], voxel_um: tuple[float, ...]) -> np.ndarray:
    """Blur by the point-spread function and drop the halo of :func:`halo_vox`.

    LOCAL.

    Parameters
    ----------
    image : ndarray, shape (z, y, x), float32
        Fluorescence, with the halo on every side.
    psf_um, voxel_um : (float, float, float)
        Standard deviation of the point-spread function, and voxel size, µm.

    Returns
    -------
    ndarray, float32
        Smaller than `image` by the halo on both sides of each axis.

    Examples
    --------
    >>> blur(np.ones((9, 9, 9), np.float32), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)).shape
    (3, 3, 3)
    """
    from scipy.ndimage import gaussian_filter

    halo = halo_vox(psf_um, voxel_um)
    sigma = [s / v for s, v in zip(psf_um, voxel_um, strict=True)]
    soft = gaussian_filter(image, sigma, output=np.float32, mode="nearest", radius=halo)
    return soft[tuple(slice(h, -h or None) for h in halo)]


def haze(
    origin_um: np.ndarray, shape: tuple[int, ...], voxel_um: tuple[float, ...], scale_um: float,
    seed: list[int],
) -> np.ndarray:  # fmt: skip
    """Unspecific background: a smooth field around 1 that depends on the place in the frame alone.

    LOCAL. A product of waves along the axes, so that any box can be painted without its
    surroundings.

    Parameters
    ----------
    origin_um : ndarray, shape (3,)
        Position of the box's first voxel, µm.
    shape, voxel_um
        Voxels of the box, and their size, µm.
    scale_um : float
        Typical length over which the background changes, µm.
    seed : list of int
        Seed of the waves.

    Returns
    -------
    ndarray, shape `shape`, float32

    Examples
    --------
    >>> field = haze(np.zeros(3), (4, 50, 50), (1.0, 1.0, 1.0), 20.0, [1])
    >>> bool(field.min() > 0)
    True
    """
    rng = np.random.default_rng(seed)
    axes = [o + v * np.arange(n) for o, v, n in zip(origin_um, voxel_um, shape, strict=True)]
    field = np.zeros(shape, np.float32)
    for _ in range(10):
        wave, phase = rng.normal(0, 1 / scale_um, 3), rng.uniform(0, 2 * np.pi)
        z, y, x = np.ix_(*(w * a for w, a in zip(wave, axes, strict=True)))
        field += np.sin(z + y + x + phase).astype(np.float32)
    return np.exp(np.float32(0.2) * field)


def expose(light_e: np.ndarray, optics: Optics, gain: float, seed: list[int]) -> np.ndarray:
    """Camera counts of one tile: vignetting, flicker, photon and read noise.

    LOCAL.

    Parameters
    ----------
    light_e : ndarray, shape (z, y, x), float32
        Expected photo-electrons in even light.
    optics : Optics
        The microscope.
    gain : float
        Brightness of this tile (1 is typical).
    seed : list of int
        Seed of flicker and noise.

    Returns
    -------
    ndarray, uint16

    Examples
    --------
    >>> expose(np.full((2, 8, 8), 50.0, np.float32), Optics(), 1.0, [1]).dtype.name
    'uint16'
    """
    rng = np.random.default_rng(seed)
    nz, ny, nx = light_e.shape
    y, x = np.ogrid[-1 : 1 : ny * 1j, -1 : 1 : nx * 1j]
    vignette = 1 - optics.vignetting * (y**2 + x**2) / 2
    plane = rng.normal(1.0, optics.flicker, (nz, 1, 1))
    electrons = rng.poisson(light_e * (gain * plane * vignette)).astype(np.float32)
    electrons += rng.normal(0.0, optics.read_e, light_e.shape).astype(np.float32)
    counts = electrons * optics.counts_per_e + optics.offset_counts
    return np.clip(np.rint(counts), 0, 65535).astype(np.uint16)

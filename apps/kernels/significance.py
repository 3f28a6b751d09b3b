"""What stands out of noise, stripes and texture: which peaks may be seeds of nuclei.

A peak must rise far above the white noise of its neighbourhood, above the texture there by as much
as the volume's highest place reaches by chance, and on all sides. The neighbourhood decides, not
the volume: noise and texture differ between bright and dim tissue.

Every function here looks no farther than a known number of voxels, and uses no running sums, so
that a block with its halo gives the very values of the whole image. Lengths are in voxels, per
axis.
"""

import numpy as np

from .nuclei import FEW, gaussian

_GRAIN_VOX = (0.0, 1.0, 1.0)  # noise is what this Gaussian takes away
_GRAIN_SHARE = 0.87  # standard deviation of white noise that it takes away, as a share


def texture(relief: np.ndarray, around_vox: tuple[float, ...]) -> np.ndarray:
    """Standard deviation of noise, stripes and texture in the relief, nuclei left aside.

    LOCAL. Looks as far as :func:`.nuclei.reach` of `around_vox`. Noise of any kind, fine or coarse,
    makes dark spots like bright ones; nuclei make bright ones. Hence dark squares count three times
    and bright squares count against them: what is even gives its variance; nuclei, whose squares
    are several times those of the dark rings around them, give nothing.

    Parameters
    ----------
    relief : ndarray, shape (z, y, x)
        Difference of Gaussians.
    around_vox : tuple of float
        Standard deviations of the neighbourhood, voxels.

    Returns
    -------
    ndarray, float32

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(size=(24, 24, 24))
    >>> bool(abs(texture(noise, (4, 4, 4))[12, 12, 12] - 1) < 0.2)
    True
    """
    uneven = np.where(relief < 0, np.float32(3), np.float32(-1)) * relief**2
    return np.sqrt(np.maximum(gaussian(uneven, around_vox), 0))


def grain(
    image: np.ndarray,
    bright: np.ndarray,
    narrow_vox: tuple[float, ...],
    around_vox: tuple[float, ...],
) -> np.ndarray:
    """Standard deviation of white noise behind a narrow Gaussian.

    LOCAL. Looks as far as :func:`.nuclei.reach` of `around_vox`, and 3 voxels more along y and x.
    Noise is what differs from voxel to voxel within a plane, measured where no nuclei are. White
    noise of standard deviation s leaves a Gaussian of width w as
    s / ((4 pi)^(3/4) sqrt(w_z w_y w_x)).

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
        Nuclear stain.
    bright : ndarray of bool
        Where nuclei may be, generously: no noise is measured there.
    narrow_vox, around_vox : tuple of float
        Standard deviations, voxels: of the Gaussian, and of the neighbourhood in which noise is
        measured.

    Returns
    -------
    ndarray, float32

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(size=(24, 24, 24))
    >>> behind = grain(noise, noise > 9, (1.5,) * 3, (4.0,) * 3)[12, 12, 12]
    >>> bool(abs(behind / gaussian(noise, (1.5,) * 3).std() - 1) < 0.2)
    True
    """
    image = np.asarray(image, np.float32)
    weight = np.where(bright, FEW, 1 + FEW)
    rough = (image - gaussian(image, _GRAIN_VOX)) ** 2
    variance = gaussian(rough * weight, around_vox) / gaussian(weight, around_vox)
    # A Gaussian narrower than half a voxel is no Gaussian on the grid: it lets all noise through.
    width = float(np.prod(np.maximum(narrow_vox, 0.3)))
    return np.sqrt(variance) * np.float32(1 / ((4 * np.pi) ** 0.75 * width**0.5 * _GRAIN_SHARE))


def needed(
    grain: np.ndarray, texture: np.ndarray, grains: tuple[float, float], textures: float
) -> np.ndarray:
    """Relief that is more than chance: far above white noise, and above the texture.

    LOCAL. Looks at one voxel at a time.

    Parameters
    ----------
    grain, texture : ndarray, shape (z, y, x)
        What noise makes of the relief: :func:`grain`, :func:`texture`.
    grains : (float, float)
        Times the grain: needed in any case, and enough whatever the texture. Where nuclei are
        packed, the gaps between them are dark spots too, but they are no noise.
    textures : float
        Times the texture.

    Returns
    -------
    ndarray, float32

    Examples
    --------
    >>> needed(np.ones(3), np.array([0.0, 2.0, 8.0]), (5.0, 20.0), 4.0).tolist()
    [5.0, 8.0, 20.0]
    """
    return np.clip(textures * texture, grains[0] * grain, grains[1] * grain).astype(np.float32)


def chance(shape: tuple[int, ...], size_vox: tuple[float, ...]) -> float:
    """Standard deviations that the highest of all the places in a volume reaches by chance.

    LOCAL. About sqrt(2 ln n) for n independent normal values (extreme values; Gumbel 1958).

    Parameters
    ----------
    shape : tuple of int
        The whole volume, voxels.
    size_vox : tuple of float
        Axes of one place, an ellipsoid, voxels.

    Returns
    -------
    float

    Examples
    --------
    >>> round(chance((100, 100, 100), (1, 1, 1)), 1)
    5.4
    """
    places = np.prod(np.divide(shape, size_vox)) * 6 / np.pi
    return float(np.sqrt(2 * np.log(max(places, 10.0))))


def compact(
    seeds: np.ndarray, relief: np.ndarray, around_vox: tuple[float, ...], limit: float
) -> np.ndarray:
    """Seeds whose surroundings rise from all sides: not those on stripes, fibres, tissue's edges.

    LOCAL. Looks as far as twice `around_vox`, rounded up. The measure is the coherence of the
    structure tensor in the plane (Bigun and Granlund 1987): 0 where slopes point all ways, 1 where
    all are parallel. (Along z, optics stretch nuclei as well.)

    Parameters
    ----------
    seeds : ndarray of bool
        Peaks of the response.
    relief : ndarray, shape (z, y, x), float32
        Difference of Gaussians.
    around_vox : tuple of float
        Standard deviations of the neighbourhood, voxels.
    limit : float
        Coherence from which on a seed is dropped.

    Returns
    -------
    ndarray of bool

    Examples
    --------
    >>> y, x = np.ogrid[-9:10, -9:10]
    >>> seeds = np.zeros((1, 19, 19), bool); seeds[0, 9, 9] = True
    >>> spot, stripe = -1.0 * (y**2 + x**2), -1.0 * (0 * y + x**2)
    >>> [int(compact(seeds, a[None], (1, 3, 3), 0.7).sum()) for a in (spot, stripe)]
    [1, 0]
    """
    half = np.ceil(np.multiply(2, around_vox)).astype(int)
    good = seeds.copy()
    for at in np.argwhere(seeds):
        low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, seeds.shape)
        grid = np.ogrid[tuple(map(slice, low - at, high - at))]
        weight = np.exp(sum(-((g / s) ** 2) / 2 for g, s in zip(grid, around_vox, strict=True)))
        # A copy: the order of a sum depends on how its terms lie in memory, so on the block.
        part = relief[tuple(map(slice, low, high))].astype(np.float64, order="C")
        if min(part.shape[1:]) < 2:
            continue
        down, right = np.gradient(part, axis=(1, 2))
        yy, xx, yx = (float((weight * p).sum()) for p in (down**2, right**2, down * right))
        good[tuple(at)] = np.hypot(yy - xx, 2 * yx) < limit * (yy + xx)
    return good

"""Tiles cut out of one volume of bright balls at known places, for the stitching tests."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

MARGIN = (2, 4, 4)


@dataclass(frozen=True)
class Cut:
    """Tiles, their true labels, and where they were cut, the least place being 0 on each axis."""

    tiles: dict
    labels: dict
    places: dict
    nominal: dict
    whole: np.ndarray


def nuclei(shape, count, seed, radius=(2.0, 4.0)):
    """A float32 volume of blurred balls and its label volume."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint32)
    image = np.zeros(shape, np.float32)
    for number in range(1, count + 1):
        r = rng.uniform(*radius)
        centre = [rng.uniform(0, n) for n in shape]
        box = tuple(slice(max(0, int(c - r - 1)), int(c + r + 2)) for c in centre)
        grid = np.ogrid[
            tuple(slice(s.start, min(s.stop, n)) for s, n in zip(box, shape, strict=True))
        ]
        ball = sum(((g - c) / r) ** 2 for g, c in zip(grid, centre, strict=True)) <= 1
        ball &= labels[box] == 0
        labels[box][ball] = number
        image[box][ball] = rng.uniform(300, 900)
    return ndimage.gaussian_filter(image, (0.6, 1.0, 1.0)), labels


def cut(
    grid=(2, 2), tile=(16, 96, 96), overlap=0.15, count=900, seed=0, jitter=MARGIN, gain=0.1,
    vignetting=0.25, noise=20.0, radius=(2.0, 4.0),
):  # fmt: skip
    """Cut a grid of uint16 tiles with jitter, gain, vignetting and noise of their own."""
    rng = np.random.default_rng([seed, 1])
    step = [round(n * (1 - overlap)) for n in tile[1:]]
    shape = [tile[0], *(s * (g - 1) + n for s, g, n in zip(step, grid, tile[1:], strict=True))]
    volume, labels = nuclei(
        [n + 2 * j for n, j in zip(shape, jitter, strict=True)], count, seed, radius
    )
    keys = [(r, c) for r in range(grid[0]) for c in range(grid[1])]
    nominal = {(r, c): (0, r * step[0], c * step[1]) for r, c in keys}
    shake = {k: [int(rng.integers(0, 2 * j + 1)) for j in jitter] for k in keys}
    starts = {k: tuple(int(n) for n in np.add(nominal[k], shake[k])) for k in keys}
    y, x = np.ogrid[-1 : 1 : tile[1] * 1j, -1 : 1 : tile[2] * 1j]
    shade = 1 - vignetting * (y**2 + x**2) / 2
    tiles, own = {}, {}
    for key, start in starts.items():
        box = tuple(slice(s, s + n) for s, n in zip(start, tile, strict=True))
        clean = (volume[box] + 100) * shade * rng.uniform(1 - gain, 1 + gain)
        noisy = rng.poisson(clean) + rng.normal(0, noise, tile)
        tiles[key] = np.clip(np.rint(noisy), 0, 65535).astype(np.uint16)
        own[key] = labels[box]
    least = np.min(list(starts.values()), axis=0)
    places = {k: tuple(int(n) for n in s - least) for k, s in starts.items()}
    ends = np.max([np.add(s, tile) for s in starts.values()], axis=0)
    whole = labels[tuple(slice(a, b) for a, b in zip(least, ends, strict=True))]
    return Cut(tiles, own, places, nominal, whole)


def neighbours(grid):
    """All pairs of (a, b, axis) of a grid."""
    for r in range(grid[0]):
        for c in range(grid[1]):
            if r + 1 < grid[0]:
                yield (r, c), (r + 1, c), 1
            if c + 1 < grid[1]:
                yield (r, c), (r, c + 1), 2

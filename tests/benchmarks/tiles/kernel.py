"""A tile and what is done with it: the same code for every program that is compared."""

import time

import numpy as np

from pmap.apps.segment import SegmentSettings, find_nuclei

SHAPE = (56, 160, 160)
NUCLEI = 130
SETTINGS = SegmentSettings((1.0, 1.0, 1.0), 9.0)
REACH = 10


def tile(number: int) -> np.ndarray:
    """Nuclei as Gaussian balls in noise, shape SHAPE, uint16; always the same for a number."""
    rng = np.random.default_rng(number)
    image = rng.normal(100, 8, SHAPE)
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    for centre in rng.random((NUCLEI, 3)) * SHAPE:
        low = np.maximum(centre - REACH, 0).astype(int)
        high = np.minimum(centre + REACH, SHAPE).astype(int)
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        away = (z[box[0]] - centre[0]) ** 2 + (y[:, box[1]] - centre[1]) ** 2
        away = away + (x[:, :, box[2]] - centre[2]) ** 2
        image[box] += 120 * np.exp(-away / 18)
    return image.astype(np.uint16)


def work(number: int) -> tuple[int, float]:
    """Segment a tile; return the number of nuclei, and the CPU seconds that it took."""
    start = time.process_time()
    _, cells = find_nuclei(tile(number), SETTINGS)
    return len(cells["label"]), time.process_time() - start

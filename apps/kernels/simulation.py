"""A brain-tissue specimen with exact truth: where the nuclei are and what a microscope would see.

The specimen is a table, not an array: :func:`plant` draws every nucleus once, for the whole frame,
and :func:`render` paints any box of that frame from the table. Two boxes that overlap therefore
show the same nuclei, voxel for voxel, and a specimen of any size needs the memory of one box only.

Neurons are larger on average, paler, with few bright chromocentres and pale nucleoli; glia are
smaller, denser and brighter, with finer clumps, and some sit right on a neuron (satellites). Both
classes overlap in size, in brightness and in texture: none of these alone tells them apart.
"""

from dataclasses import dataclass

import numpy as np

# Class by class: (mean, spread) of the logarithm for sizes, brightness and contrast.
_GLIA, _NEURON = 0, 1
_LOG_SIZE = ((-0.118, 0.087), (0.087, 0.087))
_LOG_BRIGHTNESS = ((0.235, 0.25), (-0.235, 0.25))
_LOG_CONTRAST = ((-1.2, 0.32), (-0.6, 0.32))
_SPOTS = ((9, 15), (4, 9))
_SPOT_RADIUS = ((0.075, 0.11), (0.08, 0.13))
_NUCLEOLI = ((0, 1), (1, 3))
_SATELLITES = 0.35  # share of the glia that touch a neuron
_CFOS_SHARE = 0.35  # share of the neurons that express c-Fos
_CFOS_WEAK = 0.2  # share of those that express little
_BUMPS = 5  # waves that make an outline irregular


@dataclass(frozen=True)
class Specimen:
    """Every nucleus of a simulated piece of tissue; row i has id i + 1.

    Parameters
    ----------
    centre_um : ndarray, shape (n, 3), float64
        Centres (z, y, x) in the frame, µm.
    axes_um : ndarray, shape (n, 3), float64
        Half axes of the ellipsoids, µm.
    rotation : ndarray, shape (n, 3, 3), float64
        Rows are the directions of the half axes.
    neuron : ndarray, shape (n,), bool
        True for a neuron, False for a glial cell.
    brightness, contrast, cfos : ndarray, shape (n,), float64
        Nuclear stain (1 is typical), its texture's contrast, and the c-Fos signal (0: negative).
    diameter_um : float
        Mean diameter of a nucleus, µm.
    seed : int
        Seed of everything that a nucleus draws for itself (outline, texture).
    """

    centre_um: np.ndarray
    axes_um: np.ndarray
    rotation: np.ndarray
    neuron: np.ndarray
    brightness: np.ndarray
    contrast: np.ndarray
    cfos: np.ndarray
    diameter_um: float
    seed: int

    def __len__(self) -> int:
        """Count the nuclei."""
        return len(self.centre_um)


def plant(
    frame_um: tuple[float, float, float], diameter_um: float, density_per_mm3: float, seed: int
) -> Specimen:
    """Draw the nuclei of a frame, those that its border cuts included.

    LOCAL. Nuclei keep off each other by nearly the sum of their mean radii, so that some touch.

    Parameters
    ----------
    frame_um : (float, float, float)
        Extent of the frame (z, y, x), µm.
    diameter_um : float
        Mean diameter of a nucleus, µm.
    density_per_mm3 : float
        Nuclei in a cubic millimetre.
    seed : int
        The same seed gives the same specimen.

    Returns
    -------
    Specimen

    Examples
    --------
    >>> specimen = plant((40.0, 60.0, 60.0), 9.0, 400_000, seed=1)
    >>> len(specimen) > 50, bool(specimen.neuron.any()), bool((~specimen.neuron).any())
    (True, True, True)
    """
    rng = np.random.default_rng([seed, 0])
    margin = diameter_um
    low, high = np.full(3, -margin), np.asarray(frame_um, float) + margin
    wanted = round(density_per_mm3 * 1e-9 * float(np.prod(high - low)))
    neuron = rng.random(wanted) < 0.5
    mean, spread = np.asarray(_LOG_SIZE)[neuron.astype(int)].T
    radius = diameter_um / 2 * np.exp(rng.normal(mean, spread))
    order = np.argsort(~neuron, kind="stable")  # neurons first: satellites need one to sit on
    neuron, radius = neuron[order], radius[order]
    centre, kept = _place(rng, neuron, radius, low, high)
    mixed = rng.permutation(len(kept))  # an id must not tell the class
    centre, kept = centre[mixed], kept[mixed]
    neuron, radius, n = neuron[kept], radius[kept], len(kept)
    shape = np.exp(rng.normal(0.0, 0.11, (n, 3)))
    shape /= np.cbrt(shape.prod(axis=1, keepdims=True))
    rotation = np.linalg.qr(rng.normal(size=(n, 3, 3)))[0]
    rows = neuron.astype(int)
    # A larger nucleus of a class holds more DNA: size and brightness rise together within it.
    excess = np.log(radius * 2 / diameter_um) - np.asarray(_LOG_SIZE)[rows, 0]
    bright = np.exp(rng.normal(*np.asarray(_LOG_BRIGHTNESS)[rows].T) + 1.5 * excess)
    contrast = np.exp(rng.normal(*np.asarray(_LOG_CONTRAST)[rows].T))
    active = neuron & (rng.random(n) < _CFOS_SHARE)
    level = np.where(rng.random(n) < _CFOS_WEAK, 0.45, 1.0) * np.exp(rng.normal(0.0, 0.25, n))
    return Specimen(
        centre, shape * radius[:, None], rotation, neuron, bright, contrast,
        np.where(active, level, 0.0), float(diameter_um), int(seed),
    )  # fmt: skip


def _place(
    rng: np.random.Generator,
    neuron: np.ndarray,
    radius: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions without overlap, one by one; what finds no room in 60 tries is left out."""
    pitch = 2.0 * float(radius.max(initial=1.0))
    cells: dict[tuple[int, ...], list[int]] = {}
    centre = np.empty((len(radius), 3))
    kept: list[int] = []
    neurons = int(neuron.sum())
    around = [np.array(step) - 1 for step in np.ndindex(3, 3, 3)]

    def free(point: np.ndarray, r: float) -> bool:
        home = np.floor(point / pitch).astype(int)
        near = [i for step in around for i in cells.get(tuple(home + step), ())]
        gap = np.linalg.norm(centre[near] - point, axis=1)
        return bool((gap >= 0.94 * (radius[near] + r)).all())

    for i, r in enumerate(radius):
        satellite = not neuron[i] and neurons and rng.random() < _SATELLITES and kept
        for _ in range(60):
            if satellite:
                host = kept[rng.integers(min(neurons, len(kept)))]
                way = rng.normal(size=3)
                point = centre[host] + way / np.linalg.norm(way) * 0.97 * (radius[host] + r)
            else:
                point = rng.uniform(low, high)
            if (point >= low).all() and (point <= high).all() and free(point, r):
                centre[i] = point
                cells.setdefault(tuple(np.floor(point / pitch).astype(int)), []).append(i)
                kept.append(i)
                break
    return centre[kept], np.array(kept, dtype=int)


def render(
    specimen: Specimen, origin_vox: tuple[int, int, int], shape: tuple[int, int, int],
    voxel_um: tuple[float, float, float],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Paint one box of the specimen, before optics and camera.

    LOCAL. A voxel belongs to the nucleus that it lies deepest in, so the result depends on the box
    only by its position.

    Parameters
    ----------
    specimen : Specimen
        The nuclei.
    origin_vox : (int, int, int)
        First voxel (z, y, x) of the box in the frame.
    shape : (int, int, int)
        Voxels of the box (z, y, x).
    voxel_um : (float, float, float)
        Voxel size (z, y, x), µm.

    Returns
    -------
    labels : ndarray, uint32
        Id of the nucleus at each voxel, 0 for background.
    stain, marker : ndarray, float32
        Fluorescence of the nuclear stain and of c-Fos within nuclei (1 is typical, 0 outside).

    Examples
    --------
    >>> specimen = plant((20.0, 30.0, 30.0), 9.0, 400_000, seed=1)
    >>> labels, stain, marker = render(specimen, (0, 0, 0), (20, 60, 60), (1.0, 0.5, 0.5))
    >>> bool((stain[labels == 0] == 0).all()), labels.dtype.name
    (True, 'uint32')
    """
    voxel = np.asarray(voxel_um, float)
    depth = np.full(shape, 1.0, np.float32)  # 0 at a nucleus's centre, 1 at its outline
    labels = np.zeros(shape, np.uint32)
    stain, marker = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    reach = specimen.axes_um.max(axis=1) * 1.25
    first = np.floor((specimen.centre_um - reach[:, None]) / voxel).astype(int) - origin_vox
    last = np.ceil((specimen.centre_um + reach[:, None]) / voxel).astype(int) + 1 - origin_vox
    for i in np.flatnonzero(((last > 0) & (first < shape)).all(axis=1)):
        start, stop = np.maximum(first[i], 0), np.minimum(last[i], shape)
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        grid = np.ogrid[box]
        offset = [
            ((g + o) * v - c).astype(np.float32)
            for g, o, v, c in zip(grid, origin_vox, voxel, specimen.centre_um[i], strict=True)
        ]
        deep, chroma = _nucleus(specimen, int(i), offset)
        mine = deep < depth[box]
        depth[box][mine] = deep[mine]
        labels[box][mine] = i + 1
        stain[box][mine] = (specimen.brightness[i] * chroma)[mine]
        marker[box][mine] = (specimen.cfos[i] * np.sqrt(chroma))[mine]
    return labels, stain, marker


def _nucleus(specimen: Specimen, i: int, offset: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Depth (1 at the outline) and chromatin (1 is typical) of one nucleus around its centre."""
    rng = np.random.default_rng([specimen.seed, 1, i])
    basis = specimen.rotation[i] / specimen.axes_um[i][:, None]
    unit = [sum(np.float32(b) * o for b, o in zip(row, offset, strict=True)) for row in basis]
    radius = np.sqrt(unit[0] ** 2 + unit[1] ** 2 + unit[2] ** 2) + np.float32(1e-6)
    waves, phases = rng.normal(0, 2.2, (_BUMPS, 3)), rng.uniform(0, 2 * np.pi, _BUMPS)
    bump = np.zeros_like(radius)
    for wave, phase in zip(waves.astype(np.float32), phases, strict=True):
        bump += np.sin(_along(unit, wave) / radius + np.float32(phase))
    deep = radius * (1 + np.float32(0.045) * bump)
    kind = _NEURON if specimen.neuron[i] else _GLIA
    chroma = np.ones_like(radius)
    size = specimen.diameter_um * float(rng.uniform(*_SPOT_RADIUS[kind]))
    strength = specimen.contrast[i] * 4.0
    for _ in range(rng.integers(*_SPOTS[kind], endpoint=True)):
        chroma += np.float32(strength * rng.uniform(0.4, 1.0)) * _ball(
            rng, specimen, i, offset, size
        )
    for _ in range(rng.integers(*_NUCLEOLI[kind], endpoint=True)):
        size = specimen.diameter_um * float(rng.uniform(0.12, 0.17))
        chroma *= 1 - np.float32(0.6) * _ball(rng, specimen, i, offset, size)
    return deep, chroma


def _along(unit: list[np.ndarray], wave: np.ndarray) -> np.ndarray:
    """Scalar product of coordinates with one vector."""
    return wave[0] * unit[0] + wave[1] * unit[1] + wave[2] * unit[2]


def _ball(
    rng: np.random.Generator, specimen: Specimen, i: int, offset: list[np.ndarray], size_um: float
) -> np.ndarray:
    """Return a Gaussian spot of the given size somewhere inside nucleus i."""
    way = rng.normal(size=3)
    point = way / np.linalg.norm(way) * 0.8 * np.cbrt(rng.random())
    centre = (point * specimen.axes_um[i]) @ specimen.rotation[i]
    factor = np.float32(-0.5 / size_um**2)
    z, y, x = (
        np.exp(factor * (o - np.float32(c)) ** 2) for o, c in zip(offset, centre, strict=True)
    )
    return z * y * x

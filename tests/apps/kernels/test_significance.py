"""What stands out of noise, stripes and texture, and sees no farther than it says."""

from functools import partial

import numpy as np
import pytest

from pmap.apps.kernels import nuclei, significance

NARROW, AROUND = (1.0, 1.5, 1.5), (2.0, 3.0, 3.0)
SHAPE = (36, 60, 64)
CORE = np.s_[14:22, 25:37, 22:42]


def balls(rng, n, shape=SHAPE, radius=3.0):
    """Balls of brightness 300 at random places."""
    field, centres = np.zeros(shape), rng.uniform(6, np.subtract(shape, 6), (n, 3))
    z, y, x = np.ogrid[tuple(slice(0, k) for k in shape)]
    for c in centres:
        field[(z - c[0]) ** 2 + (y - c[1]) ** 2 + (x - c[2]) ** 2 <= radius**2] = 300
    return field, np.rint(centres).astype(int)


def relief_of(image):
    return nuclei.difference_of_gaussians(image, NARROW, AROUND)


def needed(image, relief):
    grain = significance.grain(image, relief > 0, NARROW, AROUND)
    chance = significance.chance(image.shape, (6.0, 6.0, 6.0))
    texture = significance.texture(relief, (4.0, 6.0, 6.0))
    return significance.needed(grain, texture, (15.0, 25.0), chance)


@pytest.mark.parametrize("step", ["grain", "texture", "compact"])
def test_every_step_sees_no_farther_than_it_says(step):
    rng = np.random.default_rng(7)
    image = np.rint(balls(rng, 30)[0] + rng.normal(200, 20, SHAPE)).astype(np.uint16)
    relief = relief_of(image)
    f, arrays, depth = {
        "grain": (
            partial(significance.grain, narrow_vox=NARROW, around_vox=AROUND),
            (image, relief > 0), np.add(nuclei.reach(AROUND), (0, 3, 3)),
        ),
        "texture": (
            partial(significance.texture, around_vox=AROUND), (relief,), nuclei.reach(AROUND)
        ),
        "compact": (
            partial(significance.compact, around_vox=AROUND, limit=0.3),
            (rng.random(SHAPE) < 0.05, relief), (4, 6, 6),
        ),
    }[step]  # fmt: skip
    region = tuple(slice(max(s.start - d, 0), s.stop + d) for s, d in zip(CORE, depth, strict=True))
    inner = tuple(
        slice(s.start - r.start, s.stop - r.start) for s, r in zip(CORE, region, strict=True)
    )
    whole = f(*arrays)[CORE]
    assert np.array_equal(f(*(a[region] for a in arrays))[inner], whole)
    assert len(np.unique(whole)) > 1


def test_noise_fine_or_coarse_and_stripes_do_not_stand_out():
    rng = np.random.default_rng(1)
    stripes = rng.normal(1000, 15, (1, 1, SHAPE[2])) + rng.normal(0, 30, SHAPE)
    coarse = nuclei.gaussian(rng.normal(1000, 300, SHAPE), (0.3, 0.7, 0.7))
    for image in (rng.poisson(40, SHAPE), rng.normal(1000, 30, SHAPE), stripes, coarse):
        relief = relief_of(image)
        assert relief.max() > 0 and not (relief > needed(image, relief)).any()


@pytest.mark.parametrize("n", [3, 60])
def test_nuclei_stand_out_alone_and_in_a_crowd(n):
    rng = np.random.default_rng(2)
    image, centres = balls(rng, n)
    image = image + rng.normal(200, 10, SHAPE)
    relief = relief_of(image)
    assert (relief > needed(image, relief))[tuple(centres.T)].mean() > 0.95
    seeds = np.zeros(SHAPE, bool)
    seeds[tuple(centres.T)] = True
    assert significance.compact(seeds, relief, (3.6,) * 3, 0.7).sum() > 0.95 * seeds.sum()


def test_a_seed_on_an_edge_or_a_fibre_is_none():
    y, x = np.ogrid[:60, :64]
    for plane in (y + 0.3 * x > 40, abs(y - 0.5 * x) < 2):
        relief = relief_of(np.broadcast_to(300.0 * plane, SHAPE))
        seeds = np.zeros(SHAPE, bool)
        seeds[18, relief[18, :, 32].argmax(), 32] = True
        assert not significance.compact(seeds, relief, (3.6,) * 3, 0.7).any()


def test_an_even_image_is_no_trap():
    flat = np.full((3, 5, 1), 7.0)
    relief = relief_of(flat)
    assert not (relief > needed(flat, relief)).any() and np.isfinite(needed(flat, relief)).all()
    assert significance.compact(np.ones(flat.shape, bool), relief, AROUND, 0.7).shape == flat.shape

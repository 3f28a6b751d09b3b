"""The specimen: repeatable, the same in every box, both classes alike in every single feature."""

import numpy as np
import pytest

from pmap.apps.kernels import optics, simulation

VOXEL_UM = (1.0, 0.5, 0.5)
FRAME_UM = (40.0, 60.0, 60.0)


@pytest.fixture(scope="module")
def specimen():
    return simulation.plant(FRAME_UM, 9.0, 400_000, seed=3)


def test_the_seed_decides_everything(specimen):
    again = simulation.plant(FRAME_UM, 9.0, 400_000, seed=3)
    other = simulation.plant(FRAME_UM, 9.0, 400_000, seed=4)
    assert np.array_equal(specimen.centre_um, again.centre_um)
    assert np.array_equal(specimen.cfos, again.cfos)
    assert not np.array_equal(specimen.centre_um[:20], other.centre_um[:20])


def test_density_is_what_was_asked():
    specimen = simulation.plant((100.0, 100.0, 100.0), 9.0, 200_000, seed=1)
    inside = ((specimen.centre_um >= 0) & (specimen.centre_um <= 100)).all(axis=1)
    assert 160 <= inside.sum() <= 240


def test_a_box_shows_the_same_wherever_it_is_cut(specimen):
    whole = simulation.render(specimen, (0, 0, 0), (40, 80, 80), VOXEL_UM)
    part = simulation.render(specimen, (11, 25, 30), (20, 33, 41), VOXEL_UM)
    box = np.s_[11:31, 25:58, 30:71]
    for all_of_it, cut in zip(whole, part, strict=True):
        assert np.array_equal(all_of_it[box], cut)
    assert whole[0].max() > 0


def test_labels_are_rows_and_the_stain_lies_inside_them(specimen):
    labels, stain, marker = simulation.render(specimen, (0, 0, 0), (40, 80, 80), VOXEL_UM)
    ids = np.unique(labels[labels > 0])
    assert ids.max() <= len(specimen)
    assert not stain[labels == 0].any()
    active = np.isin(labels, np.flatnonzero(specimen.cfos > 0) + 1)
    assert (marker[active] > 0).all() and not marker[~active].any()


def test_only_neurons_express_c_fos(specimen):
    assert not specimen.cfos[~specimen.neuron].any()
    assert 0.15 < (specimen.cfos[specimen.neuron] > 0).mean() < 0.6


def test_some_nuclei_touch_and_none_lie_in_each_other(specimen):
    radius = np.cbrt(specimen.axes_um.prod(axis=1))
    apart = np.linalg.norm(specimen.centre_um[:, None] - specimen.centre_um, axis=2)
    touch = apart / (radius[:, None] + radius)
    np.fill_diagonal(touch, np.inf)
    assert touch.min() >= 0.93
    assert (touch.min(axis=1) < 1.05).mean() > 0.1


def test_classes_overlap_in_size_and_brightness():
    specimen = simulation.plant((150.0, 150.0, 150.0), 9.0, 200_000, seed=1)
    volume = specimen.axes_um.prod(axis=1)
    for values in (volume, specimen.brightness, specimen.contrast):
        neurons, glia = values[specimen.neuron], values[~specimen.neuron]
        assert np.percentile(glia, 10) < np.percentile(neurons, 90)
        assert np.percentile(neurons, 10) < np.percentile(glia, 90)


def test_blur_needs_the_halo_only():
    image = np.random.default_rng(0).random((30, 40, 40)).astype(np.float32)
    psf = (1.0, 0.5, 0.5)
    whole = optics.blur(image, psf, VOXEL_UM)
    halo = optics.halo_vox(psf, VOXEL_UM)
    part = optics.blur(image[8:25, 10:35, 5:30], psf, VOXEL_UM)
    assert np.array_equal(
        whole[tuple(slice(a, a + n) for a, n in zip((8, 10, 5), part.shape, strict=True))], part
    )
    assert part.shape == tuple(n - 2 * h for n, h in zip((17, 25, 25), halo, strict=True))


def test_haze_depends_on_the_place_alone():
    whole = optics.haze(np.zeros(3), (10, 60, 60), VOXEL_UM, 25.0, [5])
    part = optics.haze(np.array([2.0, 5.0, 10.0]), (8, 20, 20), VOXEL_UM, 25.0, [5])
    np.testing.assert_allclose(part, whole[2:, 10:30, 20:40], rtol=1e-5)


def test_camera_counts_follow_light_gain_and_distance_from_the_axis():
    light = np.full((20, 101, 101), 100.0, np.float32)
    lens = optics.Optics()
    plain, bright = (optics.expose(light, lens, gain, [1]).astype(float) for gain in (1.0, 1.2))
    middle = np.s_[:, 45:56, 45:56]
    expected = 100 * lens.counts_per_e + lens.offset_counts
    assert plain[middle].mean() == pytest.approx(expected, rel=0.03)
    ratio = (bright[middle].mean() - lens.offset_counts) / (
        plain[middle].mean() - lens.offset_counts
    )
    assert ratio == pytest.approx(1.2, rel=0.02)
    corner = plain[:, :5, :5].mean() - lens.offset_counts
    centre = plain[middle].mean() - lens.offset_counts
    assert corner / centre == pytest.approx(1 - lens.vignetting, abs=0.03)
    noise = plain[5, 45:56, 45:56].std() / lens.counts_per_e
    assert noise == pytest.approx(np.sqrt(100 + lens.read_e**2), rel=0.25)


def test_an_id_does_not_tell_the_class(specimen):
    half = len(specimen) // 2
    assert abs(specimen.neuron[:half].mean() - specimen.neuron[half:].mean()) < 0.3

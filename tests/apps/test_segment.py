"""segment: nuclei of simulated and real volumes; no block, rank or kind of source matters."""

import numpy as np
import pytest
import scipy.ndimage as ndi

import pmap as pm
from pmap import InputError
from pmap.apps import evaluate, runs, segment, simulate, tables
from pmap.apps.kernels.baseline import plain_nuclei
from pmap.apps.segment import SegmentSettings

VOXEL_UM = (1.0, 0.5, 0.5)
SETTINGS = SegmentSettings(VOXEL_UM, 9.0)


@pytest.fixture(scope="module")
def tile(tmp_path_factory):
    """One simulated tile: the file, the image, the true labels."""
    out = tmp_path_factory.mktemp("sim") / "brain"
    simulate.simulate(simulate.SimulateSettings((1, 1), (32, 128, 128), seed=11), out)
    with (
        pm.io.open(out / "dapi_r0_c0.tif") as image,
        pm.io.open(out / "truth" / "labels_r0_c0.tif") as truth,
    ):
        return out / "dapi_r0_c0.tif", image[:], truth[:]


@pytest.fixture(scope="module")
def found(tile):
    return segment.find_nuclei(tile[1], SETTINGS)


def test_nuclei_are_found_better_than_by_plain_scikit_image(tile, found):
    ours = evaluate.compare_labels(found[0], tile[2])
    plain = evaluate.compare_labels(plain_nuclei(tile[1], VOXEL_UM, 9.0), tile[2])
    assert ours["f1_iou_0.5"] >= 0.9 and ours["f1_iou_0.7"] >= 0.8
    assert ours["f1_iou_0.5"] >= plain["f1_iou_0.5"] + 0.03
    assert ours["f1_iou_0.7"] >= plain["f1_iou_0.7"] + 0.1
    assert plain["f1_iou_0.5"] > 0.6  # a comparator that is worth its name


@pytest.mark.parametrize("block_vox", [(24, 48, 48), (7, 200, 50)])
@pytest.mark.parametrize("kind", ["ndarray", "DistArray", "file"])
def test_neither_blocks_nor_the_kind_of_source_change_anything(tile, found, block_vox, kind):
    settings = SegmentSettings(VOXEL_UM, 9.0, block_vox=block_vox)
    path, image, _ = tile
    if kind == "DistArray":
        image = pm.asarray(image, map=pm.Map([1, -1, 1]))
    elif kind == "file":
        image = pm.io.open(path)
    labels, cells = segment.find_nuclei(image, settings)
    assert np.array_equal(labels[:] if kind == "file" else np.asarray(labels), found[0])
    assert list(cells) == list(found[1])
    for name, column in cells.items():
        assert np.array_equal(column, found[1][name], equal_nan=True), name


def test_labels_are_numbered_in_the_order_of_their_first_voxels_and_connected(found):
    labels, cells = found
    assert labels.dtype == np.uint32
    ids, first = np.unique(labels, return_index=True)
    assert ids.tolist() == list(range(len(cells["label"]) + 1))
    assert (np.diff(first[1:]) > 0).all()
    for i, box in enumerate(ndi.find_objects(labels.astype(int)), 1):
        assert ndi.label(labels[box] == i)[1] == 1


def test_the_table_measures_the_labels(tile, found):
    labels, cells = found
    k = len(cells["label"]) // 2
    mine = labels == cells["label"][k]
    table = segment.cell_table(cells, VOXEL_UM, "r3_c4")
    assert list(table) == list(tables.CELL_COLUMNS)
    assert table["volume_um3"][k] == mine.sum() * 0.25
    assert table["diameter_um"][k] == pytest.approx((6 / np.pi * mine.sum() * 0.25) ** (1 / 3))
    centre = np.argwhere(mine).mean(axis=0) * VOXEL_UM
    np.testing.assert_allclose([table[n][k] for n in ("z_um", "y_um", "x_um")], centre)
    values = tile[1][mine].astype(float)
    spread = values - values.mean()
    assert table["mean"][k] == pytest.approx(values.mean())
    assert table["std"][k] == pytest.approx(values.std())
    assert table["skew"][k] == pytest.approx((spread**3).mean() / values.std() ** 3)
    assert table["kurtosis"][k] == pytest.approx((spread**4).mean() / values.var() ** 2 - 3)
    assert set(table["class"]) == {"unclassified"} and set(table["tile"]) == {"r3_c4"}


def test_gain_and_offset_of_the_camera_do_not_matter(tile, found):
    changed = tile[1].astype(np.float64) * 3 + 1000
    labels, _ = segment.find_nuclei(changed, SETTINGS)
    score = evaluate.compare_labels(labels, found[0])
    assert score["f1_iou_0.9"] > 0.98


def test_files_of_a_run(tile, tmp_path):
    run = runs.open_run(tmp_path / "run", "test", {})
    result = segment.segment_file(tile[0], SETTINGS, run, (1, 2))
    table = tables.read_csv(run.path("tables", "r1_c2.csv"))
    with pm.io.open(run.path("labels", "r1_c2.h5"), dataset="labels") as labels:
        assert labels.dtype == np.uint32 and labels[:].max() == result["cells"] == len(table["id"])
        assert list(labels.attrs["voxel_um"]) == list(VOXEL_UM)
    assert set(table["tile"]) == {"r1_c2"}


def test_command_line_twice_gives_the_same_bytes(tile, tmp_path, capsys):
    common = [str(tile[0]), "--voxel-um", "1", "0.5", "0.5", "--diameter-um", "9", "--out"]
    assert segment.main([*common, str(tmp_path / "a")]) == 0
    assert "nuclei" in capsys.readouterr().out
    assert segment.main([*common, str(tmp_path / "b"), "--block-vox", "24", "48", "48"]) == 0
    one, two = (tmp_path / name / "cells.csv" for name in "ab")
    assert one.read_bytes() == two.read_bytes() and len(one.read_bytes()) > 1000
    assert segment.main([*common, str(tmp_path / "a"), "--sensitivity", "0.5"]) == 2
    assert "sensitivity" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (SegmentSettings((1.0, 0.0, 0.5), 9.0), "voxel size"),
        (SegmentSettings((1.0, -1.0, 0.5), 9.0), "voxel size"),
        (SegmentSettings((1.0, 0.5, float("nan")), 9.0), "voxel size"),
        (SegmentSettings((1.0, 0.5, 0.5), 1.2), "less than 3 voxels"),
        (SegmentSettings((1.0, 0.5, 0.5), -9.0), "diameter"),
        (SegmentSettings((1.0, 0.5, 0.5), 9.0, sensitivity=0), "sensitivity"),
        (SegmentSettings((1.0, 0.5, 0.5), 9.0, block_vox=(0, 8, 8)), "blocks"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, said, tile, tmp_path):
    run = runs.open_run(tmp_path / "run", "test", {})
    with pytest.raises(InputError, match=said):
        segment.segment_file(tile[0], settings, run)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((20, 30), np.uint16), "volume"),
        (np.where(np.arange(20**3).reshape(20, 20, 20) == 77, np.nan, 1.0), "NaN"),
        (np.where(np.arange(20**3).reshape(20, 20, 20) == 77, np.inf, 1.0), "infinite"),
    ],
)
def test_images_that_are_no_volume_of_numbers_are_refused(image, said, tmp_path):
    pm.io.save(tmp_path / "image.h5", image)
    run = runs.open_run(tmp_path / "run", "test", {})
    with pytest.raises(InputError, match=said):
        segment.segment_file(tmp_path / "image.h5", SETTINGS, run)
    assert not (tmp_path / "run" / "labels.h5").exists()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint16", "int64", "float32"])
def test_an_image_of_one_value_has_no_nuclei_and_that_is_said_once(dtype, tmp_path, capsys):
    pm.io.save(tmp_path / "flat.h5", np.ones((12, 40, 40), dtype))
    run = runs.open_run(tmp_path / "run", "test", {})
    assert segment.segment_file(tmp_path / "flat.h5", SETTINGS, run)["cells"] == 0
    assert capsys.readouterr().out.count("no nuclei") == 1
    assert len(tables.read_csv(run.path("cells.csv"))["id"]) == 0


def test_noise_alone_has_no_nuclei():
    noise = np.random.default_rng(0).poisson(50, (32, 96, 96)).astype(np.uint16)
    assert segment.find_nuclei(noise, SETTINGS)[0].max() == 0


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_any_real_dtype_will_do(tile, dtype):
    image = (tile[1][:20, :64, :64] / 64).astype(dtype)
    expected = segment.find_nuclei(np.floor(tile[1][:20, :64, :64] / 64), SETTINGS)[0]
    if np.dtype(dtype).kind == "f":
        image = np.floor(image)
    assert np.array_equal(segment.find_nuclei(image, SETTINGS)[0], expected)


def test_mouse_embryo_nuclei_of_qcanet(real_data):
    with (
        pm.io.open(real_data / "qcanet16" / "image.tif") as image,
        pm.io.open(real_data / "qcanet16" / "mask_gt.tif") as mask,
    ):
        labels, cells = segment.find_nuclei(image[:], SegmentSettings((1.75, 0.8, 0.8), 15.0))
        truth = ndi.label(mask[:] > 0)[0]
    score = evaluate.compare_labels(labels, truth)
    assert score["f1_iou_0.5"] >= 0.85 and score["f1_iou_0.7"] >= 0.85
    assert abs(len(cells["label"]) - 16) <= 2


def test_cortex_cells_of_cellfinder_are_found(real_data):
    import xml.etree.ElementTree as ElementTree

    folder = real_data / "cellfinder_cortex_2ch"
    markers = ElementTree.parse(folder / "cell_classification.xml").iter("Marker")
    at = np.array([[float(m.find(f"Marker{a}").text) for a in "ZYX"] for m in markers])
    with pm.io.open(folder / "signal.tif") as image:
        part = image[:, 100:350, 200:450]
    inside = ((at >= (0, 100, 200)) & (at < (30, 350, 450))).all(axis=1)
    at = np.rint(at[inside] - (0, 100, 200)).astype(int)
    labels, _ = segment.find_nuclei(part, SegmentSettings((5.0, 2.0, 2.0), 16.0))
    assert len(at) >= 5 and (labels[tuple(at.T)] > 0).mean() >= 0.9
    assert len(np.unique(labels)) - 1 < 400  # not the noise beside them


def test_a_channel_without_nuclei_has_hardly_any(real_data):
    with pm.io.open(real_data / "cellfinder_cortex_2ch" / "background.tif") as image:
        part = image[:, 100:350, 200:450]
    labels, _ = segment.find_nuclei(part, SegmentSettings((5.0, 2.0, 2.0), 16.0))
    assert labels.max() < 20 and (labels > 0).mean() < 0.005

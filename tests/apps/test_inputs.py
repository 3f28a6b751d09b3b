"""Every kind of bad image is named before work starts."""

import numpy as np
import pytest
import tifffile

from pmap import InputError
from pmap.apps import dataset, inputs
from pmap.apps.dataset import Channel

SHAPE = (6, 20, 24)


@pytest.fixture
def tiles(tmp_path):
    """Two good tiles of two channels, and their dataset."""
    rng = np.random.default_rng(5)
    for name in ("dapi_c0", "dapi_c1", "cfos_c0", "cfos_c1"):
        tifffile.imwrite(tmp_path / f"{name}.tif", rng.integers(0, 4000, SHAPE).astype(np.uint16))
    path = dataset.save(
        tmp_path / "dataset.toml",
        voxel_um=(1, 0.5, 0.5),
        grid=(1, 2),
        overlap=(0.1, 0.1),
        channels=[
            Channel("dapi", "nuclei", "dapi_c{col}.tif"),
            Channel("cfos", "marker", "cfos_c{col}.tif"),
        ],
    )
    return dataset.load(path)


def spoil(tiles, array, name="dapi_c1.tif"):
    tifffile.imwrite(tiles.path.parent / name, array)


def test_good_tiles(tiles):
    assert inputs.check_images(tiles) == SHAPE


def test_a_truncated_file(tiles):
    path = tiles.path.parent / "cfos_c1.tif"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"cfos_c1\.tif"):
        inputs.check_images(tiles)


def test_no_image_at_all(tiles):
    (tiles.path.parent / "dapi_c0.tif").write_text("not a picture")
    with pytest.raises(InputError, match=r"dapi_c0\.tif"):
        inputs.check_images(tiles)


def test_another_shape(tiles):
    spoil(tiles, np.arange(6 * 20 * 25, dtype=np.uint16).reshape(6, 20, 25))
    with pytest.raises(InputError, match=r"dapi_c1\.tif has shape .*25.* but .*dapi_c0\.tif has"):
        inputs.check_images(tiles)


def test_another_dtype(tiles):
    spoil(tiles, np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE))
    with pytest.raises(InputError, match=r"dapi_c1\.tif has dtype float32, but .* has uint16"):
        inputs.check_images(tiles)


def test_two_axes(tiles):
    spoil(tiles, np.arange(400, dtype=np.uint16).reshape(20, 20))
    with pytest.raises(InputError, match=r"dapi_c1\.tif"):
        inputs.check_images(tiles)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_constant_image(tiles, dtype):
    spoil(tiles, np.full(SHAPE, 7, dtype))
    with pytest.raises(InputError, match=r"dapi_c1\.tif: every voxel is 7.* constant"):
        inputs.check_images(tiles)


def test_one_voxel_that_differs_is_enough(tiles):
    image = np.full(SHAPE, 7, np.uint16)
    image[2, 3, 4] = 8
    spoil(tiles, image)
    assert inputs.check_images(tiles) == SHAPE


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_voxel_that_is_no_number(tiles, bad):
    image = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    image[3, 0, 0] = bad
    spoil(tiles, image)
    with pytest.raises(InputError, match=r"dapi_c1\.tif: plane 3 holds NaN or infinity"):
        inputs.check_images(tiles)


def test_many_problems_are_counted(tiles):
    for name in ("dapi_c0", "dapi_c1", "cfos_c0", "cfos_c1"):
        spoil(tiles, np.zeros(SHAPE, np.uint16), f"{name}.tif")
    with pytest.raises(InputError, match="cfos_c1"):
        inputs.check_images(tiles)

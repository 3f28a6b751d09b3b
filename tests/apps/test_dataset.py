"""Dataset files: round trip, tile order, and each wrong key named."""

import numpy as np
import pytest

from pmap import InputError
from pmap.apps import dataset
from pmap.apps.dataset import Channel

GOOD = """
[dataset]
name = "cortex"
voxel_um = [1, 0.227, 0.227]
grid = [1, 2]
overlap = [0.1, 0.1]

[[channel]]
name = "dapi"
role = "nuclei"
files = "dapi_r{row}_c{col:02d}.tif"

[[channel]]
name = "cfos"
role = "marker"
files = "cfos_{tile}.tif"
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("dapi_r0_c00", "dapi_r0_c01", "cfos_0", "cfos_1"):
        (tmp_path / f"{name}.tif").write_bytes(b"II")
    return tmp_path


def write(folder, text):
    path = folder / "dataset.toml"
    path.write_text(text)
    return path


def test_a_good_file(folder):
    d = dataset.load(write(folder, GOOD))
    assert d.name == "cortex"
    assert d.voxel_um == (1.0, 0.227, 0.227)
    assert d.tiles == [(0, 0), (0, 1)]
    assert d.file(d.channel("nuclei"), 0, 1) == folder / "dapi_r0_c01.tif"
    assert d.file("cfos", 0, 1) == folder / "cfos_1.tif"
    assert d.channel("other") is None
    assert d.truth_dir is None


def test_written_then_read(folder):
    (folder / "truth").mkdir()
    path = dataset.save(
        folder / "d.toml",
        name='odd "name" é',
        voxel_um=np.array([2.0, 0.5, 0.5]),
        grid=(1, 2),
        overlap=(0.2, 0.2),
        channels=[Channel("dapi", "nuclei", "dapi_r{row}_c{col:02d}.tif")],
        segment={"diameter_um": 9.5},
        truth_dir="truth",
    )
    d = dataset.load(path)
    assert (d.name, d.voxel_um, d.grid) == ('odd "name" é', (2.0, 0.5, 0.5), (1, 2))
    assert d.segment == {"diameter_um": 9.5}
    assert d.truth_dir == folder / "truth"


@pytest.mark.parametrize("start", dataset.STARTS)
@pytest.mark.parametrize("order", dataset.ORDERS)
def test_orders_visit_every_tile_once_from_the_corner(order, start):
    tiles = dataset.tile_order((3, 4), order, start)
    assert sorted(tiles) == [(r, c) for r in range(3) for c in range(4)]
    assert tiles[0] == (0 if start.startswith("top") else 2, 0 if start.endswith("left") else 3)
    steps = {abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in zip(tiles, tiles[1:], strict=False)}
    assert (steps == {1}) == (order == "snake")


def test_planes_in_files_of_their_own(folder):
    (folder / "t0").mkdir()
    text = GOOD.replace("cfos_{tile}.tif", "t{tile}/plane_{z:04d}.tif")
    with pytest.raises(InputError, match="missing .*t0.plane_"):
        dataset.load(write(folder, text))
    for tile in (0, 1):
        (folder / f"t{tile}").mkdir(exist_ok=True)
        (folder / f"t{tile}" / "plane_0000.tif").write_bytes(b"II")
    assert dataset.load(write(folder, text)).file("cfos", 0, 0) == folder / "t0" / "plane_*.tif"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("voxel_um", "voxel_mu", "unknown key 'voxel_mu'; did you mean 'voxel_um'"),
        ("[dataset]", "[datasett]\n[dataset]", "did you mean 'dataset'"),
        ('role = "nuclei"', 'rolle = "nuclei"', "did you mean 'role'"),
        ("[1, 0.227, 0.227]", "[1, 0.0, 0.227]", "voxel sizes must be positive"),
        ("[1, 0.227, 0.227]", "[1, 0.227]", "3 numbers are needed"),
        ("[1, 0.227, 0.227]", "true", "3 numbers are needed"),
        ("[1, 2]", "[1, 0]", "grid: rows and columns"),
        ("[1, 2]", "[1, 1.5]", "grid: rows and columns"),
        ("[0.1, 0.1]", "[0.1, 1.0]", "overlap: the share of a tile"),
        ("[0.1, 0.1]", "[0.1, 0]", "overlap: the share of a tile"),
        ("overlap = [0.1, 0.1]", "", "overlap is missing"),
        ('role = "marker"', 'role = "nuclei"', "exactly one"),
        ('role = "marker"', 'role = "markr"', "role: one of nuclei"),
        ("{row}", "{rwo}", "did you mean 'row'"),
        ('name = "cfos"', 'name = "dapi"', "the same name"),
        ("cfos_{tile}", "cfos_0", "the same file"),
        ("cfos_{tile}", "gone_{tile}", r"missing .*gone_0\.tif, .*gone_1\.tif"),
        ("grid = [1, 2]", 'grid = [1, 2]\norder = "spiral"', "order: one of snake, raster"),
        ("[dataset]", "[dataset", "not a TOML file"),
        ("[[channel]]", "[chanel]", "unknown key 'chanel'|not a TOML file"),
        ("[dataset]", '[truth]\ndir = "nowhere"\n[dataset]', "no folder"),
    ],
)
def test_what_is_wrong_is_named(folder, old, new, message):
    assert old in GOOD
    with pytest.raises(InputError, match=message):
        dataset.load(write(folder, GOOD.replace(old, new)))


def test_no_such_file(tmp_path):
    with pytest.raises(InputError, match="no dataset file"):
        dataset.load(tmp_path / "dataset.toml")

"""Files as arrays, against tifffile, h5py and czifile reading the whole file."""

import subprocess
import sys

import czifile
import h5py
import numpy as np
import pytest
import tifffile

import pmap as pm
from pmap.errors import GatherError, InputError, ShapeError

X = np.arange(6 * 40 * 50, dtype="uint16").reshape(6, 40, 50)

TIFF_KINDS = {
    "contiguous": {},
    "imagej": {"imagej": True, "metadata": {"axes": "ZYX"}},
    "deflate": {"compression": "zlib"},
    "deflate in strips": {"compression": "zlib", "rowsperstrip": 7},
    "predictor": {"compression": "zlib", "predictor": True},
    "tiled": {"tile": (16, 16), "compression": "zlib"},
    "tiled, plain": {"tile": (16, 32)},
    "BigTIFF": {"bigtiff": True},
    "big-endian": {"byteorder": ">"},
    "page by page": {"metadata": None},
    "plain strips": {"rowsperstrip": 7, "metadata": None},
    "OME": {"ome": True, "metadata": {"axes": "ZYX"}},
}


@pytest.fixture(params=TIFF_KINDS, name="tiff")
def _tiff(request, tmp_path):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, X, photometric="minisblack", **TIFF_KINDS[request.param])
    return path


def test_tiff_of_every_layout_reads_as_tifffile_reads_it(tiff):
    a = pm.io.open(tiff)
    assert (a.shape, a.dtype) == (X.shape, X.dtype)
    np.testing.assert_array_equal(a[...], X)
    rng = np.random.default_rng(3)
    for _ in range(20):
        ends = [sorted(rng.integers(0, n + 1, 2)) for n in X.shape]
        box = tuple(slice(int(p), int(q)) for p, q in ends)
        got = a.read(box)
        np.testing.assert_array_equal(got, X[box])
        assert got.flags.c_contiguous and got.dtype == X.dtype


def test_a_tiff_that_is_cut_off_anywhere_is_refused_or_whole(tiff, tmp_path):
    raw, cut = tiff.read_bytes(), tmp_path / "cut.tif"
    refused = 0
    for length in {*range(0, len(raw), len(raw) // 37), len(raw) - 1}:
        cut.write_bytes(raw[:length])
        try:
            a = pm.io.open(cut)
        except InputError as error:
            assert "cut.tif" in str(error)
            refused += 1
        else:  # what is missing then is no pixel and no directory
            np.testing.assert_array_equal(a[...], X)
    assert refused > 30


def test_the_error_names_the_plane_that_is_missing(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", X, photometric="minisblack")
    with tifffile.TiffFile(tmp_path / "x.tif") as tif:
        start = tif.series[0].dataoffset
    raw = (tmp_path / "x.tif").read_bytes()
    # directories that lie behind the pixels are cut with them: name the directory, else the plane
    (tmp_path / "x.tif").write_bytes(raw[: start + 3 * 4000 + 7])
    with pytest.raises(InputError, match=r"x\.tif is cut off: .* the file has"):
        pm.io.open(tmp_path / "x.tif")
    one = tifffile.TiffWriter(tmp_path / "y.tif")
    one.write(X[0], photometric="minisblack", metadata=None)
    one.close()
    raw = (tmp_path / "y.tif").read_bytes()
    (tmp_path / "y.tif").write_bytes(raw[:-9])
    with pytest.raises(InputError, match=r"plane 0 of 1 ends at byte \d+, the file has \d+"):
        pm.io.open(tmp_path / "y.tif")


def test_only_the_planes_of_the_box_are_decoded(tmp_path):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, X, compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(path) as tif:
        offset, count = (v[0] for v in (tif.pages[4].dataoffsets, tif.pages[4].databytecounts))
    raw = bytearray(path.read_bytes())
    raw[offset : offset + count] = b"\xff" * count
    path.write_bytes(raw)
    a = pm.io.open(path)
    np.testing.assert_array_equal(a[:4], X[:4])
    np.testing.assert_array_equal(a[5], X[5])
    with pytest.raises(InputError, match="page 4: cannot decode"):
        a[3:5]


def test_one_plane_has_three_axes(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", X[0])
    assert pm.io.open(tmp_path / "x.tif").shape == (1, 40, 50)


def test_channels_of_a_hyperstack(tmp_path):
    x = np.arange(3 * 2 * 8 * 9, dtype="uint16").reshape(3, 2, 8, 9)
    tifffile.imwrite(tmp_path / "x.tif", x, imagej=True, metadata={"axes": "ZCYX"})
    with pytest.raises(InputError, match="2 channels: choose one"):
        pm.io.open(tmp_path / "x.tif")
    with pytest.raises(InputError, match="asked for channel=2"):
        pm.io.open(tmp_path / "x.tif", channel=2)
    np.testing.assert_array_equal(pm.io.open(tmp_path / "x.tif", channel=1)[...], x[:, 1])


def test_colour_images_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", np.zeros((9, 9, 3), "uint8"), photometric="rgb")
    with pytest.raises(InputError, match="colour samples"):
        pm.io.open(tmp_path / "x.tif")


def test_voxel_size_of_imagej(tmp_path):
    tifffile.imwrite(
        tmp_path / "x.tif",
        X,
        imagej=True,
        resolution=(4.0, 2.0),
        metadata={"axes": "ZYX", "spacing": 1.5, "unit": "um"},
    )
    assert pm.io.open(tmp_path / "x.tif").attrs["voxel_um"] == pytest.approx((1.5, 0.5, 0.25))


def _write_planes(folder, names=("z1", "z2", "z10")):
    for name, plane in zip(names, X, strict=False):
        tifffile.imwrite(folder / f"{name}.tif", plane)


def test_planes_stand_in_natural_order(tmp_path):
    _write_planes(tmp_path)
    (tmp_path / "notes.txt").write_text("no plane")
    for path in (tmp_path, tmp_path / "z*.tif", sorted(tmp_path.glob("*.tif"))):
        np.testing.assert_array_equal(pm.io.open(path)[...], X[:3])
    assert str(pm.io.open(str(tmp_path)).path) == str(tmp_path)


@pytest.mark.parametrize("odd", [X[0, :-1], X[0].astype("uint8")])
def test_a_plane_unlike_the_others_is_named(tmp_path, odd):
    _write_planes(tmp_path)
    tifffile.imwrite(tmp_path / "z2.tif", odd)
    with pytest.raises(InputError, match=r"z2\.tif has shape .* but .*z1\.tif"):
        pm.io.open(tmp_path)


def test_a_cut_plane_of_a_stack_is_named(tmp_path):
    _write_planes(tmp_path)
    raw = (tmp_path / "z10.tif").read_bytes()
    (tmp_path / "z10.tif").write_bytes(raw[:-1])
    with pytest.raises(InputError, match=r"z10\.tif is cut off"):
        pm.io.open(tmp_path)


def test_errors_before_work_starts(tmp_path):
    (tmp_path / "signal.tif").write_bytes(b"no tiff at all")
    (tmp_path / "signal.h5").write_bytes(b"no hdf5 at all")
    (tmp_path / "signal.czi").write_bytes(b"no czi at all")
    (tmp_path / "signal.png").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for name, message in {
        "signl.tif": "near names in the folder: signal.tif",
        "nowhere/x.tif": "there is no folder",
        "signal.tif": "is not a TIFF file",
        "signal.h5": "is not a whole HDF5 file",
        "signal.czi": "is not a whole CZI file",
        "signal.png": r"supported are \.tif, \.tiff, \.h5",
        "empty": "holds no TIFF planes",
        "z*.tif": "no file matches",
    }.items():
        with pytest.raises(InputError, match=message) as caught:
            pm.io.open(tmp_path / name)
        assert str(tmp_path) in str(caught.value)


def test_hdf5_datasets_by_name(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f["group/x"] = X
        f["group/x"].attrs["voxel_um"] = (1, 0.5, 0.5)
    a = pm.io.open(tmp_path / "x.h5")
    np.testing.assert_array_equal(a[1:3, ::5, -1], X[1:3, ::5, -1])
    assert tuple(a.attrs["voxel_um"]) == (1, 0.5, 0.5)
    a.close()
    with pytest.raises(InputError, match="closed"):
        a[0]
    with h5py.File(tmp_path / "x.h5", "a") as f:
        f["y"] = X[0]
    with pytest.raises(InputError, match=r"name one with dataset=.*group/x .*y \(40, 50\)"):
        pm.io.open(tmp_path / "x.h5")
    with pytest.raises(InputError, match=r"asked for dataset='z'.*group/x"):
        pm.io.open(tmp_path / "x.h5", dataset="z")
    np.testing.assert_array_equal(pm.io.open(tmp_path / "x.h5", dataset="/y")[...], X[0])


def test_half_an_hdf5_file_is_refused(tmp_path):
    pm.io.save(tmp_path / "x.h5", X)
    raw = (tmp_path / "x.h5").read_bytes()
    (tmp_path / "x.h5").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(InputError, match="is not a whole HDF5 file"):
        pm.io.open(tmp_path / "x.h5")


@pytest.mark.parametrize("kept", [100_000, 1_000_000])
def test_a_cut_czi_is_refused(tmp_path, real_data, kept):
    whole = (real_data / "zeiss_czi" / "mosaic_test.czi").read_bytes()
    (tmp_path / "cut.czi").write_bytes(whole[:kept])
    with pytest.raises(InputError, match=r"cut\.czi is (cut off|not a whole)"):
        pm.io.czi_tiles(tmp_path / "cut.czi")


def test_mosaic_of_a_microscope(real_data):
    path = real_data / "zeiss_czi" / "mosaic_test.czi"
    whole = np.asarray(czifile.imread(path)).squeeze()
    tiles = pm.io.czi_tiles(path)
    assert [start for start, _ in tiles] == [(0, 0, 0), (0, 0, 832)]
    assert [tile.shape for _, tile in tiles] == [(1, 624, 924)] * 2
    np.testing.assert_array_equal(tiles[0][1][0, :, :832], whole[:, :832])
    np.testing.assert_array_equal(tiles[1][1][0, :, 92:], whole[:, 924:])
    mosaic = pm.io.open(path)
    np.testing.assert_array_equal(mosaic[0, 100:200, 800:1000], whole[100:200, 800:1000])


def test_scenes_of_a_microscope(real_data):
    path = real_data / "zeiss_czi" / "xyz__multiple_images.czi"
    with pytest.raises(InputError, match=r"scenes \[0, 1\]: choose one, scene="):
        pm.io.open(path)
    a = pm.io.open(path, scene=1)
    np.testing.assert_array_equal(a[...], czifile.imread(path)[0, 0, 1, 0, 0, ..., 0])
    assert a.attrs["voxel_um"] == pytest.approx((0.3, 0.1956, 0.1956), rel=1e-3)
    with pytest.raises(InputError, match="asked for channel=3"):
        pm.io.open(path, scene=0, channel=3)


def test_real_stacks_read_as_tifffile_reads_them(real_data):
    found = sorted(real_data.glob("*/*.tif"))
    assert len(found) > 5
    for path in found:
        np.testing.assert_array_equal(pm.io.open(path)[...], tifffile.imread(path))


KEYS = [
    (),
    ...,
    3,
    -1,
    (slice(None), 2),
    (slice(1, None, 2), slice(None, None, -3), -7),
    (..., slice(-5, 100)),
    (slice(4, 1), 0),
    (0, ..., slice(30, 2, -4)),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_file_is_indexed_as_numpy_indexes(key, tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", X, photometric="minisblack")
    np.testing.assert_array_equal(pm.io.open(tmp_path / "x.tif")[key], X[key])


def test_a_whole_file_becomes_an_ndarray_up_to_a_limit(tmp_path, monkeypatch):
    """C6."""
    tifffile.imwrite(tmp_path / "x.tif", X, photometric="minisblack")
    a = pm.io.open(tmp_path / "x.tif")
    np.testing.assert_array_equal(np.asarray(a), X)
    assert np.asarray(a, "float32").dtype == np.float32
    monkeypatch.setattr(pm.options, "gather_limit", X.nbytes - 1)
    with pytest.raises(GatherError, match="gather_limit"):
        np.asarray(a)


def test_boxes_outside_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", X, photometric="minisblack")
    a = pm.io.open(tmp_path / "x.tif")
    for box in (
        (slice(0, 7), slice(0, 1), slice(0, 1)),
        (slice(0, 1), slice(0, 1)),
        (slice(3, 2), slice(0, 1), slice(0, 1)),
        (slice(0, 4, 2), slice(0, 1), slice(0, 1)),
    ):
        with pytest.raises(ShapeError):
            a.read(box)
    for key in (6, (0, 0, 0, 0), (0, -41)):
        with pytest.raises(IndexError):
            a[key]
    with pytest.raises(InputError, match="opened for reading"):
        a[0, 0, 0] = 1


def test_scratch_is_zero_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(pm.options, "scratch_dir", str(tmp_path))
    a = pm.io.scratch((4, 5, 6), "float32")
    assert not list(tmp_path.iterdir())
    assert not a[...].any()
    a[1:3, 2, ::1] = np.arange(6)
    a.write((slice(3, 4), slice(0, 5), slice(5, 6)), 7)
    expected = np.zeros((4, 5, 6), "float32")
    expected[1:3, 2] = np.arange(6)
    expected[3, :, 5] = 7
    np.testing.assert_array_equal(a[...], expected)
    with pytest.raises(ShapeError, match="whole boxes"):
        a[::2] = 1
    assert pm.io.scratch((0, 3), "uint8")[...].shape == (0, 3)
    monkeypatch.setattr(pm.options, "scratch_dir", str(tmp_path / "none"))
    with pytest.raises(InputError, match="scratch_dir"):
        pm.io.scratch((2,), "uint8")


PEAK = """
import resource, sys
import pmap as pm
a = pm.io.open(sys.argv[1])
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for z in range(0, a.shape[0], 4):
    a.read((slice(z, z + 4), slice(0, a.shape[1]), slice(0, a.shape[2])))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux alone")
def test_memory_is_that_of_the_boxes_and_not_of_the_file(tmp_path):
    """C10: 512 MiB read in boxes of 16 MiB."""
    tifffile.imwrite(
        tmp_path / "x.tif", shape=(128, 2048, 1024), dtype="uint16", photometric="minisblack"
    )
    done = subprocess.run(
        [sys.executable, "-c", PEAK, tmp_path / "x.tif"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert float(done.stdout) < 100  # MiB

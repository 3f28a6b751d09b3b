"""What `pm.io.save` writes: equal when opened again, whole or not there."""

import h5py
import numpy as np
import pytest
import tifffile

import pmap as pm
from pmap.errors import InputError
from pmap.io import filearray, saving

X = np.arange(6 * 40 * 50, dtype="uint16").reshape(6, 40, 50)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "float32", "float64"])
@pytest.mark.parametrize("name", ["x.tif", "x.h5"])
def test_what_is_saved_opens_equal(name, dtype, tmp_path):
    x = (np.random.default_rng(0).random((37, 50, 61)) * 1000).astype(dtype)
    attrs = {"voxel_um": (1, 0.25, 0.5), "channel": "dapi"}
    pm.io.save(tmp_path / name, x, attrs=attrs)
    a = pm.io.open(tmp_path / name)
    assert a.dtype == x.dtype
    np.testing.assert_array_equal(a[...], x)
    assert tuple(a.attrs["voxel_um"]) == (1, 0.25, 0.5) and a.attrs["channel"] == "dapi"
    pm.io.save(tmp_path / f"copy_{name}", a)  # a file is a source too, and keeps its facts
    copy = pm.io.open(tmp_path / f"copy_{name}")
    np.testing.assert_array_equal(copy[...], x)
    assert copy.attrs["channel"] == "dapi"


def test_other_programs_read_what_is_saved(tmp_path):
    pm.io.save(tmp_path / "x.tif", X)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "x.tif"), X)
    pm.io.save(tmp_path / "x.h5", X, dataset="labels")
    with h5py.File(tmp_path / "x.h5") as f:
        np.testing.assert_array_equal(f["labels"][:], X)
        assert f["labels"].compression == "gzip"


@pytest.mark.parametrize(
    "x",
    [np.eye(3) > 0, np.zeros((0, 3)), np.float64(3), np.arange(10), np.zeros((2, 3, 4, 5), "c8")],
)
def test_hdf5_keeps_what_tiff_cannot(x, tmp_path):
    pm.io.save(tmp_path / "x.h5", x)
    a = pm.io.open(tmp_path / "x.h5")
    assert (a.shape, a.dtype) == (x.shape, x.dtype)
    np.testing.assert_array_equal(a[...], x)
    with pytest.raises(InputError, match=r"save it as \.h5"):
        pm.io.save(tmp_path / "x.tif", x)
    assert not (tmp_path / "x.tif").exists()


class Failing(filearray.FileArray):
    """A source that cannot be read to the end."""

    def _read(self, box):
        if box[0].start > 0:
            raise OSError("the disk is gone")
        return np.zeros([s.stop - s.start for s in box], self.dtype)


@pytest.mark.parametrize("name", ["x.tif", "x.h5"])
def test_a_failed_save_leaves_what_was_there(name, tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "SLAB_BYTES", 1000)
    pm.io.save(tmp_path / name, X)
    with pytest.raises(OSError, match="the disk is gone"):
        pm.io.save(tmp_path / name, Failing("nowhere", (40, 30, 30), "uint8"))
    np.testing.assert_array_equal(pm.io.open(tmp_path / name)[...], X)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_save_refuses_before_it_writes(tmp_path):
    for name, message in {"x.png": "files end in", "no/x.h5": "there is no folder"}.items():
        with pytest.raises(InputError, match=message):
            pm.io.save(tmp_path / name, X)
    with pytest.raises(InputError, match="'gzip' or None"):
        pm.io.save(tmp_path / "x.h5", X, compression="zip")
    with pytest.raises(InputError, match="an array of numbers"):
        pm.io.save(tmp_path / "x.h5", np.array(["a"]))
    assert not list(tmp_path.iterdir())

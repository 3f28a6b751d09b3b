"""Each rank its own part of a file; one file for all ranks."""

import numpy as np
import pytest

import pmap as pm
from pmap.errors import InputError
from pmap.io import filearray, saving
from pmap.ranks.comm import world

X = np.random.default_rng(0).integers(0, 60000, (11, 13, 17)).astype("uint16")


def maps(n):
    """Maps of three axes, some with empty blocks, some with ranks left out."""
    yield pm.Map([n, 1, 1])
    yield pm.Map([1, 1, n], dist="c")
    yield pm.Map([1, n, 1], dist=["b", ("bc", 2), "b"])
    yield pm.Map([1, 1, 1])
    yield pm.Map([n, 1, 1], overlap=1)
    yield "auto"


@pytest.mark.parametrize("name", ["x.tif", "x.h5"])
def test_saved_from_any_map_and_opened_with_any_map(name, common_path, monkeypatch):
    monkeypatch.setattr(saving, "SLAB_BYTES", 2000)  # several slabs
    for number, held in enumerate(maps(world().size)):
        path = common_path / f"{number}_{name}"
        pm.io.save(path, pm.asarray(X, map=held), attrs={"voxel_um": (1, 2, 3)})
        assert np.array_equal(pm.io.open(path)[...], X)
        for other in maps(world().size):
            a = pm.io.open(path, map=other)
            assert a.dtype == X.dtype
            wanted = pm.asarray(X, map=other)
            assert a.map == wanted.map
            assert np.array_equal(a.local, wanted.local)
            assert np.array_equal(np.asarray(a), X)
    world().barrier()


def test_a_file_is_the_same_from_any_source(common_path):
    sources = {
        "ndarray": X,
        "mapped": pm.asarray(X, map="auto"),
        "scratch": pm.io.scratch(X.shape, X.dtype),
    }
    if world().rank == 0:
        sources["scratch"][...] = X
    world().barrier()
    for name, x in sources.items():
        pm.io.save(common_path / f"{name}.tif", x)
    found = {(common_path / f"{name}.tif").read_bytes() for name in sources}
    assert len(found) == 1


def test_scratch_is_one_array_for_all_ranks():
    n, rank = world().size, world().rank
    a = pm.io.scratch((5, n, 3), "int32")
    a[:, rank] = rank + 1
    world().barrier()
    assert np.array_equal(a[...], np.broadcast_to(np.arange(1, n + 1)[:, None], (5, n, 3)))
    world().barrier()
    a.close()


class Failing(filearray.FileArray):
    """A source that cannot be read to the end."""

    def _read(self, box):
        if box[0].start > 0:
            raise OSError(f"the disk of rank {world().rank} is gone")
        return np.zeros([s.stop - s.start for s in box], self.dtype)


@pytest.mark.parametrize("name", ["x.tif", "x.h5"])
def test_an_error_of_one_rank_is_raised_on_all(name, common_path, monkeypatch):
    monkeypatch.setattr(saving, "SLAB_BYTES", 100)
    with pytest.raises(OSError, match=r"the disk of rank \d is gone") as caught:
        pm.io.save(common_path / name, Failing("nowhere", (80, 9, 9), "uint8"))
    assert len(set(world().allgather(str(caught.value)))) == 1
    world().barrier()
    assert not list(common_path.glob(f"*{name}*"))
    with pytest.raises(InputError, match="there is no folder"):
        pm.io.save(common_path / "none" / "x.h5", X)


def test_tasks_read_and_write_files_of_their_own(common_path):
    def work(number):
        path = common_path / f"task{number}.h5"
        pm.io.save(path, X + number)
        a = pm.io.open(path, map=pm.Map([-1, 1, 1]))
        return int(np.asarray(a, "int64").sum())

    expected = [int((X + np.uint16(k)).astype("int64").sum()) for k in range(7)]
    assert pm.foreach(range(7), work) == expected

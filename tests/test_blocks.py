"""The block engine on arrays in memory and in files."""

import tracemalloc

import numpy as np
import pytest
import scipy.ndimage as ndi
from hypothesis import given
from hypothesis import strategies as st

import pmap as pm
from pmap.images import chains, tiling

shapes = st.lists(st.integers(0, 12), min_size=1, max_size=3).map(tuple)


def as_file(x):
    a = pm.io.scratch(x.shape, x.dtype)
    a.write(tuple(slice(0, n) for n in x.shape), x)
    return a


@given(shapes, st.integers(1, 6))
def test_blocks_hold_each_voxel_once(shape, edge):
    count = np.zeros(shape, int)
    for box in tiling.block_grid(shape, edge):
        assert all(s.stop - s.start <= edge for s in box)
        count[box] += 1
    assert np.all(count == 1)


def test_default_blocks_cut_the_first_axis_first():
    assert tiling.block_shape((400, 1920, 1920))[1:] != (1920, 1920)
    assert tiling.block_shape((400, 100, 100)) == (104, 100, 100)
    assert np.prod(tiling.block_shape((64, 5000, 5000))) <= 2 * tiling.BLOCK_VOX


@given(shapes.filter(lambda s: 0 not in s), st.integers(1, 3), st.integers(1, 9))
def test_shares_give_each_block_to_one_rank(shape, edge, n_ranks):
    blocks = tiling.block_grid(shape, edge)
    table = chains.share(blocks, [np.zeros(shape)], n_ranks)
    assert len(table) == n_ranks
    assert [b for mine in table for b in mine] == blocks


@given(st.integers(1, 9), st.integers(-30, 30), st.integers(0, 30))
def test_wrapped_regions_are_periodic(n, start, length):
    x = np.arange(n)
    region = (slice(start, start + length),)
    [found] = chains.read_regions(x, [[region]], 0, (n,))
    assert np.array_equal(found, np.arange(start, start + length) % n)


def test_rounds_keep_to_the_memory_that_is_set(monkeypatch):
    monkeypatch.setattr(pm.options, "block_mb", 4 * 3 * 1000 * 8 / 2**20)
    a = pm.zeros((10, 1000), map=pm.Map([1, 1]))
    boxes = [tiling.block_grid(a.shape, (1, 1000))]
    assert [len(table[0]) for table in chains.rounds(boxes, [a], None)] == [3, 3, 3, 1]
    assert len(chains.rounds(boxes, [pm.io.scratch(a.shape, float)], None)) == 10


@pytest.mark.parametrize("boundary", ["reflect", "mirror", "nearest", "wrap", "constant"])
@pytest.mark.parametrize("depth", [0, 1, 4, 17])
def test_map_overlap_is_numpy_pad_and_crop(boundary, depth):
    how = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge"}.get(boundary, boundary)
    x = np.random.default_rng(0).integers(0, 9, (7, 5))
    padded = np.pad(x, depth, mode=how)
    window = np.ones((2 * depth + 1,) * 2, int)

    def total(a):
        return ndi.correlate(a, window, mode="constant")

    inner = tuple(slice(depth, n - depth) for n in padded.shape)
    for source in (x, as_file(x)):
        found = pm.map_overlap(total, source, depth=depth, boundary=boundary, block_vox=3)
        assert np.array_equal(found[...], total(padded)[inner])


def test_boundaries_and_constants_are_set_per_axis():
    x = np.arange(12.0).reshape(3, 4)
    padded = np.pad(np.pad(x, [(1, 1), (0, 0)], mode="wrap"), [(0, 0), (1, 1)], constant_values=7)
    seen = {}

    def keep(a, block_info):
        seen[block_info["index"]] = a
        return a

    pm.map_overlap(
        keep, x, depth=1, boundary=("wrap", "constant"), cval=7, block_vox=8, block_info=True
    )
    assert np.array_equal(seen[0], padded)


def test_results_go_where_their_sources_are():
    x = np.arange(24.0).reshape(4, 6)
    assert type(pm.map_blocks(np.sqrt, x, block_vox=3)) is np.ndarray
    in_file = pm.map_blocks(np.sqrt, as_file(x), block_vox=3)
    assert isinstance(in_file, pm.io.FileArray) and in_file.dtype == float
    assert np.array_equal(in_file[...], np.sqrt(x))
    both = pm.map_blocks(np.add, as_file(x), x.astype(np.float32), dtype=np.float32)
    assert both.dtype == np.float32
    out = np.zeros((4, 6), np.int8)
    assert pm.map_blocks(np.negative, as_file(x), block_vox=2, out=out) is out
    assert np.array_equal(out, -x)


def test_a_kernel_may_write_into_its_block():
    x = np.zeros((4, 4))

    def scribble(a):
        a += 1
        return a

    assert pm.map_blocks(scribble, x, block_vox=2).sum() == 16
    assert x.sum() == 0


def test_arrays_without_voxels_and_without_axes():
    assert pm.map_blocks(np.negative, np.zeros((0, 3))).shape == (0, 3)
    assert pm.map_blocks(np.negative, np.float64(3.0)) == -3.0


def test_memory_is_set_by_the_block_and_not_by_the_file():
    file = pm.io.scratch((256, 256, 256), np.float32)
    file.write((slice(100, 164),) * 3, np.ones((64, 64, 64), np.float32))
    tracemalloc.start()
    smooth = pm.ndimage.gaussian_filter(file, 1.0)
    labels, n = pm.measure.label(pm.map_blocks(lambda a: a > 0, file), return_num=True)
    table = pm.measure.regionprops_table(labels, smooth, ("area", "intensity_mean"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (n, table["area"].tolist()) == (1, [64.0**3])
    assert peak < file.nbytes / 2


def test_wrong_calls_say_what_is_wrong():
    x = np.zeros((4, 5))
    with pytest.raises(pm.ShapeError, match="one shape"):
        pm.map_blocks(np.add, x, x[:2])
    with pytest.raises(pm.ShapeError, match="keep the shape"):
        pm.map_blocks(lambda a: a[:1], x)
    with pytest.raises(pm.InputError, match="'mirrored' is not known"):
        pm.map_overlap(np.abs, x, depth=1, boundary="mirrored")
    with pytest.raises(pm.InputError, match="negative"):
        pm.map_overlap(np.abs, x, depth=(1, -1))
    with pytest.raises(pm.ShapeError, match="one per axis"):
        pm.map_overlap(np.abs, x, depth=(1, 1, 1))
    with pytest.raises(pm.ShapeError, match="at least 1 voxel"):
        pm.map_blocks(np.abs, x, block_vox=0)
    with pytest.raises(pm.InputError, match="at least one array"):
        pm.map_blocks(np.abs)

"""Encoders of the precomputed formats against independent decoders."""

import gzip
import json

import compressed_segmentation
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmap.apps.kernels import annotations, downsampling, precomputed, properties, sharding


def labels_of(seed, shape, ids, dtype):
    """Random labels in small patches."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, ids, [-(-n // 3) for n in shape])
    big = np.kron(coarse, np.ones((3, 3, 3), int))[tuple(slice(0, n) for n in shape)]
    return big.astype(dtype) * (dtype(1) << dtype(dtype(0).itemsize * 8 - 8))


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
@pytest.mark.parametrize("ids", [1, 2, 3, 6, 20, 200])
@pytest.mark.parametrize("shape", [(16, 8, 24), (5, 11, 19), (1, 1, 1), (64, 64, 64)])
def test_labels_decode_to_themselves(shape, ids, dtype):
    labels = labels_of(ids, shape, ids, dtype)
    data = precomputed.encode_segmentation(labels)
    got = compressed_segmentation.decompress(
        data, shape[::-1], dtype, block_size=(8, 8, 8), order="F"
    )
    np.testing.assert_array_equal(got.T, labels)


def test_a_block_may_hold_512_values():
    labels = np.arange(16**3, dtype=np.uint32).reshape(16, 16, 16)
    data = precomputed.encode_segmentation(labels)
    got = compressed_segmentation.decompress(
        data, (16, 16, 16), np.uint32, block_size=(8, 8, 8), order="F"
    )
    np.testing.assert_array_equal(got.T, labels)


def test_empty_chunks_are_small():
    assert len(precomputed.encode_segmentation(np.zeros((64, 64, 64), np.uint32))) < 4200


def test_gzip_is_the_same_at_any_time():
    data = bytes(range(256)) * 40
    packed = precomputed.gzipped(data)
    assert gzip.decompress(packed) == data
    assert packed[4:8] == bytes(4)  # the time in the header


def test_images_are_little_endian_with_x_fastest():
    chunk = np.arange(24, dtype=">u2").reshape(2, 3, 4)
    got = np.frombuffer(precomputed.encode_image(chunk), "<u2").reshape(4, 3, 2, order="F")
    np.testing.assert_array_equal(got.T, chunk)


@given(
    st.tuples(*[st.integers(1, 700)] * 3),
    st.tuples(*[st.sampled_from([0.1, 0.227, 1.0, 3.0])] * 3),
    st.tuples(*[st.integers(-90, 90)] * 3),
)
def test_scales_cover_the_volume_and_go_towards_cubes(shape, voxel_um, start):
    scales = precomputed.scales_of(shape, voxel_um, start)
    assert scales[0].factor == (1, 1, 1) and scales[0].shape == shape
    assert max(scales[-1].shape) <= 64
    assert len({s.key for s in scales}) == len(scales)
    for fine, coarse in zip(scales, scales[1:], strict=False):
        ratio = [b // a for a, b in zip(fine.factor, coarse.factor, strict=True)]
        assert set(ratio) <= {1, 2} and 2 in ratio
        for axis in range(3):
            f = coarse.factor[axis]
            assert coarse.start[axis] * f <= start[axis] < (coarse.start[axis] + 1) * f
            end = start[axis] + shape[axis]
            assert (coarse.stop[axis] - 1) * f < end <= coarse.stop[axis] * f
            assert coarse.resolution_nm[axis] == pytest.approx(voxel_um[axis] * f * 1000)
        halved = [r for r, k in zip(fine.resolution_nm, ratio, strict=True) if k == 2]
        kept = [
            r
            for r, k, n in zip(fine.resolution_nm, ratio, fine.shape, strict=True)
            if k == 1 and n > 1
        ]
        assert not kept or min(kept) >= 2 * min(halved)


@pytest.mark.parametrize("shape", [(7, 9, 8), (1, 5, 6), (4, 4, 4)])
@pytest.mark.parametrize("front", [(0, 0, 0), (1, 0, 1)])
@pytest.mark.parametrize("factor", [(1, 2, 2), (2, 2, 2)])
def test_means_and_commonest_labels_window_by_window(shape, front, factor):
    rng = np.random.default_rng(5)
    front = tuple(min(p, f - 1) for p, f in zip(front, factor, strict=True))
    image = rng.integers(0, 65536, shape).astype("uint16")
    labels = rng.integers(0, 3, shape).astype("uint32")
    mean = downsampling.halve_image(image, factor, front)
    mode = downsampling.halve_labels(labels, factor, front)
    assert mean.dtype == image.dtype and mode.dtype == labels.dtype
    assert mean.shape == tuple(
        -(-(n + p) // f) for n, p, f in zip(shape, front, factor, strict=True)
    )
    for cell in np.ndindex(mean.shape):
        window = tuple(
            slice(max(c * f - p, 0), (c + 1) * f - p)
            for c, f, p in zip(cell, factor, front, strict=True)
        )
        inside = image[window].astype(float)
        assert mean[cell] == np.floor(inside.mean() + 0.5)
        values, counts = np.unique(labels[window], return_counts=True)
        best = values[counts == counts.max()]
        assert mode[cell] in best
        assert mode[cell] != 0 or list(best) == [0]


def test_float_means_stay_float():
    x = np.array([[[1.0, 2.0, 4.0]]], "float32")
    got = downsampling.halve_image(x, (1, 1, 2))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, [[[1.5, 4.0]]])


def test_outlines_are_one_voxel_inside_each_label():
    labels = np.zeros((2, 9, 9), np.uint32)
    labels[0, 2:7, 2:6] = 3
    labels[0, 2:7, 6:8] = 4
    expected = labels.copy()
    expected[0, 3:6, 3:5] = 0
    np.testing.assert_array_equal(downsampling.outlines(labels), expected)


def read_shards(files, spec):
    """Independent reader of the sharded format: {id: bytes}."""
    found, minishards = {}, 1 << spec["minishard_bits"]
    for name, data in files.items():
        base = 16 * minishards
        for m in range(minishards):
            a, b = (int.from_bytes(data[16 * m + k : 16 * m + k + 8], "little") for k in (0, 8))
            index = np.frombuffer(data[base + a : base + b], "<u8").reshape(3, -1)
            key, at = 0, base
            for step, gap, size in index.T.tolist():
                key, at = key + step, at + gap
                found[key] = data[at : at + size]
                at += size
                hashed = key >> spec["preshift_bits"]
                assert hashed % minishards == m
                shard = (hashed >> spec["minishard_bits"]) % (1 << spec["shard_bits"])
                assert name == f"{shard:x}".zfill(-(-spec["shard_bits"] // 4)) + ".shard"
    return found


@pytest.mark.parametrize("bits", [(0, 0), (2, 0), (1, 3), (3, 5)])
def test_shards_give_back_every_record(bits):
    rng = np.random.default_rng(1)
    ids = rng.choice(2**40, 200, replace=False).tolist()
    records = {i: bytes(rng.integers(0, 256, rng.integers(0, 30)).astype("u1")) for i in ids}
    spec = sharding.sharding_of(200) | {"minishard_bits": bits[0], "shard_bits": bits[1]}
    assert read_shards(sharding.encode_shards(records, spec), spec) == records


@pytest.mark.parametrize("grid", [(1, 1, 1), (7, 141, 141), (1, 5, 9), (3, 3, 3), (16, 2, 1)])
def test_a_shard_of_a_volume_is_a_box_of_chunks(grid):
    spec = sharding.volume_sharding(grid, gzip=False)
    box = sharding.shard_box(grid)
    codes, members = set(), {}
    for cell in np.ndindex(grid):
        code = sharding.morton_code(cell, grid)
        assert code < 2 ** (spec["preshift_bits"] + spec["shard_bits"])
        codes.add(code)
        shard = code >> spec["preshift_bits"]
        members.setdefault(shard, set()).add(tuple(c // b for c, b in zip(cell, box, strict=True)))
    assert len(codes) == np.prod(grid)
    assert all(len(boxes) == 1 for boxes in members.values())


def test_the_number_of_files_stays_small():
    spec = sharding.sharding_of(5_000_000)
    assert spec["minishard_bits"] + spec["shard_bits"] == 14
    assert sharding.sharding_of(0)["minishard_bits"] == 0


class Decoder:
    """Independent reader of an annotation collection, from the words of the format."""

    def __init__(self, files):
        self.files = files
        self.info = json.loads(json.dumps(files["info"]))
        kinds = {"float32": "<f4", "uint32": "<u4", "uint16": "<u2", "uint8": "u1", "rgb": "3u1"}
        order = {"float32": 0, "uint32": 0, "uint16": 1, "uint8": 2, "rgb": 2}
        listed = self.info["properties"]
        assert listed == sorted(listed, key=lambda p: order[p["type"]])
        fields = [("xyz", "3<f4")] + [(p["id"], kinds[p["type"]]) for p in listed]
        size = np.dtype(fields).itemsize
        self.record = np.dtype({
            "names": [f[0] for f in fields],
            "formats": [f[1] for f in fields],
            "offsets": np.cumsum([0] + [np.dtype(f[1]).itemsize for f in fields])[:-1].tolist(),
            "itemsize": size + -size % 4,
        })  # fmt: skip

    def several(self, data):
        count = int.from_bytes(data[:8], "little")
        end = 8 + count * self.record.itemsize
        assert len(data) == end + 8 * count
        return np.frombuffer(data[8:end], self.record), np.frombuffer(data[end:], "<u8")

    def folder(self, key):
        return {n.split("/", 1)[1]: d for n, d in self.files.items() if n.startswith(key + "/")}


def make_points(n, shape=(40, 300, 300), limit=20, seed=0):
    rng = np.random.default_rng(seed)
    zyx = rng.random((n, 3)) * (np.array(shape) - 1)
    ids = rng.permutation(n) * 3 + 1
    kinds = rng.integers(0, 3, n).astype("u1")
    color = rng.integers(0, 256, (n, 3)).astype("u1")
    volume = rng.random(n).astype("f4")
    given_properties = [
        annotations.Property("class", "uint8", kinds, ("a", "b", "c")),
        annotations.Property("color", "rgb", color),
        annotations.Property("volume", "float32", volume),
        annotations.Property("tile", "uint16", kinds.astype("u2") * 300),
    ]
    files = annotations.encode_points(ids, zyx, shape, (1, 0.25, 0.25), given_properties, limit)
    return files, ids, zyx, kinds, color, volume


@pytest.mark.parametrize("n", [0, 1, 7, 3000])
def test_every_point_is_in_one_cell_of_one_level(n):
    files, ids, zyx, kinds, color, volume = make_points(n)
    read = Decoder(files)
    row = {int(i): k for k, i in enumerate(ids)}
    seen = []
    info = read.info
    lower, upper = np.array(info["lower_bound"]), np.array(info["upper_bound"])
    for level in info["spatial"]:
        grid, size = np.array(level["grid_shape"]), np.array(level["chunk_size"])
        np.testing.assert_allclose(grid * size, upper - lower)
        for name, data in read.folder(level["key"]).items():
            cell = np.array(name.split("_"), int)
            assert (cell >= 0).all() and (cell < grid).all()
            records, found = read.several(data)
            assert len(found) <= 2 * level["limit"]
            for record, i in zip(records, found.tolist(), strict=True):
                seen.append(i)
                k = row[i]
                np.testing.assert_allclose(record["xyz"], zyx[k, ::-1] + 0.5, rtol=1e-6)
                assert (record["xyz"] >= lower + cell * size - 1e-3).all()
                assert (record["xyz"] <= lower + (cell + 1) * size + 1e-3).all()
                assert record["class"] == kinds[k] and record["volume"] == volume[k]
                assert record["tile"] == 300 * int(kinds[k])
                assert record["color"].tolist() == color[k].tolist()
    assert sorted(seen) == sorted(ids.tolist())
    assert len(info["spatial"]) > (3 if n == 3000 else 0)


def test_levels_are_cut_towards_cubes_and_are_a_fair_sample():
    files, ids, zyx, *_ = make_points(4000)
    read = Decoder(files)
    levels = read.info["spatial"]
    assert levels[0]["grid_shape"] == [1, 1, 1]
    voxel = np.array([0.25, 0.25, 1.0])
    for coarse, fine in zip(levels, levels[1:], strict=False):
        ratio = np.array(fine["grid_shape"]) / coarse["grid_shape"]
        assert set(ratio) <= {1, 2}
    size = np.array(levels[-1]["chunk_size"]) * voxel
    assert size.max() / size.min() < 3
    # the coarse levels show points of every quarter of the volume
    row = {int(i): k for k, i in enumerate(ids)}
    coarse = [
        row[i]
        for level in levels[:3]
        for data in read.folder(level["key"]).values()
        for i in read.several(data)[1].tolist()
    ]
    quarter = (zyx[coarse, 1] > 150) * 2 + (zyx[coarse, 2] > 150)
    assert np.bincount(quarter, minlength=4).min() > len(coarse) / 8


def test_points_at_one_place_come_to_an_end():
    zyx = np.full((500, 3), 2.0)
    files = annotations.encode_points(np.arange(500), zyx, (5, 5, 5), (1, 1, 1), [], limit=3)
    read = Decoder(files)
    found = [
        i
        for level in read.info["spatial"]
        for d in read.folder(level["key"]).values()
        for i in read.several(d)[1].tolist()
    ]
    assert sorted(found) == list(range(500))


def test_points_by_id_and_by_segment():
    files, ids, zyx, kinds, *_ = make_points(1500)
    read = Decoder(files)
    by_id = read.info["by_id"]
    records = read_shards(read.folder(by_id["key"]), by_id["sharding"])
    assert sorted(records) == sorted(ids.tolist())
    size = read.record.itemsize
    for k, i in enumerate(ids.tolist()):
        data = records[i]
        record = np.frombuffer(data[:size], read.record)[0]
        np.testing.assert_allclose(record["xyz"], zyx[k, ::-1] + 0.5, rtol=1e-6)
        assert np.frombuffer(data[size : size + 4], "<u4")[0] == 1
        assert np.frombuffer(data[size + 4 :], "<u8").tolist() == [i]
    (relation,) = read.info["relationships"]
    related = read_shards(read.folder(relation["key"]), relation["sharding"])
    assert sorted(related) == sorted(ids.tolist())
    for i, data in related.items():
        assert read.several(data)[1].tolist() == [i]


def test_the_same_points_give_the_same_bytes():
    assert make_points(500)[0] == make_points(500)[0]


def test_segment_properties():
    ids = np.array([4, 9, 12])
    tags = {"neuron": np.array([1, 0, 1]), "cfos": np.array([0, 0, 1])}
    numbers = {"volume_um3": np.array([1.5, np.nan, 3])}
    info = properties.segment_properties(ids, ["a", "b", "c"], tags, numbers)
    label, tag, number = json.loads(json.dumps(info, allow_nan=False))["inline"]["properties"]
    assert info["inline"]["ids"] == ["4", "9", "12"]
    assert label["values"] == ["a", "b", "c"]
    assert tag["tags"] == ["neuron", "cfos"] and tag["values"] == [[0], [], [0, 1]]
    assert number["values"] == [1.5, 0.0, 3.0] and number["data_type"] == "float32"

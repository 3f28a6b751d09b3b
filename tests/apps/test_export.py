"""export: cloud-volume reads what was written; the server gives what a browser asks for."""

import gzip
import json
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest

import pmap as pm
from pmap import InputError
from pmap.apps import dataset as datasets
from pmap.apps import export, runlayers, serving, tables, volumes
from pmap.apps.kernels.downsampling import outlines
from tests.apps.exported import SHAPE, VOXEL_UM, export_arguments, specimen

cloudvolume = pytest.importorskip("cloudvolume", reason="cloud-volume reads the volumes back")


def read_back(folder, mip=0):
    """The volume as (z, y, x), by cloud-volume, and its metadata."""
    volume = cloudvolume.CloudVolume(f"file://{folder}", mip=mip, progress=False)
    return np.asarray(volume[:])[..., 0].T, volume


@pytest.fixture(scope="module", name="made")
def _made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    image, labels, cells = specimen(folder)
    assert export.main(export_arguments(folder, folder / "out")) == 0
    return folder / "out", image, labels, cells


def test_every_volume_reads_back_equal(made):
    out, image, labels, _ = made
    wanted = {
        "dapi": image,
        "cfos": image.astype("float32") / 2,
        "labels": labels,
        "outlines": outlines(labels),
    }
    for name, x in wanted.items():
        got, volume = read_back(out / name)
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(got, x)
        assert tuple(volume.resolution) == (400, 400, 1000)


def test_coarser_scales_are_means_and_commonest_labels(made):
    out, image, labels, _ = made
    _, volume = read_back(out / "dapi")
    assert [tuple(s["resolution"]) for s in volume.info["scales"]] == [
        (400, 400, 1000),
        (800, 800, 1000),
        (1600, 1600, 2000),
    ]
    even = image[:, :, :170].astype(float)
    mean = even.reshape(50, 75, 2, 85, 2).mean(axis=(2, 4))
    np.testing.assert_array_equal(read_back(out / "dapi", 1)[0], np.floor(mean + 0.5))
    coarse, fine = read_back(out / "labels", 1)[0], labels.reshape(50, 75, 2, 85, 2)
    votes = (fine == coarse[:, :, None, :, None]).sum(axis=(2, 4))
    assert (votes >= 2).mean() > 0.99 and votes.min() >= 1
    coarsest, _ = read_back(out / "labels", 2)
    assert coarsest.shape == (25, 38, 43)
    assert set(np.unique(coarsest)) == set(np.unique(labels))
    np.testing.assert_array_equal(read_back(out / "outlines", 2)[0], outlines(coarsest))


def test_segments_have_their_properties(made):
    out, _, _, cells = made
    info = json.loads((out / "labels" / "info").read_text())
    table = json.loads((out / "labels" / info["segment_properties"] / "info").read_text())["inline"]
    assert table["ids"] == [str(i) for i in cells["id"]]
    values = {p["id"]: p["values"] for p in table["properties"]}
    tags = next(p["tags"] for p in table["properties"] if p["type"] == "tags")
    for i, kind, cfos, marks in zip(
        cells["id"], cells["class"], cells["cfos"], values["tags"], strict=True
    ):
        assert {tags[m] for m in marks} == {kind} | ({"cfos"} if cfos == "1" else set())
        assert values["label"][table["ids"].index(str(i))] == f"{kind} {i}"
    np.testing.assert_allclose(values["volume_um3"], cells["volume_um3"], rtol=1e-6)


def test_centroids_lie_in_their_nuclei(made):
    out, _, labels, cells = made
    info = json.loads((out / "centroids" / "info").read_text())
    assert info["dimensions"] == {"x": [4e-7, "m"], "y": [4e-7, "m"], "z": [1e-6, "m"]}
    assert info["upper_bound"] == list(SHAPE[::-1])
    size = 12 + 4 * sum(p["type"] == "float32" for p in info["properties"])
    size += sum({"uint8": 1, "rgb": 3}.get(p["type"], 0) for p in info["properties"])
    size += -size % 4
    found = []
    for path in (out / "centroids").glob("spatial*/*"):
        data = path.read_bytes()
        n = int.from_bytes(data[:8], "little")
        ids = np.frombuffer(data[8 + n * size :], "<u8")
        for k, i in enumerate(ids.tolist()):
            x, y, z = np.frombuffer(data, "<f4", 3, 8 + k * size)
            assert labels[int(z), int(y), int(x)] == i
            found.append(i)
    assert sorted(found) == sorted(cells["id"].tolist())


def test_the_viewer_state_shows_all_layers(made):
    out, _, _, cells = made
    state = json.loads((out / "neuroglancer.json").read_text())
    layers = {layer["name"]: layer for layer in state["layers"]}
    assert list(layers) == ["dapi", "cfos", "labels", "outlines", "centroids"]
    for name, layer in layers.items():
        assert layer["source"] == f"precomputed://http://127.0.0.1:8080/{name}"
    colors = {"neuron": "#ff3020", "glia": "#3070ff", "unclassified": "#ffd030"}
    shown = layers["labels"]
    for i, kind in zip(cells["id"], cells["class"], strict=True):
        assert shown["segmentColors"].get(str(i), shown["segmentDefaultColor"]) == colors[kind]
    low, high = layers["dapi"]["shaderControls"]["normalized"]["range"]
    assert 200 < low < 300 < high < 3000


def test_gzip_gives_the_same_voxels_and_the_same_bytes(made, tmp_path):
    out, image, labels, _ = made
    folder = out.parent
    for name in ("a", "b"):
        assert export.main([*export_arguments(folder, tmp_path / name), "--gzip"]) == 0
    np.testing.assert_array_equal(read_back(tmp_path / "a" / "dapi")[0], image)
    np.testing.assert_array_equal(read_back(tmp_path / "a" / "labels")[0], labels)
    files = sorted(
        p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()
    )
    assert any(p.suffix == ".gz" for p in files)
    for p in files:
        assert (tmp_path / "a" / p).read_bytes() == (tmp_path / "b" / p).read_bytes(), p


@pytest.mark.parametrize("gzip_too", [False, True])
def test_shards_give_the_same_voxels_in_few_files(made, tmp_path, gzip_too):
    out, image, labels, _ = made
    more = ["--sharded", *(["--gzip"] if gzip_too else [])]
    assert export.main([*export_arguments(out.parent, tmp_path / "out"), *more]) == 0
    for mip in (0, 1, 2):
        for name in ("dapi", "cfos", "labels", "outlines"):
            got, wanted = read_back(tmp_path / "out" / name, mip)[0], read_back(out / name, mip)[0]
            np.testing.assert_array_equal(got, wanted)
    assert len(list((tmp_path / "out" / "dapi").glob("*/*"))) == 3
    assert {p.suffix for p in (tmp_path / "out" / "labels").glob("4*/*")} == {".shard"}


def test_many_shards_in_every_axis(tmp_path):
    x = np.random.default_rng(3).integers(0, 255, (300, 270, 330)).astype("uint8")
    volumes.write_image(x, tmp_path / "x", (1, 1, 1), storage=volumes.Storage(sharded=True))
    got, volume = read_back(tmp_path / "x")
    np.testing.assert_array_equal(got, x)
    assert len(list((tmp_path / "x" / "1000_1000_1000").iterdir())) == 8


def test_voxels_of_a_placed_volume_lie_on_one_grid(tmp_path):
    """A tile at an odd place: its coarse voxels are those of the whole frame."""
    rng = np.random.default_rng(2)
    whole = rng.integers(0, 1000, (40, 160, 160)).astype("uint16")
    start = (3, 21, 50)
    tile = whole[3:33, 21:140, 50:151]
    volumes.write_image(tile, tmp_path / "tile", (1, 1, 1), start=start)
    got, volume = read_back(tmp_path / "tile")
    np.testing.assert_array_equal(got, tile)
    assert tuple(volume.voxel_offset) == start[::-1]
    coarse, volume = read_back(tmp_path / "tile", 1)
    assert tuple(volume.voxel_offset) == (25, 10, 1)
    mean = whole.reshape(20, 2, 80, 2, 80, 2).mean(axis=(1, 3, 5))
    inner = np.floor(mean + 0.5)[2:16, 11:69, 25:75]
    np.testing.assert_array_equal(coarse[1:15, 1:59, 0:50], inner)


@pytest.mark.parametrize(
    ("dtype", "kind", "stored"),
    [
        ("uint8", "image", "uint8"),
        ("bool", "image", "uint8"),
        ("float64", "image", "float32"),
        ("uint16", "segmentation", "uint32"),
        ("int64", "segmentation", "uint64"),
    ],
)
def test_types_that_the_format_lacks_are_widened(dtype, kind, stored, tmp_path):
    assert volumes.stored_type(kind, np.dtype(dtype), tmp_path) == stored


def test_types_that_would_lose_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds uint8, uint16"):
        volumes.stored_type("image", np.dtype("int64"), tmp_path)
    with pytest.raises(InputError, match="holds uint32, uint64, not float32"):
        volumes.stored_type("segmentation", np.dtype("float32"), tmp_path)


def test_a_large_volume_is_written_in_boxes_of_whole_chunks(monkeypatch, tmp_path):
    monkeypatch.setattr(pm.options, "block_mb", 2)
    x = np.random.default_rng(0).integers(0, 60000, (70, 130, 140)).astype("uint16")
    volumes.write_image(x, tmp_path / "x", (1, 1, 1))
    np.testing.assert_array_equal(read_back(tmp_path / "x")[0], x)
    mean = x.reshape(35, 2, 65, 2, 70, 2).mean(axis=(1, 3, 5))
    np.testing.assert_array_equal(read_back(tmp_path / "x", 1)[0], np.floor(mean + 0.5))


def test_an_export_that_was_cut_off_has_no_info(tmp_path):
    class Broken:
        shape, dtype = (10, 10, 10), np.dtype("uint8")

        def __getitem__(self, box):
            raise OSError("the disk is gone")

    volumes.write_image(np.zeros((10, 10, 10), "uint8"), tmp_path / "x", (1, 1, 1))
    with pytest.raises(pm.ForeachError, match="OSError: the disk is gone"):
        volumes.write_image(Broken(), tmp_path / "x", (1, 1, 1))
    assert not (tmp_path / "x" / "info").exists()


def test_a_run_is_exported_into_its_own_folder(tmp_path):
    image, labels, cells = specimen(tmp_path, (30, 90, 80), 15)
    run = tmp_path / "run"
    (run / "fused").mkdir(parents=True)
    pm.io.save(run / "fused" / "dapi.h5", image)
    pm.io.save(run / "fused" / "labels.h5", labels, dataset="labels")
    (run / "cells.csv").write_text(tables.to_csv(cells))
    (run / "run.json").write_text(json.dumps({"settings": {"segment": {"voxel_um": VOXEL_UM}}}))
    assert export.main([str(run)]) == 0
    np.testing.assert_array_equal(read_back(run / "precomputed" / "dapi")[0], image)
    np.testing.assert_array_equal(read_back(run / "precomputed" / "labels")[0], labels)
    assert (run / "precomputed" / "centroids" / "info").is_file()
    assert export.main([str(run)]) == 0  # an earlier export is replaced


def test_a_run_of_one_image_shows_that_image(tmp_path):
    _, labels, _ = specimen(tmp_path, (30, 90, 80), 15)
    run = tmp_path / "run"
    run.mkdir()
    pm.io.save(run / "labels.h5", labels, dataset="labels")
    settings = {"image": str(tmp_path / "dapi.tif"), "voxel_um": VOXEL_UM}
    (run / "run.json").write_text(json.dumps({"settings": settings}))
    found = runlayers.run_layers(run)
    assert [i.name for i in found.images] == ["dapi"]
    assert found.labels == run / "labels.h5" and found.cells is None
    (tmp_path / "dapi.tif").rename(tmp_path / "moved.tif")
    with pytest.raises(InputError, match=r"dapi\.tif, is not there; .*--labels"):
        runlayers.run_layers(run)


def test_fused_channels_stand_in_the_order_of_the_dataset(tmp_path):
    (tmp_path / "fused").mkdir()
    for name in ("cfos", "dapi"):
        pm.io.save(tmp_path / "fused" / f"{name}.h5", np.ones((4, 5, 6), "uint8"))
        pm.io.save(tmp_path / f"{name}_r0_c0.h5", np.ones((4, 5, 6), "uint8"))
    channels = [
        datasets.Channel("dapi", "nuclei", "dapi_r{row}_c{col}.h5"),
        datasets.Channel("cfos", "marker", "cfos_r{row}_c{col}.h5"),
    ]
    data = datasets.save(tmp_path / "dataset.toml", voxel_um=VOXEL_UM, channels=channels)
    (tmp_path / "run.json").write_text(json.dumps({"settings": {"source": str(data)}}))
    found = runlayers.run_layers(tmp_path)
    assert [i.name for i in found.images] == ["dapi", "cfos"]
    assert found.voxel_um == VOXEL_UM


def test_tiles_of_a_run_lie_at_their_places(tmp_path):
    channel = datasets.Channel("dapi", "nuclei", "t{row}{col}.h5")
    for col in (0, 1):
        pm.io.save(tmp_path / f"t0{col}.h5", np.full((4, 50, 60), col + 1, "uint8"))
    data = datasets.save(
        tmp_path / "d.toml",
        voxel_um=VOXEL_UM,
        channels=[channel],
        grid=(1, 2),
        overlap=(0.1, 0.1),
    )
    places = [
        {"row": 0, "col": 0, "zyx_vox": [1, 0, 0]},
        {"row": 0, "col": 1, "zyx_vox": [0, 3, 51]},
    ]
    run = tmp_path / "run"
    run.mkdir()
    pm.io.save(run / "labels.h5", np.zeros((5, 53, 111), "uint32"), dataset="labels")
    (run / "run.json").write_text(json.dumps({"settings": {"dataset": str(data)}}))
    with pytest.raises(InputError, match="stitch it first"):
        runlayers.run_layers(run)
    (run / "placements.json").write_text(json.dumps({"tiles": places}))
    export.export_run(run)
    got, volume = read_back(run / "precomputed" / "dapi_r0_c1")
    assert tuple(volume.voxel_offset) == (51, 3, 0) and (got == 2).all()
    got, volume = read_back(run / "precomputed" / "dapi_r0_c0")
    assert tuple(volume.voxel_offset) == (0, 0, 1) and (got == 1).all()


def test_a_run_that_has_nothing_yet_is_refused(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"settings": {"voxel_um": VOXEL_UM}}))
    with pytest.raises(InputError, match="neither labels nor fused volumes yet"):
        runlayers.run_layers(tmp_path)


def wrong_arguments(folder):
    (folder / "full").mkdir()
    (folder / "full" / "thesis.txt").write_text("mine")
    dapi, out = str(folder / "dapi.tif"), str(folder / "out")
    pm.io.save(folder / "small.tif", np.zeros((4, 5, 6), "uint8"))
    return {
        "near names": [str(folder / "dap.tif"), "--out", out, "--voxel-um", "1", "1", "1"],
        "give --voxel-um Z Y X": [str(folder / "cfos.h5"), "--out", out],
        "holds other things than an export": [dapi, "--out", str(folder / "full")],
        "must have one shape": [dapi, str(folder / "small.tif"), "--out", out],
        "two layers would be called 'dapi'": [dapi, dapi, "--out", out],
        "--out DIR": [dapi],
        "no column id, z_um": [dapi, "--out", out, "--cells", str(folder / "other.csv")],
    }


def test_wrong_arguments_are_one_clear_line(tmp_path, capsys):
    specimen(tmp_path, (20, 40, 40), 2)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    for message, argv in wrong_arguments(tmp_path).items():
        assert export.main(argv) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.fixture(name="url")
def _url(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "info").write_text('{"x": 1}')
    (tmp_path / "a" / "chunk").write_bytes(bytes(range(100)))
    (tmp_path / "a" / "0-1.gz").write_bytes(gzip.compress(b"packed"))
    (tmp_path / "neuroglancer.json").write_text('{"layers": [{"source": "precomputed://u/a"}]}')
    server = serving.make_server(tmp_path / "a" / "..")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.status, dict(answer.headers), answer.read()


def test_the_server_gives_files_to_any_page(url):
    status, headers, data = get(f"{url}/a/info")
    assert (status, data) == (200, b'{"x": 1}')
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("0-9", (0, 10)),
        ("16-31", (16, 32)),
        ("90-", (90, 100)),
        ("-5", (95, 100)),
        ("95-200", (95, 100)),
    ],
)
def test_the_server_gives_ranges(url, asked, given):
    status, headers, data = get(f"{url}/a/chunk", Range=f"bytes={asked}")
    assert status == 206
    assert data == bytes(range(*given))
    assert headers["Content-Range"] == f"bytes {given[0]}-{given[1] - 1}/100"


def test_the_server_gives_packed_chunks_by_their_name(url):
    _, headers, data = get(f"{url}/a/0-1")
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(data) == b"packed"


def test_the_viewer_state_points_to_the_server(url):
    _, _, data = get(f"{url}/neuroglancer.json")
    assert json.loads(data)["layers"][0]["source"] == f"precomputed://{url}/a"


@pytest.mark.parametrize("path", ["/none", "/a", "/..%2f..%2f..%2fetc/passwd", "/%2fetc/passwd"])
def test_the_server_gives_nothing_else(url, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(url + path)
    assert caught.value.code == 404


def test_a_range_outside_is_refused(url):
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{url}/a/chunk", Range="bytes=100-")
    assert caught.value.code == 416

"""simulate: a dataset that other apps can load, with a truth that is exact."""

import json

import numpy as np
import pytest

import pmap as pm
from pmap import InputError
from pmap.apps import dataset, simulate, tables
from pmap.apps.simulate import SimulateSettings

SMALL = SimulateSettings(grid=(2, 2), tile_vox=(16, 64, 64), overlap=0.3, seed=5)


@pytest.fixture(scope="module")
def brain(tmp_path_factory):
    return simulate.simulate(SMALL, tmp_path_factory.mktemp("sim") / "brain").parent


def read(path):
    with pm.io.open(path) as source:
        return source[:]


def test_the_dataset_loads_and_knows_its_truth(brain):
    data = dataset.load(brain / "dataset.toml")
    assert data.grid == (2, 2) and data.voxel_um == SMALL.voxel_um
    assert data.channel("nuclei").name == "dapi" and data.channel("marker").name == "cfos"
    assert data.truth_dir == brain / "truth" and data.segment == {"diameter_um": 9.0}
    for name in ("dapi", "cfos"):
        image = read(data.file(name, 1, 0))
        assert image.shape == SMALL.tile_vox and image.dtype == np.uint16 and image.std() > 0


def test_overlapping_tiles_show_the_same_nuclei(brain):
    places = json.loads((brain / "truth" / "placements.json").read_text())
    at = {(t["row"], t["col"]): np.array(t["zyx_vox"]) for t in places["tiles"]}
    assert np.min(list(at.values()), axis=0).tolist() == [0, 0, 0]
    assert len(places["links"]) == 4
    shared = 0
    for link in places["links"]:
        a, b = tuple(link["a"]), tuple(link["b"])
        assert (at[b] - at[a]).tolist() == link["shift_zyx_vox"]
        first, second = (read(brain / "truth" / f"labels_r{r}_c{c}.tif") for r, c in (a, b))
        low, high = np.maximum(at[a], at[b]), np.minimum(at[a], at[b]) + SMALL.tile_vox
        cut = [
            tuple(slice(x, y) for x, y in zip(low - at[t], high - at[t], strict=True))
            for t in (a, b)
        ]
        assert np.array_equal(first[cut[0]], second[cut[1]])
        shared += int((first[cut[0]] > 0).sum())
    assert shared > 1000


def test_cells_are_those_in_the_labels_with_their_centres(brain):
    cells = tables.read_csv(brain / "truth" / "cells.csv")
    places = json.loads((brain / "truth" / "placements.json").read_text())
    frame = np.zeros(np.max([t["zyx_vox"] for t in places["tiles"]], 0) + SMALL.tile_vox, int)
    for t in places["tiles"]:
        box = tuple(slice(a, a + n) for a, n in zip(t["zyx_vox"], SMALL.tile_vox, strict=True))
        frame[box] = read(brain / "truth" / f"labels_r{t['row']}_c{t['col']}.tif")
    assert sorted(cells["id"]) == np.unique(frame[frame > 0]).tolist()
    for row in range(0, len(cells["id"]), 7):
        where = np.argwhere(frame == cells["id"][row]).mean(axis=0) * SMALL.voxel_um
        found = [cells[name][row] for name in ("z_um", "y_um", "x_um")]
        np.testing.assert_allclose(found, where, rtol=1e-9, atol=1e-9)
        tile = read(brain / "truth" / f"labels_{cells['tile'][row]}.tif")
        assert (tile == cells["id"][row]).any()
    assert not cells["cfos"][cells["class"] == "glia"].any()


def test_tiles_are_jittered_and_have_a_gain_and_noise_of_their_own(brain):
    places = json.loads((brain / "truth" / "placements.json").read_text())
    step = round(64 * 0.7)
    shifts = {tuple(link["shift_zyx_vox"]) for link in places["links"]}
    assert not shifts <= {(0, 0, step), (0, step, 0)}
    means = [read(brain / f"dapi_r{r}_c{c}.tif").mean() for r, c in np.ndindex(2, 2)]
    assert np.std(means) > 0


def test_one_small_tile_has_twenty_nuclei_of_both_classes(tmp_path):
    for seed in (0, 1, 2):
        settings = SimulateSettings(grid=(1, 1), tile_vox=(24, 128, 128), seed=seed)
        path = simulate.simulate(settings, tmp_path / str(seed))
        cells = tables.read_csv(path.parent / "truth" / "cells.csv")
        assert len(cells["id"]) >= 20 and cells["cfos"].sum() >= 1
        assert min((cells["class"] == name).sum() for name in ("neuron", "glia")) >= 5


def test_the_same_seed_gives_the_same_bytes_and_a_cut_off_run_goes_on(brain, tmp_path):
    again = simulate.simulate(SMALL, tmp_path / "again").parent
    names = ["dapi_r1_c1.tif", "cfos_r0_c1.tif", "truth/labels_r1_c0.tif", "truth/cells.csv"]
    for name in names:
        assert (again / name).read_bytes() == (brain / name).read_bytes()
    (again / names[0]).unlink()
    untouched = (again / names[1]).stat().st_mtime_ns
    simulate.simulate(SMALL, again)
    assert (again / names[0]).read_bytes() == (brain / names[0]).read_bytes()
    assert (again / names[1]).stat().st_mtime_ns == untouched


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"voxel_um": (1.0, 0.0, 0.5)}, "above 0"),
        ({"overlap": 1.5}, "overlap"),
        ({"diameter_um": 2.0}, "less than 4 voxels"),
        ({"density_per_mm3": 5e6}, "at most"),
        ({"tile_vox": (1, 64, 64)}, "too small"),
    ],
)
def test_what_cannot_be_simulated_is_refused_before_work(wrong, said, tmp_path):
    with pytest.raises(InputError, match=said):
        simulate.simulate(SimulateSettings(**wrong), tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_command_line(tmp_path, capsys):
    options = ["--grid", "1", "1", "--tile", "8", "40", "40", "--seed", "2"]
    assert simulate.main([*options, "--out", str(tmp_path / "one")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["cells"] == said["neurons"] + said["glia"]
    assert simulate.main([*options, "--overlap", "3", "--out", str(tmp_path / "two")]) == 2
    assert "overlap" in capsys.readouterr().err

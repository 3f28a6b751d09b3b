"""C2 for the whole: the pipeline gives the same files at any number of ranks as on one."""

import hashlib

import h5py
import pytest

import pmap as pm
from pmap.apps import commands, dataset, pipeline, runs, simulate
from pmap.apps.simulate import SimulateSettings

SETTINGS = SimulateSettings(grid=(1, 2), tile_vox=(24, 128, 128), seed=2)
EXEMPT = {"run.json", "report.html"}


def digests(out):
    """Of every result: bytes of CSV, JSON and layers; values and attributes of HDF5."""
    found = {}
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        name = path.relative_to(out).as_posix()
        if name in EXEMPT or name.startswith(runs.STATE):
            continue
        data = hdf5_values(path) if path.suffix == ".h5" else path.read_bytes()
        found[name] = hashlib.blake2b(data).hexdigest()
    return found


def hdf5_values(path):
    with h5py.File(path) as file:
        parts = []
        file.visititems(
            lambda name, x: parts.append(
                repr((name, str(x.dtype), sorted(x.attrs.items()))).encode() + bytes(x[()].data)
                if x.dtype.kind != "O"
                else repr((name, x[()].tolist())).encode()
            )
        )
    return b"".join(parts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return pm.once(tmp_path_factory.mktemp, "pipeline")


@pytest.fixture(scope="module")
def tiles(folder):
    return pm.once(dataset.load, simulate.simulate(SETTINGS, folder / "data"))


def alone_on_one_rank(tiles, out):
    pipeline.run_pipeline(tiles, out)
    return digests(out)


def test_the_same_files_as_on_one_rank(folder, tiles):
    run = pipeline.run_pipeline(tiles, folder / "run")
    together = pm.once(digests, run.out)
    expected = pm.once(alone_on_one_rank, tiles, folder / "alone")
    assert {"cells.csv", "placements.json", "scores.json", "fused/labels.h5"} <= set(expected)
    assert together == expected


def test_a_finished_run_does_nothing(folder, tiles):
    before = pm.once(digests, folder / "run")
    pipeline.run_pipeline(tiles, folder / "run")
    assert pm.once(digests, folder / "run") == before


def test_a_damaged_label_file_is_made_again(folder, tiles):
    before = pm.once(digests, folder / "run")
    pm.once((folder / "run" / "labels" / "r0_c1.h5").write_bytes, b"half")
    pipeline.run_pipeline(tiles, folder / "run")
    assert pm.once(digests, folder / "run") == before


def test_other_settings_are_refused_on_all_ranks(folder, tiles):
    with pytest.raises(pm.InputError, match="rule = ncc, now paper"):
        pipeline.run_pipeline(tiles, folder / "run", rule="paper")


def test_idle_ranks_are_said_once(capsys):
    commands.say_idle(2, "tiles")
    said = capsys.readouterr().out
    if pm.Pid == 0 and pm.Np > 2:
        assert said == f"{pm.Np} ranks, but only 2 tiles: {pm.Np - 2} of them stay idle\n"
    else:
        assert said == ""

"""Stitching and coincidence at any rank count: the same files as on one rank."""

import numpy as np

import pmap as pm
from pmap.apps import coincide, fuse, fusedvolume, runs, stitch
from tests.apps.kernels.cut_tiles import cut
from tests.apps.test_coincide import write_marked
from tests.apps.tiled_runs import write_dataset, write_segmented

NAMES = ("placements.json", "cells.csv")


def stitched(source, out, labels):
    run = write_segmented(out, labels)
    fuse.fuse_run(source, run, stitch.stitch_dataset(source, run))


def test_stitched_files_are_the_same_at_any_rank_count(common_path, monkeypatch):
    monkeypatch.setattr(fusedvolume, "BLOCK_VOX", (8, 48, 64))
    one = cut(grid=(2, 2), tile=(12, 72, 72), count=350, seed=1, overlap=0.2)
    source = common_path / "data" / "dataset.toml"
    pm.once(write_dataset, common_path / "data", one, overlap=0.2)
    stitched(source, common_path / "many", one.labels)
    pm.once(stitched, source, common_path / "one", one.labels)
    pm.barrier()
    for name in NAMES:
        many, alone = ((common_path / folder / name).read_bytes() for folder in ("many", "one"))
        assert many == alone
    for name in ("dapi.h5", "labels.h5"):
        many, alone = (pm.io.open(common_path / f / "fused" / name) for f in ("many", "one"))
        assert many.dtype == alone.dtype
        assert (many[...] == alone[...]).all()
        assert many[...].any()
        assert all(np.array_equal(many.attrs[key], alone.attrs[key]) for key in alone.attrs)
    assert runs.find_run(common_path / "many").done("fused labels")


def test_coincidence_is_the_same_at_any_rank_count(common_path):
    for name in ("many", "one"):
        pm.once(write_marked, common_path / name)
    coincide.coincide_run(common_path / "many" / "run")
    pm.once(coincide.coincide_run, common_path / "one" / "run")
    pm.barrier()
    files = ["coincidence/r0_c0.csv", "coincidence/summary.json", "tables/r0_c1.csv"]
    for name in files:
        many, alone = ((common_path / f / "run" / name).read_bytes() for f in ("many", "one"))
        assert many == alone

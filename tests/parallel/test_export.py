"""Exported files are the same bytes at any rank count."""

import hashlib

import pmap as pm
from pmap.apps import export
from pmap.ranks.comm import alone, world
from tests.apps.exported import export_arguments, specimen


def digests(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_export_writes_the_same_bytes_as_one_rank(common_path, monkeypatch):
    monkeypatch.setattr(pm.options, "block_mb", 4)  # several boxes for every rank
    specimen(common_path, (40, 130, 140), 20)
    assert export.main([*export_arguments(common_path, common_path / "all")]) == 0
    world().barrier()
    if world().rank == 0:
        with alone():
            assert export.main([*export_arguments(common_path, common_path / "one")]) == 0
        together, by_one = digests(common_path / "all"), digests(common_path / "one")
        assert len(by_one) > 40
        assert together == by_one
    world().barrier()


def test_wrong_input_is_told_by_all_ranks(common_path, capsys):
    assert export.main([str(common_path / "none.tif"), "--out", str(common_path / "out")]) == 2
    assert ("there is no file" in capsys.readouterr().err) == (world().rank == 0)

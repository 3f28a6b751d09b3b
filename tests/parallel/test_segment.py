"""simulate, segment, classify and evaluate on real ranks: the very result of one rank (C2)."""

import numpy as np
import pytest

import pmap as pm
from pmap import InputError
from pmap.apps import classify, evaluate, runs, segment, simulate, tables
from pmap.ranks.comm import alone, world

TINY = simulate.SimulateSettings((1, 2), (16, 64, 64), overlap=0.3, seed=3)
SETTINGS = segment.SegmentSettings(TINY.voxel_um, TINY.diameter_um, block_vox=(16, 32, 40))


def alone_on_rank_0(work):
    """What one rank makes of `work`, while the others wait."""

    def one():
        with alone():
            return work()

    return pm.once(one)


def files_below(folder, *patterns):
    found = sorted(file for pattern in patterns for file in folder.glob(pattern))
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}


def test_every_rank_count_simulates_and_segments_the_same(common_path):
    path = simulate.simulate(TINY, common_path / "brain")
    alone_on_rank_0(lambda: simulate.simulate(TINY, common_path / "alone"))
    patterns = ("*.tif", "dataset.toml", "truth/*")
    ours = files_below(common_path / "brain", *patterns)
    assert len(ours) == 9 and ours == files_below(common_path / "alone", *patterns)

    def whole(out):
        run = runs.open_run(out, "pipeline", {"dataset": str(path)})
        for row, col in ((0, 0), (0, 1)):
            segment.segment_file(path.parent / f"dapi_r{row}_c{col}.tif", SETTINGS, run, (row, col))
        classify.classify_run(run.out)
        evaluate.evaluate_run(run.out)
        return out

    whole(common_path / "run")
    alone_on_rank_0(lambda: whole(common_path / "run alone"))
    patterns = ("tables/*.csv", "model/*", "scores.json")
    ours = files_below(common_path / "run", *patterns)
    assert len(ours) == 2 + 5 + 1 and ours == files_below(common_path / "run alone", *patterns)
    for name in ("r0_c0", "r0_c1"):
        both = []
        for out in ("run", "run alone"):
            with pm.io.open(
                common_path / out / "labels" / f"{name}.h5", dataset="labels"
            ) as labels:
                both.append(labels[:])
        assert np.array_equal(*both) and both[0].max() > 3
        assert both[0].dtype == np.uint32
    pm.barrier()  # the folder goes when the first rank is done


@pytest.mark.parametrize("grid", [[1, -1, 1], [-1, 1, 1], [1, 1, 1]])
def test_nuclei_of_a_distributed_volume_are_those_of_the_whole(grid, common_path):
    path = simulate.simulate(TINY, common_path / "brain")
    with pm.io.open(path.parent / "dapi_r0_c0.tif") as file:
        image = file[:]
        expected, cells = segment.find_nuclei(image, SETTINGS)
        from_file, _ = segment.find_nuclei(file, SETTINGS)
        assert np.array_equal(from_file[:], expected)
    labels, table = segment.find_nuclei(pm.asarray(image, map=pm.Map(grid)), SETTINGS)
    assert np.array_equal(np.asarray(labels), expected) and expected.max() > 3
    for name, column in cells.items():
        assert np.array_equal(table[name], column, equal_nan=True), name
    pm.barrier()


def test_a_wrong_input_is_the_same_error_on_all_ranks(common_path):
    flat = common_path / "flat.h5"
    pm.io.save(flat, np.zeros((4, 5)))
    run = runs.open_run(common_path / "run", "segment", {})
    with pytest.raises(InputError, match="volume"):
        segment.segment_file(flat, SETTINGS, run)
    with pytest.raises(InputError, match="no table"):
        classify.classify_run(common_path / "run")
    assert len(set(world().allgather(str(run.out)))) == 1
    empty = tables.CELL_COLUMNS
    assert world().allgather(len(empty)) == [14] * world().size

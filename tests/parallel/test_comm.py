"""The world on real ranks: every collective at every rank count, and what one rank may do alone."""

import time

import numpy as np
import pytest

import pmap as pm
from pmap.ranks.comm import alone, once, world


def test_the_face_knows_the_world():
    assert pm.Np == world().size
    assert pm.Pid == world().rank
    assert 0 <= pm.Pid < pm.Np


def test_allgather_keeps_rank_order():
    here = world()
    got = here.allgather((here.rank, "x" * here.rank))
    assert got == [(r, "x" * r) for r in range(here.size)]


def test_bcast_from_every_root_small_and_large():
    here = world()
    for root in range(here.size):
        for value in ({"root": root}, b"x" * 3_000_000):
            assert here.bcast(value if here.rank == root else None, root) == value


def test_allgather_array_of_different_lengths():
    here = world()
    mine = np.full((here.rank, 3), here.rank, np.uint16)
    for rank, array in enumerate(here.allgather_array(mine)):
        assert (array.shape, array.dtype) == ((rank, 3), np.uint16)
        assert (array == rank).all()


def test_allgather_array_counts_each_byte_once_per_receiver():
    here = world()
    before = here.sent_bytes, here.sent_messages
    parts = here.allgather_array(np.full(100_000, here.rank, np.float32))
    assert [p[0] for p in parts] == list(range(here.size))
    assert here.sent_bytes - before[0] == 400_000 * (here.size - 1)
    assert here.sent_messages - before[1] == here.size - 1


def test_transfers_wait_for_each_other_in_any_order():
    here = world()
    if here.size == 1:
        return
    tag = here.next_tag()
    right, left = (here.rank + 1) % here.size, (here.rank - 1) % here.size
    sent = [np.full(n, here.rank, np.uint8) for n in (1, 1000, 2_000_000)]
    got = [np.empty_like(a) for a in sent]
    requests = [here.isend(a, right, tag) for a in sent] + [here.irecv(a, left, tag) for a in got]
    here.wait(requests, "test")
    assert all((a == left).all() for a in got)


def test_messages_past_one_part_arrive_whole(monkeypatch):
    here = world()
    if here.size == 1:
        return
    monkeypatch.setattr("pmap.ranks.mpiworld.PART_BYTES", 1000)
    tag = here.next_tag()
    right, left = (here.rank + 1) % here.size, (here.rank - 1) % here.size
    sent = np.random.default_rng(here.rank).integers(0, 255, 2500, np.uint8)
    got = np.empty_like(sent)
    here.wait([here.isend(sent, right, tag), here.irecv(got, left, tag)], "test")
    expected = np.random.default_rng(left).integers(0, 255, 2500, np.uint8)
    np.testing.assert_array_equal(got, expected)


def test_tags_are_equal_everywhere_and_new_each_time():
    here = world()
    if here.size == 1:
        return
    tags = [here.next_tag() for _ in range(4)]
    assert len(set(tags)) == 4
    assert here.allgather(tags) == [tags] * here.size


def test_once_runs_on_rank_0_alone(common_path):
    file = common_path / "calls"

    def note() -> int:
        with file.open("a") as f:
            f.write(f"{world().size}\n")
        return 7

    assert once(note) == 7
    pm.barrier()
    assert file.read_text() == f"{1 if world().size > 1 else world().size}\n"


def test_the_error_of_once_is_raised_on_all_ranks():
    with pytest.raises(pm.InputError, match="no such tile"):
        once(_refuse)


def _refuse() -> None:
    raise pm.InputError("no such tile")


def test_a_result_of_once_that_cannot_be_sent_is_an_error_everywhere():
    if world().size == 1:
        return
    with pytest.raises(pm.PmapError, match="cannot be sent"):
        once(lambda: lambda: None)


def test_alone_is_a_world_of_one_rank_and_ends_with_an_error_too():
    whole = world()
    with pytest.raises(ZeroDivisionError), alone():
        assert (world().rank, world().size) == (0, 1)
        assert world().allgather("me") == ["me"]
        pm.barrier()  # no other rank is asked
        raise ZeroDivisionError
    assert world() is whole


def test_foreach_gives_what_a_list_comprehension_gives():
    for count in (0, 1, 2, 7):
        assert pm.foreach(range(count), lambda x: x * x) == [x * x for x in range(count)]


def test_foreach_runs_each_item_once_in_a_world_of_one_rank(common_path):
    def task(name: str) -> int:
        with (common_path / name).open("a") as f:
            f.write("x")
        return world().size

    names = [f"item{i}" for i in range(9)]
    assert pm.foreach(names, task) == [1] * 9
    assert [(common_path / n).read_text() for n in names] == ["x"] * 9


def test_foreach_gives_a_long_task_to_one_rank_and_the_rest_to_the_others(common_path):
    """The first item ends only when all that its rank does not hold already has been done."""
    count, held = 40, 40 // (4 * world().size)
    if world().size == 1:
        return

    def task(i: int) -> int:
        limit = time.monotonic() + 30
        while i == 0 and len(list(common_path.iterdir())) < count - held:
            assert time.monotonic() < limit, "nobody else does the rest"
            time.sleep(0.01)
        (common_path / str(i)).touch()
        return -i

    assert pm.foreach(range(count), task) == [-i for i in range(count)]


def test_foreach_may_follow_foreach_and_hold_many_short_tasks():
    for count in (1000, 3, 100):
        assert pm.foreach(range(count), lambda x: x + 1) == list(range(1, count + 1))


def test_every_rank_gets_the_few_bytes_of_all():
    here = world()
    for length in (0, 1, 8, 5000):
        mine = bytes([here.rank]) * length
        assert here.gather_small(mine) == [bytes([r]) * length for r in range(here.size)]

"""Messages on real ranks: values arrive as they were when they were sent."""

import numpy as np
import pytest

import pmap as pm
from pmap.errors import InputError
from pmap.ranks.comm import world


def neighbours() -> tuple[int, int]:
    """(next, previous) rank of a ring."""
    here = world()
    return (here.rank + 1) % here.size, (here.rank - 1) % here.size


def test_values_of_any_kind_go_round_a_ring():
    right, left = neighbours()
    array = np.arange(24.0).reshape(2, 3, 4)
    pm.SendMsg(right, 3, world().rank, "text", {"a": [1, None]}, array[:, ::2], np.uint16(9))
    rank, text, table, strided, scalar = pm.RecvMsg(left, 3)
    assert (rank, text, table, scalar) == (left, "text", {"a": [1, None]}, 9)
    assert scalar.dtype == np.uint16
    np.testing.assert_array_equal(strided, array[:, ::2])


def test_all_ranks_send_before_any_receives_even_what_is_large():
    right, left = neighbours()
    pm.SendMsg(right, 1, np.full(3_000_000, world().rank, np.float64))
    (got,) = pm.RecvMsg(left, 1)
    assert got.shape == (3_000_000,)
    assert (got == left).all()


def test_an_array_may_change_as_soon_as_it_is_sent():
    right, left = neighbours()
    values = np.full(500_000, world().rank, np.int64)
    pm.SendMsg(right, 2, values)
    values[:] = -1
    (got,) = pm.RecvMsg(left, 2)
    assert (got == left).all()
    got[0] = 5  # what was received belongs to the receiver
    assert got[0] == 5


def test_an_object_dtype_an_empty_array_and_fortran_order_arrive():
    right, left = neighbours()
    fortran = np.asfortranarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    pm.SendMsg(right, 4, np.array([None, "x"], object), np.empty((0, 3), np.int16), fortran)
    words, empty, got = pm.RecvMsg(left, 4)
    assert words.tolist() == [None, "x"]
    assert (empty.shape, empty.dtype) == ((0, 3), np.int16)
    np.testing.assert_array_equal(got, fortran)
    assert got.flags.f_contiguous


def test_messages_of_one_tag_keep_their_order_and_tags_do_not_mix():
    right, left = neighbours()
    for k in range(5):
        pm.SendMsg(right, 10, k, np.full(1000 * k, k))
    pm.SendMsg(right, 11, "other tag")
    assert pm.RecvMsg(left, 11) == ["other tag"]
    for k in range(5):
        number, array = pm.RecvMsg(left, 10)
        assert number == k
        assert array.tolist() == [k] * (1000 * k)


def test_a_list_of_receivers_may_hold_the_sender():
    here = world()
    everyone = list(range(here.size))
    pm.SendMsg(everyone, 6, here.rank)
    assert [pm.RecvMsg(r, 6) for r in everyone] == [[r] for r in everyone]


def test_no_values_are_an_empty_list():
    right, left = neighbours()
    pm.SendMsg(right, 8)
    assert pm.RecvMsg(left, 8) == []


def test_probe_sees_a_message_only_while_it_waits():
    right, left = neighbours()
    assert not pm.ProbeMsg(left, 12)
    pm.barrier()
    pm.SendMsg(right, 12, 1)
    pm.barrier()
    assert pm.ProbeMsg(left, 12)
    assert not pm.ProbeMsg(left, 13)
    assert pm.RecvMsg(left, 12) == [1]
    assert not pm.ProbeMsg(left, 12)


def test_bcast_gives_every_roots_values_to_all():
    here = world()
    for root in range(here.size):
        mine = (root, np.arange(100_000) + root) if here.rank == root else ()
        number, array = pm.BcastMsg(root, 5, *mine)
        assert number == root
        np.testing.assert_array_equal(array, np.arange(100_000) + root)


def test_arrays_are_counted_once_and_not_pickled():
    right, left = neighbours()
    here = world()
    before = here.sent_bytes
    pm.SendMsg(right, 9, np.zeros(1000))
    pm.RecvMsg(left, 9)
    assert here.sent_bytes - before == (8000 if here.size > 1 else 0)


def test_ranks_and_tags_that_cannot_be_are_refused():
    here = world()
    for call in (
        lambda: pm.SendMsg(here.size, 0, 1),
        lambda: pm.RecvMsg(-1, 0),
        lambda: pm.ProbeMsg("0", 0),
        lambda: pm.BcastMsg(here.size, 0, 1),
    ):
        with pytest.raises(InputError, match=f"0 to {here.size - 1}"):
            call()
    with pytest.raises(InputError, match="tag is -1"):
        pm.SendMsg(0, -1, 1)


def test_waiting_for_oneself_in_vain_is_an_error():
    with pytest.raises(InputError, match="waits for a message from itself"):
        pm.RecvMsg(world().rank, 99)

"""Memory that is used again: never while anything still looks at it, and never without end."""

import gc

import numpy as np
import pytest

import pmap as pm
from pmap.ranks import pool
from pmap.ranks.pool import SMALLEST_BYTES, Pool, applied

N = SMALLEST_BYTES // 8


@pytest.fixture
def own():
    return Pool()


def address(a):
    return a.__array_interface__["data"][0]


VIEWS = {
    "itself": lambda a: a,
    "slice of a slice": lambda a: a[5:][::-3][2:],
    "reshaped": lambda a: a.reshape(64, -1).T[3],
    "other type": lambda a: a.view("u1")[8:].view("f4"),
    "asarray": lambda a: np.asarray(a)[1:],
    "memoryview": lambda a: memoryview(a[7:]),
    "of a memoryview": lambda a: np.frombuffer(memoryview(a)[8:]),
    "dlpack": lambda a: np.from_dlpack(a)[3:],
    "broadcast": lambda a: np.broadcast_to(a[:, None], (N, 3)),
    "as_strided": lambda a: np.lib.stride_tricks.as_strided(a[4:], (3, 3), (8, 8)),
    "iterator": lambda a: a.flat,
    "subclass": lambda a: a.view(np.recarray)[2:],
}


@pytest.mark.parametrize("view", VIEWS)
def test_memory_comes_back_with_its_last_view(own, view):
    block = own.empty((N,), float)
    at = address(block)
    seen = VIEWS[view](block)
    del block
    gc.collect()
    assert address(own.empty((N,), float)) != at
    del seen
    gc.collect()
    assert any(address(a) == at for a in [own.empty((N,), float) for _ in range(3)])


def test_small_blocks_and_objects_are_not_kept(own):
    for made in (own.empty((3, 5), "i4"), own.empty((N,), object), own.empty((0, N), float)):
        del made
    assert own.free_bytes == 0


def test_shapes_types_and_order(own):
    for shape, dtype in [((N,), "f8"), ((7, N), "c16"), ((3, 5, N), "u1"), ((N, 2), "M8[s]")]:
        made = own.empty(shape, dtype)
        assert (made.shape, made.dtype) == (shape, np.dtype(dtype))
        assert made.flags.c_contiguous and made.flags.writeable and made.flags.aligned
        assert made.ctypes.data % 16 == 0


def test_what_is_kept_has_a_bound(own, monkeypatch):
    monkeypatch.setattr(pm.options, "pool_mb", 10.0)
    many = [own.empty((N,), float) for _ in range(30)]
    del many
    assert own.free_bytes <= 10 * 2**20
    # other sizes are asked for now: the old ones make room
    for _ in range(3):
        made = own.empty((8 * N,), float)
        at = address(made)
        del made
    assert address(own.empty((8 * N,), float)) == at
    monkeypatch.setattr(pm.options, "pool_mb", 0.0)
    made = own.empty((N,), float)
    del made
    before = own.free_bytes
    made = own.empty((3 * N,), float)
    del made
    assert own.free_bytes == 0 <= before


def test_memory_that_the_system_refuses_is_looked_for_in_the_pool(own, monkeypatch):
    del [own.empty((N,), float)][0]
    assert own.free_bytes
    made, real = [], np.empty

    def once(*args):
        made.append(args)
        if len(made) == 1:
            raise MemoryError
        return real(*args)

    monkeypatch.setattr(np, "empty", once)
    got = own.empty((5 * N,), float)
    assert (got.size, own.free_bytes) == (5 * N, 0)


A = np.arange(8.0 * N).reshape(8, N)
CALLS = {
    "add": (np.add, (A, A)),
    "scalar": (np.multiply, (3.0, A)),
    "int and float32": (np.add, (A.astype("f4"), 2)),
    "bool result": (np.less, (A, A[0])),
    "broadcast": (np.add, (A[:, None], A)),
    "transposed": (np.add, (A.T, A.T)),
    "complex": (np.multiply, (A, 1j)),
    "integers": (np.floor_divide, (A.astype("i2"), np.int64(3))),
    "two results": (np.modf, (A,)),
    "no ufunc": (lambda a: a**2, (A,)),
    "dates": (np.subtract, (A.astype("M8[s]"), np.datetime64(5, "s"))),
}


@pytest.mark.parametrize("name", CALLS)
def test_ufuncs_give_what_they_give_without_the_pool(name):
    function, blocks = CALLS[name]
    found, expected = applied(function, blocks), function(*blocks)
    for a, b in zip(np.atleast_1d(found), np.atleast_1d(expected), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    if isinstance(found, np.ndarray):
        assert found.flags.c_contiguous == expected.flags.c_contiguous


def test_errors_of_ufuncs_are_those_of_numpy():
    with pytest.raises(TypeError, match="not supported"):
        applied(np.bitwise_and, (A, A))
    with pytest.raises(OverflowError):
        applied(np.add, (A.astype("u1"), 300))


def test_zeros_are_zeros_and_results_last_though_their_operands_go():
    pool.clear()
    kept = []
    for k in range(6):
        X = pm.full((4, N), float(k), map=pm.Map([1, 1]))
        Y = X + 1.0
        kept.append((k, Y.local[1:, ::2]))
        del X, Y
        Z = pm.zeros((4, N), map=pm.Map([1, 1]))
        assert not Z.local.any()
        del Z
    for k, view in kept:
        assert (view == k + 1.0).all()


def test_a_kept_block_is_used_again():
    pool.clear()
    X = pm.ones((N,), map=pm.Map([1]))
    seen = {address((X + float(k)).local) for k in range(5)}
    assert len(seen) <= 2

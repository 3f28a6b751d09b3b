"""Creation, types, conversions and methods of the Array API standard on every kind of map."""

import operator

import numpy as np
import pytest
from map_zoo import every_map

import pmap as pm
from pmap.ranks.comm import world

DTYPES = list(pm.__array_namespace_info__().dtypes().values())
SIZES = sorted({0, 1, max(pm.Np - 1, 0), pm.Np, pm.Np + 1, 13})


def same(A, a):
    """Value by value, with type and shape."""
    assert isinstance(A, pm.DistArray)
    assert (A.shape, A.dtype) == (a.shape, a.dtype)
    np.testing.assert_array_equal(np.asarray(A), a)


def test_each_creation_function_on_every_map():
    for shape in [(7,), (5, 3), (2, 3, 4), (0, 3), (1, 1)]:
        for held in every_map(shape).values():
            same(pm.zeros(shape, pm.int16, map=held), np.zeros(shape, np.int16))
            same(pm.ones(shape, map=held, device="cpu"), np.ones(shape))
            same(pm.full(shape, 7, map=held), np.full(shape, 7))
            same(pm.full(shape, [4.5] * shape[-1], map=held), np.full(shape, [4.5] * shape[-1]))
            assert pm.empty(shape, pm.complex64, map=held).dtype == np.complex64
            A = pm.asarray(np.arange(np.prod(shape)).reshape(shape), map=held)
            same(pm.zeros_like(A, dtype=pm.float32), np.zeros(shape, "f4"))
            same(pm.ones_like(A), np.ones(shape, int))
            assert pm.empty_like(A).map == A.map
            same(pm.full_like(A, 3), np.full(shape, 3))


@pytest.mark.parametrize(
    "args",
    [(5,), (2, 9), (9, 2), (9, 2, -2), (0, 1, 0.1), (1.5, 7.5, 1.25), (0, 100, 200), (-3, 4, 3)],
)
def test_arange(args):
    wanted = np.arange(*args)
    for held in every_map(wanted.shape).values():
        same(pm.arange(*args, map=held), wanted)
    same(pm.arange(*args, dtype="f4", map=pm.Map([-1])), np.arange(*args, dtype="f4"))
    same(pm.arange(*args, dtype="i1", map=pm.Map([-1])), np.arange(*args, dtype="i1"))


def test_long_lines_and_short_types():
    """Longer than what is computed at a time; two booleans, as NumPy has them."""
    for held in (pm.Map([-1]), pm.Map([-1], "c"), pm.Map([-1], ("bc", 7))):
        same(pm.arange(1.5, 250_000.0, 1.25, map=held), np.arange(1.5, 250_000.0, 1.25))
        same(pm.linspace(-3, 7, 200_001, map=held), np.linspace(-3, 7, 200_001))
        same(pm.linspace(0, 9, 20, dtype="i4", map=held), np.linspace(0, 9, 20, dtype="i4"))
        same(pm.arange(2, dtype=bool, map=held), np.arange(2, dtype=bool))
        with pytest.raises(TypeError, match="bool"):
            pm.arange(3, dtype=bool, map=held)


def test_linspace_and_eye():
    for n in SIZES:
        for endpoint in (True, False):
            found = pm.linspace(-1, 3, n, endpoint=endpoint, map=pm.Map([-1], "c"))
            same(found, np.linspace(-1, 3, n, endpoint=endpoint))
        for k in (-1, 0, 2, 10**30, -(10**30)):
            same(pm.eye(n, n + 1, k=k, map=pm.Map([-1, 1])), np.eye(n, n + 1, k))
            k = max(min(k, 99), -99)  # NumPy's tri knows no more
            same(pm.tri(n, k=k, dtype="i2", map=pm.Map([1, -1])), np.tri(n, k=k, dtype="i2"))


def test_triangles():
    for shape in [(5, 7), (2, 4, 3), (0, 3), (6,)]:
        a = np.arange(1, 1 + np.prod(shape)).reshape(shape)
        for held in every_map(shape).values():
            A = pm.asarray(a, map=held)
            for k in (-2, 0, 1):
                same(pm.tril(A, k=k), np.tril(a, k))
                same(np.triu(A, k), np.triu(a, k))
    with pytest.raises(IndexError):
        np.tril(pm.asarray(3.0, map="auto"))


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("sparse", [False, True])
def test_meshgrid(indexing, sparse):
    x, y, z = np.arange(5.0), np.arange(3), np.arange(4) * 1j
    for held in every_map((5,)).values():
        X, Z = pm.asarray(x, map=held), pm.asarray(z, map=pm.Map([-1], "c"))
        found = pm.meshgrid(X, y, Z, indexing=indexing, sparse=sparse)
        wanted = np.meshgrid(x, y, z, indexing=indexing, sparse=sparse)
        assert isinstance(found, tuple)
        for A, a in zip(found, wanted, strict=True):
            same(A, a)
        if not sparse:
            assert len({A.map for A in found}) == 1
    held = pm.Map([1, -1])
    for A, a in zip(pm.meshgrid(x, y, map=held), np.meshgrid(x, y), strict=True):
        same(A, a)
        assert A.map == held.bind(pm.Np)


def test_asarray_shares_or_copies():
    A = pm.arange(6.0, map=pm.Map([-1]))
    assert pm.asarray(A) is A
    assert pm.asarray(A, copy=False) is A
    B = pm.asarray(A, copy=True)
    B[...] = 0
    same(A, np.arange(6.0))
    same(pm.asarray(A, dtype="i4"), np.arange(6, dtype="i4"))
    same(pm.asarray(A, map=pm.Map([-1], "c")), np.arange(6.0))
    for bad in ({"dtype": "i4"}, {"map": pm.Map([-1], "c")}):
        with pytest.raises(ValueError, match="copy=False"):
            pm.asarray(A, copy=False, **bad)
    with pytest.raises(ValueError, match="copy=False"):
        pm.asarray([1, 2], copy=False, map=pm.Map([-1]))


def test_dlpack():
    a = np.arange(12.0).reshape(3, 4)
    for held in every_map(a.shape).values():
        A = pm.asarray(a, map=held)
        for copy in (None, True, False):
            np.testing.assert_array_equal(np.from_dlpack(A, copy=copy), a)
        B = pm.from_dlpack(A, copy=True)
        B[...] = 0
        same(A, a)
        same(pm.from_dlpack(a, map=held), a)
    assert A.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError):
        A.__dlpack__(dl_device=(2, 0))


def test_dlpack_keeps_to_the_gather_limit(monkeypatch):
    A = pm.ones(64, map=pm.Map([-1]))
    monkeypatch.setattr(pm.options, "gather_limit", 8)
    if pm.Np == 1:
        np.testing.assert_array_equal(np.from_dlpack(A), np.ones(64))
        return
    with pytest.raises(pm.GatherError, match="gather_limit"):
        A.__dlpack__()


def test_promotion_is_numpys():
    """Each pair of types, by an operator, by a function, and in place."""
    held = pm.Map([-1])
    for first in DTYPES:
        A, a = pm.ones(3, first, map=held), np.ones(3, first)
        for second in DTYPES:
            B, b = pm.ones(3, second, map=held), np.ones(3, second)
            assert (A * B).dtype == (a * b).dtype == pm.result_type(A, B)
            assert pm.equal(A, B).dtype == bool
            assert pm.where(B == B, A, B).dtype == np.where(b == b, a, b).dtype
        for scalar in (True, 3, 1.5, 2j):
            assert (A * scalar).dtype == (scalar * A).dtype == (a * scalar).dtype


@pytest.mark.parametrize(
    ("f", "x", "wanted"),
    [
        (pm.sqrt, -0.0, -0.0),
        (pm.log, 0.0, -np.inf),
        (pm.exp, -np.inf, 0.0),
        (pm.atan, np.inf, np.pi / 2),
        (pm.floor, -0.5, -1.0),
        (pm.trunc, -0.5, -0.0),
        (pm.sign, np.nan, np.nan),
        (pm.round, 2.5, 2.0),
        (pm.round, -0.5, -0.0),
        (pm.reciprocal, -np.inf, -0.0),
        (pm.tanh, -np.inf, -1.0),
        (pm.expm1, -0.0, -0.0),
    ],
)
def test_special_values(f, x, wanted):
    with np.errstate(all="ignore"):
        found = np.asarray(f(pm.full(5, x, map=pm.Map([-1]))))
    np.testing.assert_array_equal(found, np.full(5, wanted))
    assert (np.signbit(found) == np.signbit(wanted)).all()


def test_numbers_and_indices():
    zero_d = pm.asarray(3, map="auto")
    assert operator.index(zero_d) == 3
    assert [10, 20, 30, 40][zero_d] == 40
    assert (int(zero_d), float(zero_d), complex(zero_d), bool(zero_d)) == (3, 3.0, 3 + 0j, True)
    A = pm.arange(6, map=pm.Map([-1]))
    for f in (operator.index, int, float, complex):
        with pytest.raises(TypeError):
            f(A)
    with pytest.raises(TypeError):
        operator.index(pm.asarray(3.0, map="auto"))
    assert A.item(4) == A.item(-2) == A.item((4,)) == 4
    with pytest.raises(IndexError):
        A.item(6)
    assert A.tolist() == list(range(6))
    assert A.tobytes() == np.arange(6).tobytes()


def test_turns_parts_and_filling():
    a = np.arange(24.0).reshape(2, 3, 4)
    for held in every_map(a.shape).values():
        A = pm.asarray(a, map=held)
        same(A.mT, a.mT)
        same(A.T, a.T)
        same(A.swapaxes(0, -1), a.swapaxes(0, -1))
        same(A.conjugate(), a)
        C = A + 1j
        C.imag = 2 * A
        same(C.imag, 2 * a)
        A.fill(5)
        same(A, np.full_like(a, 5))
    with pytest.raises(ValueError, match="ndim < 2"):
        _ = pm.ones(3, map=pm.Map([-1])).mT
    with pytest.raises(TypeError):
        A.imag = 1


OF_ONE_ELEMENT = [
    lambda x: np.roll(x, 2),
    lambda x: np.flip(x),
    lambda x: np.reshape(x, (1, 1)),
    lambda x: np.ravel(x),
    lambda x: np.stack([x, x]),
    lambda x: np.tile(x, 2),
    lambda x: np.repeat(x, 3),
    lambda x: np.broadcast_to(x, (3,)),
    lambda x: np.take(x, [0, 0]),
    lambda x: np.where(x > 0, x, 0),
    lambda x: np.clip(x, 0, 2),
    lambda x: np.cumsum(x),
    lambda x: np.unique(x),
    lambda x: np.unique(x, return_inverse=True)[1],
    lambda x: np.median(x),
    lambda x: np.percentile(x, 30),
    lambda x: np.sum(x),
    lambda x: np.std(x),
    lambda x: np.any(x),
    lambda x: np.max(x),
    lambda x: np.argmin(x),
    lambda x: np.count_nonzero(x),
    lambda x: np.average(x),
    lambda x: np.histogram(x, 3)[0],
    lambda x: np.isin(x, [5]),
    lambda x: np.outer(x, x),
    lambda x: np.dot(x, x),
    lambda x: np.sort(x[None]),
    lambda x: np.nonzero(x[None])[0],
    lambda x: np.concatenate([x[None], x[None]]),
]


@pytest.mark.parametrize("f", OF_ONE_ELEMENT)
def test_what_one_rank_alone_holds(f):
    """An element as an array of shape (): the other ranks have none of it."""
    a = np.arange(1.0, 8.0)
    for name, held in every_map(a.shape).items():
        if not name.startswith(("b ", "explicit")):
            continue
        A = pm.asarray(a, map=held)
        for at in (0, -1):
            found, wanted = f(A[at, ...]), f(a[at, ...])
            np.testing.assert_array_equal(np.asarray(found), wanted)
            assert np.asarray(found).dtype == np.asarray(wanted).dtype


METHODS = [
    lambda x: x.reshape(2, 6),
    lambda x: x.reshape((4, -1), order="F"),
    lambda x: x.ravel(),
    lambda x: x.flatten(),
    lambda x: x[None].squeeze(0),
    lambda x: x.diagonal(1),
    lambda x: x.take([2, 0, 2], axis=0),
    lambda x: x.take([[3], [11]]),
    lambda x: x.repeat(2, axis=1),
    lambda x: x.compress([True, False, True], axis=0),
    lambda x: (x % 2).choose([x, -x]),
    lambda x: x.nonzero()[1],
    lambda x: x.argsort(0, stable=True),
    lambda x: np.sort(x.ravel()).searchsorted([1, 3], side="right"),
    lambda x: x.dot(x.T),
]


@pytest.mark.parametrize("method", METHODS)
def test_methods_are_the_functions(method):
    a = np.arange(12).reshape(3, 4) * 7 % 5
    for name, held in every_map(a.shape).items():
        if name.startswith(("b ", "bc2", "explicit")):
            same(method(pm.asarray(a, map=held)), method(a))


def test_methods_in_place_and_to_one_value():
    a = np.arange(12).reshape(3, 4) * 7 % 5
    for held in every_map(a.shape).values():
        A = pm.asarray(a, map=held)
        assert A.trace() == a.trace()
        for axis in (0, -1):
            B = A.copy()
            B.sort(axis)
            same(B, np.sort(a, axis))
        B.partition(1, axis=0)
        low, kth = np.asarray(B)[0], np.asarray(B)[1]
        assert (low <= kth).all()
        same(A, a)


@pytest.mark.parametrize("name", ["flags", "strides", "view", "flat", "resize", "tofile"])
def test_what_cannot_be_is_refused_by_name(name):
    A = pm.ones(3, map=pm.Map([-1]))
    assert not hasattr(A, name)
    with pytest.raises(AttributeError, match=rf"no \.{name}; "):
        getattr(A, name)


def test_default_map_distributes_everything():
    pm.default_map("auto")
    try:
        made = [
            pm.zeros(8),
            pm.arange(8),
            pm.linspace(0, 1, 8),
            pm.eye(8),
            pm.asarray(list(range(8))),
            pm.full((8, 2), 1),
            pm.from_dlpack(np.arange(8)),
            pm.from_function(lambda i: i, 8),
        ]
        for A in made:
            assert isinstance(A, pm.DistArray)
            assert sum(world().allgather(A.local.size)) == A.size
        assert isinstance(pm.asarray(3.0), pm.DistArray)
    finally:
        pm.default_map(None)

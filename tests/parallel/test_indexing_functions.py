"""take, put, nonzero and their like, at random maps, as the same line in NumPy."""

import numpy as np
import pytest
from indexing_cases import agree, mapped, outcome, random_shape

import pmap as pm
from pmap.ranks.comm import world

READING = {
    "take": lambda a, i, m: np.take(a, i[:, 0], 0),
    "take flat": lambda a, i, m: np.take(a, i),
    "take wrap": lambda a, i, m: np.take(a, i * 7 - 9, -1, mode="wrap"),
    "take clip": lambda a, i, m: np.take(a, i * 7 - 9, 1, mode="clip"),
    "take one": lambda a, i, m: np.take(a, 2, 1),
    "take list": lambda a, i, m: np.take(a, [[1, -1], [0, 1]], 1),
    "take too far": lambda a, i, m: np.take(a, i * 7, 0),
    "take_along_axis": lambda a, i, m: np.take_along_axis(a, i % a.shape[1], 1),
    "take_along_axis 0": lambda a, i, m: np.take_along_axis(a, i % a.shape[0], 0),
    "take_along_axis short": lambda a, i, m: np.take_along_axis(a, i[:, :2] % 3, 1),
    "take_along_axis too far": lambda a, i, m: np.take_along_axis(a, i * 9, 1),
    "sorted": lambda a, i, m: np.take_along_axis(a, np.argsort(a, 1), 1),
    "compress": lambda a, i, m: np.compress(m[:, 0], a, 0),
    "compress short": lambda a, i, m: np.compress(m[0, :2], a, 1),
    "compress flat": lambda a, i, m: np.compress(m[0], a),
    "extract": lambda a, i, m: np.extract(m, a),
    "choose": lambda a, i, m: np.choose(i % 3, [a, a + 1, -a]),
    "choose wrong": lambda a, i, m: np.choose(i % 4, [a, a + 1, -a]),
    "choose wrap": lambda a, i, m: np.choose(i, [a, 5], mode="wrap"),
    "select": lambda a, i, m: np.select([m, a > 50], [a, -a], 7),
    "nonzero": lambda a, i, m: np.nonzero(m),
    "flatnonzero": lambda a, i, m: np.flatnonzero(m),
    "argwhere": lambda a, i, m: np.argwhere(m),
    "where": lambda a, i, m: np.where(m),
    "unravel": lambda a, i, m: np.unravel_index(i, (5, 20)),
    "unravel wrong": lambda a, i, m: np.unravel_index(i - 1, (5, 20)),
    "ravel": lambda a, i, m: np.ravel_multi_index((i, i), (9, 9)),
    "ix": lambda a, i, m: a[np.ix_(i[:, 0] % a.shape[0], m[0])],
    "diagonal": lambda a, i, m: np.diagonal(a, 1),
    "diagonal below": lambda a, i, m: np.diagonal(a, -2, 1, 0),
    "diag": lambda a, i, m: np.diag(a),
    "diag of a vector": lambda a, i, m: np.diag(a[0], 2),
    "diag of a column": lambda a, i, m: np.diag(a[:, 1], -1),
    "diagflat": lambda a, i, m: np.diagflat(a[:2, :2]),
    "trace": lambda a, i, m: np.trace(a, 1),
    "delete": lambda a, i, m: np.delete(a, 1, 0),
    "delete list": lambda a, i, m: np.delete(a, [0, 2], 1),
    "delete slice": lambda a, i, m: np.delete(a, slice(None, None, 2), 1),
    "delete flat": lambda a, i, m: np.delete(a, [0, 5]),
    "delete too far": lambda a, i, m: np.delete(a, 99, 0),
    "insert": lambda a, i, m: np.insert(a, 1, -5, 0),
    "insert row": lambda a, i, m: np.insert(a, 2, a[1], 0),
    "insert rows": lambda a, i, m: np.insert(a, [1, 1, 3], a[:1], 0),
    "insert column": lambda a, i, m: np.insert(a, 0, a[:, 0], 1),
    "insert flat": lambda a, i, m: np.insert(a, [2, 4], [7, 8]),
}


def assign(function):
    """The changed first operand as the result."""

    def run(a, i, m):
        b = a.copy()
        function(b, a, i, m)
        return b

    return run


WRITING = {
    "put": lambda b, a, i, m: np.put(b, i, a),
    "put method": lambda b, a, i, m: b.put(i, a),
    "put few": lambda b, a, i, m: np.put(b, i[0], [7, 8]),
    "put wrap": lambda b, a, i, m: np.put(b, i * 90 - 7, 5, mode="wrap"),
    "put_along_axis": lambda b, a, i, m: np.put_along_axis(b, i % b.shape[1], a, 1),
    "put_along_axis 0": lambda b, a, i, m: np.put_along_axis(b, i[:1] % b.shape[0], 9, 0),
    "place": lambda b, a, i, m: np.place(b, m, a),
    "place few": lambda b, a, i, m: np.place(b, m, [1, 2, 3]),
    "putmask": lambda b, a, i, m: np.putmask(b, m, -a),
    "putmask few": lambda b, a, i, m: np.putmask(b, m, [1, 2, 3]),
    "copyto": lambda b, a, i, m: np.copyto(b, a[0]),
    "copyto where": lambda b, a, i, m: np.copyto(b, a[:, :1], where=m),
    "copyto scalar": lambda b, a, i, m: np.copyto(b, 3, where=m[0]),
    "copyto wrong": lambda b, a, i, m: np.copyto(b, a[0] + 0.5),
    "fill_diagonal": lambda b, a, i, m: np.fill_diagonal(b, 9),
    "fill_diagonal list": lambda b, a, i, m: np.fill_diagonal(b, [1, 2], wrap=True),
    "mask = values": lambda b, a, i, m: b.__setitem__(m, a[m][::-1]),
    "mask = list": lambda b, a, i, m: b.__setitem__(m, list(range(int(np.count_nonzero(m))))),
    "mask = too few": lambda b, a, i, m: b.__setitem__(m, a[m][:-1]),
    "mask +=": lambda b, a, i, m: b.__setitem__(m, b[m] + 1),
    "itself": lambda b, a, i, m: b.__setitem__(i[:, 0] % len(b), b[: len(i)]),
    "itself backwards": lambda b, a, i, m: b.__setitem__((i[0] % 2, 1), b[::-1][0, : i.shape[1]]),
    "add.at": lambda b, a, i, m: np.add.at(b, i % len(b), 1),
    "add.at values": lambda b, a, i, m: np.add.at(b, (slice(None), i[0] % 3), a[:, : len(i[0])]),
    "maximum.at": lambda b, a, i, m: np.maximum.at(b, (i % len(b), 1), a),
    "negative.at": lambda b, a, i, m: np.negative.at(b, (i[:, 0] % len(b),)),
    "add.at mask": lambda b, a, i, m: np.add.at(b, m, 5),
    "add.at wrong": lambda b, a, i, m: np.add.at(b, i % 2, 0.5),
}


def operands(seed):
    rng = np.random.default_rng(seed)
    shape = [(7, 5), (13, 4), (3, 11), (4, 3)][seed % 4]
    a = rng.integers(0, 100, shape)
    i = rng.integers(0, 9, shape)
    m = rng.random(shape) < rng.choice([0.1, 0.5, 0.9])
    return rng, a, i, m


@pytest.mark.parametrize("name", READING)
def test_reading(name):
    f = READING[name]
    for seed in range(4):
        rng, a, i, m = operands(seed)
        expected = outcome(f, a, i, m)
        for _ in range(2):
            A, J, M = (mapped(rng, x) for x in (a, i, m))
            note = f"{name} seed {seed} {a.shape} {A.map} {J.map} {M.map}"
            for group in [(A, J, M), (A, i, m)]:
                found = outcome(f, *group)
                pairs = (
                    zip(found, expected, strict=True)
                    if isinstance(found, tuple)
                    else [(found, expected)]
                )
                for one, other in pairs:
                    agree(one, other, note)


@pytest.mark.parametrize("name", WRITING)
def test_writing(name):
    f = assign(WRITING[name])
    for seed in range(4):
        rng, a, i, m = operands(seed)
        expected = outcome(f, a, i, m)
        for _ in range(2):
            A, J, M = (mapped(rng, x) for x in (a, i, m))
            note = f"{name} seed {seed} {a.shape} {A.map} {J.map} {M.map}"
            agree(outcome(f, A, J, M), expected, note)
            agree(outcome(f, A, i, m), expected, note + " plain index")


@pytest.mark.parametrize("seed", range(6))
def test_sums_at_an_index_have_the_same_bits_at_any_map(seed):
    """Floats are added in the order of the index (C2)."""
    rng = np.random.default_rng(seed)
    i = rng.integers(0, 7, 500)
    v = rng.normal(size=500) * 10.0 ** rng.integers(-8, 8, 500)
    a = np.zeros(7)
    np.add.at(a, i, v)
    for _ in range(6):
        A = mapped(rng, np.zeros(7))
        np.add.at(A, mapped(rng, i), mapped(rng, v))
        assert np.asarray(A).tobytes() == a.tobytes(), A.map
        A = mapped(rng, np.zeros(7))
        np.add.at(A, i, v)
        assert np.asarray(A).tobytes() == a.tobytes(), A.map


def test_a_table_is_read_by_labels():
    """`table[labels]` has the map of the labels, also where the table is a plain array."""
    rng = np.random.default_rng(0)
    table, labels = rng.normal(size=50), rng.integers(0, 50, (6, 7, 8))
    L = mapped(rng, labels)
    for T in (mapped(rng, table), mapped(rng, table)):
        found = T[L]
        assert found.map == L.map.without_overlap()
        assert np.array_equal(np.asarray(found), table[labels])
    found = pm.take(table, L)  # np.take does not ask its indices
    assert found.map == L.map.without_overlap()
    assert np.array_equal(np.asarray(found), table[labels])


def test_wrong_numbers_on_one_rank_are_told_on_all():
    A = pm.arange(10, map=pm.Map([-1]))
    J = pm.zeros(world().size * 3, int, map=pm.Map([-1]))
    J[-1] = 10  # the last rank alone can see it
    for wrong in (lambda: A[J], lambda: A.__setitem__(J, 1), lambda: np.add.at(A, J, 1)):
        with pytest.raises(IndexError, match="index 10 is out of bounds for axis 0 with size 10"):
            wrong()
    assert np.array_equal(np.asarray(A), np.arange(10))


def test_sizes_around_the_ranks():
    p = world().size
    for n in {0, 1, p - 1, p, p + 1, 17}:
        a = np.arange(n) * 3
        A = pm.arange(n, map=pm.Map([-1])) * 3
        order = np.random.default_rng(n).permutation(n)
        assert np.array_equal(np.asarray(A[order]), a[order])
        assert np.array_equal(np.asarray(A[A % 2 == 0]), a[a % 2 == 0])
        assert np.array_equal(np.asarray(np.nonzero(A)[0]), np.nonzero(a)[0])
        A[pm.asarray(order, map=pm.Map([-1], "c"))] = np.arange(n)
        a[order] = np.arange(n)
        assert np.array_equal(np.asarray(A), a)


def test_random_shapes_by_nonzero():
    rng = np.random.default_rng(1)
    for _ in range(40):
        a = rng.random(random_shape(rng)) < 0.4
        A = mapped(rng, a)
        for found, expected in zip(np.nonzero(A), np.nonzero(a), strict=True):
            agree(found, expected, f"{a.shape} {A.map}")

"""Joining, splitting, reshaping and turning against NumPy, at every map (C2, C3, C4)."""

import numpy as np
import pytest
from fuzzing import check, random_map, same_outcome
from map_zoo import every_map

import pmap as pm
from pmap.ranks.comm import world

SHAPE = (6, 10)


def sample(shape=SHAPE, dtype=float, seed=5):
    return (np.random.default_rng(seed).normal(size=shape) * 50).astype(dtype)


def sizes():
    """0, 1, P-1, P, P+1 and primes."""
    p = world().size
    return sorted({0, 1, max(p - 1, 0), p, p + 1, 7, 13})


JOINS = [
    lambda a, b: np.concatenate([a, b]),
    lambda a, b: np.concatenate([a, b, a[:2]], axis=0),
    lambda a, b: np.concatenate([a, b[:, :3]], axis=1),
    lambda a, b: np.concatenate([a, b], axis=-1),
    lambda a, b: np.concatenate([a, b[::-1, ::2]], axis=None),
    lambda a, b: np.concatenate([a.T, b.T], dtype=np.float32),
    lambda a, b: np.concatenate([a, b.astype(np.int16)]),
    lambda a, b: np.stack([a, b]),
    lambda a, b: np.stack([a, b, a], axis=1),
    lambda a, b: np.stack([a, b], axis=-1),
    lambda a, b: np.hstack([a, b]),
    lambda a, b: np.hstack([a[0], b[1]]),
    lambda a, b: np.vstack([a, b]),
    lambda a, b: np.vstack([a[0], b[1]]),
    lambda a, b: np.dstack([a, b]),
    lambda a, b: np.dstack([a[0], b[1]]),
    lambda a, b: np.column_stack([a, b[:, 0]]),
    lambda a, b: np.column_stack([a[0], b[1]]),
    lambda a, b: np.append(a, b, axis=0),
    lambda a, b: np.append(a, b[0]),
    lambda a, b: np.append(a, [3.5]),
    lambda a, b: np.block([[a, b], [b, a]]),
    lambda a, b: np.block([a[0], b[0], 3.0]),
    lambda a, b: np.block([[[a]], [[b]]]),
    lambda a, b: np.block(a),
]


@pytest.mark.parametrize("number", range(len(JOINS)))
def test_joins(number):
    a, b = sample(), sample(seed=6)
    found = list(every_map(SHAPE).items())
    for i in range(number % 4, len(found), 4):
        (name, held), (other, theirs) = found[i], found[(i * 5 + 7) % len(found)]
        A, B = pm.asarray(a, map=held), pm.asarray(b, map=theirs)
        check(JOINS[number](A, B), JOINS[number](a, b), f"{name} with {other}")
    check(JOINS[number](A, b), JOINS[number](a, b), "with an ndarray")
    check(JOINS[number](a, B), JOINS[number](a, b), "with an ndarray first")


def test_joining_writes_to_out():
    a = sample()
    for name, held in every_map((12, 10)).items():
        A = pm.asarray(a, map=every_map(SHAPE)["b grid"])
        out, expected = pm.zeros((12, 10), np.float32, map=held), np.zeros((12, 10), np.float32)
        assert np.concatenate([A, A], out=out) is out
        check(out, np.concatenate([a, a], out=expected), name)
        half = np.concatenate([A[:3, :5], A[3:, 5:]], out=out[::2, ::2])
        check(half, np.concatenate([a[:3, :5], a[3:, 5:]], out=expected[::2, ::2]), name)
        check(out, expected, f"{name}: writes reach the array of a view")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a: np.concatenate([a, a[:, :3]]),
        lambda a: np.concatenate([a, a[0]]),
        lambda a: np.concatenate([a, a], axis=2),
        lambda a: np.concatenate([a, a], dtype=int),
        lambda a: np.concatenate([a.sum(axis=0)[..., 0], a]),
        lambda a: np.concatenate([a, a], out=a),
        lambda a: np.stack([a, a[0]]),
        lambda a: np.stack([a, a], axis=3),
        lambda a: np.block([a, []]),
        lambda a: np.block([[a], a]),
        lambda a: np.split(a, 4),
        lambda a: np.array_split(a, 0),
        lambda a: np.dsplit(a, 1),
        lambda a: np.reshape(a, (7, 7)),
        lambda a: np.reshape(a, (-1, -1)),
        lambda a: np.reshape(a, (-1, 7)),
        lambda a: np.squeeze(a, 0),
        lambda a: np.expand_dims(a, 5),
        lambda a: np.expand_dims(a, (0, 0)),
        lambda a: np.moveaxis(a, (0, 1), 0),
        lambda a: np.moveaxis(a, 2, 0),
        lambda a: np.swapaxes(a, 0, 2),
        lambda a: np.transpose(a, (0, 0)),
        lambda a: np.transpose(a, (0,)),
        lambda a: np.rot90(a, 1, (0, 0)),
        lambda a: np.flip(a, 2),
        lambda a: np.rollaxis(a, 0, 5),
    ],
)
def test_refused_as_numpy_does(wrong):
    a = sample()
    A = pm.asarray(a, map=every_map(SHAPE)["b rows"])
    assert same_outcome(wrong, (a,), (A,), "refusal") is None


TURNS = [
    lambda a: np.transpose(a, (1, 0)),
    lambda a: np.matrix_transpose(a),
    lambda a: np.swapaxes(a, 0, -1),
    lambda a: np.moveaxis(a[None], [0, 1], [-1, 0]),
    lambda a: np.rollaxis(a[None], 2),
    lambda a: np.rollaxis(a[None], 0, 3),
    lambda a: np.expand_dims(a, (0, -1)),
    lambda a: np.squeeze(a[None, :, None]),
    lambda a: np.squeeze(a[:, :1], 1),
    lambda a: np.atleast_1d(a[1, 2, ...]),
    lambda a: np.atleast_2d(a[1], a),
    lambda a: np.atleast_3d(a[1], a, a[2, 3, ...]),
    lambda a: np.flip(a),
    lambda a: np.flip(a, 1),
    lambda a: np.flipud(a),
    lambda a: np.fliplr(a),
    lambda a: np.rot90(a),
    lambda a: np.rot90(a, 2),
    lambda a: np.rot90(a, -1, (1, 0)),
    lambda a: np.rot90(a[None], 3, (1, 2)),
    lambda a: np.array_split(a, 4),
    lambda a: np.split(a, [2, 3, 9]),
    lambda a: np.split(a, 5, axis=1),
    lambda a: np.hsplit(a, 2),
    lambda a: np.vsplit(a, 3),
    lambda a: np.dsplit(a[..., None], 1),
    lambda a: np.unstack(a, axis=1),
    lambda a: np.broadcast_to(a[0], (3, 10)),
]


@pytest.mark.parametrize("number", range(len(TURNS)))
def test_turns_are_views(number):
    a = sample()
    for name, held in list(every_map(SHAPE).items())[number % 3 :: 3]:
        A = pm.asarray(a, map=held)
        found, expected = TURNS[number](A), TURNS[number](a)
        for F, f in (
            zip(found, expected, strict=True)
            if isinstance(expected, tuple | list)
            else [(found, expected)]
        ):
            check(F, f, name)
            assert np.shares_memory(F.block, A.block) or not F.block.size or A._parent


@pytest.mark.parametrize(
    "new",
    [(60,), (10, 6), (12, 5), (3, 2, 10), (6, 5, 2), (2, 3, 5, 2), (4, 15), (1, 6, 1, 10), (-1, 4)],
)
def test_reshape(new):
    a = sample()
    for name, held in every_map(SHAPE).items():
        A = pm.asarray(a, map=held)
        for order in "CF":
            check(np.reshape(A, new, order), np.reshape(a, new, order), f"{name} {order} {new}")
        check(np.reshape(np.reshape(A, new), SHAPE), a, f"{name} back from {new}")
        check(np.reshape(A[::-1, ::3], -1), np.reshape(a[::-1, ::3], -1), f"{name} of a view")


def test_reshape_of_random_shapes_and_maps():
    rng = np.random.default_rng(11)
    for trial in range(120):
        lengths = [int(n) for n in rng.choice([1, 2, 2, 3, 4, 5, 6], int(rng.integers(1, 5)))]
        a = np.arange(np.prod(lengths)).reshape(lengths)
        factors = [f for n in lengths for f in ((2, n // 2) if n % 2 == 0 else (n,))]
        new, factors = [], list(rng.permutation(factors))
        while factors:
            k = int(rng.integers(1, len(factors) + 1))
            new.append(int(np.prod(factors[:k])))
            factors = factors[k:]
            new += [1] * int(rng.random() < 0.2)
        A = pm.asarray(a, map=random_map(rng, a.shape))
        note = f"trial {trial}: {a.shape} to {new} from {A.map}"
        check(np.reshape(A, tuple(new)), a.reshape(new), note)


def test_reshape_of_nothing_and_of_one_element():
    for held in every_map((0, 5)).values():
        A = pm.zeros((0, 5), map=held)
        for new in [(0,), (5, 0), (0, 3, 2), (2, 0)]:
            check(np.reshape(A, new), np.zeros(new), f"{held} to {new}")
        check(np.ravel(A), np.zeros(0), "ravel")
    for held in every_map((1, 1)).values():
        A = pm.ones((1, 1), map=held)
        for new in [(), (1,), (1, 1, 1), -1]:
            check(np.reshape(A, new), np.ones((1, 1)).reshape(new), f"{held} to {new}")


def test_ravel_is_a_copy():
    for n in sizes():
        a = sample((n,))
        A = pm.asarray(a, map=pm.Map([-1]))
        found = np.ravel(A)
        check(found, a.ravel(), "ravel")
        assert not np.shares_memory(found.block, A.block) or not n
        check(pm.reshape(A, (n,)), a, "reshape")


def test_reshape_without_a_copy():
    A = pm.ones((6, 1, 10), map=pm.Map([-1, 1, 1]))
    view = np.reshape(A, (6, 10, 1), copy=False)
    view[2] = 5
    assert A.sum() == 60 + 40
    with pytest.raises(ValueError, match="copy"):
        np.reshape(A, (10, 6), copy=False)


def test_short_runs_are_brought_to_blocks_first():
    n = 150
    a = np.arange(n * n).reshape(n, n)
    for word, grid in (("c", [1, -1]), (("bc", 2), [1, -1]), ("c", [-1, 1])):
        A = pm.asarray(a, map=pm.Map(grid, word))
        check(np.reshape(A, (n // 2, 2 * n)), a.reshape(n // 2, 2 * n), f"reshape {word}")
        check(np.roll(A, 1234), np.roll(a, 1234), f"roll {word}")
        check(np.reshape(np.ravel(A), (2 * n, n // 2)), a.reshape(2 * n, n // 2), f"back {word}")

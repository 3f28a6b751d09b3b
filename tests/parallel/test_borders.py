"""Rolling, tiling, repeating and padding against NumPy, at every map (C2, C3, C5)."""

import numpy as np
import pytest
from fuzzing import check, random_map, random_shape, same_outcome
from map_zoo import every_map

import pmap as pm
from pmap.ranks.comm import world

SHAPE = (7, 10)


def sample(shape=SHAPE, dtype=float, seed=5):
    return (np.random.default_rng(seed).normal(size=shape) * 50).astype(dtype)


CALLS = {
    "roll": lambda a: np.roll(a, 3, axis=0),
    "roll back": lambda a: np.roll(a, -11, axis=1),
    "roll axes": lambda a: np.roll(a, (2, -3), axis=(0, 1)),
    "roll one axis twice": lambda a: np.roll(a, (2, 3), axis=(1, 1)),
    "roll one step": lambda a: np.roll(a, 1, axis=(0, 1)),
    "roll flat": lambda a: np.roll(a, 13),
    "roll flat back": lambda a: np.roll(a[:, ::3], -29),
    "roll flat twice": lambda a: np.roll(a, (3, -5)),
    "roll flat nothing": lambda a: np.roll(a[:0], 3),
    "roll a view": lambda a: np.roll(a[::-2, 1:], 2, axis=-1),
    "tile": lambda a: np.tile(a, 2),
    "tile axes": lambda a: np.tile(a, (3, 2)),
    "tile more axes": lambda a: np.tile(a, (2, 1, 3)),
    "tile a line": lambda a: np.tile(a[0], (4, 3)),
    "tile nothing": lambda a: np.tile(a, (0, 2)),
    "tile often": lambda a: np.tile(a[:1, :3], (40, 50)),
    "tile once": lambda a: np.tile(a, 1),
    "repeat": lambda a: np.repeat(a, 3, axis=0),
    "repeat columns": lambda a: np.repeat(a, 2, axis=-1),
    "repeat each": lambda a: np.repeat(a, [0, 3, 1, 0, 0, 5, 2], axis=0),
    "repeat flat": lambda a: np.repeat(a, 2),
    "repeat never": lambda a: np.repeat(a, 0, axis=1),
    "repeat a view": lambda a: np.repeat(a[::-1, ::3], [2, 0, 1, 4], axis=1),
    "repeat a turned view": lambda a: np.repeat(a[::-1, ::-1], np.arange(10), axis=1),
    "resize": lambda a: np.resize(a, (4, 50)),
    "resize smaller": lambda a: np.resize(a, (3, 5)),
    "resize nothing": lambda a: np.resize(a[:0], (2, 2)),
}

PADS = {
    "constant": lambda a: np.pad(a, 2),
    "constants": lambda a: np.pad(a, ((1, 2), (0, 3)), constant_values=((1, 2), (3, 4))),
    "edge": lambda a: np.pad(a, ((3, 0), (2, 9)), "edge"),
    "wrap": lambda a: np.pad(a, ((3, 4), (2, 0)), "wrap"),
    "wrap round": lambda a: np.pad(a, ((20, 9), (0, 31)), "wrap"),
    "reflect": lambda a: np.pad(a, ((3, 4), (2, 0)), "reflect"),
    "reflect often": lambda a: np.pad(a, ((17, 25), (2, 30)), "reflect"),
    "symmetric": lambda a: np.pad(a, (2, 5), "symmetric"),
    "symmetric often": lambda a: np.pad(a, ((29, 8), (41, 3)), "symmetric"),
    "reflect odd": lambda a: np.pad(a, ((3, 4), (2, 0)), "reflect", reflect_type="odd"),
    "symmetric odd": lambda a: np.pad(a, ((9, 15), (25, 8)), "symmetric", reflect_type="odd"),
    "reflect odd often": lambda a: np.pad(a, ((19, 15), (25, 0)), "reflect", reflect_type="odd"),
    "ramp": lambda a: np.pad(a, ((3, 4), (2, 0)), "linear_ramp", end_values=((7, -3), (1, 2))),
    "maximum": lambda a: np.pad(a, ((1, 2), (0, 3)), "maximum"),
    "minimum": lambda a: np.pad(a, ((1, 2), (0, 3)), "minimum", stat_length=3),
    "mean": lambda a: np.pad(a, ((1, 2), (2, 3)), "mean", stat_length=((2, 9), (1, 3))),
    "median": lambda a: np.pad(a, ((1, 2), (2, 3)), "median", stat_length=((3, 4), (5, 2))),
    "one axis": lambda a: np.pad(a, {-1: (1, 2)}, "edge"),
    "a line": lambda a: np.pad(a[0], 4, "reflect"),
    "one row": lambda a: np.pad(a[:1], 4, "reflect"),
    "one row odd": lambda a: np.pad(a[:1], 4, "reflect", reflect_type="odd"),
    "nothing": lambda a: np.pad(a, 0),
    "empty": lambda a: np.pad(a[:0], ((2, 1), (1, 1))),
}


@pytest.mark.parametrize("name", [*CALLS, *PADS])
def test_as_numpy(name):
    call, a = {**CALLS, **PADS}[name], sample()
    expected = call(a)
    for number, (map_name, held) in enumerate(every_map(SHAPE).items()):
        if number % 2 and name in PADS:
            continue
        found = call(pm.asarray(a, map=held))
        if name == "mean":
            np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-12)
        else:
            check(found, expected, f"{name} {map_name}")


@pytest.mark.parametrize("name", ["ramp", "mean", "reflect odd", "constants"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "bool"])
def test_pads_of_types(name, dtype):
    if dtype == "bool" and name != "constants":
        return
    a = sample(dtype=dtype)
    for map_name in ("b grid", "c rows", "bc2 columns"):
        A = pm.asarray(a, map=every_map(SHAPE)[map_name])
        found, expected = PADS[name](A), PADS[name](a)
        assert found.dtype == expected.dtype
        rtol = 1e-5 if dtype == "float32" else 0
        np.testing.assert_allclose(np.asarray(found), expected, rtol=rtol, err_msg=map_name)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda a: np.roll(a, 1, axis=2),
        lambda a: np.roll(a, (1, 2, 3), axis=(0, 1)),
        lambda a: np.tile(a, -1),
        lambda a: np.repeat(a, -1, axis=0),
        lambda a: np.repeat(a, [1, 2], axis=0),
        lambda a: np.repeat(a, np.full(7, 1.5), axis=0),
        lambda a: np.repeat(a, 2, axis=2),
        lambda a: np.pad(a, -1),
        lambda a: np.pad(a, 1.5),
        lambda a: np.pad(a, (1, 2, 3)),
        lambda a: np.pad(a, 1, "oblique"),
        lambda a: np.pad(a, 1, "edge", constant_values=2),
        lambda a: np.pad(a[:0], 1, "edge"),
        lambda a: np.pad(a, 1, "maximum", stat_length=0),
        lambda a: np.resize(a, (-1, 2)),
    ],
)
def test_refused_as_numpy_does(wrong):
    a = sample()
    A = pm.asarray(a, map=every_map(SHAPE)["b rows"])
    assert same_outcome(wrong, (a,), (A,), "refusal") is None


def test_a_function_as_mode_is_refused_by_name():
    with pytest.raises(TypeError, match="function as mode"):
        np.pad(pm.ones((4, 4), map=pm.Map([-1, 1])), 1, lambda *a: None)


def test_random_shapes_maps_and_shifts():
    rng = np.random.default_rng(3)
    for trial in range(60):
        shape = random_shape(rng, 3)
        a = rng.integers(0, 99, shape)
        A = pm.asarray(a, map=random_map(rng, shape))
        note = f"trial {trial} {A.map} {shape}"
        axis = int(rng.integers(len(shape)))
        shift = int(rng.integers(-20, 20))
        check(np.roll(A, shift), np.roll(a, shift), f"{note} roll {shift}")
        check(np.roll(A, shift, axis), np.roll(a, shift, axis), f"{note} roll {shift} {axis}")
        reps = [int(r) for r in rng.integers(0, 4, len(shape))]
        check(np.tile(A, reps), np.tile(a, reps), f"{note} tile {reps}")
        counts = rng.integers(0, 4, shape[axis])
        check(np.repeat(A, counts, axis), np.repeat(a, counts, axis), f"{note} repeat {counts}")
        if 0 not in shape:
            widths = rng.integers(0, 12, (len(shape), 2)).tolist()
            mode = str(rng.choice(["edge", "wrap", "reflect", "symmetric", "constant"]))
            check(np.pad(A, widths, mode), np.pad(a, widths, mode), f"{note} pad {mode} {widths}")


def messages(call):
    """Messages that the ranks send in a call, of each pair of ranks the most."""
    sent = []
    isend = type(world()).isend

    def counted(self, data, rank, tag):
        sent.append(rank)
        return isend(self, data, rank, tag)

    type(world()).isend = counted
    try:
        call()
    finally:
        type(world()).isend = isend
    return max((sent.count(r) for r in set(sent)), default=0)


@pytest.mark.parametrize(
    "call",
    [
        lambda a, b: np.concatenate([a, b, a, b], axis=0),
        lambda a, b: np.stack([a, b, a], axis=1),
        lambda a, b: np.roll(a, (1, 3), axis=(0, 1)),
        lambda a, b: np.roll(a, 13),
        lambda a, b: np.tile(a, (3, 2)),
        lambda a, b: np.pad(a, 3, "reflect"),
        lambda a, b: np.pad(a, 3, "edge"),
        lambda a, b: np.reshape(a, (10, 7)),
        lambda a, b: np.block([a, b]),
    ],
)
def test_one_message_per_pair_of_ranks(call):
    a = sample()
    for name in ("b grid", "c rows", "explicit columns", "b replicated"):
        A, B = (pm.asarray(a, map=every_map(SHAPE)[n]) for n in (name, "b rows"))
        assert messages(lambda A=A, B=B: call(A, B)) <= 1, name


def test_each_element_comes_once():
    """Tiles and borders of blocks: what a rank has it copies from itself."""
    if world().size == 1:
        return
    A = pm.ones((1000,), map=pm.Map([-1]))
    for call in (lambda: np.tile(A, 50), lambda: np.pad(A, 5000, "reflect")):
        before = world().sent_bytes
        call()
        sent = sum(world().allgather(world().sent_bytes - before))
        assert sent <= A.nbytes * world().size, (sent, A.nbytes)

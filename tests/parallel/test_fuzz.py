"""Random programs: the same on ndarrays and DistArrays, at this rank count (C2, C3)."""

import numpy as np
import pytest
from fuzzing import Program, equal, outcome, random_map, random_shape, random_values

import pmap as pm
from pmap.ranks.comm import world
from pmap.regions import fetch, store


@pytest.mark.parametrize("first_seed", range(0, 120, 20))
def test_random_programs_match_numpy(first_seed):
    for seed in range(first_seed, first_seed + 20):
        Program(seed).run(12)


def creation_calls(rng):
    """Calls of creation functions with random arguments: f(np) or f(pm, map=...)."""
    dtype = [None, "f4", "f2", "i4", "u1", "c8", "f8"][rng.integers(7)]
    start, stop = rng.integers(-20, 20, 2) * [1, 0.1, 0.37][rng.integers(3)]
    step, num = float(rng.choice([0.1, 1, 2.5, -0.3, 7])), int(rng.integers(0, 40))
    if dtype == "u1":
        start, stop, step = abs(start), abs(stop), abs(step)
    if rng.random() < 0.5:
        start, stop, step = int(start), int(stop), int(step) or -1
    end = bool(rng.random() < 0.7)
    yield lambda m, **kw: m.linspace(start, stop, num, end, dtype=dtype, **kw)
    yield lambda m, **kw: m.full((num, 3), start, dtype, **kw)
    yield lambda m, **kw: m.eye(num % 7, num % 5, num % 9 - 4, dtype or int, **kw)
    if dtype not in ("c8", "u1"):
        yield lambda m, **kw: m.arange(start, stop, step, dtype, **kw)


def test_random_creation_matches_numpy():
    rng = np.random.default_rng(4)
    for k in range(150):
        for call in creation_calls(rng):
            expected = outcome(call, np)
            if not isinstance(expected, Exception):
                found = call(pm, map=random_map(rng, expected.shape))
                assert equal(found, expected), (k, found, expected)


def test_ranges_boxes_and_local_parts():
    rng = np.random.default_rng(5)
    for _ in range(30):
        shape = random_shape(rng, 3)
        a = random_values(rng, shape, "i4")
        A = pm.asarray(a, map=random_map(rng, shape))
        for axis, n in enumerate(shape):
            runs = pm.global_ranges(A, axis)
            assert runs[world().rank] == pm.global_range(A, axis)
            mine = [i for lo, hi in pm.global_range(A, axis) for i in range(lo, hi)]
            assert mine == pm.global_ind(A, axis).tolist() and all(0 <= i < n for i in mine)
        boxes = [[random_box(rng, shape) for _ in range(2)] for _ in range(world().size)]
        for found, box in zip(fetch(A, boxes), boxes[world().rank], strict=True):
            assert equal(found, a[box])
        band = [[(slice(r, min(r + 1, shape[0])),)] if r < shape[0] else [] for r in range(4)]
        whole = tuple(slice(0, n) for n in shape[1:])
        band = [[(*b, *whole) for b in boxes] for boxes in band[: world().size]]
        store(A, band, [np.full(a[b].shape, -world().rank) for b in band[world().rank]])
        for rank, boxes in enumerate(band):
            for b in boxes:
                a[b] = -rank
        assert equal(A, a)
        pm.put_local(A, A.local * 2)
        assert equal(A, a * 2) and equal(pm.remap(pm.transpose_grid(A), A.map), a * 2)


def random_box(rng, shape):
    ends = [sorted(int(e) for e in rng.integers(0, n + 1, 2)) for n in shape]
    return tuple(slice(*e) for e in ends)

"""Indexing as NumPy's, for reading and for assignment, at every map (contracts C2, C3)."""

from operator import getitem

import numpy as np
import pytest
from indexing_cases import RandomKey, agree, mapped, outcome, random_shape, said

SEEDS = 40
STEPS = 10


@pytest.mark.parametrize("seed", range(SEEDS))
def test_reading_by_random_indices(seed):
    rng = np.random.default_rng(seed)
    for _ in range(STEPS):
        a = rng.integers(0, 1000, random_shape(rng))
        A = mapped(rng, a)
        index = RandomKey(rng, a.shape)
        note = f"seed {seed} {a.shape} {A.map}[{said(index.key)}]"
        agree(outcome(getitem, A, index.key), outcome(getitem, a, index.plain), note)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_assigning_to_random_indices(seed):
    rng = np.random.default_rng(1000 + seed)
    for step in range(STEPS):
        a = rng.integers(0, 1000, random_shape(rng)).astype(rng.choice(["i8", "f4", "u1", "?"]))
        A = mapped(rng, a)
        index = RandomKey(rng, a.shape)
        target = outcome(getitem, a, index.plain)
        shape = np.shape(target) if not isinstance(target, Exception) else (2,)
        v, V = values_for(rng, shape)
        note = f"seed {seed} step {step} {a.shape} {A.map}[{said(index.key)}] = {said(V)} {v.shape}"
        before = a.copy()

        def put(x, key, values):
            x[key] = values

        wrong = outcome(put, a, index.plain, v)
        found = outcome(put, A, index.key, V)
        if isinstance(wrong, Exception):  # of two mistakes either may be told
            assert isinstance(found, IndexError | ValueError | TypeError), f"{note}\n{wrong!r}"
            a = before
        else:
            assert found is None, f"{note}\n{found!r}"
        agree(A, a, note + f"\nbefore {before.tolist()}")


def values_for(rng, shape):
    """Values that broadcast to a shape (mostly): a scalar, an ndarray or a DistArray."""
    if rng.random() < 0.5:
        shape = tuple(1 if rng.random() < 0.3 else n for n in shape)
    if rng.random() < 0.2:
        shape = shape[1:]
    if rng.random() < 0.05 and np.prod(shape):  # NumPy takes any empty values for an empty part
        shape = (2, *shape)
    v = rng.integers(0, 200, shape).astype(rng.choice(["i8", "f8", "u1"]))
    if rng.random() < 0.2:
        v = v.reshape(-1)[:1].sum()
        return v, v
    return (v, mapped(rng, v)) if v.ndim and rng.random() < 0.6 else (v, v)

"""Each entry of the reference against what it does: the traffic, the map, the memory."""

import sys
from pathlib import Path

import numpy as np
import pytest

import pmap as pm
from pmap.ranks.comm import world
from pmap.registry import HOMES

sys.path.insert(0, str(Path(__file__).parent))
from entries import COLLECTIVE, LOCAL, MAPS, RESULTS, all_entries  # noqa: E402

FOUND = [(area, e) for area, entries in all_entries().items() for e in entries]


def maps():
    """Rows, columns, cyclic rows, a grid: each cut over all ranks."""
    size = world().size
    two = 2 if size % 2 == 0 else 1
    return [
        pm.Map([size, 1]).bind(size),
        pm.Map([1, size]).bind(size),
        pm.Map([size, 1], "c").bind(size),
        pm.Map([size // two, two], ["b", "c"]).bind(size),
    ]


def steps():
    """Collective operations and bytes so far, of this rank."""
    watch = getattr(world(), "watch", None)
    return (watch.ahead if watch else 0, world().sent_bytes)


def called(call, *arrays):
    """The result of a call, and whether any rank talked in it."""
    before = steps()
    result = call(*arrays)
    return result, any(world().allgather(steps() != before))


@pytest.mark.parametrize(("area", "entry"), FOUND, ids=[f"{a}-{e.name}" for a, e in FOUND])
def test_the_entry_says_what_happens(area, entry):
    talked = []
    for held in maps():
        A = entry.of(held)
        operands = (A, entry.of(held)) if entry.talk == MAPS else (A,)
        before = np.asarray(A).copy()
        result, talks = called(entry.call, *operands)
        talked.append(talks)
        first = result[0] if isinstance(result, tuple | list) and len(result) else result
        words, check = RESULTS[entry.result]
        assert check(A, first), f"{held}: the map is not {words}: {first!r}"
        check_memory(entry, A, first, before)
    if entry.talk == COLLECTIVE:
        assert any(talked) or world().size == 1
    else:
        assert not any(talked)
    if entry.talk == MAPS and world().size > 1:
        first, second = maps()[:2]
        assert called(entry.call, entry.of(first), entry.of(second))[1]


def check_memory(entry, A, result, before):
    changed = not np.array_equal(np.asarray(A), before, equal_nan=before.dtype.kind == "f")
    assert changed == (entry.memory == "in place")
    if entry.memory in ("view", "copy") and isinstance(result, pm.DistArray):
        shared = np.shares_memory(result.block, A.block)
        full = result.block.size and A.block.size
        assert shared == (entry.memory == "view") if full else not shared


def test_words_of_the_entries_are_known():
    assert FOUND
    for _, entry in FOUND:
        assert entry.talk in (LOCAL, COLLECTIVE, MAPS)
        assert entry.memory in ("copy", "view", "in place", "-")
        assert entry.name.split(".")[0].split("[")[0] in ("pm", "np", "A")


NO_ARRAYS = set(
    "SendMsg RecvMsg BcastMsg ProbeMsg options Map DistArray Ledger PmapError MapError ShapeError "
    "InputError GatherError AllocationError UnsupportedError DivergenceError ForeachError "
    "LaunchError".split()
)
"""Messages between two ranks, settings, and classes."""


def test_every_public_function_has_an_entry():
    written = {e.name.split("(")[0].split("[")[0].partition(".")[2] for _, e in FOUND}
    assert set(pm._HOME) - NO_ARRAYS <= written
    known = {n for names in HOMES.values() for n in names.split()}
    assert {
        n for n in known if n.rpartition(".")[2] not in {w.rpartition(".")[2] for w in written}
    } == set()

"""Bad input raises NumPy's type on all ranks, and the ranks go on (C7, C11).

Each line is run twice: on whole ndarrays with NumPy, and on DistArrays of the same values. What
is raised must be of NumPy's built-in type on all ranks, and a collective must still work after it.
"""

import builtins
from contextlib import nullcontext

import numpy as np
import pytest
from bad_lines import LINES

import pmap as pm
from pmap.ranks.comm import world

CASES = [
    (area, line.strip())
    for area, text in LINES.items()
    for line in text.split("\n")
    if line.strip()
]
MAPS = {
    "rows": lambda n: pm.Map([-1] + [1] * (n - 1)),
    "cyclic columns": lambda n: pm.Map([1] * (n - 1) + [-1], "c", procs=None),
}


def arrays():
    """Whole arrays by the names that the lines use."""
    S = np.arange(16.0).reshape(4, 4) + 20 * np.eye(4)
    N = np.arange(24.0).reshape(6, 4)
    N[3] = np.nan
    return {
        "A": np.arange(24.0).reshape(6, 4),
        "B": np.eye(3) * np.array([1, 2, 3, 0, 5.0])[:, None, None],
        "I": np.arange(7),
        "J": np.array([1, 1, 1, -1, 1, 1, 1]),
        "K": np.array([0, 1, 2, -1, 1, 99]),
        "M": np.array([True, False, True, False, True, False]),
        "N": N,
        "S": S + S.T,
        "T": np.arange(24.0).reshape(2, 3, 4),
        "U": np.arange(7, dtype="u1"),
        "W": np.array([[1.0, 0, 1, 1]] * 6),
        "Z": np.zeros((0, 3)),
    }


def raised(line, names):
    """What a line raises; None where it does not."""
    try:
        with np.errstate(all="ignore"):
            eval(line, names)
    except Exception as error:
        return error
    return None


def builtin_types(error):
    """The built-in exceptions that an exception is, the nearest ones."""
    found = [t for t in type(error).__mro__ if t.__module__ == builtins.__name__]
    return [
        t
        for t in found
        if t not in (BaseException, Exception, object)
        and not any(issubclass(o, t) and o is not t for o in found)
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", MAPS)
@pytest.mark.parametrize(("area", "line"), CASES, ids=[line for _, line in CASES])
def test_bad_input_raises_numpys_type_on_all_ranks(area, line, kind):
    plain = arrays()
    expected = raised(line, {"np": np, "xp": np, "rng": np.random.default_rng(1), **plain})
    assert expected is not None, "NumPy takes this line"
    held = {name: pm.asarray(a, map=MAPS[kind](a.ndim)) for name, a in plain.items()}
    before = pm.default_map()
    pm.default_map("auto")
    try:
        found = raised(line, {"np": np, "xp": pm, "rng": pm.random.default_rng(1), **held})
    finally:
        pm.default_map(before)
    kinds = world().allgather(None if found is None else type(found).__name__)
    assert len(set(kinds)) == 1, f"ranks differ: {kinds}"
    assert found is not None, f"nothing raised; NumPy raises {expected!r}"
    wanted = builtin_types(expected)
    assert all(isinstance(found, t) for t in wanted), f"{found!r}, NumPy raises {expected!r}"
    assert str(found), "an error without a message"
    assert int(held["I"].sum()) == int(np.sum(held["I"])) and len(set(world().allgather(1))) == 1


OWN = """
    MapError pm.agg(A, root=99)
    MapError pm.scatter(A, pm.Map([-1]), root=99)
    MapError pm.scatter(A, pm.Map([-1]), root=-1)
    MapError pm.scatter(np.ones((2, 3)), pm.Map([-1]))
    MapError pm.remap(A, pm.Map([-1]))
    MapError pm.remap(A, pm.Map([99, 1]))
    MapError pm.remap(A, "zz")
    MapError pm.remap(A, 3)
    MapError pm.zeros((4, 4), map=pm.Map([-1, 1, 1]))
    MapError pm.zeros(4, map=pm.Map([1], procs=[50]))
    MapError pm.zeros(7, map=pm.Map([1], ("x", (0, 5))))
    MapError pm.Map([0])
    MapError pm.Map([-1, -1])
    MapError pm.Map([1.5])
    MapError pm.Map(["a"])
    MapError pm.Map([2], "zz")
    MapError pm.Map([2], ("bc", 0))
    MapError pm.Map([2], ("x", (0, 5, 3)))
    MapError pm.Map([2], procs=[0])
    MapError pm.Map([2], procs=[0, 0])
    MapError pm.Map([1], procs=[0.5])
    MapError pm.Map([2], overlap=-1)
    MapError pm.Map([2], overlap=0.5)
    MapError pm.Map([2], order="Z")
    MapError pm.random.normal(size=(2, 2), map=pm.Map([-1]))
    ValueError pm.synch(A, op="zz")
    InputError pm.SendMsg(99, 1, 2)
    InputError pm.RecvMsg(99, 1)
    InputError pm.BcastMsg(99, 1)
    UnsupportedError pm.fuse(lambda a: a.sum())(A)
    ShapeError pm.fuse(lambda a, b: a + b)(A, np.ones(5))
    InputError setattr(pm.options, "gather_limit", "a")
    InputError setattr(pm.options, "pool_mb", -1)
    ShapeError np.add(A, A, out=pm.zeros((9, 9), map=A.map))
    ShapeError np.matmul(A, A.T, out=pm.zeros((9, 9), map=A.map))
    ShapeError np.fft.fft(A, out=pm.zeros((9, 9), complex, map=A.map))
    UnsupportedError np.busday_count(A, A)
    InputError pm.io.open("/nonexistent/file.tif")
"""


@pytest.mark.parametrize("case", [c.strip() for c in OWN.strip().split("\n")])
def test_bad_input_of_pmaps_own_words_raises_on_all_ranks(case):
    kind, line = case.split(" ", 1)
    found = raised(line, {"np": np, "pm": pm, "A": pm.zeros((6, 4), map=pm.Map([-1, 1]))})
    kinds = world().allgather(type(found).__name__)
    assert len(set(kinds)) == 1, f"ranks differ: {kinds}"
    expected = getattr(pm, kind, None) or getattr(builtins, kind)
    assert isinstance(found, expected), f"{found!r} is no {kind}"


LIMITED = {
    "np.asarray": lambda A, rng: np.asarray(A),
    "np.delete": lambda A, rng: np.delete(A.ravel(), 3),
    "np.insert": lambda A, rng: np.insert(A.ravel(), 3, 0),
    "np.repeat": lambda A, rng: np.repeat(A.ravel(), A.ravel()),
    "np.convolve": lambda A, rng: np.convolve(A.ravel(), A.ravel()),
    "np.linalg.eigh": lambda A, rng: np.linalg.eigh(pm.zeros((300, 300), map=A.map) + 1.0),
}


@pytest.mark.parametrize("name", LIMITED)
def test_what_every_rank_would_hold_whole_is_bounded(name, monkeypatch):
    """C6: above the limit an error that names a remedy, on all ranks, and nothing is stuck."""
    A = pm.zeros((40, 30), "i8", map=pm.Map([-1, 1]))
    monkeypatch.setattr(pm.options, "gather_limit", 100)
    if name == "np.linalg.eigh" and world().size == 1:
        pytest.skip("one rank holds the whole matrix already")
    with pytest.raises(pm.GatherError, match="gather_limit"):
        LIMITED[name](A, None)
    assert world().allgather(1) == [1] * world().size


def test_a_line_is_permuted_where_it_lies(monkeypatch):
    """C6, C2: no rank gets a whole line; the order is that of one rank."""
    monkeypatch.setattr(pm.options, "gather_limit", 100)
    whole = np.arange(1000)
    rng, plain = pm.random.default_rng(5), pm.random.default_rng(5)
    found = rng.permuted(pm.asarray(whole, map=pm.Map([-1])), axis=0)
    expected = plain.permuted(whole, axis=0)
    assert sorted(expected) == whole.tolist()
    np.testing.assert_array_equal(pm.agg_all(found), expected)
    with pytest.raises(pm.GatherError, match="permuted") if world().size > 1 else nullcontext():
        rng.permuted(pm.zeros((1, 1000), map=pm.Map([1, -1])), axis=1)


def test_a_new_array_like_another_takes_numpys_arguments():
    """A shape that is given is not left aside."""
    A = pm.zeros((4, 6), "f4", map=pm.Map([-1, 1]))
    made = np.full_like(A, 7, shape=(2, 3, 5))
    assert (made.shape, made.dtype) == ((2, 3, 5), A.dtype)
    np.testing.assert_array_equal(pm.agg_all(made), np.full((2, 3, 5), 7, "f4"))
    assert np.zeros_like(A).map == A.map
    with pytest.raises(TypeError, match="foo"):
        np.ones_like(A, foo=1)


def test_power_0_of_a_large_matrix_is_made_in_parts():
    """Each rank its part of the identity, stacks too."""
    for shape, grid in (((5, 5), [1, -1]), ((2, 3, 3), [1, -1, 1])):
        A = pm.zeros(shape, map=pm.Map(grid, "c"))
        found = np.linalg.matrix_power(A, 0)
        np.testing.assert_array_equal(pm.agg_all(found), np.broadcast_to(np.eye(shape[-1]), shape))


@pytest.mark.parametrize("place", [0, -1])
def test_one_bad_parameter_among_very_many_raises_on_all_ranks(place, monkeypatch):
    """Also where only one rank would draw with it."""
    monkeypatch.setattr("pmap.draws.distributions.CHECKED", 10)
    scale = np.ones(100)
    scale[place] = -1
    rng = pm.random.default_rng(1)
    with pytest.raises(ValueError, match="< 0"):
        rng.poisson(scale, map=pm.Map([-1]))
    assert world().allgather(1) == [1] * world().size
    assert rng.poisson(abs(scale), map=pm.Map([-1])).shape == (100,)

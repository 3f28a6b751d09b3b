"""Random programs run on ndarrays and DistArrays alike, with random maps: the fuzzer's parts.

All ranks draw from one seed, so they run the same program. An expression that NumPy refuses must
be refused with the same built-in exception.
"""

import operator as op
import warnings
from dataclasses import replace

import numpy as np

import pmap as pm
from pmap.layout.maps import AxisMap
from pmap.ranks.comm import world

DTYPES = ["?", "u1", "i2", "u2", "i4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]
BINARY = [op.add, op.sub, op.mul, op.truediv, op.floordiv, op.mod, op.pow, op.eq, op.ne, op.lt]
BINARY += [op.ge, op.and_, op.or_, op.xor, np.maximum, np.fmin, np.hypot, np.arctan2, divmod]
BINARY += [np.copysign, np.logical_and, np.greater]
UNARY = [op.neg, op.invert, abs, np.sqrt, np.exp, np.isnan, np.sign, np.floor, np.conj, np.rint]
UNARY += [np.logical_not, np.square, np.modf, np.sin, np.log1p, np.positive]
INPLACE = [op.iadd, op.isub, op.imul, op.itruediv, op.ior, op.ipow, op.ifloordiv]
RTOL = {"e": 2e-2, "f": 1e-5, "F": 1e-5, "d": 1e-12, "D": 1e-12}


def random_shape(rng, most=4):
    p = world().size
    ndim = int(rng.integers(1, most + 1))
    lengths = [0, 1, max(p - 1, 0), p, p + 1, 2, 3, 5, 7, 13] + ([37, 300] if ndim < 3 else [])
    weights = np.array([0.3] + [1.0] * (len(lengths) - 1))
    return tuple(int(n) for n in rng.choice(lengths, ndim, p=weights / weights.sum()))


def random_word(rng, n, pieces):
    kind = rng.choice(["b", "ceil", "c", "bc", "x"])
    if kind == "bc":
        return ("bc", int(rng.integers(1, 5)))
    if kind == "x":
        return ("x", (0, *sorted(int(e) for e in rng.integers(0, n + 1, pieces - 1)), n))
    return str(kind)


def random_map(rng, shape):
    """Any grid over any ranks in any order, any rule, sometimes overlaps or replicated axes."""
    size = world().size
    grid, room = [1] * len(shape), int(rng.integers(1, size + 1))
    for a in rng.permutation(len(shape)):
        grid[a] = int(rng.integers(1, room + 1))
        room //= grid[a]
    procs = rng.permutation(size)[: int(np.prod(grid))].tolist()
    words = [random_word(rng, n, g) for n, g in zip(shape, grid, strict=True)]
    halo = [0 if w in ("c",) or w[0] == "bc" else int(rng.integers(0, 3)) for w in words]
    found = pm.Map(grid, words, procs, overlap=halo if rng.random() < 0.3 else 0).bind(size)
    if rng.random() < 0.15:
        whole = int(rng.integers(len(shape)))
        axes = [replace(a, overlap=0) for a in found.axes]
        found = found.with_axes([AxisMap() if b == whole else a for b, a in enumerate(axes)])
    return found


def random_values(rng, shape, dtype=None):
    dtype = np.dtype(str(rng.choice(DTYPES)) if dtype is None else dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "ui":
        return rng.integers(0, 100, shape).astype(dtype)
    values = rng.normal(size=shape) * 10.0 ** rng.integers(-2, 3)
    if dtype.kind == "c":
        values = values + 1j * rng.normal(size=shape)
    values = np.asarray(values).astype(dtype)
    if values.size and rng.random() < 0.15:
        values.flat[rng.integers(values.size)] = rng.choice([np.nan, np.inf, -np.inf, 0.0])
    return values


def random_scalar(rng):
    return [2, 3, 0.5, True, 1 + 2j, np.uint8(3), np.float32(1.5), np.int64(2), np.float64(0.25)][
        rng.integers(9)
    ]


def random_key(rng, shape):
    key = []
    for n in shape:
        draw = rng.random()
        if draw < 0.2 and n:
            key.append(int(rng.integers(-n, n)))
        elif draw < 0.75:
            ends = [None if rng.random() < 0.4 else int(rng.integers(-n - 1, n + 2)) for _ in "ab"]
            step = [None, 1, 2, 3, -1, -2][rng.integers(6)]
            key.append(slice(*ends, step))
        else:
            key.append(slice(None))
        if rng.random() < 0.05:
            key.append(None)
    return (*key[: rng.integers(len(key) + 1)], Ellipsis) if rng.random() < 0.7 else tuple(key)


def broadcastable(rng, shape):
    """A shape that broadcasts to another."""
    lead = int(rng.integers(len(shape))) if shape and rng.random() < 0.4 else 0
    return tuple(1 if rng.random() < 0.25 else n for n in shape[lead:])


def equal(found, expected):
    found, expected = np.asarray(found), np.asarray(expected)
    return (
        found.dtype == expected.dtype
        and found.shape == expected.shape
        and np.array_equal(found, expected, equal_nan=expected.dtype.kind in "fc")
    )


def check(A, a, note):
    """The distributed value is NumPy's, on every rank and in every rank's own part."""
    if isinstance(a, tuple):
        for X, x in zip(A, a, strict=True):
            check(X, x, note)
        return
    assert equal(A, a), f"{note}\nfound {np.asarray(A)!r}\nexpected {a!r}"
    if isinstance(A, pm.DistArray):
        owned = A.map.owned(A.shape, world().rank)
        if owned is not None:
            part = a[np.ix_(*[o.indices() for o in owned])] if a.ndim else a
            assert equal(A.local, part), (note, "local")


def forwards(x):
    """NumPy rounds some functions otherwise where it steps backwards through memory.

    Those of float16 also where it steps over elements.
    """
    return x.copy() if isinstance(x, np.ndarray) and not x.flags.c_contiguous else x


def outcome(function, *args):
    """The result, or the exception."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return function(*args)
    except Exception as error:  # noqa: BLE001
        return error


def same_outcome(function, arrays, mapped, note):
    """Run on both; None where both refuse, else (expected, found) after they were compared."""
    a, A = outcome(function, *arrays), outcome(function, *mapped)
    if isinstance(a, Exception) or isinstance(A, Exception):
        builtin = next((c for c in type(a).__mro__ if c.__module__ == "builtins"), None)
        agreed = isinstance(a, Exception) and isinstance(A, builtin)
        if not agreed:
            raise AssertionError(f"{note}\nNumPy: {a!r}\npmap: {A!r}") from (
                A if isinstance(A, Exception) else None
            )
        return None
    check(A, a, note)
    return a, A


class Program:
    """A pool of (ndarray, DistArray) pairs, and steps that make or change them."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.seed, self.pool, self.trace = seed, [], []
        self.shape = random_shape(self.rng)
        self.add_new(self.shape)
        self.add_new(self.shape)

    def add_new(self, shape, dtype=None):
        values = random_values(self.rng, shape, dtype)
        held = random_map(self.rng, shape) if shape else pm.auto(())
        self.pool.append((values, pm.asarray(values.copy(), map=held)))
        self.trace.append(f"new {shape} {values.dtype} {held}")

    def pick(self):
        return self.pool[self.rng.integers(len(self.pool))]

    def partner(self, shape):
        """An operand for an array of a shape: a DistArray, an ndarray or a scalar."""
        draw = self.rng.random()
        if draw < 0.3:
            scalar = random_scalar(self.rng)
            return scalar, scalar
        values = random_values(self.rng, broadcastable(self.rng, shape))
        if draw < 0.5 or not values.ndim:
            return values, values
        return values, pm.asarray(values, map=random_map(self.rng, values.shape))

    def run(self, steps):
        for _ in range(steps):
            step = self.rng.choice(
                [self.binary, self.unary, self.inplace, self.slice, self.assign, self.turn]
                + [self.reduce, self.cast, self.move, self.where]
            )
            step()
            self.pool = [p for p in self.pool if np.ndim(p[0])][-7:]
            if not self.pool:
                self.add_new(self.shape)

    def note(self, what):
        self.trace.append(what)
        return f"seed {self.seed} np {world().size}: " + "\n  ".join(self.trace[-12:])

    def keep(self, pair):
        for x, X in zip(*pair, strict=True) if pair and isinstance(pair[0], tuple) else [pair]:
            if isinstance(X, pm.DistArray):
                self.pool.append((x, X))

    def binary(self):
        (a, A), (b, B) = self.pick(), (None, None)
        b, B = self.partner(a.shape)
        f = self.rng.choice(BINARY)
        pair = [(a, b), (A, B)]
        if self.rng.random() < 0.3:
            pair = [(b, a), (B, A)]
        if f is op.pow and np.asarray(b).dtype.kind == "f" or a.dtype.kind == "c":
            self.keep(same_outcome(op.add, *pair, self.note("add")) or (None, None))
            return
        note = self.note(f"{f.__name__} {a.shape} {a.dtype} {A.map} with {_said(b, B)}")
        self.keep(same_outcome(f, [forwards(x) for x in pair[0]], pair[1], note) or (None, None))

    def unary(self):
        a, A = self.pick()
        f = self.rng.choice(UNARY)
        if f in (np.exp, np.sin, np.log1p, np.sqrt) and a.dtype.kind in "fc":
            f = np.abs if a.dtype.kind == "f" else op.neg
        note = self.note(f"{f.__name__} {a.shape} {a.dtype} {A.map}")
        self.keep(same_outcome(f, (forwards(a),), (A,), note) or (None, None))

    def inplace(self):
        a, A = self.pick()
        b, B = self.partner(a.shape)
        f = self.rng.choice(INPLACE)
        if a.dtype.kind == "c" or (f is op.ipow and np.asarray(b).dtype.kind in "fc"):
            f = op.iadd
        note = self.note(f"{f.__name__} {a.shape} {a.dtype} {A.map} with {_said(b, B)}")
        same_outcome(f, (a, b), (A, B), note)
        self.check_pool(note)

    def check_pool(self, note):
        for a, A in self.pool:
            check(A, a, note + "\n  pool")

    def slice(self):
        a, A = self.pick()
        key = random_key(self.rng, a.shape)
        note = self.note(f"{a.shape} {A.map} [{key}]")
        self.keep(same_outcome(lambda x: x[key], (a,), (A,), note) or (None, None))

    def assign(self):
        a, A = self.pick()
        key = random_key(self.rng, a.shape)
        target = a[key]
        b, B = self.partner(np.shape(target))
        if self.rng.random() < 0.4 and np.shape(target):  # overlapping source and destination
            at = tuple(slice(None, None, self.rng.choice([1, -1])) for _ in target.shape)
            b, B = a[key][at], A[key][at]
        note = self.note(f"{a.shape} {a.dtype} {A.map} [{key}] = {_said(b, B)}")

        def put(x, v):
            x[key] = v
            return x

        same_outcome(put, (a, b), (A, B), note)
        self.check_pool(note)

    def turn(self):
        a, A = self.pick()
        order = tuple(int(i) for i in self.rng.permutation(a.ndim))
        self.keep((np.transpose(a, order), np.transpose(A, order)))
        check(self.pool[-1][1], self.pool[-1][0], self.note(f"transpose {order}"))

    def cast(self):
        a, A = self.pick()
        dtype = str(self.rng.choice(DTYPES))
        if a.dtype.kind in "fc" and np.dtype(dtype).kind in "ui":
            dtype = "f4"
        note = self.note(f"astype {dtype}")
        self.keep(same_outcome(lambda x: x.astype(dtype), (a,), (A,), note))

    def move(self):
        a, A = self.pick()
        B = pm.remap(A, random_map(self.rng, a.shape))
        pm.synch(B)
        check(B, a, self.note(f"remap {a.shape} {A.map} to {B.map}"))
        check(pm.agg_all(A), a, "agg_all")
        root = int(self.rng.integers(world().size))
        whole = pm.agg(A, root)
        assert (whole is None) == (world().rank != root)
        self.pool.append((a.copy(), pm.scatter(whole, random_map(self.rng, a.shape), root)))
        self.check_pool("scatter")

    def where(self):
        (a, A), (c, C) = self.pick(), self.pick()
        b, B = self.partner(a.shape)
        if c.shape != a.shape:
            c, C = a, A
        note = self.note(f"where {a.shape} {A.map} {_said(b, B)}")
        f = lambda c, x, y: np.where(c != 0, x, y)  # noqa: E731
        self.keep(same_outcome(f, (c, a, b), (C, A, B), note) or (None, None))

    def reduce(self):
        a, A = self.pick()
        names = [
            "sum",
            "prod",
            "min",
            "max",
            "any",
            "all",
            "mean",
            "var",
            "std",
            "argmin",
            "argmax",
        ]
        name = str(self.rng.choice(names))
        axis = self.rng.choice([None, 0, -1, a.ndim - 1, -a.ndim])
        kw = {"axis": axis, "keepdims": bool(self.rng.random() < 0.3)}
        if name[:3] != "arg":
            if self.rng.random() < 0.3:
                kw["axis"] = tuple(range(self.rng.integers(0, a.ndim + 1)))
        note = self.note(f"{name} {kw} {a.shape} {a.dtype} {A.map}")
        f = lambda x: getattr(np, name)(x, **kw)  # noqa: E731
        e, E = outcome(f, a), outcome(f, A)
        exact = name in ("any", "all", "min", "max", "argmin", "argmax") or (
            a.dtype.kind in "biu" and name in ("sum", "prod")
        )
        if exact or isinstance(e, Exception) or isinstance(E, Exception):
            same_outcome(lambda x: _given(x), (e,), (E,), note)
        else:
            self.close(name, kw, a, e, E, note)
            self.same_alone(f, a, E, note)

    def close(self, name, kw, a, e, E, note):
        found, e = np.asarray(E), np.asarray(e)
        assert found.dtype == e.dtype and found.shape == e.shape, (note, found.dtype, e.dtype)
        rtol = RTOL[np.dtype(e.dtype).char]
        if e.dtype.char == "e" or name in ("prod", "var", "std"):
            rtol *= 100
        with np.errstate(all="ignore"):
            scale = np.abs(e) + (np.abs(a).sum(axis=kw["axis"], keepdims=kw["keepdims"]))
            fine = np.abs(found - e) <= rtol * scale
        bad = ~np.isfinite(e) | ~np.isfinite(found)
        if e.dtype.char in "eD" or e.dtype.char == "F":  # overflow and inf * nan differ by order
            fine |= bad
        fine |= (found == e) | ((found != found) & (e != e))
        assert fine.all(), f"{note}\nfound {found!r}\nexpected {e!r}"

    def same_alone(self, f, a, E, note):
        """The same bits as the DistArray on one rank (C2)."""
        if f.__code__ is None or a.dtype.kind not in "fc":
            return
        alone = outcome(f, pm.asarray(a, map=pm.Map([1] * a.ndim, procs=[0])))
        found, expected = np.asarray(E), np.asarray(alone)
        assert found.tobytes() == expected.tobytes() or equal(found, expected), (
            f"{note}\nat one rank {expected!r}\nhere {found!r}"
        )


def _given(x):
    if isinstance(x, Exception):
        raise x
    return x


def _said(b, B):
    if isinstance(B, pm.DistArray):
        return f"{b.shape} {b.dtype} {B.map}"
    return f"ndarray {b.shape} {b.dtype}" if isinstance(b, np.ndarray) else repr(b)

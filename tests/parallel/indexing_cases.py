"""Random NumPy indices, and values for them, each also in a distributed form."""

import numpy as np
from map_zoo import every_map

import pmap as pm
from pmap.ranks.comm import world


def random_map(rng, shape):
    """One of the zoo's maps; a 1-D array has maps of its own."""
    size = world().size
    if not shape:
        return pm.auto(())
    if rng.random() < 0.1:  # with a halo
        return pm.Map([1] * (len(shape) - 1) + [size], overlap=int(rng.integers(1, 3))).bind(size)
    if len(shape) > 1:
        maps = every_map(shape)
        return maps[str(rng.choice(sorted(maps)))]
    words = ["b", "c", ("bc", 2), ("bc", 3), "ceil", _edges(rng, shape[0], size)]
    procs = rng.permutation(size).tolist()
    if rng.random() < 0.15:  # held by all, or by both ranks of each pair
        pair = pm.Map([size // 2, 2] if size % 2 == 0 else [size, 1], procs=procs).bind(size)
        return pair.with_axes([pair.axes[int(rng.integers(2))]])
    if rng.random() < 0.2:
        return pm.Map([1], procs=procs[:1]).bind(size)
    return pm.Map([size], [words[rng.integers(len(words))]], procs).bind(size)


def _edges(rng, n, size):
    return ("x", (0, *sorted(int(e) for e in rng.integers(0, n + 1, size - 1)), n))


def mapped(rng, values):
    """The values as a DistArray under a random map."""
    return pm.asarray(values.copy(), map=random_map(rng, values.shape))


def viewed(rng, values):
    """The values as a view of a larger array, plain and distributed, which the caller may write."""
    wide = tuple(2 * n + 1 for n in values.shape)
    whole = np.zeros(wide, values.dtype)
    at = tuple(slice(1, None, 2) if rng.random() < 0.5 else slice(n, 0, -1) for n in values.shape)
    order = rng.permutation(values.ndim).tolist()
    whole[at] = values
    parent = mapped(rng, whole)
    return whole, parent, whole[at].transpose(order), parent[at].transpose(order)


def random_shape(rng, most=4):
    p = world().size
    lengths = [1, 2, 3, 5, 7, max(p - 1, 0), p, p + 1]
    return tuple(int(n) for n in rng.choice(lengths, int(rng.integers(1, most + 1))))


class RandomKey:
    """A key for ndarrays (`plain`) and the same one for DistArrays (`key`)."""

    def __init__(self, rng, shape, wrong=0.02):
        self.rng, self.shape = rng, shape
        common = tuple(int(n) for n in rng.choice([0, 1, 2, 3, 6], int(rng.integers(1, 3))))
        if rng.random() < 0.8:
            common = tuple(max(n, 1) for n in common)
        self.common = common
        plain, key, axis = [], [], 0
        arrays = rng.random() < 0.9
        while axis < len(shape):
            left = len(shape) - axis
            draw = rng.random()
            if draw < 0.12:
                plain.append(None)
                key.append(None)
                continue
            if draw < 0.15 and arrays:
                flag = bool(rng.random() < 0.8)
                plain.append(flag)
                key.append(flag)
                continue
            if draw < 0.4 or not arrays:
                item = self.slice(shape[axis]) if draw < 0.3 else self.integer(shape[axis])
                taken = 1
                pair = item, item
            elif draw < 0.75:
                taken, pair = 1, self.either(self.integers(shape[axis]))
            else:
                taken = int(rng.integers(1, left + 1))
                pair = self.either(self.mask(shape[axis : axis + taken]))
            plain.append(pair[0])
            key.append(pair[1])
            axis += taken
            if rng.random() < 0.1:
                break
        if Ellipsis not in map(type, plain) and rng.random() < 0.25:
            at = int(rng.integers(len(plain) + 1))
            plain.insert(at, Ellipsis)
            key.insert(at, Ellipsis)
        self.plain, self.key = tuple(plain), tuple(key)
        if len(plain) == 1 and rng.random() < 0.7:
            self.plain, self.key = plain[0], key[0]

    def slice(self, n):
        ends = [None if self.rng.random() < 0.4 else int(self.rng.integers(-n - 1, n + 2))] * 2
        ends[1] = None if self.rng.random() < 0.4 else int(self.rng.integers(-n - 1, n + 2))
        return slice(*ends, int(self.rng.choice([-3, -2, -1, 1, 1, 2, 3])))

    def integer(self, n):
        return int(self.rng.integers(-n, n)) if n else slice(None)

    def integers(self, n):
        shape = self.common
        if self.rng.random() < 0.3:
            shape = tuple(1 if self.rng.random() < 0.5 else m for m in shape)
        if self.rng.random() < 0.2:
            shape = shape[1:] or (1,)
        high = n + 1 if self.rng.random() < 0.02 else n  # one too far
        if not high:
            return np.zeros((0,) * len(shape), int)
        low = 0 if self.rng.random() < 0.4 else -n
        dtype = ["i8", "i4", "i2", "u1"][self.rng.integers(4)]
        return self.rng.integers(low if dtype != "u1" else 0, high, shape).astype(dtype)

    def mask(self, shape):
        return self.rng.random(shape) < self.rng.choice([0.0, 0.2, 0.6, 1.0])

    def either(self, values):
        draw = self.rng.random()
        if draw < 0.5:
            return values, mapped(self.rng, values)
        if draw < 0.7 and values.ndim == 1 and values.size:
            return values, values.tolist()
        return values, values


def said(key):
    """A key as it is printed with a failure."""
    items = key if isinstance(key, tuple) else (key,)
    return ", ".join(
        f"DistArray({np.asarray(k).tolist()}, {k.map})" if isinstance(k, pm.DistArray) else repr(k)
        for k in items
    )


def outcome(function, *args):
    try:
        return function(*args)
    except (IndexError, ValueError, TypeError, OverflowError) as error:
        return error


def agree(found, expected, note):
    """Equal results, or the same built-in exception on all ranks."""
    if isinstance(expected, Exception) or isinstance(found, Exception):
        assert isinstance(expected, Exception), f"{note}\nfound {found!r}\nexpected {expected!r}"
        kind = next(c for c in type(expected).__mro__ if c.__module__ == "builtins")
        assert isinstance(found, kind), f"{note}\nfound {found!r}\nexpected {expected!r}"
        return
    assert np.shape(found) == np.shape(expected), (note, np.shape(found), np.shape(expected))
    whole = np.asarray(found)
    assert whole.dtype == expected.dtype, (note, whole.dtype, expected.dtype)
    assert np.array_equal(whole, expected), f"{note}\nfound {whole}\nexpected {expected}"

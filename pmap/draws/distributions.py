"""The distributions of NumPy's Generator, for arrays under any map."""

from collections.abc import Callable
from inspect import Parameter, Signature
from math import prod

import numpy as np

from ..allocation import UNSET, as_shape, chosen_map
from ..arrays.distarray import DistArray
from ..errors import UnsupportedError
from ..layout.maps import Map
from ..ranks import comm
from ..ranks.agreement import agreed
from .calls import Calls, Size, at_places, common_size
from .philox import Stream

CHECKED = 1 << 20
"""Array parameters of so many elements are checked on every rank before anything is drawn."""

# name -> (parameters with defaults, kind of the result, parameters that shift and scale it)
_TABLE = {
    "exponential": ("scale=1.0", "f8", (None, "scale")),
    "gamma": ("shape scale=1.0", "f8", (None, "scale")),
    "beta": ("a b", "f8", None),
    "binomial": ("n p", "i8", None),
    "negative_binomial": ("n p", "i8", None),
    "poisson": ("lam=1.0", "i8", None),
    "geometric": ("p", "i8", None),
    "hypergeometric": ("ngood nbad nsample", "i8", None),
    "logseries": ("p", "i8", None),
    "zipf": ("a", "i8", None),
    "chisquare": ("df", "f8", None),
    "noncentral_chisquare": ("df nonc", "f8", None),
    "f": ("dfnum dfden", "f8", None),
    "noncentral_f": ("dfnum dfden nonc", "f8", None),
    "standard_t": ("df", "f8", None),
    "standard_cauchy": ("", "f8", None),
    "normal": ("loc=0.0 scale=1.0", "f8", ("loc", "scale")),
    "laplace": ("loc=0.0 scale=1.0", "f8", ("loc", "scale")),
    "logistic": ("loc=0.0 scale=1.0", "f8", ("loc", "scale")),
    "gumbel": ("loc=0.0 scale=1.0", "f8", ("loc", "scale")),
    "lognormal": ("mean=0.0 sigma=1.0", "f8", None),
    "pareto": ("a", "f8", None),
    "weibull": ("a", "f8", None),
    "power": ("a", "f8", None),
    "rayleigh": ("scale=1.0", "f8", (None, "scale")),
    "triangular": ("left mode right", "f8", None),
    "vonmises": ("mu kappa", "f8", None),
    "wald": ("mean scale", "f8", None),
}
_ROWS = {
    "multinomial": ("n pvals", "i8"),
    "dirichlet": ("alpha", "f8"),
    "multivariate_hypergeometric": ("colors nsample", "i8"),
}


class Distributions(Calls):
    """NumPy's distributions by their names; each takes ``size=`` and ``map=``."""

    def random(
        self, size: Size = None, dtype: object = np.float64, *, map: object = UNSET
    ) -> object:
        """Uniform numbers in [0, 1). COLLECTIVE where the map scatters a rank's part.

        Parameters
        ----------
        size : int or sequence of int, optional
            Global shape; omitted: one number, equal on all ranks.
        dtype : {float64, float32}
        map : Map, "auto", None or 1
            As for :func:`pmap.zeros`. The numbers do not depend on it.

        Examples
        --------
        >>> import pmap as pm
        >>> A = pm.random.default_rng(1).random(5, map=pm.Map([1]))
        >>> bool((A.local == pm.random.default_rng(1).random(5)).all())
        True
        """
        dtype = np.dtype(dtype)
        if dtype not in (np.float64, np.float32):
            raise TypeError(f"Unsupported dtype {dtype!r} for random")
        if size is None:
            return float(self.random(1, dtype, map=None)[0])
        draw = lambda g, out, at: g.random(dtype=out.dtype, out=out)  # noqa: E731
        return self.by_words("random", size, map, dtype, draw)

    def uniform(
        self, low: object = 0.0, high: object = 1.0, size: Size = None, *, map: object = UNSET
    ) -> object:
        """Uniform numbers in [low, high); the bounds may be arrays of the size. COLLECTIVE so."""
        size, map = common_size(size, (low, high), map)
        mapped = [p for p in (low, high) if isinstance(p, DistArray)]
        if not mapped:
            span = np.subtract(high, low, dtype=float)
            if not np.isfinite(span).all():
                raise OverflowError("high - low range exceeds valid bounds")
        if mapped:
            return self.random(size, map=map) * (high - low) + low
        if size is None:
            return float(low + span * self.random())

        def draw(g: np.random.Generator, out: np.ndarray, at: int) -> None:
            g.random(out=out)
            first, width = at_places((low, span), size, at, at + len(out))
            out *= width
            out += first

        return self.by_words("uniform", size, map, np.dtype(float), draw)

    def integers(
        self,
        low: object,
        high: object = None,
        size: Size = None,
        dtype: object = np.int64,
        endpoint: bool = False,
        *,
        map: object = UNSET,
    ) -> object:
        """Integers in [low, high), or [0, low). COLLECTIVE where the map scatters a part.

        Examples
        --------
        >>> import pmap as pm
        >>> A = pm.random.default_rng(1).integers(3, size=100, map=pm.Map([1]))
        >>> int(A.min()), int(A.max())
        (0, 2)
        """
        dtype = np.dtype(dtype)
        bounds = (low,) if high is None else (low, high)
        _refuse_mapped("integers", bounds)
        size, map = common_size(size, bounds, map)
        call = lambda g, args, n: g.integers(  # noqa: E731
            *args, size=n, dtype=dtype, endpoint=endpoint
        )
        return self._by_call("integers", call, bounds, size, map, dtype)

    def standard_normal(
        self, size: Size = None, dtype: object = np.float64, *, map: object = UNSET
    ) -> object:
        """Normal numbers of mean 0, variance 1. COLLECTIVE where the map scatters a part."""
        return self._standard("standard_normal", (), size, dtype, map)

    def standard_exponential(
        self,
        size: Size = None,
        dtype: object = np.float64,
        method: str = "zig",
        *,
        map: object = UNSET,
    ) -> object:
        """Exponential numbers of scale 1. COLLECTIVE where the map scatters a part."""
        return self._standard("standard_exponential", (), size, dtype, map, method=method)

    def standard_gamma(
        self, shape: object, size: Size = None, dtype: object = np.float64, *, map: object = UNSET
    ) -> object:
        """Gamma numbers of scale 1. COLLECTIVE where the map scatters a part."""
        return self._standard("standard_gamma", (shape,), size, dtype, map)

    def _standard(
        self, name: str, args: tuple, size: Size, dtype: object, map: object, **kw: object
    ) -> object:
        dtype = np.dtype(dtype)
        _refuse_mapped(name, args)
        size, map = common_size(size, args, map)
        call = lambda g, a, n: getattr(g, name)(*a, size=n, dtype=dtype, **kw)  # noqa: E731
        return self._by_call(name, call, args, size, map, dtype)

    def _by_call(
        self,
        name: str,
        call: Callable,
        args: tuple,
        size: Size,
        map: object,
        dtype: np.dtype,
        item: tuple = (),
    ) -> object:
        """Numbers that ``call(generator, arguments, size)`` of NumPy's gives."""
        held = None if size is None else chosen_map(map, (*as_shape(size), *item))
        _check(call, args, bool(item), held)
        if size is None:
            return self.scalar(name, lambda g: call(g, args, None))
        whole = size if np.iterable(size) else (size,)

        def draw(g: np.random.Generator, out: np.ndarray, at: int) -> None:
            own = args if item else at_places(args, whole, at, at + len(out))
            out[...] = call(g, own, len(out))

        return self.by_leaves(name, size, map, dtype, draw, item)


def _check(call: Callable, args: tuple, rows: bool, held: Map | None) -> None:
    """Draw once aside: a parameter that NumPy refuses raises on all ranks, with part or without.

    COLLECTIVE for very many parameters of a mapped result: each rank looks at its share of them.
    """
    shape = () if rows else np.broadcast_shapes(*(np.shape(a) for a in args))
    total = prod(shape)
    if total <= CHECKED:
        call(_ASIDE, args, None)
    elif held is not None:
        world = comm.world()
        start, stop = (total * r // world.size for r in (world.rank, world.rank + 1))

        def share() -> None:
            for at in range(start, stop, CHECKED):
                end = min(at + CHECKED, stop)
                call(_ASIDE, at_places(args, shape, at, end), end - at)

        agreed(share, world)


_ASIDE = Stream((0, 0), 0).generator


def _refuse_mapped(name: str, args: tuple) -> None:
    if any(isinstance(a, DistArray) for a in args):
        raise UnsupportedError(
            f"random.{name}: parameters that are DistArrays are there for uniform, normal, "
            "laplace, logistic, gumbel, exponential, gamma (scale) and rayleigh; give a number, or "
            "an ndarray equal on all ranks"
        )


def _signature(words: str, last: tuple[str, ...]) -> Signature:
    found = [Parameter("self", Parameter.POSITIONAL_ONLY)]
    for word in words.split():
        name, _, default = word.partition("=")
        default = float(default) if default else Parameter.empty
        found.append(Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default))
    found += [Parameter(n, Parameter.POSITIONAL_OR_KEYWORD, default=None) for n in last]
    return Signature([*found, Parameter("map", Parameter.KEYWORD_ONLY, default=UNSET)])


def _added(name: str, words: str, method: Callable, last: tuple[str, ...], what: str) -> None:
    """Give the class a method with NumPy's name and signature."""
    signature = _signature(words, last)

    def drawing(*args: object, **kwargs: object) -> object:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        self, *values = given.arguments.values()
        return method(self, *values)

    drawing.__name__, drawing.__qualname__ = name, f"Generator.{name}"
    drawing.__signature__, drawing.__module__ = signature, __name__
    drawing.__doc__ = (
        f"{what} of NumPy's ``Generator.{name}``. COLLECTIVE where the map scatters a part."
    )
    setattr(Distributions, name, drawing)


def _plain(name: str, words: str, kind: str, scaled: tuple | None) -> None:
    names = [w.partition("=")[0] for w in words.split()]

    def method(self: Distributions, *values: object) -> object:
        *args, size, held = values
        size, held = common_size(size, args, held)
        found = dict(zip(names, args, strict=True))
        if scaled and any(isinstance(found.get(n), DistArray) for n in scaled):
            return _scaled(self, name, found, scaled, size, held)
        _refuse_mapped(name, tuple(args))
        call = lambda g, a, n: getattr(g, name)(*a, size=n)  # noqa: E731
        return self._by_call(name, call, tuple(args), size, held, np.dtype(kind))

    _added(name, words, method, ("size",), "Numbers")


def _scaled(
    rng: Distributions, name: str, found: dict, scaled: tuple, size: Size, held: object
) -> object:
    """A distribution whose place and scale are arrays: standard numbers, moved and scaled."""
    place, scale = found.pop(scaled[0], 0.0), found.pop(scaled[1])
    if np.any(np.signbit(scale) if np.ndim(scale) == 0 else (scale < 0).any()):
        raise ValueError(f"random.{name}: scale < 0")
    standard = {**found, scaled[1]: 1.0}
    values = getattr(rng, name)(**standard, size=size, map=held) * scale
    return values if scaled[0] is None else values + place


def _rows(name: str, words: str, kind: str) -> None:
    def method(self: Distributions, *values: object) -> object:
        *args, size, held = values
        _refuse_mapped(name, tuple(args))
        length = len(np.atleast_1d(args[0 if name != "multinomial" else 1]))
        if name == "multinomial" and np.ndim(args[0]):
            raise UnsupportedError("random.multinomial: n must be one number")
        call = lambda g, a, n: getattr(g, name)(*a, size=n)  # noqa: E731
        return self._by_call(name, call, tuple(args), size, held, np.dtype(kind), (length,))

    _added(name, words, method, ("size",), "Rows")


for _name, (_words, _kind, _scale) in _TABLE.items():
    _plain(_name, _words, _kind, _scale)
for _name, (_words, _kind) in _ROWS.items():
    _rows(_name, _words, _kind)

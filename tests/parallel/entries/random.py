"""Random numbers."""

import numpy as np

import pmap as pm

from . import COLLECTIVE, LOCAL, SHAPE, Entry

PLAIN = {
    "random": (),
    "uniform": (),
    "integers": (0, 9),
    "standard_normal": (),
    "standard_exponential": (),
    "standard_gamma": (2.0,),
    "normal": (),
    "exponential": (),
    "gamma": (2.0,),
    "beta": (2.0, 3.0),
    "binomial": (5, 0.5),
    "negative_binomial": (5, 0.5),
    "poisson": (),
    "geometric": (0.5,),
    "hypergeometric": (5, 6, 4),
    "logseries": (0.5,),
    "zipf": (2.0,),
    "chisquare": (2.0,),
    "noncentral_chisquare": (2.0, 1.0),
    "f": (2.0, 3.0),
    "noncentral_f": (2.0, 3.0, 1.0),
    "standard_t": (3.0,),
    "standard_cauchy": (),
    "laplace": (),
    "logistic": (),
    "gumbel": (),
    "lognormal": (),
    "pareto": (2.0,),
    "weibull": (2.0,),
    "power": (2.0,),
    "rayleigh": (),
    "triangular": (0.0, 1.0, 2.0),
    "vonmises": (0.0, 1.0),
    "wald": (1.0, 1.0),
    "choice": (20,),
}
ROWS = {
    "multinomial": (5, [0.1] * 10),
    "dirichlet": (np.ones(10),),
    "multivariate_hypergeometric": (np.full(10, 3), 5),
    "multivariate_normal": (np.zeros(10), np.eye(10)),
}
THIN = "COLLECTIVE for large arrays of which the map scatters a part thinly (cyclic, >= 3 ranks)"


def _drawn(name, args, size):
    return lambda A: getattr(pm.random.default_rng(1), name)(*args, size=size, map=A.map)


def _seeded(call):
    def seeded(A):
        pm.random.seed(1)
        return call(A)

    return seeded


LEGACY = {
    "rand": _seeded(lambda A: pm.random.rand(*SHAPE, map=A.map)),
    "randn": _seeded(lambda A: pm.random.randn(*SHAPE, map=A.map)),
    "randint": _seeded(lambda A: pm.random.randint(9, size=SHAPE, map=A.map)),
    "random_sample": _seeded(lambda A: pm.random.random_sample(SHAPE, map=A.map)),
}


def _shuffled(A):
    pm.random.shuffle(A)
    return A


ENTRIES = [
    *(
        Entry(f"pm.random.{n}", _drawn(n, args, SHAPE), LOCAL, "given", note=THIN)
        for n, args in PLAIN.items()
    ),
    *(
        Entry(f"pm.random.{n}", _drawn(n, args, SHAPE[0]), LOCAL, "given", note=THIN)
        for n, args in ROWS.items()
    ),
    *(Entry(f"pm.random.{n}", call, LOCAL, "given", note=THIN) for n, call in LEGACY.items()),
    Entry("pm.random.permutation", lambda A: pm.random.permutation(A), COLLECTIVE, "same"),
    Entry("pm.random.permuted", lambda A: pm.random.permuted(A, axis=0), COLLECTIVE, "same"),
    Entry("pm.random.shuffle", _shuffled, COLLECTIVE, "same", "in place"),
    Entry("pm.random.bytes", _seeded(lambda A: pm.random.bytes(4)), LOCAL, "other", "-"),
    Entry("pm.random.seed", lambda A: pm.random.seed(1), LOCAL, "none", "-"),
    Entry("pm.random.default_rng", lambda A: pm.random.default_rng(), COLLECTIVE, "other", "-"),
]

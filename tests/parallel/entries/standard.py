"""The Array API standard's creation, elementwise and type functions."""

import numpy as np

import pmap as pm

from . import COLLECTIVE, LOCAL, MAPS, Entry, counts, matrix, vector

FLOATS = (
    "abs acos acosh asin asinh atan atanh ceil cos cosh exp expm1 floor isfinite isinf isnan log "
    "log10 log1p log2 negative positive reciprocal sign signbit sin sinh sqrt square tan tanh "
    "trunc conj"
).split()
PAIRS = (
    "add atan2 copysign divide equal floor_divide greater greater_equal hypot less less_equal "
    "logaddexp maximum minimum multiply nextafter not_equal pow remainder subtract logical_and "
    "logical_or logical_xor"
).split()
BITS = "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift".split()


def quiet(f):
    """Call a function without warnings on values outside its domain."""

    def call(*arrays):
        with np.errstate(all="ignore"):
            return f(*arrays)

    return call


def ufunc(name, talk, of=matrix):
    return Entry(f"pm.{name}", quiet(getattr(pm, name)), talk, "same", of=of)


def made(name, call):
    return Entry(f"pm.{name}", call, LOCAL, "given", "-")


ENTRIES = [
    *(ufunc(name, LOCAL) for name in FLOATS),
    *(ufunc(name, MAPS) for name in PAIRS),
    *(ufunc(name, MAPS, counts) for name in BITS),
    ufunc("bitwise_invert", LOCAL, counts),
    ufunc("logical_not", LOCAL),
    Entry("pm.clip", lambda A, B: pm.clip(A, -B, B), MAPS, "same"),
    Entry("pm.round", pm.round, LOCAL, "same"),
    Entry("pm.real", pm.real, LOCAL, "same", "view"),
    Entry("pm.imag", pm.imag, LOCAL, "same"),
    made("zeros", lambda A: pm.zeros((5, 4), map=A.map)),
    made("ones", lambda A: pm.ones((5, 4), map=A.map)),
    made("full", lambda A: pm.full((5, 4), 3, map=A.map)),
    made("empty", lambda A: pm.empty((5, 4), map=A.map)),
    made("eye", lambda A: pm.eye(5, 4, map=A.map)),
    made("tri", lambda A: pm.tri(5, 4, map=A.map)),
    made("arange", lambda A: pm.arange(9, map=pm.Map([-1]))),
    made("linspace", lambda A: pm.linspace(0, 1, 9, map=pm.Map([-1]))),
    made("from_function", lambda A: pm.from_function(lambda i, j: i - j, (5, 4), map=A.map)),
    made("from_local", lambda A: pm.from_local(A.local.copy(), A.shape, map=A.map)),
    made("from_dlpack", lambda A: pm.from_dlpack(np.ones((5, 4)), map=A.map)),
    *(
        Entry(f"pm.{name}_like", getattr(pm, f"{name}_like"), LOCAL, "same")
        for name in ("zeros", "ones", "empty")
    ),
    Entry("pm.full_like", lambda A: pm.full_like(A, 3), LOCAL, "same"),
    Entry("pm.asarray", lambda A: pm.asarray(np.ones((5, 4)), map=A.map), LOCAL, "given", "-"),
    Entry("pm.tril", pm.tril, LOCAL, "same"),
    Entry("pm.triu", pm.triu, LOCAL, "same"),
    Entry("pm.meshgrid", lambda A: pm.meshgrid(A, A), COLLECTIVE, "given", "copy", of=vector),
    Entry("pm.astype", lambda A: pm.astype(A, pm.float32), LOCAL, "same"),
    Entry("pm.result_type", lambda A: pm.result_type(A, 1.5), LOCAL, "other", "-"),
    Entry("pm.can_cast", lambda A: pm.can_cast(A, pm.int8), LOCAL, "other", "-"),
    Entry("pm.finfo", pm.finfo, LOCAL, "other", "-"),
    Entry("pm.iinfo", pm.iinfo, LOCAL, "other", "-", of=counts),
    Entry("pm.isdtype", lambda A: pm.isdtype(A.dtype, "integral"), LOCAL, "other", "-"),
    Entry("pm.broadcast_to", lambda A: pm.broadcast_to(A, (3, *A.shape)), LOCAL, "kept", "view"),
    Entry("pm.broadcast_arrays", lambda A: pm.broadcast_arrays(A, A[None]), LOCAL, "kept", "view"),
    Entry("pm.broadcast_shapes", lambda A: pm.broadcast_shapes(A.shape, (1,)), LOCAL, "other", "-"),
    Entry("pm.__array_namespace_info__", lambda A: pm.__array_namespace_info__(), LOCAL, "other"),
    Entry("A.mT", lambda A: A.mT, LOCAL, "transposed", "view"),
    Entry("A.swapaxes", lambda A: A.swapaxes(0, 1), LOCAL, "transposed", "view"),
    Entry("A.conjugate", lambda A: (A * 1j).conjugate(), LOCAL, "same"),
    Entry("A.fill", lambda A: A.fill(7), LOCAL, "none", "in place"),
    Entry("A.device", lambda A: A.device, LOCAL, "other", "-"),
    Entry("A.to_device", lambda A: A.to_device("cpu"), LOCAL, "same", "view", note="A itself"),
    Entry("A.item", lambda A: A.item(3), COLLECTIVE, "other", "-"),
    Entry(
        "A.tolist", lambda A: A.tolist(), COLLECTIVE, "other", "-", note="up to the gather limit"
    ),
    Entry("A.tobytes", lambda A: A.tobytes(), COLLECTIVE, "other", "-", note="as A.tolist"),
    Entry("A.__dlpack__", lambda A: A.__dlpack__(), COLLECTIVE, "other", "-", note="as A.tolist"),
]

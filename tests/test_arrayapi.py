"""The names and the signatures of the Array API standard 2025.12, and what pure functions give."""

import inspect

import numpy as np
import pytest

import pmap as pm

DTYPES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128"
).split()
CONSTANTS = "e inf nan newaxis pi".split()
UNARY = (
    "abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor imag "
    "isfinite isinf isnan log log10 log1p log2 logical_not negative positive real reciprocal round "
    "sign signbit sin sinh sqrt square tan tanh trunc"
).split()
BINARY = (
    "add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign "
    "divide equal floor_divide greater greater_equal hypot less less_equal logaddexp logical_and "
    "logical_or logical_xor maximum minimum multiply nextafter not_equal pow remainder subtract"
).split()
MADE = "dtype=None, device=None"
OVER = "axis=None, keepdims=False"
FFT = "axis=-1, n=None, norm='backward'"
FFTN = "s=None, axes=None, norm='backward'"
# positional arguments before "|", as many as the standard has; keywords with their defaults after
FUNCTIONS = f"""
arange 1-3 | {MADE}
asarray 1 | {MADE}, copy=None
empty 1 | {MADE}
empty_like 1 | {MADE}
eye 1-2 | k=0, {MADE}
from_dlpack 1 | device=None, copy=None
full 2 | {MADE}
full_like 2 | {MADE}
linspace 3 | {MADE}, endpoint=True
meshgrid * | indexing='xy'
ones 1 | {MADE}
ones_like 1 | {MADE}
tril 1 | k=0
triu 1 | k=0
zeros 1 | {MADE}
zeros_like 1 | {MADE}
astype 2 | copy=True, device=None
can_cast 2 |
finfo 1 |
iinfo 1 |
isdtype 2 |
result_type * |
clip 1-3 | min=None, max=None
take 2 | axis=None
take_along_axis 2 | axis=-1
matmul 2 |
matrix_transpose 1 |
tensordot 2 | axes=2
vecdot 2 | axis=-1
broadcast_arrays * |
broadcast_shapes * |
broadcast_to 2 |
concat 1 | axis=0
expand_dims 1 | axis
flip 1 | axis=None
moveaxis 3 |
permute_dims 2 |
repeat 2 | axis=None
reshape 2 | copy=None
roll 2 | axis=None
squeeze 1 | axis
stack 1 | axis=0
tile 2 |
unstack 1 | axis=0
argmax 1 | {OVER}
argmin 1 | {OVER}
count_nonzero 1 | {OVER}
nonzero 1 |
searchsorted 2 | side='left', sorter=None
where 3 |
isin 2 | invert=False
unique_all 1 |
unique_counts 1 |
unique_inverse 1 |
unique_values 1 |
argsort 1 | axis=-1, descending=False, stable=True
sort 1 | axis=-1, descending=False, stable=True
cumulative_prod 1 | axis=None, dtype=None, include_initial=False
cumulative_sum 1 | axis=None, dtype=None, include_initial=False
max 1 | {OVER}
mean 1 | {OVER}
min 1 | {OVER}
prod 1 | dtype=None, {OVER}
std 1 | correction=0, {OVER}
sum 1 | dtype=None, {OVER}
var 1 | correction=0, {OVER}
all 1 | {OVER}
any 1 | {OVER}
diff 1 | axis=-1, n=1, prepend=None, append=None
fft.fft 1 | {FFT}
fft.ifft 1 | {FFT}
fft.rfft 1 | {FFT}
fft.irfft 1 | {FFT}
fft.hfft 1 | {FFT}
fft.ihfft 1 | {FFT}
fft.fftn 1 | {FFTN}
fft.ifftn 1 | {FFTN}
fft.rfftn 1 | {FFTN}
fft.irfftn 1 | {FFTN}
fft.fftfreq 1 | d=1.0, {MADE}
fft.rfftfreq 1 | d=1.0, {MADE}
fft.fftshift 1 | axes=None
fft.ifftshift 1 | axes=None
linalg.cholesky 1 | upper=False
linalg.cross 2 | axis=-1
linalg.det 1 |
linalg.diagonal 1 | offset=0
linalg.eig 1 |
linalg.eigh 1 |
linalg.eigvals 1 |
linalg.eigvalsh 1 |
linalg.inv 1 |
linalg.matmul 2 |
linalg.matrix_norm 1 | keepdims=False, ord='fro'
linalg.matrix_power 2 |
linalg.matrix_rank 1 | rtol=None
linalg.matrix_transpose 1 |
linalg.outer 2 |
linalg.pinv 1 | rtol=None
linalg.qr 1 | mode='reduced'
linalg.slogdet 1 |
linalg.solve 2 |
linalg.svd 1 | full_matrices=True
linalg.svdvals 1 |
linalg.tensordot 2 | axes=2
linalg.trace 1 | offset=0, dtype=None
linalg.vecdot 2 | axis=-1
linalg.vector_norm 1 | {OVER}, ord=2
"""
TABLE = [line.split(" ", 2) for line in FUNCTIONS.strip().splitlines()]
METHODS = (
    "__abs__ __add__ __and__ __array_namespace__ __bool__ __complex__ __dlpack__ "
    "__dlpack_device__ __eq__ __float__ __floordiv__ __ge__ __getitem__ __gt__ __index__ __int__ "
    "__invert__ __le__ __lshift__ __lt__ __matmul__ __mod__ __mul__ __ne__ __neg__ __or__ __pos__ "
    "__pow__ __rshift__ __setitem__ __sub__ __truediv__ __xor__ __iadd__ __isub__ __imul__ "
    "__itruediv__ __ifloordiv__ __ipow__ __imod__ __imatmul__ __iand__ __ior__ __ixor__ "
    "__ilshift__ __irshift__ __radd__ __rsub__ __rmul__ __rtruediv__ __rfloordiv__ __rpow__ "
    "__rmod__ __rmatmul__ __rand__ __ror__ __rxor__ __rlshift__ __rrshift__ "
    "to_device dtype device mT ndim shape size T"
).split()


def function(name):
    value = pm
    for part in name.split("."):
        value = getattr(value, part)
    return value


def test_version_dtypes_and_constants():
    assert pm.__array_api_version__ == "2025.12"
    assert all(np.dtype(getattr(pm, name)).name == name for name in DTYPES)
    assert [getattr(pm, name) for name in CONSTANTS if name != "nan"] == [
        np.e,
        np.inf,
        None,
        np.pi,
    ]
    assert np.isnan(pm.nan)


@pytest.mark.parametrize(("name", "places", "keywords"), TABLE, ids=[row[0] for row in TABLE])
def test_signatures(name, places, keywords):
    """What the standard calls by place can be called by place, what it names by name."""
    parameters = list(inspect.signature(function(name)).parameters.values())
    by_place = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if places == "*":
        assert any(p.kind is p.VAR_POSITIONAL for p in parameters)
    else:
        fewest, most = int(places[0]), int(places[-1])
        assert len(by_place) >= most
        assert all(p.default is not p.empty for p in by_place[max(fewest, 1) :]) or "axis" in {
            p.name for p in by_place[fewest:]
        }
    named = {p.name: p for p in parameters if p.kind is not p.POSITIONAL_ONLY}
    for keyword in filter(None, keywords.removeprefix("|").replace(" ", "").split(",")):
        word, _, default = keyword.partition("=")
        assert word in named, f"{name} takes no {word}="
        if default:
            assert named[word].default in (eval(default), np._NoValue, None)


@pytest.mark.parametrize("name", UNARY + BINARY)
def test_elementwise_functions(name):
    f = function(name)
    x = np.asarray([1, 0], bool) if name.startswith("logical") else np.asarray([1, 2])
    args = (x,) if name in UNARY else (x, x)
    with np.errstate(all="ignore"):
        found = f(*(pm.asarray(a, map=pm.Map([1])) for a in args))
        wanted = getattr(np, name)(*args)
    assert isinstance(found, pm.DistArray)
    assert found.dtype == wanted.dtype
    assert np.array_equal(np.asarray(found), wanted, equal_nan=wanted.dtype.kind == "f")


@pytest.mark.parametrize("name", METHODS)
def test_the_array_has(name):
    assert hasattr(pm.ones((2, 2), map=pm.Map([1, 1])), name)


def test_inspection():
    info = pm.__array_namespace_info__()
    assert info.capabilities()["boolean indexing"] is True
    assert info.default_device() in info.devices()
    assert set(info.dtypes()) == set(DTYPES)
    assert set(info.dtypes(kind=("bool", "real floating"))) == {"bool", "float32", "float64"}
    assert info.default_dtypes()["integral"] == np.asarray(1).dtype
    with pytest.raises(ValueError, match="kind 'float' is not known"):
        info.dtypes(kind="float")
    with pytest.raises(ValueError, match="'gpu' is not there"):
        info.dtypes(device="gpu")


def test_namespace_of_an_array():
    A = pm.ones(3, map=pm.Map([1]))
    assert A.__array_namespace__() is pm
    assert A.__array_namespace__(api_version="2024.12") is pm
    with pytest.raises(ValueError, match=r"'2099\.12'"):
        A.__array_namespace__(api_version="2099.12")


def test_types():
    A = pm.ones(3, "float32", map=pm.Map([1]))
    assert pm.result_type(A, pm.float64) == pm.float64
    assert pm.result_type(A, 1.0) == np.result_type(A, 1.0) == pm.float32
    assert pm.finfo(A).bits == 32
    assert pm.iinfo(pm.astype(A, pm.int16)).max == 2**15 - 1
    assert pm.can_cast(A, pm.float64)
    assert not pm.can_cast(A, pm.int64)
    assert pm.isdtype(A.dtype, "real floating")


def test_broadcast_shapes():
    assert pm.broadcast_shapes((3, 1), (2, 1, 4)) == (2, 3, 4)
    assert pm.broadcast_shapes((None, 1), (5,)) == (None, 5)
    assert pm.broadcast_shapes((None, 4), (3, 4)) == (3, 4)
    assert pm.broadcast_shapes() == ()
    with pytest.raises(ValueError, match="shape mismatch"):
        pm.broadcast_shapes((3,), (4,))


def test_unknown_devices_are_refused():
    for make in (pm.zeros, pm.arange, pm.asarray, pm.eye):
        with pytest.raises(ValueError, match="'gpu' is not there"):
            make(3, device="gpu")
    with pytest.raises(ValueError, match="'gpu' is not there"):
        pm.ones(3, map=pm.Map([1])).to_device("gpu")


def test_plain_arrays_stay_plain():
    a = np.arange(4.0)
    for made in (pm.astype(a, "int8"), pm.broadcast_to(a, (2, 4)), pm.clip(a, 1, 2), pm.tril(a)):
        assert type(made) is np.ndarray
    assert type(pm.meshgrid(a, a)[0]) is np.ndarray
    assert pm.asarray(a) is not None
    assert pm.asarray(a, copy=False) is a


def test_every_public_name_is_there():
    missing = [name for name in dir(pm) if not hasattr(pm, name)]
    assert missing == []

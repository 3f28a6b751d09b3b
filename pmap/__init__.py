"""pmap: global arrays with maps, for scripts that read like serial NumPy.

Importing this package starts nothing: names are resolved at their first use, and MPI starts at the
first use of ``pm.Np``, ``pm.Pid`` or a mapped array.
"""

from importlib import import_module
from pathlib import Path

__version__ = "0.1.0"
__array_api_version__ = "2025.12"

# A checkout keeps apps/ and launch/ beside pmap/; an installed copy has them inside it.
if (_top := Path(__file__).resolve().parents[1]).joinpath("setup.cfg").is_file():
    __path__.append(str(_top))

# module -> the public names that it gives; resolved on first use
_FACE = {
    "errors": "PmapError MapError ShapeError InputError GatherError AllocationError "
    "UnsupportedError DivergenceError ForeachError LaunchError",
    "settings": "options",
    "layout.maps": "Map",
    "arrays.distarray": "DistArray",
    "functions": "where",
    "sums.totals": "sum prod mean var std min max any all argmin argmax count_nonzero ptp average",
    "sums.cumulative": "cumsum cumprod cumulative_sum cumulative_prod diff ediff1d trapezoid",
    "sums.nanfunctions": "nansum nanprod nancumsum nancumprod nanmin nanmax nanargmin nanargmax "
    "nanmean nanvar nanstd",
    "ordering.sorting": "sort argsort",
    "ordering.searching": "searchsorted",
    "ordering.uniques": "unique_all unique_counts unique_inverse unique_values",
    "ordering.setops": "isin",
    "picture": "show ownership",
    "keys.taking": "take take_along_axis put_along_axis put compress extract choose select",
    "keys.finding": "nonzero flatnonzero argwhere unravel_index ravel_multi_index ix_",
    "keys.maskedwrites": "copyto place putmask",
    "keys.diagonals": "diagonal diag diagflat trace fill_diagonal",
    "keys.inserting": "delete insert",
    "ranks.recording": "record",
    "creation": "zeros ones full empty from_function from_local "
    "zeros_like ones_like full_like empty_like",
    "ranges": "arange linspace eye tri tril triu meshgrid",
    "conversion": "asarray from_dlpack",
    "standard": "astype can_cast finfo iinfo result_type broadcast_arrays broadcast_shapes "
    "broadcast_to clip round real imag",
    "inspection": "__array_namespace_info__",
    "allocation": "auto default_map",
    "access": "local put_local agg agg_all scatter remap synch transpose_grid inmap grid "
    "global_ind global_range global_ranges global_block_range global_block_ranges",
    "algebra.products": "matmul vecdot matvec vecmat dot vdot inner outer tensordot",
    "algebra.einstein": "einsum einsum_path",
    "algebra.kronecker": "kron",
    "algebra.covariance": "cov corrcoef",
    "ranks.comm": "once alone barrier",
    "tasks": "foreach",
    "ledger": "Ledger",
    "accounting": "usage",
    "messages": "SendMsg RecvMsg BcastMsg ProbeMsg",
    "blocks": "map_blocks map_overlap",
    "fusing": "fuse",
    "shapes.axisorder": "transpose permute_dims matrix_transpose swapaxes moveaxis rollaxis "
    "expand_dims squeeze atleast_1d atleast_2d atleast_3d flip flipud fliplr rot90",
    "shapes.joining": "concat concatenate stack hstack vstack dstack column_stack append block",
    "shapes.splitting": "array_split split hsplit vsplit dsplit unstack",
    "shapes.reshaping": "reshape ravel",
    "shapes.rolling": "roll",
    "shapes.repeating": "tile resize repeat",
    "shapes.padding": "pad",
    "shapes.calculus": "gradient unwrap",
    "shapes.windows": "convolve correlate",
    "shapes.alongaxis": "apply_along_axis apply_over_axes piecewise",
    "shapes.elementfunctions": "i0 sinc iscomplex isreal fix isposinf isneginf angle nan_to_num "
    "real_if_close iscomplexobj isrealobj array_equiv polyval interp cross",
    "shapes.fromvectors": "vander trim_zeros",
}
# NumPy's own under the standard's names: dtypes, constants, and ufuncs, which dispatch themselves
_NUMPY = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 "
    "complex128 e inf nan newaxis pi isdtype "
    "abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_invert bitwise_left_shift "
    "bitwise_or bitwise_right_shift bitwise_xor ceil conj copysign cos cosh divide equal exp expm1 "
    "floor floor_divide greater greater_equal hypot isfinite isinf isnan less less_equal log log10 "
    "log1p log2 logaddexp logical_and logical_not logical_or logical_xor maximum minimum multiply "
    "negative nextafter not_equal positive pow reciprocal remainder sign signbit sin sinh sqrt "
    "square subtract tan tanh trunc"
)
_MODULES = "io ndimage measure segmentation filters fft random linalg"
_HOME = {name: module for module, names in _FACE.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Resolve a public name on its first use."""
    if name in ("Np", "Pid"):
        world = import_module(".ranks.comm", __name__).world()
        return world.size if name == "Np" else world.rank
    if name == "Dmap":
        value = __getattr__("Map")
    elif name in _HOME:
        value = getattr(import_module("." + _HOME[name], __name__), name)
    elif name in _NUMPY.split():
        value = getattr(import_module("numpy"), name)
    elif name in _MODULES.split():
        value = import_module("." + name, __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names."""
    return sorted(
        {"Np", "Pid", "__version__", "__array_api_version__"}
        | {*_HOME, *_NUMPY.split(), *_MODULES.split()}
    )

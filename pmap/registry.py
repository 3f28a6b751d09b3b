"""Which function of pmap is meant by a NumPy function on a DistArray.

The modules that know NumPy's functions fill :data:`FUNCTIONS` with :func:`implements` when they
are imported. :data:`HOMES` says which module that is, so that it is imported at the first use of
one of its functions and a short script does not pay for linear algebra.
"""

from collections.abc import Callable
from importlib import import_module

FUNCTIONS: dict[Callable, Callable] = {}

# module -> the NumPy functions that it implements, by name; "linalg." and "fft." in front of those
HOMES = {
    "keys.taking": "take take_along_axis put_along_axis put compress extract choose select",
    "keys.finding": "nonzero flatnonzero argwhere unravel_index ravel_multi_index ix_",
    "keys.maskedwrites": "copyto place putmask",
    "keys.diagonals": "diagonal diag diagflat trace fill_diagonal",
    "keys.inserting": "delete insert",
    "sums.totals": "sum prod mean min max amin amax any all argmin argmax var std count_nonzero "
    "ptp average",
    "sums.cumulative": "cumsum cumprod cumulative_sum cumulative_prod diff ediff1d trapezoid",
    "sums.nanfunctions": "nansum nanprod nancumsum nancumprod nanmin nanmax nanargmin nanargmax "
    "nanmean nanvar nanstd",
    "functions": "where clip copy round around isclose allclose array_equal "
    "shape ndim size real imag array_repr array_str zeros_like ones_like empty_like "
    "full_like",
    "standard": "astype can_cast result_type broadcast_to broadcast_arrays",
    "ranges": "tril triu meshgrid",
    "ordering.sorting": "sort argsort lexsort partition argpartition sort_complex",
    "ordering.searching": "searchsorted digitize",
    "ordering.uniques": "unique unique_all unique_counts unique_inverse unique_values",
    "ordering.setops": "isin union1d setdiff1d setxor1d intersect1d",
    "ordering.histograms": "histogram histogram_bin_edges histogramdd histogram2d bincount",
    "ordering.quantiles": "median nanmedian quantile percentile nanquantile nanpercentile",
    "fft": "fft.fft fft.ifft fft.rfft fft.irfft fft.hfft fft.ihfft fft.fftn fft.ifftn fft.rfftn "
    "fft.irfftn fft.fft2 fft.ifft2 fft.rfft2 fft.irfft2 fft.fftshift fft.ifftshift",
    "algebra.products": "matmul vecdot matvec vecmat dot vdot inner outer tensordot linalg.matmul "
    "linalg.vecdot linalg.tensordot",
    "algebra.einstein": "einsum einsum_path",
    "algebra.kronecker": "kron",
    "algebra.covariance": "cov corrcoef",
    "algebra.factors": "linalg.cholesky linalg.qr linalg.svd linalg.svdvals linalg.eig linalg.eigh "
    "linalg.eigvals linalg.eigvalsh",
    "algebra.solving": "linalg.solve linalg.inv linalg.slogdet linalg.det linalg.pinv linalg.lstsq "
    "linalg.tensorsolve linalg.tensorinv",
    "algebra.norms": "linalg.norm linalg.vector_norm linalg.matrix_norm linalg.cond "
    "linalg.matrix_rank",
    "algebra.chain": "linalg.multi_dot linalg.matrix_power",
    "linalg": "linalg.matrix_transpose linalg.outer linalg.cross linalg.diagonal linalg.trace",
    "shapes.axisorder": "transpose matrix_transpose swapaxes moveaxis rollaxis expand_dims squeeze "
    "atleast_1d atleast_2d atleast_3d flip flipud fliplr rot90",
    "shapes.joining": "concatenate stack hstack vstack dstack column_stack append block",
    "shapes.splitting": "array_split split hsplit vsplit dsplit unstack",
    "shapes.reshaping": "reshape ravel",
    "shapes.rolling": "roll",
    "shapes.repeating": "tile resize repeat",
    "shapes.padding": "pad",
    "shapes.calculus": "gradient unwrap",
    "shapes.windows": "convolve correlate sliding_window_view",
    "shapes.alongaxis": "apply_along_axis apply_over_axes piecewise",
    "shapes.elementfunctions": "i0 sinc iscomplex isreal fix isposinf isneginf angle nan_to_num "
    "real_if_close iscomplexobj isrealobj array_equiv polyval interp cross",
    "shapes.fromvectors": "vander trim_zeros",
}
_HOME = {name: module for module, names in HOMES.items() for name in names.split()}


def implements(*functions: Callable) -> Callable:
    """Make a function the meaning of NumPy functions on DistArrays."""

    def register(made: Callable) -> Callable:
        for function in functions:
            FUNCTIONS[function] = made
        return made

    return register


def numpy_name(function: Callable) -> str:
    """How a NumPy function is written after ``np.``: "sort", "linalg.norm"."""
    name = getattr(function, "__name__", str(function))
    module = getattr(function, "__module__", None) or ""
    inner = module.removeprefix("numpy").lstrip(".")
    return f"{inner}.{name}" if inner in ("linalg", "fft") else name


def find(function: Callable) -> Callable | None:
    """The function of pmap that stands for one of NumPy's; None where there is none."""
    if function not in FUNCTIONS and (home := _HOME.get(numpy_name(function))):
        import_module("." + home, __package__)
    return FUNCTIONS.get(function)

"""pmap: global arrays with maps, for scripts that read like serial NumPy.

Importing this package starts nothing: names are resolved at their first use, and MPI starts at the
first use of ``pm.Np``, ``pm.Pid`` or a mapped array.
"""

from importlib import import_module
from pathlib import Path

__version__ = "0.1.0"

# A checkout keeps apps/ and launch/ beside pmap/; an installed copy has them inside it.
if (_top := Path(__file__).resolve().parents[1]).joinpath("setup.cfg").is_file():
    __path__.append(str(_top))

# module -> the public names that it gives; resolved on first use
_FACE = {
    "errors": "PmapError MapError ShapeError InputError GatherError UnsupportedError "
    "DivergenceError LaunchError",
    "settings": "options",
    "maps": "Map",
    "distarray": "DistArray",
    "functions": "where",
    "picture": "show ownership",
    "recording": "record",
    "creation": "zeros ones full empty arange linspace eye asarray from_function from_local "
    "zeros_like ones_like full_like empty_like",
    "allocation": "auto default_map",
    "access": "local put_local agg agg_all scatter remap synch transpose_grid inmap grid "
    "global_ind global_range global_ranges global_block_range global_block_ranges",
    "products": "matmul vecdot matvec vecmat dot vdot inner outer tensordot",
    "einstein": "einsum einsum_path",
    "kronecker": "kron",
    "covariance": "cov corrcoef",
    "comm": "once alone barrier",
    "tasks": "foreach",
    "accounting": "usage",
    "messages": "SendMsg RecvMsg BcastMsg ProbeMsg",
    "blocks": "map_blocks map_overlap",
}
_MODULES = "io ndimage measure segmentation filters"
_HOME = {name: module for module, names in _FACE.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Resolve a public name on its first use."""
    if name in ("Np", "Pid"):
        world = import_module(".comm", __name__).world()
        return world.size if name == "Np" else world.rank
    if name == "Dmap":
        value = __getattr__("Map")
    elif name in _HOME:
        value = getattr(import_module("." + _HOME[name], __name__), name)
    elif name in _MODULES.split():
        value = import_module("." + name, __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names."""
    return sorted({"Np", "Pid", "__version__", *_HOME, *_MODULES.split()})

"""Settings of the running process: ``pm.options``.

They are read when an operation starts and must be equal on all ranks, as every other argument is.
"""

import os
from dataclasses import dataclass, field
from numbers import Real

from .errors import InputError
from .nodeshare import ranks_here

GIB = 1 << 30
BLOCK_MB = 256.0
POOL_MB = 2048.0
SHARE_OF_LIMIT = 8
"""A block and what a kernel makes of it are a few copies; with these a rank keeps its limit."""


def _block_mb() -> float:
    """Memory of a block: less than the default where a rank's memory is limited."""
    limit_gb = float(os.environ.get("PMAP_MEMORY_GB", "inf"))
    return min(BLOCK_MB, limit_gb * 1024 / SHARE_OF_LIMIT)


def _pool_mb() -> float:
    """Memory that is kept: an eighth of a rank's share of the machine, or of its limit."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20
    limit_gb = float(os.environ.get("PMAP_MEMORY_GB", "inf"))
    return min(POOL_MB, machine / ranks_here() / SHARE_OF_LIMIT, limit_gb * 1024 / SHARE_OF_LIMIT)


@dataclass
class Options:
    """What a script may set, each with its unit.

    Attributes
    ----------
    gather_limit : int, bytes
        Largest array that a conversion (``np.asarray``, printing of values) may bring to one rank.
    float_sum : {"canonical", "fast"}
        ``"canonical"`` adds floats in an order fixed by the global index, so that the sum is the
        same at any rank count; ``"fast"`` adds each rank's part first.
    strict : bool
        Refuse operands with different maps instead of aligning them.
    block_mb : float
        Memory that one block of the block engine may take on a rank: 256, or less under
        ``pRUN --memory``.
    pool_mb : float
        Memory of results that are gone which a rank keeps for the next ones: at most 2048, an
        eighth of its share of the machine, or of ``pRUN --memory``; 0 keeps none.
    plan_cache_mb : float
        Memory that plans of exchanges may take, kept for the next time that they are needed.
    scratch_dir : str or None
        Folder for temporary volumes; None is the system's own.
    """

    gather_limit: int = GIB
    float_sum: str = "canonical"
    strict: bool = False
    block_mb: float = field(default_factory=_block_mb)
    pool_mb: float = field(default_factory=_pool_mb)
    plan_cache_mb: float = 64.0
    scratch_dir: str | None = None

    def __setattr__(self, name: str, value: object) -> None:
        """Set an option; a misspelled one is refused with the right names."""
        known = self.__dataclass_fields__
        if name not in known:
            raise InputError(f"no option {name!r}; the options are {', '.join(sorted(known))}")
        if name == "float_sum" and value not in ("canonical", "fast"):
            raise InputError(f"float_sum is {value!r}; it must be 'canonical' or 'fast'")
        limits = ("gather_limit", "block_mb", "pool_mb", "plan_cache_mb")
        if name in limits and not (isinstance(value, Real) and value >= 0):
            raise InputError(f"{name} is {value!r}; it must be a number >= 0")
        object.__setattr__(self, name, value)


options = Options()

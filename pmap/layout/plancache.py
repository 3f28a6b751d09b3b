"""Plans kept for the next time, up to a number of bytes (pure).

Programs repeat their exchanges. A plan of a few partners is small, one of ten thousand partners
takes megabytes: what is kept is bounded by memory, ``pm.options.plan_cache_mb``, not by number.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps

from ..settings import options

PIECE_BYTES = 600
"""Memory of a piece with one segment per axis, as measured."""
BASE_BYTES = 2000


class PlanCache:
    """The plans used last, by what they were made from."""

    def __init__(self) -> None:
        self._plans: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self.n_bytes = 0

    def __len__(self) -> int:
        """Plans that are kept."""
        return len(self._plans)

    def get(self, key: Hashable) -> object | None:
        """A plan, now the last one used; None where there is none."""
        entry = self._plans.get(key)
        if entry is None:
            return None
        self._plans.move_to_end(key)
        return entry[0]

    def put(self, key: Hashable, plan: object, n_bytes: int) -> None:
        """Keep a plan; those not used for the longest time go."""
        self._plans[key] = plan, n_bytes
        self.n_bytes += n_bytes
        while self.n_bytes > options.plan_cache_mb * 2**20 and self._plans:
            _, (_, gone) = self._plans.popitem(last=False)
            self.n_bytes -= gone

    def clear(self) -> None:
        """Forget all plans."""
        self._plans.clear()
        self.n_bytes = 0


CACHE = PlanCache()


def kept(make: Callable) -> Callable:
    """A function that makes plans of hashable arguments, keeping them in :data:`CACHE`."""

    @wraps(make)
    def plan(*args: Hashable) -> object:
        key = make, *args
        found = CACHE.get(key)
        if found is None:
            found = make(*args)
            CACHE.put(key, found, estimated_bytes(found))
        return found

    return plan


def estimated_bytes(plan: object) -> int:
    """Memory of a plan, about."""
    pieces = len(plan.kept) + sum(len(p) for _, p in plan.sends + plan.receives)
    return BASE_BYTES + PIECE_BYTES * pieces

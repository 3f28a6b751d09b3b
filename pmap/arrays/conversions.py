"""An array as a Python number, an ndarray, a list, bytes, or for another library."""

import sys
from operator import index

import numpy as np

from ..errors import UnsupportedError
from ..ranks.moving import everywhere

CPU = (1, 0)
"""DLPack's words for main memory: kDLCPU, device 0."""

_NOT_THERE = {
    "base": "which memory a view shares is known per rank: A.local.base",
    "byteswap": "write A.astype(A.dtype.newbyteorder())",
    "ctypes": "each rank has only its part: A.local.ctypes",
    "data": "each rank has only its part: A.local.data",
    "dump": "save it with pm.io.save",
    "dumps": "save it with pm.io.save",
    "flags": "each rank has only its part: A.local.flags",
    "flat": "write A.ravel() for all elements in order, or A.reshape(-1)[i] for one",
    "getfield": "take A.real, A.imag, or A.astype",
    "newbyteorder": "write A.astype(A.dtype.newbyteorder())",
    "resize": "the length of an array is fixed: write np.resize(A, shape) for a new one",
    "setfield": "assign to A.real or A.imag, or write A[...] = values",
    "setflags": "each rank has only its part: A.local.setflags",
    "strides": "each rank has only its part: A.local.strides",
    "tofile": "save it with pm.io.save",
    "view": "write A[...] for a view, A.astype(dtype) for other types",
}


class Conversions:
    """What turns the global array into something else; COLLECTIVE unless it says LOCAL."""

    __slots__ = ()

    def __getattr__(self, name: str) -> object:
        """What ndarray has and a DistArray cannot have, by name."""
        if name in _NOT_THERE:
            raise AttributeError(f"a DistArray has no .{name}; {_NOT_THERE[name]}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def item(self, *args: object) -> object:
        """The only element, or the one at an index, as a Python scalar. COLLECTIVE."""
        if len(args) == 1 and not isinstance(args[0], tuple):
            flat = index(args[0])
            if not -self.size <= flat < self.size:
                raise IndexError(
                    f"index {flat} is out of bounds for an array of {self.size} elements"
                )
            args = np.unravel_index(flat % self.size, self.shape)
        if args:
            at = tuple(args[0]) if isinstance(args[0], tuple) else tuple(args)
            if len(at) != self.ndim:
                raise ValueError(f"incorrect number of indices for an array of {self.ndim} axes")
            return self[at].item()
        if self.size != 1:
            raise ValueError(f"only an array of one element is a scalar; the shape is {self.shape}")
        return self.block_under(everywhere(self.ndim, self.world), "A.item()").item()

    def tolist(self) -> object:
        """The GLOBAL array as nested lists, up to ``pm.options.gather_limit``. COLLECTIVE."""
        return np.asarray(self).tolist()

    def tobytes(self, order: str = "C") -> bytes:
        """The GLOBAL array's bytes, up to ``pm.options.gather_limit``. COLLECTIVE."""
        return np.asarray(self).tobytes(order)

    def __bool__(self) -> bool:
        """Truth of the only element. COLLECTIVE."""
        if self.size != 1:
            raise ValueError(
                f"the truth of an array of shape {self.shape} is ambiguous; use .any() or .all()"
            )
        return bool(self.item())

    def _number(self) -> object:
        if self.size != 1:
            raise TypeError(
                f"only an array of one element becomes a Python number; the shape is {self.shape}"
            )
        return self.item()

    def __float__(self) -> float:
        """The only element. COLLECTIVE."""
        return float(self._number())

    def __int__(self) -> int:
        """The only element. COLLECTIVE."""
        return int(self._number())

    def __complex__(self) -> complex:
        """The only element. COLLECTIVE."""
        return complex(self._number())

    def __index__(self) -> int:
        """The only element of an array of shape (), where it is a whole number. COLLECTIVE."""
        if self.ndim or self.dtype.kind not in "iu":
            raise TypeError(
                "only an integer array of shape () is an index; this one has shape "
                f"{self.shape} and type {self.dtype}"
            )
        return index(self.item())

    def __copy__(self) -> "Conversions":
        """As :meth:`copy`."""
        return self.copy()

    def __deepcopy__(self, memo: dict) -> "Conversions":
        """As :meth:`copy`."""
        return self.copy()

    def __reduce__(self) -> tuple:
        """No pickling: a block alone is not the array."""
        raise UnsupportedError(
            f"a DistArray of shape {self.shape} cannot be pickled: each rank has only its part; "
            "pickle pm.agg(A), or save it with pm.io.save"
        )

    # -- the Array API standard -----------------------------------------------------------

    def __array_namespace__(self, *, api_version: str | None = None) -> object:
        """The module pmap, which is the standard's namespace. LOCAL.

        Raises
        ------
        ValueError
            The version is not one that the namespace keeps to.
        """
        namespace = sys.modules[__package__.partition(".")[0]]
        newest = namespace.__array_api_version__
        if api_version is not None and not "2021.12" <= api_version <= newest:
            raise ValueError(
                f"version {api_version!r} of the Array API standard is not there; "
                f"{newest} and older ones are"
            )
        return namespace

    @property
    def device(self) -> str:
        """The standard's device: always "cpu". LOCAL."""
        return "cpu"

    def to_device(self, device: str, /, *, stream: object = None) -> "Conversions":
        """The array itself: there is one device. LOCAL."""
        if device != "cpu":
            raise ValueError(f"device {device!r} is not there; the only one is 'cpu'")
        if stream is not None:
            raise ValueError(f"stream {stream!r}: the device 'cpu' has no streams")
        return self

    def __dlpack__(
        self,
        *,
        stream: object = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> object:
        """The GLOBAL array as a DLPack capsule, up to ``pm.options.gather_limit``. COLLECTIVE.

        On one rank it shares the array's memory unless ``copy=True``. On several the global array
        is put together for it, once; with ``copy=False`` that one is marked read-only where the
        consumer knows the mark (DLPack 1.0), since what is written there cannot reach the ranks.

        Raises
        ------
        BufferError
            Another device than the CPU is asked for.
        GatherError
            The array is larger than the limit.
        """
        if dl_device is not None and tuple(int(d) for d in dl_device) != CPU:
            raise BufferError(f"device {dl_device} is not there; the array is in main memory")
        one = self.world.size == 1
        whole = self.block if one and not copy else np.asarray(self)
        if copy is False and not one and max_version is not None and max_version[0] >= 1:
            whole.flags.writeable = False
        return whole.__dlpack__(stream=stream, max_version=max_version)

    def __dlpack_device__(self) -> tuple[int, int]:
        """The CPU. LOCAL."""
        return CPU

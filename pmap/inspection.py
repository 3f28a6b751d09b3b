"""What the namespace can do, as the Array API standard asks: types, devices, capabilities."""

import numpy as np

from .allocation import check_device

_KINDS = {
    "bool": ("bool",),
    "signed integer": ("int8", "int16", "int32", "int64"),
    "unsigned integer": ("uint8", "uint16", "uint32", "uint64"),
    "real floating": ("float32", "float64"),
    "complex floating": ("complex64", "complex128"),
}
_KINDS["integral"] = _KINDS["signed integer"] + _KINDS["unsigned integer"]
_KINDS["numeric"] = _KINDS["integral"] + _KINDS["real floating"] + _KINDS["complex floating"]
_ALL = _KINDS["bool"] + _KINDS["numeric"]


class NamespaceInfo:
    """The answers of :func:`__array_namespace_info__`. LOCAL."""

    __slots__ = ()

    def capabilities(self) -> dict[str, object]:
        """What depends on values is there; NumPy's limit of axes holds for each block."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """The only one."""
        return "cpu"

    def devices(self) -> tuple[str, ...]:
        """All that there are."""
        return ("cpu",)

    def default_dtypes(self, *, device: str | None = None) -> dict[str, np.dtype]:
        """Types that creation functions choose."""
        check_device(device)
        return {
            "real floating": np.dtype(np.float64),
            "complex floating": np.dtype(np.complex128),
            "integral": np.dtype(np.int_),
            "indexing": np.dtype(np.intp),
        }

    def dtypes(
        self, *, device: str | None = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, np.dtype]:
        """The standard's types, of one kind or of several.

        Raises
        ------
        ValueError
            The kind is not one of the standard's.
        """
        check_device(device)
        kinds = (kind,) if isinstance(kind, str) else kind
        unknown = [k for k in kinds or () if k not in _KINDS]
        if unknown:
            raise ValueError(f"kind {unknown[0]!r} is not known; the kinds are {', '.join(_KINDS)}")
        names = _ALL if kinds is None else [n for n in _ALL if any(n in _KINDS[k] for k in kinds)]
        return {name: np.dtype(name) for name in names}


def __array_namespace_info__() -> NamespaceInfo:  # noqa: N807  the standard's name
    """Types, devices and capabilities of the namespace. LOCAL.

    Examples
    --------
    >>> import pmap as pm
    >>> pm.__array_namespace_info__().default_device()
    'cpu'
    """
    return NamespaceInfo()

"""Values as JSON and back, types kept: what a ledger can note. No pickle: reading runs no code.

What JSON has is written as it is; all else becomes an object whose key ``~`` names the type.
"""

import math
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError

TAG = "~"
KINDS = "None, bool, int, float, str, bytes, list, tuple, dict with str keys, Path, NumPy values"
MOST_DIGITS = 4000
"""Longer whole numbers are not written in decimal: Python limits that for safety."""


def to_plain(value: Any, name: str = "value") -> Any:
    """What ``json.dumps`` takes, for a value that `from_plain` gives back equal. LOCAL.

    Parameters
    ----------
    value : object
        None, bool, int, float, str, bytes, list, tuple, dict with str keys, Path, NumPy scalars and
        arrays of any dtype but object, and any nesting of these.
    name : str
        What an error calls it.

    Raises
    ------
    InputError
        Naming the type that cannot be kept, and where in the value it stands.

    Examples
    --------
    >>> from_plain(to_plain({"n": (1, 2.5), "mean": np.float32(0.5)}))
    {'n': (1, 2.5), 'mean': np.float32(0.5)}
    """
    try:
        return _to_plain(value, name)
    except RecursionError:
        raise InputError(
            f"{name} is nested too deeply, or holds itself: keep parts of it"
        ) from None


def _to_plain(value: Any, name: str) -> Any:
    kind = type(value)
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        return value if abs(value) < 10**MOST_DIGITS else {TAG: "int", "hex": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {TAG: "float", "is": repr(value)}
    if kind is bytes:
        return {TAG: "bytes", "base64": _text(value)}
    if kind in (list, tuple):
        items = [_to_plain(item, f"{name}[{i}]") for i, item in enumerate(value)]
        return items if kind is list else {TAG: "tuple", "items": items}
    if kind is dict:
        return _dict_to_plain(value, name)
    if isinstance(value, Path):
        return {TAG: "path", "path": str(value)}
    if kind is np.ndarray or isinstance(value, np.generic):
        return _array_to_plain(value, name)
    raise InputError(f"{name} is a {kind.__module__}.{kind.__qualname__}; kept are {KINDS}")


def _dict_to_plain(value: dict, name: str) -> dict:
    for key in value:
        if type(key) is not str:
            raise InputError(
                f"{name} has the key {key!r}, a {type(key).__name__}; keys must be str"
            )
    plain = {key: _to_plain(item, f"{name}[{key!r}]") for key, item in value.items()}
    return plain if TAG not in plain else {TAG: "dict", "items": list(plain.items())}


def _array_to_plain(value: np.ndarray | np.generic, name: str) -> dict:
    if value.dtype.hasobject:
        raise InputError(f"{name} is a NumPy value of dtype {value.dtype}, which holds objects")
    head = (
        {TAG: "array", "shape": list(value.shape)} if type(value) is np.ndarray else {TAG: "scalar"}
    )
    dtype = np.lib.format.dtype_to_descr(value.dtype)
    return {**head, "dtype": dtype, "base64": _text(value.tobytes())}


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def from_plain(plain: Any) -> Any:
    """The value that `to_plain` was given. LOCAL.

    Raises
    ------
    ValueError, KeyError, TypeError
        If `plain` was not made by `to_plain`.
    """
    if isinstance(plain, list):
        return [from_plain(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if TAG not in plain:
        return {key: from_plain(item) for key, item in plain.items()}
    return _MAKERS[plain[TAG]](plain)


def _array(plain: dict) -> np.ndarray:
    dtype = np.lib.format.descr_to_dtype(_descr(plain["dtype"]))
    data = bytearray(b64decode(plain["base64"]))
    return np.ndarray(tuple(plain.get("shape", ())), dtype, buffer=data)


def _descr(descr: Any) -> Any:
    """Description of a dtype: JSON made lists of its tuples."""
    if isinstance(descr, str):
        return descr
    fields = []
    for name, kind, *shape in descr:
        name = tuple(name) if isinstance(name, list) else name
        fields.append((name, _descr(kind), *(tuple(n) for n in shape)))
    return fields


_MAKERS = {
    "int": lambda plain: int(plain["hex"], 16),
    "float": lambda plain: float(plain["is"]),
    "bytes": lambda plain: b64decode(plain["base64"]),
    "tuple": lambda plain: tuple(from_plain(plain["items"])),
    "dict": lambda plain: {key: from_plain(item) for key, item in plain["items"]},
    "path": lambda plain: Path(plain["path"]),
    "array": _array,
    "scalar": lambda plain: _array(plain)[()],
}

"""Packages that only some functions need, brought in when one of them is called."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from .errors import UnsupportedError


def scikit_image(module: str) -> ModuleType:
    """A module of scikit-image.

    Raises
    ------
    UnsupportedError
        If scikit-image is not installed, with the command that installs it.

    Examples
    --------
    >>> scikit_image("filters").__name__
    'skimage.filters'
    """
    try:
        import_module("skimage")
    except ModuleNotFoundError:
        raise UnsupportedError(
            f"this function needs skimage.{module}, and scikit-image is not installed; "
            "run: pip install 'pmap-arrays[apps]'"
        ) from None
    return import_module(f"skimage.{module}")

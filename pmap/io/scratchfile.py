"""Scratch arrays: raw files shared by all ranks, gone when the job is gone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..ranks import comm
from ..settings import options
from .mapped import MappedArray


class ScratchArray(MappedArray):
    """A writable array in a file that has no name any more; see `scratch`."""


def scratch(shape: tuple[int, ...], dtype: Any) -> ScratchArray:
    """Array of zeros in a raw file that every rank can read and write. COLLECTIVE.

    Ranks write disjoint boxes; a `pm.barrier` lies between one rank's write and another's read.
    The file lies in ``pm.options.scratch_dir``, or the system's folder for temporary files. Its
    name is removed as soon as all ranks hold it open, so that nothing is left behind even by a job
    that is killed; its space is freed when the last rank closes it or ends.

    Parameters
    ----------
    shape : tuple of int
        Global shape.
    dtype : dtype
        Type of the elements.

    Returns
    -------
    FileArray
        Writable, with zeros everywhere.

    Raises
    ------
    InputError
        If the folder cannot be written, or not all ranks see it.

    Examples
    --------
    >>> import pmap as pm
    >>> a = pm.io.scratch((4, 5), "uint16")
    >>> a[1, 2:4] = 7
    >>> int(a[...].sum())
    14
    """
    shape = tuple(int(n) for n in np.atleast_1d(shape)) if shape != () else ()
    dtype = np.dtype(dtype)
    nbytes = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    name = comm.once(_new_file, _folder(), max(nbytes, 1))
    try:
        array = ScratchArray(Path(name), shape, dtype, writable=True)
        missing = None
    except OSError as error:
        array, missing = None, str(error)
    failed = {r: m for r, m in enumerate(comm.world().allgather(missing)) if m}
    comm.once(os.unlink, name)
    if failed:
        raise InputError(
            f"the scratch folder {Path(name).parent} is not shared by all ranks: ranks "
            f"{sorted(failed)} cannot open {name} ({next(iter(failed.values()))}); set "
            "pm.options.scratch_dir to a folder that all nodes see"
        )
    return array


def _folder() -> str:
    return str(options.scratch_dir or tempfile.gettempdir())


def _new_file(folder: str, nbytes: int) -> str:
    """Make a sparse file of `nbytes` zeros."""
    try:
        fd, name = tempfile.mkstemp(prefix="pmap-scratch-", suffix=".raw", dir=folder)
    except OSError as error:
        raise InputError(
            f"cannot make a scratch file in {folder} ({error.strerror}); set "
            "pm.options.scratch_dir to a folder that can be written"
        ) from None
    os.ftruncate(fd, nbytes)
    os.close(fd)
    return name

"""Files as arrays: open, save, and scratch files shared by all ranks.

``pm.io.open`` reads TIFF (files and stacks of planes), HDF5 and Zeiss CZI without loading them;
``pm.io.save`` writes TIFF and HDF5; ``pm.io.scratch`` gives a raw file that all ranks share.
Axes are always (z, y, x).
"""

from .czi import czi_tiles
from .filearray import FileArray
from .opening import open
from .saving import save
from .scratchfile import scratch

__all__ = ["FileArray", "czi_tiles", "open", "save", "scratch"]

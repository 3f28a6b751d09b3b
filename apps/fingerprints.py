"""What something was made of, in a few letters: settings as they are, files by size and time."""

import glob
import hashlib
from collections.abc import Iterable
from pathlib import Path

from . import tables


def digest(*parts: object) -> str:
    """Checksum of what JSON can hold: numbers, texts, arrays and nestings of them. LOCAL.

    Examples
    --------
    >>> digest({"diameter_um": 9.0}) == digest({"diameter_um": 9})
    False
    """
    return hashlib.blake2b(tables.to_json({"of": parts}).encode(), digest_size=16).hexdigest()


def stats(files: Iterable[Path], within: Path | None = None) -> list:
    """Name, size in bytes and time of last change (ns) of files; None for one that is not there.

    LOCAL. ``*`` in a name stands for any text: where each plane is a file, all are listed. Names
    of files `within` a folder are relative to it, so that it can be moved.
    """
    found = []
    for path in (path for file in files for path in _named(file)):
        name = path if within is None else path.relative_to(within)
        try:
            stat = path.stat()
            found.append([str(name), stat.st_size, stat.st_mtime_ns])
        except FileNotFoundError:
            found.append([str(name), None, None])
    return found


def _named(file: Path) -> list[Path]:
    if "*" not in file.name:
        return [file]
    pattern = "*".join(glob.escape(part) for part in str(file).split("*"))
    return [Path(name) for name in sorted(glob.glob(pattern))]

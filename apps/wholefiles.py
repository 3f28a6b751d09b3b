"""Files that are whole or not there: written beside their name, then renamed.

The name of a file that is being written tells its process and host, so that no two write into one.
"""

import os
import shutil
import socket
from pathlib import Path

PART = ".part-"
"""Beginning of the name of a file that is being written."""

LEFT_OVERS = (PART + "*", ".*.part")
"""What a killed process leaves: files of ours, of a ledger, and of `pm.io.save`."""


def write_text(path: Path, text: str) -> Path:
    """Write a text file, whole or not at all. LOCAL."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{PART}{socket.gethostname()}-{os.getpid()}-{path.name}")
    part.write_text(text, encoding="utf-8", newline="")
    part.replace(path)
    return path


def replace(part: Path, path: Path) -> None:
    """Put a file or folder that was written beside `path` in its place. LOCAL."""
    if path.is_dir():
        shutil.rmtree(path)
    part.replace(path)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there. LOCAL."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def clear_left_overs(*folders: Path) -> None:
    """Remove what killed processes were writing in these folders. LOCAL.

    Only for one who has the folders alone: a living process may be writing there.
    """
    for folder in folders:
        for pattern in LEFT_OVERS:
            for left_over in folder.glob(pattern):
                remove(left_over)

"""What is finished: one small marker file per item, for any number of processes on any node.

A marker is written beside its name and renamed, so it is whole or not there. It notes the item's
value, its files with size and checksum, and what it was made with. There is no database: nothing
to lock, nothing to repair, and it works on network file systems. Nothing is flushed to the disk by
force: what a crash of the machine loses fails its checksum, and is done again.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from .errors import InputError
from .jsonvalues import from_plain, to_plain

VERSION = 1
PART = ".part-"
"""Beginning of the name of a marker that is being written."""

LONGEST_NAME = 150
"""Characters of an item that are told by its marker's name; longer ones end in a checksum."""


class Ledger:
    """Items that are finished, noted in a folder. All methods are LOCAL.

    Any number of processes, on any number of nodes that share the folder, may use it at once. A
    network file system may show the marker of another node some seconds late: then an item may be
    done twice, and never wrongly.

    Parameters
    ----------
    folder : path
        Where the markers lie; made at the first :meth:`finish`.
    root : path, optional
        Files below it are noted relative to it, so that all can be moved together; the folder's
        parent if omitted. Other files are noted with their whole path.

    Examples
    --------
    >>> ledger = Ledger("work/finished")
    >>> ledger.done("tile 1")
    False
    >>> ledger.finish("tile 1", value={"cells": 7}, made_with="diameter 9")
    >>> ledger.done("tile 1"), ledger.done("tile 1", made_with="diameter 8")
    (True, False)
    >>> ledger.value("tile 1")
    {'cells': 7}
    """

    def __init__(self, folder: str | Path, root: str | Path | None = None) -> None:
        """Use a folder, which need not be there yet."""
        self.folder = Path(folder).absolute()
        self.root = self.folder.parent if root is None else Path(root).absolute()

    def __repr__(self) -> str:
        """Where the markers lie."""
        return f"Ledger({str(self.folder)!r}, root={str(self.root)!r})"

    def done(self, item: str, made_with: str | None = None) -> bool:
        """Whether the item is finished, and its files are as they were then.

        Parameters
        ----------
        item : str
        made_with : str, optional
            If given, the item counts only if it was finished with the same.

        Returns
        -------
        bool
            False too for a marker that is cut off, damaged, or not of this item.
        """
        marker = _read(self.marker(item), item)
        if marker is None or (made_with is not None and marker["made_with"] != made_with):
            return False
        return all(_unchanged(self.root / entry["path"], entry) for entry in marker["files"])

    def finish(
        self,
        item: str,
        value: object = None,
        files: Iterable[str | Path] = (),
        made_with: str | None = None,
    ) -> None:
        """Note that the item is finished.

        Parameters
        ----------
        item : str
            Any text that is not empty.
        value : object, optional
            Given back by :meth:`value`: None, bool, int, float, str, bytes, list, tuple, dict with
            str keys, Path, NumPy scalars and arrays, and any nesting of these.
        files : iterable of paths, optional
            Files that it consists of, each whole under its final name. Of a folder the names and
            sizes of all files in it are noted.
        made_with : str, optional
            What the item depends on, such as a checksum of settings.

        Raises
        ------
        InputError
            Before anything is written: for a value of another type, or a file that is not there.
        """
        marker = {
            "item": item,
            "serial": secrets.token_hex(8),
            "made_with": made_with,
            "value": to_plain(value, f"the value of {item!r}"),
            "files": [self._noted(Path(file), item) for file in files],
        }
        path, text = self.marker(item), json.dumps(marker)
        head = f'{{"version": {VERSION}, "blake2b": "{_digest(text)}",\n"marker": '
        self.folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{PART}{marker['serial']}-{path.name}")
        try:
            part.write_text(f"{head}{text}}}\n", encoding="ascii")
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def forget(self, item: str) -> None:
        """Let the item count as not finished; its files stay."""
        self.marker(item).unlink(missing_ok=True)

    def value(self, item: str) -> object:
        """The value that the item was finished with.

        Raises
        ------
        InputError
            If it is not finished.
        """
        return from_plain(self._marker_of(item)["value"])

    def serial(self, item: str) -> str:
        """A text that is new each time the item is finished: what is built on it can note it.

        Raises
        ------
        InputError
            If it is not finished.
        """
        return self._marker_of(item)["serial"]

    def made_with(self, item: str) -> str | None:
        """What the item was made with, as :meth:`finish` was told.

        Raises
        ------
        InputError
            If it is not finished.
        """
        return self._marker_of(item)["made_with"]

    def marker(self, item: str) -> Path:
        """The file that notes the item, which is there once the item is finished.

        Raises
        ------
        InputError
            If `item` is not a text, or an empty one.
        """
        if not isinstance(item, str) or not item:
            raise InputError(f"an item of a ledger is a text that is not empty; found {item!r}")
        name = quote(item, safe="", errors="surrogatepass")
        if len(name) > LONGEST_NAME:
            name = f"{name[:LONGEST_NAME]}-{_digest(item)}"
        return self.folder / f"{name}.json"

    def _marker_of(self, item: str) -> dict:
        marker = _read(self.marker(item), item)
        if marker is None:
            raise InputError(
                f"{item!r} is not finished: {self.marker(item)} is not there, or damaged"
            )
        return marker

    def _noted(self, file: Path, item: str) -> dict:
        """A file's name, size and checksum."""
        file = file.absolute()
        if not file.exists():
            raise InputError(f"{item!r} cannot be finished: its file {file} is not there")
        below = file.relative_to(self.root) if file.is_relative_to(self.root) else file
        return {"path": os.fspath(below), **_look(file)}


def _read(path: Path, item: str) -> dict | None:
    """A marker that is whole and of this item, else None."""
    try:
        text = path.read_text(encoding="ascii")
        found = json.loads(text)
        marker = found["marker"]
        good = found["version"] == VERSION and found["blake2b"] == _digest(json.dumps(marker))
        return marker if good and marker["item"] == item else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _unchanged(path: Path, entry: dict) -> bool:
    """Whether a file is as it was noted; sizes are compared before anything is read."""
    noted = {key: value for key, value in entry.items() if key != "path"}
    try:
        if path.is_file() and path.stat().st_size != noted["bytes"]:
            return False
        return path.exists() and _look(path) == noted
    except OSError:
        return False


def _look(path: Path) -> dict:
    """Size and checksum of a file; of a folder, which may be huge, that of its names and sizes."""
    if path.is_file():
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        return {"bytes": path.stat().st_size, "blake2b": checksum.hexdigest()}
    inside = sorted(file for file in path.rglob("*") if file.is_file())
    sizes = [(file.relative_to(path).as_posix(), file.stat().st_size) for file in inside]
    return {
        "files": len(sizes),
        "bytes": sum(n for _, n in sizes),
        "names": _digest(json.dumps(sizes)),
    }


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

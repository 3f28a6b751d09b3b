"""Tables of the tiles, which several stages fill in: whole at every moment, and known to be so.

A ledger lists the checksums that a table may have. Before a table is written anew its old and its
new checksum are listed, after it the new one alone: however a process is killed in between, the
table that lies there is one of the two, and a table that was cut off or changed is neither.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pmap as pm

from . import tables, wholefiles


def table_path(out: Path, tile: str) -> Path:
    """Where the table of a tile lies in a run's folder. LOCAL."""
    return out / "tables" / f"{tile}.csv"


def write_table(out: Path, ledger: pm.Ledger, tile: str, columns: Mapping) -> Path:
    """Write the table of a tile, whole or not at all. LOCAL.

    Parameters
    ----------
    out : Path
        Folder of the run.
    ledger : Ledger
        Where its checksum is noted.
    tile : str
        Such as ``r0_c1``.
    columns : mapping of str to array
        As for `tables.to_csv`.
    """
    path, text = table_path(out, tile), tables.to_csv(columns)
    new = _checksum(text.encode("utf-8"))
    old = [_checksum(path.read_bytes())] if is_whole(out, ledger, tile) else []
    ledger.finish(_item(tile), [*old, new])
    wholefiles.write_text(path, text)
    ledger.finish(_item(tile), [new])
    return path


def is_whole(out: Path, ledger: pm.Ledger, tile: str) -> bool:
    """Whether the table of a tile is there, and as one of the stages wrote it. LOCAL."""
    path = table_path(out, tile)
    if not path.is_file() or not ledger.done(_item(tile)):
        return False
    return _checksum(path.read_bytes()) in ledger.value(_item(tile))


def forget(out: Path, ledger: pm.Ledger, tile: str) -> None:
    """Remove the table of a tile. LOCAL."""
    wholefiles.remove(table_path(out, tile))
    ledger.forget(_item(tile))


def _item(tile: str) -> str:
    return f"table {tile}"


def _checksum(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()

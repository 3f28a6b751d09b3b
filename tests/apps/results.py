"""What of a run must be the same however it was made (C2)."""

import hashlib

import h5py

from pmap.apps import runs

EXEMPT = {"run.json", "report.html"}


def digests(out):
    """Of every result: bytes of CSV, JSON and layers; values and attributes of HDF5."""
    found = {}
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        name = path.relative_to(out).as_posix()
        if name in EXEMPT or name.startswith(runs.STATE):
            continue
        data = hdf5_values(path) if path.suffix == ".h5" else path.read_bytes()
        found[name] = hashlib.blake2b(data).hexdigest()
    return found


def hdf5_values(path):
    with h5py.File(path) as file:
        parts = []
        file.visititems(
            lambda name, x: parts.append(
                repr((name, str(x.dtype), sorted(x.attrs.items()))).encode() + bytes(x[()].data)
                if x.dtype.kind != "O"
                else repr((name, x[()].tolist())).encode()
            )
        )
    return b"".join(parts)

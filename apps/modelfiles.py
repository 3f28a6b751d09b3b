"""A trained classifier on disk: model.json and arrays as .npy. No pickle: loading runs no code."""

import json
from pathlib import Path

import numpy as np

from pmap import InputError

from . import tables
from .kernels.classifier import Machine

VERSION = 1
ARRAYS = ("mean", "scale", "vectors", "weights")
NUMBERS = ("intercept", "gamma", "slope", "offset")


def save_model(folder: Path, machine: Machine, scores: dict) -> list[Path]:
    """Write a machine and its scores into a folder; model.json last. LOCAL."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}.npy" for name in ARRAYS]
    for name, file in zip(ARRAYS, files, strict=True):
        part = file.with_suffix(".part")
        with part.open("wb") as sink:
            np.save(sink, np.ascontiguousarray(getattr(machine, name)), allow_pickle=False)
        part.replace(file)
    head = {
        "version": VERSION,
        "kind": "support vector machine, radial kernel",
        "classes": ["glia", "neuron"],
        "features": list(machine.features),
        **{name: getattr(machine, name) for name in NUMBERS},
        "scores": scores,
    }
    part = folder / "model.json.part"
    part.write_text(tables.to_json(head), encoding="utf-8")
    part.replace(folder / "model.json")
    return [folder / "model.json", *files]


def load_model(folder: str | Path) -> Machine:
    """Read what :func:`save_model` wrote. LOCAL.

    Raises
    ------
    InputError
        If it is no model, of another version, or its parts do not go together.
    """
    folder = Path(folder)
    head = _head(folder)
    try:
        arrays = {
            name: np.load(folder / f"{name}.npy", allow_pickle=False).astype(float)
            for name in ARRAYS
        }
        machine = Machine(
            tuple(head["features"]), **arrays, **{name: float(head[name]) for name in NUMBERS}
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} is not a whole model: {error}") from error
    n = len(machine.features)
    shapes = [a.shape for a in arrays.values()]
    if shapes != [(n,), (n,), (len(machine.weights), n), (len(machine.weights),)]:
        raise InputError(f"{folder}: arrays of shapes {shapes} do not fit {n} features")
    return machine


def _head(folder: Path) -> dict:
    file = folder / "model.json"
    if not file.is_file():
        raise InputError(f"{folder} is no model: it has no model.json; train one with --train")
    try:
        head = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is not JSON: {error}") from error
    if not isinstance(head, dict) or head.get("version") != VERSION:
        found = head.get("version") if isinstance(head, dict) else type(head).__name__
        raise InputError(f"{file}: a model of version {VERSION} is needed; found {found}")
    return head

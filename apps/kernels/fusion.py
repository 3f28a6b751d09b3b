"""Put overlapping pieces of tiles together into one block of the fused frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Piece(NamedTuple):
    """What one tile contributes to a block: values and weights of one shape, at `start`."""

    start: tuple[int, int, int]
    values: np.ndarray
    weights: np.ndarray


def feather(tile_shape: tuple[int, int, int], box: tuple[slice, ...]) -> np.ndarray:
    """Return the weights of a box of a tile: the distances to its four sides, multiplied.

    A tile counts most in its middle and next to nothing at its sides, where it is darkest and
    where it ends; so no seam shows where brightness differs between tiles. Planes are not
    weighted: the tiles of a grid begin and end at nearly the same depth.

    Parameters
    ----------
    tile_shape : tuple of int, voxels
    box : tuple of slice
        Part of the tile.

    Returns
    -------
    ndarray of int64, shape (1, y, x) of the box
        At least 1 everywhere.

    Examples
    --------
    >>> feather((1, 3, 4), (slice(0, 1), slice(0, 3), slice(1, 4)))[0]
    array([[2, 2, 1],
           [4, 4, 2],
           [2, 2, 1]])
    """
    sides = []
    for n, s in zip(tile_shape[1:], box[1:], strict=True):
        index = np.arange(s.start, s.stop, dtype=np.int64)
        sides.append(np.minimum(index + 1, n - index))
    return (sides[0][:, None] * sides[1])[None]


def blend(pieces: Sequence[Piece], shape: tuple[int, int, int], dtype: np.dtype) -> np.ndarray:
    """Return the weighted mean of the pieces at every voxel, 0 where there is none.

    Integers of up to 16 bits are averaged in whole numbers and rounded half up, so the result is
    the same on every machine; wider types in float64, in the order of the pieces.

    Parameters
    ----------
    pieces : sequence of Piece
    shape : tuple of int, voxels
    dtype : numpy.dtype
        Type of the values, kept.

    Returns
    -------
    ndarray of `dtype`

    Examples
    --------
    >>> one = np.ones((1, 1, 2), np.int64)
    >>> left = Piece((0, 0, 0), np.array([[[10, 20]]], np.uint8), 3 * one)
    >>> right = Piece((0, 0, 1), np.array([[[40, 50]]], np.uint8), one)
    >>> blend([left, right], (1, 1, 4), np.dtype(np.uint8))
    array([[[10, 25, 50,  0]]], dtype=uint8)
    """
    dtype = np.dtype(dtype)
    exact = dtype.kind in "iub" and dtype.itemsize <= 2
    kind = np.int64 if exact else np.float64
    total = np.zeros(shape, kind)
    weight = np.zeros(shape, np.int64)
    for piece in pieces:
        here = tuple(slice(s, s + n) for s, n in zip(piece.start, piece.values.shape, strict=True))
        total[here] += piece.values.astype(kind) * piece.weights
        weight[here] += piece.weights
    seen = weight > 0
    safe = np.where(seen, weight, 1)
    if exact:
        return ((2 * total + safe) // (2 * safe)).astype(dtype)
    mean = total / safe
    return (np.rint(mean) if dtype.kind in "iu" else mean).astype(dtype)


def paint(pieces: Sequence[Piece], shape: tuple[int, int, int]) -> np.ndarray:
    """Return the labels of the pieces in one block; of two labels the heavier tile's stays.

    Parameters
    ----------
    pieces : sequence of Piece
        Values are labels that mean the same in all pieces; 0 is background.
    shape : tuple of int, voxels

    Returns
    -------
    ndarray of uint32

    Examples
    --------
    >>> one = np.ones((1, 1, 2), np.int64)
    >>> left = Piece((0, 0, 0), np.array([[[7, 7]]]), 3 * one)
    >>> right = Piece((0, 0, 1), np.array([[[9, 9]]]), one)
    >>> paint([left, right], (1, 1, 3))
    array([[[7, 7, 9]]], dtype=uint32)
    """
    labels = np.zeros(shape, np.uint32)
    best = np.zeros(shape, np.int64)
    for piece in pieces:
        here = tuple(slice(s, s + n) for s, n in zip(piece.start, piece.values.shape, strict=True))
        wins = (piece.values != 0) & (piece.weights > best[here])
        labels[here][wins] = piece.values[wins]
        best[here][wins] = np.broadcast_to(piece.weights, piece.values.shape)[wins]
    return labels

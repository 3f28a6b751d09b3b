"""Joining, splitting, reshaping, moving elements, and functions along axes."""

import numpy as np

import pmap as pm

from . import COLLECTIVE, LOCAL, MAPS, Entry, matrix, vector


def three_columns(held):
    return matrix(held)[:, ::4]


def complex_matrix(held):
    return matrix(held) + 0j


def _turned(A):
    return pm.swapaxes(A, 0, 1)


ENTRIES = [
    Entry("pm.transpose", lambda A: pm.transpose(A), LOCAL, "transposed", "view"),
    Entry("pm.permute_dims", lambda A: pm.permute_dims(A, (1, 0)), LOCAL, "transposed", "view"),
    Entry("pm.matrix_transpose", lambda A: pm.matrix_transpose(A), LOCAL, "transposed", "view"),
    Entry("pm.swapaxes", _turned, LOCAL, "transposed", "view"),
    Entry("pm.moveaxis", lambda A: pm.moveaxis(A, 0, 1), LOCAL, "transposed", "view"),
    Entry("pm.rollaxis", lambda A: pm.rollaxis(A, 1), LOCAL, "transposed", "view"),
    Entry("pm.expand_dims", lambda A: pm.expand_dims(A, axis=1), LOCAL, "kept", "view"),
    Entry("pm.squeeze", lambda A: pm.squeeze(A[:, None]), LOCAL, "same", "view"),
    Entry("pm.atleast_1d", lambda A: pm.atleast_1d(A), LOCAL, "same", "view"),
    Entry("pm.atleast_2d", lambda A: pm.atleast_2d(A), LOCAL, "same", "view"),
    Entry("pm.atleast_3d", lambda A: pm.atleast_3d(A), LOCAL, "kept", "view"),
    Entry("pm.flip", lambda A: pm.flip(A), LOCAL, "kept", "view"),
    Entry("pm.flipud", lambda A: pm.flipud(A), LOCAL, "kept", "view"),
    Entry("pm.fliplr", lambda A: pm.fliplr(A), LOCAL, "kept", "view"),
    Entry("pm.rot90", lambda A: pm.rot90(A), LOCAL, "kept", "view"),
    Entry("pm.array_split", lambda A: pm.array_split(A, 5), LOCAL, "kept", "view"),
    Entry("pm.split", lambda A: pm.split(A, 2), LOCAL, "kept", "view"),
    Entry("pm.hsplit", lambda A: pm.hsplit(A, 2), LOCAL, "kept", "view"),
    Entry("pm.vsplit", lambda A: pm.vsplit(A, 2), LOCAL, "kept", "view"),
    Entry("pm.dsplit", lambda A: pm.dsplit(A[..., None], 1), LOCAL, "kept", "view"),
    Entry("pm.unstack", lambda A: pm.unstack(A, axis=0), LOCAL, "kept", "view"),
    Entry("pm.concat", lambda A: pm.concat([A, A]), COLLECTIVE, "kept"),
    Entry("pm.concatenate", lambda A: pm.concatenate([A, A], axis=1), COLLECTIVE, "kept"),
    Entry("pm.stack", lambda A, B: pm.stack([A, B]), MAPS, "kept"),
    Entry("pm.hstack", lambda A: pm.hstack([A, A]), COLLECTIVE, "kept"),
    Entry("pm.vstack", lambda A: pm.vstack([A, A]), COLLECTIVE, "kept"),
    Entry("pm.dstack", lambda A, B: pm.dstack([A, B]), MAPS, "kept"),
    Entry("pm.column_stack", lambda A: pm.column_stack([A, A]), COLLECTIVE, "kept"),
    Entry("pm.append", lambda A: pm.append(A, A, axis=0), COLLECTIVE, "kept"),
    Entry("pm.block", lambda A: pm.block([[A, A], [A, A]]), COLLECTIVE, "kept"),
    Entry("pm.reshape", lambda A: pm.reshape(A, (10, 12)), COLLECTIVE, "kept"),
    Entry("pm.ravel", lambda A: pm.ravel(A), COLLECTIVE, "kept"),
    Entry("pm.roll", lambda A: pm.roll(A, 1, axis=(0, 1)), COLLECTIVE, "same"),
    Entry("pm.tile", lambda A: pm.tile(A, (2, 3)), COLLECTIVE, "kept"),
    Entry("pm.repeat", lambda A: pm.repeat(A, 2, axis=0), LOCAL, "kept", note="one number"),
    Entry(
        "np.repeat",
        lambda A: np.repeat(A, np.arange(12), axis=0),
        COLLECTIVE,
        "kept",
        note="numbers for each: cyclic axes become blocks",
    ),
    Entry("pm.resize", lambda A: pm.resize(A, (7, 30)), COLLECTIVE, "kept"),
    Entry("pm.pad", lambda A: pm.pad(A, 3, "reflect"), COLLECTIVE, "kept"),
    Entry("pm.gradient", lambda A: pm.gradient(A), COLLECTIVE, "same"),
    Entry("pm.unwrap", lambda A: pm.unwrap(A, axis=0), COLLECTIVE, "same"),
    Entry("pm.convolve", lambda A: pm.convolve(A, [1, 2, 1]), COLLECTIVE, "kept", of=vector),
    Entry("pm.correlate", lambda A: pm.correlate(A, [1, 2, 1]), COLLECTIVE, "kept", of=vector),
    Entry(
        "np.lib.stride_tricks.sliding_window_view",
        lambda A: np.lib.stride_tricks.sliding_window_view(A, (3, 2)),
        COLLECTIVE,
        "kept",
        "-",
        note="read-only windows of each rank's own copy",
    ),
    Entry(
        "pm.apply_along_axis",
        lambda A: pm.apply_along_axis(np.cumsum, 1, A),
        COLLECTIVE,
        "kept",
        note="LOCAL where the axis is whole",
    ),
    Entry("pm.apply_over_axes", lambda A: pm.apply_over_axes(np.sum, A, 0), COLLECTIVE, "kept"),
    Entry("pm.piecewise", lambda A, B: pm.piecewise(A, [B < 0], [np.negative, 1]), MAPS, "same"),
    Entry("pm.interp", lambda A: pm.interp(A, [-9, 9], [0, 1]), LOCAL, "same"),
    Entry("pm.cross", lambda A: pm.cross(A, A + 1), COLLECTIVE, "kept", of=three_columns),
    Entry("pm.vander", lambda A: pm.vander(A, 3), LOCAL, "kept", of=vector),
    Entry("pm.trim_zeros", lambda A: pm.trim_zeros(A), COLLECTIVE, "kept", "view"),
    Entry("pm.polyval", lambda A: pm.polyval([1, 2], A), LOCAL, "same"),
    Entry("pm.nan_to_num", lambda A: pm.nan_to_num(A), LOCAL, "same"),
    Entry("pm.angle", lambda A: pm.angle(A), LOCAL, "same"),
    Entry("pm.i0", lambda A: pm.i0(A), LOCAL, "same"),
    Entry("pm.sinc", lambda A: pm.sinc(A), LOCAL, "same"),
    Entry("pm.fix", lambda A: pm.fix(A), LOCAL, "same"),
    Entry("pm.isposinf", lambda A: pm.isposinf(A), LOCAL, "same"),
    Entry("pm.isneginf", lambda A: pm.isneginf(A), LOCAL, "same"),
    Entry("pm.iscomplex", lambda A: pm.iscomplex(A), LOCAL, "same"),
    Entry("pm.isreal", lambda A: pm.isreal(A), LOCAL, "same"),
    Entry("pm.iscomplexobj", lambda A: pm.iscomplexobj(A), LOCAL, "other", "-"),
    Entry("pm.isrealobj", lambda A: pm.isrealobj(A), LOCAL, "other", "-"),
    Entry(
        "pm.real_if_close",
        lambda A: pm.real_if_close(A),
        COLLECTIVE,
        "same",
        "view",
        complex_matrix,
    ),
    Entry("pm.array_equiv", lambda A: pm.array_equiv(A, A), COLLECTIVE, "other", "-"),
]

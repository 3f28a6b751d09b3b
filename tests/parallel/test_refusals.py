"""Wrong calls raise what NumPy raises, on all ranks, and say what to do (C11)."""

import copy
import pickle

import numpy as np
import pytest

import pmap as pm


def rows(dtype=float):
    return pm.asarray(np.arange(12).reshape(3, 4).astype(dtype), map=pm.Map([-1, 1]))


CASES = [
    (ValueError, r"shapes \(3, 4\) \(5,\)", lambda A: A + np.zeros(5)),
    (ValueError, r"\(3,\) into shape \(2, 4\)", lambda A: A.__setitem__(np.s_[:2], np.zeros(3))),
    (ValueError, r"result of shape \(2, 3, 4\)", lambda A: A.__iadd__(np.ones((2, 3, 4)))),
    (ValueError, "axis 5 is out of bounds", lambda A: A.sum(5)),
    (ValueError, "duplicate value", lambda A: A.sum((0, -2))),
    (TypeError, "integer", lambda A: A.sum(1.0)),
    (TypeError, "integer", lambda A: np.argmin(A, axis=(0, 1))),
    (ValueError, "out of bounds", lambda A: A.transpose(0, 2)),
    (ValueError, "permute", lambda A: A.transpose(0, 0)),
    (ValueError, "not equal to one", lambda A: np.squeeze(A, 0)),
    (ValueError, "out of bounds", lambda A: np.expand_dims(A, 5)),
    (IndexError, "out of bounds for axis 0 with size 3", lambda A: A[3]),
    (IndexError, "too many indices", lambda A: A[1, 1, 1]),
    (IndexError, "only integers", lambda A: A[1.0]),
    (ValueError, "step cannot be zero", lambda A: A[::0]),
    (ValueError, "no identity", lambda A: A[:0].min()),
    (ValueError, "empty sequence", lambda A: A[:0].argmax()),
    (TypeError, "Cannot cast .* from .*float64", lambda A: A.astype("i8").__iadd__(1.5)),
    (TypeError, "to .*int64", lambda A: np.add(A, 0.5, out=A.astype("i8"))),
    (OverflowError, "300", lambda A: A.astype("u1") + 300),
    (OverflowError, "300", lambda A: A.astype("u1").__setitem__(0, 300)),
    (OverflowError, "300", lambda A: pm.full((3, 4), 300, "u1", map=A.map)),
    (TypeError, "Python objects", lambda A: pm.asarray([[object()]], map="auto")),
    (TypeError, "Python objects", lambda A: A.astype(object)),
    (TypeError, "Python objects", lambda A: pm.zeros((3, 4), object, map=A.map)),
    (TypeError, "Python objects", lambda A: pm.scatter(np.array([None]), pm.Map([-1]))),
    (TypeError, "out= must be a DistArray", lambda A: np.zeros((3, 4)).__iadd__(A)),
    (TypeError, "foo", lambda A: np.add(A, 1, foo=2)),
    (TypeError, "foo", lambda A: pm.zeros(3, foo=2)),
    (TypeError, "invert", lambda A: ~A),
    (ValueError, "2 axes cannot lie", lambda A: pm.zeros(3, map=A.map)),
    (ValueError, "needs 99 ranks", lambda A: pm.zeros((3, 4), map=pm.Map([99, 1]))),
    (ValueError, "names rank 99", lambda A: pm.zeros(3, map=pm.Map([1], procs=[99]))),
    (ValueError, "is a slice", lambda A: pm.zeros((100, 4), map=A[1:3].map)),
    (ValueError, "'x' is not known", lambda A: pm.remap(A, "x")),
    (ValueError, "lengths must be >= 0", lambda A: pm.zeros(-1, map="auto")),
    (TypeError, "integer", lambda A: pm.zeros(3.5, map="auto")),
    (ValueError, "ambiguous", bool),
    (ValueError, "ambiguous", lambda A: A in [1, A]),
    (TypeError, "one element", float),
    (ValueError, "one element", lambda A: A.item()),
    (TypeError, "unhashable", hash),
    (TypeError, "0-d", lambda A: list(A[0, 0, ...])),
    (TypeError, "unsized", lambda A: len(A[0, 0, ...])),
    (TypeError, "format", lambda A: format(A, ".2f")),
    (ValueError, "without a copy", lambda A: np.array(A, copy=False)),
    (TypeError, "pm.agg", pickle.dumps),
    (ValueError, "read-only", lambda A: np.broadcast_to(A[:1], (3, 4)).__setitem__(0, 1)),
    (ValueError, "root 9", lambda A: pm.agg(A, 9)),
    (ValueError, "copy, sum, max, min", lambda A: pm.synch(A, "mean")),
]


@pytest.mark.parametrize(("kind", "words", "call"), CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_wrong_calls(kind, words, call):
    A = rows()
    with pytest.raises(kind, match=words):
        call(A)
    assert np.array_equal(np.asarray(A), np.arange(12.0).reshape(3, 4))


def test_python_protocols():
    a, A = np.arange(12.0).reshape(3, 4), rows()
    assert len(A) == 3
    assert [np.asarray(r).tolist() for r in A] == a.tolist()
    assert [float(x) for x in A[1]] == a[1].tolist()
    assert 5.0 in A and 99.0 not in A
    for B in (copy.copy(A), copy.deepcopy(A), A.copy()):
        B[:] = -1
        assert np.array_equal(np.asarray(A), a) and B.map == A.map
    again = pickle.loads(pickle.dumps(A.map))
    assert again == A.map and hash(again) == hash(A.map)
    assert complex(A[:1, 1:2]) == 1 and int(A[2:, 3:]) == 11 and A[1:2, 1:2].item() == 5.0
    assert np.array_equal(np.from_dlpack(A), a)
    assert f"{A.sum():.1f}" == "66.0" and "DistArray" in f"{A}"
    assert A[1, 2, ...].shape == () and A[1, 2, ...].ndim == 0
    A[1, 2, ...][...] = 50
    assert A[1, 2] == 50


def test_a_copy_is_not_offered_as_a_writable_local():
    """A step through a block-cyclic axis has no constant stride: writes go by assignment."""
    a = np.arange(40.0)
    A = pm.asarray(a, map=pm.Map([-1], ("bc", 3)))
    for view, expected in [(A[::2], a[::2]), (A[::2][1:].T, a[::2][1:])]:
        if not view.local.flags.writeable:
            with pytest.raises(ValueError, match="read-only"):
                view.local[...] = 0
        view += 1
        expected += 1
        assert np.array_equal(np.asarray(A), a)
    C = pm.asarray(a + 1j * a, map=pm.Map([-1], ("bc", 3)))
    C[::2].imag[...] = 7
    C.T[1::4].real[...] = 3
    c = a + 1j * a
    c[::2].imag, c[1::4].real = 7, 3
    assert np.array_equal(np.asarray(C), c)

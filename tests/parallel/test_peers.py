"""What other distributed arrays get wrong in silence, or hang on, and pmap must get right.

The cases were met in Heat, dask.array, JAX, mpi4py-fft and the like.
"""

import numpy as np
import pytest
import scipy.ndimage
from map_zoo import every_map

import pmap as pm
from pmap.ranks.comm import world

SHAPE = (12, 10)


def arrays(dtype=float):
    a = (np.arange(120).reshape(SHAPE) * 7 % 50).astype(dtype)
    return a, [pm.asarray(a, map=m) for m in every_map(SHAPE).values()]


def vectors(n=23):
    v = np.arange(n) * 7 % 11
    return v, [pm.asarray(v, map=m) for m in every_map((n,)).values()]


def same(found, expected):
    found = np.asarray(found)
    nans = expected.dtype.kind == "f"
    return found.dtype == expected.dtype and np.array_equal(found, expected, equal_nan=nans)


def test_rows_come_in_the_order_that_was_asked():
    """Heat 1.8: grouped by owner."""
    a, found = arrays()
    for A in found:
        assert same(A[[5, 1, 9, 1]], a[[5, 1, 9, 1]])
        assert same(A[[5, 1], [0, 9]], a[[5, 1], [0, 9]])


def test_a_negative_step_is_a_view():
    """Heat: ValueError."""
    a, found = arrays()
    for A in found:
        assert same(A[::-2, ::-1], a[::-2, ::-1])


def test_conversion_is_global_and_sum_is_not_the_local_one():
    """Heat: np.asarray is the local piece; mpi4py-fft: .sum() is the local sum."""
    a, found = arrays()
    for A in found:
        assert same(A, a)
        assert A.sum() == a.sum()


def test_operands_with_other_maps_just_work():
    """Heat: NotImplementedError; mpi4py-fft: ValueError of local shapes."""
    a, _ = arrays()
    A, B = pm.asarray(a, map=pm.Map([-1, 1])), pm.asarray(a, map=pm.Map([1, -1], "c"))
    assert same(A + B, a + a)
    C = pm.zeros(SHAPE, map=B.map)
    C[2:9] = A[3:10]
    assert same(C[2:9], a[3:10])


def test_masks_have_known_shapes_and_can_be_sliced():
    """dask: shape (nan,), then ValueError."""
    a, found = arrays()
    for A in found:
        picked = A[A > 20]
        assert picked.shape == a[a > 20].shape
        assert same(picked[3:9], a[a > 20][3:9])
        assert same(A[A > 99], a[a > 99])


def test_after_a_mask_the_uneven_array_works_like_any_other():
    """Heat #668: operations assumed balanced data."""
    a, found = arrays()
    for A in found:
        P, p = A[A > 40], a[a > 40]
        assert same(P * 2 + P, p * 2 + p)
        assert P.sum() == p.sum()
        assert same(np.sort(P), np.sort(p))
        assert same(P.reshape(-1, 1)[::2], p.reshape(-1, 1)[::2])


def test_a_rank_without_data_does_not_lose_an_axis():
    """Heat #754: the global shape lost a dimension."""
    for n in (0, 1, max(world().size - 1, 0)):
        A = pm.zeros((n, 3), map=pm.Map([-1, 1]))
        assert (A + 1).shape == (n, 3) and A.sum(axis=1).shape == (n,)
        assert A[A > 0].shape == (0,) and np.concatenate([A, A]).shape == (2 * n, 3)
        assert np.sort(A, axis=0).shape == (n, 3) and np.cumsum(A, axis=0).shape == (n, 3)


def test_unique_is_sorted_whatever_the_map():
    """Heat #564: the order depended on the split; dask: unknown shape."""
    v, found = vectors()
    for V in found:
        values, counts = np.unique(V, return_counts=True)
        expected = np.unique(v, return_counts=True)
        assert same(values, expected[0]) and same(counts, expected[1])
        assert same(np.unique(V, return_inverse=True)[1], np.unique(v, return_inverse=True)[1])


def test_sort_and_argsort_are_there_and_stable():
    """dask: no sort; Heat: unstable, no argsort."""
    v, found = vectors()
    for V in found:
        assert same(np.sort(V), np.sort(v))
        assert same(np.argsort(V, kind="stable"), np.argsort(v, kind="stable"))
        assert np.median(V) == np.median(v)


def test_division_of_whole_numbers_is_numpys():
    """Heat, JAX: float32; Heat: ZeroDivisionError."""
    v, found = vectors()
    for V in found:
        with np.errstate(divide="ignore", invalid="ignore"):
            assert same(V / V, v / v) and same(V // 0, v // 0)


def test_unsigned_types_stay():
    """Heat: no uint16, which is what microscopes write."""
    a, found = arrays(np.uint16)
    for A in found:
        assert same(A + 1, a + 1) and same(np.sort(A, axis=0), np.sort(a, axis=0))
        assert same(A[A > 3], a[a > 3]) and A.sum().dtype == a.sum().dtype


def test_lengths_that_the_ranks_do_not_divide():
    """JAX: IndivisibleError; mpi4py-fft: AssertionError of (1, 6) on 2 ranks."""
    for shape in [(11,), (1, 6), (world().size + 1, 1)]:
        x = np.arange(np.prod(shape, dtype=int)).reshape(shape) + 0.5
        for A in (pm.asarray(x, map=m) for m in every_map(shape).values()):
            assert same(A * 2, x * 2)
            assert np.allclose(np.asarray(np.fft.fftn(A)), np.fft.fftn(x))


def test_a_halo_may_be_wider_than_a_block():
    """Heat: ValueError; dask: rechunks in silence."""
    a, _ = arrays()
    for grid in ([-1, 1], [1, -1]):
        A = pm.asarray(a, map=pm.Map(grid))
        found = pm.ndimage.uniform_filter(A, 9)
        assert found.map == A.map
        assert np.allclose(np.asarray(found), scipy.ndimage.uniform_filter(a, 9), rtol=1e-12)


def test_labels_are_contiguous_and_the_same_at_any_map():
    """dask-image #391, #409: holes in the numbers, other numbers for other chunks."""
    mask = np.random.default_rng(3).random(SHAPE) > 0.5
    expected, n = scipy.ndimage.label(mask)
    for m in every_map(SHAPE).values():
        labels, count = pm.measure.label(pm.asarray(mask, map=m), return_num=True, connectivity=1)
        assert count == n and np.array_equal(np.asarray(labels), expected)


def test_one_element_or_column_does_not_bring_the_array():
    """Heat #591, #1412: memory spikes at one column and at printing one element."""
    A = pm.zeros((400, 300), map=pm.Map([-1, 1]))
    before = world().sent_bytes
    A[7, 3], A[:, 3], repr(A), str(A[5]), A[2, 4:9]
    assert world().sent_bytes - before <= 64


def test_printing_does_not_talk():
    """Heat: `if rank == 0: print(a)` hangs."""
    A = pm.zeros((5, 4), map=pm.Map([-1, 1]))
    if world().rank == 0:
        assert "shape=(5, 4)" in repr(A) + str(A)


def test_what_is_not_there_is_named_and_nothing_is_gathered():
    """cuPyNumeric, Heat: a silent fallback, or NotImplemented without a word."""
    A = pm.zeros((5, 4), map=pm.Map([-1, 1]))
    before = world().sent_bytes
    with pytest.raises(TypeError, match="np.busday_count"):
        np.busday_count(A, A)
    assert world().sent_bytes == before

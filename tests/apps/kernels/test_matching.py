"""Matching by overlap against a brute force that looks at every pair and every assignment."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pmap.apps.kernels import matching


def brute_iou(truth, pred):
    ids = [np.unique(a[a != 0]) for a in (truth, pred)]
    table = np.zeros((len(ids[0]), len(ids[1])))
    for i, t in enumerate(ids[0]):
        for j, p in enumerate(ids[1]):
            both = ((truth == t) & (pred == p)).sum()
            table[i, j] = both / ((truth == t) | (pred == p)).sum()
    return table


def brute_hits(table, threshold):
    """The most pairs that any one-to-one assignment gives."""
    rows, columns = table.shape
    if rows > columns:
        return brute_hits(table.T, threshold)
    best = 0
    for chosen in itertools.permutations(range(columns), rows):
        best = max(best, sum(table[i, j] >= threshold for i, j in enumerate(chosen)))
    return best


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.3, 0.5, 0.7]))
def test_as_many_pairs_as_brute_force_finds(seed, threshold):
    rng = np.random.default_rng(seed)
    truth, pred = (rng.choice([0, 3, 5, 9, 1000], (3, 4, 5)) for _ in range(2))
    truth[:, :2] = pred[:, :2]
    table = brute_iou(truth, pred)
    found = matching.overlap(truth, pred)
    dense = np.zeros_like(table)
    dense[found.pair_truth, found.pair_pred] = found.iou()
    np.testing.assert_allclose(dense, table)
    rows, columns = matching.match(found, threshold)
    assert len(rows) == brute_hits(table, threshold)
    assert len(set(rows)) == len(rows) and len(set(columns)) == len(columns)
    assert (table[rows, columns] >= threshold).all()


def boxes(*corners, size=4, shape=(12, 30, 30)):
    labels = np.zeros(shape, int)
    for i, (z, y, x) in enumerate(corners, 1):
        labels[z : z + size, y : y + size, x : x + size] = i
    return labels


def counts(truth, pred, threshold=0.5):
    found = matching.overlap(truth, pred)
    borders = matching.border_ids(truth), matching.border_ids(pred)
    return matching.count_matches(found, threshold, *borders)[:3]


def test_hits_false_detections_and_misses():
    truth = boxes((3, 5, 5), (3, 5, 15), (3, 20, 20))
    pred = boxes((3, 5, 5), (3, 6, 15), (3, 15, 5))
    assert counts(truth, pred, 0.5) == (2, 1, 1)
    assert counts(truth, pred, 0.7) == (1, 2, 2)


def test_what_touches_the_border_is_neither_hit_nor_miss():
    truth = boxes((0, 5, 5), (3, 5, 15))
    assert counts(truth, boxes((3, 5, 15))) == (1, 0, 0)  # the cut one was not found: no miss
    assert counts(truth, boxes((3, 5, 15), (0, 20, 20))) == (1, 0, 0)  # a cut one more: not false
    assert counts(truth, boxes((1, 5, 5), (3, 5, 15))) == (1, 0, 0)  # paired with a cut truth
    assert counts(truth, boxes((3, 5, 15), (5, 20, 20))) == (1, 1, 0)


def test_nothing_at_all_is_perfect_and_nothing_found_is_zero():
    empty, one = boxes(), boxes((3, 5, 5))
    assert matching.summarise(*counts(empty, empty))["f1"] == 1.0
    assert matching.summarise(*counts(one, empty))["f1"] == 0.0
    assert matching.summarise(*counts(empty, one))["f1"] == 0.0


def test_f1_and_ap_are_what_stardist_and_the_textbook_say():
    found = matching.summarise(6, 2, 4)
    assert found["precision"] == pytest.approx(0.75) and found["recall"] == pytest.approx(0.6)
    assert found["f1"] == pytest.approx(2 * 0.75 * 0.6 / 1.35) and found["ap"] == pytest.approx(0.5)


def test_points_are_paired_nearest_first_and_once():
    a = np.array([[0.0, 0, 0], [0, 0, 3.0], [50, 0, 0]])
    b = np.array([[0.0, 0, 2.0], [0, 0, 9.0], [50, 1, 0]])
    rows, columns = matching.match_points(a, b, 5.0)
    assert rows.tolist() == [1, 2] and columns.tolist() == [0, 2]
    assert matching.match_points(a, b[:0], 5.0)[0].size == 0


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        matching.overlap(np.zeros((2, 2), int), np.zeros((2, 3), int))

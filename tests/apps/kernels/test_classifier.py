"""The support vector machine: the same in NumPy as in scikit-learn, judged out of fold."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from pmap.apps.kernels import classifier
from pmap.apps.kernels.features import FEATURES, feature_matrix

NAMES = ("a", "b", "c")


def two_clouds(n=120, apart=1.5, seed=0):
    rng = np.random.default_rng(seed)
    is_neuron = rng.random(n) < 0.5
    return rng.normal(size=(n, 3)) * (1, 10, 0.1) + apart * is_neuron[:, None] * (
        1,
        10,
        0,
    ), is_neuron


def test_decisions_by_numpy_are_those_of_scikit_learn():
    x, y = two_clouds()
    machine, _, _ = classifier.train(x, y, NAMES, np.arange(len(x)))
    reference = make_pipeline(StandardScaler(), SVC(C=classifier.PENALTY, gamma=1 / 3)).fit(x, y)
    fresh, _ = two_clouds(seed=1)
    expected = reference.decision_function(fresh)
    np.testing.assert_allclose(classifier.decisions(machine, fresh), expected, rtol=1e-9, atol=1e-9)
    p = classifier.probabilities(machine, fresh)
    assert (np.argsort(p) == np.argsort(expected)).all() and ((p > 0) & (p < 1)).all()


def test_out_of_fold_values_are_not_those_of_the_trained_machine():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 3)), rng.random(100) < 0.5  # nothing to learn
    machine, p, scores = classifier.train(x, y, NAMES, np.arange(100))
    assert 0.3 < scores["auc"] < 0.7
    assert classifier.roc_auc(y, classifier.decisions(machine, x)) > 0.85  # it knows these by heart
    assert scores["folds"] == 5 and np.isfinite(p).all()


def test_a_nucleus_seen_twice_stands_in_one_fold():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)), rng.random(60) < 0.5
    twice = np.concatenate([x, x + 1e-6])
    group = np.tile(np.arange(60), 2)
    honest = classifier.train(twice, np.tile(y, 2), NAMES, group)[2]["auc"]
    leaking = classifier.train(twice, np.tile(y, 2), NAMES, np.arange(120))[2]["auc"]
    assert honest < 0.7 < leaking


def test_the_same_input_gives_the_same_numbers():
    x, y = two_clouds()
    first, second = (classifier.train(x, y, NAMES, np.arange(len(x))) for _ in range(2))
    assert np.array_equal(first[1], second[1]) and first[2] == second[2]
    assert np.array_equal(first[0].weights, second[0].weights)


def test_probabilities_are_calibrated():
    x, y = two_clouds(1500, apart=1.0)
    p = classifier.train(x, y, NAMES, np.arange(len(x)))[1]
    for low, high in ((0.1, 0.4), (0.6, 0.9)):
        some = (p > low) & (p < high)
        assert y[some].mean() == pytest.approx(p[some].mean(), abs=0.12)


def test_auc_is_that_of_scikit_learn_with_ties_too():
    rng = np.random.default_rng(3)
    y, score = rng.random(200) < 0.3, rng.integers(0, 9, 200).astype(float)
    assert classifier.roc_auc(y, score) == pytest.approx(roc_auc_score(y, score), abs=1e-12)
    assert classifier.roc_auc(np.ones(3, bool), np.arange(3.0)) is None


def test_one_class_is_refused_and_few_rows_give_no_folds():
    x, _ = two_clouds(6)
    with pytest.raises(ValueError, match="both classes"):
        classifier.train(x, np.ones(6, bool), NAMES, np.arange(6))
    y = np.array([True, False, False, False, False, False])
    machine, p, scores = classifier.train(x, y, NAMES, np.arange(6))
    assert scores["auc"] is None and np.isnan(p).all()
    assert np.isfinite(classifier.probabilities(machine, x)).all()


def table(n=40, seed=0, tile="r0_c0"):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(10, 2, n) for name in FEATURES} | {"tile": np.full(n, tile)}


def test_the_gain_of_a_tile_does_not_matter():
    one = table()
    other = {**one, "mean": one["mean"] * 1.7 + 100, "std": one["std"] * 1.7}
    other["tile"] = np.full(40, "r0_c1")
    both = {name: np.concatenate([one[name], other[name]]) for name in one}
    x = feature_matrix(both)
    np.testing.assert_allclose(x[:40], x[40:], atol=1e-9)


def test_flat_nuclei_and_small_tiles_give_finite_features():
    few = table(3) | {"skew": np.full(3, np.nan), "std": np.zeros(3)}
    assert np.isfinite(feature_matrix(few)).all()
    none = {name: column[:0] for name, column in table().items()}
    assert feature_matrix(none).shape == (0, 6)

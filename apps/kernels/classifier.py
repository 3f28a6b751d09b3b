"""Neuron or glia: a support vector machine, its out-of-fold scores, and its use by NumPy alone.

Features are scaled to unit variance; the machine has a radial kernel; a sigmoid fitted to
out-of-fold decision values turns a decision into a probability (Platt scaling). A trained machine
is plain numbers (:class:`Machine`), and :func:`probabilities` needs NumPy alone.
"""

from dataclasses import dataclass

import numpy as np

FOLDS = 5
PENALTY = 10.0  # C of the support vector machine
_SIGMOID_PENALTY = 10.0
_MOST_VALUES = 1 << 24  # kernel values at a time


@dataclass(frozen=True)
class Machine:
    """A trained support vector machine with a radial kernel.

    Parameters
    ----------
    features : tuple of str
        Names of the features, in the order of the columns.
    mean, scale : ndarray, shape (n_features,)
        What is subtracted from a feature, and what it is then divided by.
    vectors : ndarray, shape (n_vectors, n_features)
        Support vectors, scaled.
    weights : ndarray, shape (n_vectors,)
        Dual coefficients.
    intercept, gamma : float
        Of the decision function ``sum(weights * exp(-gamma * |x - vector|**2)) + intercept``.
    slope, offset : float
        Of the sigmoid: p(neuron) = 1 / (1 + exp(-(slope * decision + offset))).
    """

    features: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    vectors: np.ndarray
    weights: np.ndarray
    intercept: float
    gamma: float
    slope: float
    offset: float


def train(
    x: np.ndarray,
    is_neuron: np.ndarray,
    features: tuple[str, ...],
    groups: np.ndarray,
    seed: int = 0,
) -> tuple[Machine, np.ndarray, dict[str, object]]:
    """Train a machine, and judge it by cross-validation.

    LOCAL. The same input gives the same output: the folds come from `seed`.

    Parameters
    ----------
    x : ndarray, shape (n, n_features)
        Features of the labelled nuclei.
    is_neuron : ndarray of bool, shape (n,)
        Their classes; both must occur.
    features : tuple of str
        Names of the columns.
    groups : ndarray of int, shape (n,)
        Rows of one group (a nucleus seen in two tiles) never stand in two folds.
    seed : int
        Of the folds.

    Returns
    -------
    machine : Machine
        Trained on all rows.
    p_neuron : ndarray, shape (n,)
        Out-of-fold probability of being a neuron; NaN where a class is too rare for two folds.
    scores : dict
        `auc` over all rows, `auc_folds`, `accuracy` (balanced), `folds`, `neurons`, `glia`.

    Raises
    ------
    ValueError
        Where only one class occurs.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(60, 2)); y = x[:, 0] > 0
    >>> machine, p, scores = train(x, y, ("a", "b"), np.arange(60))
    >>> scores["auc"] > 0.9, p.shape
    (True, (60,))
    """
    is_neuron = np.asarray(is_neuron, bool)
    if is_neuron.all() or not is_neuron.any():
        raise ValueError("both classes are needed to train; found only one among the labels")
    scores: dict[str, object] = {
        "neurons": int(is_neuron.sum()), "glia": int((~is_neuron).sum()), "folds": 0,
        "auc": None, "auc_folds": [], "accuracy": None,
    }  # fmt: skip
    fold = _folds(is_neuron, groups, seed)
    p = np.full(len(x), np.nan)
    if fold is None:
        slope, offset = 1.0, 0.0
    else:
        decision = np.empty(len(x))
        for k in range(fold.max() + 1):
            model = _fit(x[fold != k], is_neuron[fold != k])
            decision[fold == k] = model.decision_function(x[fold == k])
        for k in range(fold.max() + 1):
            p[fold == k] = _sigmoid(
                decision[fold == k], *_fit_sigmoid(decision[fold != k], is_neuron[fold != k])
            )
        slope, offset = _fit_sigmoid(decision, is_neuron)
        parts = [roc_auc(is_neuron[fold == k], p[fold == k]) for k in range(fold.max() + 1)]
        right = (p >= 0.5) == is_neuron
        scores |= {
            "folds": int(fold.max()) + 1, "auc": roc_auc(is_neuron, decision), "auc_folds": parts,
            "accuracy": float((right[is_neuron].mean() + right[~is_neuron].mean()) / 2),
        }  # fmt: skip
    return _machine(_fit(x, is_neuron), features, slope, offset), p, scores


def probabilities(machine: Machine, x: np.ndarray) -> np.ndarray:
    """Probability of being a neuron, by NumPy alone.

    LOCAL.

    Parameters
    ----------
    machine : Machine
        A trained machine.
    x : ndarray, shape (n, n_features)
        Features, in the machine's order.

    Returns
    -------
    ndarray, shape (n,), float64

    Examples
    --------
    >>> one = np.ones(1)
    >>> m = Machine(("a",), 0 * one, one, np.array([[2.0]]), one, 0.0, 1.0, 1.0, 0.0)
    >>> probabilities(m, np.array([[2.0]])).round(3)
    array([0.731])
    """
    return _sigmoid(decisions(machine, x), machine.slope, machine.offset)


def decisions(machine: Machine, x: np.ndarray) -> np.ndarray:
    """Value of the decision function: above 0 for a neuron. LOCAL."""
    scaled = (np.asarray(x, float) - machine.mean) / machine.scale
    out = np.empty(len(scaled))
    step = max(1, _MOST_VALUES // max(machine.vectors.size, 1))
    for start in range(0, len(scaled), step):
        part = scaled[start : start + step]
        apart = ((part[:, None, :] - machine.vectors) ** 2).sum(axis=2)
        values = np.exp(-machine.gamma * apart) * machine.weights
        out[start : start + step] = values.sum(axis=1) + machine.intercept
    return out


def roc_auc(positive: np.ndarray, score: np.ndarray) -> float | None:
    """Area under the ROC curve: the chance that a positive scores above a negative (ties: half).

    LOCAL. None where one of the two is missing.

    Examples
    --------
    >>> roc_auc(np.array([True, False, True]), np.array([0.9, 0.5, 0.5]))
    0.75
    """
    from scipy.stats import rankdata

    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return None
    return float((rankdata(score)[positive].sum() - n * (n + 1) / 2) / (n * m))


def _folds(is_neuron: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray | None:
    """Fold of each row, or None where there are too few of a class for two folds."""
    from sklearn.model_selection import StratifiedGroupKFold

    rarest = min(len(np.unique(groups[is_neuron])), len(np.unique(groups[~is_neuron])))
    if rarest < 2:
        return None
    splitter = StratifiedGroupKFold(min(FOLDS, rarest), shuffle=True, random_state=seed)
    fold = np.empty(len(is_neuron), int)
    for k, (_, test) in enumerate(splitter.split(fold, is_neuron, groups)):
        fold[test] = k
    whole = all(
        is_neuron[fold != k].any() and not is_neuron[fold != k].all() for k in range(fold.max() + 1)
    )
    return fold if whole else None


def _fit(x: np.ndarray, is_neuron: np.ndarray):
    """scikit-learn's pipeline of scaler and support vector machine."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    machine = SVC(C=PENALTY, kernel="rbf", gamma=1 / x.shape[1])
    return make_pipeline(StandardScaler(), machine).fit(x, is_neuron.astype(int))


def _machine(model, features: tuple[str, ...], slope: float, offset: float) -> Machine:
    scaler, svm = model[0], model[1]
    return Machine(
        tuple(features), scaler.mean_, scaler.scale_, svm.support_vectors_, svm.dual_coef_[0],
        float(svm.intercept_[0]), float(svm.gamma), slope, offset,
    )  # fmt: skip


def _fit_sigmoid(decision: np.ndarray, is_neuron: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the sigmoid from decision to probability."""
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(C=_SIGMOID_PENALTY).fit(decision[:, None], is_neuron.astype(int))
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


def _sigmoid(decision: np.ndarray, slope: float, offset: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(slope * decision + offset)))

"""The claim benchmark stays alive: its cheap models and its truths are right, and it runs from end to end."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _benchmarks_on_path(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")


@pytest.mark.slow
def test_runs_on_generators_alone(tmp_path: Path):
    """Without the tables it replays generators and prints every setting, the comparison of rules and the aims."""
    command = [sys.executable, ROOT / "benchmarks/claims.py", "--replays", "1", "--data", tmp_path]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for head in ("### roc_auc: 3 replays", "### accuracy, shuffled labels", "### rmse: 3", "### True gain", "### Aims"):
        assert head in out
    assert "audit covers >= 95 %" in out
    assert "9 replays per rule with true labels, 9 with shuffled ones" in out


def test_replay_repeats_exactly(tmp_path: Path):
    """The same task gives the same outcome, one per rule, and shuffled labels a true AUC gain of zero."""
    from claim_replays import Task, replay

    from autoresearch.acceptance import RULES

    task = Task(tmp_path, "gen_linear", "roc_auc", 3, shuffled=True, seed=1)
    outcomes = replay(task)
    assert outcomes == replay(task)
    assert [outcome.rule for outcome in outcomes] == [*RULES]
    assert all(outcome.true == outcome.audit_true == 0 for outcome in outcomes)
    assert all(outcome.claimed >= 0 for outcome in outcomes)


@pytest.fixture
def models():
    """Fits over two repeats of three folds on 90 rows, and what is needed to redo them."""
    from claim_models import Models

    rng = np.random.default_rng(1)
    X = np.hstack([np.ones((90, 1)), rng.standard_normal((90, 4))])
    y = (X[:, 1] + rng.standard_normal(90) > 0).astype(float)
    folds = np.stack([rng.permutation(90) % 3 for _ in range(2)])
    return Models(X, y, folds), X, y, folds


def test_ridges_are_those_fitted_one_by_one(models):
    """Subtracting a fold's sums gives scikit-learn's ridge on the other folds; the last fit has all rows."""
    from claim_models import Version
    from sklearn.linear_model import Ridge

    fits, X, y, folds = models
    found = fits.responses(Version(frozenset({1, 3}), "ridge", 1), X)
    trains = [folds[r] != k for r in range(2) for k in range(3)] + [np.full(90, True)]
    for i, train in enumerate(trains):
        expected = Ridge(alpha=1.0).fit(X[train][:, [1, 3]], y[train]).predict(X[:, [1, 3]])
        assert found[:, i] == pytest.approx(expected, abs=1e-8)


def test_bayes_ranks_as_scikit_learns(models):
    """The naive Bayes response is the log odds of scikit-learn's, but for equal priors."""
    from claim_models import Version
    from sklearn.naive_bayes import GaussianNB

    fits, X, y, folds = models
    found = fits.responses(Version(frozenset({1, 2}), "bayes", 0), X)[:, 4]
    train = folds[1] != 1
    logs = GaussianNB(priors=[0.5, 0.5]).fit(X[train][:, [1, 2]], y[train]).predict_joint_log_proba(X[:, [1, 2]])
    assert found == pytest.approx(logs[:, 1] - logs[:, 0] + 0.5, abs=5e-3)


@pytest.mark.parametrize("kind", ["ridge", "bayes", "kernel"])
def test_labels_of_a_fold_do_not_reach_its_fits(models, kind: str):
    """Changing a fold's labels leaves the fits that are scored on it unchanged, and changes the others."""
    from claim_models import Models, Version

    fits, X, y, folds = models
    version = Version(frozenset({1, 2, 3}), kind, 2)
    changed = Models(X, np.where(folds[0] == 1, 1 - y, y), folds)
    one, other = fits.responses(version, X), changed.responses(version, X)
    assert one[:, 1] == pytest.approx(other[:, 1], abs=1e-5)
    assert not np.allclose(one[:, 0], other[:, 0], atol=1e-5)


def test_fast_auc_is_the_products():
    """Sorting the negatives gives scikit-learn's AUC, ties included."""
    from claim_models import FUNCTIONS

    from autoresearch.metrics import METRICS

    rng = np.random.default_rng(2)
    y, response = rng.integers(2, size=200), rng.standard_normal(200).round(1)
    assert FUNCTIONS["roc_auc"](y, response) == pytest.approx(METRICS["roc_auc"].function(y, response))


def test_metrics_of_the_interval_benchmark_are_the_products():
    """The fast log loss, average precision and R2 are scikit-learn's, ties included."""
    code = (
        "import sys; sys.path.insert(0, 'benchmarks')\n"
        "import numpy as np\nfrom audit_intervals import FAST, shape\nfrom autoresearch.metrics import METRICS\n"
        "rng = np.random.default_rng(1)\n"
        "for task, y in (('binary', rng.integers(2, size=99)), ('regression', rng.standard_normal(99))):\n"
        "    for metric in FAST[task]:\n"
        "        response = shape(metric, rng.random(99).round(1))\n"
        "        assert np.isclose(metric.function(y, response), METRICS[metric.name].function(y, response))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)

import numpy as np
import pytest

from effirl.evaluation.bootstrap import Terms, estimate, estimate_difference


def terms(numerators: list[float], denominators: list[float] | None = None) -> Terms:
    ones = [1.0] * len(numerators)
    return Terms(np.array(numerators), np.array(denominators or ones))


def test_interval_of_a_mean_is_close_to_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, size=200)
    found = estimate(Terms(values, np.ones(200)))
    half_width = 1.96 * values.std() / np.sqrt(200)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half_width, abs=0.05)
    assert found.high == pytest.approx(values.mean() + half_width, abs=0.05)
    assert found.n == 200


def test_the_seed_decides() -> None:
    one = terms([1.0, 2.0, 3.0, 10.0, 20.0])
    assert estimate(one, seed=3) == estimate(one, seed=3)
    assert estimate(one, seed=3) != estimate(one, seed=4)


def test_one_problem_has_a_value_and_no_interval() -> None:
    found = estimate(terms([3.0, 0.0], [2.0, 0.0]))
    assert (found.value, found.low, found.high, found.n) == (1.5, None, None, 1)


def test_nothing_counted_is_none() -> None:
    assert estimate(terms([0.0], [0.0])).value is None
    assert estimate(terms([])).value is None


def test_a_shared_spread_cancels_in_a_paired_difference() -> None:
    level = np.random.default_rng(0).normal(0.0, 10.0, size=50)
    better, worse = Terms(level + 1.0, np.ones(50)), Terms(level, np.ones(50))
    found = estimate_difference(better, worse)
    assert found.value == pytest.approx(1.0)
    assert found.low == pytest.approx(1.0)
    assert found.high == pytest.approx(1.0)
    alone = estimate(better)
    assert alone.high is not None
    assert alone.low is not None
    assert alone.high - alone.low > 3


def test_log2_terms_are_geometric_means() -> None:
    found = estimate(Terms(np.array([2.0, 0.0]), np.ones(2), is_log2=True))
    assert found.value == pytest.approx(2.0)  # of 4x and 1x
    assert (found.low, found.high) == (1.0, 4.0)

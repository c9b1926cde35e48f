"""Splits are stratified, nested and independent of everything but the labels."""

import numpy as np
import pytest

from eventsim.datasets.records import Request, Split
from eventsim.datasets.split import (
    check_numbers,
    limit,
    stratified_order,
    take_validation,
)
from eventsim.errors import DataError


def numbered(labels):
    """Return a split whose inputs are the positions of its samples."""
    labels = np.asarray(labels, dtype=np.int64)
    return Split(np.arange(len(labels))[:, None].astype(float), labels)


def test_stratified_order__is_a_fixed_permutation():
    labels = np.random.default_rng(0).integers(0, 4, 200)
    order = stratified_order(labels)
    assert sorted(order) == list(range(200))
    np.testing.assert_array_equal(stratified_order(labels), order)


def test_stratified_order__never_changes():
    # Recorded when the split was made. If this fails, accuracies measured on the
    # validation parts before and after cannot be compared.
    order = stratified_order(np.arange(12) % 3)
    assert order.tolist() == [3, 4, 5, 9, 10, 2, 0, 1, 11, 6, 7, 8]


@pytest.mark.parametrize("shares", [[1, 1, 1], [5, 3, 1, 1], [97, 0, 3], [1]])
def test_stratified_order__every_prefix_has_the_shares(shares):
    labels = np.random.default_rng(1).permutation(
        np.repeat(np.arange(len(shares)), 7 * np.array(shares))
    )
    ordered = labels[stratified_order(labels)]
    for label, share in enumerate(np.array(shares) / sum(shares)):
        in_prefix = np.cumsum(ordered == label)
        exact = share * np.arange(1, len(labels) + 1)
        n_present = np.count_nonzero(shares)
        bound = (1 + n_present * share) / 2 + 1e-9
        assert np.abs(in_prefix - exact).max() <= bound


def test_take_validation__leaves_no_sample_out_and_none_twice():
    train, validation = take_validation(numbered(np.arange(100) % 10), 30, "toy")
    assert np.bincount(validation.labels).tolist() == [3] * 10
    together = np.concatenate([train.inputs, validation.inputs])[:, 0]
    assert sorted(together) == list(range(100))
    assert np.all(np.diff(train.inputs[:, 0]) > 0)


def test_take_validation__zero_gives_an_empty_split():
    train, validation = take_validation(numbered([0, 1, 0]), 0, "toy")
    assert (len(train), len(validation)) == (3, 0)
    assert validation.inputs.shape == (0, 1)


@pytest.mark.parametrize("n_validation", [3, 4])
def test_take_validation__nothing_left_to_train_on(n_validation):
    message = rf"toy: .*got n_validation {n_validation}; expected less than the 3"
    with pytest.raises(DataError, match=message):
        take_validation(numbered([0, 1, 0]), n_validation, "toy")


def test_limit__choices_are_nested_and_stratified():
    split = numbered(np.arange(60) // 20)
    few, more = limit(split, 9), limit(split, 30)
    assert np.bincount(few.labels).tolist() == [3, 3, 3]
    assert np.bincount(more.labels).tolist() == [10, 10, 10]
    assert set(few.inputs[:, 0]) < set(more.inputs[:, 0])


@pytest.mark.parametrize("n_most", [None, 3, 100])
def test_limit__is_an_upper_bound(n_most):
    split = numbered([0, 1, 0])
    assert limit(split, n_most) is split


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(n_validation=-1), "n_validation is too small, got -1; expected 0 or"),
        (Request(limit_train=0), "limit_train is too small, got 0; expected 1 or"),
        (Request(limit_test=-5), "limit_test is too small, got -5; expected 1 or"),
    ],
)
def test_check_numbers__refuses_impossible_sizes(request_, message):
    with pytest.raises(DataError, match=f"toy: {message}"):
        check_numbers(request_, "toy")

"""Both engines against the oracle: every spike of every layer.

Times are compared to 1e-12 of the window; 1e-9 is what the documentation promises.
"""

import numpy as np
import oracles
import pytest
from eventsim_.builders import (
    build,
    conv,
    dense,
    flatten,
    largest_difference,
    normal_weights,
    oracle_times,
    pool,
    random_activation,
)

from eventsim.engine import engine_name
from eventsim.engine.first_spike import network as first_spike
from eventsim.engine.window import network as window

TOLERANCE = 1e-12
CASES = [("dynamic", window), ("dynamic", first_spike), ("static", first_spike)]
SHAPES = {
    "dense": ((9,), [dense(7), dense(5), dense(4)]),
    "strided": ((6, 5, 2), [conv(3, 3, 2, 1), dense(4)]),
    "pooled": (
        (7, 6, 1),
        [conv(2, (3, 2)), pool(2, 1), conv(2, 2, 1, 1), flatten(), dense(3)],
    ),
    "first pool": ((6, 6, 2), [pool(3, 2), conv(2, 2, 2), pool(1), dense(3)]),
    "wide padding": ((3, 4, 1), [conv(2, 3, 3, 3), pool(2, 1), dense(3)]),
    "conv last": ((4, 4, 2), [conv(3, 2, 2), conv(2, 2)]),
}


def each_case(test):
    names = [f"{threshold}-{engine_name(engine)}" for threshold, engine in CASES]
    return pytest.mark.parametrize(("threshold", "engine"), CASES, ids=names)(test)


def assert_exact(engine, network, activation):
    """Compare all layers with the oracle and return the recording."""
    recording = engine.forward(network, activation)
    for k, expected in enumerate(oracle_times(network, activation)):
        times = recording.times(network, k)
        assert largest_difference(times, expected) <= TOLERANCE * network.time_window
        np.testing.assert_array_equal(recording.fired(k), np.isfinite(expected))
    return recording


@pytest.mark.parametrize("name", SHAPES)
@each_case
def test_forward__agrees_with_oracle_on_random_networks(threshold, engine, name):
    shape, parts = SHAPES[name]
    for seed in range(20):
        rng = np.random.default_rng([seed, 1])
        network = build(
            shape,
            parts,
            weights=normal_weights(rng, rng.uniform(0.5, 4), rng.uniform(-0.5, 1)),
            threshold=threshold,
            theta=lambda topology, r=rng: r.uniform(0.05, 0.6, topology.n_features),
            time_window=rng.choice([1.0, 0.37, 5.0]),
        )
        silent = rng.choice([0.0, 0.4, 0.9])
        assert_exact(engine, network, random_activation(rng, 2, shape, silent))


def test_oracle__root_lies_where_a_scan_of_the_membrane_finds_it():
    rng = np.random.default_rng(0)
    n_fired = 0
    for _ in range(60):
        times, weights = rng.random(6), rng.normal(0.3, 1, 6)
        for threshold, start, end in (
            (lambda t: 2 - t, 1.0, 2.0),
            (lambda t: 0 * t + 0.3, 0.0, 3.0),
        ):
            root = oracles.first_crossing(
                times, weights, threshold, start, end, end_counts=True
            )
            low, high = oracles.scanned_crossing(times, weights, threshold, start, end)
            assert low - 1e-12 <= root <= high + 1e-12 or low == root == np.inf
            n_fired += root < np.inf
    assert 20 < n_fired < 120


@each_case
def test_forward__all_silent_input_fires_nothing(threshold, engine):
    rng = np.random.default_rng(2)
    network = build(*SHAPES["pooled"], weights=normal_weights(rng), threshold=threshold)
    recording = assert_exact(engine, network, np.zeros((3, 7, 6, 1)))
    assert not any(recording.fired(k).any() for k in range(6))


@each_case
def test_forward__saturated_input_and_weights(threshold, engine):
    rng = np.random.default_rng(3)
    network = build(
        (5,),
        [dense(4), dense(3)],
        weights=lambda topology, _: np.abs(rng.normal(1, 1, topology.weight_shape)) + 1,
        threshold=threshold,
    )
    recording = assert_exact(engine, network, np.ones((2, 5)))
    assert recording.fired(2).all()
    if threshold == "dynamic":
        # A >= 1 everywhere: each layer fires at the very start of its window.
        np.testing.assert_array_equal(recording.times(network, 1), 1.0)
        np.testing.assert_array_equal(recording.times(network, 2), 2.0)


@pytest.mark.parametrize("n_levels", [2, 3])
@each_case
def test_forward__tied_inputs(threshold, engine, n_levels):
    for seed in range(10):
        rng = np.random.default_rng([seed, 4])
        network = build(
            (12,),
            [dense(6), dense(4)],
            weights=normal_weights(rng),
            threshold=threshold,
        )
        levels = rng.integers(0, n_levels + 1, (3, 12)) / n_levels
        assert_exact(engine, network, levels)


@each_case
def test_forward__ties_do_not_depend_on_the_order_of_inputs(threshold, engine):
    rng = np.random.default_rng(5)
    # Eighths and sixteenths add up without rounding, so the order cannot show.
    weight = rng.integers(-16, 24, (10, 8)) / 8
    levels = rng.integers(0, 4, (4, 10)) / 4
    order = rng.permutation(10)
    networks = [
        build(
            (10,), [dense(8)], weights=lambda *_, w=w: w, threshold=threshold, theta=0.5
        )
        for w in (weight, weight[order])
    ]
    times = [
        engine.forward(network, activation).times(network, 1)
        for network, activation in zip(
            networks, (levels, levels[:, order]), strict=True
        )
    ]
    np.testing.assert_array_equal(times[0], times[1])


@each_case
def test_forward__negative_weight_sums_and_zero_weights(threshold, engine):
    n_fired = 0
    for seed in range(20):
        rng = np.random.default_rng([seed, 6])

        def weights(topology, number, rng=rng):
            w = rng.normal(-0.1, 1, topology.weight_shape)
            w[rng.random(w.shape) < 0.3] = 0
            w[:, 0] = 0
            w[:, 1] = -np.abs(w[:, 1])
            return w

        network = build(
            (8,), [dense(6), dense(4)], weights=weights, threshold=threshold
        )
        activation = random_activation(rng, 3, (8,))
        recording = assert_exact(engine, network, activation)
        assert not recording.fired(1)[:, :2].any()
        n_fired += recording.fired(2).sum()
    assert n_fired > 0


@each_case
def test_forward__single_input(threshold, engine):
    for weight in (-1.0, 0.0, 0.25, 0.5, 1.0, 3.0):
        network = build(
            (1,), [dense(1)], weights=lambda *_, w=weight: [[w]], threshold=threshold
        )
        assert_exact(engine, network, np.array([[0.0], [0.125], [0.5], [1.0]]))


@pytest.mark.parametrize("engine", [window, first_spike], ids=["window", "sweep"])
@pytest.mark.parametrize(
    ("weight", "activation", "expected"),
    [
        # A = 1 exactly: threshold reached when the window opens, at 1.
        ([0.5, 0.5], [1.0, 1.0], 1.0),
        ([2.0, -4.0], [1.0, 0.25], 1.0),
        # A above 1, falling: fires at the start although u(end) < 0.
        ([4.0, -8.0], [1.0, 0.25], 1.0),
        # A + S = 0 exactly: touches the threshold at the end only, silent.
        ([1.0, -1.5], [0.875, 0.25], np.inf),
        # A moment more: A + S = 1/8, 1 + S = 1/2, a = 1/4.
        ([1.0, -1.5], [1.0, 0.25], 1.75),
        ([-1.0, 0.5], [0.5, 1.0], np.inf),
        # A = 0, S = 0 through cancelling weights: silent.
        ([0.75, -0.75], [0.5, 0.5], np.inf),
        # S = -1: the potential falls as fast as the threshold, A < 1 never fires.
        ([-1.0, 0.0], [0.25, 0.0], np.inf),
        # A = 1/2, S = 1: r = (1 - 1/2) / 2.
        ([1.0, 0.0], [0.5, 0.0], 1.25),
    ],
)
def test_forward__dynamic_threshold_reached_exactly(
    engine, weight, activation, expected
):
    network = build((2,), [dense(1)], weights=lambda *_: np.array(weight)[:, None])
    recording = engine.forward(network, np.array([activation]))
    assert recording.times(network, 1)[0, 0] == expected
    assert_exact(engine, network, np.array([activation]))


@pytest.mark.parametrize(
    ("weight", "times", "expected"),
    [
        # Ramp of slope 1 from 0: reaches theta = 1/2 at 1/2.
        ([1.0, 0.0], [0.0, np.inf], 0.5),
        # Reached exactly when the next input arrives: that input comes too late.
        ([1.0, -8.0], [0.0, 0.5], 0.5),
        # One moment earlier it is not: slope 1 - 8 < 0, never fires.
        ([1.0, -8.0], [0.0, 0.375], np.inf),
        # Equal times: both act before any test, 1 - 1 = 0 never rises.
        ([1.0, -1.0], [0.25, 0.25], np.inf),
        # Equal times: slope 2, 1/4 + (1/2) / 2.
        ([1.5, 0.5], [0.25, 0.25], 0.5),
        # Two pieces: u(1/2) = 1/4, then slope 1/2 + 1/2.
        ([0.5, 0.5], [0.0, 0.5], 0.75),
        # Exactly at the end of the run, 2 T: fires.
        ([0.25, 0.0], [0.0, np.inf], 2.0),
        # Just too slow: silent.
        ([0.2499999999, 0.0], [0.0, np.inf], np.inf),
    ],
)
def test_forward__static_threshold_by_hand(weight, times, expected):
    network = build(
        (2,),
        [dense(1)],
        weights=lambda *_: np.array(weight)[:, None],
        threshold="static",
        theta=0.5,
    )
    recording = first_spike.forward_times(network, np.array([times]))
    assert recording.times(network, 1)[0, 0] == expected


@pytest.mark.parametrize("name", ["dense", "pooled", "wide padding"])
def test_forward__sweep_equals_window_for_dynamic_thresholds(name):
    shape, parts = SHAPES[name]
    for seed in range(30):
        rng = np.random.default_rng([seed, 7])
        network = build(shape, parts, weights=normal_weights(rng), time_window=0.7)
        activation = random_activation(rng, 4, shape)
        by_window = window.forward(network, activation)
        by_sweep = first_spike.forward(network, activation)
        for k in range(len(parts) + 1):
            times = by_sweep.times(network, k)
            assert largest_difference(by_window.times(network, k), times) <= TOLERANCE


def test_forward__sweep_equals_window_on_a_wide_network():
    rng = np.random.default_rng(8)
    network = build((784,), [dense(300), dense(10)], weights=normal_weights(rng))
    activation = random_activation(rng, 8, (784,), silent=0.8)
    by_window = window.forward(network, activation)
    by_sweep = first_spike.forward(network, activation)
    for k in range(3):
        times = by_sweep.times(network, k)
        assert largest_difference(by_window.times(network, k), times) <= TOLERANCE


@each_case
def test_forward__common_shift_of_the_input_moves_every_static_spike(threshold, engine):
    rng = np.random.default_rng(9)
    network = build(
        (8,),
        [dense(6), dense(4)],
        weights=normal_weights(rng, 1, 2),
        threshold=threshold,
    )
    activation = np.where(rng.random((3, 8)) < 0.3, 0, 0.5 + rng.random((3, 8)) / 2)
    shifted = np.where(activation > 0, activation - 0.25, 0)
    before = engine.forward(network, activation).times(network, 1)
    after = engine.forward(network, shifted).times(network, 1)
    both = np.isfinite(before) & np.isfinite(after)
    assert both.sum() > 6
    if threshold == "static":
        np.testing.assert_allclose(after[both], before[both] + 0.25, atol=1e-14)
    else:
        # The window's clock does not shift: spikes inside move by S / (1 + S).
        slope = (activation > 0).astype(float) @ network.weights[0]
        inside = both & (before > 1) & (after > 1)
        moved = 0.25 * slope / (1 + slope)
        difference = after[inside] - before[inside]
        np.testing.assert_allclose(difference, moved[inside], atol=1e-14)
        assert inside.any()


@each_case
def test_forward__float32_stays_close_to_float64(threshold, engine):
    for name in ("dense", "pooled"):
        shape, parts = SHAPES[name]
        for seed in range(10):
            rng = np.random.default_rng([seed, 10])
            double = build(
                shape, parts, weights=normal_weights(rng), threshold=threshold
            )
            single = double.astype(np.float32)
            double = single.astype(np.float64)
            activation = random_activation(rng, 3, shape).astype(np.float32)
            exact = engine.forward(double, activation.astype(np.float64))
            rounded = engine.forward(single, activation)
            for k in range(1, len(parts) + 1):
                times = rounded.times(single, k)
                assert times.dtype == np.float32
                # A silent neuron is one that would have fired at the end.
                end = double.window_number(k) + 1
                if threshold == "static":
                    end = double.duration
                filled = [
                    np.where(np.isinf(t), end, t)
                    for t in (times.astype(np.float64), exact.times(double, k))
                ]
                # 200 roundings of numbers up to 5, slopes down to 1/100.
                np.testing.assert_allclose(filled[0], filled[1], atol=1e-3)
                assert np.median(np.abs(filled[0] - filled[1])) < 1e-6

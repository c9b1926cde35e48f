"""Derivatives of both engines against differences of the oracle, and identities."""

import numpy as np
import pytest
from eventsim_.builders import (
    build,
    conv,
    dense,
    normal_weights,
    oracle_times,
    pool,
    random_activation,
)

from eventsim.config.loss_schema import (
    PotentialCrossEntropyConfig,
    TimeCrossEntropyConfig,
)
from eventsim.engine import engine_name
from eventsim.engine.first_spike import network as first_spike
from eventsim.engine.window import network as window
from eventsim.gradcheck import gradcheck

CASES = [("dynamic", window), ("dynamic", first_spike), ("static", first_spike)]
PARTS = {
    "dense": ((10,), [dense(8), dense(6), dense(4)]),
    "conv": ((6, 5, 2), [conv(3, 3, 2, 1), pool(2, 1), conv(4, 2), dense(4)]),
    "overlapping pools": ((7, 7, 1), [pool(3, 2), conv(3, 2), pool(2, 1), dense(4)]),
}


def each_case(test):
    names = [f"{threshold}-{engine_name(engine)}" for threshold, engine in CASES]
    return pytest.mark.parametrize(("threshold", "engine"), CASES, ids=names)(test)


def one_layer(threshold, engine, seed, batch=40):
    """Run one neuron on many inputs; return activation, times and derivatives."""
    rng = np.random.default_rng(seed)
    network = build(
        (6,), [dense(1)], weights=normal_weights(rng, 2, 1), threshold=threshold
    )
    activation = random_activation(rng, batch, (6,), silent=0.2)
    recording = engine.forward(network, activation)
    gradients = engine.backward(
        network, recording, np.ones((batch, 1)), with_input=True
    )
    return network, activation, recording.times(network, 1)[:, 0], gradients


@each_case
def test_backward__derivatives_by_input_times_add_up(threshold, engine):
    n_seen = 0
    for seed in range(20):
        network, activation, times, gradients = one_layer(threshold, engine, seed)
        total = gradients.input_times.sum(axis=1)
        slope = (activation > 0) @ network.weights[0][:, 0]
        if threshold == "static":
            # A common shift of all inputs shifts the spike.
            expected = np.where(np.isfinite(times), 1.0, 0.0)
            n_seen += np.isfinite(times).sum()
        else:
            # ... the rest, 1 / (1 + S), is the pull of the window's clock.
            inside = np.isfinite(times) & (times > 1)
            with np.errstate(divide="ignore"):
                expected = np.where(inside, 1 - 1 / (1 + slope), 0.0)
            n_seen += inside.sum()
        np.testing.assert_allclose(total, expected, rtol=1e-9, atol=1e-11)
    assert n_seen > 100


@each_case
def test_backward__one_neuron_follows_the_published_formulas(threshold, engine):
    """dt/dw_i = (t_i - t) gain and dt/dt_i = w_i gain, causal inputs only."""
    n_seen = 0
    for seed in range(20):
        network, activation, times, gradients = one_layer(threshold, engine, seed, 1)
        weight, t = network.weights[0][:, 0], times[0]
        t_in = np.where(activation[0] > 0, 1 - activation[0], np.inf)
        causal = (t_in < t) & np.isfinite(t_in)
        slope = weight[causal].sum() + (threshold == "dynamic")
        has_gradient = np.isfinite(t) and not (threshold == "dynamic" and t == 1)
        gain = 1 / slope if has_gradient else 0
        d_weight = (
            np.where(causal, (np.where(causal, t_in, 0) - t) * gain, 0) if gain else 0
        )
        np.testing.assert_allclose(
            gradients.weights[0][:, 0], d_weight + np.zeros(6), rtol=1e-9, atol=1e-12
        )
        np.testing.assert_allclose(
            gradients.input_times[0], causal * weight * gain, rtol=1e-9, atol=1e-12
        )
        n_seen += has_gradient
    assert n_seen > 5


@pytest.mark.parametrize("name", ["dense", "conv"])
@each_case
def test_backward__agrees_with_differences_of_the_oracle(threshold, engine, name):
    rng = np.random.default_rng(3)
    shape, parts = PARTS[name]
    network = build(
        shape, parts, weights=normal_weights(rng, 1, 1), threshold=threshold
    )
    activation = random_activation(rng, 1, shape, silent=0.2)
    recording = engine.forward(network, activation)
    last = len(parts)
    pull = rng.normal(size=(1, 4)) * recording.fired(last)
    gradients = engine.backward(network, recording, pull, with_input=True)

    def pulled(weights, values):
        times = oracle_times(network.with_weights(weights), values)[last]
        return float((np.where(pull == 0, 0, times) * pull).sum())

    step, n_seen = 1e-5, 0
    for number in range(len(network.weights)):
        exact = gradients.weights[number].ravel()
        for i in np.argsort(-np.abs(exact))[:3]:
            sides = []
            for sign in (1, -1):
                weights = [w.copy() for w in network.weights]
                weights[number].ravel()[i] += sign * step
                sides.append(pulled(weights, activation))
            numeric = (sides[0] - sides[1]) / (2 * step)
            assert numeric == pytest.approx(exact[i], rel=1e-6, abs=1e-9)
            n_seen += abs(exact[i]) > 1e-3
    exact = gradients.input_times.ravel()
    for i in np.argsort(-np.abs(exact))[:3]:
        sides = []
        for sign in (1, -1):
            values = activation.copy()
            values.ravel()[i] -= sign * step
            sides.append(pulled(network.weights, values))
        numeric = (sides[0] - sides[1]) / (2 * step)
        assert numeric == pytest.approx(exact[i], rel=1e-6, abs=1e-9)
    assert n_seen >= 6


@pytest.mark.parametrize("name", PARTS)
@each_case
def test_backward__gradcheck_finds_no_error(threshold, engine, name):
    shape, parts = PARTS[name]
    for seed in range(3):
        rng = np.random.default_rng([seed, 4])
        network = build(
            shape,
            parts,
            weights=normal_weights(rng, 1, 1),
            threshold=threshold,
            time_window=1.5,
        )
        report = gradcheck(
            network,
            random_activation(rng, 2, shape),
            rng.integers(0, 4, 2),
            engine=engine_name(engine),
            n_entries=12,
            seed=seed,
        )
        assert report.worst_relative_error <= 1e-6
        assert report.n_checked >= 20


@pytest.mark.parametrize("readout", ["spike_time", "potential_start", "potential_end"])
def test_backward__window_readouts_and_silence_penalty(readout):
    rng = np.random.default_rng(5)
    network = build(
        (10,),
        [dense(12), dense(4)],
        weights=normal_weights(rng, 1, -0.5),
        time_window=0.6,
        readout=readout,
    )
    loss = (
        TimeCrossEntropyConfig(beta=3.0, silence_penalty=0.7)
        if readout == "spike_time"
        else PotentialCrossEntropyConfig(name="potential_cross_entropy", beta=3.0)
    )
    report = gradcheck(
        network,
        random_activation(rng, 6, (10,)),
        rng.integers(0, 4, 6),
        loss,
        n_entries=20,
    )
    assert report.engine == "window"
    assert report.worst_relative_error <= 1e-6
    assert report.n_checked >= 30


@pytest.mark.parametrize("limit", [np.inf, 1.5, 0.4])
def test_backward__clipped_derivatives_are_the_same_in_both_engines(limit):
    rng = np.random.default_rng(6)
    shape, parts = PARTS["conv"]
    network = build(shape, parts, weights=normal_weights(rng), time_window=0.7)
    activation = random_activation(rng, 3, shape)
    pull = rng.normal(size=(3, 4))
    found = [
        engine.backward(
            network,
            engine.forward(network, activation),
            pull,
            derivative_clip=limit,
            with_input=True,
        )
        for engine in (window, first_spike)
    ]
    for one, other in zip(found[0].weights, found[1].weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
        assert np.abs(one).max() > 1e-3
    np.testing.assert_allclose(
        found[0].input_times, found[1].input_times, rtol=1e-10, atol=1e-12
    )


def test_backward__clip_limits_both_factors_by_hand():
    # w = (-0.5), a = 0.5 and w = 0.25, a = 1: A = 0, S = -1/4, q = 4/3, silent; with
    # w = 0.5, a = 1: A = 1/4, S = 0, q = 1, r = 3/4.
    network = build((2,), [dense(1)], weights=lambda *_: [[-0.5], [0.5]])
    activation = np.array([[0.5, 1.0]])
    for engine in (window, first_spike):
        recording = engine.forward(network, activation)
        assert recording.times(network, 1)[0, 0] == 1.75
        for limit, factors in (
            (np.inf, (1, 0.75)),
            (0.8, (0.8, 0.75)),
            (0.5, (0.5, 0.5)),
        ):
            gradients = engine.backward(
                network, recording, np.ones((1, 1)), derivative_clip=limit
            )
            # dt/dw_i = -(a_i q + q r)
            expected = [-(a * factors[0] + factors[1]) for a in (0.5, 1.0)]
            np.testing.assert_allclose(
                gradients.weights[0][:, 0], expected, rtol=0, atol=1e-15
            )


@pytest.mark.parametrize("name", PARTS)
@each_case
def test_backward__weights_do_not_need_the_input_gradient(threshold, engine, name):
    # Training leaves the input's derivatives out and takes shorter ways.
    rng = np.random.default_rng(7)
    shape, parts = PARTS[name]
    network = build(
        shape, parts, weights=normal_weights(rng, 1, 1), threshold=threshold
    )
    recording = engine.forward(network, random_activation(rng, 20, shape))
    pull = rng.normal(size=(20, 4))
    alone = engine.backward(network, recording, pull)
    both = engine.backward(network, recording, pull, with_input=True)
    assert alone.input_times is None
    for one, other in zip(alone.weights, both.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)
        assert np.abs(one).max() > 1e-3


@each_case
def test_backward__silent_output_gives_no_gradient(threshold, engine):
    network = build(
        (3,),
        [dense(2)],
        weights=lambda t, _: -np.ones(t.weight_shape),
        threshold=threshold,
    )
    recording = engine.forward(network, np.full((2, 3), 0.5))
    gradients = engine.backward(network, recording, np.ones((2, 2)), with_input=True)
    np.testing.assert_array_equal(gradients.weights[0], 0)
    np.testing.assert_array_equal(gradients.input_times, 0)


@each_case
def test_backward__pool_hands_the_gradient_to_the_earliest(threshold, engine):
    # Pool first: the input's own spikes compete; the later of a tie gets nothing.
    network = build(
        (2, 2, 1), [pool(2), dense(1)], weights=lambda *_: [[0.75]], threshold=threshold
    )
    activation = np.array([0.25, 0.75, 0.75, 0.0]).reshape(1, 2, 2, 1)
    recording = engine.forward(network, activation)
    assert recording.times(network, 1)[0, 0] == 0.25
    gradients = engine.backward(network, recording, np.ones((1, 1)), with_input=True)
    where = np.flatnonzero(gradients.input_times)
    np.testing.assert_array_equal(where, [1])

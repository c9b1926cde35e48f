import dataclasses

import numba
import numpy as np
import pytest
from eventsim_.builders import build, dense, normal_weights, random_activation
from eventsim_.spiking_networks import random_network

from eventsim import gradcheck as module
from eventsim.config.schema import LossConfig
from eventsim.engine.first_spike import network as first_spike
from eventsim.engine.window import network as window
from eventsim.errors import ConfigError, ShapeError
from eventsim.gradcheck import gradcheck


@pytest.fixture(autouse=True)
def _one_thread():
    # Tiny batches wait longer for a second thread than they compute.
    n_threads = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(n_threads)


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    network = build((12,), [dense(9), dense(4)], weights=normal_weights(rng, 1, 1))
    return network, random_activation(rng, 4, (12,)), rng.integers(0, 4, 4)


def test_gradcheck__reports_every_layer_and_the_input(case):
    report = gradcheck(*case, n_entries=10)
    assert report.engine == "window"
    names = [layer.name for layer in report.layers]
    assert names == ["layer_1 (dense)", "layer_2 (dense)", "input times"]
    assert 0 < report.worst_relative_error <= 1e-6
    assert report.worst_relative_error == max(
        layer.worst_relative_error for layer in report.layers
    )
    assert report.n_checked == sum(layer.n_checked for layer in report.layers) >= 24
    assert "derivative_clip" in report.note
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.loss = 0


def test_gradcheck__is_repeatable_and_changes_nothing(case):
    network, activation, labels = case
    weights = [weight.copy() for weight in network.weights]
    values = activation.copy()
    first = gradcheck(network, activation, labels, n_entries=6, seed=3)
    assert gradcheck(network, activation, labels, n_entries=6, seed=3) == first
    for weight, kept in zip(network.weights, weights, strict=True):
        np.testing.assert_array_equal(weight, kept)
    np.testing.assert_array_equal(activation, values)


def test_gradcheck__checks_float32_networks_in_float64(case):
    network, activation, labels = case
    report = gradcheck(
        network.astype(np.float32), activation.astype(np.float32), labels, n_entries=6
    )
    assert report.worst_relative_error <= 1e-6


@pytest.mark.parametrize("engine", ["window", "sweep"])
@pytest.mark.parametrize("part", [0, 1, 2])
def test_gradcheck__finds_a_derivative_wrong_by_a_hundred_thousandth(
    case, monkeypatch, engine, part
):
    target = {"window": window, "sweep": first_spike}[engine]
    right = target.backward

    def wrong(*arguments, **options):
        gradients = right(*arguments, **options)
        ([*gradients.weights, gradients.input_times][part])[...] *= 1 + 1e-5
        return gradients

    monkeypatch.setattr(target, "backward", wrong)
    report = gradcheck(*case, n_entries=6, engine=engine)
    errors = [layer.worst_relative_error for layer in report.layers]
    assert errors[part] == pytest.approx(1e-5, rel=0.02)
    assert max(errors[:part] + errors[part + 1 :]) <= 1e-6


def test_gradcheck__finds_a_zero_that_should_not_be_one(case, monkeypatch):
    right = window.backward

    def wrong(*arguments, **options):
        gradients = right(*arguments, **options)
        largest = np.abs(gradients.weights[1]).argmax()
        gradients.weights[1].ravel()[largest] = 0
        return gradients

    monkeypatch.setattr(window, "backward", wrong)
    report = gradcheck(*case, n_entries=40)
    assert report.layers[1].worst_relative_error > 1e-2


def test_gradcheck__uses_beta_and_penalty_of_the_loss(case):
    plain = gradcheck(*case, n_entries=4)
    sharp = gradcheck(*case, LossConfig(beta=5.0), n_entries=4)
    assert sharp.loss != plain.loss
    assert sharp.worst_relative_error <= 1e-6


def test_gradcheck__skips_and_counts_kinks():
    # Neuron 0 reaches theta exactly when the second input arrives: 0.25 / 0.5 = 1/2
    # after the first, so neither its weights nor the times can move both ways.
    network = build(
        (2,),
        [dense(2)],
        weights=lambda *_: [[0.5, 0.75], [0.5, 0.25]],
        threshold="static",
        theta=0.25,
    )
    report = gradcheck(network, np.array([[0.75, 0.25]]), np.array([0]))
    assert [layer.n_skipped for layer in report.layers] == [2, 3]
    assert report.worst_relative_error <= 1e-6


@pytest.mark.parametrize("engine", ["sweep", "queue"])
@pytest.mark.parametrize(
    "model", ["lif", "srm_lif held", "slayer_srm", "alpha_synapse"]
)
def test_gradcheck__passes_for_neurons_of_many_spikes(model, engine):
    network = random_network("dense", [model], 4, t_end=4.0)
    activation = np.random.default_rng(0).random((3, 6))
    report = gradcheck(network, activation, np.arange(3), engine=engine, n_entries=8)
    assert report.engine == engine
    assert report.worst_relative_error <= 1e-6
    assert report.n_checked > 10


def test_gradcheck__silent_network_has_nothing_to_check():
    network = build(
        (3,), [dense(2)], weights=lambda topology, _: -np.ones(topology.weight_shape)
    )
    report = gradcheck(network, np.full((2, 3), 0.5), np.array([0, 1]))
    assert report.worst_relative_error == 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"n_entries": 0}, ShapeError, "n_entries is 0; expected at least 1"),
        (
            {"labels": np.zeros(3, int)},
            ShapeError,
            r"labels have shape \(3,\); expected",
        ),
        ({"activation": np.zeros((4, 5))}, ShapeError, r"input has shape \(4, 5\)"),
        ({"engine": "quick"}, ConfigError, "no 'quick'; expected one of auto"),
    ],
)
def test_gradcheck__refuses_bad_arguments(case, change, error, message):
    network, activation, labels = case
    arguments = {"activation": activation, "labels": labels, **change}
    with pytest.raises(error, match=message):
        gradcheck(network, **arguments)


def test_extrapolate__is_exact_for_polynomials():
    # f = x + x^3 + x^5 at 0: central differences 1 + h^2 + h^4.
    steps = [0.5 / 2**n for n in range(5)]
    found = module._extrapolate(iter([1 + h**2 + h**4 for h in steps]))
    assert found is not None
    assert found[0] == pytest.approx(1, abs=1e-14)
    assert module._extrapolate(iter([1.0, None])) is None

import dataclasses

import numpy as np
import pytest
from eventsim_.builders import build, dense, normal_weights, random_activation
from eventsim_.spiking_networks import random_network, with_layer

from eventsim.config.loss_schema import TimeCrossEntropyConfig
from eventsim.engine import engine_name
from eventsim.engine.first_spike import network as first_spike
from eventsim.engine.queue import network as queue
from eventsim.engine.sweep import network as sweep
from eventsim.engine.window import network as window
from eventsim.errors import ConfigError, ShapeError
from eventsim.gradcheck import gradcheck

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    network = build((12,), [dense(9), dense(4)], weights=normal_weights(rng, 1, 1))
    return network, random_activation(rng, 4, (12,)), rng.integers(0, 4, 4)


def test_gradcheck__reports_every_layer_and_the_input(case):
    report = gradcheck(*case, n_entries=10)
    assert report.engine == "window"
    assert report.parameters == ()
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
    sharp = gradcheck(*case, TimeCrossEntropyConfig(beta=5.0), n_entries=4)
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


# What random_network gives a layer of a model, by the names of the report.
ARRAYS = ["thresholds", "currents", "axonal delays"]
KINDS = {
    "lif": [*ARRAYS, "tau_m", "tau_s"],
    "lif held": [*ARRAYS, "tau_m", "tau_s", "refractory period"],
    "slayer_srm": [*ARRAYS, "tau_r", "tau_s"],
}


def many_spikes(model, **options):
    """Return a network whose neurons fire often, its input and labels."""
    network = random_network("dense", [model], 4, t_end=4.0, **options)
    return network, np.random.default_rng(0).random((3, 6)), np.arange(3)


@pytest.mark.parametrize("engine", ["sweep", "queue"])
@pytest.mark.parametrize(
    ("model", "synaptic_delays"),
    [("lif", True), ("lif", False), ("lif held", False), ("slayer_srm", True)],
)
def test_gradcheck__passes_for_every_kind_of_parameter(model, synaptic_delays, engine):
    case = many_spikes(model, synaptic_delays=synaptic_delays)
    report = gradcheck(*case, engine=engine, n_entries=4)
    kinds = KINDS[model].copy()
    if synaptic_delays:
        kinds.insert(3, "synaptic delays")
    assert [check.name for check in report.parameters] == kinds
    for check in report.parameters:
        assert 0 < check.worst_relative_error <= 1e-6
        assert check.n_checked >= 2
        assert check.largest_derivative > 1e-3
    assert report.unchecked == ()
    assert report.without_effect == ()


# Seeds with spikes that cross the threshold between inputs where there is a drive,
# and with inputs that take turns in setting off a spike.
JUMPING = [
    (["if_delta"], 4),
    (["if_delta held"], 1),
    (["lif_delta"], 5),
    (["lif_delta held"], 4),
    (["lif", "if_delta"], 4),
    (["if_delta held", "lif"], 2),
]


def jumping(models, seed, **options):
    """Return a network with instantaneous synapses, its input and labels."""
    network = random_network("dense", models, seed, t_end=4.0, **options)
    last = network.layers[-1].neuron
    if last.refractory:
        # The same period in both layers would end just when a spike arrives.
        neuron = dataclasses.replace(last, refractory=0.37)
        network = with_layer(network, 2, neuron=neuron)
    return network, np.random.default_rng(seed).random((3, 6)), np.arange(3)


@pytest.mark.parametrize("engine", ["sweep", "queue"])
@pytest.mark.parametrize("currents", [True, False])
@pytest.mark.parametrize(("models", "seed"), JUMPING)
def test_gradcheck__passes_for_instantaneous_synapses(models, seed, currents, engine):
    case = jumping(models, seed, currents=currents)
    report = gradcheck(*case, engine=engine, n_entries=12)
    assert report.worst_relative_error <= 1e-6
    assert report.unchecked == ()
    assert {c.name for c in report.checks if c.largest_derivative > 1e-3} >= {
        "input times",
        "axonal delays",
        "synaptic delays",
    }
    n_skipped = sum(check.n_skipped for check in report.checks)
    assert n_skipped < report.n_checked / 5


@pytest.mark.parametrize("kind", ["sparse", "conv", "average", "earliest", "flat"])
def test_gradcheck__passes_for_instantaneous_synapses_and_pools(kind):
    # With a leak: without one, neurons that share weights often fire together.
    network = random_network(kind, ["lif_delta"], 2, t_end=4.0)
    activation = np.random.default_rng(0).random((2, *network.input_shape))
    report = gradcheck(network, activation, np.arange(2), n_entries=8)
    assert report.worst_relative_error <= 1e-6
    n_skipped = sum(check.n_skipped for check in report.checks)
    assert n_skipped < report.n_checked / 5


def break_derivative(monkeypatch, engine, kind, factor):
    """Make an engine return all derivatives by one kind times a factor."""
    right = engine.backward_spikes

    def with_error(by):
        if kind in by.time_constants:
            constants = by.time_constants
            return dataclasses.replace(
                by, time_constants={**constants, kind: constants[kind] * factor}
            )
        return dataclasses.replace(by, **{kind: getattr(by, kind) * factor})

    def wrong(*arguments, **options):
        gradients = right(*arguments, **options)
        layers = tuple(map(with_error, gradients.layers))
        return dataclasses.replace(gradients, layers=layers)

    monkeypatch.setattr(engine, "backward_spikes", wrong)


@pytest.mark.parametrize("engine", [sweep, queue], ids=engine_name)
@pytest.mark.parametrize(
    ("model", "field", "kind"),
    [
        ("lif", "theta", "thresholds"),
        ("lif", "current", "currents"),
        ("lif", "delay", "axonal delays"),
        ("lif", "synaptic_delay", "synaptic delays"),
        ("lif", "tau_m", "tau_m"),
        ("lif held", "refractory", "refractory period"),
        ("slayer_srm", "tau_s", "tau_s"),
        ("slayer_srm", "tau_r", "tau_r"),
    ],
)
def test_gradcheck__names_the_parameter_whose_derivative_is_wrong(
    monkeypatch, engine, model, field, kind
):
    break_derivative(monkeypatch, engine, field, 1 + 1e-5)
    report = gradcheck(*many_spikes(model), engine=engine_name(engine), n_entries=4)
    errors = {c.name: c.worst_relative_error for c in report.checks}
    assert errors.pop(kind) == pytest.approx(1e-5, rel=0.02)
    assert max(errors.values()) <= 1e-6


@pytest.mark.parametrize("engine", [sweep, queue], ids=engine_name)
@pytest.mark.parametrize(
    ("models", "seed", "field", "kind"),
    [
        (["if_delta"], 4, "weight", "layer_2 (dense)"),
        (["if_delta"], 4, "theta", "thresholds"),
        (["if_delta"], 4, "current", "currents"),
        (["if_delta"], 4, "delay", "axonal delays"),
        (["lif_delta"], 5, "synaptic_delay", "synaptic delays"),
        (["if_delta held", "lif"], 2, "refractory", "refractory period"),
    ],
)
def test_gradcheck__finds_a_wrong_derivative_of_instantaneous_synapses(
    monkeypatch, engine, models, seed, field, kind
):
    break_derivative(monkeypatch, engine, field, 1 + 1e-5)
    report = gradcheck(*jumping(models, seed), engine=engine_name(engine), n_entries=8)
    errors = {c.name: c.worst_relative_error for c in report.checks}
    assert errors.pop(kind) == pytest.approx(1e-5, rel=0.02)
    assert max(errors.values()) <= 1e-6


def test_gradcheck__finds_a_triggered_spike_that_follows_another_input(monkeypatch):
    # As if the first arrival had set it off and not the last.
    right = sweep.backward

    def wrong(*arguments, **options):
        gradients = right(*arguments, **options)
        gradients.input_times[...] = gradients.input_times[:, ::-1].copy()
        return gradients

    monkeypatch.setattr(sweep, "backward", wrong)
    report = gradcheck(*jumping(["if_delta"], 4), n_entries=8)
    errors = {c.name: c.worst_relative_error for c in report.checks}
    assert errors.pop("input times") > 0.1
    assert max(errors.values()) <= 1e-6


def test_gradcheck__finds_a_derivative_that_is_not_a_number(monkeypatch):
    break_derivative(monkeypatch, sweep, "tau_m", np.nan)
    report = gradcheck(*many_spikes("lif"), n_entries=4)
    errors = {c.name: c.worst_relative_error for c in report.checks}
    assert errors.pop("tau_m") == np.inf
    assert max(errors.values()) <= 1e-6


def test_gradcheck__lists_only_what_a_network_has():
    case = many_spikes("lif", delays=False, synaptic_delays=False, currents=False)
    report = gradcheck(*case, n_entries=4)
    assert [c.name for c in report.parameters] == ["thresholds", "tau_m", "tau_s"]
    no_delay = tuple(
        dataclasses.replace(layer, delay=np.zeros(layer.topology.n_features))
        for layer in case[0].layers
    )
    zeros = dataclasses.replace(case[0], layers=no_delay)
    assert gradcheck(zeros, *case[1:], n_entries=4).parameters == report.parameters


def test_gradcheck__checks_thresholds_of_neurons_that_fire_once():
    # The engine of first spikes has no such derivative; the sweep of many has.
    rng = np.random.default_rng(1)
    network = build(
        (6,),
        [dense(5), dense(3)],
        weights=normal_weights(rng, 1, 1),
        threshold="static",
    )
    report = gradcheck(network, random_activation(rng, 3, (6,)), np.arange(3))
    assert report.engine == "sweep"
    (check,) = report.parameters
    assert check.name == "thresholds"
    assert check.worst_relative_error <= 1e-6
    assert check.n_checked >= 8
    assert check.largest_derivative > 1e-3


def test_gradcheck__tells_parameters_that_do_not_matter():
    # Only the first spike of the output counts, and when it is fired.
    network, activation, labels = many_spikes("lif held", synaptic_delays=False)
    layer = network.layers[0]
    layer = dataclasses.replace(
        layer,
        topology=dense(3)((6,)),
        weight=layer.weight[:, :3],
        theta=layer.theta[:3],
        current=layer.current[:3],
        delay=layer.delay[:3],
    )
    network = dataclasses.replace(network, layers=(layer,))
    report = gradcheck(network, activation, labels, n_entries=3)
    assert report.without_effect == ("axonal delays", "refractory period")
    assert report.unchecked == ()
    assert report.worst_relative_error <= 1e-6


def test_gradcheck__leaves_parameters_as_they_were():
    network, activation, labels = many_spikes("slayer_srm")
    names = ("theta", "current", "delay", "synaptic_delay")
    before = [getattr(x, name).copy() for x in network.layers for name in names]
    gradcheck(network, activation, labels, n_entries=2)
    after = [getattr(x, name) for x in network.layers for name in names]
    for one, other in zip(after, before, strict=True):
        np.testing.assert_array_equal(one, other)


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

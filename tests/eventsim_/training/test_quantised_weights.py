import numpy as np
import pytest
from eventsim_.spiking_networks import dense_network

from eventsim.optim import PlainWeights
from eventsim.quantisation import best_steps, quantised, whole_numbers_of
from eventsim.run import load_run_dataset
from eventsim.training import (
    fine_tuning_state,
    fresh_state,
    kept_network,
    start_training,
    train,
)
from eventsim.training.quantised_weights import QuantisedWeights

pytestmark = pytest.mark.usefixtures("one_thread")
STANDARDISED = [
    "network.neuron={model: srm_lif, tau_m: 4, tau_s: 2, theta: 1}",
    "network.t_end=4",
    "network.readout=spike_count",
    "loss={name: enhanced_counting, target_label: 3, target_other: 0}",
    "training.target_rate=0.5",
    "training.standardise={thresholds: trained}",
    "training.quantise={bits: 3}",
]


def plain(bits=3, per="channel"):
    network = dense_network()
    return network, QuantisedWeights(network, PlainWeights(network), bits, per)


def test_settle__rounds_the_moved_weights_with_the_steps_as_they_are():
    full, parameters = plain()
    assert parameters.arrays[0] is full.weights[0]
    steps = [layer.weight_step.copy() for layer in parameters.network.layers]
    parameters.arrays[0][...] *= 0.4
    parameters.settle()
    for layer, step, weight in zip(
        parameters.network.layers, steps, full.weights, strict=True
    ):
        np.testing.assert_array_equal(layer.weight_step, step)
        expected = np.clip(np.rint(weight / step), -3, 3) * step
        np.testing.assert_array_equal(layer.weight, expected)


def test_find_steps__follows_the_moved_weights():
    full, parameters = plain()
    parameters.arrays[0][...] *= 0.25
    parameters.find_steps()
    network = quantised(full, 3, "channel")
    for layer, expected in zip(parameters.network.layers, network.layers, strict=True):
        np.testing.assert_array_equal(layer.weight_step, expected.weight_step)
        np.testing.assert_array_equal(layer.weight, expected.weight)


def test_gradients__pass_the_rounding_but_not_absent_synapses():
    network = dense_network()
    network.weights[0][2, 3:5] = 0
    parameters = QuantisedWeights(network, PlainWeights(network), 2, "layer")
    given = [np.full(weight.shape, 2.0) for weight in network.weights]
    found = parameters.gradients(given)
    assert (found[0] == 0).sum() == 2
    assert (found[0][2, 3:5] == 0).all()
    assert (found[1] == 2).all()
    assert (given[0] == 2).all()


@pytest.mark.parametrize(
    "overrides",
    [["training.quantise={bits: 3}"], STANDARDISED],
    ids=["plain", "standardised"],
)
def test_train__runs_on_whole_multiples_and_moves_what_is_behind(
    tiny_config, overrides
):
    config = tiny_config(*overrides)
    dataset = load_run_dataset(config)
    before = [array.copy() for array in fresh_state(config, dataset).parameters.arrays]
    state = train(config, dataset, start_training(config, dataset))
    assert any(
        (new != old).any()
        for new, old in zip(state.parameters.arrays, before, strict=True)
    )
    for layer in kept_network(config, state)[0].layers:
        assert np.abs(whole_numbers_of(layer)).max() <= 3
        assert np.unique(layer.weight).size <= 7


def test_train__the_thresholds_of_standardised_weights_are_the_networks(tiny_config):
    config = tiny_config(*STANDARDISED)
    dataset = load_run_dataset(config)
    state = train(config, dataset, start_training(config, dataset))
    for layer in state.network.layers:
        assert np.ptp(layer.theta) > 0


def test_train__fits_the_steps_before_every_epoch(tiny_config):
    config = tiny_config("training.quantise={bits: 3}", "training.epochs=2")
    dataset = load_run_dataset(config)
    state = fresh_state(config, dataset)
    full = state.parameters.arrays
    fitted = []

    def note(state, _):
        layer = state.network.layers[0]
        fitted.append((layer.weight_step[0], full[0].copy()))

    train(config, dataset, state, on_epoch=note)
    assert fitted[0][0] != fitted[1][0]
    layer = state.network.layers[0]
    layer = layer.__class__(**{**vars(layer), "weight": fitted[0][1]})
    np.testing.assert_array_equal(best_steps(layer, 3, "layer"), fitted[1][0])


def test_fine_tuning_state__starts_from_the_model_and_leaves_it_alone(tiny_config):
    config = tiny_config("training.quantise={bits: 4}")
    dataset = load_run_dataset(config)
    network = fresh_state(tiny_config("seed=9"), dataset).network
    before = [array.copy() for array in network.trained_arrays]
    state = fine_tuning_state(network, config, dataset)
    for array, old in zip(state.parameters.arrays, network.weights, strict=True):
        np.testing.assert_array_equal(array, old)
        assert array is not old
    train(config, dataset, state)
    for array, old in zip(network.trained_arrays, before, strict=True):
        np.testing.assert_array_equal(array, old)

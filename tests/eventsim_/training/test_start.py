import numpy as np
import pytest

from eventsim.datasets import Split
from eventsim.errors import ConfigError, DataError
from eventsim.optim import PlainWeights, StandardisedWeights
from eventsim.run import load_run_dataset
from eventsim.training import fresh_state, start_training

pytestmark = pytest.mark.usefixtures("one_thread")
LIF = "network.neuron={model: lif, tau_m: 4, tau_s: 2, theta: 1, reset: zero}"


def test_start_training__parameters_are_the_weights_unless_asked(tiny_config):
    config = tiny_config()
    state = start_training(config, load_run_dataset(config))
    assert isinstance(state.parameters, PlainWeights)
    assert state.parameters.arrays[0] is state.network.weights[0]


def test_start_training__standardises_and_sets_thresholds(tiny_config):
    options = ["network.t_end=4", "network.layers=30-3", "loss={beta: 10}"]
    config = tiny_config(
        LIF, *options, "training.standardise={thresholds: trained}",
        "training.target_rate=0.5",
    )  # fmt: skip
    state = start_training(config, load_run_dataset(config))
    assert isinstance(state.parameters, StandardisedWeights)
    weight = state.network.weights[0]
    np.testing.assert_allclose(weight.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(weight.std(axis=0, ddof=1), 1, rtol=1e-3)
    # One threshold for all neurons of a layer, no longer that of the configuration.
    for theta in state.network.trained_arrays[2:]:
        assert np.ptp(theta) == 0
        assert theta[0] != 1


@pytest.mark.parametrize("model", ["if_delta", "lif_delta"])
def test_start_training__refuses_times_that_do_not_depend_on_weights(
    tiny_config, model
):
    tau = ", tau_m: 1" if model == "lif_delta" else ""
    neuron = f"network.neuron={{model: {model}, theta: 1{tau}}}"
    config = tiny_config(neuron, "loss={beta: 10}")
    message = rf"layer_1 \(dense 12\) has the neuron model '{model}', which fires when"
    with pytest.raises(ConfigError, match=message):
        start_training(config, load_run_dataset(config))
    driven = tiny_config(neuron, "loss={beta: 10}", "network.current=0.5")
    assert start_training(driven, load_run_dataset(driven)).epoch == 0


def test_start_training__refuses_no_samples(tiny_config):
    dataset = load_run_dataset(tiny_config())
    empty = Split(dataset.train.inputs[:0], dataset.train.labels[:0])
    changed = dataset.__class__(**{**vars(dataset), "train": empty})
    with pytest.raises(DataError, match="training set is empty; expected at least one"):
        start_training(tiny_config(), changed)


@pytest.mark.parametrize(
    "override", ["data.augment.shift=1", "data.normalise={mean: [0.1], std: [1.0]}"]
)
def test_start_training__refuses_image_options_for_other_data(tiny_config, override):
    config = tiny_config(override)
    with pytest.raises(ConfigError, match=r"config: data\.\w+ is for images"):
        start_training(config, load_run_dataset(config))


SUPERVISED = ["network.t_end=4", "loss={beta: 10}", "training.supervisory_spike={}"]
SLAYER = "network.neuron={model: slayer_srm, tau_s: 1, tau_r: 1, theta: 1}"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([SLAYER], "the output neurons have a refractory kernel"),
        (
            [LIF, "encode={coding: direct}", "network.layers=3"],
            "is driven by input curr",
        ),
        ([LIF, "loss={t_unfired: 1}"], "loss.t_unfired is 1 in a run of 4"),
    ],
)
def test_start_training__refuses_what_does_not_fit_the_network(
    tiny_config, overrides, message
):
    config = tiny_config(*SUPERVISED, *overrides)
    with pytest.raises(ConfigError, match=message):
        start_training(config, load_run_dataset(config))


def test_fresh_state__has_the_configured_thresholds(tiny_config):
    config = tiny_config(LIF, "loss={beta: 10}", "training.target_rate=0.5")
    state = fresh_state(config, load_run_dataset(config))
    for theta in state.network.trained_arrays[2:]:
        assert np.all(theta == 1)

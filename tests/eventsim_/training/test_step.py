from types import SimpleNamespace

import numpy as np
import pytest
from eventsim_.spiking_networks import dense_network

from eventsim.batches import training_batches
from eventsim.encode import activations_to_times
from eventsim.engine.buffers import Buffers
from eventsim.engine.sweep import network as sweep
from eventsim.errors import RunError
from eventsim.run import load_run_dataset
from eventsim.spikes import SpikeTrains
from eventsim.training import start_training
from eventsim.training.step import Place, _require_finite, update

NETWORK = dense_network(sizes=(2, 3, 2))


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "infinite")])
def test_update__names_layer_epoch_and_batch_of_a_gradient_that_is_not_finite(
    value, name
):
    gradients = [np.zeros_like(weight) for weight in NETWORK.weights]
    _require_finite(NETWORK, gradients, Place(3, 17))
    gradients[1][0, 1] = value
    message = rf"gradient of layer_2 \(dense 2\) is {name} in epoch 3, batch 17"
    with pytest.raises(RunError, match=message):
        _require_finite(NETWORK, gradients, Place(3, 17))


def test_update__an_exploding_gradient_is_one_whose_square_overflows():
    gradients = [np.zeros_like(w, dtype=np.float32) for w in NETWORK.weights]
    gradients[0][0, 0] = 1e30
    with pytest.raises(RunError, match=r"layer_1 .* is infinite"):
        _require_finite(NETWORK, gradients, Place(1, 1))


SPIKING = [
    "network.neuron={model: srm_lif, tau_m: 4, tau_s: 2, theta: 1}",
    "network.readout=spike_count",
    "network.layers=12-3",
    "network.t_end=4",
    "loss={name: counting}",
]


def step_of(config, dataset, lr, *, engine=sweep):
    state = start_training(config, dataset)
    batch = next(training_batches(dataset.train, config, 1))
    update(config, state, engine, batch, lr, Buffers(), Place(2, 5))


def forward_up_to_20_spikes(network, inputs, buffers):
    times = activations_to_times(inputs, inputs.dtype.type(network.time_window))
    spikes = SpikeTrains.from_first_spikes(times.reshape(len(times), -1))
    return sweep.forward_spikes(network, spikes, max_spikes=20)


def test_update__names_the_place_of_a_layer_that_fires_without_bound(tiny_config):
    config = tiny_config(*SPIKING, "training.target_rate=1")
    message = r"layer_1 \(dense 12\): its neurons fire more .* in epoch 2, batch 5"
    with pytest.raises(RunError, match=message):
        step_of(
            config, load_run_dataset(config), 0.1,
            engine=SimpleNamespace(forward=forward_up_to_20_spikes),
        )  # fmt: skip


def test_update__names_the_place_of_a_weight_scale_that_is_lost(tiny_config):
    config = tiny_config(
        *SPIKING, "training.standardise={thresholds: trained}",
        "training.target_rate=0.5",
    )  # fmt: skip
    message = (
        r"the weight scale of a unit of layer_\d .* became -.* in epoch 2, batch 5"
    )
    with pytest.raises(RunError, match=message):
        step_of(config, load_run_dataset(config), 1e6)

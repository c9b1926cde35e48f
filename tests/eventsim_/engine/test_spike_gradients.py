import numpy as np
import pytest
from eventsim_.spiking_networks import random_case, random_network

from eventsim.engine.spike_gradients import (
    by_feature,
    check_d_times,
    d_output_spikes,
    layer_gradients,
)
from eventsim.engine.spike_recording import SpikeRecording
from eventsim.engine.sweep.network import backward_spikes, forward_spikes
from eventsim.errors import ShapeError
from eventsim.neurons.constants import RateGradient
from eventsim.spikes import SpikeTrains


def recording(time, neuron, offsets, n=2):
    spikes = SpikeTrains(
        np.array(time, float), np.array(neuron, np.int32), np.array(offsets), n
    )
    return SpikeRecording((spikes, spikes), (0, 0))


def test_d_output_spikes__goes_to_the_first_spike_of_each_neuron():
    seen = recording([1, 2, 3, 1, 4], [0, 1, 0, 1, 1], [0, 3, 5])
    d_output = np.array([[10.0, 20.0], [30.0, 40.0]])
    (by_last,) = d_output_spikes(seen, d_output)
    assert by_last.tolist() == [10, 20, 0, 40, 0]


def test_check_d_times__wants_one_entry_for_each_layer():
    seen = recording([1.0], [0], [0, 1])
    check_d_times("here", seen, [None])
    check_d_times("here", seen, [np.zeros(1)])
    with pytest.raises(ShapeError, match="here: d_times has 2 entries; expected 1"):
        check_d_times("here", seen, [None, None])
    with pytest.raises(ShapeError, match=r"entry 0 of d_times has shape \(2,\)"):
        check_d_times("here", seen, [np.zeros(2)])


def test_by_feature__sums_over_the_places_of_a_channel():
    assert by_feature(np.arange(6.0), 2).tolist() == [0 + 2 + 4, 1 + 3 + 5]


def test_layer_gradients__currents_know_tau_m():
    # lif: drive = current / tau_m with tau_m = 2.
    layer = random_network("dense", ["lif"], 0).layers[0]
    drive = np.arange(5.0)
    found = layer_gradients(
        layer,
        np.zeros(30),
        np.zeros(5),
        drive,
        np.zeros(5),
        np.zeros(30),
        RateGradient(),
        0.0,
    )
    assert found.current.tolist() == (drive / 2).tolist()
    by_scale = float(layer.current @ drive)
    assert found.time_constants["tau_m"] == pytest.approx(-by_scale / 4)
    assert found.synaptic_delay.shape == (6, 5)


def test_for_training__gives_weights_and_times_in_their_shapes():
    case = random_case("conv", ["lif"], 1, with_values=False)
    first = case.spikes.first_spikes()
    spikes = SpikeTrains.from_first_spikes(first)
    seen = forward_spikes(case.network, spikes)
    ones = np.ones(seen.trains[-1].time.size)
    found = backward_spikes(case.network, seen, [None, ones])
    given = found.for_training(case.network.astype(np.float32), spikes, True)
    assert [w.dtype for w in given.weights] == [np.float32] * 2
    assert given.input_times.shape == (2, 5, 4, 2)
    assert given.input_times.sum() == pytest.approx(found.input_time.sum())
    assert not given.input_times.reshape(2, -1)[np.isinf(first)].any()
    assert found.for_training(case.network, spikes, False).input_times is None

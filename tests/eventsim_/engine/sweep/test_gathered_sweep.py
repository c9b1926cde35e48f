from dataclasses import replace

import numba
import numpy as np
import pytest
from eventsim_.gathered_layers import random_case, random_trains, static, with_layer
from oracles import layer_oracle

from eventsim.engine.fan_in import fan_in
from eventsim.engine.sweep import spike_regions
from eventsim.engine.sweep.gathered_sweep import (
    GatheredLayer,
    gathered_backward,
    gathered_forward,
)
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.neurons import model_of
from eventsim.spikes import SpikeTrains
from eventsim.topology import Conv2d, Dense


def layer_of(neuron, table, weight, theta=1.0, drive=0.0):
    n_out = table.n_out
    return GatheredLayer(
        model_of(neuron).dynamics(neuron),
        table,
        weight.ravel(),
        None,
        np.full(n_out, theta),
        np.full(n_out, drive),
    )


def large_case(batch=5):
    """Return a dense layer with many bursts, so that regions overflow."""
    rng = np.random.default_rng(0)
    neuron = static("lif", tau_m=2.0, tau_s=1.0, reset="zero")
    weight = rng.normal(0.5, 1.0, (20, 70))
    spikes = random_trains(rng, batch, 20, 60, 5.0, with_values=True)
    return layer_of(neuron, fan_in(Dense((20,), 70)), weight), spikes


def sample_of(spikes, b):
    """Return one sample of a batch."""
    mine = slice(spikes.offsets[b], spikes.offsets[b + 1])
    value = None if spikes.value is None else spikes.value[mine]
    offsets = np.array([0, mine.stop - mine.start])
    return SpikeTrains(
        spikes.time[mine], spikes.neuron[mine], offsets, spikes.n_neurons, value
    )


def test_spikes__are_in_order_of_time_then_neuron():
    neuron = static("if_delta")
    table = fan_in(Dense((2,), 3))
    weight = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 1.0]])
    spikes = SpikeTrains.from_first_spikes(np.array([[2.0, 1.0], [1.0, 1.0]]))
    found = gathered_forward(layer_of(neuron, table, weight), spikes, 9.0).spikes
    assert found.time.tolist() == [1, 1, 2, 2, 2, 1, 1, 1, 1, 1]
    assert found.neuron.tolist() == [0, 2, 1, 1, 2, 0, 1, 1, 2, 2]
    assert found.offsets.tolist() == [0, 5, 10]


def test_forward__finds_bursts_that_need_more_room(monkeypatch):
    monkeypatch.setattr(spike_regions, "SPIKES_PER_NEURON", 2)
    layer, spikes = large_case()
    found = gathered_forward(layer, spikes, 8.0)
    assert found.spikes.time.size > 5 * (2 * 70 + 64)
    assert found.spikes.counts().max() > 20
    for b in range(spikes.batch):
        mine = slice(found.spikes.offsets[b], found.spikes.offsets[b + 1])
        alone = gathered_forward(layer, sample_of(spikes, b), 8.0)
        np.testing.assert_array_equal(alone.spikes.time, found.spikes.time[mine])
        np.testing.assert_array_equal(alone.spikes.neuron, found.spikes.neuron[mine])
        np.testing.assert_array_equal(alone.n_before, found.n_before[mine])
        np.testing.assert_array_equal(alone.kind, found.kind[mine])


def test_gradients__add_over_samples():
    layer, spikes = large_case()
    found = gathered_forward(layer, spikes, 8.0)
    d_time = np.random.default_rng(1).normal(size=found.spikes.time.size)
    both = gathered_backward(layer, spikes, found, d_time)
    weight, theta, input_time = 0.0, 0.0, []
    for b in range(spikes.batch):
        mine = slice(found.spikes.offsets[b], found.spikes.offsets[b + 1])
        sample = sample_of(spikes, b)
        alone = gathered_backward(
            layer, sample, gathered_forward(layer, sample, 8.0), d_time[mine]
        )
        weight, theta = weight + alone.weight, theta + alone.theta
        input_time.append(alone.input_time)
    np.testing.assert_allclose(both.weight, weight, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(both.theta, theta, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(both.input_time, np.concatenate(input_time))


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread")
def test_results__do_not_depend_on_threads():
    layer, spikes = large_case()
    results = []
    for n_threads in (1, 2):
        numba.set_num_threads(n_threads)
        found = gathered_forward(layer, spikes, 8.0)
        gradients = gathered_backward(
            layer, spikes, found, np.ones(found.spikes.time.size)
        )
        results.append((found.spikes.time, found.spikes.neuron, gradients.weight))
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_convolution__shares_the_gradient_of_its_weights():
    """It is the dense layer with the same synapses, whose gradients are summed."""
    rng = np.random.default_rng(2)
    neuron = static("lif", tau_m=2.0, tau_s=0.7, reset="subtract")
    topology = Conv2d((4, 5, 2), 3, (2, 3), 1, 1)
    table = fan_in(topology)
    weight = rng.normal(1.0, 1.0, topology.weight_shape)
    dense = np.zeros((table.n_in, table.n_out))
    target = np.repeat(np.arange(table.n_out), np.diff(table.offsets))
    dense[table.source, target] = weight.ravel()[table.slot]
    spikes = random_trains(rng, 3, table.n_in, 50, 4.0, with_values=False)
    conv_layer = layer_of(neuron, table, weight)
    dense_layer = layer_of(neuron, fan_in(Dense((table.n_in,), table.n_out)), dense)
    by_conv = gathered_forward(conv_layer, spikes, 6.0)
    by_dense = gathered_forward(dense_layer, spikes, 6.0)
    np.testing.assert_array_equal(by_conv.spikes.neuron, by_dense.spikes.neuron)
    np.testing.assert_allclose(by_conv.spikes.time, by_dense.spikes.time, rtol=1e-12)
    d_time = rng.normal(size=by_conv.spikes.time.size)
    of_conv = gathered_backward(conv_layer, spikes, by_conv, d_time)
    of_dense = gathered_backward(dense_layer, spikes, by_dense, d_time)
    by_synapse = of_dense.weight.reshape(dense.shape)[table.source, target]
    expected = np.bincount(table.slot, by_synapse, table.n_weights)
    np.testing.assert_allclose(of_conv.weight, expected, rtol=1e-7, atol=1e-9)


def test_scaled_weights_and_thresholds__leave_the_spikes_where_they_are():
    case = random_case("lif held driven", 2)
    factor = 8.0  # a power of 2: no rounding
    scaled = with_layer(
        case,
        weight=factor * case.layer.weight,
        theta=factor * case.layer.theta,
        drive=factor * case.layer.drive,
    )
    one, other = (gathered_forward(c.layer, c.spikes, c.t_end) for c in (case, scaled))
    assert one.spikes.time.size > 5
    np.testing.assert_allclose(other.spikes.time, one.spikes.time, rtol=1e-13)


@pytest.mark.parametrize("factor", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("tau", [None, 3.0])
def test_delta_neurons_on_integer_times__are_the_discrete_ones(tau, factor):
    """A spike per step at most, whatever is above the threshold stays."""
    rng = np.random.default_rng(int(10 * factor))
    n_in, n_out, n_steps = 6, 10, 25
    weight = rng.normal(0.25, 0.5, (n_in, n_out)) * (1 if tau is None else 2)
    fired = rng.random((n_steps, n_in)) < 0.5
    step, source = np.nonzero(fired)
    spikes = SpikeTrains(
        step + 1.0, source.astype(np.int32), np.array([0, step.size]), n_in
    )
    constants = {"refractory": 1.0, "threshold_factor": factor}
    if tau is None:
        neuron, decay, scale = static("if_delta", **constants), None, 1.0
    else:
        neuron = static("lif_delta", tau_m=tau, **constants)
        decay = np.exp(-1 / tau)
        scale = 1 - decay
    layer = layer_of(neuron, fan_in(Dense((n_in,), n_out)), scale * weight, theta=0.7)
    found = gathered_forward(layer, spikes, float(n_steps)).spikes
    currents = fired @ weight
    n_spikes = 0
    for o in range(n_out):
        expected = layer_oracle.discrete_spikes(currents[:, o], 0.7, factor, decay)
        assert found.time[found.neuron == o].tolist() == expected
        n_spikes += len(expected)
    assert n_spikes > 20


def test_no_input__gives_only_what_the_drive_makes():
    neuron = static("if_delta")
    table = fan_in(Dense((2,), 2))
    empty = SpikeTrains.from_first_spikes(np.full((3, 2), np.inf))
    silent = layer_of(neuron, table, np.ones(4))
    found = gathered_forward(silent, empty, 2.0)
    assert found.spikes.offsets.tolist() == [0, 0, 0, 0]
    gradients = gathered_backward(silent, empty, found, np.empty(0))
    assert not gradients.weight.any()
    driven = layer_of(neuron, table, np.ones(4), drive=1.0)
    found = gathered_forward(driven, empty, 2.0)
    assert found.spikes.time.tolist() == [1, 1, 2, 2] * 3
    gradients = gathered_backward(driven, empty, found, np.ones(12))
    np.testing.assert_allclose(gradients.drive, 3 * np.array([-3.0, -3.0]))


def test_too_many_spikes__are_refused():
    neuron = static("if_delta")
    table = fan_in(Dense((1,), 2))
    spikes = SpikeTrains.from_first_spikes(np.array([[1.0]]))
    layer = layer_of(neuron, table, np.array([10.0, 11.0]))
    assert gathered_forward(layer, spikes, 9.0, max_spikes=21).kind.size == 21
    with pytest.raises(SimulationLimitError, match="fire more than 20 times"):
        gathered_forward(layer, spikes, 9.0, max_spikes=20)
    runaway = layer_of(neuron, table, np.array([1e300, 0.0]))
    with pytest.raises(SimulationLimitError, match="fire more than 1000 times"):
        gathered_forward(runaway, spikes, 9.0, max_spikes=1000)


def test_layer__refuses_arrays_that_do_not_fit():
    layer = layer_of(static("if_delta"), fan_in(Dense((2,), 2)), np.ones(4))
    with pytest.raises(ShapeError, match=r"weight has shape \(3,\); expected \(4,\)"):
        replace(layer, weight=np.ones(3))
    with pytest.raises(ShapeError, match="theta has values that are not finite"):
        replace(layer, theta=np.array([1.0, np.inf]))
    with pytest.raises(ShapeError, match=r"a threshold is 0\.0; expected positive"):
        replace(layer, theta=np.array([1.0, 0.0]))
    with pytest.raises(ShapeError, match=r"a delay is -1\.0; expected a time"):
        replace(layer, delay=np.array([1.0, 0.0, -1.0, 2.0]))


def test_run__refuses_input_that_does_not_fit():
    layer = layer_of(static("if_delta"), fan_in(Dense((2,), 2)), np.ones(4))
    with pytest.raises(ShapeError, match="of 3 neurons; expected 2"):
        gathered_forward(layer, SpikeTrains.from_first_spikes(np.ones((1, 3))), 1.0)
    with pytest.raises(ShapeError, match=r"an input spike is at -1\.0"):
        gathered_forward(layer, SpikeTrains.from_first_spikes(-np.ones((1, 2))), 1.0)
    with pytest.raises(ShapeError, match="the end is at inf"):
        gathered_forward(layer, SpikeTrains.from_first_spikes(np.ones((1, 2))), np.inf)


def test_backward__refuses_options_that_do_not_fit():
    layer = layer_of(static("if_delta"), fan_in(Dense((2,), 2)), np.ones(4))
    spikes = SpikeTrains.from_first_spikes(np.ones((1, 2)))
    found = gathered_forward(layer, spikes, 9.0)
    d_time = np.ones(found.spikes.time.size)
    with pytest.raises(ShapeError, match=r"d_time has shape \(5,\)"):
        gathered_backward(layer, spikes, found, np.ones(5))
    with pytest.raises(ShapeError, match="slope_clip is 0; expected a positive"):
        gathered_backward(layer, spikes, found, d_time, slope_clip=0)
    with pytest.raises(ShapeError, match="exponential_slope is -1; expected a pos"):
        gathered_backward(layer, spikes, found, d_time, exponential_slope=-1)
    with pytest.raises(ShapeError, match="expected srm_lif"):
        gathered_backward(layer, spikes, found, d_time, exponential_slope=1.0)

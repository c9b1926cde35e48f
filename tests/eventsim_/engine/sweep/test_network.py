"""The multi-spike sweep by itself; against the queue in queue/test_network.py."""

from dataclasses import replace

import numba
import numpy as np
import pytest
from eventsim_.builders import build, conv, dense, flatten, normal_weights, pool
from eventsim_.gathered_layers import static
from eventsim_.spiking_networks import random_case, random_network, with_layer

from eventsim.engine.first_spike import network as first_spike
from eventsim.engine.sweep import network as sweep
from eventsim.engine.sweep.network import (
    backward,
    backward_spikes,
    forward,
    forward_spikes,
)
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.network import Layer, Network
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, Conv2d, Dense, EarliestPool

RELPSP = static("relpsp")


def trains(*samples, n=2, value=None):
    """Return input spikes from a list of (time, neuron) for each sample."""
    time = [t for sample in samples for t, _ in sample]
    neuron = [i for sample in samples for _, i in sample]
    offsets = np.cumsum([0, *map(len, samples)])
    value = None if value is None else np.array(value, float)
    return SpikeTrains(
        np.array(time, float), np.array(neuron, np.int32), offsets, n, value
    )


def ramp(topology, weight, theta=1.0, **arrays):
    """Return a layer of ramp neurons: the potential rises by the weights so far."""
    return Layer(
        topology.kind,
        topology,
        RELPSP,
        np.array(weight, float).reshape(topology.weight_shape),
        np.full(topology.n_features, theta),
        **arrays,
    )


# ---- spike times by hand


def test_forward_spikes__delays_add_up():
    # Weight 1 from t = 0 reaches 1 at 1. Axon 0.5: the second layer starts at 1.5,
    # synapse 0.25: at 1.75, and fires at 2.75.
    network = Network(
        (1,),
        (
            ramp(Dense((1,), 1), [1], delay=np.array([0.5])),
            ramp(Dense((1,), 1), [1], synaptic_delay=np.array([[0.25]])),
        ),
        t_end=4.0,
    )
    seen = forward_spikes(network, trains([(0, 0)], n=1))
    assert [train.time.tolist() for train in seen.trains] == [[0], [1], [2.75]]


def test_forward_spikes__a_value_scales_the_weight():
    network = Network((1,), (ramp(Dense((1,), 1), [1]),), t_end=5.0)
    seen = forward_spikes(network, trains([(0, 0)], [(0, 0)], n=1, value=[2, 0.25]))
    assert seen.trains[1].time.tolist() == [0.5, 4.0]


def test_forward_spikes__the_end_of_the_run_counts():
    network = Network((1,), (ramp(Dense((1,), 1), [1]),), t_end=1.0)
    spikes = trains([(0, 0)], [(1e-14, 0)], n=1)
    assert forward_spikes(network, spikes).trains[1].offsets.tolist() == [0, 1, 1]


def pooled(pool):
    """Return a network that pools a map of two by two inputs for one neuron."""
    layers = (Layer("pool", pool), ramp(Dense(pool.output_shape, 1), [1]))
    return Network((2, 2, 1), layers, t_end=9.0)


def test_forward_spikes__an_earliest_pool_passes_one_spike():
    # Neurons 2 and 1 fire together at 0.5, 1 is first in the window; 3 fires later.
    spikes = trains([(0.5, 2), (0.5, 1), (0.7, 3), (0.9, 1)], [], n=4)
    network = pooled(EarliestPool((2, 2, 1), 2, 2))
    seen = forward_spikes(network, spikes)
    assert seen.trains[1].time.tolist() == [0.5]
    assert seen.trains[1].offsets.tolist() == [0, 1, 1]
    assert seen.trains[2].time.tolist() == [1.5]
    by = backward_spikes(network, seen, [None, np.ones(1)])
    # Of the input spikes as given, the second won.
    assert by.input_time.tolist() == [0, 1, 0, 0]


def test_forward_spikes__an_average_pool_passes_every_spike():
    # Slopes 1/4 from 0, 1/2 from 1, 3/4 from 2 on: u(2) = 3/4, 1 at 2 + 1/3.
    spikes = trains([(0, 0), (1, 3), (2, 0)], n=4)
    seen = forward_spikes(pooled(AveragePool((2, 2, 1), 2, 2)), spikes)
    assert seen.trains[1].time.tolist() == [0, 1, 2]
    assert seen.trains[1].value.tolist() == [0.25] * 3
    np.testing.assert_allclose(seen.trains[2].time, [2 + 1 / 3], rtol=1e-15)


def test_forward_spikes__pools_show_when_spikes_arrive():
    layers = (
        ramp(Conv2d((2, 2, 1), 1, (1, 1)), [1], delay=np.array([0.5])),
        Layer("pool", AveragePool((2, 2, 1), 2, 2)),
        ramp(Dense((1, 1, 1), 1), [4]),
    )
    network = Network((2, 2, 1), layers, t_end=2.4)
    # Fired at 1 and 2, the second arrives at 2.5, after the end.
    seen = forward_spikes(network, trains([(0, 0), (1, 1)], n=4))
    assert seen.trains[1].time.tolist() == [1, 2]
    assert seen.trains[2].time.tolist() == [1.5]
    assert seen.trains[3].time.tolist() == []


def test_forward_spikes__counts_silent_neurons_and_spikes():
    network = Network((2,), (ramp(Dense((2,), 2), [[1, 0], [0, -1]]),), t_end=9.0)
    seen = forward_spikes(network, trains([(0, 0), (0, 1)], [(0, 1)]))
    assert seen.counts(1).tolist() == [1, 0]
    assert seen.fired(1).tolist() == [[True, False], [False, False]]
    assert seen.n_silent(1) == 3
    assert seen.times(network, 1).tolist() == [[1, np.inf], [np.inf, np.inf]]


def test_forward_spikes__counts_grazing_crossings():
    # The alpha-shaped answer w t exp(-t) touches its height w / e at t = 1.
    neuron = static("lif", tau_m=1.0, tau_s=1.0, reset="zero")
    layer = replace(ramp(Dense((1,), 1), [np.e]), neuron=neuron, theta=np.ones(1))
    network = Network((1,), (layer,), t_end=9.0)
    higher = with_layer(network, 1, theta=np.array([1 - 1e-15]))
    seen = forward_spikes(higher, trains([(0, 0)], n=1))
    assert seen.trains[1].time.size == 1
    assert seen.n_grazing == (0, 1)


# ---- against the first-spike sweep


@pytest.mark.parametrize("seed", range(3))
def test_forward__agrees_with_the_first_spike_sweep(seed):
    rng = np.random.default_rng(seed)
    network = build(
        (6, 6, 1),
        [conv(3, 3), pool(2), flatten(), dense(4)],
        weights=normal_weights(rng),
        threshold="static",
        t_end=[None, 2.0, 5.0][seed],
    )
    activation = rng.random((3, 6, 6, 1))
    one, two = (engine.forward(network, activation) for engine in (first_spike, sweep))
    d_output = rng.normal(size=(3, 4))
    by_one, by_two = (
        engine.backward(network, recording, d_output, with_input=True)
        for engine, recording in ((first_spike, one), (sweep, two))
    )
    for k in range(5):
        np.testing.assert_allclose(
            one.times(network, k), two.times(network, k), rtol=1e-13
        )
        assert np.array_equal(one.counts(k), two.counts(k))
    assert one.fired(4).any()
    for a, b in zip(by_one.weights, by_two.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(by_one.input_times, by_two.input_times, atol=1e-13)


def test_backward__clips_the_same_slopes_as_the_first_spike_sweep():
    network = Network((1,), (ramp(Dense((1,), 2), [[2, 0.5]]),), t_end=9.0)
    activation = np.array([[0.75]])
    for engine in (first_spike, sweep):
        seen = engine.forward(network, activation)
        clipped, exact = (
            engine.backward(network, seen, np.ones((1, 2)), **options).weights[0]
            for options in ({"slope_clip": 1.0}, {})
        )
        # dT/dw = -(T - t) / w: 1/2 s and 2 s of rise, and 1/w is 1/2 and 2.
        np.testing.assert_allclose(exact, [[-0.25, -4.0]], rtol=1e-14)
        np.testing.assert_allclose(clipped, [[-0.25, -2.0]], rtol=1e-14)


# ---- invariance


@pytest.mark.parametrize("kind", ["dense", "average", "earliest"])
def test_results__do_not_depend_on_batches_or_threads(kind):
    case = random_case(kind, ["lif", "if_delta held"], 5, batch=6)
    results = []
    for n_threads in (1, min(2, numba.config.NUMBA_NUM_THREADS)):
        numba.set_num_threads(n_threads)
        seen = forward_spikes(case.network, case.spikes)
        ones = np.ones(seen.trains[-1].time.size)
        d_times = [None] * (len(case.network.layers) - 1) + [ones]
        by = backward_spikes(case.network, seen, d_times)
        results.append((seen, by))
    numba.set_num_threads(1)
    (seen, by), (other, by_other) = results
    for a, b in zip(seen.trains, other.trains, strict=True):
        assert a.time.tobytes() == b.time.tobytes()
    assert by.layers[0].weight.tobytes() == by_other.layers[0].weight.tobytes()
    offsets, times, by_input = case.spikes.offsets, [], []
    for b in range(6):
        part = slice(offsets[b], offsets[b + 1])
        alone = SpikeTrains(
            case.spikes.time[part],
            case.spikes.neuron[part],
            np.array([0, part.stop - part.start]),
            case.spikes.n_neurons,
            case.spikes.value[part],
        )
        one = forward_spikes(case.network, alone)
        times.append(one.trains[-1].time)
        ones = np.ones(times[-1].size)
        by_input.append(
            backward_spikes(
                case.network, one, [None] * (len(case.network.layers) - 1) + [ones]
            ).input_time
        )
    assert np.concatenate(times).tobytes() == seen.trains[-1].time.tobytes()
    assert np.concatenate(by_input).tobytes() == by.input_time.tobytes()


def test_forward_spikes__an_empty_sample_is_silent():
    network = random_network("conv", ["lif"], 0, currents=False)
    empty = SpikeTrains(np.empty(0), np.empty(0, np.int32), np.zeros(3, int), 40)
    seen = forward_spikes(network, empty)
    assert all(train.time.size == 0 for train in seen.trains)
    by = backward_spikes(network, seen, [None, np.empty(0)])
    assert not by.layers[0].weight.any()


# ---- the interface of the trainer


def test_forward__gives_the_first_of_several_output_spikes_to_the_loss():
    neuron = static("lif", tau_m=2.0, tau_s=1.0, reset="zero")
    layer = replace(ramp(Dense((1,), 2), [[9.0, -1.0]]), neuron=neuron)
    network = Network((1,), (layer,), t_end=9.0)
    seen = forward(network, np.array([[0.5]]))
    assert seen.trains[1].time.size > 1
    assert seen.times(network, 1)[0].tolist() == [seen.trains[1].time[0], np.inf]
    by = backward(network, seen, np.array([[1.0, 7.0]]), with_input=True)
    first = backward_spikes(
        network, seen, [np.eye(1, seen.trains[1].time.size).ravel()]
    )
    assert np.array_equal(by.weights[0], first.layers[0].weight)
    assert by.input_times[0, 0] == pytest.approx(1, abs=1e-12)


def test_forward__float32_times_are_near():
    network = random_network("dense", ["lif"], 2, delays=False, synaptic_delays=False)
    activation = np.random.default_rng(0).random((4, 6))
    exact = forward(network, activation)
    near = forward(network.astype(np.float32), activation.astype(np.float32))
    assert exact.trains[-1].time.size > 4
    for a, b in zip(exact.trains, near.trains, strict=True):
        assert np.array_equal(a.offsets, b.offsets)
        np.testing.assert_allclose(a.time, b.time, rtol=1e-4)
    by = backward(network.astype(np.float32), near, np.ones((4, 3)))
    assert by.weights[0].dtype == np.float32


# ---- what is refused


def broken(**changes):
    return with_layer(random_network("average", ["lif"], 0), 1, **changes)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            broken(neuron=static("lif", tau_m=2.0)),
            r"layer_1 \(conv2d\): neuron lif: tau_s is None; expected a positive",
        ),
        (
            build((2,), [dense(1)], weights=lambda t, _: np.ones(t.weight_shape)),
            "layer_1.*has the dynamic threshold.*expected the static",
        ),
        (
            Network(
                (4, 4, 1),
                (
                    Layer("mean", AveragePool((4, 4, 1), 2, 2)),
                    Layer("first", EarliestPool((2, 2, 1), 2, 1)),
                    ramp(Dense((1, 1, 1), 1), [1]),
                ),
            ),
            "first passes the earliest spike.*behind mean, which averages",
        ),
        (
            Network((1,), (ramp(Dense((1,), 1), [1]),), readout="potential_end"),
            "readout 'potential_end' of dense.*expected 'spike_time'",
        ),
    ],
)
def test_require_runnable__names_the_layer(network, message):
    with pytest.raises(ShapeError, match=message):
        sweep.require_runnable(network)


@pytest.mark.parametrize(
    ("spikes", "message"),
    [
        (trains([(0, 0)], n=3), "1 samples of 3 neurons; expected at least one sample"),
        (trains(n=1), "0 samples of 1 neurons; expected at least one"),
        (trains([(-1, 0)], n=1), "an input spike comes at -1.0; expected times from 0"),
    ],
)
def test_forward_spikes__refuses_bad_input(spikes, message):
    network = Network((1,), (ramp(Dense((1,), 1), [1]),))
    with pytest.raises(ShapeError, match=message):
        forward_spikes(network, spikes)


def test_forward_spikes__refuses_graded_spikes_before_an_earliest_pool():
    spikes = trains([(0, 0)], n=4, value=[0.5])
    with pytest.raises(ShapeError, match=r"pool: pool: it passes.*gets.*value 0.5;"):
        forward_spikes(pooled(EarliestPool((2, 2, 1), 2, 2)), spikes)


def test_forward_spikes__stops_at_too_many_spikes():
    case = random_case("dense", ["lif"], 0)
    with pytest.raises(SimulationLimitError, match=r"layer_1 \(dense\): .*more than 3"):
        forward_spikes(case.network, case.spikes, max_spikes=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"derivative_clip": 3.0}, "derivative_clip with the static threshold"),
        ({"d_potential_end": np.ones(1)}, "silence_penalty .* static threshold"),
        ({"slope_clip": 0.0}, "slope_clip is 0.0; expected a positive number"),
        ({"exponential_slope": 1.0}, "exponential_slope was asked for.*srm_lif"),
    ],
)
def test_backward__refuses_options_of_others(options, message):
    network = random_network("dense", ["lif"], 0)
    seen = forward(network, np.full((1, 6), 0.5))
    with pytest.raises(ShapeError, match=message):
        backward(network, seen, np.ones((1, 3)), **options)

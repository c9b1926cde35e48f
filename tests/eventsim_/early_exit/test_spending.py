"""Operations counted over time against loops over spikes and synapses."""

from dataclasses import replace

import numpy as np
import pytest
from eventsim_.spiking_networks import KINDS, random_case

from eventsim.early_exit.spending import operations_of, spikes_of
from eventsim.early_exit.trace import Trace
from eventsim.engine import record
from eventsim.model_file import Activity, ModelFile
from eventsim.topology import AveragePool, Conv2d, Dense, EarliestPool, Sparse
from hwmodel import estimate_model, load_chip

pytestmark = pytest.mark.usefixtures("one_thread")


def trace_of(kind, seed=1, **options):
    case = random_case(kind, ["lif"], seed, batch=3, **options)
    trains = record(case.network, case.spikes).trains
    return Trace(case.network, trains, np.zeros(3, int))


def synapses(topology):
    """Every (input neuron, flat weight) pair, by loops."""
    if isinstance(topology, Sparse):
        return list(enumerate(topology.pre.tolist()))
    shape = topology.weight_shape
    if isinstance(topology, Dense):
        return [(i * shape[1] + o, i) for i in range(shape[0]) for o in range(shape[1])]
    assert isinstance(topology, Conv2d)
    height, width, n_in = topology.input_shape
    found = []
    for oy, ox in np.ndindex(*topology.output_shape[:2]):
        for ky, kx, i, o in np.ndindex(*shape):
            y = oy * topology.stride + ky - topology.padding
            x = ox * topology.stride + kx - topology.padding
            if 0 <= y < height and 0 <= x < width:
                weight = np.ravel_multi_index((ky, kx, i, o), shape)
                found.append((int(weight), (y * width + x) * n_in + i))
    return found


def arrivals(trace, b):
    """Times at which one sample's spikes arrive at synapses, one by one."""
    network, found = trace.network, []
    sent = [(t, n, 0.0) for t, n in zip(*spikes_at(trace, 0, b), strict=True)]
    for k, layer in enumerate(network.layers, start=1):
        topology = layer.topology
        if isinstance(topology, AveragePool):
            size, (_, width, channels) = topology.size, topology.input_shape
            windows = [
                (((y * topology.stride + dy) * width + x * topology.stride + dx)
                 * channels + c, (y * topology.output_shape[1] + x) * channels + c)
                for y, x, c in np.ndindex(*topology.output_shape)
                for dy, dx in np.ndindex(size, size)
            ]  # fmt: skip
            sent = [(t, w, d) for t, n, d in sent for i, w in windows if i == n]
        elif isinstance(topology, EarliestPool):
            sent = [(t, n, 0.0) for t, n in zip(*spikes_at(trace, k, b), strict=True)]
        elif topology.has_neurons:
            extra = np.zeros(topology.weight_shape).ravel()
            if layer.synaptic_delay is not None:
                extra = layer.synaptic_delay.ravel()
            for slot, pre in synapses(topology):
                found += [t + (d + extra[slot]) for t, n, d in sent if n == pre]
            delay = np.zeros(topology.n_features)
            if layer.delay is not None:
                delay = layer.delay
            sent = [
                (t, n, delay[n % delay.size])
                for t, n in zip(*spikes_at(trace, k, b), strict=True)
            ]
    return np.array([t for t in found if t <= network.duration])


def spikes_at(trace, k, b):
    one = trace.trains[k].samples(b, b + 1)
    return one.time.tolist(), one.neuron.tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("synaptic", [True, False])
@pytest.mark.parametrize("delays", [True, False])
def test_operations_of__counts_every_arrival(kind, synaptic, delays):
    trace = trace_of(kind, delays=delays, synaptic_delays=synaptic)
    tally = operations_of(trace)
    times = np.linspace(0, trace.network.duration, 7)
    found = tally.until(np.tile(times[:, None], 3))
    for b in range(3):
        expected = arrivals(trace, b)
        assert found[:, b].tolist() == [int(np.sum(expected <= t)) for t in times]
        assert tally.all[b] == expected.size
        # Boundaries count.
        t = expected[expected.size // 2]
        assert tally.until(np.full(3, t))[b] == np.sum(expected <= t)


def test_spikes_of__counts_neurons_and_no_pools():
    trace = trace_of("earliest")
    tally = spikes_of(trace)
    for b in range(3):
        times = np.concatenate([spikes_at(trace, k, b)[0] for k in (1, 3)])
        assert tally.all[b] == times.size
        middle = float(np.median(times))
        assert tally.until(np.full(3, middle))[b] == np.sum(times <= middle)


def test_tally__of_samples_without_a_spike():
    trace = trace_of("dense", currents=False)
    silent = replace(
        trace,
        trains=tuple(
            type(t)(np.empty(0), np.empty(0, np.int32), np.zeros(4, int), t.n_neurons)
            for t in trace.trains
        ),
    )
    for tally in (spikes_of(silent), operations_of(silent)):
        assert tally.all.tolist() == [0, 0, 0]
        assert tally.until(np.full(3, 5.0)).tolist() == [0, 0, 0]


def test_operations_of__are_those_that_the_hardware_model_prices():
    trace = trace_of("conv", delays=False, synaptic_delays=False)
    counts = tuple(train.counts() for train in trace.trains)
    activity = Activity("test", 3, counts, trace.network.duration)
    model = ModelFile(trace.network, activity=activity)
    estimate = estimate_model(model, load_chip("truenorth"))
    assert operations_of(trace).all.sum() == estimate.counts.sops

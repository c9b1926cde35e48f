"""Queue, readable queue and sweep: the same spikes and the same derivatives."""

import numpy as np
import pytest
from eventsim_.builders import build, dense
from eventsim_.gathered_layers import NEURONS
from eventsim_.spiking_networks import KINDS, random_case, random_network
from hypothesis import given, settings
from hypothesis import strategies as st

from eventsim.engine.queue import network as queue
from eventsim.engine.queue.network_circuit import circuit_of
from eventsim.engine.queue.reference import QueueSimulator
from eventsim.engine.sweep import network as sweep
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.spikes import SpikeTrains

TOLERANCE = 1e-12
MODELS = st.lists(st.sampled_from(sorted(NEURONS)), min_size=1, max_size=2)


def one_sample(spikes, b):
    """Return a sample by itself."""
    part = slice(spikes.offsets[b], spikes.offsets[b + 1])
    return SpikeTrains(
        spikes.time[part],
        spikes.neuron[part],
        np.array([0, part.stop - part.start]),
        spikes.n_neurons,
        None if spikes.value is None else spikes.value[part],
    )


def assert_same_spikes(one, other):
    """Same neurons fire at the same times, but for rounding."""
    for a, b in zip(one, other, strict=True):
        assert a.offsets.tolist() == b.offsets.tolist()
        for k in range(a.batch):
            first, second = one_sample(a, k), one_sample(b, k)
            # Times that differ in the last bit may be listed the other way round.
            orders = [np.lexsort((x.time, x.neuron)) for x in (first, second)]
            neurons = [
                x.neuron[o] for x, o in zip((first, second), orders, strict=True)
            ]
            times = [x.time[o] for x, o in zip((first, second), orders, strict=True)]
            assert np.array_equal(*neurons)
            np.testing.assert_allclose(*times, rtol=TOLERANCE, atol=TOLERANCE)


def reference(network, spikes):
    """Return the spikes of the layers with neurons, by the readable queue."""
    unrolled = circuit_of(network)
    samples = []
    for b in range(spikes.batch):
        run = QueueSimulator(
            unrolled.circuit,
            one_sample(spikes, b),
            network.duration,
            keep_history=False,
        )
        run.run()
        samples.append(run.spikes())
    found = {}
    for k, name in enumerate(unrolled.names[1:], start=1):
        if name is None:
            continue
        neurons = unrolled.circuit.neurons(name)
        parts = [
            (s.neuron >= neurons.start) & (s.neuron < neurons.stop) for s in samples
        ]
        pairs = list(zip(samples, parts, strict=True))
        found[k] = SpikeTrains(
            np.concatenate([s.time[p] for s, p in pairs]),
            np.concatenate([s.neuron[p] for s, p in pairs]) - np.int32(neurons.start),
            np.cumsum([0, *(p.sum() for p in parts)]),
            len(neurons),
        )
    return found


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(KINDS),
    models=MODELS,
    seed=st.integers(0, 10**6),
    delays=st.booleans(),
    synaptic_delays=st.booleans(),
    currents=st.booleans(),
    with_values=st.booleans(),
    with_constants=st.booleans(),
)
def test_forward_spikes__queue_sweep_and_reference_agree(
    kind, models, seed, delays, synaptic_delays, currents, with_values, with_constants
):
    case = random_case(
        kind,
        models,
        seed,
        delays=delays,
        synaptic_delays=synaptic_delays,
        currents=currents,
        with_values=with_values,
    )
    swept = sweep.forward_spikes(
        case.network, case.spikes, with_constants=with_constants
    )
    queued = queue.forward_spikes(case.network, case.spikes)
    assert_same_spikes(swept.trains, queued.trains)
    assert swept.n_grazing == queued.n_grazing
    for k, train in reference(case.network, case.spikes).items():
        assert_same_spikes([train], [queued.trains[k]])


@pytest.mark.parametrize("scheduler", ["heap", "delay_window"])
def test_forward_spikes__both_schedules_agree_with_the_sweep(scheduler):
    case = random_case("average", ["lif", "slayer_srm"], 1)
    swept = sweep.forward_spikes(case.network, case.spikes)
    queued = queue.forward_spikes(case.network, case.spikes, scheduler=scheduler)
    assert swept.trains[-1].time.size > 3
    assert_same_spikes(swept.trains, queued.trains)


def close(a, b):
    scale = max(1.0, float(np.abs(a).max(initial=0)))
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-8 * scale, rtol=0)


def both_gradients(case, **options):
    """Return the gradients of sweep and queue for a random loss on all spikes."""
    results = []
    for engine in (sweep, queue):
        rng = np.random.default_rng(0)
        seen = engine.forward_spikes(case.network, case.spikes)
        d_times = [
            rng.normal(size=seen.trains[k].time.size) if layer.neuron else None
            for k, layer in enumerate(case.network.layers, start=1)
        ]
        results.append(engine.backward_spikes(case.network, seen, d_times, **options))
    return results


def assert_same_gradients(swept, queued, close):
    close(swept.input_time, queued.input_time)
    close(swept.input_value, queued.input_value)
    for a, b in zip(swept.layers, queued.layers, strict=True):
        if a is None:
            assert b is None
            continue
        for name in ("weight", "theta", "current", "delay", "synaptic_delay"):
            close(getattr(a, name), getattr(b, name))
        close(a.refractory, b.refractory)
        assert a.time_constants.keys() == b.time_constants.keys()
        for name, value in a.time_constants.items():
            close(value, b.time_constants[name])


@pytest.mark.parametrize("model", sorted(NEURONS))
@pytest.mark.parametrize("kind", KINDS)
def test_backward_spikes__queue_and_sweep_agree(kind, model):
    swept, queued = both_gradients(random_case(kind, [model], 7))
    assert_same_gradients(swept, queued, close)
    assert any(a is not None and np.any(a.delay) for a in swept.layers)


def very_close(a, b):
    scale = max(1.0, float(np.abs(a).max(initial=0)))
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-12 * scale, rtol=0)


@pytest.mark.parametrize("model", ["srm_lif", "srm_lif general", "srm_lif held"])
@pytest.mark.parametrize("kind", KINDS)
def test_backward_spikes__queue_and_sweep_share_by_age_alike(kind, model):
    case = random_case(kind, [model], 2)
    swept, queued = both_gradients(case, exponential_slope=0.7, slope_clip=0.5)
    assert_same_gradients(swept, queued, very_close)
    exact, _ = both_gradients(case)
    assert np.abs(exact.input_time - swept.input_time).max() > 1e-2


SLOPES = [{}, {"slope_clip": 0.5}, {"exponential_slope": 0.7}]


@pytest.mark.parametrize("options", SLOPES, ids=str)
def test_backward__trains_like_the_sweep(options):
    network = random_network("conv", ["srm_lif"], 3)
    activation = np.random.default_rng(1).random((2, *network.input_shape))
    d_output = np.random.default_rng(2).normal(size=(2, 3))
    swept, queued = (
        engine.backward(
            network,
            engine.forward(network, activation),
            d_output,
            with_input=True,
            **options,
        )
        for engine in (sweep, queue)
    )
    for a, b in zip(swept.weights, queued.weights, strict=True):
        close(a, b)
    close(swept.input_times, queued.input_times)
    assert np.any(swept.weights[0])


# ---- what is refused


def test_require_runnable__refuses_dynamic_thresholds_and_potentials():
    dynamic = build((2,), [dense(1)], weights=lambda t, _: np.ones(t.weight_shape))
    with pytest.raises(ShapeError, match="has the dynamic threshold; expected 'static"):
        queue.require_runnable(dynamic)
    potentials = build(
        (2,),
        [dense(1)],
        weights=lambda t, _: np.ones(t.weight_shape),
        readout="potential_end",
    )
    with pytest.raises(ShapeError, match="readout 'potential_end'; expected 'spike_"):
        queue.require_runnable(potentials)


def test_forward_spikes__stops_at_too_many_events():
    case = random_case("dense", ["lif"], 0)
    with pytest.raises(SimulationLimitError, match="9 events were done") as told:
        queue.forward_spikes(case.network, case.spikes, max_events=9)
    assert len(told.value.partial.trains) == 3


def test_backward_spikes__refuses_layers_without_neurons():
    case = random_case("average", ["lif"], 0)
    seen = queue.forward_spikes(case.network, case.spikes)
    d_times = [None, np.zeros(seen.trains[2].time.size), None]
    with pytest.raises(ShapeError, match=r"entry for layer_2 \(average_pool\), which"):
        queue.backward_spikes(case.network, seen, d_times)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"derivative_clip": 3.0}, "derivative_clip with the static threshold"),
        ({"d_potential_end": np.ones(2)}, "silence_penalty .* static threshold"),
        ({"slope_clip": 0.0}, "slope_clip is 0.0; expected a positive number"),
        ({"exponential_slope": 0.0}, r"exponential_slope is 0\.0; expected a pos"),
        ({"exponential_slope": 1.0}, r"layer_2 .*: exponential_slope was .*srm_lif"),
    ],
)
def test_backward__refuses_options_of_others(options, message):
    network = random_network("dense", ["srm_lif", "lif"], 0)
    seen = queue.forward(network, np.full((1, 6), 0.5))
    with pytest.raises(ShapeError, match=message) as told:
        queue.backward(network, seen, np.ones((1, 3)), buffers=None, **options)
    assert "\n" not in str(told.value)

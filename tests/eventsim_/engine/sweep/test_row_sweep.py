"""Rows against the gathered sweep, which shares no kernel with them but the solver."""

from dataclasses import replace

import numpy as np
import pytest
from eventsim_.engine.sweep.row_layers import (
    MODELS,
    TOPOLOGIES,
    assert_close,
    gathered,
    random_layer,
    random_trains,
)
from numba import config, set_num_threads

from eventsim.engine.sweep import row_sweep
from eventsim.engine.sweep.gathered_sweep import (
    gathered_backward,
    gathered_forward,
)
from eventsim.engine.sweep.row_layer import RowLayer
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.neurons import model_of
from eventsim.spikes import SpikeTrains
from eventsim.topology import Dense


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("variant", ["plain", "driven", "graded", "ties"])
@pytest.mark.parametrize("model", MODELS)
def test_rows__give_the_spikes_and_derivatives_of_gathered_arrivals(
    model, variant, topology
):
    rng = np.random.default_rng(len(model) + 10 * len(variant))
    topology = TOPOLOGIES[topology]
    layer = random_layer(rng, model, topology, variant == "driven")
    spikes = random_trains(
        rng, topology, has_values=variant == "graded", has_ties=variant == "ties"
    )
    ours = row_sweep.forward(layer, spikes, 6.0)
    theirs = gathered_forward(gathered(layer), spikes, 6.0)
    assert ours.spikes.time.size > 1
    np.testing.assert_array_equal(ours.spikes.neuron, theirs.spikes.neuron)
    np.testing.assert_array_equal(ours.spikes.offsets, theirs.spikes.offsets)
    np.testing.assert_allclose(ours.spikes.time, theirs.spikes.time, 1e-12, 1e-12)
    d_time = rng.normal(size=ours.spikes.time.size)
    a = row_sweep.backward(layer, spikes, ours, d_time)
    b = gathered_backward(gathered(layer), spikes, theirs, d_time)
    assert_close(a.weight.ravel(), b.weight)
    assert_close(a.input_time, b.input_time)
    assert_close(a.theta, b.theta.reshape(-1, layer.n_channels).sum(axis=0))
    if variant == "driven":
        assert_close(a.drive, b.drive.reshape(-1, layer.n_channels).sum(axis=0))
    assert a.n_grazing == b.n_grazing


@pytest.mark.parametrize("t_end", [1.7, 4.0, 4.05])
@pytest.mark.parametrize("topology", ["dense", "conv"])
@pytest.mark.parametrize("model", ["lif", "lif subtract", "lif slow synapse"])
def test_backward__of_a_run_that_ends_soon_after_an_input(model, topology, t_end):
    rng = np.random.default_rng(5)
    topology = TOPOLOGIES[topology]
    layer = random_layer(rng, model, topology, False)
    spikes = random_trains(rng, topology)
    ours = row_sweep.forward(layer, spikes, t_end)
    theirs = gathered_forward(gathered(layer), spikes, t_end)
    assert ours.spikes.time[-1] > t_end - 0.2
    d_time = rng.normal(size=ours.spikes.time.size)
    a = row_sweep.backward(layer, spikes, ours, d_time)
    b = gathered_backward(gathered(layer), spikes, theirs, d_time)
    assert_close(a.weight.ravel(), b.weight)
    assert_close(a.input_time, b.input_time)


@pytest.mark.parametrize("clip", [0.5, 2.0])
def test_backward__clips_the_slope_as_the_gathered_sweep(clip):
    rng = np.random.default_rng(1)
    layer = random_layer(rng, "lif", TOPOLOGIES["dense"], False)
    spikes = random_trains(rng, layer.topology)
    ours = row_sweep.forward(layer, spikes, 6.0)
    theirs = gathered_forward(gathered(layer), spikes, 6.0)
    d_time = rng.normal(size=ours.spikes.time.size)
    a = row_sweep.backward(layer, spikes, ours, d_time, slope_clip=clip)
    b = gathered_backward(
        gathered(layer), spikes, theirs, d_time, slope_clip=clip, with_rates=False
    )
    exact = row_sweep.backward(layer, spikes, ours, d_time)
    assert_close(a.weight.ravel(), b.weight)
    assert np.abs(a.weight - exact.weight).max() > 1e-3


@pytest.mark.parametrize("topology", ["dense", "conv"])
def test_rows__survive_a_million_time_constants_of_silence(topology):
    rng = np.random.default_rng(2)
    layer = random_layer(rng, "lif", TOPOLOGIES[topology], False)
    spikes = random_trains(rng, layer.topology, batch=1)
    late = SpikeTrains(
        np.concatenate([spikes.time, spikes.time + 2e6]),
        np.concatenate([spikes.neuron, spikes.neuron]),
        2 * spikes.offsets,
        spikes.n_neurons,
    )
    once = row_sweep.forward(layer, spikes, 40.0).spikes
    twice = row_sweep.forward(layer, late, 3e6).spikes
    n = once.time.size
    assert n > 5
    assert twice.time.size == 2 * n
    np.testing.assert_allclose(twice.time[:n], once.time, 1e-13)
    np.testing.assert_allclose(twice.time[n:] - 2e6, once.time, 0, 1e-8)


@pytest.mark.parametrize("has_drive", [True, False])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_rows__do_not_depend_on_threads_or_batches(topology, has_drive):
    rng = np.random.default_rng(3)
    layer = random_layer(rng, "lif general", TOPOLOGIES[topology], has_drive)
    spikes = random_trains(rng, layer.topology, batch=6)
    # Half of the silences are long.
    spikes = replace(spikes, time=spikes.time + np.floor(spikes.time))
    set_num_threads(config.NUMBA_NUM_THREADS)
    whole = row_sweep.forward(layer, spikes, 9.0)
    d_time = rng.normal(size=whole.spikes.time.size)
    gradients = row_sweep.backward(layer, spikes, whole, d_time)
    set_num_threads(1)
    again = row_sweep.forward(layer, spikes, 9.0)
    one = row_sweep.backward(layer, spikes, again, d_time)
    np.testing.assert_array_equal(again.spikes.time, whole.spikes.time)
    np.testing.assert_array_equal(one.weight, gradients.weight)
    np.testing.assert_array_equal(one.input_time, gradients.input_time)
    for b in range(6):
        part = slice(*spikes.offsets[b : b + 2])
        sample = SpikeTrains(
            spikes.time[part],
            spikes.neuron[part],
            np.array([0, part.stop - part.start]),
            spikes.n_neurons,
        )
        alone = row_sweep.forward(layer, sample, 9.0).spikes
        mine = slice(*whole.spikes.offsets[b : b + 2])
        np.testing.assert_array_equal(alone.time, whole.spikes.time[mine])
        np.testing.assert_array_equal(alone.neuron, whole.spikes.neuron[mine])


@pytest.mark.parametrize("topology", ["dense", "conv"])
def test_rows__float32_stays_near_float64(topology):
    rng = np.random.default_rng(4)
    layer = random_layer(rng, "lif", TOPOLOGIES[topology], False, np.float32)
    spikes = random_trains(rng, layer.topology)
    short = SpikeTrains(
        spikes.time.astype(np.float32), spikes.neuron, spikes.offsets, spikes.n_neurons
    )
    wide = RowLayer(
        layer.dynamics,
        layer.topology,
        layer.weight.astype(float),
        layer.theta,
        layer.drive,
    )
    exact = row_sweep.forward(wide, spikes, 6.0)
    ours = row_sweep.forward(layer, short, 6.0)
    assert ours.spikes.time.dtype == np.float32
    assert ours.spikes.time.size == exact.spikes.time.size
    order = [np.lexsort((r.spikes.time, r.spikes.neuron)) for r in (ours, exact)]
    sample = [np.repeat(np.arange(5), np.diff(r.spikes.offsets)) for r in (ours, exact)]
    order = [
        np.lexsort((r.spikes.time, r.spikes.neuron, s))
        for r, s in zip((ours, exact), sample, strict=True)
    ]
    error = ours.spikes.time[order[0]] - exact.spikes.time[order[1]]
    assert np.abs(error).max() < 2e-4


def test_forward__ends_with_the_run():
    rng = np.random.default_rng(5)
    layer = random_layer(rng, "lif", TOPOLOGIES["dense"], False)
    spikes = random_trains(rng, layer.topology)
    whole = row_sweep.forward(layer, spikes, 6.0).spikes
    short = row_sweep.forward(layer, spikes, 2.0).spikes
    early = whole.time <= 2.0
    assert 0 < early.sum() < whole.time.size
    np.testing.assert_allclose(short.time, whole.time[early], 1e-13)
    exact = row_sweep.forward(layer, spikes, float(whole.time[0])).spikes
    assert whole.time[0] in exact.time


def test_forward__makes_room_for_a_burst_and_refuses_a_flood():
    topology = Dense((1,), 3)
    d = model_of(MODELS["lif"]).dynamics(MODELS["lif"])
    layer = RowLayer(d, topology, np.full((1, 3), 1e4), np.ones(3), np.zeros(3))
    spikes = SpikeTrains(np.zeros(1), np.zeros(1, np.int32), np.array([0, 1]), 1)
    burst = row_sweep.forward(layer, spikes, 3.0).spikes
    assert burst.time.size > 1000
    other = gathered_forward(gathered(layer), spikes, 3.0).spikes
    np.testing.assert_allclose(burst.time, other.time, 1e-10)
    with pytest.raises(SimulationLimitError, match="more than 100 times up to time 3"):
        row_sweep.forward(layer, spikes, 3.0, max_spikes=100)


def test_forward__refuses_more_spikes_than_allowed_where_there_is_room_for_them():
    layer = random_layer(np.random.default_rng(5), "lif", TOPOLOGIES["dense"], False)
    spikes = random_trains(np.random.default_rng(5), layer.topology)
    n = row_sweep.forward(layer, spikes, 6.0).spikes.time.size
    assert row_sweep.forward(layer, spikes, 6.0, max_spikes=n).spikes.time.size == n
    with pytest.raises(SimulationLimitError, match=f"more than {n - 1} times"):
        row_sweep.forward(layer, spikes, 6.0, max_spikes=n - 1)


def test_forward__of_silence_is_silence():
    layer = random_layer(np.random.default_rng(6), "lif", TOPOLOGIES["conv"], False)
    empty = SpikeTrains(np.empty(0), np.empty(0, np.int32), np.zeros(4, int), 50)
    recording = row_sweep.forward(layer, empty, 1.0)
    assert recording.spikes.batch == 3
    assert recording.spikes.time.size == 0
    gradients = row_sweep.backward(layer, empty, recording, np.empty(0))
    assert not gradients.weight.any()
    assert gradients.input_time.shape == (0,)


def test_forward__float32_times_do_not_pass_the_end():
    topology = Dense((1,), 1)
    d = model_of(MODELS["relpsp"]).dynamics(MODELS["relpsp"])
    layer = RowLayer(
        d, topology, np.full((1, 1), 10.0, np.float32), np.ones(1), np.zeros(1)
    )
    one = SpikeTrains(
        np.zeros(1, np.float32), np.zeros(1, np.int32), np.array([0, 1]), 1
    )
    for t_end in (0.1, 1.1, 0.2):
        spikes = row_sweep.forward(layer, one, t_end).spikes
        assert spikes.time.astype(float).max(initial=0) <= t_end
    assert spikes.time.size == 1


def test_forward__the_end_counts_up_to_a_few_roundings():
    rng = np.random.default_rng(2)
    d = model_of(MODELS["relpsp"]).dynamics(MODELS["relpsp"])
    for begin, t_end in zip(rng.uniform(0, 1, 60), rng.uniform(1, 4, 60), strict=True):
        # A ramp that reaches the threshold at the end, but for rounding.
        weight = np.full((1, 1), 1 / (t_end - begin))
        layer = RowLayer(d, Dense((1,), 1), weight, np.ones(1), np.zeros(1))
        one = SpikeTrains(np.array([begin]), np.zeros(1, np.int32), np.array([0, 1]), 1)
        found = row_sweep.forward(layer, one, t_end).spikes.time
        assert found == pytest.approx([t_end], rel=1e-15)
        assert found <= t_end
        assert not row_sweep.forward(layer, one, t_end * (1 - 1e-12)).spikes.time.size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_neurons": 8}, "input of 8 neurons; expected 7"),
        ({"t_end": np.inf}, "t_end is inf; expected a positive"),
        ({"time": -1.0}, "an input spike is at -1.0"),
    ],
)
def test_forward__refuses_bad_input(change, message):
    layer = random_layer(np.random.default_rng(7), "lif", TOPOLOGIES["dense"], False)
    spikes = SpikeTrains(
        np.full(1, change.get("time", 0.5)),
        np.zeros(1, np.int32),
        np.array([0, 1]),
        change.get("n_neurons", 7),
    )
    with pytest.raises(ShapeError, match=message):
        row_sweep.forward(layer, spikes, change.get("t_end", 1.0))


def test_backward__refuses_other_spikes():
    layer = random_layer(np.random.default_rng(8), "lif", TOPOLOGIES["dense"], False)
    spikes = random_trains(np.random.default_rng(8), layer.topology)
    recording = row_sweep.forward(layer, spikes, 6.0)
    with pytest.raises(ShapeError, match="d_time has shape \\(1,\\); expected"):
        row_sweep.backward(layer, spikes, recording, np.zeros(1))

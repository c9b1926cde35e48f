from dataclasses import replace

import numpy as np
import pytest
from eventsim_.builders import (
    build,
    conv,
    dense,
    flatten,
    largest_difference,
    normal_weights,
    oracle_times,
    pool,
    random_activation,
)

import eventsim
from eventsim.encode import activations_to_times
from eventsim.engine import (
    ENGINES,
    choose_engine,
    engine_name,
    record,
    simulate,
)
from eventsim.engine.first_spike import network as first_spike
from eventsim.engine.queue import network as queue
from eventsim.engine.sweep import network as sweep
from eventsim.engine.window import network as window
from eventsim.errors import ConfigError, EventsimError, ShapeError
from eventsim.network import Layer, Network, Neuron
from eventsim.readout import read_output
from eventsim.spikes import SpikeTrains
from eventsim.topology import Dense


def mixed(*thresholds, readout="spike_time", model="relpsp"):
    layers = tuple(
        Layer(
            f"layer_{k}",
            Dense((2,), 2),
            Neuron(model, threshold),
            np.ones((2, 2)),
            np.ones(2),
        )
        for k, threshold in enumerate(thresholds, start=1)
    )
    return Network((2,), layers, 1.0, readout)


def trains(times, n_neurons=None):
    return SpikeTrains.from_first_spikes(np.asarray(times, float))


def test_choose_engine__auto_takes_the_fastest_that_applies():
    assert choose_engine(mixed("dynamic", "dynamic")) is window
    assert choose_engine(mixed("static", "static")) is first_spike
    assert choose_engine(mixed("dynamic", "static")) is first_spike
    assert choose_engine(mixed("dynamic", readout="potential_end")) is window


def test_choose_engine__takes_the_one_asked_for():
    assert choose_engine(mixed("dynamic"), "sweep") is first_spike
    assert choose_engine(mixed("dynamic"), "window") is window
    assert choose_engine(mixed("static"), "queue") is queue
    assert set(ENGINES) == {"window", "sweep", "queue"}


def lif_layer(**arrays):
    lif = Neuron("lif", "static", tau_m=2.0, tau_s=1.0, reset="zero")
    return replace(mixed("static").layers[0], neuron=lif, **arrays)


@pytest.mark.parametrize(
    "layer",
    [
        lif_layer(),
        replace(mixed("static").layers[0], current=np.ones(2)),
        replace(mixed("static").layers[0], delay=np.ones(2)),
        replace(mixed("static").layers[0], synaptic_delay=np.ones((2, 2))),
        replace(
            mixed("static").layers[0], neuron=Neuron("relpsp", "static", max_spikes=2)
        ),
    ],
    ids=["lif", "current", "delay", "synaptic delay", "max_spikes"],
)
def test_choose_engine__hands_on_what_the_first_spike_sweep_would_overlook(layer):
    network = Network((2,), (layer,))
    for name in ("auto", "sweep"):
        assert choose_engine(network, name) is sweep


def test_choose_engine__arrays_of_zeros_change_nothing():
    zeros = {"current": np.zeros(2), "delay": np.zeros(2)}
    network = Network((2,), (replace(mixed("static").layers[0], **zeros),), t_end=3.0)
    assert choose_engine(network) is first_spike


def test_engine_name__is_the_one_to_ask_for():
    modules = (window, first_spike, sweep, queue)
    assert [engine_name(m) for m in modules] == ["window", "sweep", "sweep", "queue"]


@pytest.mark.parametrize(
    ("network", "engine", "message"),
    [
        (mixed("dynamic", "static"), "window", "layer_2 has a static.*use the sweep"),
        (
            mixed("static", "dynamic"),
            "sweep",
            "layer_2 has the dynamic.*follows layer_1",
        ),
        (
            mixed("static", "dynamic"),
            "auto",
            "layer_2 has the dynamic.*follows layer_1",
        ),
        (
            mixed("static", readout="potential_end"),
            "auto",
            "readout 'potential_end' of layer_1.*expected 'spike_time'",
        ),
        (
            mixed("static", model="izhikevich"),
            "auto",
            "layer_1 has the neuron model 'izhikevich'; expected one of relpsp",
        ),
        (mixed("dynamic"), "queue", "has the dynamic threshold; expected 'static'"),
        (
            mixed("static", readout="potential_end"),
            "queue",
            "queue engine: readout 'potential_end'; expected 'spike_time'",
        ),
        (
            Network((2,), (mixed("dynamic").layers[0], lif_layer())),
            "sweep",
            "first-spike sweep: layer_1 has the neuron model 'lif'; expected relpsp",
        ),
    ],
)
def test_choose_engine__refuses_what_cannot_run(network, engine, message):
    with pytest.raises(ShapeError, match=message):
        choose_engine(network, engine)


def test_choose_engine__lists_engines_for_an_unknown_name():
    with pytest.raises(ConfigError, match="no 'queues'; expected one of auto, window"):
        choose_engine(mixed("dynamic"), "queues")
    assert issubclass(ConfigError, EventsimError)


def test_choose_engine__refuses_potentials_of_a_convolution():
    network = build(
        (4, 4, 1),
        [conv(2, 3)],
        weights=lambda t, _: np.ones(t.weight_shape),
        readout="potential_end",
    )
    with pytest.raises(
        ShapeError, match=r"readout 'potential_end' of layer_1 \(conv2d"
    ):
        choose_engine(network)


@pytest.mark.parametrize("readout", ["potential_start", "potential_end"])
def test_forward__both_engines_read_the_same_potentials(readout):
    network = mixed("dynamic", "dynamic", readout=readout)
    rng = np.random.default_rng(1)
    activation = rng.random((20, *network.input_shape))
    one, two = (choose_engine(network, e).forward(network, activation) for e in (
        "window", "sweep",
    ))  # fmt: skip
    np.testing.assert_allclose(
        read_output(network, one), read_output(network, two), rtol=1e-12, atol=1e-14
    )
    with pytest.raises(ShapeError, match="use the window engine"):
        choose_engine(network, "sweep").backward(network, two, np.ones((20, 1)))


@pytest.mark.parametrize("engine", ["auto", "window", "sweep"])
def test_simulate__gives_the_spikes_of_every_layer(engine):
    rng = np.random.default_rng(0)
    shape = (6, 6, 1)
    network = build(
        shape,
        [conv(2, 3), pool(2), flatten(), dense(4)],
        weights=normal_weights(rng),
        time_window=0.3,
        dtype=np.float32,
    )
    activation = random_activation(rng, 3, shape)
    times = activations_to_times(activation, 0.3).reshape(3, -1)
    spikes = trains(times)
    found = simulate(network, spikes, engine)
    assert len(found) == 5
    assert found[0] is spikes
    expected = oracle_times(network.astype(np.float64), activation)
    for k in range(1, 5):
        assert found[k].n_neurons == network.layers[k - 1].n_neurons
        assert found[k].time.dtype == np.float64
        # The input's times were rounded once on the way to activations.
        assert largest_difference(found[k].first_spikes(), expected[k]) < 1e-14
    assert eventsim.simulate is simulate


def test_simulate__static_threshold_is_exact_by_hand():
    # Ramp 1/2 from 0 and 1/2 more from 1/4: u(1/4) = 1/8, theta 1/2 at 5/8.
    network = build(
        (2,),
        [dense(1)],
        weights=lambda *_: [[0.5], [0.5]],
        threshold="static",
        theta=0.5,
    )
    for engine in ("auto", "sweep", "queue"):
        spikes = simulate(network, trains([[0.0, 0.25], [np.inf, np.inf]]), engine)
        np.testing.assert_array_equal(spikes[1].time, [0.625])
        np.testing.assert_array_equal(spikes[1].offsets, [0, 1, 1])


@pytest.mark.parametrize("time_window", [1.0, 0.3, 0.7, 1e-3, 3.3])
def test_simulate__keeps_a_spike_just_before_the_window_ends(time_window):
    network = build(
        (1,), [dense(1)], weights=lambda *_: [[2.0]], time_window=time_window
    )
    late = np.nextafter(time_window, 0)
    # A is 0 within rounding, S = 2: r = 1/3.
    for engine in ("window", "sweep"):
        spikes = simulate(network, trains([[late]]), engine)
        np.testing.assert_allclose(spikes[1].time, time_window * (1 + 1 / 3))


@pytest.mark.parametrize(
    ("spikes", "message"),
    [
        (trains([[0.5, 0.2, 0.1]]), "1 samples of 3 neurons; expected.*2 neurons"),
        (trains(np.empty((0, 2))), "0 samples of 2 neurons; expected at least one"),
        (trains([[0.5, 1.0]]), "run from 0.5 to 1.0; expected 0 up to, but not"),
        (trains([[-0.5, 0.5]]), "run from -0.5 to 0.5; expected 0"),
        (
            SpikeTrains(
                np.array([0.1, 0.2, 0.3]), np.array([0, 1, 1]), np.array([0, 1, 3]), 2
            ),
            "input neuron 1 spikes 2 times in sample 1; expected at most one",
        ),
        (
            replace(trains([[0.1, 0.2]]), value=np.array([1.0, 0.5])),
            "an input spike has the value 0.5; expected 1, graded inputs need",
        ),
    ],
)
def test_simulate__refuses_spikes_that_do_not_fit(spikes, message):
    with pytest.raises(ShapeError, match=message):
        simulate(mixed("dynamic"), spikes)


@pytest.mark.parametrize("seed", range(4))
def test_simulate__all_engines_agree_on_first_spikes_with_the_old_sweep(seed):
    rng = np.random.default_rng(seed)
    shape = (6, 6, 1)
    network = build(
        shape,
        [conv(2, 3), pool(2), flatten(), dense(4)],
        weights=normal_weights(rng),
        threshold="static",
    )
    activation = random_activation(rng, 3, shape)
    times = activations_to_times(activation, 1.0).reshape(3, -1)
    old = first_spike.forward_times(network, times.reshape(3, *shape))
    for engine in ("auto", "sweep", "queue"):
        found = simulate(network, trains(times), engine)
        for k in range(1, 5):
            first = old.times(network, k)
            assert largest_difference(found[k].first_spikes(), first) < 1e-12
            # Ramp neurons fire once.
            assert found[k].time.size == np.isfinite(first).sum()


def test_simulate__windows_are_those_of_static_thresholds_in_turn():
    # A dynamic threshold that starts at T_w is met by a ramp at 1/(1 + S) into the
    # window; a single input of weight 1 at 0: u = t, theta = 2 - t from 1 on.
    network = build((1,), [dense(1)], weights=lambda *_: [[1.0]])
    for engine in ("window", "sweep"):
        assert simulate(network, trains([[0.0]]), engine)[1].time.tolist() == [1.0]


def test_simulate__takes_several_spikes_with_values_after_the_window():
    layer = replace(lif_layer(), weight=np.full((2, 2), 9.0))
    network = Network((2,), (layer,), t_end=20.0)
    spikes = SpikeTrains(
        np.array([0.0, 5.0, 9.0]),
        np.array([0, 0, 1], np.int32),
        np.array([0, 3]),
        2,
        np.array([1.0, 2.0, 0.5]),
    )
    swept, queued = (simulate(network, spikes, name) for name in ("sweep", "queue"))
    assert swept[1].time.size > 6
    assert swept[1].time.max() > 9
    np.testing.assert_allclose(swept[1].time, queued[1].time, rtol=1e-12)


@pytest.mark.parametrize("engine", ["auto", "window", "sweep", "queue"])
def test_record__counts_silent_neurons_of_every_engine(engine):
    threshold = "static" if engine == "queue" else "dynamic"
    network = mixed(threshold)
    silent = record(network, trains([[np.inf, np.inf], [0.0, 0.0]]), engine)
    assert silent.n_silent(0) == 2
    assert silent.n_silent(1) == 2
    assert silent.n_grazing == (0, 0)

"""Networks with dropout: as the same networks with other weights for each sample."""

from dataclasses import replace

import numpy as np
import pytest
from eventsim_.driven_networks import driven_case
from eventsim_.gathered_layers import random_trains
from eventsim_.spiking_networks import random_network

from eventsim.dropout import draw_masks
from eventsim.engine import choose_engine, simulate
from eventsim.engine.first_spike.check import beyond_first_spikes
from eventsim.engine.queue import network as queue
from eventsim.engine.sweep import network as sweep
from eventsim.errors import ShapeError
from eventsim.gradcheck import gradcheck
from eventsim.network import Layer, Network, Neuron
from eventsim.topology import AveragePool, Dense, Dropout, EarliestPool

RATE = 0.4


def with_dropout(network, *after):
    """Return the network with dropout behind some of its layers, from 0 on."""
    layers = []
    for k, layer in enumerate((None, *network.layers)):
        if layer is not None:
            layers.append(layer)
        if k in after:
            shape = layer.topology.output_shape if layer else network.input_shape
            layers.append(Layer(f"drop_{k}", Dropout(shape, RATE)))
    return replace(network, layers=tuple(layers))


def case_of(kind, model="srm_lif general", seed=0, batch=4):
    """Return a network without and with dropout, input, masks of every sample."""
    plain = random_network(kind, [model], seed, synaptic_delays=False)
    network = with_dropout(plain, 1)
    rng = np.random.default_rng(seed)
    n_in = int(np.prod(plain.input_shape))
    spikes = random_trains(rng, batch, n_in, 3 * n_in, 3.0, True)
    return plain, network, spikes, draw_masks(network, batch, rng)


def scaled_rows(layer, kept):
    """Return the layer with the weights of what is kept scaled, of the rest 0."""
    factor = np.where(kept, 1 / (1 - RATE), 0)
    rows = np.resize(factor, int(np.prod(layer.topology.input_shape)))
    if isinstance(layer.topology, Dense):
        return replace(layer, weight=layer.weight * rows[:, None]), rows[:, None]
    if hasattr(layer.topology, "pre"):
        return replace(layer, weight=layer.weight * rows[layer.topology.pre]), rows[
            layer.topology.pre
        ]
    return replace(layer, weight=layer.weight * factor[:, None]), factor[:, None]


@pytest.mark.parametrize("with_constants", [True, False])
@pytest.mark.parametrize("kind", ["dense", "sparse", "conv", "average", "flat"])
def test_forward_spikes__is_that_of_scaled_weights(kind, with_constants):
    plain, network, spikes, masks = case_of(kind)
    seen = sweep.forward_spikes(
        network, spikes, dropout=masks, with_constants=with_constants
    )
    rng = np.random.default_rng(1)
    pull = rng.normal(size=seen.trains[-1].time.size)
    none = [None] * (len(network.layers) - 1)
    found = sweep.backward_spikes(network, seen, [*none, pull])
    n_dropped, by_last, by_first = 0, 0.0, 0.0
    for b in range(spikes.batch):
        last, factor = scaled_rows(plain.layers[-1], masks[1][b])
        other = replace(plain, layers=(*plain.layers[:-1], last))
        alone = sweep.forward_spikes(
            other, spikes.samples(b, b + 1), with_constants=with_constants
        )
        mine = seen.trains[-1].samples(b, b + 1)
        assert mine.neuron.tolist() == alone.trains[-1].neuron.tolist()
        np.testing.assert_allclose(mine.time, alone.trains[-1].time, rtol=1e-12)
        its = slice(*seen.trains[-1].offsets[b : b + 2])
        by = sweep.backward_spikes(other, alone, [*none[1:], pull[its]])
        by_last = by_last + by.layers[-1].weight * factor
        by_first = by_first + by.layers[0].weight
        n_dropped += seen.trains[1].samples(b, b + 1).time.size
        n_dropped -= seen.trains[2].samples(b, b + 1).time.size
    assert seen.trains[-1].time.size > 3
    assert n_dropped > 3
    assert set(seen.trains[2].value) == {1 / (1 - RATE)}
    np.testing.assert_allclose(found.layers[-1].weight, by_last, atol=1e-10)
    np.testing.assert_allclose(found.layers[0].weight, by_first, atol=1e-10)
    assert np.abs(by_first).max() > 0.01


def test_backward_spikes__agrees_with_differences_for_fixed_masks():
    _, network, spikes, masks = case_of("average", "lif", 3)
    seen = sweep.forward_spikes(network, spikes, dropout=masks)
    pull = np.random.default_rng(1).normal(size=seen.trains[-1].time.size)
    none = [None] * (len(network.layers) - 1)
    found = sweep.backward_spikes(network, seen, [*none, pull])
    first = network.layers[0]
    for place in np.ndindex(first.weight.shape):
        kept = first.weight[place]
        sums = []
        for step in (1e-6, -1e-6):
            first.weight[place] = kept + step
            moved = sweep.forward_spikes(network, spikes, dropout=masks).trains[-1]
            assert moved.neuron.tolist() == seen.trains[-1].neuron.tolist()
            sums.append(pull @ moved.time)
        first.weight[place] = kept
        expected = (sums[0] - sums[1]) / 2e-6
        assert found.layers[0].weight[place] == pytest.approx(expected, abs=1e-6)
    # By the values of input spikes: their mask is not of the input layer.
    value = spikes.value
    k = int(np.argmax(np.abs(found.input_value)))
    sums = []
    for step in (1e-6, -1e-6):
        moved = value.copy()
        moved[k] += step
        run = sweep.forward_spikes(network, replace(spikes, value=moved), dropout=masks)
        sums.append(pull @ run.trains[-1].time)
    assert found.input_value[k] == pytest.approx((sums[0] - sums[1]) / 2e-6, rel=1e-5)


@pytest.mark.parametrize("kind", ["dense", "conv", "average", "flat"])
def test_engines__let_all_pass_outside_training(kind):
    plain, network, spikes, _ = case_of(kind)
    assert choose_engine(network).__name__ == sweep.__name__
    expected = simulate(plain, spikes)
    for engine in ("sweep", "queue"):
        seen = simulate(network, spikes, engine)
        assert seen[2].time.tolist() == pytest.approx(seen[1].time.tolist(), abs=0.6)
        for one, other in ((seen[1], expected[1]), (seen[-1], expected[-1])):
            assert one.neuron.tolist() == other.neuron.tolist()
            np.testing.assert_allclose(one.time, other.time, rtol=1e-12)
    runs = [e.forward_spikes(network, spikes) for e in (sweep, queue)]
    for k in range(1, len(network.layers) + 1):
        assert np.array_equal(*(run.discrete_state(network, k) for run in runs))


@pytest.mark.parametrize("kind", ["dense", "average"])
def test_forward__drops_input_currents(kind):
    case = driven_case(kind, "lif", 1)
    network = with_dropout(case.network, 0)
    masks = draw_masks(network, 3, np.random.default_rng(0))
    seen = sweep.forward(network, case.currents, dropout=masks)
    factor = np.where(masks[0], 1 / (1 - RATE), 0)
    factor = factor.reshape(3, *[1] * (case.currents.ndim - 2), -1)
    other = sweep.forward(case.network, case.currents * factor)
    for one, two in zip(seen.trains[1:], other.trains, strict=True):
        assert one.time.tobytes() == two.time.tobytes()
    pull = np.ones(seen.trains[-1].time.size)
    by = sweep.backward(network, seen, pull, with_input=True)
    by_other = sweep.backward(case.network, other, pull, with_input=True)
    np.testing.assert_allclose(by.input_currents, by_other.input_currents * factor)
    assert by.weights[0].tobytes() == by_other.weights[0].tobytes()
    plain = sweep.forward(network, case.currents)
    same = sweep.forward(case.network, case.currents)
    assert plain.trains[-1].time.tobytes() == same.trains[-1].time.tobytes()
    runs = [e.forward(network, case.currents) for e in (sweep, queue)]
    np.testing.assert_allclose(*(run.trains[-1].time for run in runs), rtol=1e-12)


def test_gradcheck__of_a_network_with_dropout():
    case = driven_case("conv", "srm_lif", 3)
    network = with_dropout(case.network, 0, 1)
    report = gradcheck(network, case.currents, np.array([0, 1, 2]), n_entries=6)
    assert report.worst_relative_error < 1e-6
    assert report.n_checked > 20


def test_forward_spikes__refuses_masks_that_do_not_fit():
    _, network, spikes, masks = case_of("dense")
    for wrong in (masks[1][:1], masks[1][:, :1], masks[1].astype(float)):
        with pytest.raises(ShapeError, match="dropout: the mask has shape"):
            sweep.forward_spikes(network, spikes, dropout=[None, wrong, None])
    case = driven_case("dense", "lif", 1)
    driven = with_dropout(case.network, 0)
    with pytest.raises(ShapeError, match="dropout: the mask has shape"):
        sweep.forward(driven, case.currents, dropout=[masks[1], None, None])


@pytest.mark.parametrize("engine", ["sweep", "queue"])
@pytest.mark.parametrize(
    ("before", "what"), [(Dropout, "drops"), (AveragePool, "averages")]
)
def test_choose_engine__refuses_a_pool_of_first_spikes_behind_scaled_ones(
    engine, before, what
):
    network = random_network("earliest", ["lif"], 0)
    conv, pool, last = network.layers
    shape = conv.topology.output_shape
    changing = Dropout(shape, 0.5) if before is Dropout else AveragePool(shape, 1, 1)
    layers = (conv, Layer("before", changing), pool, last)
    assert isinstance(pool.topology, EarliestPool)
    with pytest.raises(ShapeError, match=f"{engine} engine: .* before, which {what}"):
        choose_engine(replace(network, layers=layers), engine)
    choose_engine(replace(network, layers=(conv, pool, last)), engine)


def relpsp(threshold):
    neuron = Neuron("relpsp", threshold)
    layers = (
        Layer("one", Dense((2,), 3), neuron, np.ones((2, 3)), np.ones(3)),
        Layer("drop", Dropout((3,), 0.5)),
        Layer("two", Dense((3,), 2), neuron, np.ones((3, 2)), np.ones(2)),
    )
    return Network((2,), layers)


def test_network__refuses_dropout_with_dynamic_thresholds():
    with pytest.raises(ShapeError, match="drop scales spikes in a network with dyn"):
        relpsp("dynamic")


def test_beyond_first_spikes__knows_no_dropout():
    assert beyond_first_spikes(relpsp("static")) == "drop is of the kind 'dropout'"
    assert choose_engine(relpsp("static")).__name__ == sweep.__name__

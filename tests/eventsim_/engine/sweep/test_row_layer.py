import numpy as np
import pytest

from eventsim.engine.sweep.row_layer import RowLayer
from eventsim.engine.sweep.row_vectors import LANES, MOST_GROUPS
from eventsim.errors import ShapeError
from eventsim.network import Neuron
from eventsim.neurons import model_of
from eventsim.topology import Dense

LIF = Neuron("lif", "static", 2.0, 1.0)
FITTING = {
    "weight": np.ones((7, 30)),
    "theta": np.full(30, 2.0),
    "drive": np.zeros(30),
}


def layer_of(n_units=30, neuron=LIF, **change):
    arrays = {
        name: np.resize(array, (*array.shape[:-1], n_units))
        for name, array in FITTING.items()
    }
    d = model_of(neuron).dynamics(neuron)
    return RowLayer(d, Dense((7,), n_units), **(arrays | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"theta": np.ones(2)}, r"theta has shape \(2,\); expected \(30,\)"),
        ({"weight": np.ones((7, 29))}, r"weight has shape \(7, 29\)"),
        ({"drive": np.ones(31)}, r"drive has shape \(31,\); expected \(30,\)"),
        ({"theta": np.zeros(30)}, "a threshold is 0.0; expected positive"),
        (
            {"theta": np.array([*np.ones(29), np.inf])},
            "a threshold is inf; expected positive, finite",
        ),
    ],
)
def test_row_layer__refuses_arrays_that_do_not_fit(change, message):
    with pytest.raises(ShapeError, match=message):
        layer_of(**change)


@pytest.mark.parametrize(
    "neuron",
    [
        Neuron("if_delta", "static"),
        Neuron("lif", "static", 2.0, 1.0, refractory=0.1),
        Neuron("slayer_srm", "static", tau_s=1.0, tau_r=1.0),
    ],
    ids=lambda neuron: neuron.model,
)
def test_row_layer__refuses_other_dynamics(neuron):
    with pytest.raises(ShapeError, match="use the gathered sweep"):
        layer_of(neuron=neuron)


def test_constants__pad_rows_with_neurons_that_cannot_fire():
    weight, n_lanes, n_channels, theta, low, drive = layer_of(30).constants
    assert (n_lanes, n_channels) == (32, 30)
    assert weight.reshape(7, 32)[:, 30:].any() == 0
    assert np.all(theta[30:] == np.inf)
    assert np.all(low[30:] == np.inf)
    assert np.all(low[:30] < theta[:30])
    assert drive.size == 0


@pytest.mark.parametrize("n_units", [1, 16, 30, 800, 16 * 130])
@pytest.mark.parametrize("n", [1, 3, 8])
def test_blocks__cover_the_row_in_whole_groups(n_units, n):
    layer = layer_of(n_units)
    blocks = layer.blocks(n)
    sizes = np.diff(blocks)
    assert blocks[0] == 0
    assert blocks[-1] == layer.n_lanes
    assert np.all(sizes % LANES == 0)
    assert np.all((sizes > 0) & (sizes <= MOST_GROUPS * LANES))
    assert sizes.size >= min(n, layer.n_lanes // LANES)

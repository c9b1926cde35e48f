"""Exponential shares of rows against those of the gathered sweep."""

import numpy as np
import pytest
from eventsim_.engine.sweep.row_layers import (
    TOPOLOGIES,
    assert_close,
    gathered,
    random_layer,
    random_trains,
)

from eventsim.engine.sweep import row_sweep
from eventsim.engine.sweep.gathered_sweep import gathered_backward, gathered_forward
from eventsim.errors import ShapeError


# A run of 6 is 8.6 time constants of 0.7, less than a block, 300 of 0.02, and so many
# of 0.001 that the exponential of an input's age is 0.
@pytest.mark.parametrize("tau_g", [0.7, 0.02, 0.001])
@pytest.mark.parametrize("variant", ["plain", "driven", "graded", "ties"])
@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("model", ["srm_lif", "srm_lif general"])
def test_share_rows__are_the_shares_of_gathered_arrivals(
    model, topology, variant, tau_g
):
    rng = np.random.default_rng(3)
    topology = TOPOLOGIES[topology]
    layer = random_layer(rng, model, topology, variant == "driven")
    spikes = random_trains(
        rng, topology, has_values=variant == "graded", has_ties=variant == "ties"
    )
    ours = row_sweep.forward(layer, spikes, 6.0)
    theirs = gathered_forward(gathered(layer), spikes, 6.0)
    d_time = rng.normal(size=ours.spikes.time.size)
    a = row_sweep.backward(layer, spikes, ours, d_time, exponential_slope=tau_g)
    b = gathered_backward(
        gathered(layer), spikes, theirs, d_time, exponential_slope=tau_g
    )
    exact = row_sweep.backward(layer, spikes, ours, d_time)
    assert_close(a.input_time, b.input_time)
    assert np.abs(a.input_time - exact.input_time).max() > 1e-3
    np.testing.assert_array_equal(a.weight, exact.weight)


def test_share_rows__hand_out_all_of_it():
    # Without drives nothing else than inputs can be held responsible.
    rng = np.random.default_rng(4)
    layer = random_layer(rng, "srm_lif", TOPOLOGIES["dense"], False)
    spikes = random_trains(rng, layer.topology)
    ran = row_sweep.forward(layer, spikes, 6.0)
    d_time = rng.normal(size=ran.spikes.time.size)
    found = row_sweep.backward(layer, spikes, ran, d_time, exponential_slope=50.0)
    # So long a time constant makes all shares those of the weights, whose sum is
    # positive at a crossing.
    assert found.input_time.sum() == pytest.approx(d_time.sum(), rel=1e-9)


def test_share_rows__float32_is_close_to_float64():
    rng = np.random.default_rng(5)
    layer = random_layer(rng, "srm_lif", TOPOLOGIES["conv"], False, np.float32)
    spikes = random_trains(rng, layer.topology)
    ran = row_sweep.forward(layer, spikes, 6.0)
    d_time = rng.normal(size=ran.spikes.time.size)
    found = row_sweep.backward(layer, spikes, ran, d_time, exponential_slope=0.7)
    wide = gathered(layer)
    theirs = gathered_forward(wide, spikes, 6.0)
    assert theirs.spikes.time.size == ran.spikes.time.size > 20
    b = gathered_backward(wide, spikes, theirs, d_time, exponential_slope=0.7)
    assert_close(found.input_time, b.input_time, 1e-3)


@pytest.mark.parametrize(
    ("model", "tau", "message"),
    [("lif", 1.0, "exponential_slope was asked for"), ("srm_lif", -1.0, "positive")],
)
def test_backward__refuses_what_has_no_shares(model, tau, message):
    rng = np.random.default_rng(6)
    layer = random_layer(rng, model, TOPOLOGIES["dense"], False)
    spikes = random_trains(rng, layer.topology)
    ran = row_sweep.forward(layer, spikes, 6.0)
    d_time = np.ones(ran.spikes.time.size)
    with pytest.raises(ShapeError, match=message):
        row_sweep.backward(layer, spikes, ran, d_time, exponential_slope=tau)

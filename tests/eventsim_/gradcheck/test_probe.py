import numpy as np
import pytest
from eventsim_.losses.output_spikes import trains
from eventsim_.spiking_networks import random_network

from eventsim.config.loss_schema import TimeCrossEntropyConfig
from eventsim.engine.sweep import network as sweep
from eventsim.gradcheck.probe import Line, Probe, extrapolate, linear_loss
from eventsim.gradcheck.variables import constants_of, own_copy

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def probe():
    network = own_copy(random_network("dense", ["lif held"], 4, t_end=4.0))
    return Probe(
        sweep,
        network,
        np.random.default_rng(0).random((3, 6)),
        np.arange(3),
        TimeCrossEntropyConfig(),
        constants_of(network),
    )


def test_loss_at__a_constant_moves_the_loss_and_goes_back(probe):
    recording, loss = probe.run()
    state = probe.state(recording)
    tau = probe.constants[0].values
    line = Line(tau, np.array([0]), np.ones(1), is_positive=True)
    assert probe.loss_at(line, 0.0, state) == loss.value
    moved = probe.loss_at(line, 1e-4, state)
    assert moved is not None
    assert moved != loss.value
    assert tau.tolist() == [2.0]


def test_loss_at__says_where_a_choice_changes(probe):
    recording, _ = probe.run()
    theta = probe.network.layers[0].theta
    kept = theta.copy()
    line = Line(theta, np.arange(theta.size), np.ones(theta.size), is_positive=True)
    assert probe.loss_at(line, 1e6, probe.state(recording)) is None
    np.testing.assert_array_equal(theta, kept)


def test_loss_at__does_not_run_where_a_value_is_not_positive(probe, monkeypatch):
    recording, _ = probe.run()
    state = probe.state(recording)
    refractory = probe.constants[2].values
    line = Line(refractory, np.array([0]), np.ones(1), is_positive=True)
    monkeypatch.setattr(Probe, "run", None)
    assert probe.loss_at(line, -0.4, state) is None
    assert refractory.tolist() == [0.4]


def test_extrapolate__is_exact_for_polynomials():
    # f = x + x^3 + x^5 at 0: central differences 1 + h^2 + h^4.
    steps = [0.5 / 2**n for n in range(5)]
    found = extrapolate(iter([1 + h**2 + h**4 for h in steps]))
    assert found is not None
    assert found[0] == pytest.approx(1, abs=1e-14)
    assert extrapolate(iter([1.0, None])) is None


def test_linear_loss__follows_neurons_that_change_places():
    spikes = trains([(0.5, 1), (0.75, 0), (1.5, 1)], [(0.25, 2)])
    held = np.array([7.0, 10.0, 20.0, 100.0])  # by sample, neuron and time
    loss = linear_loss(spikes, held)
    assert loss.value == 7 * 0.75 + 10 * 0.5 + 20 * 1.5 + 100 * 0.25
    assert loss.d_output.tolist() == [10, 7, 20, 100]
    swapped = trains([(0.5, 0), (0.75, 1), (1.5, 1)], [(0.25, 2)])
    loss = linear_loss(swapped, held)
    assert loss.value == 7 * 0.5 + 10 * 0.75 + 20 * 1.5 + 100 * 0.25
    assert loss.d_output.tolist() == [7, 10, 20, 100]


def test_linear_loss__has_no_value_where_a_spike_is_gone():
    loss = linear_loss(trains([(0.5, 1)]), np.array([1.0, 2.0]))
    assert np.isnan(loss.value)

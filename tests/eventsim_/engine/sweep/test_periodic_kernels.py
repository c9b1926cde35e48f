"""Neurons that fire at multiples of a period, against the search for every spike."""

import numpy as np
import pytest
from eventsim_.gathered_layers import NEURONS, static

from eventsim.engine.sweep import driven_sweep
from eventsim.engine.sweep.driven_sweep import (
    DrivenNeurons,
    driven_backward,
    driven_forward,
    restarts,
)
from eventsim.neurons import model_of

MANY = 10**7
PERIODIC = {
    "srm_lif": static("srm_lif", tau_m=2.0, tau_s=1.0),
    "srm_lif 5, 3": static("srm_lif", tau_m=5.0, tau_s=3.0),
    "srm_lif slow synapse": static("srm_lif", tau_m=0.7, tau_s=3.0),
    "srm_lif equal": static("srm_lif", tau_m=2.0, tau_s=2.0),
    "srm_lif close": static("srm_lif", tau_m=2.0, tau_s=2.02),
    "srm_lif twice": static("srm_lif", tau_m=2.0, tau_s=1.0, max_spikes=2),
    "lif": static("lif", tau_m=2.0, tau_s=1.0),
}


def test_restarts__knows_who_is_at_rest_after_a_spike():
    found = {
        name
        for name, (neuron, _) in NEURONS.items()
        if restarts(model_of(neuron).dynamics(neuron))
    }
    # Subtracting leaves what a spike is above; a period lets the current settle.
    assert found >= {"lif", "lif general", "lif equal", "srm_lif", "srm_lif general"}
    assert not found & {"lif subtract", "srm_lif held", "slayer_srm", "lif_delta held"}


@pytest.mark.parametrize("t_end", [0.3, 6.0, 300.0])
@pytest.mark.parametrize("name", PERIODIC)
def test_period__is_what_the_search_finds(name, t_end, monkeypatch):
    neuron = PERIODIC[name]
    d = model_of(neuron).dynamics(neuron)
    rng = np.random.default_rng(0)
    # From drives that just reach the threshold to those that do at once.
    reach = driven_sweep._reach(d, t_end)
    drive = np.concatenate(
        [
            (1 + np.logspace(-6, 1, 200)) / reach,
            np.exp(rng.normal(0, 3, 200)),
            -rng.random(10),
        ]
    )[None]
    if t_end == 300.0:
        drive = np.minimum(drive, 30.0)
    neurons = DrivenNeurons(d, np.ones(drive.size), drive)
    seen = driven_forward(neurons, t_end, MANY)
    pull = np.sin(seen.spikes.time)
    by = driven_backward(neurons, seen, pull, with_rates=False)
    monkeypatch.setattr(driven_sweep, "restarts", lambda d: False)
    expected = driven_forward(neurons, t_end, MANY)
    one, other = seen.spikes, expected.spikes
    counts = np.abs(one.counts() - other.counts())
    # Roundings of a hundred spikes may take one past the end.
    assert counts.max() <= (1 if t_end == 300.0 else 0)
    first, first_expected = one.first_spikes()[0], other.first_spikes()[0]
    fired = np.isfinite(first_expected)
    assert fired.sum() > 150
    # A rounding of the potential, and of the two large terms that it is the small
    # difference of at first, is a time of that over its slope.
    slope = d.factor / np.abs(by_theta_of_first(neurons, expected))[fired]
    terms = 1 + drive[0][fired] * first_expected[fired]
    tolerance = 4e-15 * (first_expected[fired] + terms / slope)
    error = np.abs(first[fired] - first_expected[fired])
    assert np.array_equal(fired, np.isfinite(first))
    assert np.all(error <= tolerance), np.max(error / tolerance)
    if t_end == 300.0:
        return
    order, order_expected = (np.lexsort((s.time, s.neuron)) for s in (one, other))
    assert np.array_equal(seen.kind[order], expected.kind[order_expected])
    assert np.array_equal(one.neuron[order], other.neuron[order_expected])
    pull = np.empty(order.size)
    pull[order_expected] = np.sin(one.time)[order]
    by_search = driven_backward(neurons, expected, pull, with_rates=True)
    steep = np.zeros(drive.size, bool)
    steep[fired] = slope > 1e-3
    for a, b in ((by.theta, by_search.theta), (by.drive[0], by_search.drive[0])):
        np.testing.assert_allclose(a[steep], b[steep], rtol=1e-9, atol=1e-9)
    assert by.n_grazing == by_search.n_grazing


def by_theta_of_first(neurons, seen):
    """Return derivatives of first spikes by thresholds, one neuron each."""
    spikes = seen.spikes
    first = spikes.time == spikes.first_spikes()[0][spikes.neuron]
    return driven_backward(neurons, seen, first.astype(float)).theta

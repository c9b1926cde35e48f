import numpy as np
import pytest
from eventsim_.spiking_networks import dense_network

from eventsim.engine.sweep import network as sweep
from eventsim.spikes import SpikeTrains
from eventsim.training.statistics import EpochCounts, wake_silent


def recording_of(network, trains):
    """What the counts need of a recording."""

    class Recording(sweep.SpikeSweepRecording):
        def __init__(self):
            object.__setattr__(self, "trains", trains)

    return Recording()


def trains(n, *spikes, batch=2):
    """Spikes as (sample, time, neuron)."""
    spikes = sorted(spikes)
    sample = [s[0] for s in spikes]
    return SpikeTrains(
        np.array([s[1] for s in spikes], float),
        np.array([s[2] for s in spikes], np.int32),
        np.searchsorted(sample, np.arange(batch + 1)),
        n,
    )


NETWORK = dense_network(sizes=(2, 3, 2))


def counted():
    counts = EpochCounts(NETWORK)
    first = (
        trains(2),
        trains(3, (0, 1, 0), (0, 2, 0), (1, 1, 2)),
        trains(2, (0, 1, 1)),
    )
    second = (trains(2, batch=1), trains(3, batch=1), trains(2, batch=1))
    counts.add(
        recording_of(NETWORK, first), np.array([1, 0]), np.array([1, -1]), 2.0,
        np.array([1.0, -3.0]),
    )  # fmt: skip
    counts.add(
        recording_of(NETWORK, second), np.array([1]), np.array([0]), 5.0,
        np.array([2.0]),
    )  # fmt: skip
    return counts


def test_epoch_counts__answers_and_loss():
    counts = counted()
    assert (counts.n_samples, counts.n_right, counts.n_undecided) == (3, 1, 1)
    assert counts.loss == 2 * 2.0 + 5.0


def test_epoch_counts__spikes_and_silence():
    counts = counted()
    assert counts.spikes_per_neuron == pytest.approx(3 / (3 * 3))
    silent = {"layer_1 (dense 3)": 1 / 3, "layer_2 (dense 2)": 1 / 2}
    assert counts.silent == pytest.approx(silent)
    np.testing.assert_array_equal(counts.silent_features(1), [False, True, False])


def test_epoch_counts__output_gradients_are_means_of_batches():
    assert counted().output_gradient == ((-2 + 2) / 2, (4 + 2) / 2)
    assert EpochCounts(NETWORK).output_gradient is None


def test_wake_silent__lowers_thresholds_of_what_never_fired():
    network = dense_network(sizes=(2, 3, 2))
    wake_silent(network, counted(), 0.5)
    np.testing.assert_array_equal(network.layers[0].theta, [1, 0.5, 1])
    np.testing.assert_array_equal(network.layers[1].theta, [0.5, 1])


def test_wake_silent__stops_at_a_thousandth_of_the_weights():
    network = dense_network(sizes=(2, 3, 2))
    network.weights[0][:, 1] = [-3, -1]
    for _ in range(200):
        wake_silent(network, counted(), 0.5)
    assert network.layers[0].theta[1] == pytest.approx(4e-3)
    # One that is below already stays there.
    network.layers[0].theta[1] = 1e-4
    wake_silent(network, counted(), 0.5)
    assert network.layers[0].theta[1] == 1e-4


class FirstSpikes:
    """A recording that does not list spikes; each neuron fires once a sample."""

    def counts(self, k):
        return np.ones(NETWORK.layers[k - 1].n_neurons, int)


@pytest.mark.parametrize(("counts_all", "n_seen"), [(False, 2), (True, 25)])
def test_epoch_counts__counts_every_batch_if_asked(counts_all, n_seen):
    counts = EpochCounts(NETWORK, counts_all=counts_all)
    label = np.array([0])
    for _ in range(25):
        counts.add(FirstSpikes(), label, label, 1.0, None)
    assert counts._n_counted == n_seen
    assert counts.spikes_per_neuron == 1

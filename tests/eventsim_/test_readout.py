from types import SimpleNamespace

import numpy as np
import pytest
from eventsim_.builders import build, dense

from eventsim.config.loss_schema import (
    PotentialCrossEntropyConfig,
    SpikeRateConfig,
    TimeCrossEntropyConfig,
)
from eventsim.errors import ConfigError
from eventsim.losses import spike_rate
from eventsim.readout import class_scores, loss_of_output, predict, read_output
from eventsim.spikes import SpikeTrains

TIMES = np.array([[2.5, np.inf, 2.25], [np.inf, np.inf, np.inf]])
START = np.array([[0.5, -1.0, 0.25], [-0.5, 0.0, -2.0]])
SLOPE = np.array([[0.0, 3.0, 1.0], [0.25, 0.0, 0.0]])


def network(readout, **options):
    def ones(topology, _):
        return np.ones(topology.weight_shape)

    return build(
        (4,),
        [dense(5), dense(3)],
        weights=ones,
        time_window=2.0,
        readout=readout,
        **options,
    )


RECORDING = SimpleNamespace(
    output_potential=START, output_slope=SLOPE, times=lambda network, k: TIMES
)


def test_read_output__what_the_readout_names():
    def read(readout):
        return read_output(network(readout), RECORDING)

    assert np.array_equal(read("spike_time"), TIMES)
    # Potentials are kept in units of the time window, here 2.
    assert read("potential_start").tolist() == [[1, -2, 0.5], [-1, 0, -4]]
    assert read("potential_end").tolist() == [[1, 4, 2.5], [-0.5, 0, -4]]


def test_predict__earliest_spike_or_none():
    assert predict(network("spike_time"), TIMES).tolist() == [2, -1]
    tied = np.array([[np.inf, 2.5, 2.5]])
    assert predict(network("spike_time"), tied).tolist() == [1]


def test_predict__largest_potential():
    assert predict(network("potential_end"), START).tolist() == [0, 1]
    assert predict(network("potential_start"), np.zeros((1, 3))).tolist() == [0]


def test_loss_of_output__spike_times_with_silence_at_the_end_of_the_run():
    labels = np.array([0, 1])
    config = TimeCrossEntropyConfig(beta=1.5)
    loss = loss_of_output(network("spike_time"), RECORDING, TIMES, labels, config)
    # Two layers and the input: three windows of 2, so silence counts as t = 6.
    filled = np.where(np.isinf(TIMES), 6.0, TIMES)
    scores = np.exp(-1.5 * filled)
    share = scores[[0, 1], labels] / scores.sum(axis=1)
    assert loss.value == pytest.approx(-np.log(share).mean(), rel=1e-14)
    assert np.all(loss.d_output[np.isinf(TIMES)] == 0)
    assert loss.d_potential_end is None


def test_loss_of_output__potentials():
    labels = np.array([0, 2])
    config = PotentialCrossEntropyConfig(name="potential_cross_entropy", beta=0.5)
    loss = loss_of_output(network("potential_start"), RECORDING, START, labels, config)
    scores = np.exp(0.5 * START)
    share = scores[[0, 1], labels] / scores.sum(axis=1)
    assert loss.value == pytest.approx(-np.log(share).mean(), rel=1e-14)


def test_loss_of_output__adds_the_weighted_silence_penalty():
    labels = np.array([0, 2])
    net = network("spike_time")
    plain = loss_of_output(net, RECORDING, TIMES, labels, TimeCrossEntropyConfig())
    config = TimeCrossEntropyConfig(silence_penalty=3.0)
    loss = loss_of_output(net, RECORDING, TIMES, labels, config)
    # Sample 0's label fires. Sample 1's is silent at potential -2 * 2 = -4, so the
    # mean of the hinge over the batch is 4 / 2.
    assert loss.value - plain.value == pytest.approx(3.0 * 2.0, rel=1e-12)
    assert loss.d_potential_end.tolist() == [[0, 0, 0], [0, 0, -1.5]]


def test_loss_of_output__silent_neurons_have_the_time_that_is_given():
    labels = np.array([0, 1])
    config = TimeCrossEntropyConfig(beta=1.5, t_unfired=24.0)
    loss = loss_of_output(network("spike_time"), RECORDING, TIMES, labels, config)
    filled = np.where(np.isinf(TIMES), 24.0, TIMES)
    scores = np.exp(-1.5 * filled)
    share = scores[[0, 1], labels] / scores.sum(axis=1)
    assert loss.value == pytest.approx(-np.log(share).mean(), rel=1e-14)


@pytest.mark.parametrize("readout", ["spike_count", "weighted_count"])
def test_loss_of_output__all_spikes(readout):
    net = network(readout, threshold="static", t_end=6.0)
    spikes = SpikeTrains(
        np.array([0.5, 3.0]), np.array([2, 0], np.int32), np.array([0, 1, 2]), 3
    )
    recording = SimpleNamespace(trains=[None, None, spikes])
    labels = np.array([2, 1])
    output = read_output(net, recording)
    assert output is spikes
    config = SpikeRateConfig(name="spike_rate", rate_label=1.0, rate_other=0.0)
    found = loss_of_output(net, recording, output, labels, config)
    expected = spike_rate(spikes, labels, duration=6.0, rate_label=1.0, rate_other=0.0)
    assert found.value == expected.value
    assert found.d_output.tolist() == expected.d_output.tolist()
    assert class_scores(net, output).shape == (2, 3)


@pytest.mark.parametrize(
    ("readout", "config"),
    [
        ("spike_time", SpikeRateConfig(name="spike_rate")),
        (
            "spike_time",
            PotentialCrossEntropyConfig(name="potential_cross_entropy"),
        ),
        ("potential_end", TimeCrossEntropyConfig()),
    ],
)
def test_loss_of_output__refuses_losses_of_other_readouts(readout, config):
    with pytest.raises(ConfigError, match=f"'{config.name}' does not fit the readout"):
        loss_of_output(network(readout), RECORDING, TIMES, np.array([0, 1]), config)

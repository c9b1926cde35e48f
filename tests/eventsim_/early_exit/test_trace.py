from dataclasses import replace

import numpy as np
import pytest
from eventsim_.builders import build, dense, normal_weights
from eventsim_.early_exit.output_trains import reader

from eventsim.build import build_network
from eventsim.datasets import Split
from eventsim.early_exit.policies import FirstSpike, answers, decide
from eventsim.early_exit.trace import record_traces
from eventsim.engine.queue.network import forward_spikes
from eventsim.errors import DataError, ShapeError
from eventsim.evaluation import evaluate

pytestmark = pytest.mark.usefixtures("one_thread")

STATIC = "network.neuron={model: lif, tau_m: 8, tau_s: 4, theta: 1, reset: zero}"
LOSS = "loss={name: time_cross_entropy, beta: 10}"


@pytest.fixture
def split():
    rng = np.random.default_rng(0)
    return Split(rng.random((7, 4)), np.arange(7) % 3)


@pytest.mark.parametrize("threshold", ["dynamic", "static"])
def test_record_traces__show_what_evaluate_measures(
    tiny_config, split, threshold, monkeypatch
):
    monkeypatch.setattr("eventsim.early_exit.trace.SAMPLES_AT_ONCE", 3)
    config = tiny_config(*([STATIC, LOSS] if threshold == "static" else []))
    network = build_network(config, (4,), 3)
    traces = list(record_traces(network, split, config))
    assert [trace.labels.size for trace in traces] == [3, 3, 1]
    expected = evaluate(network, split, config)
    answer = [answers(network, trace.output) for trace in traces]
    labels = np.concatenate([trace.labels for trace in traces])
    assert np.mean(np.concatenate(answer) == labels) == expected.accuracy
    for k, counts in enumerate(expected.spike_counts):
        found = sum(trace.trains[k].counts() for trace in traces)
        assert found.tolist() == counts.tolist()
    first = [decide(FirstSpike(), network, trace.output).time for trace in traces]
    assert np.concatenate(first).mean() == pytest.approx(
        expected.mean_decision_time, rel=1e-12
    )


def test_record_traces__are_what_the_queue_finds(tiny_config, split):
    config = tiny_config(STATIC, LOSS)
    network = build_network(config, (4,), 3).astype(np.float64)
    (trace,) = record_traces(network, split, config)
    other = forward_spikes(network, trace.trains[0]).trains
    for one, two in zip(trace.trains, other, strict=True):
        np.testing.assert_allclose(one.time, two.time, rtol=1e-12)
        assert one.offsets.tolist() == two.offsets.tolist()


def test_record_traces__keep_the_currents_of_driven_networks(tiny_config, split):
    config = tiny_config(STATIC, LOSS, "encode={coding: direct}")
    network = build_network(config, (4,), 3)
    (trace,) = record_traces(network, split, config)
    assert trace.currents.tolist() == split.inputs.tolist()
    assert trace.trains[0].time.size == 0
    part = trace.samples(2, 5)
    assert part.currents.tolist() == split.inputs[2:5].tolist()
    assert part.labels.tolist() == [2, 0, 1]
    assert part.output.batch == 3


def test_record_traces__are_in_float64(tiny_config, split):
    config = tiny_config(STATIC, LOSS)
    network = build_network(config, (4,), 3).astype(np.float32)
    (trace,) = record_traces(network, split, config)
    assert {train.time.dtype for train in trace.trains} == {np.dtype(np.float64)}


def test_record_traces__refuse_potentials_and_nothing(tiny_config, split):
    weights = normal_weights(np.random.default_rng(0))
    network = build((5,), [dense(3)], weights=weights, readout="potential_end")
    with pytest.raises(ShapeError, match="readout 'potential_end'"):
        next(record_traces(network, split, tiny_config()))
    empty = replace(split, inputs=split.inputs[:0], labels=split.labels[:0])
    with pytest.raises(DataError, match="the set of samples is empty"):
        next(record_traces(reader(), empty, tiny_config()))

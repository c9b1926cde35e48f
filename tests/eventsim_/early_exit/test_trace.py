from dataclasses import replace

import numpy as np
import pytest
from eventsim_.builders import build, dense, normal_weights
from eventsim_.early_exit.output_trains import reader

from eventsim.build import build_network
from eventsim.datasets import Split
from eventsim.early_exit.policies import FirstSpike, answers, decide
from eventsim.early_exit.trace import record_traces
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
def test_record_traces__show_what_evaluate_measures(tiny_config, split, threshold):
    config = tiny_config(*([STATIC, LOSS] if threshold == "static" else []))
    network = build_network(config, (4,), 3)
    traces = list(record_traces(network, split, config, size=3))
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


@pytest.mark.parametrize("engine", ["sweep", "queue"])
def test_record_traces__of_any_engine(tiny_config, split, engine):
    config = tiny_config(STATIC, LOSS)
    network = build_network(config, (4,), 3)
    (auto,) = record_traces(network, split, config)
    (other,) = record_traces(network, split, config, engine=engine)
    for one, two in zip(auto.trains, other.trains, strict=True):
        np.testing.assert_allclose(one.time, two.time, rtol=1e-12)
        assert one.offsets.tolist() == two.offsets.tolist()


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

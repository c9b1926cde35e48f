from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hwmodel_.builders import LIF, dense_model, made_up_trace, make_network

from eventsim.errors import ConfigError, ShapeError
from eventsim.spikes import SpikeTrains
from eventsim.topology import Dense
from hwmodel.early_exit.decisions import FULL_RUN, accuracy_at, decided_runs
from hwmodel.errors import WorkloadError
from hwmodel.workload.trace import SpikeTrace

NETWORK = replace(
    make_network((1,), (Dense((1,), 3), [[1.0, 1.0, 1.0]]), neuron=LIF, t_end=4.0),
    readout="spike_count",
)

# Class 0 leads first, class 2 in the end; two at once; silent; one at the very end.
SAMPLES = [
    [(1.0, 0), (2.0, 2), (3.0, 2), (3.5, 2)],
    [(1.5, 2), (1.5, 1), (2.5, 1)],
    [],
    [(4.0, 0)],
]
LABELS = np.array([2, 1, 0, 0])


def trains_of(samples, n_neurons):
    time = np.array([t for sample in samples for t, _ in sample])
    neuron = np.array([i for sample in samples for _, i in sample], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(sample) for sample in samples])])
    return SpikeTrains(time, neuron, offsets.astype(np.int64), n_neurons)


TRACE = SpikeTrace(
    "t.npz", (trains_of([[]] * 4, 1), trains_of(SAMPLES, 3)), 4.0, LABELS
)


def only(name):
    full, found = decided_runs([name], NETWORK, TRACE)
    assert (full.policy, full.value) == (FULL_RUN, None)
    return found


def test_decided_runs__full_run_is_the_readout_at_the_end():
    (full,) = decided_runs(["fixed_time=4"], NETWORK, TRACE)[:1]
    assert full.decisions.time.tolist() == [4.0] * 4
    assert full.decisions.label.tolist() == [2, 1, -1, 0]
    assert full.is_right.tolist() == [True, True, False, True]
    assert (full.accuracy, full.undecided) == (0.75, 0.25)


@pytest.mark.parametrize(
    ("name", "value", "times", "labels", "undecided"),
    [
        # of two at one time the lower class
        ("first_spike", None, [1.0, 1.5, 4.0, 4.0], [0, 1, -1, 0], 1),
        # two at one time lead together, so nobody does
        ("leader", None, [1.0, 2.5, 4.0, 4.0], [0, 1, -1, 0], 1),
        # never reached: the end, and the readout's answer
        ("margin=2", 2.0, [3.5, 4.0, 4.0, 4.0], [2, 1, -1, 0], 3),
        # a spike at the deadline counts; silent samples are undecided
        ("fixed_time=1.5", 1.5, [1.5] * 4, [0, 1, -1, -1], 2),
        # probabilities 2/3 of one spike, 7/12 of two against one
        ("confidence=0.6", 0.6, [1.0, 4.0, 4.0, 4.0], [0, 1, -1, 0], 2),
    ],
)
def test_decided_runs__ties_silence_and_the_end(name, value, times, labels, undecided):
    found = only(name)
    assert (found.policy, found.value) == (name.partition("=")[0], value)
    assert found.decisions.time.tolist() == times
    assert found.decisions.label.tolist() == labels
    assert found.undecided == undecided / 4
    assert found.is_right.tolist() == (np.array(labels) == LABELS).tolist()


def test_decided_runs__sweeps_stop_at_leads_that_are_possible():
    names = [(run.policy, run.value) for run in decided_runs([], NETWORK, TRACE)]
    assert names[:3] == [(FULL_RUN, None), ("first_spike", None), ("leader", None)]
    assert [value for name, value in names if name == "margin"] == [2.0, 3.0]
    assert names[-1] == ("fixed_time", 4.0)
    silent = replace(TRACE, trains=(TRACE.trains[0], trains_of([[]] * 4, 3)))
    assert ("margin", 1.0) in [
        (run.policy, run.value) for run in decided_runs(["margin"], NETWORK, silent)
    ]


def test_accuracy_at__is_that_of_the_spikes_until_then():
    times = np.array([0.0, 1.0, 1.5, 2.5, 3.0, 4.0])
    # class 1 of the second sample wins its tie as the lower one
    expected = [0, 0, 0.25, 0.25, 0.5, 0.75]
    assert accuracy_at(NETWORK, TRACE, times).tolist() == expected


def test_decided_runs__refuses_a_trace_without_labels():
    bare = replace(TRACE, labels=None)
    with pytest.raises(
        WorkloadError, match=r"trace 't\.npz' has no array 'label'; exp"
    ):
        decided_runs([], NETWORK, bare)
    with pytest.raises(WorkloadError, match="without which there is no accuracy"):
        accuracy_at(NETWORK, bare, np.zeros(1))


def test_decided_runs__refuses_a_class_that_the_model_does_not_have():
    strange = replace(TRACE, labels=TRACE.labels + 50)
    with pytest.raises(
        WorkloadError, match=r"trace 't\.npz': array 'label': entry 0 .*the classes"
    ):
        decided_runs([], NETWORK, strange)


def test_decided_runs__refuses_another_end():
    longer = replace(TRACE, duration=5.0)
    with pytest.raises(WorkloadError, match="ends at 5, the model's run at 4; expecte"):
        decided_runs([], NETWORK, longer)


def test_decided_runs__refuses_potentials():
    rng = np.random.default_rng(0)
    network = replace(dense_model([3, 2], rng).network, readout="potential_end")
    trace = made_up_trace(network, rng, duration=network.duration)
    with pytest.raises(ShapeError, match="readout 'potential_end'; expected"):
        decided_runs([], network, trace)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fastest", "there is no policy 'fastest'; expected one of first_spike"),
        ("fixed_time=4.5", "fixed_time is 4.5; expected at most 4, the end of the run"),
    ],
)
def test_decided_runs__refuses_policies(name, message):
    with pytest.raises(ConfigError, match=message):
        decided_runs([name], NETWORK, TRACE)


def test_decisions__load_no_numba():
    code = (
        "import sys, hwmodel.early_exit.analysis\n"
        "print([name for name in ('numba', 'scipy') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

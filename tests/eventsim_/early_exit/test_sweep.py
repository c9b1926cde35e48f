from dataclasses import replace

import numpy as np
import pytest
from eventsim_.early_exit.output_trains import reader, samples

from eventsim.early_exit.policies import FirstSpike, FixedTime, Leader, Margin
from eventsim.early_exit.spending import operations_of, spikes_of
from eventsim.early_exit.sweep import (
    exit_point,
    joined,
    outcome,
    policies_named,
)
from eventsim.early_exit.trace import Trace

NETWORK = reader(n_classes=2, t_end=10.0)


def made(batch=20):
    """Sample k is decided at k / 2 by one spike of class k % 2; the last one is silent.

    Each has an input spike at 0, which has 2 synapses.
    """
    events = [[(k / 2, k % 2)] for k in range(batch - 1)] + [[]]
    inputs = samples(*[[(0.0, 0)]] * batch, n_classes=2)
    labels = np.zeros(batch, int)
    return Trace(NETWORK, (inputs, samples(*events, n_classes=2)), labels)


def point(policy, trace):
    spikes, operations = spikes_of(trace), operations_of(trace)
    found = outcome(policy, trace, spikes, operations)
    return exit_point(policy, found, spikes.all.sum(), operations.all.sum())


def test_exit_point__by_hand():
    found = point(FirstSpike(), made())
    assert found.accuracy == 0.5
    assert found.accuracy_decided == pytest.approx(10 / 19)
    assert found.undecided == 1 / 20  # not 1 - 19 / 20
    # Times 0, 1/2, ..., 9 and 10 for the silent one.
    assert found.mean_time == pytest.approx((sum(range(19)) / 2 + 10) / 20)
    assert (found.median_time, found.p95_time, found.p99_time) == (4.5, 9.0, 10.0)
    assert (found.spikes, found.spikes_saved) == (19 / 20, 0)
    assert (found.sops, found.sops_saved) == (2, 0)


def test_exit_point__shares_that_are_saved():
    found = point(FixedTime(2.0), made())
    assert found.spikes == 5 / 20
    assert found.spikes_saved == pytest.approx(1 - 5 / 19)
    assert found.accuracy == 3 / 20
    assert found.undecided == pytest.approx(15 / 20)
    silent = made(1)
    assert point(Leader(), silent).spikes_saved == 0
    assert point(Leader(), silent).accuracy_decided is None


def test_joined__is_the_outcome_of_all():
    trace = made()
    spikes, operations = spikes_of(trace), operations_of(trace)
    whole = outcome(Leader(), trace, spikes, operations)
    both = joined([whole, whole])
    assert both.is_right.tolist() == 2 * whole.is_right.tolist()
    assert both.decisions.time.tolist() == 2 * whole.decisions.time.tolist()
    assert both.n_operations.sum() == 2 * whole.n_operations.sum()
    assert both.layer_spikes.tolist() == (2 * whole.layer_spikes).tolist()


def test_outcome__layer_spikes_up_to_the_decision_by_hand():
    trace = made(4)  # inputs at 0, decisions at 0, 1/2, 1 and never
    spikes, operations = spikes_of(trace), operations_of(trace)
    found = outcome(FixedTime(0.5), trace, spikes, operations)
    assert found.layer_spikes.tolist() == [4, 2]
    found = outcome(FirstSpike(), trace, spikes, operations)
    assert found.layer_spikes.tolist() == [4, 3]


def test_policies_named__no_margin_that_the_output_cannot_reach():
    (layer,) = NETWORK.layers
    once = replace(layer, neuron=replace(layer.neuron, max_spikes=2))
    network = replace(NETWORK, layers=(once,))
    assert policies_named(["margin"], network) == [Margin(1), Margin(2)]
    once = replace(layer, neuron=replace(layer.neuron, max_spikes=1))
    network = replace(NETWORK, layers=(once,))
    assert policies_named(["margin"], network) == [Margin(1)]
    assert policies_named(["leader", "margin"], network) == [Leader()]

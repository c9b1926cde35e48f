"""Policies against their definition, looked up at a fine set of times."""

import math
from dataclasses import replace

import numpy as np
import pytest
from eventsim_.early_exit.output_trains import T_END, random_output, reader, samples

from eventsim.early_exit.output_counts import until
from eventsim.early_exit.policies import (
    Confidence,
    FirstSpike,
    FixedTime,
    Leader,
    Margin,
    answers,
    decide,
    probability,
    require_output_spikes,
    smoothing_of,
)
from eventsim.errors import ConfigError, ShapeError

POLICIES = [
    FirstSpike(),
    Leader(),
    Margin(2),
    Margin(4),
    Confidence(0.6),
    Confidence(0.7, smoothing=0.5),
    Confidence(0.9, window=0.75, smoothing=0.01),
    Confidence(0.7, window=2.0, smoothing=0.2),
    Confidence(0.45, window=1.0, smoothing=1.0),
]


def holds(policy, counts):
    """Whether a policy may decide at these counts, and for whom: by the words."""
    best = max(counts)
    leaders = [n for n, c in enumerate(counts) if c == best]
    if best == 0:
        return None
    if isinstance(policy, FirstSpike):
        return min(n for n, c in enumerate(counts) if c > 0)
    if len(leaders) > 1:
        return None
    needed = policy.spikes if isinstance(policy, Margin) else 1
    if any(best - c < needed for n, c in enumerate(counts) if n != leaders[0]):
        return None
    if isinstance(policy, Confidence):
        e = 1 / len(counts) if policy.smoothing is None else policy.smoothing
        if (best + e) / (sum(counts) + len(counts) * e) < policy.probability:
            return None
    return leaders[0]


def looked_up(policy, one, network):
    """Time, class and whether decided, by trying many times one after the other."""
    window = getattr(policy, "window", None) or math.inf
    spikes = list(zip(one.time.tolist(), one.neuron.tolist(), strict=True))
    moments = {t for t, _ in spikes} | {t + window for t, _ in spikes}
    # A fine grid as well: nothing may be decided away from these moments.
    for t in sorted(moments | set(np.linspace(0, T_END, 100).tolist())):
        if t > T_END:
            break
        counts = [0] * one.n_neurons
        for s, n in spikes:
            counts[n] += s <= t < s + window
        label = holds(policy, counts)
        if label is not None:
            return t, label, True
    return T_END, int(answers(network, one)[0]), False


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("readout", ["spike_count", "weighted_count", "spike_time"])
def test_decide__is_what_a_fine_set_of_times_shows(policy, ties, readout):
    network = reader(readout)
    decided = set()
    for seed in range(2):
        output = random_output(seed, ties=ties)
        found = decide(policy, network, output)
        for b in range(output.batch):
            expected = looked_up(policy, output.samples(b, b + 1), network)
            decided.add(expected[2])
            got = found.time[b], found.label[b], found.is_decided[b]
            assert got == expected
    assert decided == {True, False}


@pytest.mark.parametrize("policy", [*POLICIES, FixedTime(3.0)], ids=str)
def test_decide__later_spikes_do_not_change_it(policy):
    network, output = reader(), random_output(5, batch=30)
    found = decide(policy, network, output)
    for b in np.flatnonzero(found.is_decided):
        one = output.samples(b, b + 1)
        early = decide(policy, network, until(one, found.time[b]))
        assert (early.time[0], early.label[0]) == (found.time[b], found.label[b])
        before = np.nextafter(found.time[b], -1)
        if not isinstance(policy, FixedTime) and before >= 0:
            later = decide(policy, network, until(one, before))
            assert later.time[0] >= found.time[b]


def test_decide__ties_by_hand():
    output = samples(
        [(1, 1), (1, 2), (2, 2)],
        [(1, 2), (1, 2), (1, 0)],
        [(1, 0), (1, 1)],
        [],
        [(8, 1)],
    )
    network = reader()
    first = decide(FirstSpike(), network, output)
    assert first.label.tolist() == [1, 0, 0, -1, 1]
    assert first.time.tolist() == [1, 1, 1, 8, 8]
    assert first.is_decided.tolist() == [True, True, True, False, True]
    leader = decide(Leader(), network, output)
    # Undecided: the readout's class, of a tie the lowest. At the end is in time.
    assert leader.label.tolist() == [2, 2, 0, -1, 1]
    assert leader.time.tolist() == [2, 1, 8, 8, 8]
    assert leader.is_decided.tolist() == [True, True, False, False, True]
    margin, plain = decide(Margin(1), network, output), vars(leader)
    assert all(np.array_equal(vars(margin)[k], plain[k]) for k in plain)


def test_decide__window_by_hand():
    # (t - 1, t]: 1:1 until the first spike leaves at 2, both spikes gone at 2.5.
    output = samples([(1, 0), (1.5, 2)], [(1, 0), (1, 2)], [(1, 0), (2, 2)])
    policy = Confidence(0.9, window=1.0, smoothing=0.01)
    found = decide(policy, reader(), output)
    assert found.time.tolist() == [1, 8, 1]
    found = decide(policy, reader(), samples(
        [(1, 0), (1, 2), (1.5, 2)], [(7.5, 0), (7.5, 1), (8, 1)]))  # fmt: skip
    # The second one would be decided at 8.5, after the end.
    assert (found.time.tolist(), found.label.tolist()) == ([2, 8], [2, 1])
    assert found.is_decided.tolist() == [True, False]


def test_decide__fixed_time_reads_as_the_network_does():
    output = samples([(1, 2), (2, 1), (3, 1)], [(2, 0)], [(4, 1)])
    for t, readout, labels in (
        (2.0, "spike_count", [1, 0, -1]),
        (2.0, "weighted_count", [2, 0, -1]),
        (3.0, "spike_time", [2, 0, -1]),
        (0.0, "spike_time", [-1, -1, -1]),
    ):
        found = decide(FixedTime(t), reader(readout), output)
        assert found.label.tolist() == labels
        assert found.is_decided.tolist() == [label >= 0 for label in labels]
        assert np.all(found.time == t)


def test_probability__adds_the_smoothing():
    counts = np.array([[3, 1, 0], [0, 0, 0]])
    assert probability(counts, 0.5).tolist() == [3.5 / 5.5, 1 / 3]


@pytest.mark.parametrize("n_classes", [2, 3, 10, 100])
def test_probability__adds_one_spike_in_all_by_default(n_classes):
    counts = np.zeros((3, n_classes), int)
    counts[1, 0], counts[2, 0] = 1, 9
    expected = [1 / n_classes, (1 + 1 / n_classes) / 2, (9 + 1 / n_classes) / 10]
    assert probability(counts) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("smoothing", [0, -1, math.nan, math.inf])
def test_smoothing_of__refuses_what_is_no_positive_number(smoothing):
    with pytest.raises(ConfigError, match=f"smoothing is {smoothing:g}; expected a po"):
        smoothing_of(smoothing, 10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Margin(0), "margin is 0 spikes; expected a whole number, at least 1"),
        (lambda: Margin(1.5), "margin is 1.5 spikes"),
        (lambda: Margin(math.inf), "margin is inf spikes"),
        (lambda: Confidence(0.0), "confidence is 0; expected a probability above 0"),
        (lambda: Confidence(1.1), "confidence is 1.1; expected a probability"),
        (lambda: Confidence(math.nan), "confidence is nan; expected a probability"),
        (lambda: Confidence(0.5, window=0.0), "window is 0; expected a positive"),
        (lambda: Confidence(0.5, smoothing=-1), "smoothing is -1; expected a positive"),
        (lambda: FixedTime(-1.0), "fixed_time is -1; expected a time from 0 on"),
        (lambda: decide(FixedTime(9.0), reader(), samples([])),
         "fixed_time is 9; expected at most 8, the end of the run"),
    ],
)  # fmt: skip
def test_policies__refuse_what_has_no_meaning(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_require_output_spikes__refuses_potentials():
    require_output_spikes(reader())
    network = replace(reader())
    object.__setattr__(network, "readout", "potential_end")
    with pytest.raises(ShapeError, match="readout 'potential_end'; expected 'spike_t"):
        require_output_spikes(network)

"""The published protocol and the rule of the released code, sample by sample."""

import numpy as np
import pytest
from eventsim_.early_exit.output_trains import T_END, random_output, samples

from eventsim.early_exit.published import (
    PROTOCOLS,
    PUBLISHED,
    published_exit,
    published_exits,
    running_best,
)
from eventsim.errors import ConfigError


def first_to_differ(spikes):
    """(time, class) or None, by going through the times."""
    times = sorted({t for t, _ in spikes})
    if not times:
        return None
    candidates = {n for t, n in spikes if t == times[0]}
    for now in times:
        counts = {n: sum(t <= now and m == n for t, m in spikes) for n in candidates}
        best = max(counts.values())
        if list(counts.values()).count(best) == 1:
            return now, max(counts, key=counts.get)
    return None


def binned(spikes, steps):
    """The set of (step from 0, class) of spikes in ``(m T / n, (m + 1) T / n]``."""
    found = set()
    for t, n in spikes:
        step = 0
        while t > (step + 1) * T_END / steps:
            step += 1
        found.add((step, n))
    return sorted(found)


def legacy(spikes, steps, n_classes, label):
    """Share of the duration from step 0, and whether right, as the code does it."""
    raster = np.zeros((steps, n_classes), int)
    for step, n in binned(spikes, steps):
        raster[step, n] = 1
    predicted = int(np.argmax(raster.T @ (2.0 ** -np.arange(steps))))
    top = -np.sort(-raster, axis=1)
    step = int(np.argmax(top[:, 0] != top[:, 1]))
    neuron = int(np.argmax(raster[step]))
    is_right = predicted == label
    in_time = neuron == predicted and is_right
    return (step / steps if in_time else 1.0), is_right


def listed(output):
    return [
        list(zip(one.time.tolist(), one.neuron.tolist(), strict=True))
        for one in (output.samples(b, b + 1) for b in range(output.batch))
    ]


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("steps", [None, 4, 10])
def test_published_exit__paper_rule_sample_by_sample(ties, steps):
    output, labels = random_output(4, batch=80, ties=ties), np.arange(80) % 3
    found = published_exit(output, labels, T_END, steps=steps)
    shares, zero, right, undecided = [], [], 0, 0
    for spikes, label in zip(listed(output), labels, strict=True):
        if steps is not None:
            spikes = binned(spikes, steps)
        decision = first_to_differ(spikes)
        undecided += decision is None
        is_right = decision is not None and decision[1] == label
        right += is_right
        if not is_right:
            shares.append(1.0)
            zero.append(1.0)
        elif steps is None:
            shares.append(decision[0] / T_END)
            zero.append(decision[0] / T_END)
        else:
            shares.append((decision[0] + 1) / steps)
            zero.append(decision[0] / steps)
    assert found.accuracy == pytest.approx(right / 80)
    assert found.time == pytest.approx(np.mean(shares), rel=1e-12)
    assert found.time_from_zero == pytest.approx(np.mean(zero), rel=1e-12)
    assert found.undecided == pytest.approx(undecided / 80)
    assert 0 < undecided < right


@pytest.mark.parametrize("ties", [True, False])
def test_published_exit__legacy_rule_sample_by_sample(ties):
    output, labels = random_output(4, batch=80, ties=ties), np.arange(80) % 3
    found = published_exit(output, labels, T_END, rule="legacy", steps=10)
    expected = [
        legacy(spikes, 10, 3, label)
        for spikes, label in zip(listed(output), labels, strict=True)
    ]
    assert found.time_from_zero == pytest.approx(np.mean([e[0] for e in expected]))
    assert found.accuracy == pytest.approx(np.mean([e[1] for e in expected]))
    in_time = np.mean([e[0] < 1 for e in expected])
    assert found.time - found.time_from_zero == pytest.approx(in_time / 10)
    assert found.undecided == 0


def test_published_exit__simultaneous_first_spikes_by_hand():
    output = samples(
        [(1, 0), (1, 1), (2, 2), (2, 2), (3, 1)],  # class 2 was not first
        [(1, 0), (1, 1)],
        [(2, 1)],
    )
    found = published_exit(output, np.array([1, 0, 1]), 8.0)
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.time == pytest.approx((3 / 8 + 1 + 2 / 8) / 3)
    assert found.undecided == pytest.approx(1 / 3)


def test_published_exit__steps_end_with_their_last_moment():
    output = samples([(0.0, 0)], [(0.8, 0)], [(np.nextafter(0.8, 1), 0)], [(8.0, 0)])
    found = [
        published_exit(output.samples(b, b + 1), np.zeros(1, int), 8.0, steps=10)
        for b in range(4)
    ]
    assert [f.time for f in found] == pytest.approx([0.1, 0.1, 0.2, 1.0])
    assert [f.time_from_zero for f in found] == pytest.approx([0, 0, 0.1, 0.9])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "legacy"}, "rule 'legacy' with steps None; expected 'paper', or"),
        ({"rule": "other"}, "rule 'other' with steps None"),
        ({"steps": 0}, "steps is 0; expected at least 1"),
        ({"labels": np.zeros(2, int)}, "2 labels for 1 samples; expected one for each"),
    ],
)
def test_published_exit__refuses_what_has_no_meaning(options, message):
    given = {"labels": np.zeros(1, int), **options}
    with pytest.raises(ConfigError, match=message):
        published_exit(samples([(1, 0)]), duration=8.0, **given)


def test_published_exits__are_those_of_the_protocols():
    output, labels = samples([(1, 0)], [(2.5, 1), (3, 0)]), np.array([0, 0])
    found = published_exits(output, labels, 8.0)
    assert list(found) == list(PROTOCOLS)
    first, steps, released = found.values()
    assert first == published_exit(output, labels, 8.0)
    assert steps == published_exit(output, labels, 8.0, steps=10)
    assert released == published_exit(output, labels, 8.0, rule="legacy", steps=10)
    assert steps != first


WORST = {"accuracy": 0.0, "time": 1.0, "time_from_zero": 1.0}


def test_running_best__each_number_by_itself():
    def line(epoch, *numbers):
        names = ("accuracy", "time", "time_from_zero")
        exact = dict(zip(names, numbers, strict=True))
        return {"epoch": epoch, "exit": {"exact times": exact, "10 steps": WORST}}

    history = [
        line(1, 0.9, 0.3, 0.3),
        line(2, 0.8, 0.2, 0.1),
        {"epoch": 3, "train_loss": 1.0},
        line(4, 0.95, 0.25, 0.2),
        {"epoch": 5, "exit": None},
    ]
    found = [tuple(vars(b).values()) for b in running_best(history)]
    assert found[::2] == [
        (1, "exact times", 0.9, 0.3, 0.3),
        (2, "exact times", 0.9, 0.2, 0.1),
        (4, "exact times", 0.95, 0.2, 0.1),
    ]
    assert found[-1] == (4, "10 steps", 0.0, 1.0, 1.0)
    assert running_best([{"epoch": 1}]) == []


def test_published__is_a_running_best():
    accuracy = [PUBLISHED[epoch][0] for epoch in range(10, 101, 10)]
    time = [PUBLISHED[epoch][1] for epoch in range(10, 101, 10)]
    assert accuracy == sorted(accuracy)
    assert time == sorted(time, reverse=True)

from __future__ import annotations

import numpy as np
import pytest
from hwmodel_.early_exit.event_oracle import counted, events_of
from hwmodel_.early_exit.exit_setups import (
    NETWORKS,
    PORT,
    SILICON,
    TRAVEL,
    priced_chip,
    setup,
)

from eventsim.spikes import SpikeTrains
from hwmodel.early_exit.counting import counts_until
from hwmodel.early_exit.effects import COLUMNS, Effects, effects_of

UNITS_PER_SECOND = 1024.0  # a hop along x takes 1/8, along y 1/4


def found_counts(network, trace, full, times, per_second, most=1 << 22):
    effects = effects_of(
        network, full.mapping, full.chip, full.casting, PORT, per_second
    )
    parts = counts_until(effects, trace.trains, times, trace.duration, most)
    return np.concatenate([part.counts for part in parts], axis=1)


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("travels", [False, True])
def test_counts_until__are_those_of_every_event_by_itself(build, casting, travels):
    chip = priced_chip(*TRAVEL)
    network, trace, full = setup(build, chip, casting=casting)
    hop = (0.125, 0.25) if travels else (0.0, 0.0)
    per_second = UNITS_PER_SECOND if travels else None
    events = events_of(
        network, trace, full.mapping, casting=casting, port=PORT, hop=hop
    )
    # On events, between them, before all and at the end.
    grid = np.arange(0, 17) / 16 * trace.duration
    times = np.concatenate([grid, grid[1:] - 0.01, [0.0]])
    per_sample = np.broadcast_to(times[:, None], (times.size, 3))
    counts = found_counts(network, trace, full, per_sample, per_second)
    for b, sample in enumerate(events):
        for row, t in enumerate(times.tolist()):
            expected = [counted(sample, t, name) for name in COLUMNS]
            assert counts[row, b].tolist() == expected, t
    assert counts[16].sum(axis=0).min() >= 0
    in_flight = counts[..., COLUMNS.index("sent")] - counts[..., 2]
    assert (in_flight >= 0).all()
    assert in_flight.any() == travels
    assert not in_flight[16].any()


@pytest.mark.parametrize("casting", ["multicast", "unicast"])
@pytest.mark.parametrize(
    ("build", "most"), [("dense", 1), ("conv", 1), ("conv", 2), ("earliest pool", 1)]
)
def test_counts_until__copies_act_and_fire_with_their_neuron(build, most, casting):
    chip = priced_chip(*TRAVEL, *SILICON, f"limits.target_cores={most}", neurons=4)
    network, trace, full = setup(build, chip, casting=casting, limits="silicon")
    assert sum(layer.copies for layer in full.counts.layers) > 0
    events = events_of(
        network, trace, full.mapping, casting=casting, port=PORT, hop=(0.125, 0.25)
    )
    times = np.arange(0, 17)[:, None] / 16 * trace.duration * np.ones(3)
    counts = found_counts(network, trace, full, times, UNITS_PER_SECOND)
    for b, sample in enumerate(events):
        for row, t in enumerate(times[:, b].tolist()):
            expected = [counted(sample, t, name) for name in COLUMNS]
            assert counts[row, b].tolist() == expected, t


def test_counts_until__each_sample_at_its_own_time():
    network, trace, full = setup("dense", priced_chip(*TRAVEL), seed=3)
    rng = np.random.default_rng(1)
    times = rng.integers(0, 17, (5, 3)) / 8
    together = found_counts(network, trace, full, times, UNITS_PER_SECOND)
    for row, own in enumerate(times):
        for b, t in enumerate(own.tolist()):
            alone = found_counts(
                network, trace, full, np.full((1, 3), t), UNITS_PER_SECOND
            )
            assert together[row, b].tolist() == alone[0, b].tolist()


@pytest.mark.parametrize("most", [1, 500, 1 << 22])
def test_counts_until__does_not_depend_on_how_many_are_done_at_once(most):
    network, trace, full = setup("average pool", priced_chip(*TRAVEL))
    times = np.linspace(0, 2, 7)[:, None] * np.ones(3)
    expected = found_counts(network, trace, full, times, UNITS_PER_SECOND)
    found = found_counts(network, trace, full, times, UNITS_PER_SECOND, most)
    assert (found == expected).all()


def two_effects(delay):
    """One neuron; each spike has an operation and, later, two more."""
    return Effects(
        0, (0,), np.array([0, 2]), np.array([0.0, delay]), np.array([[1], [2]])
    )


def test_counts_until__what_comes_after_the_end_is_counted_there():
    train = SpikeTrains(
        np.array([0.5, 1.0]), np.zeros(2, np.int32), np.array([0, 2]), 1
    )
    times = np.array([[0.0], [0.5], [1.0], [1.25], [1.5], [1.999], [2.0]])
    (part,) = counts_until([two_effects(0.75)], [train], times, 2.0)
    assert part.counts[:, 0, 0].tolist() == [0, 1, 2, 4, 4, 6, 6]
    (part,) = counts_until([two_effects(5.0)], [train], times, 2.0)
    assert part.counts[:, 0, 0].tolist() == [0, 1, 2, 2, 2, 2, 6]


def test_counts_until__samples_without_spikes():
    train = SpikeTrains(np.empty(0), np.empty(0, np.int32), np.zeros(3, np.int64), 1)
    (part,) = counts_until([two_effects(1.0)], [train], np.full((2, 2), 2.0), 2.0)
    assert (part.first, part.stop) == (0, 2)
    assert not part.counts.any()

import math

import numpy as np
import pytest
from eventsim_.losses.output_spikes import (
    DURATION,
    STEP,
    cases,
    recent_counts,
    trains,
)
from hypothesis import given
from hypothesis import strategies as st

from eventsim.losses.sliding_counts import sliding_counts
from eventsim.spikes import join_samples


def at(pieces, sample, t):
    """Return the counts of the piece that holds a time."""
    own = np.flatnonzero(pieces.sample == sample)
    end = np.cumsum(pieces.length[own])
    return pieces.counts[own[np.searchsorted(end, t)]]


WINDOWS = st.sampled_from([STEP, 3 * STEP, 1.0, DURATION, 5.0, math.inf])


@given(cases(with_masses=True), WINDOWS)
def test_sliding_counts__agree_with_a_grid(case, window):
    spikes, _ = case
    pieces = sliding_counts(spikes, window=window, duration=DURATION)
    for sample in range(spikes.batch):
        assert pieces.length[pieces.sample == sample].sum() == DURATION
        for t in np.arange(0.5 * STEP, DURATION, STEP):
            np.testing.assert_allclose(
                at(pieces, sample, t),
                recent_counts(spikes, sample, t, window),
                atol=1e-14,
            )


@given(cases(), WINDOWS)
def test_by_masses__is_the_time_that_a_spike_counts(case, window):
    spikes, _ = case
    pieces = sliding_counts(spikes, window=window, duration=DURATION)
    found = pieces.by_masses(np.ones_like(pieces.counts), spikes.neuron)
    expected = np.minimum(spikes.time + window, DURATION) - spikes.time
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_sliding_counts__no_bit_depends_on_the_other_samples():
    rng = np.random.default_rng(0)
    parts = [
        trains([(t, rng.integers(3)) for t in rng.uniform(0, DURATION, 20)])
        for _ in range(3)
    ]
    pull = rng.normal(size=(41, 3))
    alone = [sliding_counts(part, window=0.3, duration=DURATION) for part in parts]
    together = sliding_counts(join_samples(parts), window=0.3, duration=DURATION)
    found = together.by_masses(np.tile(pull, (3, 1)), join_samples(parts).neuron)
    expected = [
        pieces.by_masses(pull, part.neuron)
        for pieces, part in zip(alone, parts, strict=True)
    ]
    assert found.tolist() == np.concatenate(expected).tolist()


def test_sliding_counts__spikes_of_32_bits_are_integrated_in_64():
    spikes = trains([(0.1, 0), (0.7, 1)])
    single = type(spikes)(
        spikes.time.astype(np.float32), spikes.neuron, spikes.offsets, 3
    )
    pieces = sliding_counts(single, window=0.5, duration=DURATION)
    assert pieces.length.dtype == np.float64
    assert pieces.length.sum() == pytest.approx(DURATION, rel=1e-15)

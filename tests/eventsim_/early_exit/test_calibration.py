import numpy as np
import pytest
from eventsim_.early_exit.output_trains import random_output, reader, samples

from eventsim.early_exit.calibration import calibration
from eventsim.early_exit.output_counts import until
from eventsim.early_exit.policies import answers


def test_calibration__by_hand():
    output = samples(
        [(1, 0), (2, 0), (3, 1)],  # 2 of 3 for class 0
        [(1, 1), (2, 1), (3, 0)],  # 2 of 3 for class 1
        [(1, 2)],
        [],
    )
    labels = np.array([0, 0, 2, 0])
    found = calibration(reader(), output, labels, 8.0, smoothing=1e-300, n_bins=4)
    assert found.n_samples.tolist() == [0, 1, 2, 1]
    assert found.probability.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert found.accuracy.tolist() == [0, 0, 0.5, 1]
    assert found.error == pytest.approx((1 / 3 + 2 * (2 / 3 - 1 / 2) + 0) / 4)
    early = calibration(reader(), output, labels, 1.0, smoothing=1e-300, n_bins=4)
    assert early.n_samples.tolist() == [0, 1, 0, 3]
    assert early.time == 1.0
    assert (found.silent, early.silent) == (1 / 4, 1 / 4)
    start = calibration(reader(), output, labels, 0.5)
    # Silent samples alone: probability 1/3 and nothing right.
    assert (start.silent, start.error) == (1, pytest.approx(1 / 3))


@pytest.mark.parametrize("readout", ["spike_count", "spike_time", "weighted_count"])
def test_calibration__agrees_with_a_loop(readout):
    output, labels, t = random_output(3, batch=60), np.arange(60) % 3, 5.0
    network, n_bins, e = reader(readout), 5, 0.25
    answer = answers(network, until(output, t))
    bins = [[] for _ in range(n_bins)]
    for b in range(60):
        one = output.samples(b, b + 1)
        counts = [int(np.sum((one.neuron == n) & (one.time <= t))) for n in range(3)]
        own = counts[answer[b]] if answer[b] >= 0 else 0
        p = (own + e) / (sum(counts) + 3 * e)
        place = next(k for k in range(n_bins) if p <= (k + 1) / n_bins)
        bins[place].append((p, answer[b] == labels[b]))
    found = calibration(network, output, labels, t, smoothing=e, n_bins=n_bins)
    error = sum(abs(sum(p - right for p, right in one)) for one in bins) / 60
    assert found.error == pytest.approx(error, rel=1e-12)
    assert found.n_samples.tolist() == [len(one) for one in bins]

import numpy as np
import pytest
from eventsim_.early_exit.output_trains import T_END, random_output, reader, samples

from eventsim.early_exit.accuracy_curve import accuracy_curve
from eventsim.early_exit.output_counts import until
from eventsim.early_exit.policies import FixedTime, answers, decide

READOUTS = ["spike_count", "weighted_count", "spike_time"]


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("ties", [True, False])
def test_accuracy_curve__is_that_of_the_readout_at_every_time(readout, ties):
    output, labels = random_output(2, batch=40, ties=ties), np.arange(40) % 3
    network = reader(readout)
    curve = accuracy_curve(network, output, labels)
    times = np.concatenate([np.linspace(0, T_END, 60), output.time, curve.time])
    expected = [np.mean(answers(network, until(output, t)) == labels) for t in times]
    np.testing.assert_allclose(curve.at(times), expected, rtol=0, atol=1e-15)
    assert curve.final == np.mean(answers(network, output) == labels)
    fixed = decide(FixedTime(3.0), network, output)
    assert curve.at(np.array(3.0)) == np.mean(fixed.label == labels)


def test_accuracy_curve__by_hand():
    # Right from 1 on; right from 2 until the tie at 3 goes to class 0; never.
    output = samples([(1, 0), (2, 0)], [(2, 1), (3, 0)], [(1, 2)])
    curve = accuracy_curve(reader(), output, np.array([0, 1, 0]))
    assert curve.time.tolist() == [1, 2, 3]
    assert curve.accuracy.tolist() == pytest.approx([1 / 3, 2 / 3, 1 / 3])
    assert curve.latency() == 1.0
    first = accuracy_curve(reader("spike_time"), output, np.array([0, 1, 0]))
    assert (first.time.tolist(), first.final) == ([1, 2], pytest.approx(2 / 3))
    assert first.latency() == 2.0
    assert first.latency(0.5) == 1.0


def test_accuracy_curve__never_right():
    curve = accuracy_curve(reader(), samples([], [(1, 0)]), np.array([0, 1]))
    assert (curve.final, curve.latency()) == (0.0, None)
    assert curve.at(np.array([0.0, 5.0])).tolist() == [0, 0]

import numpy as np
import pytest

from eventsim.encode import (
    activations_to_times,
    direct_currents,
    latency_activations,
    times_to_activations,
)
from eventsim.errors import DataError

VALUES = np.array([[0.0, 0.25, 1.0], [0.5, 0.5, 0.125]])


def encode(values, **options):
    return latency_activations(values, dtype=np.float64, **options)


def test_latency_activations__brightest_fires_first():
    # t = (1 - x / x_max) T: x = 1 at 0, x = 1/4 at 3/4, x = 0 never.
    times = activations_to_times(encode(VALUES), 2.0)
    np.testing.assert_array_equal(times[0], [np.inf, 1.5, 0.0])


def test_latency_activations__dark_first_turns_the_range_round():
    np.testing.assert_array_equal(
        encode(VALUES, polarity="dark_first"), [[1, 0.75, 0], [0.5, 0.5, 0.875]]
    )


def test_latency_activations__scales_by_a_number_or_by_the_sample():
    np.testing.assert_array_equal(encode(VALUES, value_max=0.5)[0], [0, 0.5, 1])
    np.testing.assert_array_equal(
        encode(VALUES, value_max="sample"), [[0, 0.25, 1], [1, 1, 0.25]]
    )


def test_latency_activations__negative_and_empty_samples_are_silent():
    assert not encode(np.full((1, 3), -2.0)).any()
    assert not encode(np.zeros((2, 3)), value_max="sample").any()


def test_latency_activations__bias_inputs_fire_at_0():
    found = encode(VALUES, bias_spikes=2)
    np.testing.assert_array_equal(found[:, :3], VALUES)
    np.testing.assert_array_equal(activations_to_times(found, 1.0)[:, 3:], 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_latency_activations__refuses_values_that_are_not_numbers(bad):
    values = VALUES.copy()
    values[1, 1] = bad
    with pytest.raises(DataError, match="an input value is NaN or infinite"):
        encode(values)


def test_latency_activations__gives_contiguous_arrays_of_the_type_asked_for():
    found = latency_activations(np.asfortranarray(VALUES))
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


def test_times_to_activations__undoes_activations_to_times():
    activation = np.array([0.0, 1e-3, 0.3, 1.0])
    times = activations_to_times(activation, 0.7)
    np.testing.assert_allclose(
        times_to_activations(times, 0.7), activation, rtol=0, atol=1e-15
    )
    assert times_to_activations(np.array([np.inf]), 0.7)[0] == 0


def test_direct_currents__are_the_values_times_the_gain():
    values = np.array([[-2.0, 0.0, 0.25], [7.0, 1.0, -0.5]])
    found = direct_currents(values, gain=4.0, dtype=np.float64)
    assert found.tolist() == [[-8, 0, 1], [28, 4, -2]]
    assert direct_currents(np.asfortranarray(values)).dtype == np.float32
    assert direct_currents(np.asfortranarray(values)).flags.c_contiguous


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_direct_currents__refuses_values_that_are_not_numbers(bad):
    with pytest.raises(DataError, match="an input value is NaN or infinite"):
        direct_currents(np.array([[1.0, bad]]))

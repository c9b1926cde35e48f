import numpy as np
import pytest
from eventsim_.circuits import single, trains

from eventsim.engine.queue.circuit_checks import check_circuit_run, limit_error
from eventsim.errors import ShapeError, SimulationLimitError
from eventsim.network import Neuron
from eventsim.spikes import SpikeTrains

CIRCUIT = single(Neuron("if_delta", "static"))


@pytest.mark.parametrize("t_end", [0.0, -1.0, np.inf, np.nan])
def test_check_circuit_run__refuses_ends_that_are_no_time(t_end):
    with pytest.raises(ShapeError, match=r"t_end is .*; expected a positive number"):
        check_circuit_run(CIRCUIT, trains([], 1), t_end)


def test_check_circuit_run__refuses_other_channels():
    with pytest.raises(ShapeError, match="spikes have 2 channels; expected 1"):
        check_circuit_run(CIRCUIT, trains([], 2), 1.0)


def test_check_circuit_run__refuses_spikes_before_the_start():
    spikes = SpikeTrains(
        np.array([0.5, -0.5]), np.zeros(2, np.int32), np.array([0, 1, 2]), 1
    )
    with pytest.raises(ShapeError, match=r"comes at -0.5; expected times from 0 on"):
        check_circuit_run(CIRCUIT, spikes, 1.0)


def test_check_circuit_run__accepts_what_fits():
    check_circuit_run(CIRCUIT, trains([(0.0, 0)], 1), 1.0)


def test_limit_error__names_the_busiest_neurons():
    found = trains([(0.5, 0), (1.0, 0)], 1)
    error = limit_error(CIRCUIT, 7, 1.0, found)
    assert isinstance(error, SimulationLimitError)
    assert error.partial is found
    assert "7 events were done by t = 1 and" in str(error)
    assert "most spikes: n[0] (2)" in str(error)
    assert "none at all" in str(limit_error(CIRCUIT, 7, 1.0, trains([], 1)))

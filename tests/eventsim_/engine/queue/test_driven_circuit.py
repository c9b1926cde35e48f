from dataclasses import replace

import numpy as np
import pytest
from eventsim_.driven_networks import driven_case

from eventsim.engine.queue.driven_circuit import input_drive
from eventsim.engine.queue.network_circuit import circuit_of
from eventsim.engine.queue.reference import QueueSimulator
from eventsim.engine.sweep import network as sweep
from eventsim.spikes import SpikeTrains


def test_input_drive__adds_the_currents_of_a_sample_to_the_neurons_own():
    case = driven_case("dense", "lif", 0)
    first, last = case.network.layers
    drive = input_drive(case.network, circuit_of(case.network).circuit, case.currents)
    given = case.currents @ first.weight
    np.testing.assert_allclose(drive.given, given, rtol=1e-13)
    np.testing.assert_allclose(drive.currents[:, :5], given + first.current, rtol=1e-13)
    assert drive.currents[:, 5:].tolist() == [last.current.tolist()] * 3


@pytest.mark.parametrize("name", ["srm_lif", "lif general", "lif_delta held"])
def test_circuit_of__has_no_connections_from_the_input(name):
    """A user who sets the currents by hand gets the same spikes, step by step."""
    case = driven_case("flat", name, 1, batch=1)
    circuit = circuit_of(case.network).circuit
    assert {projection.source for projection in circuit.projections} == {"2: layer_2"}
    currents = input_drive(case.network, circuit, case.currents).currents[0]
    first, last = circuit.populations
    first = replace(first, current=currents[:5])
    last = replace(last, current=currents[5:])
    circuit = replace(circuit, populations=(first, last))
    nothing = SpikeTrains(
        np.empty(0), np.empty(0, np.int32), np.zeros(2, np.int64), circuit.n_inputs
    )
    run = QueueSimulator(circuit, nothing, case.network.duration, keep_history=False)
    run.run()
    seen = sweep.forward_spikes(case.network, None, currents=case.currents)
    for k, layer in ((2, first.name), (3, last.name)):
        mine = run.spikes(layer)
        assert mine.time.size > 0
        np.testing.assert_allclose(
            np.sort(mine.time), np.sort(seen.trains[k].time), rtol=1e-12
        )

import numpy as np
import pytest
from eventsim_.circuits import link

from eventsim.circuit import Circuit, Input, Population, Projection
from eventsim.engine.queue.circuit_tables import circuit_tables
from eventsim.errors import ShapeError
from eventsim.network import Neuron

STEP = Neuron("if_delta", "static", refractory=1)
LIF = Neuron("lif", "static", tau_m=2.0, tau_s=1.0, reset="zero")


def chain(*links, n=4):
    return Circuit((Input("in", 1),), (Population("n", n, STEP),), links)


def test_circuit_tables__sorts_connections_by_source_then_delay():
    circuit = Circuit(
        (Input("in", 2),),
        (Population("a", 2, LIF, 0.5, 3.0), Population("b", 1, STEP, 2.0, 3.0)),
        (
            Projection(
                "a",
                "b",
                np.array([1, 0, 1]),
                np.zeros(3, int),
                np.array([10.0, 11.0, 12.0]),
                np.array([0.5, 0.5, 0.25]),
            ),
            Projection(
                "in", "a", np.array([1, 1]), np.array([1, 0]), np.array([13.0, 14.0])
            ),
        ),
    )
    tables = circuit_tables(circuit)
    assert (tables.n_inputs, tables.n_neurons) == (2, 3)
    assert tables.offsets.tolist() == [0, 0, 2, 3, 5, 5]
    assert tables.weight.tolist() == [13.0, 14.0, 11.0, 12.0, 10.0]
    assert tables.delay.tolist() == [0.0, 0.0, 0.5, 0.25, 0.5]
    assert tables.target.tolist() == [1, 0, 2, 2, 2]
    assert tables.given.tolist() == [3, 4, 1, 2, 0]
    assert tables.group.tolist() == [0, 0, 1]
    assert tables.theta.tolist() == [0.5, 0.5, 2.0]
    assert tables.drive.tolist() == [1.5, 1.5, 3.0]
    assert tables.drive_scale.tolist() == [0.5, 0.5, 1.0]
    assert tables.level.tolist() == [0, 0, 0]


def test_circuit_tables__constants_of_all_models_have_the_same_types():
    circuit = Circuit((), (Population("a", 1, LIF), Population("b", 1, STEP)))
    a, b = circuit_tables(circuit).dynamics
    assert [type(x) for x in a] == [type(x) for x in b]
    assert b.refractory == 1.0


def test_circuit_tables__levels_are_the_longest_chain_of_zero_delays():
    tables = circuit_tables(
        chain(
            link("in", "n", 0, 3, 1.0),
            link("n", "n", 3, 1, 1.0),
            link("n", "n", 1, 0, 1.0),
            link("n", "n", 3, 0, 1.0),
            link("n", "n", 0, 2, 1.0, 0.5),
        )
    )
    assert tables.level.tolist() == [2, 1, 0, 0]


@pytest.mark.parametrize(
    ("links", "names"),
    [
        ([(0, 1), (1, 2), (2, 0)], r"n\[0\], n\[1\], n\[2\]"),
        ([(3, 3), (0, 1)], r"n\[3\]"),
    ],
)
def test_circuit_tables__refuses_cycles_without_delay(links, names):
    circuit = chain(*(link("n", "n", pre, post, 1.0) for pre, post in links))
    with pytest.raises(ShapeError, match=f"a cycle through {names} has no delay; exp"):
        circuit_tables(circuit)


def test_circuit_tables__a_delay_anywhere_opens_a_cycle():
    links = (
        link("n", "n", 0, 1, 1.0),
        link("n", "n", 1, 0, 1.0, 0.5),
        link("n", "n", 2, 2, 1.0, 0.5),
    )
    assert circuit_tables(chain(*links)).level.tolist() == [0, 1, 0, 0]


def test_circuit_tables__refuses_constants_that_the_model_refuses():
    wrong = Neuron("lif", "static", tau_m=2.0, reset="zero")
    with pytest.raises(ShapeError, match="tau_s is None; expected a positive number"):
        circuit_tables(Circuit((), (Population("a", 1, wrong),)))
    with pytest.raises(ShapeError, match="threshold is 'dynamic'; expected 'static'"):
        circuit_tables(Circuit((), (Population("a", 1, Neuron()),)))

import numpy as np
import pytest

from eventsim.circuit import Circuit, Input, Population, Projection, all_to_all
from eventsim.errors import ShapeError
from eventsim.network import Neuron

STEP = Neuron("if_delta", "static")
INPUTS = (Input("left", 2), Input("right", 1))
POPULATIONS = (Population("hidden", 3, STEP), Population("out", 2, STEP))


def projection(pre=(0,), post=(0,), weight=(1.0,), delay=0.0, *, to="hidden"):
    return Projection(
        "left", to, np.array(pre), np.array(post), np.array(weight), delay
    )


def circuit(*projections):
    return Circuit(INPUTS, POPULATIONS, projections)


def test_circuit__numbers_inputs_first_then_neurons():
    built = circuit(projection(), all_to_all("hidden", "out", np.ones((3, 2))))
    assert (built.n_inputs, built.n_neurons, built.n_connections) == (3, 5, 7)
    assert built.nodes("right") == range(2, 3)
    assert built.nodes("out") == range(6, 8)
    assert built.neurons("out") == range(3, 5)
    assert built.name_of(1) == "left[1]"
    assert built.name_of(7) == "out[1]"


def test_circuit__refuses_unknown_groups():
    built = circuit()
    with pytest.raises(ShapeError, match=r"no 'in'; expected one of left, right, hid"):
        built.nodes("in")
    with pytest.raises(ShapeError, match="'left' is an input; expected a population"):
        built.neurons("left")
    with pytest.raises(ShapeError, match="no node 8; expected 0 to 7"):
        built.name_of(8)
    with pytest.raises(ShapeError, match="'right' is an input; expected a population"):
        circuit(projection(to="right"))
    with pytest.raises(ShapeError, match="there is no 'nowhere'"):
        circuit(projection(to="nowhere"))


def test_all_to_all__gives_every_pair_in_the_order_of_the_matrix():
    found = all_to_all("left", "hidden", np.arange(6.0).reshape(2, 3), 0.5)
    assert found.pre.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.post.tolist() == [0, 1, 2, 0, 1, 2]
    assert found.weight.tolist() == [0, 1, 2, 3, 4, 5]
    assert found.delay.tolist() == [0.5] * 6
    assert found.n_connections == 6


def test_circuit__refuses_wrong_groups():
    with pytest.raises(ShapeError, match="no population; expected at least one"):
        Circuit(INPUTS, ())
    with pytest.raises(ShapeError, match="the name 'left' is given twice"):
        Circuit((*INPUTS, Input("left", 1)), POPULATIONS)
    with pytest.raises(ShapeError, match="'none' has size 0; expected at least 1"):
        Circuit((Input("none", 0),), POPULATIONS)


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        ({"theta": 0.0}, r"theta goes down to 0.0; expected positive"),
        ({"theta": np.ones(3)}, r"theta has shape \(3,\); expected .*\(2,\)"),
        ({"theta": np.nan}, "theta holds numbers that are not finite"),
        ({"current": np.array([0.0, np.inf])}, "current holds numbers that are not"),
    ],
)
def test_circuit__refuses_wrong_populations(constants, message):
    with pytest.raises(ShapeError, match="population 'p': " + message):
        Circuit((), (Population("p", 2, STEP, **constants),))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pre": (2,)}, "pre runs from 2 to 2; expected 0 to 1"),
        ({"post": (-1,)}, "post runs from -1 to -1; expected 0 to 2"),
        ({"pre": (0.5,)}, r"pre has type float64 .*; expected a list of whole"),
        ({"pre": ((0,),)}, r"shape \(1, 1\); expected a list"),
        ({"post": (0, 1)}, r"shapes \(1,\), \(2,\) and \(1,\); expected the same"),
        ({"weight": (1.0, 2.0)}, r"shapes \(1,\), \(1,\) and \(2,\); expected the"),
        ({"weight": (np.nan,)}, "weight holds numbers that are not finite"),
        ({"delay": np.ones(2)}, r"delay has shape \(2,\); expected .*\(1,\)"),
        ({"delay": -0.5}, "delays go down to -0.5; expected times, not negative"),
        ({"delay": np.inf}, "delay holds numbers that are not finite"),
    ],
)
def test_circuit__refuses_wrong_projections(wrong, message):
    with pytest.raises(ShapeError, match="projection 'left' -> 'hidden': .*" + message):
        circuit(projection(**wrong))


def test_circuit__may_have_empty_projections():
    empty = projection(np.empty(0, int), np.empty(0, int), np.empty(0))
    assert circuit(empty).n_connections == 0

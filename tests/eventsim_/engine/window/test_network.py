import numpy as np
import pytest
from eventsim_.builders import build, conv, dense, pool

from eventsim.engine.window import network as window
from eventsim.errors import ShapeError

WORKED_WEIGHT = [[0.5], [-0.3], [0.4]]


def test_forward__worked_example():
    # w = (.5, -.3, .4), a = (.2, .9, .6): A = .1 - .27 + .24 = .07, S = .6,
    # a_out = .67 / 1.6 = .41875.
    network = build((3,), [dense(1)], weights=lambda *_: WORKED_WEIGHT)
    recording = window.forward(network, np.array([[0.2, 0.9, 0.6]]))
    assert recording.output_potential[0, 0] == pytest.approx(0.07, abs=1e-16)
    assert recording.output_slope[0, 0] == pytest.approx(0.6, abs=1e-15)
    assert recording.activations[1][0, 0] == pytest.approx(0.41875, abs=1e-15)
    assert recording.times(network, 1)[0, 0] == pytest.approx(1.58125, abs=1e-15)


def test_backward__worked_example():
    # r = .58125, q = 1/1.6: dr/dw_i = -(a_i + r) q, dr/dr_i = w_i q, times T = 2.
    network = build((3,), [dense(1)], weights=lambda *_: WORKED_WEIGHT, time_window=2.0)
    recording = window.forward(network, np.array([[0.2, 0.9, 0.6]]))
    gradients = window.backward(network, recording, np.ones((1, 1)), with_input=True)
    expected = [-2 * (a + 0.58125) / 1.6 for a in (0.2, 0.9, 0.6)]
    np.testing.assert_allclose(gradients.weights[0][:, 0], expected, rtol=1e-14)
    np.testing.assert_allclose(
        gradients.input_times[0], [0.3125, -0.1875, 0.25], rtol=1e-14
    )


def test_forward__silent_inputs_do_not_count_in_the_slope():
    network = build((2,), [dense(1)], weights=lambda *_: [[0.5], [8.0]])
    recording = window.forward(network, np.array([[0.5, 0.0]]))
    assert recording.output_slope[0, 0] == 0.5


def test_times__layers_fire_one_window_after_another():
    network = build(
        (2, 2, 1),
        [conv(1, 1), pool(2), dense(1)],
        weights=lambda topology, _: np.full(topology.weight_shape, 1.0),
        time_window=0.5,
    )
    # a = 1/2 -> A = 1/2, S = 1: a = 3/4; pool takes no time; dense: A = 3/4, S = 1,
    # a = 7/8.
    activation = np.array([0.5, 0, 0, 0]).reshape(1, 2, 2, 1)
    recording = window.forward(network, activation)
    inf = np.inf
    np.testing.assert_array_equal(recording.times(network, 0)[0], [0.25, inf, inf, inf])
    np.testing.assert_array_equal(
        recording.times(network, 1)[0], [0.625, inf, inf, inf]
    )
    np.testing.assert_array_equal(recording.times(network, 2)[0], [0.625])
    np.testing.assert_array_equal(recording.times(network, 3)[0], [1.0 + 0.5 / 8])
    np.testing.assert_array_equal(recording.fired(1)[0], [True, False, False, False])


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (np.zeros((2, 4)), r"input has shape \(2, 4\); expected \(batch, 3\)"),
        (np.zeros((0, 3)), "at least one sample"),
        (np.full((2, 3), -0.5), "activations run from -0.5 to -0.5; expected numbers"),
        (np.full((2, 3), np.nan), "activations run from nan"),
        (np.zeros((2, 3), np.float32), "has float64 weights, the input is float32"),
    ],
)
def test_forward__refuses_input_that_does_not_fit(activation, message):
    network = build((3,), [dense(1)], weights=lambda *_: WORKED_WEIGHT)
    with pytest.raises(ShapeError, match=message):
        window.forward(network, activation)


def test_discrete_state__tells_silent_inside_and_start_apart():
    # A = w a: 0.5 w; silent for w < 0, inside up to w = 2, at the start from there.
    weight = np.array([[-1.0, 0.5, 1.9, 2.0, 5.0]])
    network = build(
        (1,),
        [dense(5), dense(1)],
        weights=lambda t, n: weight[:, : t.units] if n == 0 else np.ones((5, 1)),
    )
    recording = window.forward(network, np.array([[0.5]]))
    np.testing.assert_array_equal(
        recording.discrete_state(network, 1)[0], [0, 1, 1, 2, 2]
    )

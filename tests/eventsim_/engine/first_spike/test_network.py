import numpy as np
import pytest
from eventsim_.builders import (
    build,
    conv,
    dense,
    normal_weights,
    pool,
    random_activation,
)

from eventsim.engine.first_spike import network as first_spike
from eventsim.errors import ShapeError


def static(parts=None, shape=(3,), **changes):
    rng = np.random.default_rng(0)
    parts = [dense(2)] if parts is None else parts
    return build(
        shape, parts, weights=normal_weights(rng), threshold="static", **changes
    )


def test_forward__no_spike_after_the_end_of_the_run():
    # Slope 1/8, theta 1/4: two layers with T = 1/2 end at 3/2; the spike would be at 2.
    network = build(
        (1,),
        [dense(1), dense(1)],
        weights=lambda *_: [[0.125]],
        threshold="static",
        theta=0.25,
        time_window=0.5,
    )
    recording = first_spike.forward(network, np.ones((1, 1)))
    assert recording.times(network, 1)[0, 0] == np.inf
    # With slope 1/6 it is at 3/2, exactly the end, and counts.
    network = network.with_weights([np.array([[0.25 / 1.5]]), network.weights[1]])
    recording = first_spike.forward(network, np.ones((1, 1)))
    assert recording.times(network, 1)[0, 0] == 1.5
    assert recording.times(network, 2)[0, 0] == np.inf


def test_forward__static_after_dynamic_runs_on():
    # Layer 1 fires at 1 + (1 - 1/2) / 2 = 5/4; layer 2 at 5/4 + theta / w = 3/2.
    one = build((1,), [dense(1)], weights=lambda *_: [[1.0]])
    two = build(
        (1,), [dense(1)], weights=lambda *_: [[2.0]], threshold="static", theta=0.5
    )
    network = build((1,), [dense(1), dense(1)], weights=lambda *_: [[1.0]])
    network = type(network)((1,), (one.layers[0], two.layers[0]))
    recording = first_spike.forward(network, np.array([[0.5]]))
    assert recording.times(network, 1)[0, 0] == 1.25
    assert recording.times(network, 2)[0, 0] == 1.5


def test_forward_times__is_forward_in_times():
    rng = np.random.default_rng(1)
    network = static([conv(2, 2), pool(2), dense(3)], (5, 5, 1), time_window=2.0)
    activation = random_activation(rng, 4, (5, 5, 1))
    times = np.where(activation > 0, (1 - activation) * 2, np.inf)
    by_activation = first_spike.forward(network, activation)
    by_time = first_spike.forward_times(network, times)
    for k in range(4):
        np.testing.assert_array_equal(
            by_activation.times(network, k), by_time.times(network, k)
        )


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([[0.0, 0.5, 1.0]], "run from 0.0 to 1.0; expected 0 up to, but not including"),
        ([[0.0, 0.5, -0.1]], "run from -0.1 to 0.5"),
        ([[0.0, 0.5, np.nan]], "run from nan"),
        ([[0.0, 0.5]], r"input has shape \(1, 2\); expected \(batch, 3\)"),
    ],
)
def test_forward_times__refuses_times_outside_the_window(times, message):
    with pytest.raises(ShapeError, match=message):
        first_spike.forward_times(static(), np.array(times))


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (np.zeros((2, 4)), r"input has shape \(2, 4\); expected \(batch, 3\)"),
        (np.zeros((0, 3)), "at least one sample"),
        (np.float64(1), r"input has shape \(\)"),
        (
            np.full((2, 3), 1.5),
            "activations run from 1.5 to 1.5; expected numbers from 0",
        ),
        (np.full((2, 3), np.nan), "activations run from nan"),
        (np.zeros((2, 3), np.float32), "has float64 weights, the input is float32"),
    ],
)
def test_forward__refuses_input_that_does_not_fit(activation, message):
    with pytest.raises(ShapeError, match=message):
        first_spike.forward(static(), activation)


def test_backward__refuses_a_clip_with_a_static_threshold():
    network = static()
    recording = first_spike.forward(network, np.ones((1, 3)))
    with pytest.raises(ShapeError, match=r"derivative_clip 11\.0 with the static"):
        first_spike.backward(network, recording, np.ones((1, 2)), derivative_clip=11.0)


def test_backward__leaves_input_times_out_unless_asked():
    network = static()
    recording = first_spike.forward(network, np.ones((1, 3)))
    assert first_spike.backward(network, recording, np.ones((1, 2))).input_times is None


def test_discrete_state__changes_with_the_causal_set_only():
    # Input 0 alone reaches theta = 1/2 at 1/2; input 1 joins if it comes before.
    network = build(
        (2,),
        [dense(1)],
        weights=lambda *_: [[1.0], [1.0]],
        threshold="static",
        theta=0.5,
    )

    def state(*times):
        recording = first_spike.forward_times(network, np.array([times]))
        return recording.discrete_state(network, 1).tolist()

    assert state(0.0, 0.6) == state(0.0, 0.9) == state(0.1, 0.95)
    assert state(0.0, 0.3) == state(0.0, 0.1) == state(0.3, 0.0)
    assert state(0.0, 0.3) != state(0.0, 0.6)
    assert state(0.6, 0.0) != state(0.0, 0.6)
    assert state(np.inf, np.inf) != state(0.0, 0.6)

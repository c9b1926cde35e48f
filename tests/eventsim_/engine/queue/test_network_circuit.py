import numpy as np
import pytest
from eventsim_.builders import (
    build,
    conv,
    dense,
    flatten,
    largest_difference,
    normal_weights,
    oracle_times,
    pool,
    random_activation,
)
from eventsim_.circuits import Case, in_oracle, reference, trains

from eventsim.engine.queue.network_circuit import circuit_of
from eventsim.engine.queue.reference import QueueSimulator
from eventsim.errors import ShapeError
from eventsim.network import Layer, Network, Neuron
from eventsim.spikes import SpikeTrains
from eventsim.topology import AveragePool, Conv2d, Dense, EarliestPool, Flatten, Sparse

LIF = Neuron("lif", "static", tau_m=2.0, tau_s=0.7, reset="zero")


def layer(topology, seed=0, **arrays):
    rng = np.random.default_rng(seed)
    weight = rng.normal(0.5, 1.0, topology.weight_shape)
    theta = rng.uniform(0.4, 0.6, topology.n_features)
    return Layer(f"{topology.kind} {seed}", topology, LIF, weight, theta, **arrays)


def strength(projection, n_pre, n_post):
    """Summed weights between all pairs of neurons."""
    matrix = np.zeros((n_pre, n_post))
    np.add.at(matrix, (projection.pre, projection.post), projection.weight)
    return matrix


def averaged(image, size, stride):
    height, width, _ = image.shape
    return np.array(
        [
            [
                image[y : y + size, x : x + size].mean(axis=(0, 1))
                for x in range(0, width - size + 1, stride)
            ]
            for y in range(0, height - size + 1, stride)
        ]
    )


def convolved(image, weight, stride, padding):
    image = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    height, width, _, _ = weight.shape
    return np.array(
        [
            [
                np.einsum("yxi,yxio->o", image[y : y + height, x : x + width], weight)
                for x in range(0, image.shape[1] - width + 1, stride)
            ]
            for y in range(0, image.shape[0] - height + 1, stride)
        ]
    )


def test_circuit_of__averages_flattens_and_convolves_into_connections():
    """One unit of input at every neuron gives the layer's linear response."""
    shape = (7, 6, 2)
    pools = (AveragePool(shape, 2, 1), AveragePool((6, 5, 2), 2, 2))
    first = layer(Conv2d(pools[1].output_shape, 3, (2, 2), 1, 1))
    network = Network(shape, (Layer("p", pools[0]), Layer("q", pools[1]), first))
    built = circuit_of(network)
    (projection,) = built.circuit.projections
    image = np.random.default_rng(1).random(shape)
    expected = convolved(
        averaged(averaged(image, 2, 1), 2, 2), first.weight, stride=1, padding=1
    )
    matrix = strength(projection, image.size, first.n_neurons)
    np.testing.assert_allclose(image.ravel() @ matrix, expected.ravel(), rtol=1e-12)
    assert built.names == ("input", None, None, "3: conv2d 0")


def test_circuit_of__says_where_connections_come_from():
    shape = (4, 4, 2)
    network = Network(
        shape,
        (
            layer(Conv2d(shape, 3, (2, 2)), 1, delay=np.array([0.1, 0.2, 0.3])),
            Layer("average", AveragePool((3, 3, 3), 2, 1)),
            Layer("flat", Flatten((2, 2, 3))),
            layer(Dense((12,), 5), 2),
        ),
    )
    built = circuit_of(network)
    for projection, origin in zip(
        built.circuit.projections, built.origins, strict=True
    ):
        own = network.layers[origin.layer - 1]
        np.testing.assert_array_equal(
            projection.weight, own.weight.ravel()[origin.synapse] * origin.factor
        )
    first, second = built.origins
    assert (first.layer, second.layer) == (1, 4)
    assert set(second.factor) == {0.25}
    np.testing.assert_array_equal(
        built.circuit.projections[1].delay, np.array([0.1, 0.2, 0.3])[second.feature]
    )


def test_circuit_of__adds_axonal_and_synaptic_delays_and_spreads_constants():
    wide = Sparse((2,), 3, np.array([0, 1, 1]), np.array([2, 0, 0]))
    network = Network(
        (2,),
        (
            layer(
                wide,
                synaptic_delay=np.array([0.5, 0.25, 0.125]),
                delay=np.array([1.0, 2.0, 3.0]),
                current=np.array([0.1, 0.2, 0.3]),
            ),
            layer(Dense((3,), 1), 1, synaptic_delay=np.full((3, 1), 0.5)),
        ),
    )
    first, second = circuit_of(network).circuit.projections
    assert first.pre.tolist() == [0, 1, 1]
    assert first.post.tolist() == [2, 0, 0]
    assert first.delay.tolist() == [0.5, 0.25, 0.125]
    assert second.delay.tolist() == [1.5, 2.5, 3.5]
    population = circuit_of(network).circuit.populations[0]
    assert population.current.tolist() == [0.1, 0.2, 0.3]
    np.testing.assert_array_equal(population.theta, network.layers[0].theta)


def test_circuit_of__channels_share_theta_and_current():
    shape = (3, 3, 1)
    first = layer(Conv2d(shape, 2, (2, 2)), current=np.array([0.5, -0.5]))
    population = circuit_of(Network(shape, (first,))).circuit.populations[0]
    np.testing.assert_array_equal(population.theta, np.tile(first.theta, 4))
    assert population.current.tolist() == [0.5, -0.5] * 4


def test_circuit_of__earliest_pool_passes_each_windows_first_spike():
    rng = np.random.default_rng(3)
    shape = (5, 4, 2)
    topology = EarliestPool(shape, 2, 2)
    network = Network(
        shape,
        (
            Layer("pool", topology),
            layer(Dense(topology.output_shape, 1), 1),
        ),
    )
    built = circuit_of(network)
    times = rng.permutation(40).reshape(shape) / 10.0
    times[0:2, 0:2, 0] = np.inf  # a silent window
    times[2:4, 0:2, 1] = 1.5  # all at once
    spikes = SpikeTrains.from_first_spikes(times.reshape(1, -1))
    simulator = QueueSimulator(built.circuit, spikes, 5.0)
    simulator.run()
    found = simulator.spikes(built.names[1]).first_spikes().reshape(2, 2, 2)
    for y in range(2):
        for x in range(2):
            window = times[2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
            np.testing.assert_array_equal(found[y, x], window.min(axis=(0, 1)))


@pytest.mark.parametrize(
    ("shape", "parts"),
    [
        ((6,), [dense(8), dense(5), dense(4)]),
        ((6, 5, 2), [conv(3, padding=1), pool(2), conv(4, 2), flatten(), dense(3)]),
    ],
    ids=["dense", "conv"],
)
def test_circuit_of__static_networks_equal_the_oracle(shape, parts):
    rng = np.random.default_rng(7)
    network = build(
        shape, parts, weights=normal_weights(rng, mean=2.0), threshold="static"
    )
    built = circuit_of(network)
    activation = random_activation(rng, 2, shape)
    expected = oracle_times(network, activation)
    for b, sample in enumerate(activation):
        times = np.where(sample > 0, 1 - sample, np.inf).reshape(1, -1)
        simulator = QueueSimulator(
            built.circuit, SpikeTrains.from_first_spikes(times), network.duration
        )
        simulator.run()
        for k, name in enumerate(built.names):
            if k > 0 and name is not None:
                found = simulator.spikes(name).first_spikes()[0]
                assert largest_difference(found, expected[k][b]) <= 1e-12
    assert all(np.isfinite(times).any() for times in expected)


def test_circuit_of__multi_spike_network_with_delays_equals_the_scanned_potential():
    rng = np.random.default_rng(2)
    network = Network(
        (4, 4, 1),
        (
            layer(
                Conv2d((4, 4, 1), 2, (3, 3)),
                1,
                current=np.array([0.3, 0.1]),
                delay=np.array([0.2, 0.3]),
            ),
            Layer("average", AveragePool((2, 2, 2), 2, 2)),
            layer(Dense((1, 1, 2), 3), 2, synaptic_delay=rng.random((2, 3))),
        ),
    )
    circuit = circuit_of(network).circuit
    events = [(rng.uniform(0, 3), rng.integers(16), 1.0) for _ in range(30)]
    case = Case(circuit, trains(events, 16), 6.0)
    found, expected = reference(case), in_oracle(case)
    assert found.counts().max() > 3
    assert found.neuron.max() >= 8
    assert found.neuron.tolist() == [k for _, k, _ in expected]
    np.testing.assert_allclose(
        found.time, [t for t, _, _ in expected], rtol=1e-12, atol=1e-12
    )


def test_circuit_of__float32_arrays_become_float64():
    network = Network((2,), (layer(Dense((2,), 2)),)).astype(np.float32)
    built = circuit_of(network).circuit
    assert built.projections[0].weight.dtype == np.float64
    assert built.populations[0].theta.dtype == np.float64


def test_circuit_of__refuses_the_dynamic_threshold():
    network = build((2,), [dense(2)], weights=lambda *_: np.ones((2, 2)))
    with pytest.raises(
        ShapeError, match=r"layer_1 .* dynamic threshold; expected 'static'.* window"
    ):
        circuit_of(network)


def test_circuit_of__refuses_the_earliest_spike_of_averages():
    network = Network(
        (4, 4, 1),
        (
            Layer("average", AveragePool((4, 4, 1), 2, 2)),
            Layer("earliest", EarliestPool((2, 2, 1), 2, 2)),
            layer(Dense((1, 1, 1), 1)),
        ),
    )
    with pytest.raises(ShapeError, match=r"earliest passes .* behind a pool that aver"):
        circuit_of(network)

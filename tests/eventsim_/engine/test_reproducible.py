"""Bit-identical results: threads, batch split, repetition, reused buffers."""

import numba
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

from eventsim.engine.buffers import Buffers
from eventsim.engine.first_spike import network as first_spike
from eventsim.engine.window import network as window

BATCH = 37
CASES = [("dynamic", window), ("dynamic", first_spike), ("static", first_spike)]
NAMES = ["dynamic-window", "dynamic-sweep", "static-sweep"]


@pytest.fixture(params=[np.float64, np.float32], ids=["float64", "float32"])
def dtype(request):
    return request.param


@pytest.fixture(params=["dense", "conv"])
def parts(request):
    if request.param == "dense":
        return (40,), [dense(300), dense(9), dense(5)]
    return (8, 7, 2), [conv(4, 3, 1, 1), pool(2), conv(3, 2), dense(5)]


def make(parts, threshold, dtype):
    rng = np.random.default_rng(0)
    shape, layers = parts
    network = build(
        shape, layers, weights=normal_weights(rng), threshold=threshold, dtype=dtype
    )
    return network, random_activation(rng, BATCH, shape).astype(dtype)


def results(engine, network, activation, buffers=None):
    """Return every spike time and every derivative."""
    recording = engine.forward(network, activation, buffers)
    pull = np.linspace(-1, 1, activation.shape[0] * 5).reshape(-1, 5)
    gradients = engine.backward(
        network, recording, pull, with_input=True, buffers=buffers
    )
    times = [recording.times(network, k) for k in range(len(network.layers) + 1)]
    return [*times, *gradients.weights, gradients.input_times]


def assert_same_bits(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(("threshold", "engine"), CASES, ids=NAMES)
def test_results__do_not_depend_on_threads(parts, threshold, engine, dtype):
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("this machine has one thread")
    network, activation = make(parts, threshold, dtype)
    found = []
    for n_threads in (1, 2):
        numba.set_num_threads(n_threads)
        found.append(results(engine, network, activation))
    assert_same_bits(*found)
    assert any(np.abs(x).max() > 0 for x in found[0][-2:])


@pytest.mark.parametrize(("threshold", "engine"), CASES, ids=NAMES)
def test_forward__does_not_depend_on_batch_split(parts, threshold, engine, dtype):
    network, activation = make(parts, threshold, dtype)
    whole = engine.forward(network, activation)
    for cuts in ([1, 2, 20], [16, 32], list(range(1, BATCH))):
        pieces = [
            engine.forward(network, np.ascontiguousarray(piece))
            for piece in np.split(activation, cuts)
        ]
        for k in range(len(network.layers) + 1):
            joined = np.concatenate([piece.times(network, k) for piece in pieces])
            assert joined.tobytes() == whole.times(network, k).tobytes()


@pytest.mark.parametrize(("threshold", "engine"), CASES, ids=NAMES)
def test_results__repeat_with_used_buffers(parts, threshold, engine, dtype):
    network, activation = make(parts, threshold, dtype)
    buffers = Buffers()
    expected = [x.copy() for x in results(engine, network, activation)]
    # A larger batch first leaves other numbers in every buffer.
    results(engine, network, np.concatenate([activation, activation[::-1]]), buffers)
    assert_same_bits(results(engine, network, activation, buffers), expected)


@pytest.mark.parametrize(("threshold", "engine"), CASES, ids=NAMES)
def test_forward__any_array_layout(parts, threshold, engine):
    network, activation = make(parts, threshold, np.float64)
    expected = results(engine, network, activation)
    fortran = np.asfortranarray(activation)
    assert_same_bits(results(engine, network, fortran), expected)

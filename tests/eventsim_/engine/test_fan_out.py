import numpy as np
import pytest

from eventsim.engine.fan_out import fan_out
from eventsim.topology import Conv2d, Dense


def table(topology):
    """Return the set of (input, position, row) of a fan-out."""
    found = fan_out(topology)
    source = np.repeat(np.arange(found.offsets.size - 1), np.diff(found.offsets))
    synapses = list(zip(source, found.position, found.row, strict=True))
    assert len(set(synapses)) == len(synapses)
    return {tuple(map(int, synapse)) for synapse in synapses}


@pytest.mark.parametrize(
    ("shape", "kernel", "stride", "padding"),
    [
        ((5, 4, 2), (3, 2), 1, 0),
        ((5, 4, 1), (2, 2), 2, 1),
        ((3, 3, 2), (3, 3), 3, 2),
        ((4, 6, 1), (1, 1), 3, 0),
    ],
)
def test_fan_out__lists_the_synapses_that_loops_find(shape, kernel, stride, padding):
    topology = Conv2d(shape, 3, kernel, stride, padding)
    height, width, channels = shape
    out_h, out_w, _ = topology.output_shape
    expected = set()
    for oy in range(out_h):
        for ox in range(out_w):
            for ky in range(kernel[0]):
                for kx in range(kernel[1]):
                    y, x = oy * stride + ky - padding, ox * stride + kx - padding
                    if not (0 <= y < height and 0 <= x < width):
                        continue
                    for c in range(channels):
                        source = (y * width + x) * channels + c
                        row = (ky * kernel[1] + kx) * channels + c
                        expected.add((source, oy * out_w + ox, row))
    assert table(topology) == expected
    found = fan_out(topology)
    assert (found.n_positions, found.n_channels) == (out_h * out_w, 3)


def test_fan_out__dense_layer_has_one_position():
    assert table(Dense((2, 1, 2), 3)) == {(i, 0, i) for i in range(4)}


def test_fan_out__is_built_once_per_topology():
    assert fan_out(Dense((7,), 2)) is fan_out(Dense((7,), 2))

"""Which synapses an input spike touches, as flat tables.

The neurons of a layer are seen as ``(position, channel)``: a dense layer has one
position and its units are channels, a convolution has one position per place of
its output map. A spike of input neuron i touches all channels of some positions,
each through one row of the weight matrix ``(fan_in, n_channels)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np

from eventsim.topology import AveragePool, Conv2d, Dense, EarliestPool


@dataclass(frozen=True)
class FanOut:
    """Targets of every input neuron.

    Parameters
    ----------
    offsets : ndarray, shape (n_in + 1,), int64
        Targets of input neuron i are ``offsets[i]:offsets[i + 1]``.
    position : ndarray, shape (n_targets,), int32
        Output position; no position occurs twice for one input.
    row : ndarray, shape (n_targets,), int32
        Row of the weight matrix.
    n_positions : int
        Number of output positions.
    n_channels : int
        Neurons per position.
    """

    offsets: np.ndarray
    position: np.ndarray
    row: np.ndarray
    n_positions: int
    n_channels: int


@lru_cache(maxsize=64)
def fan_out(topology: Dense | Conv2d) -> FanOut:
    """Build the table of a layer; the same topology gets the same table.

    Parameters
    ----------
    topology : Dense or Conv2d
        Geometry.

    Returns
    -------
    FanOut
        Targets of each input in order of kernel place.
    """
    if isinstance(topology, Dense):
        n_in = prod(topology.input_shape)
        return FanOut(
            offsets=np.arange(n_in + 1, dtype=np.int64),
            position=np.zeros(n_in, np.int32),
            row=np.arange(n_in, dtype=np.int32),
            n_positions=1,
            n_channels=topology.units,
        )
    return _conv_fan_out(topology)


def _conv_fan_out(topology: Conv2d) -> FanOut:
    height, width, channels_in = topology.input_shape
    out_height, out_width, channels_out = topology.output_shape
    source, position, row = [], [], []
    out_y, out_x, channel = np.meshgrid(
        np.arange(out_height),
        np.arange(out_width),
        np.arange(channels_in),
        indexing="ij",
    )
    for ky in range(topology.kernel[0]):
        for kx in range(topology.kernel[1]):
            y = out_y * topology.stride + ky - topology.padding
            x = out_x * topology.stride + kx - topology.padding
            exists = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            source.append(((y * width + x) * channels_in + channel)[exists])
            position.append((out_y * out_width + out_x)[exists])
            place = (ky * topology.kernel[1] + kx) * channels_in
            row.append((place + channel)[exists])
    flat_source = np.concatenate(source)
    order = np.argsort(flat_source, kind="stable")
    counts = np.bincount(flat_source, minlength=height * width * channels_in)
    return FanOut(
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        position=np.concatenate(position)[order].astype(np.int32),
        row=np.concatenate(row)[order].astype(np.int32),
        n_positions=out_height * out_width,
        n_channels=channels_out,
    )


def pool_members(
    topology: EarliestPool | AveragePool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return which input neuron lies in which window, window after window.

    Parameters
    ----------
    topology : EarliestPool or AveragePool
        Geometry.

    Returns
    -------
    neuron, window : ndarray, shape (n_windows * size^2,), int64
        Flat indices of the input and of the output.
    """
    height, width, channels = topology.input_shape
    neuron = np.arange(height * width * channels).reshape(topology.input_shape)
    out_height, out_width, _ = topology.output_shape
    offset = np.arange(topology.size)
    row = (np.arange(out_height) * topology.stride)[:, None, None, None]
    column = (np.arange(out_width) * topology.stride)[None, :, None, None]
    inside = neuron[row + offset[:, None], column + offset]
    # (out_height, out_width, size, size, channels), channels before the window.
    inside = np.moveaxis(inside, -1, 2)
    window = np.arange(prod(topology.output_shape))
    return inside.ravel(), np.repeat(window, topology.size**2)

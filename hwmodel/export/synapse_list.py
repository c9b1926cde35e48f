"""All non-zero synapses of a layer, one by one, for tools that want a list."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eventsim.topology import Conv2d, Dense
from hwmodel.errors import WorkloadError
from hwmodel.workload.workload import LayerGeometry


@dataclass(frozen=True)
class SynapseList:
    """Synapses of one layer.

    Parameters
    ----------
    pre, post : ndarray, shape (n_synapses,), int64
        Input and neuron of each, in flat order; ascending by `pre`.
    weight : ndarray, shape (n_synapses,), dimensionless
        Weights; 1 where they are unknown.
    """

    pre: np.ndarray
    post: np.ndarray
    weight: np.ndarray


def synapse_list(layer: LayerGeometry) -> SynapseList:
    """List the non-zero synapses of a layer.

    Parameters
    ----------
    layer : LayerGeometry
        Without an average pool before it.

    Returns
    -------
    SynapseList
        One entry a synapse; a pair that a sparse layer lists twice is there twice.

    Raises
    ------
    WorkloadError
        If an average pool is folded into the synapses.
    """
    if layer.folded:
        raise WorkloadError(
            f"{layer.name}: the average pool before it has no synapses of its own; "
            "expected layers with neurons, earliest-spike pools and flatten only; "
            "export a network without average pools"
        )
    topology = layer.topology
    if isinstance(topology, Dense):
        n_in, n_out = topology.weight_shape
        pre, post = np.divmod(np.arange(n_in * n_out), n_out)
        place = np.arange(n_in * n_out)
    elif isinstance(topology, Conv2d):
        pre, post, place = _conv_pairs(topology)
    else:
        pre = topology.pre.astype(np.int64)
        post = topology.post.astype(np.int64)
        place = np.arange(pre.size)
    if layer.nonzero is not None:
        there = layer.nonzero.reshape(-1)[place]
        pre, post, place = pre[there], post[there], place[there]
    order = np.argsort(pre, kind="stable")
    if layer.weight is None:
        weight = np.ones(pre.size)
    else:
        weight = layer.weight.reshape(-1)[place[order]]
    return SynapseList(pre[order], post[order], weight)


def _conv_pairs(topology: Conv2d) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Input, neuron and flat place in the kernel of each tap inside the map."""
    height, width, channels_in = topology.input_shape
    out_height, out_width, channels_out = topology.output_shape
    pre, post, place = [], [], []
    for ky in range(topology.kernel[0]):
        for kx in range(topology.kernel[1]):
            y, x, channel, out = np.meshgrid(
                np.arange(out_height),
                np.arange(out_width),
                np.arange(channels_in),
                np.arange(channels_out),
                indexing="ij",
            )
            row = y * topology.stride - topology.padding + ky
            column = x * topology.stride - topology.padding + kx
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            pre.append(((row * width + column) * channels_in + channel)[inside])
            post.append(((y * out_width + x) * channels_out + out)[inside])
            tap = (ky * topology.kernel[1] + kx) * channels_in + channel
            place.append((tap * channels_out + out)[inside])
    return np.concatenate(pre), np.concatenate(post), np.concatenate(place)

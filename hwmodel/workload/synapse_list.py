"""List the synapses of a layer one by one, for what looks at each of them."""

from __future__ import annotations

from math import prod

import numpy as np

from eventsim.topology import AveragePool, Conv2d, Dense, Synapses
from hwmodel.ragged import rows_of
from hwmodel.workload.workload import LayerGeometry

Triple = tuple[np.ndarray, np.ndarray, np.ndarray]


def synapse_list(layer: LayerGeometry) -> Triple:
    """List the non-zero synapses of a layer, seen from its inputs.

    Parameters
    ----------
    layer : LayerGeometry
        Average pools before it are folded into its synapses.

    Returns
    -------
    pre, post : ndarray, shape (n_synapses,), int64
        Input and neuron; in ascending order of the input. Through an average pool an
        input has a synapse once for each window it lies in.
    slot : ndarray, shape (n_synapses,), int64
        Place of the synapse in the flat weights.
    """
    pre, post, slot = _own_synapses(layer.topology)
    if layer.nonzero is not None:
        kept = layer.nonzero.ravel()[slot]
        pre, post, slot = pre[kept], post[kept], slot[kept]
    order = np.argsort(pre, kind="stable")
    pre, post, slot = pre[order], post[order], slot[order]
    for topology in reversed(layer.folded):
        if isinstance(topology, AveragePool):
            inside, window = _windows(topology)
            first = np.searchsorted(pre, np.arange(prod(topology.output_shape) + 1))
            place, ends = rows_of(first, window)
            pre = np.repeat(inside, np.diff(ends))
            post, slot = post[place], slot[place]
    return pre, post, slot


def _own_synapses(topology: Synapses) -> Triple:
    if isinstance(topology, Dense):
        n_in, n_out = topology.weight_shape
        slot = np.arange(n_in * n_out)
        return slot // n_out, slot % n_out, slot
    if isinstance(topology, Conv2d):
        return _conv_synapses(topology)
    pre, post = topology.pre.astype(np.int64), topology.post.astype(np.int64)
    return pre, post, np.arange(pre.size)


def _conv_synapses(topology: Conv2d) -> Triple:
    height, width, n_in = topology.input_shape
    out_height, out_width, n_out = topology.output_shape
    grid = np.mgrid[: topology.kernel[0], : topology.kernel[1], :out_height, :out_width]
    tap_y, tap_x, out_y, out_x = (axis.ravel() for axis in grid)
    y = out_y * topology.stride + tap_y - topology.padding
    x = out_x * topology.stride + tap_x - topology.padding
    is_inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    at = (y * width + x)[is_inside, None, None]
    to = (out_y * out_width + out_x)[is_inside, None, None]
    tap = (tap_y * topology.kernel[1] + tap_x)[is_inside, None, None]
    c_in, c_out = np.arange(n_in)[:, None], np.arange(n_out)
    shape = (int(is_inside.sum()), n_in, n_out)
    pre = np.broadcast_to(at * n_in + c_in, shape).ravel()
    post = np.broadcast_to(to * n_out + c_out, shape).ravel()
    return pre, post, ((tap * n_in + c_in) * n_out + c_out).ravel()


def _windows(topology: AveragePool) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of an input and a window it lies in, in order of the input."""
    at = np.arange(prod(topology.input_shape)).reshape(topology.input_shape)
    window = np.arange(prod(topology.output_shape))
    reach = [(n - 1) * topology.stride + 1 for n in topology.output_shape[:2]]
    inside = np.concatenate(
        [
            at[
                dy : dy + reach[0] : topology.stride,
                dx : dx + reach[1] : topology.stride,
            ].ravel()
            for dy in range(topology.size)
            for dx in range(topology.size)
        ]
    )
    order = np.argsort(inside, kind="stable")
    return inside[order], np.tile(window, topology.size**2)[order]

"""Brute-force counts by explicit matrices and step-by-step routes.

Imports nothing of eventsim or hwmodel.
"""

from __future__ import annotations

from itertools import product

import networkx as nx
import numpy as np


def dense_matrix(weight):
    return np.array([[w != 0 for w in row] for row in weight])


def conv_matrix(weight, input_shape, stride, padding):
    """Explicit (n_in, n_out) matrix of non-zero synapses, (y, x, channel) order."""
    height, width, _ = input_shape
    kernel_h, kernel_w, n_in, n_out = weight.shape
    out_h = (height + 2 * padding - kernel_h) // stride + 1
    out_w = (width + 2 * padding - kernel_w) // stride + 1
    matrix = np.zeros((height * width * n_in, out_h * out_w * n_out), dtype=bool)
    for oy in range(out_h):
        for ox in range(out_w):
            for ky in range(kernel_h):
                for kx in range(kernel_w):
                    y, x = oy * stride + ky - padding, ox * stride + kx - padding
                    if not (0 <= y < height and 0 <= x < width):
                        continue
                    for ci in range(n_in):
                        for co in range(n_out):
                            if weight[ky, kx, ci, co] != 0:
                                pre = (y * width + x) * n_in + ci
                                post = (oy * out_w + ox) * n_out + co
                                matrix[pre, post] = True
    return matrix


def list_matrix(n_in, n_out, pre, post, weight):
    """Explicit (n_in, n_out) counts of listed non-zero synapses."""
    matrix = np.zeros((n_in, n_out), dtype=int)
    for i, j, w in zip(pre, post, weight, strict=True):
        matrix[i, j] += w != 0
    return matrix


def window_matrix(input_shape, size, stride):
    """Explicit (n_in, n_windows) matrix of which neuron lies in which window."""
    height, width, channels = input_shape
    out_h, out_w = (height - size) // stride + 1, (width - size) // stride + 1
    matrix = np.zeros((height * width * channels, out_h * out_w * channels), int)
    for oy in range(out_h):
        for ox in range(out_w):
            for dy in range(size):
                for dx in range(size):
                    for c in range(channels):
                        y, x = oy * stride + dy, ox * stride + dx
                        pre = (y * width + x) * channels + c
                        matrix[pre, (oy * out_w + ox) * channels + c] = 1
    return matrix


def first_of_window(input_shape, size, stride):
    """Flat index of the first neuron of each pooling window."""
    height, width, channels = input_shape
    return [
        (y * stride * width + x * stride) * channels + c
        for y in range((height - size) // stride + 1)
        for x in range((width - size) // stride + 1)
        for c in range(channels)
    ]


def walk(source, target):
    """Links of the XY route as pairs of (x, y), one step at a time."""
    x, y = source
    links = []
    while (x, y) != tuple(target):
        if x != target[0]:
            step = (x + (1 if target[0] > x else -1), y)
        else:
            step = (x, y + (1 if target[1] > y else -1))
        links.append(((x, y), step))
        x, y = step
    return links


STEPS = {
    "mesh": [(1, 0), (-1, 0), (0, 1), (0, -1)],
    "triangular torus": [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)],
}


def network_of(width, height, topology):
    """Routers and their links as a graph."""
    graph = nx.DiGraph()
    places = [(x, y) for x in range(width) for y in range(height)]
    graph.add_nodes_from(places)
    for x, y in places:
        for dx, dy in STEPS[topology]:
            end = (x + dx, y + dy)
            if topology != "mesh":
                end = (end[0] % width, end[1] % height)
            if end in graph and end != (x, y):
                graph.add_edge((x, y), end)
    return graph


def torus_walk(source, target, width, height):
    """Links of the longest-dimension-first route, one step at a time.

    All combinations of steps along x, y and the diagonal that do not go all the way
    round are tried; of the shortest ones, up goes before down, in y first.
    """
    wanted = (target[0] - source[0]) % width, (target[1] - source[1]) % height
    ways = []
    for parts in product(
        range(-width, width + 1),
        range(-height, height + 1),
        range(-max(width, height), max(width, height) + 1),
    ):
        x, y = parts[0] + parts[2], parts[1] + parts[2]
        if abs(x) < width and abs(y) < height and (x % width, y % height) == wanted:
            ways.append((sum(map(abs, parts)), y < 0, x < 0, parts))
    parts = list(min(ways)[3])
    at, links = tuple(source), []
    for axis in sorted(range(3), key=lambda axis: -abs(parts[axis])):
        while parts[axis]:
            sign = 1 if parts[axis] > 0 else -1
            dx, dy = [(1, 0), (0, 1), (1, 1)][axis]
            end = ((at[0] + sign * dx) % width, (at[1] + sign * dy) % height)
            links.append((at, end))
            parts[axis] -= sign
            at = end
    return links


def transport(matrix, spikes, source_of, core_of, position, walk=walk):
    """Packets and hops of one layer's input: (unicast, multicast) pairs and loads.

    `source_of` gives the (x, y) of each presynaptic neuron, `core_of` the core of
    each postsynaptic one, `position` the (x, y) of each core, `walk` the links of a
    route.
    """
    packets, hops = [0, 0], [0, 0]
    loads = [{}, {}]
    for pre, n in enumerate(spikes):
        cores = sorted({core_of[post] for post in np.flatnonzero(matrix[pre])})
        if not cores or not n:
            continue
        tree = nx.DiGraph()
        tree.add_node(source_of[pre])
        for core in cores:
            route = walk(source_of[pre], position[core])
            tree.add_edges_from(route)
            packets[0] += n
            hops[0] += n * len(route)
            for link in route:
                loads[0][link] = loads[0].get(link, 0) + n
        assert nx.is_arborescence(tree)
        packets[1] += n
        hops[1] += n * tree.number_of_edges()
        for link in tree.edges:
            loads[1][link] = loads[1].get(link, 0) + n
    return packets, hops, loads


def merge(loads, more):
    return {k: loads.get(k, 0) + more.get(k, 0) for k in loads.keys() | more.keys()}

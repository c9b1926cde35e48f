"""Slow truth: spikes found by looking at the membrane potential itself.

Written from the equations alone, with sums, loops and a root finder; imports
nothing that it is meant to check. Times are network times, `inf` = never.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq


@dataclass(frozen=True)
class Dense:
    weight: np.ndarray  # (n_in, n_out)
    theta: np.ndarray  # (n_out,)


@dataclass(frozen=True)
class Conv:
    weight: np.ndarray  # (kernel_h, kernel_w, channels_in, channels_out)
    theta: np.ndarray  # (channels_out,)
    stride: int
    padding: int


@dataclass(frozen=True)
class Pool:
    size: int
    stride: int


@dataclass(frozen=True)
class Flatten:
    pass


def membrane(t, times, weights):
    """u(t) = sum of w max(0, t - t_i), rounded once."""
    return math.fsum(
        w * (t - t_i) for t_i, w in zip(times, weights, strict=True) if t_i < t
    )


def first_crossing(times, weights, threshold, t_from, t_to, *, end_counts):
    """First t in [t_from, t_to] with u(t) >= threshold(t), inf if there is none.

    Both curves are straight between the arrivals, so a crossing shows at the end
    of its piece.
    """

    def gap(t):
        return membrane(t, times, weights) - threshold(t)

    if gap(t_from) >= 0:
        return t_from
    corners = sorted({t_from, t_to, *(t for t in times if t_from < t < t_to)})
    for left, right in pairwise(corners):
        if gap(right) >= 0:
            root = brentq(gap, left, right, xtol=1e-16, rtol=8.9e-16)
            return math.inf if root >= t_to and not end_counts else root
    return math.inf


def scanned_crossing(times, weights, threshold, t_from, t_to, n_points=20_001):
    """Grid points around the first crossing, (inf, inf) if the grid shows none."""
    grid = np.linspace(t_from, t_to, n_points)
    ramps = np.maximum(0, grid[:, None] - np.asarray(times)[None, :])
    reached = ramps @ np.asarray(weights) >= threshold(grid)
    if not reached.any():
        return math.inf, math.inf
    first = int(reached.argmax())
    return grid[max(first - 1, 0)], grid[first]


@dataclass(frozen=True)
class DynamicRule:
    """Layer l fires in [l T, (l + 1) T] under T (l + 1) - t; never at its very end."""

    time_window: float

    def fire(self, times, weights, theta, number, n_layers):
        start, end = number * self.time_window, (number + 1) * self.time_window
        return first_crossing(
            times, weights, lambda t: end - t, start, end, end_counts=False
        )


@dataclass(frozen=True)
class StaticRule:
    """A layer fires at theta, any time up to (n_layers + 1) T."""

    time_window: float

    def fire(self, times, weights, theta, number, n_layers):
        end = (n_layers + 1) * self.time_window
        return first_crossing(
            times, weights, lambda t: theta, 0.0, end, end_counts=True
        )


def run(layers, rule, input_times):
    """Spike times of every layer of one sample, input first."""
    n_layers = sum(isinstance(layer, Dense | Conv) for layer in layers)
    found = [np.asarray(input_times, float)]
    number = 0
    for layer in layers:
        before = found[-1]
        if isinstance(layer, Dense):
            number += 1
            after = _dense(layer, rule, before.ravel(), number, n_layers)
        elif isinstance(layer, Conv):
            number += 1
            after = _conv(layer, rule, before, number, n_layers)
        elif isinstance(layer, Pool):
            after = _pool(layer, before)
        else:
            after = before.ravel()
        found.append(after)
    return found


def _neuron(rule, times, weights, theta, number, n_layers):
    heard = [(t, w) for t, w in zip(times, weights, strict=True) if t < math.inf]
    return rule.fire(
        [t for t, _ in heard], [w for _, w in heard], theta, number, n_layers
    )


def _dense(layer, rule, times, number, n_layers):
    return np.array(
        [
            _neuron(rule, times, layer.weight[:, j], layer.theta[j], number, n_layers)
            for j in range(layer.weight.shape[1])
        ]
    )


def _conv(layer, rule, before, number, n_layers):
    kernel_h, kernel_w, channels_in, channels_out = layer.weight.shape
    height, width, _ = before.shape
    out_h = (height + 2 * layer.padding - kernel_h) // layer.stride + 1
    out_w = (width + 2 * layer.padding - kernel_w) // layer.stride + 1
    after = np.empty((out_h, out_w, channels_out))
    for y in range(out_h):
        for x in range(out_w):
            for c in range(channels_out):
                times, weights = [], []
                for ky in range(kernel_h):
                    for kx in range(kernel_w):
                        iy = y * layer.stride + ky - layer.padding
                        ix = x * layer.stride + kx - layer.padding
                        if not (0 <= iy < height and 0 <= ix < width):
                            continue
                        for ci in range(channels_in):
                            times.append(before[iy, ix, ci])
                            weights.append(layer.weight[ky, kx, ci, c])
                after[y, x, c] = _neuron(
                    rule, times, weights, layer.theta[c], number, n_layers
                )
    return after


def _pool(layer, before):
    height, width, channels = before.shape
    out_h = (height - layer.size) // layer.stride + 1
    out_w = (width - layer.size) // layer.stride + 1
    after = np.empty((out_h, out_w, channels))
    for y in range(out_h):
        for x in range(out_w):
            for c in range(channels):
                after[y, x, c] = min(
                    before[y * layer.stride + dy, x * layer.stride + dx, c]
                    for dy in range(layer.size)
                    for dx in range(layer.size)
                )
    return after

"""What a backward run of any engine returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Gradients:
    """Exact derivatives of the loss.

    Parameters
    ----------
    weights : list of ndarray
        dL/dw of each layer with weights, in order, shaped like the weights.
    input_times : ndarray, shape (batch, *input shape), or None
        dL/dt of the input spikes, 0 for silent inputs; only if asked for.
    input_currents : ndarray, shape (batch, *input shape), or None
        The same by the input currents, for networks whose input they are.
    """

    weights: list[np.ndarray]
    input_times: np.ndarray | None
    input_currents: np.ndarray | None = None

"""What a forward run of the multi-spike sweep leaves for the backward run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eventsim.dropout import Masks
from eventsim.engine.passages import Wave
from eventsim.engine.spike_recording import SpikeRecording
from eventsim.engine.sweep.gathered_recording import GatheredRecording
from eventsim.engine.sweep.layer_runner import DrivenRunner, Runner
from eventsim.spikes import SpikeTrains


@dataclass(frozen=True)
class Step:
    """What one layer did with what it got.

    Parameters
    ----------
    given : Wave
        Spikes before the layer.
    arrived : SpikeTrains
        What its neurons or windows saw.
    arrived_from : ndarray, shape (n_arrived,), int64
        Which of the given spikes they are.
    sent_from : ndarray, shape (n_sent,), int64, or None
        Pools and flattened maps: which arrived spike each one sent comes from.
    factor : float
        What each of these carries over what it carried before.
    runner : Runner, DrivenRunner or None
        Layers with neurons: what ran them,
    recording : recording of the layer, or None
        and what it left.
    """

    given: Wave
    arrived: SpikeTrains
    arrived_from: np.ndarray
    sent_from: np.ndarray | None = None
    factor: float = 1.0
    runner: Runner | DrivenRunner | None = None
    recording: Any = None


@dataclass(frozen=True)
class SpikeSweepRecording(SpikeRecording):
    """Spikes of every layer and what their derivatives need.

    Parameters
    ----------
    steps : tuple of Step
        One for each layer.
    with_constants : bool
        Whether derivatives by time constants, refractory periods and values exist.
    dropout : sequence of ndarray or None
        What dropout layers kept, one entry for each layer.
    """

    steps: tuple[Step, ...]
    with_constants: bool
    dropout: Masks

    def kinds(self, k: int) -> np.ndarray:
        """Return what made the neurons of layer `k` fire, for each of its spikes."""
        recording = self.steps[k - 1].recording
        if isinstance(recording, GatheredRecording):
            return recording.kind
        # Rows have no neurons that an input or the end of a period makes fire.
        return super().kinds(k)

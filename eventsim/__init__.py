"""Event-driven spiking networks with exact spike times and exact gradients.

Names are loaded on first use, so that ``import eventsim`` stays fast and does
not load Numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "load_config": "eventsim.config",
    "read_model": "eventsim.model_file",
    "write_model": "eventsim.model_file",
    "Network": "eventsim.network",
    "Layer": "eventsim.network",
    "SpikeTrains": "eventsim.spikes",
    "load_npz": "eventsim.spike_file",
    "save_npz": "eventsim.spike_file",
    "simulate": "eventsim.engine",
    "train": "eventsim.training",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'eventsim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

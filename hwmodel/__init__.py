"""What an inference costs on a neuromorphic chip: joules, hops and seconds.

Names are loaded on first use, so that ``import hwmodel`` stays fast. Numba is never
loaded.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from eventsim import __version__

_HOMES = {
    "Chip": "hwmodel.chip",
    "load_chip": "hwmodel.chip",
    "preset_names": "hwmodel.chip",
    "Workload": "hwmodel.workload",
    "from_model": "hwmodel.workload",
    "Estimate": "hwmodel.estimate",
    "estimate_model": "hwmodel.estimate",
    "map_model": "hwmodel.estimate",
    "to_dict": "hwmodel.report",
    "to_text": "hwmodel.report",
    "HwmodelError": "hwmodel.errors",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'hwmodel' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

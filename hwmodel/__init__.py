"""What an inference costs on a neuromorphic chip: joules, hops and seconds.

Names are loaded on first use, so that ``import hwmodel`` stays fast. Numba is loaded by
searches for a placement and simulations of contention only.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from eventsim import __version__

_HOMES = {
    "Chip": "hwmodel.chip.chip",
    "load_chip": "hwmodel.chip.chip",
    "preset_names": "hwmodel.chip.files",
    "Workload": "hwmodel.workload.workload",
    "from_model": "hwmodel.workload.workload",
    "from_trace": "hwmodel.workload.workload",
    "read_trace": "hwmodel.workload.trace",
    "read_declared": "hwmodel.workload.declared",
    "Estimate": "hwmodel.estimate",
    "estimate_model": "hwmodel.estimate",
    "estimate_workload": "hwmodel.estimate",
    "map_model": "hwmodel.on_chip",
    "to_dict": "hwmodel.report.text",
    "to_text": "hwmodel.report.text",
    "HwmodelError": "hwmodel.errors",
}

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'hwmodel' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

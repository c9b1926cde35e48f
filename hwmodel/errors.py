"""Exceptions a caller of hwmodel may catch.

Every message is one line: where, what is wrong, what was expected, how to fix it.
The command line prints the message alone and exits with code 1.
"""

from __future__ import annotations


class HwmodelError(Exception):
    """Base of every error that hwmodel raises on purpose."""


class ChipError(HwmodelError, ValueError):
    """A chip is unknown, its file is wrong, or a constant it needs is unknown."""


class WorkloadError(HwmodelError, ValueError):
    """A model does not hold what a cost estimate needs."""


class PlacementError(HwmodelError, ValueError):
    """A network does not fit on the mesh or breaks a limit of the chip."""


class TrafficError(HwmodelError, ValueError):
    """Packets or router timing are wrong, or the mesh stalled."""

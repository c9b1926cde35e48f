"""Physical constants: what there are, and the record of one with its origin.

An energy law is the sum over actions of a count times a price, plus a static part.
Which actions a chip's law has a price for is said by its file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["marginal", "average", "static"]
Evidence = Literal["measured", "simulated", "derived", "user"]
Action = Literal[
    "sop",
    "neuron_update",
    "spike",
    "axon_in",
    "axon_out",
    "router",
    "hop",
    "hop_y",
    "chip_crossing",
]

ACTIONS: dict[Action, str] = {
    "sop": "synaptic operations",
    "neuron_update": "neuron updates",
    "spike": "spikes fired",
    "axon_in": "packets taken in by cores",
    "axon_out": "packets sent by cores",
    "router": "routers passed",
    "hop": "hops",
    "hop_y": "hops that change the row",
    "chip_crossing": "hops between chips",
}
"""What is counted, by the name of its price. ``hop`` prices all hops unless ``hop_y``
prices those that change the row."""

DURATIONS: dict[str, str] = {
    "step": "a time step",
    "hop": "a hop",
    "hop_y": "a hop that changes the row",
    "link": "a packet on a link",
    "sop": "a synaptic operation",
    "neuron_update": "a neuron update",
    "axon_in": "a packet taken in by a core",
    "barrier": "the barrier at the end of a step",
}
"""What takes time, by the name of its duration."""

CONSTANTS: dict[str, tuple[str, ...]] = {
    **{f"energy.{name}": ("J",) for name in ACTIONS},
    "energy.static": ("W", "J/frame"),
    **{f"timing.{name}": ("s",) for name in DURATIONS},
}
"""Units each constant may have."""


@dataclass(frozen=True)
class Constant:
    """One physical constant with its origin.

    Parameters
    ----------
    value : float or None, SI unit `unit`
        ``None`` if it is not known; 0 if it is included in another constant.
    unit : str
        ``"J"``, ``"W"``, ``"s"`` or ``"J/frame"``.
    kind : {"marginal", "average", "static"} or None
        Cost of one more action, total over number of actions at one operating
        point, or cost that does not depend on the actions. ``None`` if included or
        left out.
    source : str
        Where the number was published.
    note : str
        Validity, doubts.
    included_in : str or None
        Name of the constant that already contains this one.
    low, high : float or None, SI unit `unit`
        Least and greatest value that is plausible; ``None`` if nothing is known
        about that.
    evidence : {"measured", "simulated", "derived", "user"} or None
        Read off silicon, off a simulation, worked out from other numbers, or set by
        the user. ``None`` if unknown or included.
    voltage : float or None, V
        Supply it holds at.
    """

    value: float | None
    unit: str
    kind: Kind | None
    source: str
    note: str = ""
    included_in: str | None = None
    low: float | None = None
    high: float | None = None
    evidence: Evidence | None = None
    voltage: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """(low, high), the value itself where no bounds are known; None if unknown."""
        if self.value is None:
            return None
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        return low, high

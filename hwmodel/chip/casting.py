"""How a spike travels to several cores, and who decided it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Casting = Literal["multicast", "unicast"]
"""One packet that is copied where routes part, or a packet for each core."""

DEFAULT: Casting = "multicast"
"""For chips of which it is not known."""


@dataclass(frozen=True)
class ChipCasting:
    """How a chip sends its spikes.

    Parameters
    ----------
    value : {"multicast", "unicast"}
        One packet a spike, or one for each core that it goes to.
    source, note : str
        Origin.
    """

    value: Casting
    source: str
    note: str = ""


@dataclass(frozen=True)
class ChosenCasting:
    """How spikes travel in an estimate, and why.

    Parameters
    ----------
    value : {"multicast", "unicast"}
        Whose packets and hops are paid.
    origin : str
        In words: asked for, of the chip, or the default.
    """

    value: Casting
    origin: str


def choose(
    asked: Casting | None, chip: str, of_chip: ChipCasting | None
) -> ChosenCasting:
    """Decide how spikes travel.

    Parameters
    ----------
    asked : {"multicast", "unicast"} or None
        What the user wants, if anything.
    chip : str
        Name of the chip.
    of_chip : ChipCasting or None
        What its file says; ``None``: nothing.

    Returns
    -------
    ChosenCasting
        What was asked for, else that of the chip, else multicast.
    """
    if asked is not None:
        return ChosenCasting(asked, "as asked for")
    if of_chip is not None:
        return ChosenCasting(
            of_chip.value, f"as chip {chip} sends spikes ({of_chip.source})"
        )
    return ChosenCasting(DEFAULT, f"by default (chip {chip} does not say)")

"""The section ``training.quantise`` of a configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from eventsim.config.section import Section


class QuantiseConfig(Section):
    """Weights of a few bits: whole numbers times a step.

    Gradients pass the rounding as if it were not there (straight-through), so they are
    not exact.
    """

    bits: int = Field(
        default=4, ge=2, le=16, description="Bits of a weight: 2^bits - 1 levels."
    )
    per: Literal["layer", "channel"] = Field(
        default="layer",
        description="What has a step of its own: each layer, or each unit or channel.",
    )

"""Losses, one family per file, and the class decision that goes with each."""

from eventsim.losses.potential_cross_entropy import potential_cross_entropy
from eventsim.losses.silence_penalty import silence_penalty
from eventsim.losses.softmax import LossValue
from eventsim.losses.time_cross_entropy import time_cross_entropy

__all__ = [
    "LossValue",
    "potential_cross_entropy",
    "silence_penalty",
    "time_cross_entropy",
]

"""Losses, one family per file, and the class decision that goes with each."""

from eventsim.losses.counting import CountTargets, counting, enhanced_counting
from eventsim.losses.potential_cross_entropy import potential_cross_entropy
from eventsim.losses.silence_penalty import silence_penalty
from eventsim.losses.softmax import LossValue
from eventsim.losses.spike_rate import spike_rate
from eventsim.losses.spike_timing import spike_timing
from eventsim.losses.spikemax import spikemax, spikemax_g, spikemax_s
from eventsim.losses.target_times import regular_times
from eventsim.losses.temporal_efficient import temporal_efficient
from eventsim.losses.time_cross_entropy import time_cross_entropy
from eventsim.losses.van_rossum import van_rossum

__all__ = [
    "CountTargets",
    "LossValue",
    "counting",
    "enhanced_counting",
    "potential_cross_entropy",
    "regular_times",
    "silence_penalty",
    "spike_rate",
    "spike_timing",
    "spikemax",
    "spikemax_g",
    "spikemax_s",
    "temporal_efficient",
    "time_cross_entropy",
    "van_rossum",
]

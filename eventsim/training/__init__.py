"""Training: batches in, weights and thresholds updated, numbers out. No files."""

from eventsim.training.loop import kept_network, train
from eventsim.training.records import BatchProgress, EpochResult, TrainingState
from eventsim.training.start import (
    fine_tuning_state,
    fresh_state,
    require_trainable,
    start_training,
)

__all__ = [
    "BatchProgress",
    "EpochResult",
    "TrainingState",
    "fine_tuning_state",
    "fresh_state",
    "kept_network",
    "require_trainable",
    "start_training",
    "train",
]

"""Learning rate as a function of the epoch."""

from __future__ import annotations

import math

from eventsim.config.schema import ScheduleConfig


def learning_rate(
    config: ScheduleConfig,
    lr: float,
    epoch: float,
    n_epochs: int,
    *,
    update: float = 0.0,
) -> float:
    """Return the learning rate at a point of the run.

    Parameters
    ----------
    config : ScheduleConfig
        Shape of the schedule.
    lr : float, dimensionless
        Base learning rate.
    epoch : float, dimensionless
        Epochs done so far, with fraction: the schedule moves with every update.
        Milestones act at the first update of the next epoch.
    n_epochs : int
        Length of the run.
    update : float, dimensionless
        Length of one update in epochs; warm-up starts with one step of its rise
        instead of a useless update with rate 0.

    Returns
    -------
    float, dimensionless
        Learning rate of the next update.
    """
    factor = 1.0
    if config.name == "milestones":
        factor = config.gamma ** sum(epoch >= m for m in config.milestones)
    elif config.name == "cosine":
        progress = min(1.0, epoch / n_epochs)
        fall = 0.5 * (1 + math.cos(math.pi * progress))
        factor = config.final_fraction + (1 - config.final_fraction) * fall
    if epoch < config.warmup_epochs:
        factor *= min(1.0, (epoch + update) / config.warmup_epochs)
    return lr * factor

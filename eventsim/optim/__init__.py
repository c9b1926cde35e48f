"""Optimisers and learning-rate schedules."""

from eventsim.optim.optimizers import Adam, Optimizer, Sgd, make_optimizer
from eventsim.optim.schedules import learning_rate

__all__ = ["Adam", "Optimizer", "Sgd", "learning_rate", "make_optimizer"]
